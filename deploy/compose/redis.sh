#!/bin/sh
# TLS only, one user. The settings lie in memory (/run/redis) and hold the password's hash, not the password.
set -eu
umask 077
hash=$(sha256sum < /secrets/redis.password | cut -d ' ' -f 1)
cat > /run/redis/redis.conf << SETTINGS
port 0
tls-port 6379
tls-cert-file /secrets/redis.pem
tls-key-file /secrets/redis.key
tls-ca-cert-file /secrets/ca.pem
tls-auth-clients no
# Nobody can log in as `default`; Redis itself does what its append-only file says as that user, and would skip what it may not.
user default off resetpass ~* &* +@all
user footfall on #$hash ~* &* +@all
maxmemory 1gb
maxmemory-policy noeviction
dir /data
appendonly yes
appendfsync everysec
save ""
SETTINGS
exec redis-server /run/redis/redis.conf
