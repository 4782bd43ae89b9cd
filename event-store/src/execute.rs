//! Executes one query on one connection and writes its response. Blocks; runs on a thread of [`crate::pool`].

use crate::access::{self, Restrictions, Role};
use crate::body::Body;
use crate::engine::{Class, Connection, Exception, Outcome, Parameter, Progress, code, current_thread};
use crate::format::{self, Concatenation};
use crate::limits::{
    CHUNK_BYTES, HELD_RESULT_BYTES, READERS_HELD_RESULT_BYTES, STATEMENT_BYTES, WHOLE_RESULT_BYTES,
};
use crate::native;
use crate::pool::{PooledConnection, ProcessList, QueryStatus, SELECT_RUNNING};
use crate::reader;
use crate::request::{ExternalTable, Request};
use crate::response::ResponseWriter;
use crate::statement::{self, Insert, Shape};
use bytes::Bytes;
use std::sync::Arc;

/// What the execution of a query needs.
pub struct QueryContext {
    /// The parsed request.
    pub request: Request,
    /// Its body, decoded.
    pub body: Body,
    /// Who asks.
    pub role: Role,
    /// It came by GET.
    pub get: bool,
    /// The database of a request that names none.
    pub database: String,
    /// The queries that run, for KILL QUERY.
    pub process_list: Arc<ProcessList>,
}

/// Executes the query and writes its response.
pub fn execute(
    context: QueryContext,
    pooled: &mut PooledConnection,
    query: &QueryStatus,
    response: &mut ResponseWriter,
) {
    match try_execute(context, pooled, query, response) {
        Ok(AfterUse::Reusable) => {}
        Ok(AfterUse::Close) => pooled.close(),
        Err(exception) => {
            // Closed first: whoever reads the error finds the statement gone from `system.processes`.
            pooled.close();
            response.send_exception(exception);
        }
    }
}

/// What becomes of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AfterUse {
    Reusable,
    Close,
}

fn try_execute(
    context: QueryContext,
    pooled: &mut PooledConnection,
    query: &QueryStatus,
    response: &mut ResponseWriter,
) -> Result<AfterUse, Exception> {
    let QueryContext { mut request, mut body, role, get, database, process_list } = context;
    let text = statement_text(&mut request, &mut body, get)?;
    if role == Role::Reader {
        reader::check_statement(&text, &request.parameters)?;
    }
    let insert = statement::insert(&text);
    // Of an insert, only its head is checked and parsed, without the data.
    let (head, judged) = match &insert {
        Some(Insert { head, format, .. }) => {
            (&text[..*head], [&text[..*head], b" FORMAT ".as_slice(), format.as_bytes()].concat())
        }
        None => (text.as_slice(), text.clone()),
    };
    let shape = statement::shape(&judged);
    let found = pooled.connection()?.classify(&judged);
    access::check(role, Restrictions { get, readonly: request.readonly }, &shape, found)?;
    if request.session
        && let Some(why) = statement::needs_session(&judged, &shape)
    {
        return Err(Exception::new(code::NOT_IMPLEMENTED, "NOT_IMPLEMENTED", why));
    }

    let reads = found.class == Class::ReadOnly && !shape.explains_change;
    query.begin(current_thread(), reads);
    pooled.use_database(request.database.as_deref().unwrap_or(&database))?;
    let plan = plan(&request, &shape, insert, reads, found.class, role);
    let settings = settings(&request, &shape, &plan);
    let leaves_traces =
        settings.is_some() || found.class == Class::Control || !request.external_tables.is_empty();
    let connection = pooled.connection()?;
    for table in &request.external_tables {
        make_external_table(connection, table, query.comment())?;
    }
    if let Some(sql) = settings {
        connection.query(sql.as_bytes(), "Null", &[])?;
    }
    if query.is_abandoned() {
        return Err(Exception::new(code::QUERY_WAS_CANCELLED, "QUERY_WAS_CANCELLED", "Query was cancelled"));
    }
    let after_use = match plan {
        Plan::Insert(insert) => {
            body.put_back(Bytes::copy_from_slice(&text[insert.data.min(text.len())..]));
            let head = [query.comment().as_bytes(), head].concat();
            let outcome = insert_data(connection, &head, &insert.format, &request.parameters, &mut body)?;
            response.send_whole(&insert.format, Bytes::new(), outcome.progress);
            AfterUse::Reusable
        }
        Plan::Stream { format, concatenation } => {
            let held_bytes = match role {
                _ if !request.whole => 0,
                Role::Reader => READERS_HELD_RESULT_BYTES,
                Role::Writer => HELD_RESULT_BYTES,
            };
            let revision = revision(&request, &format);
            let result = Streaming { text: &text, format: &format, concatenation, held_bytes, revision };
            stream(connection, &result, &request.parameters, response)?
        }
        Plan::Whole { format } => {
            let text = if role == Role::Writer && statement::kills_by_query_id(&text) {
                statement::with_client_query_ids(&text, &query_ids(connection, &process_list)?)
            } else {
                text
            };
            let outcome = connection.query(&text, &format, &request.parameters)?;
            let bytes = native::at_revision(revision(&request, &format), outcome.bytes)?;
            response.send_whole(&format, bytes, outcome.progress);
            AfterUse::Reusable
        }
        Plan::ReportSyntaxError => {
            drop(connection.select(&text, "Null", &request.parameters)?);
            let message = "Syntax error: the statement cannot be parsed";
            return Err(Exception::new(code::SYNTAX_ERROR, "SYNTAX_ERROR", message));
        }
    };
    Ok(if leaves_traces { AfterUse::Close } else { after_use })
}

