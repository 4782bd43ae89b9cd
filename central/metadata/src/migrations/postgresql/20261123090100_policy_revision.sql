-- One number that grows with every change of what the edges must know. Every edge keeps the policy with the greatest id it ever
-- saw, so the number may never fall behind one that was already sent: it is at least the clock (milliseconds since 1970), and so
-- a database that was made anew still outranks the one before it. Whoever changes it holds its row until the end of the
-- transaction: revisions become visible in their order, however many write.

CREATE TABLE policy_revision (
    only_row INTEGER NOT NULL PRIMARY KEY DEFAULT 1 CHECK (only_row = 1),
    revision BIGINT NOT NULL CHECK (revision > 0)
);

INSERT INTO policy_revision (revision) VALUES (CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT));

CREATE FUNCTION policy_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE policy_revision
    SET revision = greatest(revision + 1, CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT));
    RETURN NULL;
END $$;

CREATE TRIGGER websites_revision AFTER INSERT OR UPDATE OR DELETE ON websites
FOR EACH ROW EXECUTE FUNCTION policy_changed();

CREATE TRIGGER website_properties_revision AFTER INSERT OR UPDATE OR DELETE ON website_properties
FOR EACH ROW EXECUTE FUNCTION policy_changed();
