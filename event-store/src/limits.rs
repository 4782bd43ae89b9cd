//! Every bound of this room in one place, each with what happens beyond it. Numbers only, no behaviour.

use std::time::Duration;

/// HTTP connections held open at once, and never more than three quarters of the files that the process may open. Beyond, the oldest
/// idle one goes for the new one; where none is idle, the new one is answered 503.
pub const CONNECTIONS: usize = 1024;

/// Of these, those that only a caller with the password keeps.
pub const RESERVED_CONNECTIONS: usize = 128;

/// Bytes that one request's line and headers may take (a query may stand in the URL): 431 beyond.
pub const HEAD_BYTES: usize = 256 << 10;

/// Header fields of one request: 431 beyond.
pub const HEADERS: usize = 100;

/// How long a client may take to send its headers, and how long a connection may stay idle.
pub const HEAD_TIME: Duration = Duration::from_secs(10);

/// How long a client may leave a body, or an answer, without a byte that moves; each KiB that moves earns a second of it back. Beyond, the
/// request fails with code 209, or its query is cancelled and the connection closed.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// How long a client may leave an answer unread: its query is cancelled and the connection closed.
pub const READ_PAUSE: Duration = Duration::from_mins(1);

/// Body bytes collected before a thread of the pool is taken, so that a slow sender of a small body holds none.
pub const BUFFERED_BODY_BYTES: usize = 256 << 10;

/// Bytes of one statement's text, data of an insert not counted: code 229, 413 beyond.
pub const STATEMENT_BYTES: usize = 1 << 20;

/// Bytes of a multipart body (a statement, its parameters, external tables): code 229, 413 beyond.
pub const MULTIPART_BYTES: usize = 4 << 20;

/// The same for who has the password.
pub const WRITERS_MULTIPART_BYTES: usize = 32 << 20;

/// Either size that a compressed block may claim: code 39 beyond.
pub const BLOCK_BYTES: usize = 64 << 20;

/// Bytes of decoded body handed to the engine at once.
pub const CHUNK_BYTES: usize = 256 << 10;

/// Bytes of engine blocks in a result whose format cannot be streamed (the engine holds it whole): code 396 beyond.
pub const WHOLE_RESULT_BYTES: u64 = 64 << 20;

/// Bytes of a streamed result held back for `wait_end_of_query=1`. A longer one begins before its statement has ended; an
/// exception then follows within the result.
pub const HELD_RESULT_BYTES: usize = 64 << 20;

/// The same for who has no password.
pub const READERS_HELD_RESULT_BYTES: usize = 16 << 20;

/// Rows of a block in a statement without password, at most: what an answer's chunk is made from, of which a client that does
/// not read holds three.
pub const READER_BLOCK_ROWS: u64 = 8192;

/// Requests that may wait for a thread of one role, each for at most `--queue-seconds`: code 202 and 503 beyond.
pub const WAITING: usize = 128;

/// How long a statement without password may run, its answer included: it is cancelled then.
pub const READER_TIME: Duration = Duration::from_mins(2);

/// How often a cancelled statement that still runs is killed again.
pub const KILL_AGAIN: Duration = Duration::from_millis(100);

/// What is read and thrown away of a body after its request has failed, so that the client reads the reason.
pub const DISCARD_BYTES: usize = 32 << 20;

/// How long that may take.
pub const DISCARD_TIME: Duration = Duration::from_secs(5);

/// How long a start waits for the data folder's lock and for its port, which a predecessor may still hold.
pub const PREDECESSOR_TIME: Duration = Duration::from_secs(10);

/// Rows of an insert are handed on in blocks of at most this many bytes; parts are cut by the engine's own rule
/// (1,048,449 rows or 256 MB), so that this bounds memory and changes no atomicity.
pub const INSERT_BLOCK_BYTES: u64 = 64 << 20;

/// Stack of each thread that parses and analyses statements, bytes of address space: the deepest statement that
/// [`PARSER_DEPTH`] lets through fits many times, and a subquery's own (unbounded) depth is noticed by the engine, which looks every
/// 8192 levels whether half of it is used; see `tests/it/attacks/depth.rs`. What is not used takes no memory.
pub const STACK_BYTES: usize = 256 << 20;

/// Stack of each thread of the engine's own, bytes of address space.
pub const ENGINE_STACK_BYTES: usize = 64 << 20;

/// Levels of a statement's parser: code 306 beyond. Nobody may raise it, as a deeper statement could leave the stack, which ends
/// the process.
pub const PARSER_DEPTH: u32 = 1000;

/// Seconds that the engine lets a statement without password run.
pub const READER_SECONDS: u64 = 60;

/// Bytes of memory that a statement without password gets at least, of the half that they share.
pub const READER_MEMORY: u64 = 256 << 20;

/// How long who has no password may leave the next bytes of an answer unread: its thread is given back then.
pub const READER_PAUSE: Duration = Duration::from_secs(10);

/// Bytes of an answer that streams to who has no password, before they are encoded: code 396 beyond.
pub const READERS_STREAMED_BYTES: u64 = 256 << 20;

/// Bytes of an answer that the engine makes whole for who has no password, before they are encoded: code 396 beyond.
pub const READERS_WHOLE_BYTES: u64 = 64 << 20;

/// Bytes that whole answers to callers without the password may hold together until they are read: code 202 beyond.
pub const READERS_HELD_BYTES: usize = 128 << 20;

/// Bytes of an answer so small that it counts for nothing of [`READERS_HELD_BYTES`].
pub const UNCHARGED_ANSWER_BYTES: usize = 64 << 10;

/// Bytes of bodies that callers without the password may have sent and not yet got answered, together: code 202 beyond.
pub const READERS_BODIES_BYTES: usize = 32 << 20;

/// Levels of subqueries in a statement without password: code 162 beyond. Some take twice as long to analyse with each level,
/// while neither a deadline nor a KILL is looked at: 25 take a minute.
pub const READER_SUBQUERIES: u32 = 10;

/// Nodes of such a statement's tree once every name in it stands for what it means: code 36 beyond.
pub const READER_NODES: u32 = 20_000;
