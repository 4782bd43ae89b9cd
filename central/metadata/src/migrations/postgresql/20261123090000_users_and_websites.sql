-- The seed's users, websites and website_properties, so corrected that they can exist: users first, indexes apart, timestamptz,
-- CHECK constraints for the closed vocabularies. migrations/sqlite has the same tables under the same versions.

CREATE TABLE users (
    user_id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    email VARCHAR(255) NOT NULL UNIQUE CHECK (length(email) >= 3 AND email = lower(email)),
    name VARCHAR(255) NOT NULL CHECK (name <> ''),
    -- '!' is no hash that a password could have: the account is locked until somebody sets one.
    password_hash VARCHAR(255) NOT NULL CHECK (password_hash <> ''),

    -- The person's company and position there; what a person may do is in website_permissions.
    company VARCHAR(255),
    role VARCHAR(100),

    email_verified BOOLEAN NOT NULL DEFAULT false,
    status VARCHAR(20) NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended', 'deleted')),
    created_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    last_login_at TIMESTAMPTZ
);

-- The seed's idx_email is the index that UNIQUE makes.
CREATE INDEX idx_users_status ON users (status);

CREATE TABLE websites (
    website_id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    tracking_id VARCHAR(50) NOT NULL UNIQUE CHECK (tracking_id <> ''),
    domain VARCHAR(255) NOT NULL CHECK (domain <> ''),
    name VARCHAR(255) NOT NULL CHECK (name <> ''),
    owner_user_id UUID NOT NULL REFERENCES users (user_id),

    timezone VARCHAR(50) NOT NULL DEFAULT 'UTC' CHECK (timezone <> ''),
    currency VARCHAR(3) NOT NULL DEFAULT 'USD' CHECK (currency ~ '^[A-Z]{3}$'),
    industry VARCHAR(100),

    bot_filtering_enabled BOOLEAN NOT NULL DEFAULT true,
    ip_anonymization_enabled BOOLEAN NOT NULL DEFAULT false,
    data_retention_days INTEGER NOT NULL DEFAULT 426 CHECK (data_retention_days > 0),
    sampling_rate DECIMAL(3,2) NOT NULL DEFAULT 1.00 CHECK (sampling_rate BETWEEN 0.01 AND 1.00),

    status VARCHAR(20) NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'paused', 'deleted')),
    created_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP
);

-- The seed's idx_tracking is the index that UNIQUE makes.
CREATE INDEX idx_websites_owner ON websites (owner_user_id);
CREATE INDEX idx_websites_status ON websites (status);

CREATE TABLE website_properties (
    property_id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    website_id UUID NOT NULL REFERENCES websites (website_id) ON DELETE CASCADE,
    property_key VARCHAR(100) NOT NULL CHECK (property_key <> ''),
    property_value TEXT,
    created_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    UNIQUE (website_id, property_key),
    -- `extra_domains` is read by every edge: a JSON array or nothing.
    CHECK (
        CASE WHEN property_key = 'extra_domains'
        THEN coalesce(jsonb_typeof(CAST(property_value AS jsonb)) = 'array', false) ELSE true END
    )
);

-- A change made by hand counts as a change too.
CREATE FUNCTION website_updated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    new.updated_at := clock_timestamp();
    RETURN new;
END $$;

CREATE TRIGGER websites_updated_at BEFORE UPDATE ON websites
FOR EACH ROW WHEN (new.updated_at = old.updated_at) EXECUTE FUNCTION website_updated();
