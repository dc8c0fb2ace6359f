{{/*
The environment of our processes, as services/chassis/settings.py reads it. Secrets come by reference: first as variables
without our prefix, then named by $(…) where an address needs them inside.
*/}}

{{- define "kaigong.secretEnv" -}}
- name: {{ .name }}
  valueFrom: {secretKeyRef: {name: {{ .secret }}, key: {{ .key }}}}
{{- end }}

{{/* What every process is told. */}}
{{- define "kaigong.env.common" -}}
- {name: PYTHONUNBUFFERED, value: "1"}
# Threads would otherwise each keep an arena of their own.
- {name: MALLOC_ARENA_MAX, value: "2"}
- {name: KAIGONG_INSTANCE, value: {{ .Values.region | quote }}}
- {name: KAIGONG_TIER, value: {{ .Values.tier }}}
- {name: KAIGONG_LOG_LEVEL, value: {{ .Values.logLevel }}}
{{- end }}

{{/* The database of one service; in a packed process as DATABASE_URL_<SERVICE>. */}}
{{- define "kaigong.env.database" -}}
{{- $stores := .root.Values.stores }}
{{- $wire := include "kaigong.wire" .service }}
{{- if eq $stores.mode "external" }}
{{- include "kaigong.secretEnv" (dict "name" .name "secret" $stores.external.existingSecret "key" (printf "%s-database-url" $wire)) }}
{{- else }}
{{- $secret := printf "%s-%s-app" $stores.name $wire }}
{{- if .root.Values.tls.enabled }}
{{- $uri := printf "POSTGRES_URI_%s" (upper .service) }}
{{- include "kaigong.secretEnv" (dict "name" $uri "secret" $secret "key" "uri") }}
- name: {{ .name }}
  value: $({{ $uri }})?sslmode=verify-full&sslrootcert=/etc/kaigong/ca/ca.crt
{{- else }}
{{- include "kaigong.secretEnv" (dict "name" .name "secret" $secret "key" "uri") }}
{{- end }}
{{- end }}
{{- end }}

{{- define "kaigong.env.amqp" -}}
{{- $stores := .Values.stores }}
{{- if eq $stores.mode "external" }}
{{- include "kaigong.secretEnv" (dict "name" "KAIGONG_AMQP_URL" "secret" $stores.external.existingSecret "key" "amqp-url") }}
{{- else }}
{{- $secret := printf "%s-rabbitmq-default-user" $stores.name }}
{{- include "kaigong.secretEnv" (dict "name" "RABBITMQ_USERNAME" "secret" $secret "key" "username") }}
{{ include "kaigong.secretEnv" (dict "name" "RABBITMQ_PASSWORD" "secret" $secret "key" "password") }}
- name: KAIGONG_AMQP_URL
  value: {{ ternary "amqps" "amqp" .Values.tls.enabled }}://$(RABBITMQ_USERNAME):$(RABBITMQ_PASSWORD)@{{ $stores.name }}-rabbitmq:{{ ternary 5671 5672 .Values.tls.enabled }}/kaigong
{{- end }}
{{- if include "kaigong.ca.secret" . }}
# An amqps or https address has no place for an authority: one more beside those of the image.
- {name: SSL_CERT_FILE, value: /etc/kaigong/ca/ca.crt}
{{- end }}
{{- end }}

{{/* The management interface, for links only; comes after kaigong.env.amqp. */}}
{{- define "kaigong.env.amqpAdmin" -}}
{{- $stores := .Values.stores }}
{{- if eq $stores.mode "external" }}
{{- include "kaigong.secretEnv" (dict "name" "KAIGONG_AMQP_ADMIN_URL" "secret" $stores.external.existingSecret "key" "amqp-admin-url") }}
{{- else -}}
- name: KAIGONG_AMQP_ADMIN_URL
  value: {{ ternary "https" "http" .Values.tls.enabled }}://$(RABBITMQ_USERNAME):$(RABBITMQ_PASSWORD)@{{ $stores.name }}-rabbitmq:{{ ternary 15671 15672 .Values.tls.enabled }}
{{- end }}
{{- end }}

