//! Answers in ClickHouse's words: status by code, its headers, and exceptions in the middle of a result.

use crate::block;
use crate::engine::{Fault, Progress};
use crate::format;
use crate::limits::READ_PAUSE;
use crate::pool::Running;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use hyper::body::{Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Sleep;

/// Bytes of a whole result compressed as one block.
const BLOCK: usize = 1 << 20;

/// How long after an exception in mid-result the connection stays open, so that the exception leaves the socket.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// What a thread says first.
pub enum Reply {
    /// An exception before the first byte.
    Refused(Fault),
    /// Everything.
    Whole {
        /// The result's format.
        format: String,
        /// The result.
        bytes: Bytes,
        /// What it took.
        progress: Progress,
    },
    /// The first bytes of a long result.
    Streamed {
        /// The result's format.
        format: String,
        /// Its first bytes.
        first: Bytes,
        /// The others.
        rest: mpsc::Receiver<Result<Bytes, Fault>>,
    },
}

/// A thread's end of an answer.
pub struct Answerer {
    head: Option<oneshot::Sender<Reply>>,
    pieces: Option<mpsc::Sender<Result<Bytes, Fault>>>,
    runtime: Handle,
    compress: bool,
}

impl Answerer {
    /// An answer not yet given, and where it will arrive.
    pub fn new(runtime: Handle, compress: bool) -> (Self, oneshot::Receiver<Reply>) {
        let (head, reply) = oneshot::channel();
        (Self { head: Some(head), pieces: None, runtime, compress }, reply)
    }

    fn say(&mut self, reply: Reply) -> bool {
        self.head.take().is_some_and(|head| head.send(reply).is_ok())
    }

    fn packed(&self, bytes: Bytes) -> Bytes {
        if self.compress && !bytes.is_empty() {
            bytes.chunks(BLOCK).flat_map(block::encode).collect::<Vec<u8>>().into()
        } else {
            bytes
        }
    }

    /// The whole answer. A request is answered once: by this, by [`Self::refuse`], or by [`Self::begin`] and its pieces.
    pub fn whole(&mut self, format: &str, bytes: Bytes, progress: Progress) {
        let bytes = self.packed(bytes);
        self.say(Reply::Whole { format: format.to_owned(), bytes, progress });
    }

    /// It failed before its first byte.
    pub fn refuse(&mut self, fault: Fault) {
        self.say(Reply::Refused(fault));
    }

    /// Its first bytes; more will come. `false`: nobody reads it.
    pub fn begin(&mut self, format: &str, first: Bytes) -> bool {
        let (pieces, rest) = mpsc::channel(1);
        self.pieces = Some(pieces);
        let first = self.packed(first);
        self.say(Reply::Streamed { format: format.to_owned(), first, rest })
    }

    /// Further bytes, or why there are no more. Blocks while the reader is behind. `false`: nobody reads it.
    pub fn piece(&mut self, piece: Result<Bytes, Fault>) -> bool {
        let piece = piece.map(|bytes| self.packed(bytes));
        match &self.pieces {
            // A reader that stands still holds a thread of the pool: it is given up after a while.
            Some(pieces) => matches!(
                self.runtime.block_on(async { tokio::time::timeout(READ_PAUSE, pieces.send(piece)).await }),
                Ok(Ok(()))
            ),
            None => false,
        }
    }
}

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

/// An exception as an answer.
pub fn refusal(fault: &Fault, query_id: &str) -> Response<AnswerBody> {
    let mut response = plain(status(fault.code), format!("{}\n", fault.text));
    put(&mut response, "x-clickhouse-exception-code", &fault.code.to_string());
    put(&mut response, "x-clickhouse-query-id", query_id);
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        put(&mut response, "retry-after", "1");
    }
    response
}

/// A short text as an answer.
pub fn plain(status: StatusCode, text: impl Into<Bytes>) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::Whole(Some(text.into())));
    *response.status_mut() = status;
    put(&mut response, CONTENT_TYPE.as_str(), "text/plain; charset=UTF-8");
    common(&mut response);
    response
}

