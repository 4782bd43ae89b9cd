//! How the chunks of a streamed result are concatenated, by format. Pure.
//!
//! The engine writes every chunk as if it were a whole result: formats of bare rows can be concatenated, formats with
//! names repeat them in every chunk, and framed formats (JSON, Parquet, …) cannot be concatenated. Each line of the table
//! below was tried on 26.7.3; a format that is not in it counts as framed.

/// How chunks are concatenated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Concatenation {
    /// As they are.
    AsIs,
    /// After cutting the header of each further chunk: this many lines of text, quoted as in CSV or not.
    Lines {
        /// Lines of the header.
        count: usize,
        /// Whether a quoted name may hold a line end.
        quoted: bool,
    },
    /// After cutting RowBinary's header: a count and so many names, and as many types.
    RowBinary {
        /// Whether types follow the names.
        types: bool,
    },
    /// Not at all: the engine makes the result whole.
    Framed,
}

/// The concatenation of a format, whose names ClickHouse takes in any case.
pub fn concatenation(format: &str) -> Concatenation {
    let lower = format.to_ascii_lowercase();
    let (rows, count) = if let Some(rows) = lower.strip_suffix("withnamesandtypes") {
        (rows, 2)
    } else if let Some(rows) = lower.strip_suffix("withnames") {
        (rows, 1)
    } else {
        (lower.as_str(), 0)
    };
    match (rows, count) {
        ("rowbinary", count @ 1..) => Concatenation::RowBinary { types: count == 2 },
        (
            "tabseparated"
            | "tsv"
            | "tabseparatedraw"
            | "tsvraw"
            | "csv"
            | "tskv"
            | "jsoneachrow"
            | "jsonl"
            | "jsonlines"
            | "ndjson"
            | "jsonstringseachrow"
            | "jsoncompacteachrow"
            | "jsoncompactstringseachrow"
            | "prettyjsoneachrow"
            | "prettyjsonlines"
            | "prettyndjson"
            | "rowbinary"
            | "native"
            | "msgpack"
            | "bsoneachrow"
            | "rawblob"
            | "lineasstring"
            | "null",
            0,
        ) => Concatenation::AsIs,
        ("tabseparated" | "tsv" | "jsoncompacteachrow" | "jsoncompactstringseachrow", count @ 1..) => {
            Concatenation::Lines { count, quoted: false }
        }
        ("csv", count @ 1..) => Concatenation::Lines { count, quoted: true },
        _ => Concatenation::Framed,
    }
}

/// The length of a first chunk's header; nothing when the chunk does not hold one.
pub fn header_length(concatenation: Concatenation, chunk: &[u8]) -> Option<usize> {
    match concatenation {
        Concatenation::AsIs | Concatenation::Framed => Some(0),
        Concatenation::Lines { count, quoted } => lines_length(chunk, count, quoted),
        Concatenation::RowBinary { types } => row_binary_length(chunk, types),
    }
}

fn lines_length(chunk: &[u8], count: usize, quoted: bool) -> Option<usize> {
    let mut left = count;
    let mut inside = false;
    for (at, byte) in chunk.iter().enumerate() {
        match byte {
            b'"' if quoted => inside = !inside,
            b'\n' if !inside => {
                left -= 1;
                if left == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

fn row_binary_length(chunk: &[u8], types: bool) -> Option<usize> {
    let mut at = 0;
    let columns = varint(chunk, &mut at)?;
    let strings = columns.checked_mul(if types { 2 } else { 1 })?;
    for _ in 0..strings {
        let length = usize::try_from(varint(chunk, &mut at)?).ok()?;
        at = at.checked_add(length).filter(|at| *at <= chunk.len())?;
    }
    Some(at)
}

fn varint(chunk: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..63).step_by(7) {
        let byte = *chunk.get(*at)?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// The content type that ClickHouse gives a format.
pub fn content_type(format: &str) -> &'static str {
    let lower = format.to_ascii_lowercase();
    match lower.as_str() {
        "jsoneachrow" | "jsonlines" | "jsonl" | "ndjson" | "jsonstringseachrow" => {
            "application/x-ndjson; charset=UTF-8"
        }
        "xml" => "application/xml; charset=UTF-8",
        "native" | "parquet" | "arrow" | "arrowstream" | "orc" | "avro" | "msgpack" | "rawblob" | "npy" => {
            "application/octet-stream"
        }
        name if name.starts_with("rowbinary") => "application/octet-stream",
        name if name.starts_with("json") => "application/json; charset=UTF-8",
        name if name.starts_with("csvwithnames") => "text/csv; charset=UTF-8; header=present",
        "csv" => "text/csv; charset=UTF-8; header=absent",
        name if name.starts_with("tabseparated") || name.starts_with("tsv") || name == "tskv" => {
            "text/tab-separated-values; charset=UTF-8"
        }
        _ => "text/plain; charset=UTF-8",
    }
}

#[cfg(test)]
mod chunks {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn of_bare_rows_join_as_they_are() {
        for format in ["TabSeparated", "tsv", "CSV", "JSONEachRow", "NDJSON", "RowBinary", "Native", "Null"] {
            assert_eq!(concatenation(format), Concatenation::AsIs, "{format}");
        }
    }

    #[test]
    fn with_names_lose_their_further_headers() {
        let csv = concatenation("CSVWithNames");
        assert_eq!(header_length(csv, b"\"a\nb\",\"c\"\"\nd\"\n1,2\n"), Some(14));
        let both = concatenation("TSVWithNamesAndTypes");
        assert_eq!(header_length(both, b"a\tb\nInt8\tString\n1\tx\n"), Some(16));
        assert_eq!(header_length(both, b"a\tb\nInt8"), None);
        let binary = concatenation("RowBinaryWithNamesAndTypes");
        assert_eq!(header_length(binary, b"\x01\x01a\x04Int8\x07"), Some(8));
        assert_eq!(header_length(binary, b"\x01\x7fa"), None);
    }

    #[test]
    fn of_framed_or_unknown_formats_do_not_join() {
        for format in [
            "JSON",
            "Parquet",
            "XML",
            "Pretty",
            "Vertical",
            "TSVRawWithNames",
            "Values",
            "Template",
            "Whatever",
        ] {
            assert_eq!(concatenation(format), Concatenation::Framed, "{format}");
        }
    }

    proptest! {
        #[test]
        fn may_be_any_bytes(chunk in proptest::collection::vec(any::<u8>(), 0..200)) {
            for format in ["CSVWithNames", "TSVWithNamesAndTypes", "RowBinaryWithNamesAndTypes"] {
                prop_assert!(header_length(concatenation(format), &chunk).unwrap_or(0) <= chunk.len());
            }
        }
    }
}
