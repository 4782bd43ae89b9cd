//! The fields of a `multipart/form-data` body. Pure; the body is in memory and bounded before it comes here.

use crate::engine::{Exception, code};

/// One field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its value: text, unless it is a file.
    pub value: Vec<u8>,
    /// Whether it is a file, which is how ClickHouse's external tables are sent.
    pub file: bool,
}

/// The boundary of a content type, or nothing when it is no form with one.
pub fn boundary(content_type: &str) -> Option<&str> {
    let (kind, rest) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let value = rest.split(';').find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim().eq_ignore_ascii_case("boundary").then(|| value.trim().trim_matches('"'))
    })?;
    (!value.is_empty() && value.len() <= 70).then_some(value)
}

/// Reads the fields.
pub fn fields(body: &[u8], boundary: &str) -> Result<Vec<Field>, Exception> {
    let delimiter = format!("--{boundary}");
    let mut rest = after(body, delimiter.as_bytes()).ok_or_else(|| malformed("the boundary is missing"))?;
    let closing = format!("\r\n{delimiter}");
    let mut found = Vec::new();
    while !rest.starts_with(b"--") {
        let part = rest.strip_prefix(b"\r\n").ok_or_else(|| malformed("a boundary's line does not end"))?;
        let end =
            position(part, closing.as_bytes()).ok_or_else(|| malformed("the last boundary is missing"))?;
        found.push(field(&part[..end])?);
        rest = &part[end + closing.len()..];
    }
    Ok(found)
}

fn field(part: &[u8]) -> Result<Field, Exception> {
    let end = position(part, b"\r\n\r\n").ok_or_else(|| malformed("a field has no value"))?;
    let headers = std::str::from_utf8(&part[..end]).map_err(|_| malformed("a field's header is not text"))?;
    let disposition = headers
        .split("\r\n")
        .find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.trim().eq_ignore_ascii_case("content-disposition").then_some(value)
        })
        .ok_or_else(|| malformed("a field has no name"))?;
    let name = attribute(disposition, "name").ok_or_else(|| malformed("a field has no name"))?;
    let file = attribute(disposition, "filename").is_some();
    Ok(Field { name, value: part[end + 4..].to_vec(), file })
}

/// `name="value"` of a Content-Disposition.
fn attribute(disposition: &str, wanted: &str) -> Option<String> {
    disposition.split(';').find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim().eq_ignore_ascii_case(wanted).then(|| value.trim().trim_matches('"').to_owned())
    })
}

pub(super) fn malformed(what: &str) -> Exception {
    Exception::new(code::BAD_ARGUMENTS, "BAD_ARGUMENTS", format!("Malformed multipart body: {what}"))
}

fn after<'b>(body: &'b [u8], wanted: &[u8]) -> Option<&'b [u8]> {
    position(body, wanted).map(|at| &body[at + wanted.len()..])
}

fn position(body: &[u8], wanted: &[u8]) -> Option<usize> {
    body.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod a_form {
    use super::*;
    use proptest::prelude::*;

    const BODY: &[u8] = b"preamble\r\n--B\r\nContent-Disposition: form-data; name=\"query\"\r\n\r\nSELECT {a:String}\r\n\
        --B\r\ncontent-disposition: form-data; name=\"param_a\"\r\nContent-Type: text/plain\r\n\r\nx\r\n--y\r\n--B--\r\n";

    #[test]
    fn gives_its_fields() {
        let found = fields(BODY, "B").expect("well formed");
        let pairs: Vec<_> = found.iter().map(|field| (field.name.as_str(), field.value.as_slice())).collect();
        assert_eq!(pairs, [("query", b"SELECT {a:String}".as_slice()), ("param_a", b"x\r\n--y".as_slice())]);
        assert!(found.iter().all(|field| !field.file));
    }

    #[test]
    fn is_known_by_its_content_type() {
        assert_eq!(boundary("multipart/form-data; boundary=B"), Some("B"));
        assert_eq!(boundary("Multipart/Form-Data; charset=x; Boundary=\"B C\""), Some("B C"));
        for other in [
            "text/plain",
            "multipart/form-data",
            "multipart/form-data; boundary=",
            "multipart/mixed; boundary=B",
        ] {
            assert_eq!(boundary(other), None, "{other}");
        }
    }

    #[test]
    fn may_hold_files_of_any_bytes() {
        for name in ["t.tsv", ""] {
            let head =
                format!("--B\r\nContent-Disposition: form-data; name=\"t\"; filename=\"{name}\"\r\n\r\n");
            let body = [head.as_bytes(), b"\xff\r\n\r\n\0", b"\r\n--B--"].concat();
            let file = Field { name: "t".into(), value: b"\xff\r\n\r\n\0".into(), file: true };
            assert_eq!(fields(&body, "B"), Ok(vec![file]), "{name}");
        }
    }

    #[test]
    fn cut_short_is_refused() {
        for end in 0..BODY.len() - 4 {
            assert!(fields(&BODY[..end], "B").is_err(), "{end}");
        }
    }

    proptest! {
        #[test]
        fn may_be_any_bytes(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = fields(&body, "B");
            let _ = fields(&[b"--B\r\n", body.as_slice(), b"\r\n--B--"].concat(), "B");
        }

        #[test]
        fn may_have_any_content_type(text in ".{0,80}") {
            let _ = boundary(&text);
        }
    }
}
