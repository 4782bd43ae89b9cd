//! What a blob store's refusals mean, each as one sentence that names the store.

use std::error::Error as _;
use std::io;
use std::path::PathBuf;

use object_store::Error as ClientError;

use footfall_daemon::fault::{Classify, Fault};

/// How S3 calls a key or a secret that it does not take.
const REFUSALS: [&str; 3] =
    ["<Code>SignatureDoesNotMatch<", "<Code>InvalidAccessKeyId<", "<Code>AccessDenied<"];

/// Why a blob store cannot be opened. Permanent.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A folder or a file with a secret.
    #[error("{path}: {source}")]
    File {
        /// The file in question.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Something that the client cannot work with, such as a URL that is none.
    #[error("the blob store: {0}")]
    Client(#[source] ClientError),
}

/// Why a blob was not written or read.
#[derive(Debug, thiserror::Error)]
#[error("{location} {cause}")]
pub struct BlobError {
    /// Which store, for people.
    pub(super) location: String,
    /// What is wrong with it.
    pub cause: Cause,
}

/// What is wrong.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// Nobody is there.
    #[error("cannot be reached: see that it runs and that blobs.s3.endpoint is right ({0})")]
    Unreachable(String),
    /// It does not know us, or we may not.
    #[error(
        "refuses our credentials: correct blobs.s3.access_key or the file of blobs.s3.secret_key_file ({0})"
    )]
    Refused(String),
    /// The bucket is not there.
    #[error("does not exist: make the bucket")]
    NoBucket,
    /// No such blob.
    #[error("has no {0}")]
    Missing(String),
    /// No room.
    #[error("is full: make room ({0})")]
    Full(String),
    /// A blob that is being written by somebody else at this moment.
    #[error("is busy with {0}")]
    Busy(String),
    /// What is there is not what was written.
    #[error("holds a damaged {0}")]
    Damaged(String),
    /// It can never do what was asked.
    #[error("cannot do that: {0}")]
    Unable(String),
    /// It failed, and does not say why; some say so when they are full.
    #[error("failed inside: look at its messages and at the room on its disks ({0})")]
    Inside(String),
    /// Anything else.
    #[error("failed: {0}")]
    Failed(String),
}

impl Classify for BlobError {
    fn fault(&self) -> Fault {
        // Also a wrong key or a missing bucket: somebody can put that right while we wait.
        match &self.cause {
            Cause::Missing(_) | Cause::Damaged(_) | Cause::Unable(_) => Fault::Permanent,
            _ => Fault::Transient,
        }
    }
}

impl Cause {
    /// Sorts what the client says.
    pub(super) fn of(error: &ClientError) -> Self {
        let text = error.to_string();
        let said = said(&text).unwrap_or_else(|| deepest(error));
        if let Some(io) = operating_system(error) {
            return match io.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                    Self::Full(io.to_string())
                }
                io::ErrorKind::NotFound => Self::Missing(said),
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    Self::Failed(io.to_string())
                }
                io::ErrorKind::ConnectionRefused
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::HostUnreachable
                | io::ErrorKind::TimedOut => Self::Unreachable(io.to_string()),
                _ => Self::Failed(format!("{said}: {io}")),
            };
        }
        match error {
            ClientError::PermissionDenied { .. } | ClientError::Unauthenticated { .. } => Self::Refused(said),
            // The client keeps the status of a refused write or listing to itself.
            _ if REFUSALS.iter().any(|code| text.contains(code)) => Self::Refused(said),
            _ if text.contains("<Code>NoSuchBucket<") => Self::NoBucket,
            ClientError::NotFound { path, .. } => Self::Missing(path.clone()),
            ClientError::AlreadyExists { path, .. } => Self::Busy(path.clone()),
            ClientError::InvalidPath { .. }
            | ClientError::NotSupported { .. }
            | ClientError::NotImplemented { .. } => Self::Unable(said),
            _ if text.contains("InsufficientStorage")
                || text.contains("No space left")
                || text.contains("QuotaExceeded") =>
            {
                Self::Full(said)
            }
            _ if text.contains("<Code>InternalError<") => Self::Inside(said),
            _ if text.contains("error sending request") => Self::Unreachable(said),
            _ => Self::Failed(said),
        }
    }
}

/// The operating system's error at the bottom of it, if there is one.
fn operating_system(error: &ClientError) -> Option<&io::Error> {
    let (mut found, mut source) = (None, error.source());
    while let Some(error) = source {
        found = error.downcast_ref::<io::Error>().or(found);
        source = error.source();
    }
    found
}

/// The code and message of an S3 answer, if that is what it is.
fn said(text: &str) -> Option<String> {
    let element = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        rest.split_once("</").map(|(said, _)| said)
    };
    let code = element("Code")?;
    Some(element("Message").map_or_else(|| code.to_owned(), |message| format!("{message} ({code})")))
}

/// What lies at the bottom of it says most, in one line.
fn deepest(error: &ClientError) -> String {
    let mut bottom: &dyn std::error::Error = error;
    while let Some(source) = bottom.source() {
        bottom = source;
    }
    bottom.to_string().lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generic(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Cause {
        Cause::of(&ClientError::Generic { store: "S3", source: source.into() })
    }

    #[test]
    fn refusals_become_sentences() {
        let body =
            "<Error><Code>SignatureDoesNotMatch</Code><Message>The signature is wrong</Message></Error>";
        let denied = Cause::of(&ClientError::PermissionDenied { path: "raw/x".into(), source: body.into() });
        assert_eq!(
            denied.to_string(),
            "refuses our credentials: correct blobs.s3.access_key or the file of blobs.s3.secret_key_file (The signature is wrong \
             (SignatureDoesNotMatch))"
        );
        let missing = "<Error><Code>NoSuchBucket</Code></Error>";
        let missing = Cause::of(&ClientError::NotFound { path: "raw/x".into(), source: missing.into() });
        assert!(matches!(missing, Cause::NoBucket));
        let inside = "<Error><Code>InternalError</Code><Message>Try again</Message></Error>";
        assert!(generic(inside).to_string().contains("the room on its disks"));
        let quota = "<Error><Code>QuotaExceeded</Code></Error>";
        assert!(matches!(generic(quota), Cause::Full(_)));
        let full = io::Error::from(io::ErrorKind::StorageFull);
        assert!(matches!(generic(full), Cause::Full(_)));
        let reset = io::Error::from(io::ErrorKind::ConnectionReset);
        assert!(matches!(generic(reset), Cause::Unreachable(_)));
    }

    #[test]
    fn what_somebody_can_put_right_is_tried_again() {
        let fault = |cause| BlobError { location: "here".into(), cause }.fault();
        assert_eq!(fault(Cause::NoBucket), Fault::Transient);
        assert_eq!(fault(Cause::Full("x".into())), Fault::Transient);
        assert_eq!(fault(Cause::Damaged("x".into())), Fault::Permanent);
    }
}
