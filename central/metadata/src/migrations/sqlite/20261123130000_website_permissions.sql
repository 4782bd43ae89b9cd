-- The seed's website_permissions. Who owns a website stands in websites.owner_user_id; the row with the role 'owner' follows it,
-- by trigger, and cannot be made, changed or removed otherwise: there is one owner, and both tables name the same.

CREATE TABLE website_permissions (
    permission_id TEXT NOT NULL PRIMARY KEY DEFAULT (
        lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-'
        || substr('89ab', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))
    ) CHECK (length(permission_id) = 36),
    website_id TEXT NOT NULL REFERENCES websites (website_id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    role TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'editor', 'viewer')),
    granted_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) CHECK (granted_at GLOB '????-??-??T??:??:??*Z'),
    granted_by TEXT REFERENCES users (user_id),
    UNIQUE (website_id, user_id)
) STRICT;

-- The seed's idx_website is the index that UNIQUE makes.
CREATE INDEX idx_website_permissions_user ON website_permissions (user_id);
CREATE UNIQUE INDEX idx_website_permissions_owner ON website_permissions (website_id) WHERE role = 'owner';

INSERT INTO website_permissions (website_id, user_id, role, granted_by)
SELECT website_id, owner_user_id, 'owner', owner_user_id FROM websites;

CREATE TRIGGER websites_first_owner AFTER INSERT ON websites
BEGIN
    INSERT INTO website_permissions (website_id, user_id, role, granted_by)
    VALUES (new.website_id, new.owner_user_id, 'owner', new.owner_user_id);
END;

CREATE TRIGGER websites_next_owner AFTER UPDATE OF owner_user_id ON websites
WHEN new.owner_user_id <> old.owner_user_id
BEGIN
    -- Who owned it before stays its administrator.
    UPDATE website_permissions
    SET role = 'admin', granted_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), granted_by = new.owner_user_id
    WHERE website_id = new.website_id AND role = 'owner';
    INSERT INTO website_permissions (website_id, user_id, role, granted_by)
    VALUES (new.website_id, new.owner_user_id, 'owner', new.owner_user_id)
    ON CONFLICT (website_id, user_id) DO UPDATE
    SET role = 'owner', granted_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), granted_by = excluded.granted_by;
END;

CREATE TRIGGER website_permissions_owner_made BEFORE INSERT ON website_permissions
WHEN (new.role = 'owner') <> EXISTS (
    SELECT 1 FROM websites WHERE website_id = new.website_id AND owner_user_id = new.user_id
)
-- What ON CONFLICT turns into an update is looked at there.
AND NOT EXISTS (SELECT 1 FROM website_permissions WHERE website_id = new.website_id AND user_id = new.user_id)
BEGIN
    SELECT RAISE(ABORT, 'the owner of a website is changed in websites.owner_user_id');
END;

CREATE TRIGGER website_permissions_owner_changed BEFORE UPDATE ON website_permissions
WHEN (new.role = 'owner') <> EXISTS (
    SELECT 1 FROM websites WHERE website_id = new.website_id AND owner_user_id = new.user_id
)
BEGIN
    SELECT RAISE(ABORT, 'the owner of a website is changed in websites.owner_user_id');
END;

CREATE TRIGGER website_permissions_owner_moved BEFORE UPDATE OF website_id, user_id ON website_permissions
WHEN old.role = 'owner' AND (new.website_id <> old.website_id OR new.user_id <> old.user_id) AND EXISTS (
    SELECT 1 FROM websites WHERE website_id = old.website_id AND owner_user_id = old.user_id
)
BEGIN
    SELECT RAISE(ABORT, 'the owner of a website is changed in websites.owner_user_id');
END;

CREATE TRIGGER website_permissions_owner_removed BEFORE DELETE ON website_permissions
WHEN EXISTS (SELECT 1 FROM websites WHERE website_id = old.website_id AND owner_user_id = old.user_id)
BEGIN
    SELECT RAISE(ABORT, 'the owner of a website is changed in websites.owner_user_id');
END;
