-- $1 tracking id, $2 name, $3 description, $4 steps.
INSERT INTO funnels (website_id, name, description, steps)
SELECT website_id, $2, $3, $4 FROM websites WHERE tracking_id = $1
RETURNING funnel_id, name, description, steps, created_at
