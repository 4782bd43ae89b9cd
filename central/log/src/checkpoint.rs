//! The reader's state as bytes, and the folder of such states. Any writer of the same log writes the same bytes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bytes::{Buf, BufMut, TryGetError};
use footfall_daemon::file;

use super::deduplicator::Deduplicator;
use super::seen_offsets::{Epoch, Order};

const MAGIC: &[u8; 8] = b"FFREAD\x00\x01";
/// Most checkpoints kept.
const MAX_KEPT: usize = 8;

/// The state as bytes, its checksum last.
pub fn encode(reader: &Deduplicator, incarnation: [u8; 16]) -> Vec<u8> {
    let mut out = Vec::with_capacity(64 + reader.window.iter().len() * 24 + reader.spans.iter().len() * 48);
    out.put_slice(MAGIC);
    out.put_slice(&incarnation);
    out.put_u64_le(reader.position);
    out.put_u64_le(reader.records);
    let mut epochs: Vec<_> = reader.spans.iter().collect();
    epochs.sort_unstable_by_key(|(name, _)| **name);
    out.put_u64_le(epochs.len() as u64);
    for (name, epoch) in epochs {
        out.put_slice(name);
        out.put_u64_le(epoch.touched);
        out.put_u64_le(epoch.ranges.len() as u64);
        for (first, last) in &epoch.ranges {
            out.put_u64_le(*first);
            out.put_u64_le(*last);
        }
    }
    out.put_u64_le(reader.window.iter().len() as u64);
    for (identity, record) in reader.window.iter() {
        out.put_u128_le(identity);
        out.put_u64_le(record);
    }
    out.put_u32_le(crc32c::crc32c(&out));
    out
}

/// The state that [`encode`] wrote for the same incarnation.
///
/// # Errors
/// [`CheckpointError`]; the bytes are of no use then.
pub fn decode(bytes: &[u8], incarnation: [u8; 16], order: Order) -> Result<Deduplicator, CheckpointError> {
    let (mut body, checksum) = bytes.split_last_chunk::<4>().ok_or(CheckpointError::Damaged)?;
    if crc32c::crc32c(body) != u32::from_le_bytes(*checksum) {
        return Err(CheckpointError::Damaged);
    }
    if !body.starts_with(MAGIC) {
        return Err(CheckpointError::Foreign);
    }
    body.advance(MAGIC.len());
    if take(&mut body)? != incarnation {
        return Err(CheckpointError::Foreign);
    }
    let mut reader = Deduplicator::new(body.try_get_u64_le()?, incarnation, order);
    reader.records = body.try_get_u64_le()?;
    for _ in 0..body.try_get_u64_le()? {
        let name = take(&mut body)?;
        let mut epoch = Epoch { touched: body.try_get_u64_le()?, ranges: Vec::new() };
        for _ in 0..body.try_get_u64_le()? {
            epoch.ranges.push((body.try_get_u64_le()?, body.try_get_u64_le()?));
        }
        reader.spans.restore(name, epoch);
    }
    for _ in 0..body.try_get_u64_le()? {
        let identity = body.try_get_u128_le()?;
        reader.window.restore(identity, body.try_get_u64_le()?);
    }
    Ok(reader)
}

fn take(body: &mut &[u8]) -> Result<[u8; 16], TryGetError> {
    let mut bytes = [0; 16];
    body.try_copy_to_slice(&mut bytes)?;
    Ok(bytes)
}

/// The folder that holds them, one file for each, named by its offset.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    dir: PathBuf,
    incarnation: [u8; 16],
}

impl Checkpoints {
    /// Makes the folder when it is missing.
    ///
    /// # Errors
    /// What the file system says.
    pub fn open(dir: PathBuf, incarnation: [u8; 16]) -> io::Result<Self> {
        fs::create_dir_all(&dir)?;
        Ok(Self { dir, incarnation })
    }

    /// Keeps the state, durably: the log may be released up to it. Of those that became too many, the ones that say least
    /// go; the newest at or below `needed` stays. Blocks.
    ///
    /// # Errors
    /// What the file system says.
    pub fn save(&self, reader: &Deduplicator, needed: u64) -> io::Result<()> {
        file::replace(&self.path(reader.position()), &encode(reader, self.incarnation), 0o600)?;
        for offset in superfluous(self.offsets()?, needed) {
            fs::remove_file(self.path(offset))?;
        }
        Ok(())
    }

    /// The offset of the newest one at or below `position`.
    ///
    /// # Errors
    /// What the file system says.
    pub fn newest(&self, position: u64) -> io::Result<Option<u64>> {
        Ok(self.offsets()?.into_iter().rfind(|offset| *offset <= position))
    }

