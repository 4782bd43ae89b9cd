//! A deduplicator's state as bytes, and which of several such states to keep. Any writer of the same log writes the same bytes. Pure.

use bytes::{Buf, BufMut, TryGetError};

use super::deduplicator::Deduplicator;
use super::seen_offsets::{Epoch, Order};

/// A checkpoint of each partition is written after this many bytes of the log, or an eighth of an embedded log's bound.
pub const CHECKPOINT_BYTES: u64 = 64 << 20;

const MAGIC: &[u8; 8] = b"FFREAD\x00\x01";
/// Most checkpoints kept of one partition.
pub(super) const MAX_KEPT: usize = 8;

/// The state as bytes, its checksum last.
pub fn encode(deduplicator: &Deduplicator, incarnation: [u8; 16]) -> Vec<u8> {
    let mut out =
        Vec::with_capacity(64 + deduplicator.window.iter().len() * 24 + deduplicator.seen.iter().len() * 48);
    out.put_slice(MAGIC);
    out.put_slice(&incarnation);
    out.put_u64_le(deduplicator.position);
    out.put_u64_le(deduplicator.records);
    let mut epochs: Vec<_> = deduplicator.seen.iter().collect();
    epochs.sort_unstable_by_key(|(name, _)| **name);
    out.put_u64_le(epochs.len() as u64);
    for (name, epoch) in epochs {
        out.put_slice(name);
        out.put_u64_le(epoch.last_seen);
        out.put_u64_le(epoch.ranges.len() as u64);
        for (first, last) in &epoch.ranges {
            out.put_u64_le(*first);
            out.put_u64_le(*last);
        }
    }
    out.put_u64_le(deduplicator.window.iter().len() as u64);
    for (identity, record) in deduplicator.window.iter() {
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
    let mut deduplicator = Deduplicator::new(body.try_get_u64_le()?, incarnation, order);
    deduplicator.records = body.try_get_u64_le()?;
    for _ in 0..body.try_get_u64_le()? {
        let name = take(&mut body)?;
        let mut epoch = Epoch { last_seen: body.try_get_u64_le()?, ranges: Vec::new() };
        for _ in 0..body.try_get_u64_le()? {
            epoch.ranges.push((body.try_get_u64_le()?, body.try_get_u64_le()?));
        }
        deduplicator.seen.restore(name, epoch);
    }
    for _ in 0..body.try_get_u64_le()? {
        let identity = body.try_get_u128_le()?;
        deduplicator.window.restore(identity, body.try_get_u64_le()?);
    }
    Ok(deduplicator)
}

fn take(body: &mut &[u8]) -> Result<[u8; 16], TryGetError> {
    let mut bytes = [0; 16];
    body.try_copy_to_slice(&mut bytes)?;
    Ok(bytes)
}

/// Which of the ascending `offsets` to do without: never the newest, nor the newest at or below `needed`; first those whose
/// neighbours are closest together.
pub(super) fn to_delete(mut offsets: Vec<u64>, needed: u64) -> Vec<u64> {
    let mut deleted = Vec::new();
    while offsets.len() > MAX_KEPT {
        let kept = offsets.partition_point(|offset| *offset <= needed).saturating_sub(1);
        let candidates = (0..offsets.len() - 1).filter(|index| *index != kept);
        let spread =
            |index: &usize| offsets[index + 1] - index.checked_sub(1).map_or(0, |before| offsets[before]);
        let Some(least) = candidates.min_by_key(spread) else {
            break;
        };
        deleted.push(offsets.remove(least));
    }
    deleted
}

/// Why bytes are no checkpoint of this log. Permanent: reading begins further back in the log.
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
    fn no_cut_and_no_flipped_bit_passes_for_a_checkpoint() {
        let mut deduplicator = Deduplicator::new(77, [1; 16], Order::OutOfOrder);
        deduplicator.seen.admit([4; 16], 9, 1);
        deduplicator.window.is_repeat("site", &[1; 16], 5, 1);
        let bytes = encode(&deduplicator, [1; 16]);
        assert_eq!(decode(&bytes, [1; 16], Order::OutOfOrder).expect("whole"), deduplicator);
        for cut in 0..bytes.len() {
            assert!(decode(&bytes[..cut], [1; 16], Order::OutOfOrder).is_err());
            let mut flipped = bytes.clone();
            flipped[cut] ^= 0x10;
            assert!(decode(&flipped, [1; 16], Order::OutOfOrder).is_err());
        }
    }
}
