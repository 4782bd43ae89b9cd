-- $1 tracking id.
SELECT "index", name, type, is_active, created_at FROM custom_metrics
WHERE website_id = (SELECT website_id FROM websites WHERE tracking_id = $1)
ORDER BY "index"