    /// The newest usable state at or below `position`. A damaged one is removed. Blocks.
    ///
    /// # Errors
    /// What the file system says.
    pub fn load(&self, position: u64) -> io::Result<Option<Deduplicator>> {
        while let Some(offset) = self.newest(position)? {
            let path = self.path(offset);
            match decode(&fs::read(&path)?, self.incarnation, Order::OutOfOrder) {
                Ok(reader) if reader.position() == offset => return Ok(Some(reader)),
                found => {
                    let error = found.err().unwrap_or(CheckpointError::Foreign);
                    tracing::warn!(path = %path.display(), %error, "removing a checkpoint that cannot be used");
                    fs::remove_file(&path)?;
                }
            }
        }
        Ok(None)
    }

    /// Ascending.
    fn offsets(&self) -> io::Result<Vec<u64>> {
        let mut offsets = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let name = PathBuf::from(entry?.file_name());
            if name.extension().is_some_and(|extension| extension == "checkpoint") {
                offsets.extend(name.file_stem().and_then(|stem| stem.to_str()?.parse::<u64>().ok()));
            }
        }
        offsets.sort_unstable();
        Ok(offsets)
    }

    fn path(&self, offset: u64) -> PathBuf {
        Path::new(&self.dir).join(format!("{offset:020}.checkpoint"))
    }
}

/// Which of the ascending `offsets` to do without: never the newest, nor the newest at or below `needed`; first those whose
/// neighbours are closest together.
pub(super) fn superfluous(mut offsets: Vec<u64>, needed: u64) -> Vec<u64> {
    let mut gone = Vec::new();
    while offsets.len() > MAX_KEPT {
        let kept = offsets.partition_point(|offset| *offset <= needed).saturating_sub(1);
        let candidates = (0..offsets.len() - 1).filter(|index| *index != kept);
        let spread =
            |index: &usize| offsets[index + 1] - index.checked_sub(1).map_or(0, |before| offsets[before]);
        let Some(least) = candidates.min_by_key(spread) else {
            break;
        };
        gone.push(offsets.remove(least));
    }
    gone
}

/// Why bytes are no checkpoint of this log. Permanent: reading begins further back.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// Torn or flipped.
    #[error("the checkpoint is damaged")]
    Damaged,
    /// Of another log, or of another version.
    #[error("the checkpoint belongs to another log")]
    Foreign,
    /// It ends too early.
    #[error("the checkpoint is cut off")]
    Short(#[from] TryGetError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_usable_state_is_found_and_a_damaged_one_is_removed() {
        let dir = tempfile::tempdir().expect("temp dir");
        let checkpoints = Checkpoints::open(dir.path().join("c"), [1; 16]).expect("open");
        assert!(checkpoints.load(u64::MAX).expect("read").is_none());
        for position in [10, 20, 30] {
            checkpoints.save(&Deduplicator::new(position, [1; 16], Order::OutOfOrder), 0).expect("save");
        }
        let at = |position| checkpoints.load(position).expect("read").map(|reader| reader.position());
        assert_eq!((at(9), at(10), at(29), at(1_000)), (None, Some(10), Some(20), Some(30)));
        let mut bytes = fs::read(checkpoints.path(20)).expect("there");
        bytes[20] ^= 1;
        fs::write(checkpoints.path(20), bytes).expect("write");
        fs::write(checkpoints.path(5), encode(&Deduplicator::new(5, [2; 16], Order::OutOfOrder), [2; 16]))
            .expect("write");
        assert_eq!((at(29), at(9)), (Some(10), None));
        assert_eq!(checkpoints.offsets().expect("list"), [10, 30]);
    }

    #[test]
    fn only_a_few_are_kept_and_the_needed_one_is_among_them() {
        let dir = tempfile::tempdir().expect("temp dir");
        let checkpoints = Checkpoints::open(dir.path().to_owned(), [1; 16]).expect("open");
        for position in 0..100 {
            checkpoints
                .save(&Deduplicator::new(position * 10, [1; 16], Order::OutOfOrder), 155)
                .expect("save");
        }
        let kept = checkpoints.offsets().expect("list");
        assert_eq!(kept.len(), MAX_KEPT);
        assert!(kept.contains(&150) && kept.contains(&990), "{kept:?}");
    }

    #[test]
    fn no_cut_and_no_flipped_bit_passes_for_a_checkpoint() {
        let mut reader = Deduplicator::new(77, [1; 16], Order::OutOfOrder);
        reader.spans.admit([4; 16], 9, 1);
        reader.window.is_repeat("site", &[1; 16], 5, 1);
        let bytes = encode(&reader, [1; 16]);
        assert_eq!(decode(&bytes, [1; 16], Order::OutOfOrder).expect("whole"), reader);
        for cut in 0..bytes.len() {
            assert!(decode(&bytes[..cut], [1; 16], Order::OutOfOrder).is_err());
            let mut flipped = bytes.clone();
            flipped[cut] ^= 0x10;
            assert!(decode(&flipped, [1; 16], Order::OutOfOrder).is_err());
        }
    }
}
