{{/* What the names of all objects of this release begin with; the longest of them still has to be a label. */}}
{{- define "kaigong.name" -}}
{{- if contains "kaigong" .Release.Name }}{{ .Release.Name | trunc 32 | trimSuffix "-" }}
{{- else }}{{ printf "%s-kaigong" (.Release.Name | trunc 24 | trimSuffix "-") }}{{ end -}}
{{- end }}

{{/* A service's name on the wire: project-registry. */}}
{{- define "kaigong.wire" -}}{{ . | replace "_" "-" }}{{- end }}

{{/* Labels that never change, of one component or (component "") of the whole platform. */}}
{{- define "kaigong.selector" -}}
app.kubernetes.io/name: kaigong
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- with .kind }}
kaigong/kind: {{ . }}
{{- end }}
{{- end }}

{{- define "kaigong.labels" -}}
{{ include "kaigong.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
kaigong/tier: {{ .root.Values.tier }}
kaigong/region: {{ .root.Values.region | quote }}
{{- end }}

{{- define "kaigong.image" -}}
{{- if .image.digest }}{{ .image.repository }}@{{ .image.digest }}
{{- else }}{{ .image.repository }}:{{ .image.tag | default .root.Chart.AppVersion }}{{ end -}}
{{- end }}

{{/*
The api and worker processes of this instance by name: {kind, services, size}. All other templates range over it, so a
process cannot be forgotten in one of them.
*/}}
{{- define "kaigong.processes" -}}
{{- $all := .Files.Get "files/services.yaml" | fromYaml }}
{{- $out := dict }}
{{- range $kind := list "api" "worker" }}
{{- $default := get $.Values.defaults $kind }}
{{- if $.Values.packed }}
{{- $_ := set $out (printf "packed-%s" $kind) (dict "kind" $kind "services" (keys $all | sortAlpha) "size" $default) }}
{{- else }}
{{- range $service, $facts := $all }}
{{- $own := get (get $.Values.services $service) $kind | default dict }}
{{- $size := mergeOverwrite (deepCopy $default) $own }}
{{- $name := printf "%s-%s" (include "kaigong.wire" $service) $kind }}
{{- $_ := set $out $name (dict "kind" $kind "services" (list $service) "size" $size) }}
{{- end }}
{{- end }}
{{- end }}
{{- toYaml $out }}
{{- end }}

{{/* The component that serves one service's api. */}}
{{- define "kaigong.apiOf" -}}
{{- if .root.Values.packed }}packed-api{{ else }}{{ include "kaigong.wire" .service }}-api{{ end -}}
{{- end }}

{{/* Whether a service's process needs the object store: {root, facts, kind}. Evidence reads archives of audit lines, workers write them. */}}
{{- define "kaigong.filed" -}}
{{- if or (gt (int .root.Values.keepAuditDays) 0) (and .facts.objects (eq .kind "api")) }}true{{ end }}
{{- end }}

{{- define "kaigong.jwksUrl" -}}
{{ ternary "https" "http" .Values.tls.enabled }}://{{ include "kaigong.name" . }}-identity:9100/.well-known/jwks.json
{{- end }}

{{/* What every pod's spec begins with: no token, no root, no privilege, spread over zones and nodes. */}}
{{- define "kaigong.pod" -}}
serviceAccountName: {{ .account }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: {{ .root.Values.runAsUser }}
  runAsGroup: {{ .root.Values.runAsUser }}
  fsGroup: {{ .root.Values.runAsUser }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- with .root.Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .root.Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "kaigong.spread" -}}
topologySpreadConstraints:
{{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - topologyKey: {{ $key }}
    maxSkew: 1
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "kaigong.selector" $ | nindent 8 }}
    # Each version spreads by itself; else the old pods push the new ones together.
    matchLabelKeys: [pod-template-hash]
{{- end }}
{{- end }}

{{- define "kaigong.locked" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  runAsNonRoot: true
  capabilities: {drop: [ALL]}
{{- end }}

{{/* The only places that may be written: gone with the pod. */}}
{{- define "kaigong.tmp" -}}
- name: tmp
  emptyDir: {sizeLimit: 256Mi}
{{- end }}

{{/* /healthz of the metrics port: 200 from when the process is ready until it is asked to stop. A kubelet has no
certificate to show: where one is asked for, it runs the image's own probe, which asks on loopback. */}}
{{- define "kaigong.healthy" -}}
{{- if .Values.tls.enabled -}}
exec: {command: [healthy, "9101"]}
{{- else -}}
httpGet: {path: /healthz, port: metrics}
{{- end }}
{{- end }}
{{- define "kaigong.probes" -}}
startupProbe:
  {{ include "kaigong.healthy" . }}
  periodSeconds: 2
  # An api waits for its database, a worker for its broker.
  failureThreshold: 90
readinessProbe:
  {{ include "kaigong.healthy" . }}
  periodSeconds: 5
  timeoutSeconds: 3
livenessProbe:
  {{ include "kaigong.healthy" . }}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
{{- end }}

{{/* What a part shows the others and what it takes of them, in /run/tls: {root, component}. */}}
{{- define "kaigong.tls.volume" -}}
{{- if .root.Values.tls.enabled -}}
- name: tls
  secret: {secretName: {{ include "kaigong.name" .root }}-{{ .component }}-tls}
{{- end }}
{{- end }}
{{- define "kaigong.tls.mount" -}}
{{- if .Values.tls.enabled -}}
- {name: tls, mountPath: /run/tls, readOnly: true}
{{- end }}
{{- end }}
{{- define "kaigong.tls.env" -}}
{{- if .Values.tls.enabled -}}
- {name: KAIGONG_TLS, value: /run/tls}
{{- end }}
{{- end }}
