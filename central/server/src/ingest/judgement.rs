//! What an edge can know, and what it cannot: whether a website exists, and what time it is. Judged once for each record, when it comes
//! in, from its head alone; what is decided goes into the log's entry, so that whoever reads the log decides nothing again. Pure: the
//! time and the websites are arguments.

use std::collections::HashSet;

use bytes::Bytes;
use footfall_log::NewRecord;
use footfall_proto::relay::{ParkReason, Policy};
use footfall_proto::view::{RecordHead, View as _};

/// Milliseconds of a day and of a second.
const DAY_MS: i64 = 86_400_000;
const SECOND_MS: i64 = 1000;
/// For so long a website that was looked for in vain is not looked for again on the same connection, milliseconds.
const MISSING_MS: i64 = 5000;
/// No website has a longer id, bytes: a longer one is not looked for.
const MAX_ID_BYTES: usize = 64;
/// Most websites that a connection remembers to be missing.
const MAX_MISSING: usize = 1024;

/// Which receipt times are believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiptWindow {
    /// How far back from now, milliseconds.
    back_ms: i64,
    /// How far ahead of now, milliseconds.
    ahead_ms: i64,
}

impl ReceiptWindow {
    /// So many days back and seconds ahead.
    pub const fn new(back_days: u16, ahead_seconds: u16) -> Self {
        Self { back_ms: back_days as i64 * DAY_MS, ahead_ms: ahead_seconds as i64 * SECOND_MS }
    }

    /// All that a table can hold: for a person who has looked at what is parked and believes it.
    pub const ALL: Self = Self { back_ms: i64::MAX, ahead_ms: i64::MAX };

    fn judge(self, received_ms: i64, now_ms: i64) -> Option<ParkReason> {
        if received_ms < now_ms.saturating_sub(self.back_ms) {
            Some(ParkReason::TooOld)
        } else if received_ms > now_ms.saturating_add(self.ahead_ms) {
            Some(ParkReason::Ahead)
        } else {
            None
        }
    }
}

impl Default for ReceiptWindow {
    /// 30 days back, for an edge that was cut off; five minutes ahead, for its clock.
    fn default() -> Self {
        Self::new(30, 300)
    }
}

/// The websites that exist, as of one policy.
#[derive(Debug, Default)]
pub struct Sites {
    policy_id: u64,
    ids: HashSet<String>,
}

impl Sites {
    /// Those of a policy.
    pub fn of(policy: &Policy) -> Self {
        let ids = policy.sites.iter().map(|site| site.website_id.clone()).collect();
        Self { policy_id: policy.policy_id, ids }
    }

    /// Which policy.
    pub(super) fn policy_id(&self) -> u64 {
        self.policy_id
    }

    /// Whether a website is known not to be there. Before the metadata has answered for the first time, nobody can say that of any.
    fn lacks(&self, website_id: &str) -> bool {
        self.policy_id > 0 && !self.ids.contains(website_id)
    }
}

/// Why a record is to be parked; nothing where an edge can know what it says. A record of no website only tells what was dropped.
pub fn judge(record: &[u8], sites: &Sites, window: ReceiptWindow, now_ms: i64) -> Option<ParkReason> {
    // Whoever reads the log reads the head in the same way: what is refused here is no record there.
    let Ok(head) = RecordHead::read(record) else { return Some(ParkReason::Unreadable) };
    if head.traffic_source_version == 0 {
        return Some(ParkReason::EarlierBuild);
    }
    let time = window.judge(head.server_timestamp_ms, now_ms);
    let unknown = !head.website_id.is_empty() && sites.lacks(head.website_id);
    time.or_else(|| unknown.then_some(ParkReason::UnknownSite))
}

/// Judges the records of a batch.
pub(super) fn judge_all(
    records: &[Bytes],
    sites: &Sites,
    window: ReceiptWindow,
    now_ms: i64,
) -> Vec<NewRecord> {
    let judged =
        |record: &Bytes| NewRecord { record: record.clone(), parked: judge(record, sites, window, now_ms) };
    records.iter().map(judged).collect()
}

