//! Parked things given to the event store once more, from the raw log: those that can be read and stored by now are, exactly once, under
//! the coordinates that they always had.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use serde::Serialize;

use super::ReplayError;
use super::events::Logs;
use super::reader::{Judge, RawLogReader};
use crate::Batcher as _;
use crate::batch::Insert;
use crate::clickhouse::RowBatcher;
use crate::delivery::Delivery;
use crate::raw_log::RawLogStore;
use crate::raw_log::manifest::Batch;
use footfall_clickhouse::{Coordinate, EventStore};
use footfall_log::dead_letter::Parked;
use footfall_log::{PoisonReason, RecordBatch};
use footfall_tables::events::EVENTS;

/// Whatever was written before, by whomever: everything is asked of the store first.
const DOUBTFUL: u64 = u64::MAX;

/// What became of a parked thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// These many of its events are in the store now; those that were there before are counted too.
    Stored {
        /// How many.
        events: u64,
    },
    /// It holds nothing to store: what an edge had sent twice, or a record without events.
    Nothing,
    /// It was parked when it came in, and still would be.
    Parked {
        /// Why, a word of [`PoisonReason`](footfall_log::PoisonReason).
        reason: &'static str,
    },
    /// It still cannot be read.
    Unreadable {
        /// Why, a word of [`PoisonReason`](footfall_log::PoisonReason).
        reason: &'static str,
    },
    /// The store still refuses it.
    Refused,
    /// The raw log does not have it.
    Missing,
}

/// A parked thing's place: partition, offset, index of the event (the whole record without it).
pub type Place = (u32, u64, Option<u32>);

/// Gives the parked things of one log to the store again; what was parked when it came in, as `judge` says of it now. Nobody else may
/// write to the store meanwhile.
///
/// # Errors
/// [`ReplayError`]; what was not reached can be given again.
pub async fn redeliver(
    store: &EventStore,
    raw_log: &RawLogStore,
    logs: &Logs,
    incarnation: [u8; 16],
    parked: &[Place],
    judge: &Judge<'_>,
    seed: u64,
) -> Result<BTreeMap<Place, Outcome>, ReplayError> {
    let mut outcomes: BTreeMap<Place, Outcome> =
        parked.iter().map(|place| (*place, Outcome::Missing)).collect();
    let Some(partitions) = logs.get(&incarnation) else { return Ok(outcomes) };
    for (partition, manifest) in partitions {
        let places: Vec<_> = outcomes.keys().copied().filter(|(of, ..)| of == partition).collect();
        let within =
            |batch: &Batch| places.iter().any(|(_, offset, _)| (batch.from..=batch.last).contains(offset));
        let mut reader = RawLogReader::new(raw_log, incarnation, manifest, within).judging_again(judge);
        let mut delivery =
            Delivery::new(store.partition_writer(&EVENTS, incarnation, *partition), DOUBTFUL, seed);
        while let Some(chunk) = reader.next().await? {
            let here: Vec<_> = places
                .iter()
                .copied()
                .filter(|(_, offset, _)| (chunk.start..chunk.next).contains(offset))
                .collect();
            if here.is_empty() {
                continue;
            }
            for place in &here {
                if chunk.raw().binary_search_by_key(&place.1, |entry| entry.offset).is_ok() {
                    outcomes.insert(*place, Outcome::Nothing);
                }
                let spoilt = chunk.poison.iter().find(|poison| {
                    poison.offset == place.1
                        && (poison.index.is_none() || poison.index == place.2 || place.2.is_none())
                });
                if let Some(spoilt) = spoilt {
                    let reason = spoilt.reason.name();
                    let judged = spoilt.reason.is_of_judgement();
                    let outcome =
                        if judged { Outcome::Parked { reason } } else { Outcome::Unreadable { reason } };
                    outcomes.insert(*place, outcome);
                }
            }
            let mut batcher = RowBatcher::new(incarnation, *partition);
            let (mut inserts, mut rest) = (Vec::new(), Some(RecordBatch::new(chunk)));
            while let Some(read) = rest {
                rest = batcher.add(&read, Instant::now());
                inserts.extend(batcher.take());
            }
            for place in here {
                for single in singles(&inserts, place) {
                    let (from, next) = (single.first().offset, single.first().offset + 1);
                    let refused = delivery.deliver(&[single], from, next).await;
                    let refused = refused.map_err(|error| ReplayError::Load(error.to_string()))?;
                    let outcome = outcomes.entry(place).or_insert(Outcome::Nothing);
                    *outcome = match outcome {
                        Outcome::Refused => Outcome::Refused,
                        _ if !refused.is_empty() => Outcome::Refused,
                        Outcome::Stored { events } => Outcome::Stored { events: *events + 1 },
                        _ => Outcome::Stored { events: 1 },
                    };
                }
            }
        }
    }
    Ok(outcomes)
}

/// The rows at a place, each alone: between two that are given again lie others that are stored already.
fn singles(inserts: &[Insert], (_, offset, index): Place) -> Vec<Insert> {
    let wanted = |row: &Coordinate| row.offset == offset && index.is_none_or(|index| row.index == index);
    let alone = |insert: &Insert, row: Coordinate| {
        let others: Vec<_> = insert.rows().iter().copied().filter(|other| *other != row).collect();
        insert.without(&others)
    };
    let of = |insert: &Insert| {
        let rows: Vec<_> = insert.rows().iter().copied().filter(wanted).collect();
        rows.into_iter().map(|row| alone(insert, row)).collect::<Vec<_>>()
    };
    inserts.iter().flat_map(of).collect()
}

/// The UTC days, counted from 1970, of which parked things may be: those of what was written together with them.
pub fn days(logs: &Logs, incarnation: [u8; 16], parked: &[Place]) -> BTreeSet<u16> {
    let partitions = logs.get(&incarnation).into_iter().flatten();
    let batches = partitions.flat_map(|(partition, manifest)| {
        let within = move |batch: &&Batch| {
            let here =
                |(of, offset, _): &Place| of == partition && (batch.from..=batch.last).contains(offset);
            parked.iter().any(here)
        };
        manifest.batches.iter().filter(within)
    });
    batches.flat_map(|batch| batch.objects.iter().map(|name| name.hour.day())).collect()
}

/// The places of parked things by their logs, each once; those that came into no log are left out.
pub fn by_log(parked: &[Parked]) -> BTreeMap<[u8; 16], Vec<Place>> {
    let mut logs: BTreeMap<[u8; 16], Vec<Place>> = BTreeMap::new();
    // What was too large never came into the log.
    for parked in parked.iter().filter(|parked| parked.reason != PoisonReason::TooLarge.name()) {
        if let Ok(incarnation) = parked.incarnation.as_ref().try_into() {
            logs.entry(incarnation).or_default().push((parked.partition, parked.offset, parked.index));
        }
    }
    for places in logs.values_mut() {
        places.sort_unstable();
        places.dedup();
    }
    logs
}
