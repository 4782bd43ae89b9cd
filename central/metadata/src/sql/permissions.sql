-- Who may do what; with $1 on the website of that tracking id, with $2 the user of that email.
SELECT w.tracking_id, u.email, p.role, p.granted_at, g.email AS granted_by
FROM website_permissions AS p
JOIN websites AS w ON w.website_id = p.website_id
JOIN users AS u ON u.user_id = p.user_id
LEFT JOIN users AS g ON g.user_id = p.granted_by
WHERE w.status <> 'deleted' AND ($1 IS NULL OR w.tracking_id = $1) AND ($2 IS NULL OR u.email = $2)
ORDER BY w.tracking_id, u.email
