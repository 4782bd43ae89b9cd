//! Length-prefixed frames, and the packing of records inside a relay batch. Works on buffers; reads and writes nothing.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use prost::Message;

/// Bytes of the length that precedes every frame and every packed record.
const PREFIX: usize = 4;

/// Appends `message` to `out` as a frame: u32 length, little endian, then the encoded message.
///
/// # Errors
/// [`FrameError::TooLarge`] when the encoding is larger than `limit` bytes; `out` is then unchanged.
pub fn write<M: Message>(message: &M, limit: usize, out: &mut BytesMut) -> Result<(), FrameError> {
    let length = message.encoded_len();
    if length > limit {
        return Err(FrameError::TooLarge { length, limit });
    }
    out.reserve(PREFIX + length);
    out.put_u32_le(u32::try_from(length).map_err(|_| FrameError::TooLarge { length, limit })?);
    message.encode(out).expect("space was reserved");
    Ok(())
}

/// Takes the next whole frame off the front of `buffer`; `None` when more bytes are needed.
///
/// # Errors
/// [`FrameError::TooLarge`] as soon as the prefix announces more than `limit` bytes, before they are awaited;
/// [`FrameError::Malformed`] when the bytes are no such message. The stream is useless after either.
pub fn read<M: Message + Default>(buffer: &mut BytesMut, limit: usize) -> Result<Option<M>, FrameError> {
    let Some(length) = peek_length(buffer, limit)? else {
        return Ok(None);
    };
    if buffer.len() < PREFIX + length {
        return Ok(None);
    }
    buffer.advance(PREFIX);
    let body = buffer.split_to(length).freeze();
    M::decode(body).map(Some).map_err(FrameError::Malformed)
}

fn peek_length(buffer: &[u8], limit: usize) -> Result<Option<usize>, FrameError> {
    let Some(prefix) = buffer.first_chunk::<PREFIX>() else {
        return Ok(None);
    };
    let length = u32::from_le_bytes(*prefix) as usize;
    if length > limit {
        return Err(FrameError::TooLarge { length, limit });
    }
    Ok(Some(length))
}

/// Adds one encoded record to the plain payload of a batch.
pub fn pack(record: &[u8], payload: &mut BytesMut) {
    payload.reserve(PREFIX + record.len());
    payload.put_u32_le(u32::try_from(record.len()).expect("a record is far below 4 GiB"));
    payload.put_slice(record);
}

/// Cuts a batch's plain payload into its records without copying them.
///
/// # Errors
/// [`FrameError::Miscounted`] when the payload does not hold exactly `count` records.
pub fn unpack(mut payload: Bytes, count: u32) -> Result<Vec<Bytes>, FrameError> {
    let fits = payload.len() / PREFIX;
    let mut records = Vec::with_capacity((count as usize).min(fits));
    while payload.has_remaining() {
        if payload.len() < PREFIX {
            return Err(FrameError::Miscounted);
        }
        let length = payload.get_u32_le() as usize;
        if payload.len() < length || records.len() == count as usize {
            return Err(FrameError::Miscounted);
        }
        records.push(payload.split_to(length));
    }
    if records.len() == count as usize { Ok(records) } else { Err(FrameError::Miscounted) }
}

/// The checksum of a batch's plain payload.
#[must_use]
pub fn checksum(payload: &[u8]) -> u32 {
    crc32c::crc32c(payload)
}

/// What can be wrong with bytes that claim to be a frame. All are permanent: the peer must be told or dropped.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// Larger than both sides agreed on.
    #[error("a frame of {length} bytes is over the limit of {limit}")]
    TooLarge {
        /// Announced or encoded length, bytes.
        length: usize,
        /// The limit it breaks, bytes.
        limit: usize,
    },
    /// Not a message of the expected type.
    #[error("the frame holds no valid message")]
    Malformed(#[source] prost::DecodeError),
    /// A payload whose records do not add up to the announced count.
    #[error("the payload does not hold the announced records")]
    Miscounted,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::{Batch, ToCentral, to_central};
    use proptest::prelude::*;

    #[test]
    fn the_checksum_is_crc_32c() {
        // The check value of the catalogue of CRC algorithms, for CRC-32/ISCSI.
        assert_eq!(checksum(b"123456789"), 0xe306_9283);
    }

    proptest! {
        #[test]
        fn frames_survive_any_cut_of_the_stream(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..8),
            cut in 1_usize..64,
        ) {
            let sent: Vec<ToCentral> = payloads.iter().map(|p| ToCentral {
                message: Some(to_central::Message::Batch(Batch {
                    epoch: Bytes::from_static(&[7; 16]), first_offset: 9, count: 1, plain_length: p.len() as u32,
                    crc: checksum(p), records: Bytes::copy_from_slice(p),
                })),
            }).collect();
            let mut wire = BytesMut::new();
            for message in &sent {
                write(message, 4096, &mut wire).expect("below the limit");
            }
            let (mut buffer, mut received) = (BytesMut::new(), Vec::new());
            for piece in wire.chunks(cut) {
                buffer.extend_from_slice(piece);
                while let Some(message) = read::<ToCentral>(&mut buffer, 4096).expect("valid") {
                    received.push(message);
                }
            }
            prop_assert_eq!(received, sent);
            prop_assert!(buffer.is_empty());
        }

        #[test]
        fn records_survive_packing(records in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..100), 0..20)) {
            let mut payload = BytesMut::new();
            for record in &records {
                pack(record, &mut payload);
            }
            let count = records.len() as u32;
            prop_assert_eq!(unpack(payload.clone().freeze(), count).expect("packed here"), records.clone());
            prop_assert!(unpack(payload.clone().freeze(), count + 1).is_err());
            if count > 0 {
                prop_assert!(unpack(payload.clone().freeze(), count - 1).is_err());
                payload.truncate(payload.len() - 1);
                prop_assert!(unpack(payload.freeze(), count).is_err());
            }
        }

        #[test]
        fn rubbish_is_refused_and_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), count in 0_u32..9) {
            let mut buffer = BytesMut::from(bytes.as_slice());
            let _ = read::<ToCentral>(&mut buffer, 128);
            let _ = unpack(Bytes::from(bytes), count);
        }
    }

    #[test]
    fn an_oversized_frame_is_refused_from_its_prefix_alone() {
        let mut buffer = BytesMut::from(&u32::MAX.to_le_bytes()[..]);
        assert!(matches!(read::<ToCentral>(&mut buffer, 1024), Err(FrameError::TooLarge { .. })));
    }
}
