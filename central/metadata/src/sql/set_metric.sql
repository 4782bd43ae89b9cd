-- $1 tracking id, $2 index, $3 name, $4 type.
INSERT INTO custom_metrics (website_id, "index", name, type)
SELECT website_id, $2, $3, $4 FROM websites WHERE tracking_id = $1
ON CONFLICT (website_id, "index") DO UPDATE SET name = excluded.name, type = excluded.type, is_active = TRUE
RETURNING "index", name, type, is_active, created_at
