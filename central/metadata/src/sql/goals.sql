-- $1 tracking id.
SELECT
    goal_id, name, type, match_type, value, CAST(value_numeric AS DOUBLE PRECISION) AS value_numeric, is_active, created_at,
    valid_from, valid_to
FROM goals
WHERE website_id = (SELECT website_id FROM websites WHERE tracking_id = $1)
ORDER BY valid_from, name
