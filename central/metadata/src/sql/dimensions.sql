-- $1 tracking id.
SELECT "index", name, scope, is_active, created_at FROM custom_dimensions
WHERE website_id = (SELECT website_id FROM websites WHERE tracking_id = $1)
ORDER BY "index"
