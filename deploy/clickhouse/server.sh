#!/bin/bash
# The password reaches the configuration through the environment; then the image's own entry point goes on.
set -euo pipefail
PASSWORD=$(cat /secrets/clickhouse.password)
export PASSWORD
exec /entrypoint.sh
