//! Bounds of the wire, in one place so that the beacon, the edge and central cannot disagree. Constants only.

/// Largest body of `POST /e` as it arrives, bytes.
pub const MAX_BODY_BYTES: usize = 512 * 1024;
/// Largest body of `POST /e` after decompression, bytes.
pub const MAX_PLAIN_BODY_BYTES: usize = 2 * 1024 * 1024;
/// Most events in one request.
pub const MAX_EVENTS_PER_BATCH: usize = 500;
/// Largest encoded event, bytes.
pub const MAX_EVENT_BYTES: usize = 32 * 1024;
/// Longest URL, title, referrer or user agent kept, bytes; what is longer is cut at a character boundary.
pub const MAX_TEXT_BYTES: usize = 2048;
/// Longest value of a short field: category, action, label, campaign, product and custom dimension, bytes.
pub const MAX_FIELD_BYTES: usize = 512;
/// Custom dimensions and custom metrics are numbered from 1 to this.
pub const CUSTOM_SLOTS: u32 = 20;
/// Events whose client timestamp is older than this when they arrive are `too_old`, milliseconds (24 hours).
pub const MAX_EVENT_AGE_MS: i64 = 24 * 60 * 60 * 1000;
/// Body that browsers share among all their keepalive requests, bytes; the beacon stays below it.
pub const BEACON_QUOTA_BYTES: usize = 60 * 1024;

/// Largest relay frame, bytes, length prefix not counted.
pub const MAX_FRAME_BYTES: usize = 8 * 1024 * 1024;
/// Largest frame of a connection that has not greeted, bytes, length prefix not counted.
pub const MAX_HELLO_BYTES: usize = 4096;
/// Largest plain payload of a relay batch, bytes. A single record always fits.
pub const MAX_BATCH_BYTES: usize = 4 * 1024 * 1024;
/// Most records in one relay batch.
pub const MAX_BATCH_RECORDS: usize = 4096;
/// Largest policy frame, bytes.
pub const MAX_POLICY_BYTES: usize = 64 * 1024 * 1024;
/// Furthest an edge's clock may be from central's, milliseconds.
pub const MAX_CLOCK_SKEW_MS: i64 = 60_000;
/// QUIC application protocol of the relay.
pub const RELAY_ALPN: &[u8] = b"footfall/1";

#[cfg(test)]
mod tests {
    use super::*;

    /// The bounds that the documentation tells, in plain numbers: a slip in a product here would be a slip on the wire.
    #[test]
    fn bounds_are_what_is_written_of_them() {
        assert_eq!((MAX_BODY_BYTES, MAX_PLAIN_BODY_BYTES, MAX_EVENT_BYTES), (524_288, 2_097_152, 32_768));
        assert_eq!((MAX_EVENT_AGE_MS, BEACON_QUOTA_BYTES), (86_400_000, 61_440));
        assert_eq!((MAX_FRAME_BYTES, MAX_BATCH_BYTES, MAX_POLICY_BYTES), (8_388_608, 4_194_304, 67_108_864));
        assert_eq!(MAX_HELLO_BYTES, 4_096);
    }
}
