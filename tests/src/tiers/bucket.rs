//! Reads the raw log in S3 as docs/raw-log.md describes it.

use std::sync::Arc;

use futures_util::TryStreamExt;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use super::Log;
use crate::services::S3;

/// Of an unpacked object: magic, incarnation, partition.
const HEAD: usize = 8 + 16 + 4;
/// Of a record: offset and length.
const RECORD: usize = 8 + 4;

/// A client for the bucket.
///
/// # Panics
/// When the server's description is not whole.
#[must_use]
pub fn client(s3: &S3) -> Arc<AmazonS3> {
    // Somebody chose before: it was the same choice.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let secret = std::fs::read_to_string(&s3.secret_key_file).expect("a secret key");
    let builder = AmazonS3Builder::new()
        .with_endpoint(&s3.endpoint)
        .with_region(&s3.region)
        .with_bucket_name(&s3.bucket)
        .with_access_key_id(&s3.access_key)
        .with_secret_access_key(secret.trim())
        .with_allow_http(true);
    Arc::new(builder.build().expect("a client"))
}

/// Every record of the raw log, whichever incarnation it is of.
///
/// # Errors
/// When S3 cannot be asked.
///
/// # Panics
/// When an offset is there twice, or an object is not what its name says.
pub async fn read(s3: &S3) -> object_store::Result<Log> {
    let bucket = client(s3);
    let mut log = Log::new();
    let mut names: Vec<_> =
        bucket.list(Some(&Path::from("raw"))).map_ok(|meta| meta.location).try_collect().await?;
    names.sort();
    for name in names {
        let packed = bucket.get(&name).await?.bytes().await?;
        let plain = zstd::decode_all(packed.as_ref()).expect("a zstd frame");
        assert_eq!(&plain[..5], b"FFRAW", "{name}");
        let partition = u32::from_le_bytes(plain[24..HEAD].try_into().expect("four bytes"));
        let mut rest = &plain[HEAD..];
        while let Some((head, after)) = rest.split_at_checked(RECORD) {
            let offset = u64::from_le_bytes(head[..8].try_into().expect("eight bytes"));
            let length = u32::from_le_bytes(head[8..].try_into().expect("four bytes")) as usize;
            log.entry(partition).or_default().push((offset, after[..length].to_vec()));
            rest = &after[length..];
        }
    }
    for (partition, records) in &mut log {
        records.sort_by_key(|(offset, _)| *offset);
        let twice = records.windows(2).find(|pair| pair[0].0 == pair[1].0);
        assert!(
            twice.is_none(),
            "partition {partition}: offset {} is there twice",
            twice.expect("found")[0].0
        );
    }
    Ok(log)
}
