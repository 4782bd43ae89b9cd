-- $1 name, $2 token. The row stays, so that the next token is greater; a token that is no longer the holder's changes nothing.
UPDATE leases SET expires_at_ms = 0 WHERE name = $1 AND token = $2 RETURNING token
