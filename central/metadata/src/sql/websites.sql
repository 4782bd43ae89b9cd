-- Every website that is not deleted; with $1 the one of that website id, with $2 the one of that tracking id.
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
    w.industry,
    w.bot_filtering_enabled,
    w.ip_anonymization_enabled,
    w.data_retention_days,
    CAST(w.sampling_rate AS DOUBLE PRECISION) AS sampling_rate,
    w.status,
    w.created_at,
    w.updated_at
FROM websites AS w
JOIN users AS u ON u.user_id = w.owner_user_id
WHERE w.status <> 'deleted' AND (($1 IS NULL AND $2 IS NULL) OR w.website_id = $1 OR w.tracking_id = $2)
ORDER BY w.name, w.tracking_id
