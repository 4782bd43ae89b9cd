-- The seed's goals and funnels. A goal counts from valid_from until valid_to: it is never changed but retired, so that a session of
-- last month is judged today by the goals of last month.

CREATE TABLE goals (
    goal_id TEXT NOT NULL PRIMARY KEY DEFAULT (
        lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-'
        || substr('89ab', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))
    ) CHECK (length(goal_id) = 36),
    website_id TEXT NOT NULL REFERENCES websites (website_id) ON DELETE CASCADE,
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    type TEXT NOT NULL CHECK (type IN ('destination', 'duration', 'pages_per_session', 'event')),

    match_type TEXT CHECK (match_type IN ('equals', 'begins_with', 'regex')),
    value TEXT,
    value_numeric REAL CHECK (value_numeric > 0 AND value_numeric < 100000000),

    is_active INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) CHECK (created_at GLOB '????-??-??T??:??:??*Z'),
    valid_from TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) CHECK (valid_from GLOB '????-??-??T??:??:??*Z'),
    valid_to TEXT CHECK (valid_to GLOB '????-??-??T??:??:??*Z' AND valid_to >= valid_from),

    -- A pattern for what is compared, a number for what is counted; never both.
    CHECK ((type IN ('destination', 'event')) = (match_type IS NOT NULL AND value IS NOT NULL)),
    CHECK ((type IN ('duration', 'pages_per_session')) = (value_numeric IS NOT NULL)),
    CHECK ((match_type IS NULL) = (value IS NULL)),
    CHECK (is_active = (valid_to IS NULL))
) STRICT;

CREATE INDEX idx_goals_website ON goals (website_id);
CREATE INDEX idx_goals_active ON goals (is_active);
CREATE UNIQUE INDEX idx_goals_name ON goals (website_id, name) WHERE is_active;

CREATE TABLE funnels (
    funnel_id TEXT NOT NULL PRIMARY KEY DEFAULT (
        lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-'
        || substr('89ab', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))
    ) CHECK (length(funnel_id) = 36),
    website_id TEXT NOT NULL REFERENCES websites (website_id) ON DELETE CASCADE,
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    description TEXT,

    -- The steps in their order; what stands in one is checked before it is written.
    steps TEXT NOT NULL CHECK (
        CASE WHEN json_valid(steps) THEN json_type(steps) = 'array' AND json_array_length(steps) BETWEEN 2 AND 20 ELSE 0 END
    ),
    is_active INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) CHECK (created_at GLOB '????-??-??T??:??:??*Z')
) STRICT;

CREATE INDEX idx_funnels_website ON funnels (website_id);
CREATE UNIQUE INDEX idx_funnels_name ON funnels (website_id, name) WHERE is_active;
