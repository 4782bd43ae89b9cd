-- The seed's custom_dimensions and custom_metrics: what the twenty columns of each kind in events_local mean on a website.

CREATE TABLE custom_dimensions (
    dimension_id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    website_id UUID NOT NULL REFERENCES websites (website_id) ON DELETE CASCADE,
    "index" INTEGER NOT NULL CHECK ("index" BETWEEN 1 AND 20),
    name VARCHAR(100) NOT NULL CHECK (name <> ''),
    scope VARCHAR(20) NOT NULL CHECK (scope IN ('hit', 'session', 'user')),
    is_active BOOLEAN NOT NULL DEFAULT true,
    created_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    -- The seed's idx_website is the index that this makes.
    UNIQUE (website_id, "index")
);

CREATE TABLE custom_metrics (
    metric_id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    website_id UUID NOT NULL REFERENCES websites (website_id) ON DELETE CASCADE,
    "index" INTEGER NOT NULL CHECK ("index" BETWEEN 1 AND 20),
    name VARCHAR(100) NOT NULL CHECK (name <> ''),
    type VARCHAR(20) NOT NULL CHECK (type IN ('integer', 'currency', 'time')),
    is_active BOOLEAN NOT NULL DEFAULT true,
    created_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    UNIQUE (website_id, "index")
);
