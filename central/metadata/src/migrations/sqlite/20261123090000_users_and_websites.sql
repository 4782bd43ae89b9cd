-- The seed's users, websites and website_properties, so corrected that they can exist: users first, indexes apart, CHECK
-- constraints for the closed vocabularies. Times are UTC text, RFC 3339 with milliseconds ("2026-11-23T09:00:00.000Z"): it sorts
-- as time does and reads as time does; PostgreSQL has timestamptz in its place. Booleans are 0 and 1. Ids are UUIDs in text form.

CREATE TABLE users (
    user_id TEXT NOT NULL PRIMARY KEY DEFAULT (
        lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-'
        || substr('89ab', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))
    ) CHECK (length(user_id) = 36),
    email TEXT NOT NULL UNIQUE CHECK (length(email) BETWEEN 3 AND 255 AND email = lower(email)),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    -- '!' is no hash that a password could have: the account is locked until somebody sets one.
    password_hash TEXT NOT NULL CHECK (length(password_hash) BETWEEN 1 AND 255),

    -- The person's company and position there; what a person may do is in website_permissions.
    company TEXT CHECK (length(company) <= 255),
    role TEXT CHECK (length(role) <= 100),

    email_verified INTEGER NOT NULL DEFAULT 0 CHECK (email_verified IN (0, 1)),
    status TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended', 'deleted')),
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) CHECK (created_at GLOB '????-??-??T??:??:??*Z'),
    last_login_at TEXT CHECK (last_login_at GLOB '????-??-??T??:??:??*Z')
) STRICT;

-- The seed's idx_email is the index that UNIQUE makes.
CREATE INDEX idx_users_status ON users (status);

CREATE TABLE websites (
    website_id TEXT NOT NULL PRIMARY KEY DEFAULT (
        lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-'
        || substr('89ab', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))
    ) CHECK (length(website_id) = 36),
    tracking_id TEXT NOT NULL UNIQUE CHECK (length(tracking_id) BETWEEN 1 AND 50),
    domain TEXT NOT NULL CHECK (length(domain) BETWEEN 1 AND 255),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    owner_user_id TEXT NOT NULL REFERENCES users (user_id),

    timezone TEXT NOT NULL DEFAULT 'UTC' CHECK (length(timezone) BETWEEN 1 AND 50),
    currency TEXT NOT NULL DEFAULT 'USD' CHECK (currency GLOB '[A-Z][A-Z][A-Z]'),
    industry TEXT CHECK (length(industry) <= 100),

    bot_filtering_enabled INTEGER NOT NULL DEFAULT 1 CHECK (bot_filtering_enabled IN (0, 1)),
    ip_anonymization_enabled INTEGER NOT NULL DEFAULT 0 CHECK (ip_anonymization_enabled IN (0, 1)),
    data_retention_days INTEGER NOT NULL DEFAULT 426 CHECK (data_retention_days > 0),
    sampling_rate REAL NOT NULL DEFAULT 1.00 CHECK (sampling_rate BETWEEN 0.01 AND 1.00),

    status TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'paused', 'deleted')),
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) CHECK (created_at GLOB '????-??-??T??:??:??*Z'),
    updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) CHECK (updated_at GLOB '????-??-??T??:??:??*Z')
) STRICT;

-- The seed's idx_tracking is the index that UNIQUE makes.
CREATE INDEX idx_websites_owner ON websites (owner_user_id);
CREATE INDEX idx_websites_status ON websites (status);

CREATE TABLE website_properties (
    property_id TEXT NOT NULL PRIMARY KEY DEFAULT (
        lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-'
        || substr('89ab', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))
    ) CHECK (length(property_id) = 36),
    website_id TEXT NOT NULL REFERENCES websites (website_id) ON DELETE CASCADE,
    property_key TEXT NOT NULL CHECK (length(property_key) BETWEEN 1 AND 100),
    property_value TEXT,
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) CHECK (created_at GLOB '????-??-??T??:??:??*Z'),
    UNIQUE (website_id, property_key),
    -- `extra_domains` is read by every edge: a JSON array or nothing.
    CHECK (property_key <> 'extra_domains' OR (coalesce(json_valid(property_value), 0) AND json_type(property_value) = 'array'))
) STRICT;

-- A change made by hand counts as a change too. (SQLite does not fire the trigger for its own update.)
CREATE TRIGGER websites_updated_at AFTER UPDATE ON websites
WHEN new.updated_at = old.updated_at
BEGIN
    UPDATE websites SET updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE website_id = new.website_id;
END;
