//! How keys in Redis are called, and how long they live. Pure.
//!
//! | key | what | lives |
//! | --- | --- | --- |
//! | `realtime:{website}:minute` | hash: `pageviews`, `events`, `other_…`, and the position of each partition that wrote it | an hour from the minute's beginning |
//! | `…:users` | HyperLogLog of the minute's visitors | as the minute |
//! | `…:pages`, `…:sources`, `…:channels`, `…:countries`, `…:devices` | sorted sets by page views | as the minute |
//! | `session:id` | hash | 30 minutes from its last activity |
//! | `user:website:id:sessions` | sorted set: session by the time of its newest event | 90 days from that time |
//! | `cache:{website}:question:slot` | an answer; `…:lock` while it is made | seconds |
//! | `position:{incarnation:partition}` | hash: `generation`, `next` | 90 days from the last write |
//!
//! The braces around a website stand in the key: a cluster keeps what belongs together on one node. A minute is written
//! `yyyymmddhhmm` in UTC, a time as milliseconds since 1970. A session's id is made from its website, so it needs no other name.

use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

use crate::SourcePartition;
use crate::realtime::MINUTE_MS;

/// A minute and its siblings, milliseconds from the minute's beginning.
pub(super) const MINUTE_LIFE_MS: i64 = 60 * MINUTE_MS;
/// A session, milliseconds from its last activity.
pub(super) const SESSION_LIFE_MS: i64 = 30 * MINUTE_MS;
/// A session that was over when it was written, milliseconds: while the log is read again, its next event may come in a moment.
pub(super) const SESSION_GRACE_MS: i64 = MINUTE_MS;
/// A visitor's sessions and a partition's position, milliseconds.
pub(super) const LONG_LIFE_MS: i64 = 90 * 24 * 60 * MINUTE_MS;
/// The sorted sets beside a minute, in the order in which the scripts take them.
pub(super) const LISTS: [&str; 5] = ["pages", "sources", "channels", "countries", "devices"];

/// Makes keys that begin with a prefix of one's own; usually an empty one.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    prefix: String,
}

impl Keys {
    pub(super) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned() }
    }

    /// The minute's hash; `minute` in minutes since 1970.
    pub(super) fn minute(&self, website_id: &str, minute: i64) -> String {
        format!("{}realtime:{{{website_id}}}:{}", self.prefix, written(minute))
    }

    /// The minute's visitors.
    pub(super) fn users(&self, website_id: &str, minute: i64) -> String {
        format!("{}:users", self.minute(website_id, minute))
    }

    /// One of [`LISTS`].
    pub(super) fn list(&self, website_id: &str, minute: i64, list: &str) -> String {
        format!("{}:{list}", self.minute(website_id, minute))
    }

    /// The minute's hash and all that stands beside it, in the order in which the script takes them.
    pub(super) fn family(&self, website_id: &str, minute: i64) -> Vec<String> {
        let hash = self.minute(website_id, minute);
        let siblings = ["users"].into_iter().chain(LISTS).map(|sibling| format!("{hash}:{sibling}"));
        std::iter::once(hash.clone()).chain(siblings).collect()
    }

    /// A session.
    pub(super) fn session(&self, session_id: &str) -> String {
        format!("{}session:{session_id}", self.prefix)
    }

    /// A visitor's sessions.
    pub(super) fn sessions_of(&self, website_id: &str, user_id: &str) -> String {
        format!("{}user:{website_id}:{user_id}:sessions", self.prefix)
    }

    /// An answer.
    pub(super) fn answer(&self, name: &str) -> String {
        format!("{}cache:{name}", self.prefix)
    }

    /// Who makes the answer.
    pub(super) fn lock(&self, name: &str) -> String {
        format!("{}:lock", self.answer(name))
    }

    /// Patterns of what rebuilding removes.
    pub(super) fn of_the_view(&self) -> [String; 3] {
        ["realtime:*", "session:*", "position:*"].map(|pattern| format!("{}{pattern}", escaped(&self.prefix)))
    }

    /// A pattern of the minutes' hashes, without what stands beside them.
    pub(super) fn minutes(&self) -> String {
        format!("{}realtime:{{*}}:????????????", escaped(&self.prefix))
    }

    /// The minute, since 1970, of a minute's hash.
    pub(super) fn minute_of(&self, key: &str) -> Option<i64> {
        let (_, written) = key.strip_prefix(&self.prefix)?.strip_prefix("realtime:{")?.rsplit_once("}:")?;
        let format = format_description!("[year][month][day][hour][minute]");
        let time = PrimitiveDateTime::parse(written, format).ok()?;
        Some(time.assume_utc().unix_timestamp().div_euclid(60))
    }

    /// How far a partition has come.
    pub(super) fn position(&self, source: SourcePartition) -> String {
        format!("{}position:{{{}}}", self.prefix, name(source))
    }
}

/// A partition's name: the incarnation in hexadecimal digits, a colon, its number. It is the field by which a hash keeps a position.
pub(super) fn name(source: SourcePartition) -> String {
    format!("{:032x}:{}", u128::from_be_bytes(source.incarnation), source.partition)
}

/// A text that a pattern takes as it stands.
fn escaped(text: &str) -> String {
    let special = |c: char| ['*', '?', '[', ']', '\\'].contains(&c);
    text.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c])).collect()
}

/// A minute since 1970 as `yyyymmddhhmm`; one that no calendar holds stays a number.
fn written(minute: i64) -> String {
    let format = format_description!("[year][month][day][hour][minute]");
    OffsetDateTime::from_unix_timestamp(minute.saturating_mul(60))
        .ok()
        .and_then(|time| time.format(&format).ok())
        .unwrap_or_else(|| minute.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_the_seed_and_a_website_is_a_hash_tag() {
        let keys = Keys::new("");
        let minute = 1_795_435_265 / 60;
        assert_eq!(keys.minute("w", minute), "realtime:{w}:202611231201");
        assert_eq!(keys.minute_of("realtime:{w}:202611231201"), Some(minute));
        assert_eq!(keys.minute_of("realtime:{w}:202611231201:users"), None);
        assert_eq!(Keys::new("a*[b").minutes(), "a\\*\\[brealtime:{*}:????????????");
        assert_eq!(keys.users("w", minute), "realtime:{w}:202611231201:users");
        assert_eq!(keys.family("w", minute)[2], "realtime:{w}:202611231201:pages");
        assert_eq!(keys.session("s"), "session:s");
        assert_eq!(keys.sessions_of("w", "u"), "user:w:u:sessions");
        assert_eq!(keys.lock("{w}:q:1"), "cache:{w}:q:1:lock");
        let source = SourcePartition { incarnation: [0xab; 16], partition: 7 };
        assert_eq!(keys.position(source), format!("position:{{{}:7}}", "ab".repeat(16)));
    }
}
