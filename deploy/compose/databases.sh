# One database and one role per service, with the passwords that stand in the services' own addresses.
set -eu
for service in project_registry approval_tracking proxy_log warning_dispatch reporting identity; do
    url=$(cat "/run/secrets/database_url_$service")
    password=${url#*://*:}
    name=KAIGONG_PASSWORD_$(echo "$service" | tr '[:lower:]' '[:upper:]')
    export "$name=${password%%@*}"
done
PGPASSWORD=$(cat /run/secrets/postgres_password)
export PGPASSWORD
exec psql --no-psqlrc -v ON_ERROR_STOP=1 -q -h postgres -U postgres -f /etc/kaigong/init.sql
