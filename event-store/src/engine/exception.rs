//! ClickHouse's exceptions: a code and a text, as clients expect them. Pure.

/// An exception of the engine, or one of this server in the same form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Exception {
    /// ClickHouse's error code.
    pub code: i32,
    /// `Code: N. DB::Exception: what happened. (NAME)`, no line end.
    pub text: String,
}

/// The codes that this server raises itself, or looks for.
pub mod code {
    #![allow(missing_docs, reason = "ClickHouse's own names")]
    pub const TOO_LARGE_SIZE_COMPRESSED: i32 = 39;
    pub const CHECKSUM_DOESNT_MATCH: i32 = 40;
    pub const BAD_ARGUMENTS: i32 = 36;
    pub const NOT_IMPLEMENTED: i32 = 48;
    pub const SYNTAX_ERROR: i32 = 62;
    pub const CANNOT_PARSE_NUMBER: i32 = 72;
    pub const UNKNOWN_COMPRESSION_METHOD: i32 = 89;
    pub const CANNOT_READ_FROM_SOCKET: i32 = 95;
    pub const UNKNOWN_SETTING: i32 = 115;
    pub const INCORRECT_DATA: i32 = 117;
    pub const READONLY: i32 = 164;
    pub const TOO_MANY_SIMULTANEOUS_QUERIES: i32 = 202;
    pub const TOO_MANY_TABLES: i32 = 227;
    pub const SOCKET_TIMEOUT: i32 = 209;
    pub const UNKNOWN_DATABASE: i32 = 81;
    pub const TIMEOUT_EXCEEDED: i32 = 159;
    pub const QUERY_IS_TOO_LARGE: i32 = 229;
    pub const ABORTED: i32 = 236;
    pub const MEMORY_LIMIT_EXCEEDED: i32 = 241;
    pub const CANNOT_COMPRESS: i32 = 270;
    pub const CANNOT_DECOMPRESS: i32 = 271;
    pub const INTO_OUTFILE_NOT_ALLOWED: i32 = 358;
    pub const SESSION_NOT_FOUND: i32 = 372;
    pub const INVALID_SESSION_TIMEOUT: i32 = 374;
    pub const QUERY_WAS_CANCELLED: i32 = 394;
    pub const TOO_MANY_ROWS_OR_BYTES: i32 = 396;
    pub const SETTING_CONSTRAINT_VIOLATION: i32 = 452;
    pub const ACCESS_DENIED: i32 = 497;
    pub const UNKNOWN_ROLE: i32 = 511;
    pub const AUTHENTICATION_FAILED: i32 = 516;
    pub const UNKNOWN_EXCEPTION: i32 = 1002;
}

impl Exception {
    /// An exception of this server: `name` is ClickHouse's name of `code`.
    pub fn new(code: i32, name: &str, message: impl AsRef<str>) -> Self {
        Self { code, text: format!("Code: {code}. DB::Exception: {}. ({name})", message.as_ref()) }
    }

    /// Parses the engine's message. The engine wraps an exception of an output format several times over; one layer is kept.
    pub fn parse(said: &str) -> Self {
        let said = said.trim();
        let Some(code) = leading_code(said) else {
            return Self::new(code::UNKNOWN_EXCEPTION, "UNKNOWN_EXCEPTION", said.trim_end_matches('.'));
        };
        let prefix = format!("Code: {code}. DB::Exception: ");
        let mut inner = said;
        let mut layers = 0;
        while let Some(rest) = inner.strip_prefix(&prefix)
            && leading_code(rest) == Some(code)
        {
            inner = rest;
            layers += 1;
        }
        if layers > 0
            && let Some(end) = end_of_first_name(inner)
        {
            inner = &inner[..end];
        }
        Self { code, text: inner.to_owned() }
    }

    /// Whether the same request may succeed later, unchanged.
    pub fn is_transient(&self) -> bool {
        matches!(
            self.code,
            code::TOO_MANY_SIMULTANEOUS_QUERIES
                | code::SOCKET_TIMEOUT
                | code::ABORTED
                | code::MEMORY_LIMIT_EXCEEDED
                | code::QUERY_WAS_CANCELLED
                | code::CANNOT_READ_FROM_SOCKET
        )
    }
}

/// The N of a leading `Code: N.`.
fn leading_code(text: &str) -> Option<i32> {
    let rest = text.strip_prefix("Code: ")?;
    let end = rest.find('.')?;
    rest[..end].parse().ok()
}

/// Where the first `(ERROR_NAME)` ends.
fn end_of_first_name(text: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(open) = text[from..].find('(') {
        let open = from + open;
        let close = open + text[open..].find(')')?;
        let name = &text[open + 1..close];
        if name.len() > 3 && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_') {
            return Some(close + 1);
        }
        from = open + 1;
    }
    None
}

#[cfg(test)]
mod a_message_of_the_engine {
    use super::*;

    #[test]
    fn keeps_its_code_and_text() {
        let said = "Code: 60. DB::Exception: Table footfall.nope does not exist. (UNKNOWN_TABLE)";
        assert_eq!(Exception::parse(said), Exception { code: 60, text: said.to_owned() });
    }

    #[test]
    fn loses_its_wrapping() {
        let said = "Code: 73. DB::Exception: Code: 73. DB::Exception: Code: 73. DB::Exception: Unknown format NoSuch. \
                    (UNKNOWN_FORMAT) (version 26.7.2.1). (UNKNOWN_FORMAT) (version 26.7.2.1). (UNKNOWN_FORMAT)";
        assert_eq!(
            Exception::parse(said).text,
            "Code: 73. DB::Exception: Unknown format NoSuch. (UNKNOWN_FORMAT)"
        );
    }

    #[test]
    fn gets_a_code_when_it_has_none() {
        let exception = Exception::parse("send_insert requires an INSERT query");
        assert_eq!(exception.code, 1002);
        assert_eq!(
            exception.text,
            "Code: 1002. DB::Exception: send_insert requires an INSERT query. (UNKNOWN_EXCEPTION)"
        );
    }

    proptest::proptest! {
        #[test]
        fn may_be_anything(said in "(Code: [0-9]{0,12}\\.? ?(DB::Exception: )?|[(]|[)]|[A-Z_]{0,5}|.){0,12}") {
            let exception = Exception::parse(&said);
            proptest::prop_assert!(exception.text.starts_with("Code: "), "{}", exception.text);
        }
    }
}
