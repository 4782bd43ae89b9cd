-- $1 name, $2 holder, $3 for how many milliseconds. Answers the token, or nothing while somebody else holds it.
INSERT INTO leases (name, holder, token, expires_at_ms)
VALUES ($1, $2, 1, CAST(unixepoch('subsec') * 1000 AS INTEGER) + $3)
ON CONFLICT (name) DO UPDATE SET
    token = leases.token
        + (leases.holder <> excluded.holder OR leases.expires_at_ms <= CAST(unixepoch('subsec') * 1000 AS INTEGER)),
    holder = excluded.holder,
    expires_at_ms = excluded.expires_at_ms
WHERE leases.holder = excluded.holder OR leases.expires_at_ms <= CAST(unixepoch('subsec') * 1000 AS INTEGER)
RETURNING token
