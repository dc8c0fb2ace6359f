#!/bin/sh
# Makes what is secret in an instance of containers, once; what is there already stays.
#   sh deploy/compose/secrets.sh [folder]        the folder is KAIGONG_SECRETS, else deploy/secrets
# The containers run as accounts of their own, so the files are readable; the folder is what keeps others out.
set -eu

monitoring=$(cd "$(dirname "$0")/../monitoring" && pwd)
folder=${1:-${KAIGONG_SECRETS:-$(dirname "$0")/../secrets}}
mkdir -p "$folder"
chmod 700 "$folder"
cd "$folder"
umask 022

random() { od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }
keep() { # keep <file> <content>: never over one that exists
    [ -e "$1" ] || { printf '%s\n' "$2" >"$1.new" && mv "$1.new" "$1"; }
}

keep postgres_password "$(random 16)"
for service in project_registry approval_tracking proxy_log warning_dispatch reporting identity; do
    keep "database_url_$service" "postgresql://$service:$(random 16)@postgres:5432/$service"
done

keep amqp_url "amqp://kaigong:$(random 16)@rabbitmq:5672/kaigong"
password=$(sed 's|^amqp://kaigong:||; s|@.*||' amqp_url)
# The cluster's name tells this broker from those it is linked to: it is in the names of their federation.
keep rabbitmq.conf "default_pass = $password
cluster_name = kaigong-${KAIGONG_INSTANCE:-321100}"
keep amqp_admin_url "http://kaigong:$password@rabbitmq:15672"
keep amqps_url "amqps://kaigong:$password@rabbitmq:5671/kaigong"
keep amqps_admin_url "https://kaigong:$password@rabbitmq:15671"

keep redis_url "redis://:$(random 16)@redis:6379/0"
password=$(sed 's|^redis://:||; s|@.*||' redis_url)
keep redis.conf "bind * -::*
requirepass $password
save \"\"
appendonly no
maxmemory 128mb
maxmemory-policy volatile-lru"
keep rediss_url "rediss://:$password@redis:6379/0?ssl_ca_certs=/run/tls/ca.crt&ssl_certfile=/run/tls/tls.crt&ssl_keyfile=/run/tls/tls.key"

keep key_secret "$(random 32)"
keep seal_secret "$(random 32)"
# The unified sign-on and the channels for notifications: none until somebody writes them here.
keep oidc_client_secret ""
keep channels.yaml "{}"
# Monitoring.
keep grafana_password "$(random 16)"
# Whom Alertmanager tells is written here by operations; until then nobody.
keep alertmanager.yml "$(cat "$monitoring/alertmanager.yml")"
keep alert_smtp_password ""
keep alert_webhook_token ""
