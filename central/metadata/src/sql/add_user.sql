-- $1 email, $2 name, $3 password hash, $4 company, $5 position.
INSERT INTO users (email, name, password_hash, company, role) VALUES ($1, $2, $3, $4, $5)
