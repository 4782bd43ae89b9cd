-- How many inserts still run for a partition.
SELECT count() FROM system.processes WHERE Settings['log_comment'] = {comment:String}
