-- One number that grows with every change of what the edges must know. Every edge keeps the policy with the greatest id it ever
-- saw, so the number may never fall behind one that was already sent: it is at least the clock (milliseconds since 1970), and so
-- a database that was made anew still outranks the one before it.

CREATE TABLE policy_revision (
    only_row INTEGER NOT NULL PRIMARY KEY DEFAULT 1 CHECK (only_row = 1),
    revision INTEGER NOT NULL CHECK (revision > 0)
) STRICT;

INSERT INTO policy_revision (revision) VALUES (CAST(unixepoch('subsec') * 1000 AS INTEGER));

CREATE TRIGGER websites_insert_revision AFTER INSERT ON websites
BEGIN
    UPDATE policy_revision SET revision = max(revision + 1, CAST(unixepoch('subsec') * 1000 AS INTEGER));
END;

CREATE TRIGGER websites_update_revision AFTER UPDATE ON websites
BEGIN
    UPDATE policy_revision SET revision = max(revision + 1, CAST(unixepoch('subsec') * 1000 AS INTEGER));
END;

CREATE TRIGGER websites_delete_revision AFTER DELETE ON websites
BEGIN
    UPDATE policy_revision SET revision = max(revision + 1, CAST(unixepoch('subsec') * 1000 AS INTEGER));
END;

CREATE TRIGGER website_properties_insert_revision AFTER INSERT ON website_properties
BEGIN
    UPDATE policy_revision SET revision = max(revision + 1, CAST(unixepoch('subsec') * 1000 AS INTEGER));
END;

CREATE TRIGGER website_properties_update_revision AFTER UPDATE ON website_properties
BEGIN
    UPDATE policy_revision SET revision = max(revision + 1, CAST(unixepoch('subsec') * 1000 AS INTEGER));
END;

CREATE TRIGGER website_properties_delete_revision AFTER DELETE ON website_properties
BEGIN
    UPDATE policy_revision SET revision = max(revision + 1, CAST(unixepoch('subsec') * 1000 AS INTEGER));
END;
