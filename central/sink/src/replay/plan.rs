//! Which batches of the raw log have to be read again, so that the reader decides about the wanted ones as it did the first time. Pure.
//!
//! Whether an event is marked as a repeat depends on the records before it, as far as the window reaches; whether a record is a resend,
//! on those of its own epoch, which lie in the same hour as it does. So what is wanted is read with twice the window before it, and what
//! lies further off is skipped.

use crate::raw_log::manifest::{Batch, Manifest};
use footfall_log::window::WINDOW_RECORDS;

/// Records read before what is wanted: the window, and room for resends, which do not count in it.
const WARM_UP_RECORDS: u64 = 2 * WINDOW_RECORDS;

/// One step of a reader through the raw log of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step<'a> {
    /// Read this.
    Read(&'a Batch),
    /// Go on behind this many records, at this offset.
    Skip {
        /// The offset to go on at.
        next: u64,
        /// Records between.
        records: u64,
    },
}

/// The steps to the last batch that is `wanted`; none when none is.
pub(super) fn steps(manifest: &Manifest, wanted: impl Fn(&Batch) -> bool) -> Vec<Step<'_>> {
    let mut steps = Vec::new();
    let mut warm_up = 0;
    for batch in manifest.batches.iter().rev() {
        if wanted(batch) {
            warm_up = WARM_UP_RECORDS;
            steps.push(Step::Read(batch));
        } else if warm_up > 0 {
            warm_up = warm_up.saturating_sub(batch.records());
            steps.push(Step::Read(batch));
        } else if let Some(Step::Skip { records, .. }) = steps.last_mut() {
            *records += batch.records();
        } else if !steps.is_empty() {
            steps.push(Step::Skip { next: batch.last.saturating_add(1), records: batch.records() });
        }
    }
    steps.reverse();
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raw_log::name::{Hour, Name};

    /// Batches of so many records each, in the hour that stands beside.
    fn manifest(batches: &[(u64, u32)]) -> Manifest {
        let mut first = 0;
        let names = batches.iter().map(|(records, hour)| {
            let last = first + records - 1;
            let (hour, count) = (Hour(*hour), *records);
            let name =
                Name { incarnation: [1; 16], partition: 0, first, last, hour, hours: 1, count, crc32c: 0 };
            first = last + 1;
            name
        });
        Manifest::of(names.collect::<Vec<_>>())
    }

    fn told(manifest: &Manifest, day: u16) -> Vec<(char, u64)> {
        let told = |step: &Step| match step {
            Step::Read(batch) => ('r', batch.from),
            Step::Skip { next, .. } => ('s', *next),
        };
        steps(manifest, |batch| batch.has_day(day)).iter().map(told).collect()
    }

    #[test]
    fn what_is_wanted_is_read_with_the_window_before_it_and_nothing_behind() {
        let manifest = manifest(&[(150_000, 0), (300_000, 1), (150_000, 2), (10, 24), (10, 48)]);
        assert_eq!(told(&manifest, 1), [('s', 150_000), ('r', 150_000), ('r', 450_000), ('r', 600_000)]);
        assert_eq!(told(&manifest, 3), []);
        assert_eq!(told(&manifest, 0), [('r', 0), ('r', 150_000), ('r', 450_000)]);
    }

    #[test]
    fn a_day_that_comes_late_is_found_and_what_lies_between_is_skipped() {
        let manifest = manifest(&[(5, 0), (200_000, 24), (250_000, 24), (150_001, 24), (5, 0)]);
        assert_eq!(
            told(&manifest, 0),
            [('r', 0), ('s', 200_005), ('r', 200_005), ('r', 450_005), ('r', 600_006)]
        );
        let skip = steps(&manifest, |batch| batch.has_day(0));
        assert_eq!(skip[1], Step::Skip { next: 200_005, records: 200_000 });
    }
}
