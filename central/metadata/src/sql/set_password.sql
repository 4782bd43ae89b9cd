-- $1 email, $2 password hash.
UPDATE users SET password_hash = $2 WHERE email = $1 AND status <> 'deleted'
