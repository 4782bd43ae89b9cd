-- Rows of a UTC day that are stored and that the staging table lacks, counted over short ranges of offsets.
SELECT toUInt64(sum(greatest(toInt64(old) - toInt64(new), 0)))
FROM
(
    SELECT sum(is_old) AS old, sum(1 - is_old) AS new
    FROM
    (
        SELECT log_incarnation, log_partition, log_offset, 1 AS is_old
        FROM {table:Identifier}
        WHERE toYYYYMMDD(server_timestamp) = toYYYYMMDD(toDate({day:UInt16}))
        UNION ALL
        SELECT log_incarnation, log_partition, log_offset, 0 AS is_old
        FROM {staging:Identifier}
        WHERE toYYYYMMDD(server_timestamp) = toYYYYMMDD(toDate({day:UInt16}))
    )
    GROUP BY log_incarnation, log_partition, intDiv(log_offset, 1000)
)
