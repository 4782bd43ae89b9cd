-- The seed's website_permissions. Who owns a website stands in websites.owner_user_id; the row with the role 'owner' follows it,
-- by trigger, and cannot be made, changed or removed otherwise: there is one owner, and both tables name the same.

CREATE TABLE website_permissions (
    permission_id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    website_id UUID NOT NULL REFERENCES websites (website_id) ON DELETE CASCADE,
    user_id UUID NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    role VARCHAR(20) NOT NULL CHECK (role IN ('owner', 'admin', 'editor', 'viewer')),
    granted_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    granted_by UUID REFERENCES users (user_id),
    UNIQUE (website_id, user_id)
);

-- The seed's idx_website is the index that UNIQUE makes.
CREATE INDEX idx_website_permissions_user ON website_permissions (user_id);
CREATE UNIQUE INDEX idx_website_permissions_owner ON website_permissions (website_id) WHERE role = 'owner';

INSERT INTO website_permissions (website_id, user_id, role, granted_by)
SELECT website_id, owner_user_id, 'owner', owner_user_id FROM websites;

CREATE FUNCTION owner_follows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Who owned it before stays its administrator.
    UPDATE website_permissions SET role = 'admin', granted_at = clock_timestamp(), granted_by = new.owner_user_id
    WHERE website_id = new.website_id AND role = 'owner';
    INSERT INTO website_permissions (website_id, user_id, role, granted_by)
    VALUES (new.website_id, new.owner_user_id, 'owner', new.owner_user_id)
    ON CONFLICT (website_id, user_id) DO UPDATE
    SET role = 'owner', granted_at = clock_timestamp(), granted_by = excluded.granted_by;
    RETURN NULL;
END $$;

CREATE TRIGGER websites_first_owner AFTER INSERT ON websites FOR EACH ROW EXECUTE FUNCTION owner_follows();

CREATE TRIGGER websites_next_owner AFTER UPDATE OF owner_user_id ON websites
FOR EACH ROW WHEN (new.owner_user_id <> old.owner_user_id) EXECUTE FUNCTION owner_follows();

CREATE FUNCTION owner_stays() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    owner UUID;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        SELECT owner_user_id INTO owner FROM websites WHERE website_id = old.website_id;
        IF old.role = 'owner' AND old.user_id = owner
            AND (TG_OP = 'DELETE' OR (new.website_id, new.user_id, new.role) <> (old.website_id, old.user_id, old.role))
        THEN
            RAISE EXCEPTION 'the owner of a website is changed in websites.owner_user_id' USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN old;
    END IF;
    SELECT owner_user_id INTO owner FROM websites WHERE website_id = new.website_id;
    IF (new.role = 'owner') <> (new.user_id = owner) THEN
        RAISE EXCEPTION 'the owner of a website is changed in websites.owner_user_id' USING ERRCODE = 'check_violation';
    END IF;
    RETURN new;
END $$;

CREATE TRIGGER website_permissions_owner BEFORE INSERT OR UPDATE OR DELETE ON website_permissions
FOR EACH ROW EXECUTE FUNCTION owner_stays();
