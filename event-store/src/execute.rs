//! One request on one connection, from its statement to its last byte. Blocks; runs on a thread of [`crate::pool`].

use crate::access::{self, Bounds, Role};
use crate::body::Body;
use crate::engine::{Class, Connection, Fault, Outcome, Parameter, Progress, code};
use crate::format::{self, Joint};
use crate::limits::{STATEMENT_BYTES, WHOLE_RESULT_BYTES};
use crate::pool::{Lease, MARK_SETTING, Registry, Ticket};
use crate::request::Request;
use crate::response::Answerer;
use crate::statement::{self, Insert, Shape};
use bytes::Bytes;
use std::sync::Arc;

/// What a thread needs to know of a request.
pub struct Asked {
    /// What it asks.
    pub request: Request,
    /// Its body, decoded.
    pub body: Body,
    /// Who asks.
    pub role: Role,
    /// It came by GET.
    pub get: bool,
    /// The database of a request that names none.
    pub database: String,
    /// The requests that are known, for a statement that kills some.
    pub registry: Arc<Registry>,
}

/// Runs the request and answers it.
pub fn perform(asked: Asked, lease: &mut Lease, ticket: &Ticket, answerer: &mut Answerer) {
    match attempt(asked, lease, ticket, answerer) {
        Ok(Connected::Clean) => {}
        Ok(Connected::Touched) => lease.retire(),
        Err(fault) => {
            // Closed first: whoever reads the error finds the statement gone from `system.processes`.
            lease.retire();
            answerer.refuse(fault);
        }
    }
}

/// What a request left of its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Connected {
    Clean,
    Touched,
}

fn attempt(
    asked: Asked,
    lease: &mut Lease,
    ticket: &Ticket,
    answerer: &mut Answerer,
) -> Result<Connected, Fault> {
    let Asked { mut request, mut body, role, get, database, registry } = asked;
    let text = statement_text(&mut request, &mut body, get)?;
    let insert = statement::insert(&text);
    // What the gate and the engine see of an insert is its head: the data is none of the parser's business.
    let (head, judged) = match &insert {
        Some(Insert { head, format, .. }) => {
            (&text[..*head], [&text[..*head], b" FORMAT ".as_slice(), format.as_bytes()].concat())
        }
        None => (text.as_slice(), text.clone()),
    };
    let shape = statement::shape(&judged);
    let found = lease.connection()?.classify(&judged);
    access::judge(role, Bounds { get, readonly: request.readonly }, &shape, found)?;

    let reads = found.class == Class::ReadOnly && !shape.explains_change;
    ticket.begin(lease.open()?, reads);
    lease.enter(request.database.as_deref().unwrap_or(&database))?;
    let plan = plan(&request, &shape, insert, reads, found.class, role);
    let settings = settings(&request, &shape, &plan);
    let touched = settings.is_some() || found.class == Class::Control;
    let connection = lease.connection()?;
    if let Some(sql) = settings {
        connection.query(sql.as_bytes(), "Null", &[])?;
    }
    if ticket.is_abandoned() {
        return Err(Fault::new(code::QUERY_WAS_CANCELLED, "QUERY_WAS_CANCELLED", "Query was cancelled"));
    }
    let connected = match plan {
        Plan::Insert(insert) => {
            body.put_back(Bytes::copy_from_slice(&text[insert.data.min(text.len())..]));
            let outcome = load(connection, head, &insert.format, &request.parameters, &mut body)?;
            answerer.whole(&insert.format, Bytes::new(), outcome.progress);
            Connected::Clean
        }
        Plan::Stream { format, joint } => {
            stream(connection, &text, &format, joint, &request.parameters, answerer)?
        }
        Plan::Whole { format } => {
            let text = if role == Role::Writer && statement::kills_by_id(&text) {
                statement::by_callers_ids(&text, &named(connection, &registry)?)
            } else {
                text
            };
            let outcome = connection.query(&text, &format, &request.parameters)?;
            answerer.whole(&format, outcome.bytes, outcome.progress);
            Connected::Clean
        }
        Plan::Diagnose => {
            drop(connection.select(&text, "Null", &request.parameters)?);
            let message = "Syntax error: the statement cannot be parsed";
            return Err(Fault::new(code::SYNTAX_ERROR, "SYNTAX_ERROR", message));
        }
    };
    Ok(if touched { Connected::Touched } else { connected })
}

