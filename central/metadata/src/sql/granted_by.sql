-- $1 tracking id, $2 email, $3 email of who granted it.
UPDATE website_permissions SET granted_by = (SELECT user_id FROM users WHERE email = $3)
WHERE website_id = (SELECT website_id FROM websites WHERE tracking_id = $1)
    AND user_id = (SELECT user_id FROM users WHERE email = $2)
