-- $1 tracking id, $2 goal id or nothing, $3 name, $4 now. Never before it began, whatever the clocks say.
UPDATE goals SET is_active = FALSE, valid_to = CASE WHEN valid_from > $4 THEN valid_from ELSE $4 END
WHERE website_id = (SELECT website_id FROM websites WHERE tracking_id = $1) AND is_active AND (goal_id = $2 OR name = $3)
RETURNING
    goal_id, name, type, match_type, value, CAST(value_numeric AS DOUBLE PRECISION) AS value_numeric, is_active, created_at,
    valid_from, valid_to
