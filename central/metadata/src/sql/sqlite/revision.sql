-- A file that could be read but not written would not have been opened.
SELECT revision, 0 AS read_only FROM policy_revision
