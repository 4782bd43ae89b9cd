-- A standby and a server told so answer 'on'.
SELECT revision, current_setting('transaction_read_only') = 'on' AS read_only FROM policy_revision
