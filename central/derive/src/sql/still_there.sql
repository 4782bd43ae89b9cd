-- Whether what the step worked on is still there: a server that was started again meanwhile may have lost it.
SELECT
    (SELECT count() FROM derivation_sessions WHERE log_partition = {partition:UInt32} AND version = {version:UInt64}),
    (SELECT count() FROM derivation_cells WHERE log_partition = {partition:UInt32} AND version = {version:UInt64})
