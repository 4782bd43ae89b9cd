-- Whether what the step worked on is still there: a server that was started again meanwhile may have lost it.
SELECT sum(sessions), sum(cells)
FROM (
    SELECT count() AS sessions, 0::UInt64 AS cells
    FROM derivation_sessions
    WHERE log_partition = {partition:UInt32} AND version = {version:UInt64}
    UNION ALL
    SELECT 0, count()
    FROM derivation_cells
    WHERE log_partition = {partition:UInt32} AND version = {version:UInt64}
)