/// A result as an answer. `tag` marks an exception in its middle.
pub fn result(
    reply: Reply,
    running: Running,
    query_id: &str,
    tag: &str,
    since: Instant,
) -> Response<AnswerBody> {
    let (format, body, progress) = match reply {
        Reply::Refused(fault) => {
            running.finished();
            return refusal(&fault, query_id);
        }
        Reply::Whole { format, bytes, progress } => {
            running.finished();
            (format, AnswerBody::Whole(Some(bytes)), progress)
        }
        Reply::Streamed { format, first, rest } => {
            let streamed = Streamed {
                first: Some(first),
                rest,
                running: Some(running),
                tag: tag.to_owned(),
                broken: None,
            };
            (format, AnswerBody::Streamed(Box::new(streamed)), Progress::default())
        }
    };
    let mut response = Response::new(body);
    put(&mut response, CONTENT_TYPE.as_str(), format::content_type(&format));
    put(&mut response, "x-clickhouse-format", &format);
    put(&mut response, "x-clickhouse-query-id", query_id);
    put(&mut response, "x-clickhouse-exception-tag", tag);
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

fn common(response: &mut Response<AnswerBody>) {
    put(response, "x-clickhouse-server-display-name", "event-store");
    put(response, "x-clickhouse-timezone", "UTC");
    put(response, "keep-alive", "timeout=10");
    put(response, "x-content-type-options", "nosniff");
    put(response, "cross-origin-resource-policy", "same-origin");
}

/// Sets a header; a value that no header may carry is left out.
fn put(response: &mut Response<AnswerBody>, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
        response.headers_mut().insert(name, value);
    }
}

/// An exception block in the middle of a body: the reader knows it by the tag, and by the chunked body that never ends.
fn last_words(fault: &Fault, tag: &str) -> Bytes {
    let message = format!("{}\n", fault.text);
    format!("\r\n__exception__\r\n{tag}\r\n{message}{} {tag}\r\n__exception__\r\n", message.len()).into()
}

/// An answer's body.
pub enum AnswerBody {
    /// Known whole.
    Whole(Option<Bytes>),
    /// As the engine gives it.
    Streamed(Box<Streamed>),
}

/// A long result under way. Dropped before its end, it cancels its statement.
pub struct Streamed {
    first: Option<Bytes>,
    rest: mpsc::Receiver<Result<Bytes, Fault>>,
    running: Option<Running>,
    tag: String,
    broken: Option<Pin<Box<Sleep>>>,
}

/// The body ends without its last chunk, on purpose: the exception has been sent.
#[derive(Debug, thiserror::Error)]
#[error("the statement failed after its answer had begun")]
pub struct BrokenOff;

impl hyper::body::Body for AnswerBody {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(
                bytes.take().filter(|bytes| !bytes.is_empty()).map(|bytes| Ok(Frame::data(bytes))),
            ),
            Self::Streamed(streamed) => streamed.poll(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(bytes) if bytes.as_ref().is_none_or(Bytes::is_empty))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Streamed(_) => SizeHint::default(),
        }
    }
}

impl Streamed {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        if let Some(pause) = &mut self.broken {
            return pause.as_mut().poll(context).map(|()| Some(Err(BrokenOff)));
        }
        if let Some(first) = self.first.take().filter(|first| !first.is_empty()) {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        loop {
            return match self.rest.poll_recv(context) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(Some(Ok(bytes))) if bytes.is_empty() => continue,
                Poll::Ready(Some(Ok(bytes))) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
                Poll::Ready(Some(Err(fault))) => {
                    self.end();
                    self.broken = Some(Box::pin(tokio::time::sleep(LAST_WORDS)));
                    Poll::Ready(Some(Ok(Frame::data(last_words(&fault, &self.tag)))))
                }
                Poll::Ready(None) => {
                    self.end();
                    Poll::Ready(None)
                }
            };
        }
    }

    fn end(&mut self) {
        if let Some(running) = self.running.take() {
            running.finished();
        }
    }
}

#[cfg(test)]
mod an_answer {
    use super::*;

    #[test]
    fn to_an_exception_has_its_code_and_text() {
        let fault = Fault::new(60, "UNKNOWN_TABLE", "Table t does not exist");
        let response = refusal(&fault, "q1");
        assert_eq!(response.status(), 404);
        assert_eq!(response.headers()["x-clickhouse-exception-code"], "60");
        assert_eq!(response.headers()["x-clickhouse-query-id"], "q1");
    }

    #[test]
    fn tells_its_last_words_with_their_length() {
        let fault = Fault { code: 395, text: "Code: 395. DB::Exception: boom".to_owned() };
        assert_eq!(
            last_words(&fault, "abcdefghijklmnop"),
            "\r\n__exception__\r\nabcdefghijklmnop\r\nCode: 395. DB::Exception: boom\n31 abcdefghijklmnop\r\n__exception__\r\n"
        );
    }

    #[test]
    fn sums_up_in_strings() {
        let progress = Progress { written_rows: 7, ..Progress::default() };
        let text = summary(progress, Duration::from_nanos(5));
        assert!(text.contains("\"written_rows\":\"7\"") && text.contains("\"elapsed_ns\":\"5\""), "{text}");
    }
}
