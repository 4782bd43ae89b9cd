-- $1 website id, $2 a JSON array of domains.
INSERT INTO website_properties (website_id, property_key, property_value) VALUES ($1, 'extra_domains', $2)
