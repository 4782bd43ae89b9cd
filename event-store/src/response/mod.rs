//! HTTP responses as ClickHouse makes them: status by exception code, its headers, and exceptions within a result.

mod allowance;
mod encoder;
mod stream;
mod writer;

pub use allowance::Allowance;
pub use encoder::Encoder;
pub use stream::{Held, ResponseBody, StreamAborted, Streamed};
pub use writer::{Chunk, QueryResult, ResponseOptions, ResponseWriter};

use crate::engine::{Exception, Progress};
use crate::format;
use crate::pool::QueryGuard;
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use hyper::body::Body as _;
use std::time::{Duration, Instant};

/// ClickHouse's status for an exception, and 503 for "too many queries" (which it gives 500).
pub fn status(code: i32) -> StatusCode {
    match code {
        194 => StatusCode::UNAUTHORIZED,
        192 | 193 | 497 | 512 | 516 => StatusCode::FORBIDDEN,
        6 | 8 | 15 | 25 | 26 | 27 | 36 | 37 | 38 | 41 | 44 | 53 | 62 | 72 | 117 | 123 | 167 | 168 | 223
        | 321 | 376 | 427 | 441 | 675 | 676 => StatusCode::BAD_REQUEST,
        46 | 47 | 50 | 56 | 60 | 63 | 73 | 78 | 81 | 115 | 152 | 336 | 511 => StatusCode::NOT_FOUND,
        229 => StatusCode::PAYLOAD_TOO_LARGE,
        48 => StatusCode::NOT_IMPLEMENTED,
        76 | 202 | 209 | 439 => StatusCode::SERVICE_UNAVAILABLE,
        381 => StatusCode::LENGTH_REQUIRED,
        159 => StatusCode::REQUEST_TIMEOUT,
        779 => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The response to a query that failed before its first byte.
pub fn failure(exception: &Exception, query_id: &str) -> Response<ResponseBody> {
    let mut response = plain(status(exception.code), format!("{}\n", exception.text));
    put(&mut response, "x-clickhouse-exception-code", &exception.code.to_string());
    put(&mut response, "x-clickhouse-query-id", query_id);
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        put(&mut response, "retry-after", "1");
    }
    response
}

/// A response of a short text.
pub fn plain(status: StatusCode, text: impl Into<Bytes>) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::Whole(Some(text.into())));
    *response.status_mut() = status;
    put(&mut response, CONTENT_TYPE.as_str(), "text/plain; charset=UTF-8");
    common(&mut response);
    response
}

/// The response to a query.
pub fn of_query(
    result: QueryResult,
    query: QueryGuard,
    query_id: &str,
    options: &ResponseOptions,
    since: Instant,
) -> Response<ResponseBody> {
    let (format, body, progress) = match result {
        QueryResult::Exception(exception) => {
            query.finished();
            return failure(&exception, query_id);
        }
        QueryResult::Whole { format, bytes, progress, held } => {
            query.finished();
            let body = match (held, options.allowance.clone()) {
                (Some(held), Some(allowance)) => ResponseBody::Held(Held::new(bytes, held, allowance)),
                _ => ResponseBody::Whole(Some(bytes)),
            };
            (format, body, progress)
        }
        QueryResult::Streamed { format, first, rest } => {
            let streamed = Streamed::new(first, rest, query);
            (format, ResponseBody::Streamed(Box::new(streamed)), Progress::default())
        }
    };
    let mut response = Response::new(body);
    if let Some(encoding) = options.encoding.name().filter(|_| !response.body().is_end_stream()) {
        put(&mut response, CONTENT_ENCODING.as_str(), encoding);
    }
    put(&mut response, CONTENT_TYPE.as_str(), format::content_type(&format));
    put(&mut response, "x-clickhouse-format", &format);
    put(&mut response, "x-clickhouse-query-id", query_id);
    put(&mut response, "x-clickhouse-exception-tag", &options.tag);
    put(&mut response, "x-clickhouse-summary", &summary(progress, since.elapsed()));
    common(&mut response);
    response
}

/// The summary, whose numbers are strings in ClickHouse too.
fn summary(progress: Progress, elapsed: Duration) -> String {
    let Progress { result_rows, result_bytes, read_rows, read_bytes, written_rows, written_bytes } = progress;
    let numbers = [
        ("read_rows", read_rows),
        ("read_bytes", read_bytes),
        ("written_rows", written_rows),
        ("written_bytes", written_bytes),
        ("total_rows_to_read", read_rows),
        ("result_rows", result_rows.max(written_rows)),
        ("result_bytes", result_bytes.max(written_bytes)),
        ("elapsed_ns", u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX)),
    ];
    let fields: serde_json::Map<_, _> =
        numbers.into_iter().map(|(name, number)| (name.to_owned(), number.to_string().into())).collect();
    serde_json::Value::Object(fields).to_string()
}

fn common(response: &mut Response<ResponseBody>) {
    put(response, "x-clickhouse-server-display-name", "event-store");
    put(response, "x-clickhouse-timezone", "UTC");
    put(response, "keep-alive", "timeout=10");
    put(response, "x-content-type-options", "nosniff");
    put(response, "cross-origin-resource-policy", "same-origin");
}

/// Sets a header; a value that no header may carry is left out.
fn put(response: &mut Response<ResponseBody>, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
        response.headers_mut().insert(name, value);
    }
}

#[cfg(test)]
mod an_answer {
    use super::*;

    #[test]
    fn to_an_exception_has_its_code_and_text() {
        let exception = Exception::new(60, "UNKNOWN_TABLE", "Table t does not exist");
        let response = failure(&exception, "q1");
        assert_eq!(response.status(), 404);
        assert_eq!(response.headers()["x-clickhouse-exception-code"], "60");
        assert_eq!(response.headers()["x-clickhouse-query-id"], "q1");
    }

    #[test]
    fn sums_up_in_strings() {
        let progress = Progress { written_rows: 7, ..Progress::default() };
        let text = summary(progress, Duration::from_nanos(5));
        assert!(text.contains("\"written_rows\":\"7\"") && text.contains("\"elapsed_ns\":\"5\""), "{text}");
    }
}
