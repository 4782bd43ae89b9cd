//! The connection to Redis: made again whenever it ends, and one sentence about what is wrong with it. Knows no key.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fred::clients::Client;
use fred::error::{Error, ErrorKind};
use fred::interfaces::ClientLike as _;
use fred::types::Builder;
use fred::types::config::{Config, ServerConfig, UnresponsiveConfig};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::script::Scripts;
use crate::LiveError;
use footfall_daemon::secret::Secret;

/// Longest wait for a connection, and for a command.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(2);
/// Longest wait for a connection that is ready to be used.
const SETUP: Duration = Duration::from_secs(6);
/// A connection that leaves a command unanswered for so long is given up.
const UNRESPONSIVE: Duration = Duration::from_secs(5);
/// From one attempt to the next.
const PAUSE: Duration = Duration::from_millis(500);

/// What rustls says of bytes that are no TLS.
const NO_TLS: [&str; 2] = ["InvalidContentType", "corrupt message"];
const TLS_REMEDY: &str = "give it a tls-port, or say live.redis.tls = false where nobody can listen";

/// Which Redis, and who we are there.
#[derive(Clone, PartialEq, Eq)]
pub struct Options {
    /// Its name or address; one of them for a cluster.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The user of its access control list.
    pub user: String,
    /// Holds the user's password; read for every connection.
    pub password_file: Option<PathBuf>,
    /// Whether to speak TLS.
    pub tls: bool,
    /// Certificates of the authorities that vouch for the server.
    pub ca: Option<PathBuf>,
    /// Whether it is a Redis Cluster.
    pub cluster: bool,
    /// What all keys begin with; usually nothing.
    pub prefix: String,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redis {}:{} as {}", self.host, self.port, self.user)
    }
}

/// A connection that is there.
#[derive(Clone)]
pub(super) struct Connected {
    pub(super) client: Client,
    pub(super) scripts: Arc<Scripts>,
}

/// How the connection is.
enum State {
    Connected(Connected),
    Down(String),
}

/// The connection; clones share it. It ends with the last of them.
#[derive(Clone)]
pub(super) struct Connection {
    options: Arc<Options>,
    state: watch::Receiver<State>,
    _task: Arc<ConnectionTask>,
}

/// The task that connects.
struct ConnectionTask(JoinHandle<()>);

impl Drop for ConnectionTask {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Connection {
    /// Connects in the background; needs a runtime to spawn on.
    pub(super) fn open(options: Options) -> Self {
        let options = Arc::new(options);
        let begun = State::Down(format!("Redis at {} is not connected yet", place(&options)));
        let (sender, state) = watch::channel(begun);
        let task = Arc::new(ConnectionTask(tokio::spawn(keep(Arc::clone(&options), sender))));
        Self { options, state, _task: task }
    }

    pub(super) fn options(&self) -> &Options {
        &self.options
    }

    /// The connection.
    ///
    /// # Errors
    /// [`LiveError::Away`], at once, with what is wrong.
    pub(super) fn up(&self) -> Result<Connected, LiveError> {
        match &*self.state.borrow() {
            State::Connected(up) => Ok(up.clone()),
            State::Down(sentence) => Err(LiveError::Away(sentence.clone())),
        }
    }

    /// What is wrong.
    pub(super) fn fault(&self) -> Option<String> {
        match &*self.state.borrow() {
            State::Connected(_) => None,
            State::Down(sentence) => Some(sentence.clone()),
        }
    }

    /// Waits until it is there.
    pub(super) async fn ready(&self) {
        let waited = self.state.clone().wait_for(|state| matches!(state, State::Connected(_))).await.is_ok();
        debug_assert!(waited, "the task lives as long as the connection");
    }

    /// What a command's failure means.
    pub(super) fn away(&self, error: &Error) -> LiveError {
        LiveError::Away(sentence(&self.options, error))
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.options.fmt(f)
    }
}

async fn keep(options: Arc<Options>, state: watch::Sender<State>) {
    loop {
        let reason = match connect(&options).await {
            Ok((up, ended, _leaving)) => {
                tracing::info!(redis = place(&options), "connected");
                state.send_replace(State::Connected(up));
                match ended.await {
                    Ok(Err(error)) => sentence(&options, &error),
                    Ok(Ok(())) | Err(_) => format!("Redis at {} has closed the connection", place(&options)),
                }
            }
            Err(ConnectError::Password(path, error)) => {
                format!(
                    "the password of Redis at {} cannot be read from {}: {error}",
                    place(&options),
                    path.display()
                )
            }
            Err(ConnectError::Authorities(path, error)) => {
                format!(
                    "the authorities of Redis at {} cannot be read from {}: {error}",
                    place(&options),
                    path.display()
                )
            }
            Err(ConnectError::Client(error)) => sentence(&options, &error),
        };
        let news = match &*state.borrow() {
            State::Down(before) => *before != reason,
            State::Connected(_) => true,
        };
        if news {
            tracing::warn!(reason, "no connection to Redis; trying again");
        }
        state.send_replace(State::Down(reason));
        sleep(PAUSE).await;
    }
}

/// Ends a client's own task when nobody keeps it any more.
struct QuitOnDrop(Client);

impl Drop for QuitOnDrop {
    fn drop(&mut self) {
        let client = self.0.clone();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { client.quit().await });
        }
    }
}

