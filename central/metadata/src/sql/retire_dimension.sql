-- $1 tracking id, $2 index.
UPDATE custom_dimensions SET is_active = FALSE
WHERE website_id = (SELECT website_id FROM websites WHERE tracking_id = $1) AND "index" = $2 AND is_active
RETURNING "index", name, scope, is_active, created_at
