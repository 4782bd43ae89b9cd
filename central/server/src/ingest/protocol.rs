//! The relay protocol of one connection, seen from central: frames in, actions out. Pure: no socket, no clock, no log.
//!
//! An edge greets, then sends batches; each is acknowledged once the log has it, in order, cumulatively. Anything else is refused
//! with a cause, and the connection ends.

use std::collections::VecDeque;

use bytes::Bytes;
use footfall_proto::frame;
use footfall_proto::limits::{MAX_BATCH_BYTES, MAX_BATCH_RECORDS, MAX_CLOCK_SKEW_MS};
use footfall_proto::relay::refusal::Cause;
use footfall_proto::relay::{Ack, Batch, Hello, Refusal, ToCentral, Welcome, to_central};

/// What central calls itself.
const SOFTWARE: &str = concat!("footfall-central/", env!("CARGO_PKG_VERSION"));
/// Most batches of one connection that may wait for the log.
const MAX_WAITING: usize = 64;
/// Most plain bytes of one connection that may wait for the log, but for a single batch.
const MAX_WAITING_BYTES: usize = 8 << 20;
/// Length of an epoch, bytes.
const EPOCH_BYTES: usize = 16;

/// One connection's state.
#[derive(Debug, Default)]
pub struct Session {
    greeted: bool,
    waiting: VecDeque<Waiting>,
    waiting_bytes: usize,
}

#[derive(Debug)]
struct Waiting {
    ack: Ack,
    bytes: usize,
}

/// What a frame asks for.
#[derive(Debug, PartialEq)]
pub enum Action {
    /// The edge may send; answer with this. Its older connections end.
    Greet {
        /// The answer.
        welcome: Welcome,
        /// The newest policy it holds.
        policy_id: u64,
    },
    /// Inflate this with [`Session::inflate`] and append it.
    Take(Batch),
}

/// Consecutive records of one epoch, ready for the log.
#[derive(Debug, PartialEq, Eq)]
pub struct Append {
    /// The epoch, 16 bytes.
    pub epoch: Bytes,
    /// Edge offset of the first one.
    pub first_offset: u64,
    /// The encoded records.
    pub records: Vec<Bytes>,
}

impl Session {
    /// Takes a frame at `now_ms`, milliseconds since the Unix epoch.
    ///
    /// # Errors
    /// A refusal to send before the connection ends.
    pub fn receive(&mut self, frame: ToCentral, now_ms: i64) -> Result<Action, Refusal> {
        match frame.message {
            Some(to_central::Message::Hello(hello)) => self.greet(&hello, now_ms),
            Some(to_central::Message::Batch(batch)) if self.greeted => {
                check(&batch)?;
                Ok(Action::Take(batch))
            }
            Some(to_central::Message::Batch(_)) => Err(malformed("a batch came before the greeting")),
            None => Err(malformed("a frame holds no message known here")),
        }
    }

    fn greet(&mut self, hello: &Hello, now_ms: i64) -> Result<Action, Refusal> {
        if self.greeted {
            return Err(malformed("a second greeting"));
        }
        let skew = hello.clock_ms.abs_diff(now_ms);
        if skew > MAX_CLOCK_SKEW_MS.unsigned_abs() {
            let seconds = skew / 1000;
            let sentence =
                format!("your clock is {seconds} s off; at most {} s are accepted", MAX_CLOCK_SKEW_MS / 1000);
            return Err(Refusal { cause: Cause::Clock.into(), sentence });
        }
        if hello.traffic_source_version == 0 {
            return Err(malformed(
                "your records are of a build before this one, which central does not read: install this build's edge",
            ));
        }
        self.greeted = true;
        let welcome = Welcome { software: SOFTWARE.into(), clock_ms: now_ms };
        Ok(Action::Greet { welcome, policy_id: hello.policy_id })
    }

    /// Unpacks a batch; it now waits for the log's answer.
    ///
    /// # Errors
    /// A refusal to send before the connection ends.
    pub fn inflate(&mut self, batch: Batch) -> Result<Append, Refusal> {
        let bytes = batch.plain_length as usize;
        let plain = zstd::bulk::decompress(&batch.records, bytes)
            .map_err(|_| malformed("the batch cannot be inflated"))?;
        if plain.len() != bytes || frame::checksum(&plain) != batch.crc {
            return Err(malformed("the batch does not have the announced length and checksum"));
        }
        let records =
            frame::unpack(plain.into(), batch.count).map_err(|error| malformed(&error.to_string()))?;
        let next_offset = batch.first_offset + u64::from(batch.count);
        self.waiting.push_back(Waiting { ack: Ack { epoch: batch.epoch.clone(), next_offset }, bytes });
        self.waiting_bytes += bytes;
        Ok(Append { epoch: batch.epoch, first_offset: batch.first_offset, records })
    }

