-- The seed's goals and funnels. A goal counts from valid_from until valid_to: it is never changed but retired, so that a session of
-- last month is judged today by the goals of last month.

CREATE TABLE goals (
    goal_id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    website_id UUID NOT NULL REFERENCES websites (website_id) ON DELETE CASCADE,
    name VARCHAR(255) NOT NULL CHECK (name <> ''),
    type VARCHAR(50) NOT NULL CHECK (type IN ('destination', 'duration', 'pages_per_session', 'event')),

    match_type VARCHAR(20) CHECK (match_type IN ('equals', 'begins_with', 'regex')),
    value TEXT,
    value_numeric DECIMAL(10,2) CHECK (value_numeric > 0),

    is_active BOOLEAN NOT NULL DEFAULT true,
    created_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    valid_from TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    valid_to TIMESTAMPTZ CHECK (valid_to >= valid_from),

    -- A pattern for what is compared, a number for what is counted; never both.
    CHECK ((type IN ('destination', 'event')) = (match_type IS NOT NULL AND value IS NOT NULL)),
    CHECK ((type IN ('duration', 'pages_per_session')) = (value_numeric IS NOT NULL)),
    CHECK ((match_type IS NULL) = (value IS NULL)),
    CHECK (is_active = (valid_to IS NULL))
);

CREATE INDEX idx_goals_website ON goals (website_id);
CREATE INDEX idx_goals_active ON goals (is_active);
CREATE UNIQUE INDEX idx_goals_name ON goals (website_id, name) WHERE is_active;

CREATE TABLE funnels (
    funnel_id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    website_id UUID NOT NULL REFERENCES websites (website_id) ON DELETE CASCADE,
    name VARCHAR(255) NOT NULL CHECK (name <> ''),
    description TEXT,

    -- The steps in their order; what stands in one is checked before it is written.
    steps JSONB NOT NULL CHECK (
        CASE WHEN jsonb_typeof(steps) = 'array' THEN jsonb_array_length(steps) BETWEEN 2 AND 20 ELSE false END
    ),
    is_active BOOLEAN NOT NULL DEFAULT true,
    created_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE INDEX idx_funnels_website ON funnels (website_id);
CREATE UNIQUE INDEX idx_funnels_name ON funnels (website_id, name) WHERE is_active;
