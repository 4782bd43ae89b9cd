-- The seed's custom_dimensions and custom_metrics: what the twenty columns of each kind in events_local mean on a website.

CREATE TABLE custom_dimensions (
    dimension_id TEXT NOT NULL PRIMARY KEY DEFAULT (
        lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-'
        || substr('89ab', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))
    ) CHECK (length(dimension_id) = 36),
    website_id TEXT NOT NULL REFERENCES websites (website_id) ON DELETE CASCADE,
    "index" INTEGER NOT NULL CHECK ("index" BETWEEN 1 AND 20),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    scope TEXT NOT NULL CHECK (scope IN ('hit', 'session', 'user')),
    is_active INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) CHECK (created_at GLOB '????-??-??T??:??:??*Z'),
    -- The seed's idx_website is the index that this makes.
    UNIQUE (website_id, "index")
) STRICT;

CREATE TABLE custom_metrics (
    metric_id TEXT NOT NULL PRIMARY KEY DEFAULT (
        lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-'
        || substr('89ab', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))
    ) CHECK (length(metric_id) = 36),
    website_id TEXT NOT NULL REFERENCES websites (website_id) ON DELETE CASCADE,
    "index" INTEGER NOT NULL CHECK ("index" BETWEEN 1 AND 20),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    type TEXT NOT NULL CHECK (type IN ('integer', 'currency', 'time')),
    is_active INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) CHECK (created_at GLOB '????-??-??T??:??:??*Z'),
    UNIQUE (website_id, "index")
) STRICT;
