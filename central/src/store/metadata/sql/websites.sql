-- Every website that is not deleted; with $1 the one that has it as website id or tracking id.
SELECT
    w.website_id,
    w.tracking_id,
    w.domain,
    (
        SELECT p.property_value FROM website_properties AS p
        WHERE p.website_id = w.website_id AND p.property_key = 'extra_domains'
    ) AS extra_domains,
    w.name,
    u.email AS owner_email,
    w.timezone,
    w.currency,
    w.bot_filtering_enabled,
    w.ip_anonymization_enabled,
    w.data_retention_days,
    w.sampling_rate,
    w.status,
    w.created_at,
    w.updated_at
FROM websites AS w
JOIN users AS u ON u.user_id = w.owner_user_id
WHERE w.status <> 'deleted' AND ($1 IS NULL OR w.website_id = $1 OR w.tracking_id = $1)
ORDER BY w.name, w.tracking_id
