-- The first UTC day that there are events of, counted from 1970.
SELECT toUInt16(toDate(min(server_timestamp)))
FROM events_local
