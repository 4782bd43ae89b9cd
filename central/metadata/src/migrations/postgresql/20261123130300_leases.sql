-- Who does a job that only one central may do at a time. The token grows whenever a lease changes hands: what a job writes under an
-- older token can be refused. Times are milliseconds since 1970 by the database's clock, so that no two centrals disagree.

CREATE TABLE leases (
    name VARCHAR(255) NOT NULL PRIMARY KEY CHECK (name <> ''),
    holder VARCHAR(255) NOT NULL CHECK (holder <> ''),
    token BIGINT NOT NULL CHECK (token > 0),
    expires_at_ms BIGINT NOT NULL
);
