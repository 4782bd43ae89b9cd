-- $1 tracking id; with $2 or $3 the funnel of that id or name.
SELECT funnel_id, name, description, steps, created_at FROM funnels
WHERE website_id = (SELECT website_id FROM websites WHERE tracking_id = $1) AND is_active
    AND (($2 IS NULL AND $3 IS NULL) OR funnel_id = $2 OR name = $3)
ORDER BY name