/// The websites that one connection has named and that a look at the metadata did not find. Whoever goes on naming them does not wait
/// for a look each time.
#[derive(Debug, Default)]
pub(super) struct Missing {
    policy_id: u64,
    until_ms: i64,
    ids: HashSet<String>,
}

impl Missing {
    /// Whether a website that one of these records names is to be looked for.
    pub(super) fn is_new(&self, records: &[NewRecord], now_ms: i64) -> bool {
        let known = now_ms < self.until_ms;
        named(records).any(|website_id| !known || !self.ids.contains(website_id))
    }

    /// A look has ended, and these records still name websites that are not there.
    pub(super) fn remember(&mut self, records: &[NewRecord], sites: &Sites, now_ms: i64) {
        if now_ms >= self.until_ms || self.policy_id != sites.policy_id {
            *self = Self {
                policy_id: sites.policy_id,
                until_ms: now_ms.saturating_add(MISSING_MS),
                ids: HashSet::new(),
            };
        }
        for website_id in named(records) {
            if self.ids.len() < MAX_MISSING {
                self.ids.insert(website_id.to_owned());
            }
        }
    }
}

/// The websites of records that are parked because there is no such website, as far as there could be.
fn named(records: &[NewRecord]) -> impl Iterator<Item = &str> {
    let unknown = records.iter().filter(|new| new.parked == Some(ParkReason::UnknownSite));
    let ids = unknown.filter_map(|new| Some(RecordHead::read(&new.record).ok()?.website_id));
    ids.filter(|website_id| website_id.len() <= MAX_ID_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use footfall_proto::relay::{Record, Site};
    use footfall_proto::traffic_source;
    use proptest::prelude::*;
    use prost::Message as _;

    const NOW: i64 = 1_796_050_800_000;

    fn sites(policy_id: u64, ids: &[&str]) -> Sites {
        let site = |id: &&str| Site { website_id: (*id).to_owned(), ..Site::default() };
        Sites::of(&Policy { policy_id, sites: ids.iter().map(site).collect() })
    }

    fn record(website_id: &str, server_timestamp_ms: i64) -> Bytes {
        let traffic_source_version = traffic_source::VERSION;
        let website_id = website_id.to_owned();
        Record { website_id, server_timestamp_ms, traffic_source_version, ..Record::default() }
            .encode_to_vec()
            .into()
    }

    fn judged(record: &[u8], sites: &Sites) -> Option<ParkReason> {
        judge(record, sites, ReceiptWindow::default(), NOW)
    }

    #[test]
    fn a_record_of_a_website_that_is_not_there_is_parked_and_others_are_not() {
        let known = sites(7, &["shop"]);
        assert_eq!(judged(&record("shop", NOW), &known), None);
        assert_eq!(judged(&record("shoe", NOW), &known), Some(ParkReason::UnknownSite));
        assert_eq!(judged(&record("SHOP", NOW), &known), Some(ParkReason::UnknownSite), "letter for letter");
        assert_eq!(judged(&record("", NOW), &known), None, "what was dropped for no website");
        assert_eq!(judged(&record("shoe", NOW), &sites(7, &[])), Some(ParkReason::UnknownSite));
        assert_eq!(judged(&record("shoe", NOW), &sites(0, &[])), None, "nobody has said yet which there are");
    }

    #[test]
    fn a_receipt_time_is_believed_within_the_window_and_its_ends() {
        let known = sites(7, &["shop"]);
        let window = |received_ms| judged(&record("shop", received_ms), &known);
        let (oldest, newest) = (NOW - 30 * DAY_MS, NOW + 300 * SECOND_MS);
        assert_eq!((window(oldest), window(newest)), (None, None));
        assert_eq!(window(oldest - 1), Some(ParkReason::TooOld));
        assert_eq!(window(newest + 1), Some(ParkReason::Ahead));
        for wild in [i64::MIN, -1, 0, 1] {
            assert_eq!(window(wild), Some(ParkReason::TooOld));
        }
        assert_eq!(window(i64::MAX), Some(ParkReason::Ahead));
        let year_2031 = 1_930_000_000_000;
        assert_eq!(window(year_2031), Some(ParkReason::Ahead));
        let both = judged(&record("shoe", year_2031), &known);
        assert_eq!(both, Some(ParkReason::Ahead), "no website is looked for because of it");
        let wide = |received_ms| judge(&record("shop", received_ms), &known, ReceiptWindow::ALL, NOW);
        assert_eq!([wide(-1), wide(year_2031), wide(i64::MAX)], [None; 3]);
    }

    #[test]
    fn what_has_no_head_or_is_of_an_earlier_build_is_parked() {
        let known = sites(7, &["shop"]);
        assert_eq!(judged(b"\xff\xff rubbish", &known), Some(ParkReason::Unreadable));
        let twice = [record("shop", NOW), record("shoe", 0)].concat();
        assert_eq!(
            judged(&twice, &known),
            Some(ParkReason::UnknownSite),
            "as a reader takes it: the last counts"
        );
        let earlier = Record { website_id: "shop".into(), server_timestamp_ms: NOW, ..Record::default() };
        assert_eq!(judged(&earlier.encode_to_vec(), &known), Some(ParkReason::EarlierBuild));
    }

    #[test]
    fn a_missing_website_is_looked_for_once_until_something_may_have_changed() {
        let known = sites(7, &["shop"]);
        let batch = |ids: &[&str], now_ms| {
            let records: Vec<_> = ids.iter().map(|id| record(id, now_ms)).collect();
            judge_all(&records, &known, ReceiptWindow::default(), now_ms)
        };
        let mut missing = Missing::default();
        assert!(!missing.is_new(&batch(&["shop", ""], NOW), NOW));
        assert!(missing.is_new(&batch(&["shop", "shoe"], NOW), NOW));
        missing.remember(&batch(&["shop", "shoe"], NOW), &known, NOW);
        assert!(!missing.is_new(&batch(&["shoe", "shoe"], NOW), NOW));
        assert!(missing.is_new(&batch(&["shoe", "ship"], NOW), NOW));
        assert!(missing.is_new(&batch(&["shoe"], NOW), NOW + MISSING_MS), "it may have been made meanwhile");
        missing.remember(&batch(&["ship"], NOW), &sites(8, &["shop"]), NOW);
        assert!(missing.is_new(&batch(&["shoe"], NOW), NOW), "another policy");
        let many: Vec<String> = (0..MAX_MISSING * 2).map(|number| format!("made-up-{number}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        missing.remember(&batch(&many, NOW), &known, NOW);
        assert!(missing.ids.len() <= MAX_MISSING, "whoever makes names up takes no more room");
        assert!(
            !missing.is_new(&batch(&["x".repeat(1 << 20).as_str()], NOW), NOW),
            "and none with long ones"
        );
    }

    proptest! {
        #[test]
        fn what_is_let_in_is_of_a_known_website_and_within_the_window_for_whoever_reads_it(
            bytes in prop::collection::vec(any::<u8>(), 0..60), website in "(shop|shoe|)", at in any::<i64>(),
        ) {
            let known = sites(7, &["shop"]);
            let record = [record(&website, at).as_ref(), &bytes].concat();
            let verdict = judged(&record, &known);
            if let (None, Ok(read)) = (verdict, footfall_proto::view::Record::read(&record)) {
                prop_assert!(read.website_id.is_empty() || read.website_id == "shop");
                prop_assert!((NOW - 30 * DAY_MS..=NOW + 300 * SECOND_MS).contains(&read.server_timestamp_ms));
            }
        }
    }
}
