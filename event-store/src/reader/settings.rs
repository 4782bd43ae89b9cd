//! The settings that a caller without the password may name, and the values that they may have. A table. Pure.
//!
//! On it stands what the official clients send by their defaults, what shapes an answer's text, and what makes a statement
//! smaller. A setting is kept off the list by default: most of 1,721 decide what a statement may cost, and each new
//! version of the engine brings more.

use crate::engine::{Exception, code};
use crate::limits::{READER_BLOCK_ROWS, READER_SECONDS};

/// Which values a setting may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// 0, 1, true or false.
    Flag,
    /// A whole number, digits only.
    Number(u64, u64),
    /// One of these words.
    Words(&'static [&'static str]),
    /// At most so many bytes of text that means nothing to the engine.
    Text(usize),
    /// A time zone's name.
    Zone,
}

use Bound::{Flag, Number, Text, Words, Zone};

const ANY: Bound = Number(0, u64::MAX);

/// The list, by name.
pub const PERMITTED: [(&str, Bound); 58] = [
    ("async_insert", Flag),
    ("cast_string_to_dynamic_use_inference", Flag),
    ("date_time_input_format", Words(&["basic", "best_effort", "best_effort_us"])),
    ("date_time_output_format", Words(&["simple", "iso", "unix_timestamp"])),
    ("extremes", Flag),
    ("http_headers_progress_interval_ms", ANY),
    ("join_use_nulls", Flag),
    ("limit", ANY),
    ("log_comment", Text(256)),
    ("max_block_size", Number(1, READER_BLOCK_ROWS)),
    ("max_execution_time", Number(1, READER_SECONDS)),
    ("max_result_rows", ANY),
    ("max_rows_to_read", ANY),
    ("max_threads", Number(1, 4)),
    ("network_compression_method", Words(&["LZ4", "LZ4HC", "ZSTD", "NONE", "lz4", "lz4hc", "zstd", "none"])),
    ("network_zstd_compression_level", Number(1, 15)),
    ("offset", ANY),
    ("output_format_arrow_string_as_string", Flag),
    ("output_format_binary_encode_types_in_binary_format", Flag),
    ("output_format_binary_write_json_as_string", Flag),
    ("output_format_csv_crlf_end_of_line", Flag),
    ("output_format_decimal_trailing_zeros", Flag),
    ("output_format_json_array_of_rows", Flag),
    ("output_format_json_escape_forward_slashes", Flag),
    ("output_format_json_map_as_array_of_tuples", Flag),
    ("output_format_json_named_tuples_as_objects", Flag),
    ("output_format_json_pretty_print", Flag),
    ("output_format_json_quote_64bit_floats", Flag),
    ("output_format_json_quote_64bit_integers", Flag),
    ("output_format_json_quote_decimals", Flag),
    ("output_format_json_quote_denormals", Flag),
    ("output_format_json_skip_null_value_in_named_tuples", Flag),
    ("output_format_json_validate_utf8", Flag),
    ("output_format_markdown_escape_special_characters", Flag),
    ("output_format_native_encode_types_in_binary_format", Flag),
    ("output_format_native_use_flattened_dynamic_and_json_serialization", Flag),
    ("output_format_native_write_json_as_string", Flag),
    ("output_format_orc_string_as_string", Flag),
    ("output_format_parquet_datetime_as_uint32", Flag),
    ("output_format_parquet_string_as_string", Flag),
    ("output_format_pretty_color", Flag),
    ("output_format_pretty_highlight_digit_groups", Flag),
    ("output_format_pretty_max_column_pad_width", Number(0, 250)),
    ("output_format_pretty_max_rows", Number(0, 10_000)),
    ("output_format_pretty_max_value_width", Number(0, 10_000)),
    ("output_format_pretty_row_numbers", Flag),
    ("output_format_sql_insert_include_column_names", Flag),
    ("output_format_sql_insert_quote_names", Flag),
    ("output_format_sql_insert_use_replace", Flag),
    ("output_format_trim_fixed_string", Flag),
    ("output_format_tsv_crlf_end_of_line", Flag),
    ("output_format_values_escape_quote_with_quote", Flag),
    ("output_format_write_statistics", Flag),
    ("result_overflow_mode", Words(&["throw", "break"])),
    ("send_progress_in_http_headers", Flag),
    ("session_timezone", Zone),
    ("timeout_overflow_mode", Words(&["throw", "break"])),
    ("wait_for_async_insert", Flag),
];

