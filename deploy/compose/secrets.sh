#!/bin/sh
# secrets.sh FOLDER: the passwords and certificates of deploy/compose.yaml, made once. Below FOLDER each service has a folder of its own
# with what it reads and nothing else, readable by the user that it runs as. A second run changes nothing.
# The authority's key is thrown away: to add a server, remove all of them (docker compose down --volumes) and start anew.
set -eu
umask 077
if [ $# -ne 1 ]; then
    echo "secrets.sh: say the folder, and nothing else" >&2
    exit 64
fi
folder=$1

# Who reads what: service, user id in its image, files. A file in two lines is one that both sides of a connection need.
readers() {
    cat << 'READERS'
edge 10001 edge-1.pem edge-1.key ca.pem
central 10001 central.pem central.key ca.pem kafka.password clickhouse.password postgresql.password redis.password s3.password
kafka 1000 kafka.pem kafka.key ca.pem kafka.password kafka-broker.password
postgresql 999 postgresql.pem postgresql.key postgresql.password
redis 999 redis.pem redis.key ca.pem redis.password
s3 1000 s3.password
clickhouse 101 clickhouse.password
READERS
}

there='' missing=''
for service in $(readers | cut -d ' ' -f 1); do
    if [ -e "$folder/$service/.made" ]; then there="$there $service"; else missing="$missing $service"; fi
done
[ -n "$missing" ] || exit 0
if [ -n "$there" ]; then
    echo "secrets.sh: the secrets of$missing are gone and those of$there are not, and new ones would not fit them:" \
        "bring them back, or remove all of them with the data of the services" >&2
    exit 1
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
cd "$work"

for name in kafka kafka-broker postgresql redis s3 clickhouse; do
    openssl rand -hex 16 | tr -d '\n' > "$name.password"
done

# openssl tells how it gets on where it should tell what is wrong: only the latter is shown.
quietly() {
    "$@" 2> said || { cat said >&2; exit 1; }
}
quietly openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj "/CN=Footfall CA" \
    -addext "basicConstraints=critical,CA:TRUE,pathlen:0" -addext "keyUsage=critical,keyCertSign,cRLSign" \
    -keyout authority.key -out ca.pem

# certificate NAME DNS-NAME USAGE
certificate() {
    quietly openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout "$1.key" -out request
    printf 'subjectAltName=DNS:%s\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=%s\nauthorityKeyIdentifier=keyid\n' \
        "$2" "$3" > extensions
    quietly openssl x509 -req -days 3650 -in request -CA ca.pem -CAkey authority.key -CAcreateserial \
        -extfile extensions -out "$1.pem"
}
certificate kafka kafka serverAuth,clientAuth
certificate postgresql postgresql serverAuth
certificate redis redis serverAuth
certificate central central.footfall.internal serverAuth
certificate edge-1 edge-1 clientAuth

readers | while read -r service user files; do
    own=$folder/$service
    mkdir -p "$own"
    chmod 755 "$own"
    for file in $files; do
        # What a run that was interrupted has left belongs to another user already.
        rm -f "$own/$file"
        cp "$file" "$own/$file"
        chmod 400 "$own/$file"
        if [ "$(id -u)" -eq 0 ]; then chown "$user:$user" "$own/$file"; fi
    done
done
sync
for service in $(readers | cut -d ' ' -f 1); do
    : > "$folder/$service/.made"
done
