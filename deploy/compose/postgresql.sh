#!/bin/bash
# PostgreSQL wants its key in a file of its own user's alone; then the image's own entry point goes on.
set -euo pipefail
install -d -o postgres -g postgres -m 700 /run/footfall
install -o postgres -g postgres -m 600 /secrets/postgresql.key /secrets/postgresql.pem /footfall/hba.conf /run/footfall/
exec docker-entrypoint.sh postgres \
    -c ssl=on -c ssl_cert_file=/run/footfall/postgresql.pem -c ssl_key_file=/run/footfall/postgresql.key \
    -c hba_file=/run/footfall/hba.conf -c password_encryption=scram-sha-256
