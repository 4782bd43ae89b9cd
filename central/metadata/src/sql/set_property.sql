-- $1 tracking id, $2 key, $3 value.
INSERT INTO website_properties (website_id, property_key, property_value)
SELECT website_id, $2, $3 FROM websites WHERE tracking_id = $1
ON CONFLICT (website_id, property_key) DO UPDATE SET property_value = excluded.property_value
