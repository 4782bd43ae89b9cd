-- $1 tracking id, $2 name, $3 type, $4 match type, $5 value, $6 number, $7 now.
INSERT INTO goals (website_id, name, type, match_type, value, value_numeric, valid_from)
SELECT website_id, $2, $3, $4, $5, $6, $7 FROM websites WHERE tracking_id = $1
RETURNING
    goal_id, name, type, match_type, value, CAST(value_numeric AS DOUBLE PRECISION) AS value_numeric, is_active, created_at,
    valid_from, valid_to
