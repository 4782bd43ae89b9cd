//! A tiny web server that answers as it was told and writes down what it was asked: an edge that only listens, or a site.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use footfall_proto::beacon::{BeaconBatch, Event};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{HeaderMap, Method, Request, Response};
use hyper_util::rt::TokioIo;
use prost::Message;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::wait::until;

/// For something that a page was made to do.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is answered to one path, or to one request.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Bytes,
    held: Option<watch::Receiver<bool>>,
    closed: bool,
}

/// Holds a reply back until it is opened, or for ever.
#[derive(Debug)]
pub struct Gate(watch::Sender<bool>);

impl Gate {
    /// Lets the reply go, to whoever waits for it and to whoever asks later.
    pub fn open(&self) {
        self.0.send_replace(true);
    }
}

impl Reply {
    /// A status without a body.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    /// A file.
    #[must_use]
    pub fn file(media_type: &str, body: impl Into<Bytes>) -> Self {
        Self { status: 200, body: body.into(), ..Self::default() }.header("content-type", media_type)
    }

    /// The same under another status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// With a header more.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// Not to be read by pages of other origins.
    #[must_use]
    pub fn closed(mut self) -> Self {
        self.closed = true;
        self
    }

    /// Not before the gate is opened.
    #[must_use]
    pub fn held(mut self) -> (Self, Gate) {
        let (sender, receiver) = watch::channel(false);
        self.held = Some(receiver);
        (self, Gate(sender))
    }
}

/// A request that came.
#[derive(Debug, Clone)]
pub struct Seen {
    /// When its body was complete.
    pub at: Instant,
    /// GET, POST, …
    pub method: Method,
    /// Path without query.
    pub path: String,
    /// What stands behind the path's `?`, empty without one.
    pub query: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Seen {
    /// The body as the beacon's protobuf; panics when it is none.
    #[must_use]
    pub fn batch(&self) -> BeaconBatch {
        BeaconBatch::decode(self.body.clone()).unwrap_or_else(|error| panic!("no batch: {error}: {self:?}"))
    }

    /// Whether the body is the shim's JSON.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.body.first() == Some(&b'{')
    }
}

#[derive(Debug, Default)]
struct State {
    replies: HashMap<String, Reply>,
    /// Answers to the next posts, instead of 204.
    posts: VecDeque<Reply>,
    seen: Vec<Seen>,
}

/// A running server, stopped when it is dropped.
#[derive(Debug)]
pub struct Recorder {
    origin: String,
    state: Arc<Mutex<State>>,
    task: AbortHandle,
}

impl Recorder {
    /// Starts one on a free port of 127.0.0.1.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let origin = format!("http://{}", listener.local_addr().expect("it is bound"));
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                tokio::spawn(async move {
                    let service = service_fn(|request| answer(Arc::clone(&state), request));
                    let connection = hyper::server::conn::http1::Builder::new();
                    // A browser that goes away in the middle is no fault.
                    let _ = connection.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { origin, state, task: task.abort_handle() }
    }

    /// `http://127.0.0.1:PORT`
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Answers GET of `path` with this from now on.
    pub fn serve(&self, path: &str, reply: Reply) {
        self.state().replies.insert(path.to_owned(), reply);
    }

    /// Answers the next post that has no answer yet with this.
    pub fn answer_post(&self, reply: Reply) {
        self.state().posts.push_back(reply);
    }

    /// Everything that came so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.state().seen.clone()
    }

    /// The batches that came so far; panics when something was posted that is none.
    #[must_use]
    pub fn batches(&self) -> Vec<BeaconBatch> {
        self.posts().iter().map(Seen::batch).collect()
    }

    /// What was posted so far.
    #[must_use]
    pub fn posts(&self) -> Vec<Seen> {
        self.seen().into_iter().filter(|seen| seen.method == Method::POST).collect()
    }

    /// The events of all batches so far, resends included.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.batches().into_iter().flat_map(|batch| batch.events).collect()
    }

    /// Waits until so many events came, and returns them.
    pub async fn wait_for_events(&self, count: usize) -> Vec<Event> {
        let what = format!("{count} events came");
        until(&what, PATIENCE, || async { Some(self.events()).filter(|events| events.len() >= count) }).await
    }

    /// Waits until so many bodies were posted, and returns them.
    pub async fn wait_for_posts(&self, count: usize) -> Vec<Seen> {
        let what = format!("{count} bodies were posted");
        until(&what, PATIENCE, || async { Some(self.posts()).filter(|posts| posts.len() >= count) }).await
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics while holding it")
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(
    state: Arc<Mutex<State>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let reply = {
        let mut state = state.lock().expect("nobody panics while holding it");
        let reply = match head.method {
            Method::GET => state.replies.get(head.uri.path()).cloned().unwrap_or_else(|| Reply::status(404)),
            Method::POST => state.posts.pop_front().unwrap_or_else(|| Reply::status(204)),
            _ => Reply::status(405),
        };
        state.seen.push(Seen {
            at: Instant::now(),
            method: head.method,
            path: head.uri.path().to_owned(),
            query: head.uri.query().unwrap_or_default().to_owned(),
            headers: head.headers,
            body,
        });
        reply
    };
    if let Some(mut held) = reply.held
        && held.wait_for(|open| *open).await.is_err()
    {
        // The test has ended, and with it whoever could open the gate.
        std::future::pending::<()>().await;
    }
    let mut response = Response::builder().status(reply.status);
    if !reply.closed {
        response = response
            .header("access-control-allow-origin", "*")
            .header("access-control-expose-headers", "retry-after");
    }
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    Ok(response.body(Full::new(reply.body)).expect("the headers were written by a test"))
}
