-- How many rows of a UTC day a table holds, and a number that says whether they are the same ones.
SELECT count(), sum(cityHash64(log_incarnation, log_partition, log_offset, log_index))
FROM {table:Identifier}
WHERE toYYYYMMDD(server_timestamp) = toYYYYMMDD(toDate({day:UInt16}))
