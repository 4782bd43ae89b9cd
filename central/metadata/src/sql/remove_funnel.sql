-- $1 tracking id, $2 funnel id or nothing, $3 name.
UPDATE funnels SET is_active = FALSE
WHERE website_id = (SELECT website_id FROM websites WHERE tracking_id = $1) AND is_active
    AND (funnel_id = $2 OR name = $3)
RETURNING funnel_id, name, description, steps, created_at
