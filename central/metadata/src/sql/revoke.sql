-- $1 tracking id, $2 email.
DELETE FROM website_permissions
WHERE website_id = (SELECT website_id FROM websites WHERE tracking_id = $1)
    AND user_id = (SELECT user_id FROM users WHERE email = $2)
RETURNING role