/// Why there is no connection.
enum ConnectError {
    Password(PathBuf, std::io::Error),
    Authorities(PathBuf, rustls::pki_types::pem::Error),
    Client(Error),
}

impl From<Error> for ConnectError {
    fn from(error: Error) -> Self {
        Self::Client(error)
    }
}

async fn connect(
    options: &Options,
) -> Result<(Connected, JoinHandle<Result<(), Error>>, QuitOnDrop), ConnectError> {
    let password = match &options.password_file {
        None => None,
        Some(path) => {
            let secret = Secret::read(path).map_err(|error| ConnectError::Password(path.clone(), error))?;
            Some(secret.reveal().to_owned())
        }
    };
    let server = (options.host.clone(), options.port);
    let config = Config {
        fail_fast: true,
        username: password.is_some().then(|| options.user.clone()),
        password,
        server: if options.cluster {
            ServerConfig::new_clustered(vec![server])
        } else {
            ServerConfig::new_centralized(server.0, server.1)
        },
        tls: options.tls.then(|| trust(options.ca.as_deref())).transpose()?.map(Into::into),
        ..Config::default()
    };
    let mut builder = Builder::from_config(config);
    builder.with_performance_config(|performance| performance.default_command_timeout = COMMAND_TIMEOUT);
    builder.with_connection_config(|connection| {
        connection.connection_timeout = COMMAND_TIMEOUT;
        connection.internal_command_timeout = COMMAND_TIMEOUT;
        connection.max_command_attempts = 1;
        connection.disable_cluster_health_check = !options.cluster;
        connection.unresponsive =
            UnresponsiveConfig { max_timeout: Some(UNRESPONSIVE), ..UnresponsiveConfig::default() };
        connection.tcp.nodelay = Some(true);
    });
    let client = builder.build()?;
    let quit = QuitOnDrop(client.clone());
    let late = |_| Error::new(ErrorKind::Timeout, "no answer in time");
    let ended = timeout(SETUP, client.init()).await.map_err(late)??;
    let scripts = timeout(SETUP, Scripts::load(&client)).await.map_err(late)??;
    Ok((Connected { client, scripts: Arc::new(scripts) }, ended, quit))
}

fn trust(ca: Option<&Path>) -> Result<rustls::ClientConfig, ConnectError> {
    let mut roots = rustls::RootCertStore::empty();
    if let Some(path) = ca {
        let unreadable = |error| ConnectError::Authorities(path.to_owned(), error);
        for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
            let bad = |error: rustls::Error| Error::new(ErrorKind::Tls, error.to_string());
            roots.add(certificate.map_err(unreadable)?).map_err(bad)?;
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::new(ErrorKind::Tls, error.to_string()))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

fn place(options: &Options) -> String {
    format!("{}:{}", options.host, options.port)
}

/// What is wrong and what to do, for people.
fn sentence(options: &Options, error: &Error) -> String {
    let (place, user, details) = (place(options), &options.user, error.details());
    let denied = ["WRONGPASS", "NOAUTH", "ERR AUTH", "ERR invalid password"];
    if *error.kind() == ErrorKind::Auth || denied.iter().any(|word| details.starts_with(word)) {
        format!(
            "Redis at {place} refuses the user {user}: check live.redis.user and the password in live.redis.password_file"
        )
    } else if details.starts_with("NOPERM") {
        format!(
            "Redis at {place} does not let the user {user} do what is needed; extend its access control list ({details})"
        )
    } else if details.starts_with("OOM") {
        format!("Redis at {place} has no memory left: raise its maxmemory ({details})")
    } else if options.tls && NO_TLS.iter().any(|words| details.contains(words)) {
        format!("Redis at {place} does not speak TLS: {TLS_REMEDY} ({details})")
    } else if options.tls && *error.kind() == ErrorKind::Timeout {
        // One that speaks none may wait for the end of a line in what it was sent.
        format!("Redis at {place} does not answer; if it does not speak TLS, {TLS_REMEDY} ({details})")
    } else if *error.kind() == ErrorKind::Tls {
        format!("Redis at {place} has a certificate that is not trusted: check live.redis.ca ({details})")
    } else if matches!(error.kind(), ErrorKind::Config) {
        format!("Redis at {place} is not what live.redis.cluster says ({details})")
    } else {
        format!("Redis at {place} does not answer: {details}")
    }
}
