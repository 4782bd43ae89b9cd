-- $1 tracking id, $2 key.
DELETE FROM website_properties
WHERE website_id = (SELECT website_id FROM websites WHERE tracking_id = $1) AND property_key = $2
RETURNING property_key
