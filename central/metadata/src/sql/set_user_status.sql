-- $1 email, $2 status, $3 the hash that no password has.
UPDATE users SET status = $2, password_hash = CASE WHEN $2 = 'deleted' THEN $3 ELSE password_hash END WHERE email = $1