/// Pairs of the engine's and the client's query ids. A thread tells which query runs on it, provided that the same query ran
/// on it before and after the engine was asked.
fn query_ids(
    connection: &mut Connection,
    process_list: &ProcessList,
) -> Result<Vec<statement::Named>, Exception> {
    let before = process_list.with_query_ids();
    let running = connection.query(SELECT_RUNNING.as_bytes(), "TabSeparatedRaw", &[])?;
    let after = process_list.with_query_ids();
    let lines = String::from_utf8_lossy(&running.bytes);
    let named = lines.lines().filter_map(|line| {
        let mut fields = line.splitn(3, '\t');
        let (engine_id, threads, text) = (fields.next()?, fields.next()?, fields.next()?);
        let request =
            before.iter().find(|request| request.mark.is_of(threads, text) && after.contains(request))?;
        Some((engine_id.to_owned(), request.query_id.clone()))
    });
    Ok(named.collect())
}

/// How a statement is run.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Plan {
    /// Its data streams in.
    Insert(Insert),
    /// Its result streams out.
    Stream { format: String, concatenation: Concatenation },
    /// In one go.
    Whole { format: String },
    /// It does not parse, and the user may only read: the engine's call for SELECT reports the mistake.
    ReportSyntaxError,
}

fn plan(
    request: &Request,
    shape: &Shape,
    insert: Option<Insert>,
    reads: bool,
    class: Class,
    role: Role,
) -> Plan {
    if class == Class::Unknown && role == Role::Reader {
        return Plan::ReportSyntaxError;
    }
    if let Some(insert) = insert {
        return Plan::Insert(insert);
    }
    let format = shape.format.as_ref().or(request.format.as_ref()).map_or("TabSeparated", String::as_str);
    let framed = shape.has_footer
        || shape.sets_framing
        || request.settings.iter().any(|(name, _)| name == "extremes" || statement::frames(name.as_bytes()));
    match format::concatenation(format) {
        concatenation if reads && shape.is_select() && !framed && concatenation != Concatenation::Framed => {
            Plan::Stream { format: format.to_owned(), concatenation }
        }
        _ => Plan::Whole { format: format.to_owned() },
    }
}

/// The revision of the native protocol in which a result is written.
fn revision(request: &Request, format: &str) -> u64 {
    if format.eq_ignore_ascii_case("Native") { request.client_protocol_version } else { 0 }
}

/// The statement that applies the request's settings, and the bound of a result that the engine holds whole.
fn settings(request: &Request, shape: &Shape, plan: &Plan) -> Option<String> {
    let mut settings = Vec::new();
    if shape.is_select() && matches!(plan, Plan::Whole { .. }) {
        settings.push(("max_result_bytes".to_owned(), WHOLE_RESULT_BYTES.to_string()));
        settings.push(("result_overflow_mode".to_owned(), "throw".to_owned()));
    }
    settings.extend(request.settings.iter().cloned());
    Request::set_statement(&settings)
}

/// The statement, data of an insert included as far as it has been read; what is left of the data stays in `body`.
fn statement_text(request: &mut Request, body: &mut Body, get: bool) -> Result<Vec<u8>, Exception> {
    let too_large = || {
        let message = format!("The statement is larger than {STATEMENT_BYTES} bytes");
        Exception::new(code::QUERY_IS_TOO_LARGE, "QUERY_IS_TOO_LARGE", message)
    };
    let Some(query) = request.query.take() else {
        let mut text = Vec::new();
        let ended = get || body.read_text(&mut text, STATEMENT_BYTES)?;
        if !ended && statement::insert(&text).is_none_or(|insert| insert.data >= text.len()) {
            return Err(too_large());
        }
        return Ok(text);
    };
    let mut text = query.into_bytes();
    if text.len() > STATEMENT_BYTES {
        return Err(too_large());
    }
    if get {
        return Ok(text);
    }
    match statement::insert(&text) {
        // Nothing but blanks between the format's name and the data, which is the body.
        Some(insert) if text[insert.data..].trim_ascii().is_empty() => text.truncate(insert.data),
        // The data began in the URL: ClickHouse puts a line end between the two parts.
        Some(_) => text.push(b'\n'),
        None => {
            let before = text.len();
            text.push(b'\n');
            let ended = body.read_text(&mut text, STATEMENT_BYTES)?;
            if !ended && statement::insert(&text).is_none_or(|insert| insert.data >= text.len()) {
                return Err(too_large());
            }
            if text.len() == before + 1 {
                text.truncate(before);
            }
        }
    }
    Ok(text)
}

