//! The beacon's files, read once at the start and served to any page. Knows nothing of events.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use http::HeaderValue;
use sha2::{Digest, Sha256};

/// Files that are served: path, file, type.
const FILES: [(&str, &str, &str); 2] = [
    ("/footfall.js", "footfall.js", "text/javascript; charset=utf-8"),
    ("/footfall.wasm", "footfall.wasm", "application/wasm"),
];

/// The beacon's files by path.
#[derive(Debug, Default)]
pub struct Assets(HashMap<&'static str, Asset>);

/// One file.
#[derive(Debug)]
pub struct Asset {
    /// Its media type.
    pub content_type: HeaderValue,
    /// Names its content, so that a browser need not fetch it again.
    pub etag: HeaderValue,
    /// Its bytes.
    pub plain: Bytes,
    /// The same packed with brotli, where such a file lies beside it.
    pub brotli: Option<Bytes>,
}

impl Assets {
    /// Reads the files in `folder`.
    ///
    /// # Errors
    /// [`AssetsError`] when one is missing.
    pub fn load(folder: &Path) -> Result<Self, AssetsError> {
        let load = |(path, file, content_type): (&'static str, &str, &'static str)| {
            let location = folder.join(file);
            let plain = std::fs::read(&location).map_err(|source| AssetsError { path: location, source })?;
            let brotli = std::fs::read(folder.join(format!("{file}.br"))).ok().map(Bytes::from);
            let content_type = HeaderValue::from_static(content_type);
            Ok((path, Asset { content_type, etag: etag(&plain), plain: plain.into(), brotli }))
        };
        FILES.into_iter().map(load).collect::<Result<_, _>>().map(Self)
    }

    /// The file at a path.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&Asset> {
        self.0.get(path)
    }
}

fn etag(bytes: &[u8]) -> HeaderValue {
    let digest: [u8; 32] = Sha256::digest(bytes).into();
    let half: [u8; 16] = digest[..16].try_into().expect("half of 32 bytes");
    let text = format!("\"{}\"", uuid::Uuid::from_bytes(half).simple());
    HeaderValue::from_str(&text).expect("hexadecimal digits")
}

/// A file of the beacon is missing. Permanent until it is built.
#[derive(Debug, thiserror::Error)]
#[error("`beacon.assets` needs {}, which cannot be read ({source}): put the built beacon there, or name its folder", path.display())]
pub struct AssetsError {
    path: PathBuf,
    source: io::Error,
}