fn bound(name: &str) -> Option<Bound> {
    PERMITTED.binary_search_by(|(listed, _)| listed.cmp(&name)).ok().map(|at| PERMITTED[at].1)
}

/// A value that a URL may give and that means no more than the longest deadline: that one.
pub(super) fn lowered(name: &str, value: &str) -> Option<String> {
    let longer = name == "max_execution_time"
        && value.parse::<u64>().is_ok_and(|seconds| seconds == 0 || seconds > READER_SECONDS);
    longer.then(|| READER_SECONDS.to_string())
}

/// Allows a setting and its value, or says in one sentence why not.
pub(super) fn check(name: &str, value: &str) -> Result<(), Exception> {
    let Some(bound) = bound(name) else {
        let message = format!("Cannot modify '{}' setting without the password", name.escape_default());
        return Err(Exception::new(code::READONLY, "READONLY", message));
    };
    let violated = |wanted: String| {
        let message = format!("Setting {name} must be {wanted} without the password");
        Err(Exception::new(code::SETTING_CONSTRAINT_VIOLATION, "SETTING_CONSTRAINT_VIOLATION", message))
    };
    match bound {
        Flag if ["0", "1", "true", "false"].iter().any(|flag| value.eq_ignore_ascii_case(flag)) => Ok(()),
        Flag => violated("0 or 1".into()),
        Number(least, most) => {
            let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
            match value.parse::<u64>() {
                Ok(number) if digits && (least..=most).contains(&number) => Ok(()),
                _ if most == u64::MAX => violated("a whole number".into()),
                _ => violated(format!("a whole number from {least} to {most}")),
            }
        }
        Words(words) if words.contains(&value) => Ok(()),
        Words(words) => violated(format!("one of {}", words.join(", "))),
        Text(longest) if value.len() <= longest => Ok(()),
        Text(longest) => violated(format!("at most {longest} bytes long")),
        Zone if value.len() <= 64
            && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+-/".contains(&b)) =>
        {
            Ok(())
        }
        Zone => violated("a time zone's name".into()),
    }
}

#[cfg(test)]
mod the_list {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn is_sorted_and_names_nothing_twice() {
        assert!(PERMITTED.windows(2).all(|two| two[0].0 < two[1].0));
    }

    #[test]
    fn holds_nothing_that_reads_writes_or_lifts_a_bound() {
        for (name, _) in PERMITTED {
            for part in [
                "memory", "schema", "template", "path", "file", "url", "parser", "depth", "bytes", "readonly",
            ] {
                assert!(!name.contains(part), "{name}");
            }
        }
    }

    #[test]
    fn bounds_what_a_value_may_cost() {
        for (name, value, allowed) in [
            ("max_threads", "4", true),
            ("max_threads", "5", false),
            ("max_threads", "0", false),
            ("max_threads", "+1", false),
            ("max_threads", "1e0", false),
            ("max_threads", "auto(64)", false),
            ("max_block_size", "18446744073709551615", false),
            ("limit", "18446744073709551615", true),
            ("limit", "18446744073709551616", false),
            ("extremes", "TRUE", true),
            ("extremes", "2", false),
            ("session_timezone", "Europe/Berlin", true),
            ("session_timezone", "../../etc/passwd", false),
            ("session_timezone", "x'y", false),
            ("result_overflow_mode", "any", false),
            ("log_comment", "it's", true),
            ("Max_Threads", "1", false),
        ] {
            assert_eq!(check(name, value).is_ok(), allowed, "{name}={value}");
        }
    }

    proptest! {
        #[test]
        fn refuses_any_other_name(name in "[a-zA-Z_]{1,40}", value in ".{0,20}") {
            let listed = PERMITTED.iter().any(|(listed, _)| *listed == name);
            prop_assert!(listed || check(&name, &value).is_err_and(|exception| exception.code == 164));
        }

        #[test]
        fn judges_any_value(at in 0..PERMITTED.len(), value in any::<String>()) {
            let _ = check(PERMITTED[at].0, &value);
        }
    }
}
