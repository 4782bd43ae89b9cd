-- $1 email, $2 password hash. Changes nothing for an owner who is known.
INSERT INTO users (email, name, password_hash) VALUES ($1, $1, $2) ON CONFLICT (email) DO NOTHING
