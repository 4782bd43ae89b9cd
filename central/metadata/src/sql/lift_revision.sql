-- $1 what the revision is at least.
UPDATE policy_revision SET revision = $1 WHERE revision < $1
