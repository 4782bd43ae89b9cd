-- $1 email, $2 now.
UPDATE users SET last_login_at = $2 WHERE email = $1
