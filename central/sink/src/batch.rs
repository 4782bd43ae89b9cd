//! Which rows make one insert: one partition, one UTC day, a bounded number of rows and bytes; and the token by which a store knows
//! it again. Pure: time is an argument.

use std::collections::BTreeMap;
use std::hash::Hasher as _;
use std::time::{Duration, Instant};

use siphasher::sip128::{Hasher128 as _, SipHasher13};

use footfall_clickhouse::{Block, BlockBuilder, Coordinate};
use footfall_tables::events::{EVENTS, EventRow};

/// Most rows of one insert: what ClickHouse writes as one part, all or none.
pub const MAX_ROWS: usize = 100_000;
/// Most UTC days of one batch: each is an insert, a part and some fsyncs of its own. What edges are believed lies within fewer days
/// than that, so only what came into the log before it was judged is cut here; the rest makes the next batch.
pub const MAX_DAYS: usize = 64;
/// Bytes of one insert that are not exceeded by more than a row.
const MAX_INSERT_BYTES: usize = 64 << 20;
/// Rows or bytes at which a batch is written at once ...
const BATCH_ROWS: usize = 80_000;
const BATCH_BYTES: usize = 32 << 20;
/// ... and otherwise its age; longer while the log holds so many more records: nothing of it is fresh, and large inserts catch up sooner.
const BATCH_AGE: Duration = Duration::from_secs(1);
const BEHIND_AGE: Duration = Duration::from_secs(5);
const BEHIND: u64 = 10_000;
/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// Gathers rows until they are worth an insert.
#[derive(Debug, Default)]
pub struct Planner {
    days: BTreeMap<u16, Vec<Draft>>,
    rows: usize,
    bytes: usize,
    since: Option<Instant>,
}

/// An insert that still grows.
#[derive(Debug)]
struct Draft {
    rows: Vec<Coordinate>,
    block: BlockBuilder,
}

/// Rows that are stored together or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Insert {
    /// The UTC day of all of them, counted from 1970.
    pub day: u16,
    /// Their places in the log, ascending.
    rows: Vec<Coordinate>,
    block: Block,
}

impl Planner {
    /// Whether a row may be added: it is of one of the batch's days, or there is room for another day.
    pub fn has_room(&self, row: &EventRow<'_>) -> bool {
        self.days.len() < MAX_DAYS || self.days.contains_key(&day(row))
    }

    /// Adds a row. Rows come in the order of the log, and were received between 2000 and 2100.
    pub fn add(&mut self, row: &EventRow<'_>, now: Instant) {
        let drafts = self.days.entry(day(row)).or_default();
        if drafts
            .last()
            .is_none_or(|draft| draft.rows.len() == MAX_ROWS || draft.block.bytes() >= MAX_INSERT_BYTES)
        {
            drafts.push(Draft { rows: Vec::new(), block: BlockBuilder::new(&EVENTS) });
        }
        let draft = drafts.last_mut().expect("there is one");
        let before = draft.block.bytes();
        draft.block.push(row);
        draft.rows.push(Coordinate { offset: row.log_offset, index: row.log_index });
        self.bytes += draft.block.bytes() - before;
        self.rows += 1;
        self.since.get_or_insert(now);
    }

    /// When what was gathered is to be written, where the log holds `backlog` records beyond it; at once when it is much.
    pub fn due(&self, backlog: u64) -> Option<Instant> {
        let age = if backlog >= BEHIND { BEHIND_AGE } else { BATCH_AGE };
        self.since.map(|since| if self.is_full() { since } else { since + age })
    }

    /// Whether it is enough for a batch.
    pub fn is_full(&self) -> bool {
        self.rows >= BATCH_ROWS || self.bytes >= BATCH_BYTES || self.days.len() >= MAX_DAYS
    }

    /// The inserts, day by day, each day's in the order of the log. The newest day comes first: whoever sends of many days delays his
    /// own rows, not those of today.
    pub fn take(&mut self) -> Vec<Insert> {
        let days = std::mem::take(self).days.into_iter().rev();
        days.flat_map(|(day, drafts)| drafts.into_iter().map(move |draft| draft.finish(day))).collect()
    }
}

