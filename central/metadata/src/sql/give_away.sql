-- $1 tracking id, $2 the new owner's email. A trigger brings website_permissions after it.
UPDATE websites SET owner_user_id = (SELECT user_id FROM users WHERE email = $2)
WHERE tracking_id = $1 AND EXISTS (SELECT 1 FROM users WHERE email = $2 AND status <> 'deleted')
