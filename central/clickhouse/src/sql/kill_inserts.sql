-- Ends what is still running for a partition. Never SYNC: that waits for the connection of whoever is killed.
KILL QUERY WHERE Settings['log_comment'] = {comment:String} AND query_id != queryID() ASYNC
