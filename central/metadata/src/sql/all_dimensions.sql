SELECT website_id, "index", name, scope, is_active, created_at
FROM custom_dimensions
WHERE website_id IN (SELECT website_id FROM websites WHERE status <> 'deleted')
ORDER BY website_id, "index"
