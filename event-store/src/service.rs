//! One HTTP request: admitted, understood, handed to a thread, answered.

use crate::access::Role;
use crate::body::{Body, Charge, Source};
use crate::credentials::Credentials;
use crate::encoding::Encoding;
use crate::engine::{Exception, code};
use crate::execute::{QueryContext, execute};
use crate::limits::{
    BUFFERED_BODY_BYTES, DISCARD_BYTES, DISCARD_TIME, MULTIPART_BYTES, READER_TIME, READERS_BODIES_BYTES,
    READERS_HELD_BYTES, STATEMENT_BYTES, WRITERS_MULTIPART_BYTES,
};
use crate::pool::{Lane, Pool, QueryGuard};
use crate::reader;
use crate::request::{Request, boundary, fields};
use crate::response::{
    Allowance, QueryResult, ResponseBody, ResponseOptions, ResponseWriter, failure, of_query, plain,
};
use crate::sandbox::Sandbox;
use crate::statement::Tokens;
use bytes::{Bytes, BytesMut};
use footfall_daemon::guard::{Guard, Refusal};
use footfall_http_server::{BodyError, Peer, RequestBody};
use http::header::{ACCEPT_ENCODING, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Method, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Body as _;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{Semaphore, mpsc};

/// What every request needs.
pub struct Service {
    /// The threads.
    pub pool: Pool,
    /// Who may write.
    pub credentials: Credentials,
    /// The database of requests that name none.
    pub database: String,
    /// The data folder, of which no caller without the password is told.
    pub data: Arc<str>,
    /// Keeps web pages out: a browser on this machine must not carry a stranger's page to this port.
    pub guard: Guard,
    /// Whether statements without password may run: only where they cannot read this user's files.
    pub sandbox: Sandbox,
    /// What callers without the password hold together.
    pub readers: Readers,
}

/// What callers without the password may hold together, one permit a KiB.
#[derive(Debug)]
pub struct Readers {
    bodies: Arc<Semaphore>,
    answers: Arc<Semaphore>,
}

impl Default for Readers {
    fn default() -> Self {
        let kilobytes = |bytes: usize| Arc::new(Semaphore::new(bytes >> 10));
        Self { bodies: kilobytes(READERS_BODIES_BYTES), answers: kilobytes(READERS_HELD_BYTES) }
    }
}

impl Service {
    /// Answers a request. Never fails: an error is a response too.
    pub async fn answer(&self, http: hyper::Request<RequestBody>, peer: &Peer) -> Response<ResponseBody> {
        let since = Instant::now();
        let (parts, body) = http.into_parts();
        let get = parts.method != Method::POST;
        if let Some(response) = self.without_query(&parts) {
            discard_later(body);
            return response;
        }
        let parsed = Request::parse(parts.uri.query(), &parts.headers);
        let query_id =
            parsed.as_ref().ok().and_then(|request| request.query_id.clone()).unwrap_or_else(random_id);
        let answered = match parsed {
            Ok(request) => self.run(request, get, &parts.headers, body, peer).await,
            Err(exception) => {
                discard_later(body);
                Err(exception)
            }
        };
        let mut response = match answered {
            Ok((result, query, options)) => of_query(result, query, &query_id, &options, since),
            Err(exception) => failure(&exception, &query_id),
        };
        // A stranger who is told to come back does not hold a connection until then, nor what he has sent on it ahead.
        if response.status() == StatusCode::SERVICE_UNAVAILABLE && !peer.is_proven() {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        tracing::debug!(%query_id, status = response.status().as_u16(), elapsed = ?since.elapsed(), "answered");
        response
    }

    /// The response to a request that runs no query; nothing for one that does.
    fn without_query(&self, parts: &http::request::Parts) -> Option<Response<ResponseBody>> {
        // With a query it would run a statement, so only the bare path is a page that may be linked to.
        let front_page = parts.uri.path() == "/" && parts.uri.query().is_none();
        if let Err(refusal) = self.guard.judge(&parts.method, &parts.uri, &parts.headers, front_page) {
            let more = if refusal == Refusal::Host { ": --name adds one" } else { "" };
            return Some(plain(StatusCode::FORBIDDEN, format!("{refusal}{more}\n")));
        }
        let get = match parts.method {
            Method::POST => false,
            Method::GET | Method::HEAD => true,
            _ => return Some(plain(StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD and POST only\n")),
        };
        match parts.uri.path() {
            "/ping" | "/replicas_status" => Some(plain(StatusCode::OK, "Ok.\n")),
            "/" if get && parts.uri.query().is_none() => Some(plain(StatusCode::OK, "Ok.\n")),
            "/" | "/query" => None,
            _ => Some(plain(StatusCode::NOT_FOUND, "There is no such path here: ask /, /query or /ping\n")),
        }
    }

    /// Who asks, and how the body is encoded.
    fn caller(&self, request: &Request, headers: &HeaderMap) -> Result<(Role, Encoding), Exception> {
        let role = self.credentials.role(headers, &request.credentials)?;
        if role == Role::Reader && self.sandbox == Sandbox::Unavailable {
            let message = "Authentication failed: this kernel cannot confine the engine to its data, so the user and \
                           password are needed to read too";
            return Err(Exception::new(code::AUTHENTICATION_FAILED, "AUTHENTICATION_FAILED", message));
        }
        Ok((role, Encoding::parse(text(headers, CONTENT_ENCODING))?))
    }

    async fn run(
        &self,
        mut request: Request,
        get: bool,
        headers: &HeaderMap,
        incoming: RequestBody,
        peer: &Peer,
    ) -> Result<(QueryResult, QueryGuard, ResponseOptions), Exception> {
        let (role, encoding) = match self.caller(&request, headers) {
            Ok(caller) => caller,
            Err(exception) => {
                discard_later(incoming);
                return Err(exception);
            }
        };
        if role == Role::Writer {
            peer.prove();
        }
        let mut charge = Charge::new((role == Role::Reader).then(|| Arc::clone(&self.readers.bodies)));
        let taken = take_body(&mut request, role, encoding, headers, incoming, &mut charge).await;
        let source = taken?;
        if role == Role::Reader {
            reader::permit_settings(&mut request.settings)?;
            reader::check_database(request.database.as_deref(), &self.database)?;
        }
        let allowance = (role == Role::Reader)
            .then(|| Allowance::new(Arc::clone(&self.readers.answers), Arc::clone(&self.data)));
        let accepted = Encoding::accepted(text(headers, ACCEPT_ENCODING));
        let options = ResponseOptions {
            compress: request.compress,
            encoding: if request.encode { accepted } else { Encoding::Identity },
            tag: random_tag(),
            allowance,
        };
        let plain = encoding == Encoding::Identity && !request.decompress;
        let begins = request.query.as_deref().map_or(if plain { source.front() } else { b"" }, str::as_bytes);
        let lane = lane(role, get || request.readonly, begins);
        let blocks = request.decompress;
        let (mut response_writer, result) =
            ResponseWriter::new(tokio::runtime::Handle::current(), options.clone());
        let (database, process_list) = (self.database.clone(), self.pool.process_list());
        let query_id = request.query_id.clone();
        let outlives_client = request.outlives_client && role == Role::Writer;
        let query = self
            .pool
            .run(
                lane,
                query_id,
                Box::new(move |connection, status| match Body::new(source, encoding, blocks) {
                    Ok(body) => {
                        let _charged = charge;
                        execute(
                            QueryContext { request, body, role, get, database, process_list },
                            connection,
                            status,
                            &mut response_writer,
                        );
                    }
                    Err(exception) => response_writer.send_exception(exception),
                }),
            )
            .await?;
        let query = if outlives_client { query.detached() } else { query };
        let result = async {
            result
                .await
                .unwrap_or_else(|_| QueryResult::Exception(Exception::parse("the statement was given up")))
        };
        match role {
            Role::Writer => Ok((result.await, query, options)),
            Role::Reader => match tokio::time::timeout(READER_TIME, result).await {
                Ok(result) => Ok((result, query, options)),
                Err(_) => Err(Exception::new(
                    159,
                    "TIMEOUT_EXCEEDED",
                    "Timeout exceeded: the statement was cancelled",
                )),
            },
        }
    }
}

/// The threads that a statement runs on, by what it begins with: a guess that decides who waits for whom, never who may what.
fn lane(role: Role, reads: bool, statement: &[u8]) -> Lane {
    const READING: [&str; 10] =
        ["SELECT", "WITH", "FROM", "SHOW", "DESCRIBE", "DESC", "EXISTS", "EXPLAIN", "KILL", "("];
    let first = Tokens::new(statement).next();
    let begins_as_one = first.is_some_and(|first| {
        READING.iter().any(|word| first.of(statement).eq_ignore_ascii_case(word.as_bytes()))
    });
    match role {
        Role::Reader => Lane::Readers,
        Role::Writer if reads || begins_as_one => Lane::OwnReaders,
        Role::Writer => Lane::Writers,
    }
}

/// Reads the body as far as it is needed before a thread is taken: a form whole, the front of anything else.
async fn take_body(
    request: &mut Request,
    role: Role,
    encoding: Encoding,
    headers: &HeaderMap,
    mut incoming: RequestBody,
    charge: &mut Charge,
) -> Result<Source, Exception> {
    if let Some(boundary) = boundary(text(headers, CONTENT_TYPE)) {
        let limit = match role {
            Role::Reader => MULTIPART_BYTES,
            Role::Writer => WRITERS_MULTIPART_BYTES,
        };
        let (form, whole) = read_body(&mut incoming, limit, charge).await?;
        if !whole || encoding != Encoding::Identity || request.decompress {
            discard_later(incoming);
            return Err(too_large("The form"));
        }
        request.take_form(fields(&form, boundary)?)?;
        return Ok(Source::new(Bytes::new(), None));
    }
    let (front, whole) = read_body(&mut incoming, BUFFERED_BODY_BYTES, charge).await?;
    if whole {
        return Ok(Source::new(front, None));
    }
    if role == Role::Reader {
        // What may be longer is an insert's data, which takes the password: nothing more of it is read.
        let (front, whole) = read_more(&mut incoming, front, STATEMENT_BYTES, charge).await?;
        if !whole {
            discard_later(incoming);
            return Err(too_large("The statement"));
        }
        return Ok(Source::new(front, None));
    }
    let (sender, receiver) = mpsc::channel(2);
    tokio::spawn(forward_body(incoming, sender));
    Ok(Source::new(front, Some(receiver)))
}

/// Reads a body until it ends (`true`) or more than `limit` bytes have come.
async fn read_body(
    incoming: &mut RequestBody,
    limit: usize,
    charge: &mut Charge,
) -> Result<(Bytes, bool), Exception> {
    read_more(incoming, Bytes::new(), limit, charge).await
}

async fn read_more(
    incoming: &mut RequestBody,
    front: Bytes,
    limit: usize,
    charge: &mut Charge,
) -> Result<(Bytes, bool), Exception> {
    let mut collected = BytesMut::from(front);
    while collected.len() <= limit {
        match next_data(incoming).await? {
            Some(data) => {
                charge.grow_to(collected.len() + data.len())?;
                collected.extend_from_slice(&data);
            }
            None => return Ok((collected.freeze(), true)),
        }
    }
    Ok((collected.freeze(), false))
}

/// The body's next bytes. A client that pauses for too long, or goes away, is an error: half a body is none.
async fn next_data(incoming: &mut RequestBody) -> Result<Option<Bytes>, Exception> {
    loop {
        match incoming.frame().await {
            None => return Ok(None),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) if !data.is_empty() => return Ok(Some(data)),
                _ => {}
            },
            Some(Err(error @ BodyError::Slow)) => {
                return Err(Exception::new(code::SOCKET_TIMEOUT, "SOCKET_TIMEOUT", error.to_string()));
            }
            Some(Err(error)) => {
                return Err(Exception::new(
                    code::CANNOT_READ_FROM_SOCKET,
                    "CANNOT_READ_FROM_SOCKET",
                    error.to_string(),
                ));
            }
        }
    }
}

/// Carries the rest of a body to the thread that wants it. Two pieces wait at most: a slow engine slows the client down.
async fn forward_body(mut incoming: RequestBody, sender: mpsc::Sender<Result<Bytes, Exception>>) {
    loop {
        let data = next_data(&mut incoming).await;
        let last = !matches!(data, Ok(Some(_)));
        if let Some(data) = data.transpose()
            && sender.send(data).await.is_err()
        {
            return discard(incoming).await;
        }
        if last {
            return;
        }
    }
}

/// A header's text; `?`, which is no header's value that is looked for, when it is none.
fn text(headers: &HeaderMap, name: http::HeaderName) -> &str {
    headers.get(name).map_or("", |value| value.to_str().unwrap_or("?"))
}

/// Discards the rest of a body in a task of its own, so that the response need not wait.
fn discard_later(incoming: RequestBody) {
    if !incoming.is_end_stream() {
        tokio::spawn(discard(incoming));
    }
}

/// Reads what a client still sends after its request has failed, for a while: closing at once would reset the connection
/// before it has read why.
async fn discard(mut incoming: RequestBody) {
    let reading = async {
        let mut left = DISCARD_BYTES;
        while let Ok(Some(data)) = next_data(&mut incoming).await {
            left = left.saturating_sub(data.len());
            if left == 0 {
                return;
            }
        }
    };
    // Whether it ended or time ran out, the body is dropped.
    let _ = tokio::time::timeout(DISCARD_TIME, reading).await;
}

fn too_large(what: &str) -> Exception {
    Exception::new(
        code::QUERY_IS_TOO_LARGE,
        "QUERY_IS_TOO_LARGE",
        format!("{what} is too large, or is sent compressed"),
    )
}

/// A random id.
fn random_id() -> String {
    let mut bytes = [0; 16];
    // Ids need to differ, not to be secret: without randomness they do not, and nothing depends on it.
    let _ = getrandom::fill(&mut bytes);
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}

/// Sixteen random letters: data that imitates an exception block cannot know them.
fn random_tag() -> String {
    let mut bytes = [0_u8; 16];
    // As above: a tag that can be guessed misleads only the author of the guessing data.
    let _ = getrandom::fill(&mut bytes);
    bytes.iter().map(|byte| char::from(b'a' + byte % 26)).collect()
}
