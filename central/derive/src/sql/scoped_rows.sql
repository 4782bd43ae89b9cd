-- A dimension that belongs to its event only is empty in a session; of one that belongs to users it is what the session's user said last.
-- Around the rows whose dimensions all belong to sessions.
SELECT s.* REPLACE (
    multiIf((s.website_id, 1) IN {user_dimensions:Array(Tuple(String, UInt8))}, u.said[1], (s.website_id, 1) IN {hit_dimensions:Array(Tuple(String, UInt8))}, '', s.custom_dimension_1) AS custom_dimension_1,
    multiIf((s.website_id, 2) IN {user_dimensions:Array(Tuple(String, UInt8))}, u.said[2], (s.website_id, 2) IN {hit_dimensions:Array(Tuple(String, UInt8))}, '', s.custom_dimension_2) AS custom_dimension_2,
    multiIf((s.website_id, 3) IN {user_dimensions:Array(Tuple(String, UInt8))}, u.said[3], (s.website_id, 3) IN {hit_dimensions:Array(Tuple(String, UInt8))}, '', s.custom_dimension_3) AS custom_dimension_3,
    multiIf((s.website_id, 4) IN {user_dimensions:Array(Tuple(String, UInt8))}, u.said[4], (s.website_id, 4) IN {hit_dimensions:Array(Tuple(String, UInt8))}, '', s.custom_dimension_4) AS custom_dimension_4,
    multiIf((s.website_id, 5) IN {user_dimensions:Array(Tuple(String, UInt8))}, u.said[5], (s.website_id, 5) IN {hit_dimensions:Array(Tuple(String, UInt8))}, '', s.custom_dimension_5) AS custom_dimension_5,
    multiIf((s.website_id, 6) IN {user_dimensions:Array(Tuple(String, UInt8))}, u.said[6], (s.website_id, 6) IN {hit_dimensions:Array(Tuple(String, UInt8))}, '', s.custom_dimension_6) AS custom_dimension_6,
    multiIf((s.website_id, 7) IN {user_dimensions:Array(Tuple(String, UInt8))}, u.said[7], (s.website_id, 7) IN {hit_dimensions:Array(Tuple(String, UInt8))}, '', s.custom_dimension_7) AS custom_dimension_7,
    multiIf((s.website_id, 8) IN {user_dimensions:Array(Tuple(String, UInt8))}, u.said[8], (s.website_id, 8) IN {hit_dimensions:Array(Tuple(String, UInt8))}, '', s.custom_dimension_8) AS custom_dimension_8,
    multiIf((s.website_id, 9) IN {user_dimensions:Array(Tuple(String, UInt8))}, u.said[9], (s.website_id, 9) IN {hit_dimensions:Array(Tuple(String, UInt8))}, '', s.custom_dimension_9) AS custom_dimension_9,
    multiIf((s.website_id, 10) IN {user_dimensions:Array(Tuple(String, UInt8))}, u.said[10], (s.website_id, 10) IN {hit_dimensions:Array(Tuple(String, UInt8))}, '', s.custom_dimension_10) AS custom_dimension_10,
    multiIf((s.website_id, 11) IN {user_dimensions:Array(Tuple(String, UInt8))}, u.said[11], (s.website_id, 11) IN {hit_dimensions:Array(Tuple(String, UInt8))}, '', s.custom_dimension_11) AS custom_dimension_11,
    multiIf((s.website_id, 12) IN {user_dimensions:Array(Tuple(String, UInt8))}, u.said[12], (s.website_id, 12) IN {hit_dimensions:Array(Tuple(String, UInt8))}, '', s.custom_dimension_12) AS custom_dimension_12,
    multiIf((s.website_id, 13) IN {user_dimensions:Array(Tuple(String, UInt8))}, u.said[13], (s.website_id, 13) IN {hit_dimensions:Array(Tuple(String, UInt8))}, '', s.custom_dimension_13) AS custom_dimension_13,
    multiIf((s.website_id, 14) IN {user_dimensions:Array(Tuple(String, UInt8))}, u.said[14], (s.website_id, 14) IN {hit_dimensions:Array(Tuple(String, UInt8))}, '', s.custom_dimension_14) AS custom_dimension_14,
    multiIf((s.website_id, 15) IN {user_dimensions:Array(Tuple(String, UInt8))}, u.said[15], (s.website_id, 15) IN {hit_dimensions:Array(Tuple(String, UInt8))}, '', s.custom_dimension_15) AS custom_dimension_15,
    multiIf((s.website_id, 16) IN {user_dimensions:Array(Tuple(String, UInt8))}, u.said[16], (s.website_id, 16) IN {hit_dimensions:Array(Tuple(String, UInt8))}, '', s.custom_dimension_16) AS custom_dimension_16,
    multiIf((s.website_id, 17) IN {user_dimensions:Array(Tuple(String, UInt8))}, u.said[17], (s.website_id, 17) IN {hit_dimensions:Array(Tuple(String, UInt8))}, '', s.custom_dimension_17) AS custom_dimension_17,
    multiIf((s.website_id, 18) IN {user_dimensions:Array(Tuple(String, UInt8))}, u.said[18], (s.website_id, 18) IN {hit_dimensions:Array(Tuple(String, UInt8))}, '', s.custom_dimension_18) AS custom_dimension_18,
    multiIf((s.website_id, 19) IN {user_dimensions:Array(Tuple(String, UInt8))}, u.said[19], (s.website_id, 19) IN {hit_dimensions:Array(Tuple(String, UInt8))}, '', s.custom_dimension_19) AS custom_dimension_19,
    multiIf((s.website_id, 20) IN {user_dimensions:Array(Tuple(String, UInt8))}, u.said[20], (s.website_id, 20) IN {hit_dimensions:Array(Tuple(String, UInt8))}, '', s.custom_dimension_20) AS custom_dimension_20)
FROM (
