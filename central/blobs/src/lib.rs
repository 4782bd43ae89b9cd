//! Blobs: whole objects under names, written once and never changed. A folder and S3 look the same from here. Knows nothing of what is
//! in a blob.
//!
//! A blob that was written is durable: S3 says so by answering; in a folder the file, its name and every folder that was made for it
//! are synced first.

mod error;
mod location;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use object_store::path::Path;
use object_store::{
    Error as ClientError, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, PutPayload, WriteMultipart,
};

pub use error::{BlobError, Cause, OpenError};
pub use location::{Location, S3};

/// A larger blob is sent in parts of this size, bytes. S3 takes no part below 5 MiB but the last.
pub const PART_BYTES: usize = 8 << 20;
/// Parts on their way at a time.
const PARTS_AT_ONCE: usize = 2;

/// A handle of the blob store; clones share it.
#[derive(Clone)]
pub struct Blobs {
    store: Arc<dyn ObjectStore>,
    location: Arc<str>,
}

/// A blob that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// Its name, folders parted by `/`.
    pub name: String,
    /// Its size, bytes.
    pub bytes: u64,
}

/// What became of a blob that was to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// It was made.
    New,
    /// It was there: an earlier attempt had succeeded after all.
    Already,
}

impl fmt::Debug for Blobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Blobs({})", self.location)
    }
}

impl Blobs {
    /// Opens the store. No server is asked: whether it answers shows with the first request.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(location: &Location) -> Result<Self, OpenError> {
        Ok(Self { store: location.open()?, location: location.to_string().into() })
    }

    /// What it is called in sentences.
    pub fn location(&self) -> &str {
        &self.location
    }

    /// Makes a blob unless there is one of that name, which then is taken to be the same: whoever names a blob names its content.
    ///
    /// # Errors
    /// [`BlobError`]; the blob may then be there, or may yet be.
    pub async fn create(&self, name: &str, bytes: Bytes) -> Result<Created, BlobError> {
        let path = self.path(name)?;
        if bytes.len() > PART_BYTES {
            return self.create_in_parts(&path, bytes).await;
        }
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match self.store.put_opts(&path, PutPayload::from_bytes(bytes), options).await {
            Ok(_) => Ok(Created::New),
            // Some servers say so also while somebody else is about to write it, and may yet fail.
            Err(ClientError::AlreadyExists { .. }) if self.exists(&path).await? => Ok(Created::Already),
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// The parts become a blob all at once, or never. Two who write it at the same time write the same.
    async fn create_in_parts(&self, path: &Path, bytes: Bytes) -> Result<Created, BlobError> {
        if self.exists(path).await? {
            return Ok(Created::Already);
        }
        let upload = self.store.put_multipart(path).await.map_err(|error| self.failed(&error))?;
        let mut upload = WriteMultipart::new_with_chunk_size(upload, PART_BYTES);
        let mut rest = bytes;
        while !rest.is_empty() {
            if let Err(error) = upload.wait_for_capacity(PARTS_AT_ONCE).await {
                if let Err(error) = upload.abort().await {
                    tracing::debug!(%error, "the parts of a failed upload stay where they are");
                }
                return Err(self.failed(&error));
            }
            upload.put(rest.split_to(rest.len().min(PART_BYTES)));
        }
        upload.finish().await.map_err(|error| self.failed(&error))?;
        Ok(Created::New)
    }

    async fn exists(&self, path: &Path) -> Result<bool, BlobError> {
        match self.store.head(path).await {
            Ok(_) => Ok(true),
            Err(ClientError::NotFound { .. }) => Ok(false),
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// A whole blob.
    ///
    /// # Errors
    /// [`BlobError`]; [`Cause::Missing`] when there is none.
    pub async fn read(&self, name: &str) -> Result<Bytes, BlobError> {
        let path = self.path(name)?;
        let found = self.store.get(&path).await.map_err(|error| self.failed(&error))?;
        found.bytes().await.map_err(|error| self.failed(&error))
    }

    /// Every blob below a folder, by name.
    ///
    /// # Errors
    /// [`BlobError`].
    pub async fn list(&self, folder: &str) -> Result<Vec<Blob>, BlobError> {
        let path = self.path(folder)?;
        let listed = self
            .store
            .list(Some(&path))
            .map_ok(|meta| Blob { name: meta.location.to_string(), bytes: meta.size });
        let mut blobs: Vec<_> = listed.try_collect().await.map_err(|error| self.failed(&error))?;
        blobs.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        Ok(blobs)
    }

    /// The names of the folders in a folder, without what leads to them.
    ///
    /// # Errors
    /// [`BlobError`].
    pub async fn folders(&self, folder: &str) -> Result<Vec<String>, BlobError> {
        let path = self.path(folder)?;
        let listed =
            self.store.list_with_delimiter(Some(&path)).await.map_err(|error| self.failed(&error))?;
        let last = |path: &Path| path.filename().map(str::to_owned);
        let mut names: Vec<_> = listed.common_prefixes.iter().filter_map(last).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// An error about a blob that is not what it should be.
    pub fn damaged(&self, name: &str) -> BlobError {
        BlobError { location: self.location.to_string(), cause: Cause::Damaged(name.to_owned()) }
    }

    fn path(&self, name: &str) -> Result<Path, BlobError> {
        Path::parse(name).map_err(|error| self.failed(&error.into()))
    }

    fn failed(&self, error: &ClientError) -> BlobError {
        BlobError { location: self.location.to_string(), cause: Cause::of(error) }
    }
}
