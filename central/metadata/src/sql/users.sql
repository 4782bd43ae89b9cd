-- Every user; with $1 the one of that email.
SELECT
    user_id, email, name, company, role, email_verified, status, password_hash <> '!' AS has_password, created_at, last_login_at
FROM users
WHERE $1 IS NULL OR email = $1
ORDER BY email
