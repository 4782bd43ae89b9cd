-- $1 tracking id, $2 status.
UPDATE websites SET status = $2 WHERE tracking_id = $1
