-- $1 tracking id, $2 index, $3 name, $4 scope.
INSERT INTO custom_dimensions (website_id, "index", name, scope)
SELECT website_id, $2, $3, $4 FROM websites WHERE tracking_id = $1
ON CONFLICT (website_id, "index") DO UPDATE SET name = excluded.name, scope = excluded.scope, is_active = TRUE
RETURNING "index", name, scope, is_active, created_at
