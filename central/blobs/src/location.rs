//! Where blobs rest, and as whom: a folder of this machine, or a bucket of an S3 server. Opens the one or the other; a secret is in no
//! debug print.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use object_store::aws::{AmazonS3Builder, AwsCredential};
use object_store::client::ClientOptions;
use object_store::local::LocalFileSystem;
use object_store::prefix::PrefixStore;
use object_store::{BackoffConfig, CredentialProvider, ObjectStore, RetryConfig};

use super::error::OpenError;
use footfall_daemon::secret::Secret;

/// How long a connection may take to come about, and a request altogether.
const CONNECT: Duration = Duration::from_secs(5);
const REQUEST: Duration = Duration::from_secs(30);
/// How long the client tries again by itself: not for long, whoever asked knows better what else there is to do.
const RETRIES: usize = 2;
const RETRY_FOR: Duration = Duration::from_secs(3);

/// Where blobs rest.
#[derive(Clone, Debug)]
pub enum Location {
    /// A folder; made when it is missing.
    Folder(PathBuf),
    /// A bucket; it has to be there.
    S3(S3),
}

/// A bucket of an S3 server.
#[derive(Clone)]
pub struct S3 {
    /// The server's URL, without the bucket.
    pub endpoint: String,
    /// The region that requests are signed for.
    pub region: String,
    /// The bucket.
    pub bucket: String,
    /// What all names begin with; may be empty.
    pub prefix: String,
    /// Who asks.
    pub access_key: String,
    /// ... with the secret in this file, read for every request.
    pub secret_key_file: PathBuf,
    /// Whether the server may be spoken to in plain text.
    pub allow_http: bool,
}

impl fmt::Debug for S3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3")
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .field("bucket", &self.bucket)
            .field("prefix", &self.prefix)
            .field("secret_key_file", &self.secret_key_file)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => write!(f, "the blob folder {}", path.display()),
            Self::S3(s3) => write!(f, "S3 at {}, bucket {}", s3.endpoint, s3.bucket),
        }
    }
}

impl Location {
    /// Opens it. Asks no server anything.
    pub(super) fn open(&self) -> Result<Arc<dyn ObjectStore>, OpenError> {
        match self {
            Self::Folder(path) => {
                let failed = |source| OpenError::File { path: path.clone(), source };
                make(path).map_err(failed)?;
                // Without it, what was written could be gone after a power loss.
                let folder = LocalFileSystem::new_with_prefix(path).map_err(OpenError::Client)?;
                Ok(Arc::new(folder.with_fsync(true)))
            }
            Self::S3(s3) => s3.open(),
        }
    }
}

impl S3 {
    fn open(&self) -> Result<Arc<dyn ObjectStore>, OpenError> {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Somebody else may have been quicker, with the same one: there is no other in this program.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let client = ClientOptions::new()
            .with_connect_timeout(CONNECT)
            .with_timeout(REQUEST)
            .with_allow_http(self.allow_http);
        let backoff = BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(1),
            base: 2.0,
        };
        let bucket = AmazonS3Builder::new()
            .with_endpoint(&self.endpoint)
            .with_region(&self.region)
            .with_bucket_name(&self.bucket)
            .with_credentials(Arc::new(Key {
                access_key: self.access_key.clone(),
                file: self.secret_key_file.clone(),
            }))
            .with_allow_http(self.allow_http)
            .with_client_options(client)
            .with_retry(RetryConfig { backoff, max_retries: RETRIES, retry_timeout: RETRY_FOR })
            .build()
            .map_err(OpenError::Client)?;
        Ok(if self.prefix.is_empty() {
            Arc::new(bucket)
        } else {
            Arc::new(PrefixStore::new(bucket, self.prefix.as_str()))
        })
    }
}

/// Who asks, with the secret that stands in its file at that moment: a person may have put it right.
struct Key {
    access_key: String,
    file: PathBuf,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.file.display())
    }
}

impl Key {
    fn now(&self) -> object_store::Result<Arc<AwsCredential>> {
        let secret = Secret::read(&self.file).map_err(|error| object_store::Error::Generic {
            store: "S3",
            // As text: it is no refusal of the store's own.
            source: format!("the secret key cannot be read from {}: {error}", self.file.display()).into(),
        })?;
        let (key_id, secret_key) = (self.access_key.clone(), secret.reveal().to_owned());
        Ok(Arc::new(AwsCredential { key_id, secret_key, token: None }))
    }
}

impl CredentialProvider for Key {
    type Credential = AwsCredential;

    fn get_credential<'a, 'b>(&'a self) -> BoxFuture<'b, object_store::Result<Arc<AwsCredential>>>
    where
        'a: 'b,
        Self: 'b,
    {
        std::future::ready(self.now()).boxed()
    }
}

/// Makes a folder and whatever it lies in, durably.
fn make(path: &Path) -> io::Result<()> {
    let missing: Vec<_> = path.ancestors().take_while(|folder| !folder.exists()).collect();
    fs::create_dir_all(path)?;
    for parent in missing.into_iter().filter_map(Path::parent) {
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        File::open(parent)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_debug_print_shows_a_credential() {
        let dir = tempfile::tempdir().expect("temp dir");
        let secret_key_file = dir.path().join("secret");
        footfall_daemon::file::replace_unsynced(&secret_key_file, b"very-secret\n", 0o600).expect("write");
        let location = Location::S3(S3 {
            endpoint: "https://s3.example".into(),
            region: "us-east-1".into(),
            bucket: "footfall".into(),
            prefix: "here".into(),
            access_key: "who-asks".into(),
            secret_key_file,
            allow_http: false,
        });
        let blobs = super::super::Blobs::open(&location).expect("nobody is asked yet");
        let printed = format!("{location:?} {location} {blobs:?}");
        assert!(printed.contains("s3.example"), "{printed}");
        assert!(!printed.contains("very-secret") && !printed.contains("who-asks"), "{printed}");
    }
}
