-- Who does a job that only one central may do at a time. The token grows whenever a lease changes hands: what a job writes under an
-- older token can be refused. Times are milliseconds since 1970 by the database's clock, so that no two centrals disagree.

CREATE TABLE leases (
    name TEXT NOT NULL PRIMARY KEY CHECK (name <> ''),
    holder TEXT NOT NULL CHECK (holder <> ''),
    token INTEGER NOT NULL CHECK (token > 0),
    expires_at_ms INTEGER NOT NULL
) STRICT;
