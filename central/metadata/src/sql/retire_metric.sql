-- $1 tracking id, $2 index.
UPDATE custom_metrics SET is_active = FALSE
WHERE website_id = (SELECT website_id FROM websites WHERE tracking_id = $1) AND "index" = $2 AND is_active
RETURNING "index", name, type, is_active, created_at