{{- define "kaigong.env.redis" -}}
{{- $stores := .Values.stores }}
{{- if eq $stores.mode "external" }}
{{- include "kaigong.secretEnv" (dict "name" "KAIGONG_REDIS_URL" "secret" $stores.external.existingSecret "key" "redis-url") }}
{{- else }}
{{- include "kaigong.secretEnv" (dict "name" "REDIS_PASSWORD" "secret" $stores.redis.existingSecret "key" "password") }}
- name: KAIGONG_REDIS_URL
{{- if .Values.tls.enabled }}
  value: rediss://:$(REDIS_PASSWORD)@{{ $stores.name }}-redis:6379/0?ssl_ca_certs=/etc/kaigong/ca/ca.crt
{{- else }}
  value: redis://:$(REDIS_PASSWORD)@{{ $stores.name }}-redis:6379/0
{{- end }}
{{- end }}
{{- end }}

{{/* Where one service keeps its files. */}}
{{- define "kaigong.objectStore" -}}
{{- if eq .root.Values.objects.mode "s3" }}{{ .root.Values.objects.s3.url }}/{{ .service }}
{{- else }}file:///var/lib/kaigong/objects/{{ .service }}{{ end -}}
{{- end }}

{{/* One api or worker process: {root, process}, process as kaigong.processes tells it. */}}
{{- define "kaigong.env.process" -}}
{{- $root := .root }}
{{- $name := include "kaigong.name" $root }}
{{- $all := $root.Files.Get "files/services.yaml" | fromYaml }}
{{- $api := eq .process.kind "api" }}
{{- $packed := $root.Values.packed }}
{{- $facts := dict }}
{{- range .process.services }}{{ $facts = merge $facts (get $all .) }}{{ end }}
{{- include "kaigong.env.common" $root }}
- {name: KAIGONG_METRICS_LISTEN, value: "0.0.0.0:9100"}
- {name: KAIGONG_MOVABLE_CLOCK, value: {{ ternary "1" "0" $root.Values.movableClock | quote }}}
{{- if gt (int $root.Values.keepAuditDays) 0 }}
- {name: KAIGONG_KEEP_AUDIT_DAYS, value: {{ $root.Values.keepAuditDays | int | quote }}}
{{- end }}
- {name: KAIGONG_PARENT, value: {{ $root.Values.parent.region | quote }}}
- {name: KAIGONG_UPLINK_BYTES, value: {{ $root.Values.parent.uplinkBytes | int64 | quote }}}
- {name: KAIGONG_PUBLIC_URL, value: {{ $root.Values.publicUrl | quote }}}
- {name: KAIGONG_JWKS_URL, value: {{ include "kaigong.jwksUrl" $root | quote }}}
{{- $peers := list }}
{{- range $service, $its := $all }}
{{- $peers = append $peers (printf "%s=%s-%s:%d" $service $name (include "kaigong.wire" $service) (int $its.port)) }}
{{- end }}
- {name: KAIGONG_PEERS, value: {{ join "," $peers | quote }}}
{{- with include "kaigong.tls.env" $root }}
{{ . }}
{{- end }}
{{ include "kaigong.env.redis" $root }}
{{- if not $api }}
{{ include "kaigong.env.amqp" $root }}
{{- end }}
{{- if $facts.keys }}
{{ include "kaigong.secretEnv" (dict "name" "KAIGONG_KEY_SECRET" "secret" $root.Values.secrets.existingSecret "key" "key-secret") }}
{{- end }}
{{- if $facts.seals }}
{{ include "kaigong.secretEnv" (dict "name" "KAIGONG_SEAL_SECRET" "secret" $root.Values.secrets.existingSecret "key" "seal-secret") }}
{{- end }}
{{- if and $facts.channels $root.Values.channels.existingSecret }}
- {name: KAIGONG_CHANNELS, value: /etc/kaigong/channels/channels.yaml}
{{- end }}
{{- if and $facts.oidc $api $root.Values.oidc.issuer }}
- {name: KAIGONG_OIDC_ISSUER, value: {{ $root.Values.oidc.issuer | quote }}}
- {name: KAIGONG_OIDC_CLIENT_ID, value: {{ $root.Values.oidc.clientId | quote }}}
- {name: KAIGONG_OIDC_REDIRECT_URL, value: {{ $root.Values.oidc.redirectUrl | quote }}}
- {name: KAIGONG_OIDC_SCOPE, value: {{ $root.Values.oidc.scope | quote }}}
{{ include "kaigong.secretEnv" (dict "name" "KAIGONG_OIDC_CLIENT_SECRET" "secret" $root.Values.oidc.existingSecret "key" "client-secret") }}
{{- end }}
{{- $filed := include "kaigong.filed" (dict "root" $root "facts" $facts "kind" .process.kind) }}
{{- if and $filed (eq $root.Values.objects.mode "s3") }}
{{- $s3 := $root.Values.objects.s3 }}
{{ include "kaigong.secretEnv" (dict "name" "AWS_ACCESS_KEY_ID" "secret" $s3.existingSecret "key" "access-key-id") }}
{{ include "kaigong.secretEnv" (dict "name" "AWS_SECRET_ACCESS_KEY" "secret" $s3.existingSecret "key" "secret-access-key") }}
- {name: AWS_REGION, value: {{ $s3.region | quote }}}
{{- with $s3.endpoint }}
- {name: AWS_ENDPOINT_URL, value: {{ . | quote }}}
{{- if hasPrefix "http://" . }}
- {name: AWS_ALLOW_HTTP, value: "true"}
{{- end }}
{{- end }}
{{- end }}
{{- if $packed }}
{{- $told := dict }}
{{- $kind := .process.kind }}
{{- range $service := .process.services }}
{{- $its := get $all $service }}
{{- $database := printf "DATABASE_URL_%s" (upper $service) }}
{{ include "kaigong.env.database" (dict "root" $root "service" $service "name" $database) }}
{{- $own := dict "KAIGONG_DATABASE_URL" (printf "$(%s)" $database) }}
{{- if $api }}
{{- $_ := set $own "KAIGONG_GRPC_LISTEN" (printf "0.0.0.0:%d" (int $its.port)) }}
{{- $_ := set $own "KAIGONG_THREADS" ($root.Values.defaults.api.threads | int | toString) }}
{{- end }}
{{- if include "kaigong.filed" (dict "root" $root "facts" $its "kind" $kind) }}
{{- $_ := set $own "KAIGONG_OBJECT_STORE" (include "kaigong.objectStore" (dict "root" $root "service" $service)) }}
{{- end }}
{{- $_ := set $told $service $own }}
{{- end }}
- name: KAIGONG_PACKED
  value: {{ $told | toRawJson | quote }}
{{- else }}
{{- $service := first .process.services }}
{{ include "kaigong.env.database" (dict "root" $root "service" $service "name" "KAIGONG_DATABASE_URL") }}
{{- if $api }}
- {name: KAIGONG_GRPC_LISTEN, value: "0.0.0.0:{{ $facts.port }}"}
- {name: KAIGONG_THREADS, value: {{ .process.size.threads | int | quote }}}
{{- end }}
{{- if $filed }}
- {name: KAIGONG_OBJECT_STORE, value: {{ include "kaigong.objectStore" (dict "root" $root "service" $service) | quote }}}
{{- end }}
{{- end }}
{{- end }}

{{/* The CA of the stores' certificates, for whoever connects to one. */}}
{{- define "kaigong.ca.secret" -}}
{{- if eq .Values.stores.mode "external" }}{{ .Values.stores.external.caSecret }}
{{- else if .Values.tls.enabled }}{{ .Values.stores.name }}-rabbitmq-tls{{ end -}}
{{- end }}
{{- define "kaigong.ca.volume" -}}
{{- with include "kaigong.ca.secret" . -}}
- name: ca
  secret:
    secretName: {{ . }}
    # Not the key beside it.
    items: [{key: ca.crt, path: ca.crt}]
{{- end }}
{{- end }}
{{- define "kaigong.ca.mount" -}}
{{- if include "kaigong.ca.secret" . -}}
- {name: ca, mountPath: /etc/kaigong/ca, readOnly: true}
{{- end }}
{{- end }}
