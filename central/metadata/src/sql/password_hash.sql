-- $1 email. Nothing for somebody who may not sign in.
SELECT password_hash FROM users WHERE email = $1 AND status = 'active'