/// The engine's ids of statements that have one of their caller's. A connection's mark tells which request's statement runs
/// on it, provided that the same request ran on it before and after the engine was asked.
fn named(connection: &mut Connection, registry: &Registry) -> Result<Vec<statement::Named>, Fault> {
    let before = registry.named();
    let sql = format!("SELECT query_id, Settings['{MARK_SETTING}'] FROM system.processes");
    let running = connection.query(sql.as_bytes(), "TabSeparatedRaw", &[])?;
    let after = registry.named();
    let lines = String::from_utf8_lossy(&running.bytes);
    let named = lines.lines().filter_map(|line| {
        let (engines, mark) = line.split_once('\t')?;
        let request = before.iter().find(|request| request.mark == mark && after.contains(request))?;
        Some((engines.to_owned(), request.query_id.clone()))
    });
    Ok(named.collect())
}

/// How a statement is run.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Plan {
    /// Its data streams in.
    Insert(Insert),
    /// Its result streams out.
    Stream { format: String, joint: Joint },
    /// In one go.
    Whole { format: String },
    /// It does not parse, and its author may only read: the call that runs nothing but SELECT names the mistake.
    Diagnose,
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
        return Plan::Diagnose;
    }
    if let Some(insert) = insert {
        return Plan::Insert(insert);
    }
    let format = shape.format.as_ref().or(request.format.as_ref()).map_or("TabSeparated", String::as_str);
    let framed = request.whole
        || shape.has_footer
        || shape.sets_framing
        || request.settings.iter().any(|(name, _)| name == "extremes" || statement::frames(name.as_bytes()));
    match format::joint(format) {
        joint if reads && shape.is_select() && !framed && joint != Joint::Framed => {
            Plan::Stream { format: format.to_owned(), joint }
        }
        _ => Plan::Whole { format: format.to_owned() },
    }
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
fn statement_text(request: &mut Request, body: &mut Body, get: bool) -> Result<Vec<u8>, Fault> {
    let too_large = || {
        let message = format!("The statement is larger than {STATEMENT_BYTES} bytes");
        Fault::new(code::QUERY_IS_TOO_LARGE, "QUERY_IS_TOO_LARGE", message)
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
fn load(
    connection: &mut Connection,
    head: &[u8],
    format: &str,
    parameters: &[Parameter],
    body: &mut Body,
) -> Result<Outcome, Fault> {
    let mut insertion = connection.insert(head, format, parameters)?;
    while let Some(piece) = body.piece()? {
        if !insertion.append(&piece) {
            break;
        }
    }
    insertion.finish()
}

/// Hands a result out as it comes. What fits in one piece is a whole answer: its error is then an error with a status.
fn stream(
    connection: &mut Connection,
    text: &[u8],
    format: &str,
    joint: Joint,
    parameters: &[Parameter],
    answerer: &mut Answerer,
) -> Result<Connected, Fault> {
    let mut selection = connection.select(text, format, parameters)?;
    let Some(first) = selection.fetch()? else {
        answerer.whole(format, Bytes::new(), Progress::default());
        return Ok(Connected::Clean);
    };
    let Some(second) = selection.fetch()? else {
        answerer.whole(format, first.bytes, first.progress);
        return Ok(Connected::Clean);
    };
    let header = format::header_length(joint, &first.bytes).map(|length| first.bytes.slice(..length));
    let mut read = answerer.begin(format, first.bytes);
    let mut next = Some(second.bytes);
    while let (true, Some(mut bytes)) = (read, next.take()) {
        let Some(header) = header.as_ref().filter(|header| bytes.starts_with(header)) else {
            let message = "A piece of the result does not repeat the header of the first";
            answerer.break_off(&Fault::new(code::INCORRECT_DATA, "INCORRECT_DATA", message));
            return Ok(Connected::Touched);
        };
        read = answerer.piece(bytes.split_off(header.len()));
        next = match selection.fetch() {
            Ok(piece) => piece.map(|piece| piece.bytes),
            Err(fault) => {
                answerer.break_off(&fault);
                return Ok(Connected::Touched);
            }
        };
    }
    answerer.end();
    Ok(if read { Connected::Clean } else { Connected::Touched })
}
