-- $1 email. The websites that the user owns.
SELECT w.tracking_id FROM websites AS w JOIN users AS u ON u.user_id = w.owner_user_id
WHERE u.email = $1 AND w.status <> 'deleted'
ORDER BY w.tracking_id