/// Feeds an insert. Anything but a whole body and a finished insert leaves nothing behind.
fn insert_data(
    connection: &mut Connection,
    head: &[u8],
    format: &str,
    parameters: &[Parameter],
    body: &mut Body,
) -> Result<Outcome, Exception> {
    let mut insertion = connection.insert(head, format, parameters)?;
    while let Some(chunk) = body.chunk()? {
        if !insertion.append(&chunk) {
            break;
        }
    }
    insertion.finish()
}

/// Makes a table of a request's own. It goes with the connection, which is closed after the request.
fn make_external_table(
    connection: &mut Connection,
    table: &ExternalTable,
    comment: &str,
) -> Result<(), Exception> {
    connection.query(table.create().as_bytes(), "Null", &[])?;
    let mut insertion =
        connection.insert((comment.to_owned() + &table.insert()).as_bytes(), &table.format, &[])?;
    for chunk in table.data.chunks(CHUNK_BYTES) {
        if !insertion.append(chunk) {
            break;
        }
    }
    insertion.finish().map(drop)
}

/// A result that can be handed out in chunks.
struct Streaming<'s> {
    text: &'s [u8],
    format: &'s str,
    concatenation: Concatenation,
    /// Bytes that are held back for as long as the statement runs.
    held_bytes: usize,
    /// The revision of the native protocol in which it is written.
    revision: u64,
}

/// Hands a result out as it comes. One that fits in one chunk, or in what shall be held back, is a whole answer: its error
/// is then an error with a status.
fn stream(
    connection: &mut Connection,
    result: &Streaming<'_>,
    parameters: &[Parameter],
    response: &mut ResponseWriter,
) -> Result<AfterUse, Exception> {
    let format = result.format;
    let mut selection = connection.select(result.text, format, parameters)?;
    let Some(first) = selection.fetch()? else {
        response.send_whole(format, Bytes::new(), Progress::default());
        return Ok(AfterUse::Reusable);
    };
    let header =
        format::header_length(result.concatenation, &first.bytes).map(|length| first.bytes.slice(..length));
    // A further chunk's own bytes.
    let without_header = |mut bytes: Bytes| {
        if let Some(header) = header.as_ref().filter(|header| bytes.starts_with(header)) {
            return native::at_revision(result.revision, bytes.split_off(header.len()));
        }
        let message = "A chunk of the result does not repeat the header of the first";
        Err(Exception::new(code::INCORRECT_DATA, "INCORRECT_DATA", message))
    };
    let mut progress = first.progress;
    response.charge(first.bytes.len())?;
    let mut held = vec![native::at_revision(result.revision, first.bytes)?];
    let mut length = held[0].len();
    let mut next = loop {
        let Some(chunk) = selection.fetch()? else {
            let whole = if held.len() == 1 { held.remove(0) } else { held.concat().into() };
            response.send_whole(format, whole, progress);
            return Ok(AfterUse::Reusable);
        };
        progress += chunk.progress;
        response.charge(chunk.bytes.len())?;
        if length + chunk.bytes.len() > result.held_bytes {
            break Some(chunk.bytes);
        }
        let bytes = without_header(chunk.bytes)?;
        length += bytes.len();
        held.push(bytes);
    };
    let mut held = held.into_iter();
    let mut read = held.next().is_some_and(|first| response.start_stream(format, first));
    for bytes in held {
        read = read && response.send_chunk(bytes);
    }
    while let (true, Some(bytes)) = (read, next.take()) {
        let fetched = without_header(bytes).and_then(|bytes| {
            read = response.send_chunk(bytes);
            let chunk = selection.fetch()?;
            response.charge(chunk.as_ref().map_or(0, |chunk| chunk.bytes.len()))?;
            Ok(chunk)
        });
        next = match fetched {
            Ok(chunk) => chunk.map(|chunk| chunk.bytes),
            Err(exception) => {
                response.fail(&exception);
                return Ok(AfterUse::Close);
            }
        };
    }
    if !read {
        response.abandon();
        return Ok(AfterUse::Close);
    }
    response.finish();
    Ok(AfterUse::Reusable)
}
