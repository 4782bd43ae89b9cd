SELECT
    website_id, goal_id, name, type, match_type, value, CAST(value_numeric AS DOUBLE PRECISION) AS value_numeric, is_active, created_at,
    valid_from, valid_to
FROM goals
WHERE website_id IN (SELECT website_id FROM websites WHERE status <> 'deleted')
ORDER BY website_id, valid_from, name
