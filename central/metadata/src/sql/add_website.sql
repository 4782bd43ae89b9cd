-- $1 tracking id, $2 domain, $3 name, $4 the owner's email, $5 time zone, $6 bot filtering, $7 address cutting, $8 share kept.
INSERT INTO websites (
    tracking_id, domain, name, owner_user_id, timezone, bot_filtering_enabled, ip_anonymization_enabled, sampling_rate
)
SELECT $1, $2, $3, u.user_id, $5, $6, $7, $8 FROM users AS u WHERE u.email = $4
