-- $1 tracking id.
SELECT p.property_key, p.property_value, p.created_at
FROM website_properties AS p JOIN websites AS w ON w.website_id = p.website_id
WHERE w.tracking_id = $1
ORDER BY p.property_key
