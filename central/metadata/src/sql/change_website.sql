-- $1 tracking id; what is nothing stays: $2 name, $3 domain, $4 time zone, $5 currency, $6 industry (empty for none), $7 bot filtering,
-- $8 address cutting, $9 days kept, $10 share kept.
UPDATE websites SET
    name = coalesce($2, name),
    domain = coalesce($3, domain),
    timezone = coalesce($4, timezone),
    currency = coalesce($5, currency),
    industry = nullif(coalesce($6, industry), ''),
    bot_filtering_enabled = coalesce($7, bot_filtering_enabled),
    ip_anonymization_enabled = coalesce($8, ip_anonymization_enabled),
    data_retention_days = coalesce($9, data_retention_days),
    sampling_rate = coalesce($10, sampling_rate)
WHERE tracking_id = $1
