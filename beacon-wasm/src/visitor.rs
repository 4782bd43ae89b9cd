//! The visitor's and the session's ids that a browser stores under consent, as text. Does no storing itself.

use alloc::string::String;

/// A session ends after this long without a page view or an event, milliseconds.
const SESSION_MS: u64 = 30 * 60 * 1_000;

/// 16 random bytes, or an event's UUIDv7.
pub type Id = [u8; 16];

/// A visitor as one browser knows them, for one site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visitor {
    /// The same for as long as the browser keeps it.
    pub user_id: Id,
    /// The same until 30 minutes pass without activity.
    pub session_id: Id,
    active_ms: u64,
}

impl Visitor {
    /// Goes on with the visitor that was `stored`, or begins a new one when the text holds none. With `active` this counts as
    /// activity at `unix_ms`, which begins a new session when the last was too long ago; a late report of engagement does not.
    #[must_use]
    pub fn resume(stored: Option<&str>, unix_ms: u64, active: bool, random: [Id; 2]) -> Self {
        let Some(mut visitor) = stored.and_then(Self::parse) else {
            let [user_id, session_id] = random;
            return Self { user_id, session_id, active_ms: unix_ms };
        };
        if active {
            if unix_ms.saturating_sub(visitor.active_ms) > SESSION_MS {
                visitor.session_id = random[1];
            }
            visitor.active_ms = unix_ms;
        }
        visitor
    }

    /// The text to store: 80 hexadecimal digits.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut text = hex(&self.user_id);
        text.push_str(&hex(&self.session_id));
        text.push_str(&hex(&self.active_ms.to_be_bytes()));
        text
    }

    fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 40] = parse_hex(text)?;
        let (user_id, rest) = bytes.split_first_chunk()?;
        let (session_id, rest) = rest.split_first_chunk()?;
        let active_ms = u64::from_be_bytes(*rest.first_chunk()?);
        Some(Self { user_id: *user_id, session_id: *session_id, active_ms })
    }
}

/// Two lower-case digits a byte.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        for value in [byte >> 4, byte & 15] {
            text.push(char::from(if value < 10 { b'0' + value } else { b'a' - 10 + value }));
        }
    }
    text
}

/// Reads exactly `N` bytes of lower-case hexadecimal digits, with or without the dashes of a UUID.
#[must_use]
pub fn parse_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let mut digits = 0;
    for digit in text.bytes() {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            b'-' => continue,
            _ => return None,
        };
        let byte = bytes.get_mut(digits / 2)?;
        *byte = *byte << 4 | value;
        digits += 1;
    }
    if digits == 2 * N { Some(bytes) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FIRST: [Id; 2] = [[1; 16], [2; 16]];
    const SECOND: [Id; 2] = [[3; 16], [4; 16]];

    #[test]
    fn a_session_ends_after_half_an_hour_without_activity() {
        let first = Visitor::resume(None, 0, true, FIRST);
        let later = Visitor::resume(Some(&first.encode()), SESSION_MS, true, SECOND);
        assert_eq!((later.user_id, later.session_id), (first.user_id, first.session_id));
        let next = Visitor::resume(Some(&later.encode()), 2 * SESSION_MS + 1, true, SECOND);
        assert_eq!(next.user_id, first.user_id);
        assert_ne!(next.session_id, first.session_id);
    }

    #[test]
    fn a_late_report_of_engagement_neither_begins_nor_prolongs_a_session() {
        let first = Visitor::resume(None, 0, true, FIRST);
        let report = Visitor::resume(Some(&first.encode()), 2 * SESSION_MS, false, SECOND);
        assert_eq!(report, first);
    }

    #[test]
    fn a_clock_that_was_set_back_keeps_the_session() {
        let first = Visitor::resume(None, 9 * SESSION_MS, true, FIRST);
        let later = Visitor::resume(Some(&first.encode()), 0, true, SECOND);
        assert_eq!(later.session_id, first.session_id);
    }

    proptest! {
        #[test]
        fn what_was_kept_reads_back(user_id in any::<Id>(), session_id in any::<Id>(), active_ms in any::<u64>()) {
            let visitor = Visitor { user_id, session_id, active_ms };
            prop_assert_eq!(Visitor::parse(&visitor.encode()), Some(visitor));
        }

        #[test]
        fn rubbish_in_storage_begins_a_new_visitor(text in "[0-9a-fg\\-\\PC]{0,90}") {
            let visitor = Visitor::resume(Some(&text), 5, true, FIRST);
            prop_assert!(visitor.user_id == [1; 16] || text.chars().filter(|c| *c != '-').count() == 80);
        }
    }

    #[test]
    fn uuids_are_read_with_and_without_dashes() {
        let id = [1, 0x9a, 0xb7, 0x2e, 0, 0, 0x70, 1, 0x80, 2, 3, 4, 5, 6, 7, 0xff];
        assert_eq!(parse_hex("019ab72e-0000-7001-8002-0304050607ff"), Some(id));
        assert_eq!(parse_hex("019ab72e000070018002030405 0607ff"), None::<Id>);
        assert_eq!(parse_hex(&hex(&id)), Some(id));
        assert_eq!(parse_hex("019ab7"), None::<Id>);
        assert_eq!(parse_hex(&(hex(&id) + "0")), None::<Id>);
    }
}
