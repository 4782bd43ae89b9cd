-- $1 tracking id, $2 email, $3 role, $4 email of who grants it, $5 now.
INSERT INTO website_permissions (website_id, user_id, role, granted_by, granted_at)
SELECT w.website_id, u.user_id, $3, (SELECT g.user_id FROM users AS g WHERE g.email = $4), $5
FROM websites AS w CROSS JOIN users AS u
WHERE w.tracking_id = $1 AND u.email = $2 AND u.status <> 'deleted'
ON CONFLICT (website_id, user_id) DO UPDATE
SET role = excluded.role, granted_by = excluded.granted_by, granted_at = excluded.granted_at
