#!/bin/sh
# secrets.sh FOLDER: passwords and certificates of deploy/compose.yaml, made once; a second run changes nothing.
# The key of the authority is thrown away: to add a server, empty the folder and start everything anew.
set -eu
umask 077
folder=$1
[ -e "$folder/made" ] && exit 0
mkdir -p "$folder"
cd "$folder"

for name in kafka kafka-broker postgresql redis s3 clickhouse; do
    openssl rand -hex 16 | tr -d '\n' > "$name.password"
done

authority=$(mktemp -d)
trap 'rm -rf "$authority"' EXIT
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj "/CN=Footfall CA" \
    -addext "basicConstraints=critical,CA:TRUE,pathlen:0" -addext "keyUsage=critical,keyCertSign,cRLSign" \
    -keyout "$authority/ca.key" -out ca.pem 2> /dev/null

# certificate NAME DNS-NAME USAGE
certificate() {
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" \
        -keyout "$1.key" -out "$authority/request" 2> /dev/null
    printf 'subjectAltName=DNS:%s\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=%s\nauthorityKeyIdentifier=keyid\n' \
        "$2" "$3" > "$authority/extensions"
    openssl x509 -req -days 3650 -in "$authority/request" -CA ca.pem -CAkey "$authority/ca.key" -CAcreateserial \
        -extfile "$authority/extensions" -out "$1.pem" 2> /dev/null
}
certificate kafka kafka serverAuth,clientAuth
certificate postgresql postgresql serverAuth
certificate redis redis serverAuth
certificate central central.footfall.internal serverAuth
certificate edge-1 edge-1 clientAuth

# The servers of the images run as users of their own, and only the containers of this project see this volume.
chmod 755 .
chmod 444 ./*
touch made