/// A row's UTC day, counted from 1970.
fn day(row: &EventRow<'_>) -> u16 {
    u16::try_from(row.server_timestamp.0.div_euclid(DAY_MS)).expect("the reader admits no other times")
}

impl Draft {
    fn finish(self, day: u16) -> Insert {
        let block = self.block.finish();
        Insert { day, rows: self.rows, block }
    }
}

impl Insert {
    /// Places of its rows, ascending.
    pub fn rows(&self) -> &[Coordinate] {
        &self.rows
    }

    /// Whether there is nothing left to insert.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The first row's place.
    ///
    /// # Panics
    /// When it is empty.
    pub fn first(&self) -> Coordinate {
        *self.rows.first().expect("an insert has rows")
    }

    /// The last row's place.
    ///
    /// # Panics
    /// When it is empty.
    pub fn last(&self) -> Coordinate {
        *self.rows.last().expect("an insert has rows")
    }

    /// All rows, encoded.
    pub fn block(&self) -> &Block {
        &self.block
    }

    /// One row, encoded, if it is among them.
    pub fn row(&self, place: Coordinate) -> Option<Block> {
        let index = self.rows.binary_search(&place).ok()?;
        Some(self.block.filtered(|row| row == index))
    }

    /// The same rows but for those that are stored already, given ascending.
    #[must_use]
    pub fn without(&self, stored: &[Coordinate]) -> Self {
        self.filtered(|index| stored.binary_search(&self.rows[index]).is_err())
    }

    /// Its two halves.
    #[must_use]
    pub fn halves(&self) -> (Self, Self) {
        let half = self.rows.len() / 2;
        (self.filtered(|index| index < half), self.filtered(|index| index >= half))
    }

    fn filtered(&self, keep: impl Fn(usize) -> bool) -> Self {
        let kept = (0..self.rows.len()).filter(|row| keep(*row)).map(|row| self.rows[row]);
        Self { day: self.day, rows: kept.collect(), block: self.block.filtered(&keep) }
    }

