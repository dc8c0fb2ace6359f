#!/bin/sh
# Makes the certificates of an instance whose parts speak TLS (compose.tls.yaml): an authority of its own, once,
# and a certificate for each part. Again, it renews those of the parts: they are taken up without a restart.
#   sh deploy/compose/certificates.sh                  all parts of this instance
#   sh deploy/compose/certificates.sh child 321181     what a child shows this instance's broker: its tls/parent
# KAIGONG_NAMES are further names of the gateway and of the broker, with commas: kaigong.danyang.gov.cn,10.1.2.3
set -eu

folder=${KAIGONG_SECRETS:-$(dirname "$0")/../secrets}/tls
days=${KAIGONG_CERTIFICATE_DAYS:-90}
[ "$(id -u)" = 0 ] || {
    echo "请以 root 运行: 私钥须归各容器的账户所有 run this as root: a key must belong to its container's account" >&2
    exit 1
}
mkdir -p "$folder/authority"
chmod 700 "$folder/authority"
cd "$folder"
umask 077

new_key() { openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }

if [ ! -e authority/ca.crt ]; then
    new_key authority/ca.key
    openssl req -x509 -new -key authority/ca.key -sha256 -days 3650 -out authority/ca.crt \
        -subj "/O=Kaigong/CN=Kaigong ${KAIGONG_INSTANCE:-321100}" \
        -addext "basicConstraints=critical,CA:true,pathlen:0" -addext "keyUsage=critical,keyCertSign,cRLSign"
fi

certify() { # certify <folder> <account> <name,name,…>
    mkdir -p "$1"
    names=""
    for name in $(echo "$3" | tr , ' '); do
        case $name in
        *[!0-9.]*) names="$names,DNS:$name" ;;
        # RabbitMQ's own clients look for the address they dial among the names.
        *) names="$names,IP:$name,DNS:$name" ;;
        esac
    done
    new_key "$1/new.key"
    printf 'basicConstraints=critical,CA:false\nkeyUsage=critical,digitalSignature\n' >"$1/new.ext"
    printf 'extendedKeyUsage=serverAuth,clientAuth\nsubjectAltName=%s\n' "${names#,}" >>"$1/new.ext"
    openssl req -new -key "$1/new.key" -subj "/O=Kaigong/CN=${3%%,*}" -out "$1/new.csr"
    openssl x509 -req -in "$1/new.csr" -sha256 -days "$days" -extfile "$1/new.ext" -out "$1/new.crt" \
        -CA authority/ca.crt -CAkey authority/ca.key -CAcreateserial 2>/dev/null
    cp authority/ca.crt "$1/ca.crt"
    rm "$1/new.csr" "$1/new.ext"
    chown "$2" "$1" "$1/new.key" "$1/new.crt" "$1/ca.crt"
    chmod 400 "$1/new.key"
    chmod 444 "$1/new.crt" "$1/ca.crt"
    mv "$1/new.key" "$1/tls.key"
    mv "$1/new.crt" "$1/tls.crt"
}

if [ "${1:-}" = child ]; then
    certify "children/${2:?the region code of the child}" 999:999 "child-$2"
    echo "$folder/children/$2"
    exit
fi

more=${KAIGONG_NAMES:+,$KAIGONG_NAMES}
apis=""
for service in project-registry approval-tracking proxy-log warning-dispatch reporting identity; do
    certify "$service-api" 10001:10001 "$service-api"
    certify "$service-worker" 10001:10001 "$service-worker"
    certify "$service-migrate" 10001:10001 "$service-migrate"
    apis="$apis,$service-api"
done
certify packed-api 10001:10001 "packed-api$apis"
certify packed-worker 10001:10001 packed-worker
certify push 10001:10001 push
certify gateway 10001:10001 gateway
certify entry 10001:10001 "localhost,127.0.0.1$more"
certify links 10001:10001 links
certify postgres 999:999 postgres
certify databases 999:999 databases
certify rabbitmq 999:999 "rabbitmq$more"
certify redis 999:999 redis
certify prometheus 65534:65534 prometheus
certify alertmanager 65534:65534 alertmanager
certify grafana 472:0 grafana
