//! Finding and reading the raw log's objects again: for the sink's own position, and for whoever rebuilds a tier.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, TryStreamExt as _};

use super::manifest::{Batch, Manifest};
use super::name::{self, Name};
use super::object;
use footfall_blobs::{BlobError, Blobs};
use footfall_log::RawEntry;

/// Days that are listed, and objects that are read, at the same time.
const AT_ONCE: usize = 8;

/// The raw log in a blob store.
#[derive(Clone, Debug)]
pub struct RawLogStore {
    blobs: Blobs,
}

impl RawLogStore {
    /// The raw log in this store.
    pub fn new(blobs: Blobs) -> Self {
        Self { blobs }
    }

    /// What is there of one partition of one log.
    ///
    /// # Errors
    /// [`BlobError`].
    pub async fn partition(&self, incarnation: [u8; 16], partition: u32) -> Result<Manifest, BlobError> {
        Ok(self.log(incarnation).await?.remove(&partition).unwrap_or_default())
    }

    /// What is there of every partition of one log.
    ///
    /// # Errors
    /// [`BlobError`].
    pub async fn log(&self, incarnation: [u8; 16]) -> Result<BTreeMap<u32, Manifest>, BlobError> {
        let folder = name::log_folder(incarnation);
        let days = self.blobs.folders(&folder).await?;
        // A listing is paged a thousand names at a time; days side by side are quicker.
        let listings = days.into_iter().map(|day| {
            let folder = format!("{folder}/{day}");
            async move { self.blobs.list(&folder).await }
        });
        let mut partitions: BTreeMap<u32, Vec<Name>> = BTreeMap::new();
        let mut listings = futures_util::stream::iter(listings).buffer_unordered(AT_ONCE);
        while let Some(listing) = listings.try_next().await? {
            for blob in listing {
                let name = blob.name.as_str();
                match name.parse::<Name>() {
                    Ok(name) => partitions.entry(name.partition).or_default().push(name),
                    Err(error) => {
                        tracing::warn!(name, %error, "an object in the raw log's folder whose name is none of ours");
                    }
                }
            }
        }
        Ok(partitions.into_iter().map(|(partition, names)| (partition, Manifest::of(names))).collect())
    }

    /// The logs of which there is something.
    ///
    /// # Errors
    /// [`BlobError`].
    pub async fn logs(&self) -> Result<Vec<[u8; 16]>, BlobError> {
        let folders = self.blobs.folders(name::ROOT).await?;
        Ok(folders.iter().filter_map(|folder| name::parse_incarnation(folder)).collect())
    }

    /// The records of a batch in the order of the log, whatever hour they are filed under.
    ///
    /// # Errors
    /// [`BlobError`]; [`Cause::Damaged`](footfall_blobs::Cause::Damaged) when an object is not what its name says.
    pub async fn read(&self, batch: &Batch) -> Result<Vec<RawEntry>, BlobError> {
        let reads = batch.objects.iter().map(|name| self.read_object(name));
        let objects: Vec<_> = futures_util::stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
        let mut entries: Vec<_> =
            objects.into_iter().flatten().filter(|entry| entry.offset >= batch.from).collect();
        entries.sort_unstable_by_key(|entry| entry.offset);
        Ok(entries)
    }

    async fn read_object(&self, name: &Name) -> Result<Vec<RawEntry>, BlobError> {
        let text = name.to_string();
        let bytes = self.blobs.read(&text).await?;
        let Name { incarnation, partition, count, crc32c, .. } = *name;
        let unpacking = tokio::task::spawn_blocking(move || {
            object::unpack(&bytes, incarnation, partition, count, crc32c)
        });
        unpacking.await.expect("unpacking does not panic").map_err(|error| {
            tracing::error!(name = text, %error, "an object of the raw log is damaged");
            self.blobs.damaged(&text)
        })
    }
}