    /// By what the store knows this insert again: a hash of where it begins and of its day, the same after every restart. `fresh` is
    /// zero, or random when the store must take it for another one.
    ///
    /// # Panics
    /// When it is empty.
    pub fn token(&self, incarnation: [u8; 16], partition: u32, fresh: u64) -> String {
        let first = self.first();
        let mut hasher = SipHasher13::new();
        hasher.write(&incarnation);
        hasher.write_u32(partition);
        hasher.write_u64(first.offset);
        hasher.write_u32(first.index);
        hasher.write_u16(self.day);
        hasher.write_u64(fresh);
        format!("{:032x}", u128::from(hasher.finish128()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use footfall_clickhouse::Millis;
    use proptest::prelude::*;

    const DAY: i64 = 20_000;

    fn at(offset: u64, index: u32) -> Coordinate {
        Coordinate { offset, index }
    }

    fn row(offset: u64, index: u32, day: i64) -> EventRow<'static> {
        let server_timestamp = Millis((DAY + day) * DAY_MS + 5);
        EventRow { log_offset: offset, log_index: index, server_timestamp, ..EventRow::default() }
    }

    fn planned(rows: &[(u64, u32, i64)], now: Instant) -> Planner {
        let mut planner = Planner::default();
        for (offset, index, day) in rows {
            planner.add(&row(*offset, *index, *day), now);
        }
        planner
    }

    #[test]
    fn rows_are_parted_by_their_utc_day() {
        let inserts = planned(&[(1, 0, 1), (1, 1, 1), (2, 0, 0), (3, 0, 1)], Instant::now()).take();
        let days: Vec<_> =
            inserts.iter().map(|insert| (i64::from(insert.day) - DAY, insert.rows.clone())).collect();
        assert_eq!(days, [(1, vec![at(1, 0), at(1, 1), at(3, 0)]), (0, vec![at(2, 0)])], "today's first");
        assert_eq!(inserts[0].block(), &Block::from_rows(&[row(1, 0, 1), row(1, 1, 1), row(3, 0, 1)]));
    }

    #[test]
    fn a_batch_is_due_a_second_after_its_first_row_and_at_once_when_it_is_large() {
        let now = Instant::now();
        assert_eq!(Planner::default().due(0), None);
        let mut planner = planned(&[(1, 0, 0)], now);
        planner.add(&row(2, 0, 0), now + Duration::from_millis(900));
        assert_eq!((planner.due(0), planner.is_full()), (Some(now + BATCH_AGE), false));
        assert_eq!(planner.due(BEHIND - 1), Some(now + BATCH_AGE));
        assert_eq!(planner.due(BEHIND), Some(now + BEHIND_AGE));
        let long = "x".repeat(BATCH_BYTES);
        planner.add(&EventRow { page_title: &long, ..row(3, 0, 0) }, now);
        assert_eq!((planner.due(BEHIND), planner.is_full()), (Some(now), true));
        planner.take();
        assert_eq!((planner.due(BEHIND), planner.is_full()), (None, false));
    }

    #[test]
    fn an_insert_holds_at_most_as_many_rows_as_make_one_part() {
        let (mut planner, now) = (Planner::default(), Instant::now());
        for offset in 0..=MAX_ROWS as u64 {
            planner.add(&row(offset, 0, 0), now);
        }
        let sizes: Vec<_> = planner.take().iter().map(|insert| insert.rows.len()).collect();
        assert_eq!(sizes, [MAX_ROWS, 1]);
    }

    #[test]
    fn a_batch_is_spread_over_a_bounded_number_of_days_and_the_rest_has_no_room() {
        let (mut planner, now) = (Planner::default(), Instant::now());
        let mut offset = 0;
        while planner.has_room(&row(offset, 0, offset as i64)) {
            planner.add(&row(offset, 0, offset as i64), now);
            offset += 1;
        }
        assert_eq!((offset as usize, planner.is_full(), planner.due(0)), (MAX_DAYS, true, Some(now)));
        assert!(planner.has_room(&row(offset, 0, 3)), "of a day that it has there may be more");
        let inserts = planner.take();
        assert_eq!(inserts.len(), MAX_DAYS);
        assert!(inserts.is_sorted_by(|one, other| one.day > other.day), "today's first");
        assert!(planner.has_room(&row(offset, 0, offset as i64)) && !planner.is_full());
    }

    #[test]
    fn a_token_says_where_an_insert_begins_and_nothing_else() {
        let token = |rows: &[(u64, u32, i64)], fresh| {
            planned(rows, Instant::now()).take()[0].token([1; 16], 0, fresh)
        };
        let one = token(&[(7, 2, 0)], 0);
        assert_eq!(token(&[(7, 2, 0), (8, 0, 0)], 0), one);
        for other in
            [token(&[(7, 3, 0)], 0), token(&[(8, 2, 0)], 0), token(&[(7, 2, 1)], 0), token(&[(7, 2, 0)], 1)]
        {
            assert_ne!(other, one);
        }
    }

    proptest! {
        #[test]
        fn what_is_left_out_and_what_remains_are_the_whole(rows in 1_usize..40, stored in prop::collection::btree_set(0_u64..40, 0..40)) {
            let all: Vec<_> = (0..rows as u64).map(|offset| (offset, 0, 0)).collect();
            let insert = planned(&all, Instant::now()).take().remove(0);
            let stored: Vec<_> = stored.into_iter().map(|offset| at(offset, 0)).collect();
            let rest = insert.without(&stored);
            let expected: Vec<_> = insert.rows.iter().copied().filter(|row| !stored.contains(row)).collect();
            prop_assert_eq!(&rest.rows, &expected);
            let block = |places: &[Coordinate]| {
                Block::from_rows(&places.iter().map(|place| row(place.offset, 0, 0)).collect::<Vec<_>>())
            };
            prop_assert_eq!(rest.block(), &block(&expected));
            for place in &expected {
                prop_assert_eq!(rest.row(*place), Some(block(&[*place])));
            }
            let (left, right) = insert.halves();
            prop_assert_eq!((left.block(), right.block()), (&block(&left.rows), &block(&right.rows)));
            prop_assert_eq!([left.rows, right.rows].concat(), insert.rows);
        }
    }
}
