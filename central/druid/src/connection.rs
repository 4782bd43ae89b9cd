//! Requests to Druid's coordinator and broker: who asks, for how long, how much may come back, and what a refusal means. Knows nothing of
//! what is asked.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::{Certificate, Method, StatusCode};
use serde_json::Value;

use super::error::{DruidError, OpenError};
use footfall_daemon::secret::Secret;

/// How long a connection may take to come about, and a request altogether.
const CONNECT: Duration = Duration::from_secs(5);
const REQUEST: Duration = Duration::from_secs(20);
/// The most that an answer may be long, bytes.
const MOST_BYTES: usize = 8 << 20;
/// The most of a complaint that is shown, characters.
const COMPLAINT: usize = 300;

/// Where Druid is, and as whom it is asked.
#[derive(Clone)]
pub struct Options {
    /// URL of the coordinator, which is the overlord too, or of a router.
    pub coordinator: String,
    /// URL of the broker, or of a router.
    pub broker: String,
    /// The data source, and its supervisor.
    pub data_source: String,
    /// Who asks, where Druid wants to know: with the password in this file, read for every request.
    pub user: Option<(String, PathBuf)>,
    /// Certificates that Druid's own is signed by, PEM; the system's otherwise.
    pub ca_file: Option<PathBuf>,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("coordinator", &self.coordinator)
            .field("broker", &self.broker)
            .field("data_source", &self.data_source)
            .finish_non_exhaustive()
    }
}

/// A handle; clones share its connections.
#[derive(Clone, Debug)]
pub struct Druid {
    client: reqwest::Client,
    pub(crate) options: Options,
}

/// A process of Druid's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Coordinator,
    Broker,
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::Coordinator => "coordinator",
            Self::Broker => "broker",
        }
    }
}

impl Druid {
    /// Opens it. Nobody is asked yet.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(options: Options) -> Result<Self, OpenError> {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Somebody else may have been quicker, with the same one: there is no other in this program.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let mut client = reqwest::Client::builder().connect_timeout(CONNECT).timeout(REQUEST).no_proxy();
        if let Some(path) = &options.ca_file {
            let pem = std::fs::read(path).map_err(|source| OpenError::File { path: path.clone(), source })?;
            let certificates = Certificate::from_pem_bundle(&pem).map_err(OpenError::Client)?;
            client = client.tls_certs_only(certificates);
        }
        // A redirect would carry the password elsewhere.
        let client = client.redirect(reqwest::redirect::Policy::none()).build().map_err(OpenError::Client)?;
        Ok(Self { client, options })
    }

    /// What it answers; nothing where it says that there is no such thing.
    pub(crate) async fn get(&self, part: Part, path: &str) -> Result<Option<Value>, DruidError> {
        let (status, body) = self.ask(part, Method::GET, path, None).await?;
        if status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        taken(part, "a question", status, &body)?;
        read(part, &body).map(Some)
    }

    /// Gives it something; what it answers may be empty.
    pub(crate) async fn post(
        &self,
        part: Part,
        path: &str,
        what: &'static str,
        body: &Value,
    ) -> Result<Value, DruidError> {
        let (status, answer) = self.ask(part, Method::POST, path, Some(body)).await?;
        taken(part, what, status, &answer)?;
        if answer.is_empty() { Ok(Value::Null) } else { read(part, &answer) }
    }

    async fn ask(
        &self,
        part: Part,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(StatusCode, Vec<u8>), DruidError> {
        let unreachable =
            |error: reqwest::Error| DruidError::Unreachable { part: part.name(), reason: deepest(&error) };
        let base = match part {
            Part::Coordinator => &self.options.coordinator,
            Part::Broker => &self.options.broker,
        };
        let mut request = self.client.request(method, format!("{}/{path}", base.trim_end_matches('/')));
        if let Some((user, file)) = &self.options.user {
            let password = Secret::read(file).map_err(|error| DruidError::Failed {
                part: part.name(),
                reason: format!("the password cannot be read from {}: {error}", file.display()),
            })?;
            request = request.basic_auth(user, Some(password.reveal()));
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let mut answer = request.send().await.map_err(unreachable)?;
        let status = answer.status();
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(unreachable)? {
            if bytes.len() + chunk.len() > MOST_BYTES {
                let reason = format!("it is longer than {MOST_BYTES} bytes");
                return Err(DruidError::Answer { part: part.name(), reason });
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok((status, bytes))
    }
}

fn read(part: Part, body: &[u8]) -> Result<Value, DruidError> {
    serde_json::from_slice(body)
        .map_err(|error| DruidError::Answer { part: part.name(), reason: error.to_string() })
}

/// Whether it took what it was given. Pure.
fn taken(part: Part, what: &'static str, status: StatusCode, body: &[u8]) -> Result<(), DruidError> {
    if status.is_success() {
        return Ok(());
    }
    let (part, reason) = (part.name(), complaint(status, body));
    Err(match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => DruidError::Credentials { part },
        // Too many at once, and whatever else passes.
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => DruidError::Failed { part, reason },
        status if status.is_client_error() => DruidError::Refused { part, what, reason },
        _ => DruidError::Failed { part, reason },
    })
}

/// One line of what it says: an object with the sentence in one of these, or text.
fn complaint(status: StatusCode, body: &[u8]) -> String {
    let object = serde_json::from_slice::<Value>(body).unwrap_or_default();
    let said = ["errorMessage", "error_description", "message", "error"];
    let sentence = said.into_iter().find_map(|name| object.get(name)?.as_str().map(str::to_owned));
    let text = sentence.unwrap_or_else(|| String::from_utf8_lossy(body).into_owned());
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.is_empty() { status.to_string() } else { line.chars().take(COMPLAINT).collect() }
}

/// The cause at the bottom: the client's own sentence only names the URL.
fn deepest(error: &reqwest::Error) -> String {
    let mut deepest: &dyn std::error::Error = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use footfall_daemon::fault::Classify as _;

    fn told(status: u16, body: &str) -> DruidError {
        let status = StatusCode::from_u16(status).expect("a status");
        taken(Part::Coordinator, "the spec", status, body.as_bytes()).expect_err("no success")
    }

    #[test]
    fn a_refusal_says_in_one_line_what_druid_says_of_it() {
        let refused = told(400, "{\"error\":\"druidException\",\"errorMessage\":\"no such\\n  type\"}");
        assert_eq!(refused.to_string(), "Druid's coordinator refuses the spec: no such type");
        assert!(!refused.is_transient());
        assert_eq!(told(400, "").to_string(), "Druid's coordinator refuses the spec: 400 Bad Request");
        let long = "x".repeat(2000);
        assert!(told(400, &long).to_string().len() < COMPLAINT + 100);
    }

    #[test]
    fn what_a_person_or_time_can_put_right_is_tried_again() {
        for status in [401, 403] {
            let told = told(status, "");
            assert!(told.is_transient() && told.to_string().contains("druid.password_file"), "{told}");
        }
        for status in [429, 500, 503] {
            assert!(told(status, "{\"error\":\"Unknown exception\"}").is_transient());
        }
    }
}
