-- How many cells of hours and days the step works on, and the first and last of each.
SELECT
    countIf(span = 1), countIf(span = 24),
    toUnixTimestamp64Milli(toDateTime64(minIf(start, span = 1), 3)), toUnixTimestamp64Milli(toDateTime64(maxIf(start, span = 1), 3)),
    toUnixTimestamp64Milli(toDateTime64(minIf(start, span = 24), 3)), toUnixTimestamp64Milli(toDateTime64(maxIf(start, span = 24), 3))
FROM derivation_cells
WHERE log_partition = {partition:UInt32} AND version = {version:UInt64}
