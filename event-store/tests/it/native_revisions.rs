//! Native as clients of the native protocol's revisions read it, for every type of the engine's that can be measured.

use crate::server::Server;

/// One expression of each type, and of types within types.
const VALUES: &[&str] = &[
    "number",
    "number % 2 = 0",
    "toInt256(number)",
    "toString(number)",
    "toFixedString('ab', 5)",
    "toBFloat16(1)",
    "toDecimal32(1, 2)",
    "toDecimal256(1, 40)",
    "CAST('b', 'Enum16(\\'a\\' = 1, \\'b\\' = 300)')",
    "CAST('a)', 'Enum8(\\'a)\\' = 1)')",
    "generateUUIDv4()",
    "toIPv4('1.2.3.4')",
    "toIPv6('::1')",
    "toDate32('2026-01-01')",
    "toDateTime(0, 'Europe/Berlin')",
    "toDateTime64(0, 3, 'UTC')",
    "toTime64('12:00:00', 3)",
    "INTERVAL number DAY",
    "NULL",
    "tuple()",
    "if(number % 3 = 0, NULL, number)",
    "toLowCardinality(toString(number % 7))",
    "toLowCardinality(if(number % 3 = 0, NULL, toString(number)))",
    "CAST(number, 'LowCardinality(UInt32)')",
    "range(number % 5)",
    "arrayMap(x -> toLowCardinality(toString(x)), range(number % 3))",
    "[]::Array(LowCardinality(String))",
    "[[(number, 'x')], []]",
    "map('a', [number], 'b', [])",
    "CAST(map('a', 'x'), 'Map(LowCardinality(String), LowCardinality(Nullable(String)))')",
    "CAST((number, 'x'), 'Tuple(`a b` UInt8, `c,d)` LowCardinality(String))')",
    "[(1, 'x')]::Nested(a UInt8, b String)",
    "CAST(sum(number), 'SimpleAggregateFunction(sum, UInt64)')",
    "(1., 2.)::Point",
    "[[[(1., 2.)]]]::MultiPolygon",
    "multiIf(number % 3 = 0, 1::Variant(UInt8, String, Array(String)), number % 3 = 1, NULL, ['x'])",
    "multiIf(number % 3 = 0, number::Dynamic, number % 3 = 1, 'x'::Dynamic, [1, 2]::Dynamic)",
    "[number::Dynamic]",
    "concat('{\"a\":', toString(number), ',\"b\":[\"x\"],\"c\":{\"d\":1.5}}')::JSON",
    "'{\"a\":1,\"z\":2,\"b\":\"x\"}'::JSON(max_dynamic_paths = 1, z UInt16, b String, SKIP e)",
];

/// The fixed part of a block's info.
const INFO: &[u8] = b"\x01\0\x02\xff\xff\xff\xff\0";

/// The last column, as far as its first value.
const LAST: &[u8] = b"\x01z\x06String\0\x03end";

#[test]
fn are_the_blocks_of_files_with_a_few_bytes_more() {
    let server = Server::start();
    for value in VALUES {
        // Without GROUP BY an aggregate has one row.
        let from = if value.contains("sum(") { "numbers(10)" } else { "numbers(25)" };
        // The last column is found only if the one before it was measured.
        let sql = format!(
            "SELECT {value} AS a, 'end' AS z FROM {from} SETTINGS max_block_size = 10, max_threads = 1, \
             allow_suspicious_low_cardinality_types = 1"
        );
        let ask = |query: &str| {
            let said = server.curl(&format!("?default_format=Native&{query}"), &["--data-binary", &sql]);
            assert_eq!(said.status, 200, "{value}: {}", said.body);
            said.bytes
        };
        // A generated value differs each time; its length does not.
        let (plain, earlier, later) =
            (ask(""), ask("client_protocol_version=54453"), ask("client_protocol_version=54460"));
        let whole = ask("client_protocol_version=54460&extremes=0");
        let blocks = (earlier.len() - plain.len()) / INFO.len();
        assert!(blocks >= 1 && earlier.starts_with(INFO), "{value}: {blocks} blocks");
        assert_eq!(earlier.len(), plain.len() + blocks * INFO.len(), "{value}");
        assert_eq!(later.len(), plain.len() + blocks * (INFO.len() + 2), "{value}");
        assert_eq!(whole.len(), later.len(), "{value}");
        assert_eq!(later.windows(LAST.len()).filter(|bytes| *bytes == LAST).count(), blocks, "{value}");
    }
    let state = "SELECT sumState(number) AS a FROM numbers(1)";
    let refused = server
        .curl_as_reader("?default_format=Native&client_protocol_version=54460", &["--data-binary", state]);
    assert_eq!((refused.status, refused.exception()), (501, 48), "{}", refused.body);
    let text = server.curl_as_reader("?client_protocol_version=54460", &["--data-binary", "SELECT 1"]);
    assert_eq!(text.body, "1\n");
}
