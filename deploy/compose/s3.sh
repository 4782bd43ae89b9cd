#!/bin/sh
# SeaweedFS, all parts in one. Only S3 is reached from outside the container; the other parts listen to it alone.
# The settings, which hold the secret key, lie in memory (/run/s3).
set -eu
umask 077
mkdir -p /data/weed
cat > /run/s3/s3.json << SETTINGS
{"identities": [{
  "name": "footfall",
  "credentials": [{"accessKey": "footfall", "secretKey": "$(cat /secrets/s3.password)"}],
  "actions": ["Admin", "Read", "Write", "List", "Tagging"]
}]}
SETTINGS
make_bucket() {
    until echo "s3.bucket.create -name footfall" | weed shell -master=127.0.0.1:9333 -filer=127.0.0.1:8888; do sleep 1; done
}
make_bucket &
exec weed -logtostderr server -dir=/data/weed -ip=127.0.0.1 -ip.bind=127.0.0.1 \
    -filer -s3 -s3.ip.bind=0.0.0.0 -s3.port=8333 -s3.config=/run/s3/s3.json -s3.iam=false -s3.port.iceberg=0 -s3.port.lance=0