    /// The log has the oldest waiting batch: what to tell the edge.
    pub fn appended(&mut self) -> Ack {
        let waiting = self.waiting.pop_front().expect("an append was waited for");
        self.waiting_bytes -= waiting.bytes;
        waiting.ack
    }

    /// Whether another batch may be taken.
    pub fn has_room(&self) -> bool {
        self.waiting.is_empty()
            || (self.waiting.len() < MAX_WAITING && self.waiting_bytes < MAX_WAITING_BYTES)
    }

    /// Whether the edge has greeted.
    pub fn is_greeted(&self) -> bool {
        self.greeted
    }
}

/// The refusal of bytes that are not of this protocol.
pub fn malformed(sentence: &str) -> Refusal {
    Refusal { cause: Cause::Malformed.into(), sentence: sentence.to_owned() }
}

/// The refusal when the log takes nothing: the edge keeps its records and tries again.
pub fn log_unavailable(sentence: String) -> Refusal {
    Refusal { cause: Cause::LogUnavailable.into(), sentence }
}

/// The refusal of a connection that a newer one of the same edge replaces.
pub fn superseded() -> Refusal {
    Refusal { cause: Cause::Superseded.into(), sentence: "a newer connection of this edge took over".into() }
}

fn check(batch: &Batch) -> Result<(), Refusal> {
    if batch.epoch.len() != EPOCH_BYTES {
        return Err(malformed("the epoch is not 16 bytes long"));
    }
    if batch.count == 0 || batch.count as usize > MAX_BATCH_RECORDS {
        return Err(malformed("the count of records is out of range"));
    }
    if batch.plain_length as usize > MAX_BATCH_BYTES {
        return Err(malformed("the batch is larger than the limit"));
    }
    if batch.first_offset.checked_add(u64::from(batch.count)).is_none() {
        return Err(malformed("the offsets overflow"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::BytesMut;
    use footfall_proto::traffic_source;
    use proptest::prelude::*;

    const NOW: i64 = 1_795_424_400_000;

    fn hello(clock_ms: i64) -> ToCentral {
        greeting(clock_ms, traffic_source::VERSION)
    }

    fn greeting(clock_ms: i64, traffic_source_version: u32) -> ToCentral {
        let software = "test".into();
        let hello = Hello { software, clock_ms, policy_id: 4, traffic_source_version };
        ToCentral { message: Some(to_central::Message::Hello(hello)) }
    }

    fn batch(first_offset: u64, records: &[&[u8]]) -> Batch {
        let mut plain = BytesMut::new();
        for record in records {
            frame::pack(record, &mut plain);
        }
        Batch {
            epoch: Bytes::from_static(&[5; 16]),
            first_offset,
            count: records.len() as u32,
            plain_length: plain.len() as u32,
            crc: frame::checksum(&plain),
            records: zstd::bulk::compress(&plain, 1).expect("compresses").into(),
        }
    }

    fn framed(batch: Batch) -> ToCentral {
        ToCentral { message: Some(to_central::Message::Batch(batch)) }
    }

    fn greeted() -> Session {
        let mut session = Session::default();
        session.receive(hello(NOW), NOW).expect("greeted");
        session
    }

    fn take(session: &mut Session, batch: Batch) -> Result<Append, Refusal> {
        match session.receive(framed(batch), NOW)? {
            Action::Take(batch) => session.inflate(batch),
            Action::Greet { .. } => panic!("not a greeting"),
        }
    }

    #[test]
    fn an_edge_that_greets_is_welcomed_and_its_batches_are_acknowledged_in_order() {
        let mut session = Session::default();
        let Ok(Action::Greet { welcome, policy_id }) = session.receive(hello(NOW - 60_000), NOW) else {
            panic!("not welcomed");
        };
        assert_eq!((welcome.clock_ms, policy_id), (NOW, 4));
        let append = take(&mut session, batch(7, &[b"one", b"", b"three"])).expect("taken");
        assert_eq!(append.records, [&b"one"[..], b"", b"three"]);
        assert_eq!((append.first_offset, append.epoch.as_ref()), (7, &[5; 16][..]));
        take(&mut session, batch(10, &[b"four"])).expect("taken");
        assert_eq!([session.appended().next_offset, session.appended().next_offset], [10, 11]);
    }

    #[test]
    fn an_edge_has_greeted_once_its_greeting_is_accepted_and_not_before() {
        let mut session = Session::default();
        assert!(!session.is_greeted());
        session.receive(hello(NOW + 60_001), NOW).expect_err("refused");
        assert!(!session.is_greeted(), "a refused greeting is none");
        session.receive(hello(NOW), NOW).expect("greeted");
        assert!(session.is_greeted());
    }

    #[test]
    fn a_clock_more_than_a_minute_off_is_refused() {
        for clock in [NOW - 60_001, NOW + 60_001, i64::MIN, i64::MAX] {
            let refusal = Session::default().receive(hello(clock), NOW).expect_err("refused");
            assert_eq!(refusal.cause(), Cause::Clock);
        }
    }

    #[test]
    fn an_edge_of_a_build_whose_records_cannot_be_read_is_refused_and_told_why() {
        let mut session = Session::default();
        let refusal = session.receive(greeting(NOW, 0), NOW).expect_err("refused");
        assert_eq!(refusal.cause(), Cause::Malformed);
        assert!(refusal.sentence.contains("install this build's edge"), "{}", refusal.sentence);
        assert!(!session.is_greeted());
    }

    #[test]
    fn what_is_out_of_order_or_out_of_bounds_is_malformed() {
        let good = batch(0, &[b"one"]);
        let refused =
            |session: &mut Session, batch: Batch| take(session, batch).expect_err("refused").cause();
        assert_eq!(refused(&mut Session::default(), good.clone()), Cause::Malformed);
        assert_eq!(greeted().receive(hello(NOW), NOW).expect_err("refused").cause(), Cause::Malformed);
        assert_eq!(
            greeted().receive(ToCentral::default(), NOW).expect_err("refused").cause(),
            Cause::Malformed
        );
        for bad in [
            Batch { epoch: Bytes::from_static(b"short"), ..good.clone() },
            Batch { count: 0, ..good.clone() },
            Batch { count: 2, ..good.clone() },
            Batch { count: u32::MAX, ..good.clone() },
            Batch { plain_length: u32::MAX, ..good.clone() },
            Batch { plain_length: 3, ..good.clone() },
            Batch { plain_length: 9, ..good.clone() },
            Batch { crc: good.crc ^ 1, ..good.clone() },
            Batch { first_offset: u64::MAX, ..good.clone() },
            Batch { records: Bytes::from_static(b"rubbish"), ..good.clone() },
        ] {
            let mut session = greeted();
            assert_eq!(refused(&mut session, bad), Cause::Malformed);
            assert!(session.waiting.is_empty(), "nothing of it waits for the log");
        }
    }

    #[test]
    fn a_bomb_is_not_inflated_past_its_announced_length() {
        let bomb = zstd::bulk::compress(&vec![0; 64 << 20], 1).expect("compresses");
        let refused = take(&mut greeted(), Batch { records: bomb.into(), ..batch(0, &[b"small"]) });
        assert_eq!(refused.expect_err("refused").cause(), Cause::Malformed);
    }

    #[test]
    fn what_waits_for_the_log_is_bounded() {
        let mut session = greeted();
        let mut taken = 0;
        while session.has_room() {
            take(&mut session, batch(taken, &[b"one"])).expect("taken");
            taken += 1;
        }
        assert_eq!(taken as usize, MAX_WAITING);
        session.appended();
        assert!(session.has_room());
        let large = vec![1; MAX_WAITING_BYTES / 2 - 4];
        let mut session = greeted();
        take(&mut session, batch(0, &[&large])).expect("taken");
        assert!(session.has_room());
        take(&mut session, batch(1, &[&large])).expect("taken");
        assert_eq!((session.waiting.len(), session.has_room()), (2, false));
    }

    proptest! {
        #[test]
        fn rubbish_is_refused_or_taken_and_never_panics(
            bytes in prop::collection::vec(any::<u8>(), 0..300),
            epoch in prop::collection::vec(any::<u8>(), 0..20),
            first_offset in any::<u64>(), count in any::<u32>(), plain_length in any::<u32>(), crc in any::<u32>(),
        ) {
            let mut session = greeted();
            let mut buffer = BytesMut::from(bytes.as_slice());
            while let Ok(Some(frame)) = frame::read::<ToCentral>(&mut buffer, 4096) {
                if let Ok(Action::Take(batch)) = session.receive(frame, NOW) {
                    let _ = session.inflate(batch);
                }
            }
            let batch = Batch { epoch: epoch.into(), first_offset, count, plain_length, crc, records: bytes.into() };
            let _ = take(&mut session, batch);
        }
    }
}
