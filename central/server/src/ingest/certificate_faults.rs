//! Who was not let in for a certificate, and why: in sentences for whoever has to mend it. Pure: the time is an argument.
//!
//! Anybody who reaches the port can cause an entry, so there are few of them, and each is logged once a minute at most.

use std::collections::BTreeMap;

use footfall_daemon::certificate::reason::Reason;

/// Most entries; beyond, the one that is quiet for longest goes.
const MAX: usize = 128;
/// Most sentences.
const MAX_SENTENCES: usize = 8;
/// An entry that was quiet for so long is over: an edge tries every few seconds.
const OVER_MS: i64 = 60_000;

/// Whose certificate it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Whose {
    /// The edge's, which central refused.
    Edge,
    /// Central's own, which the edge refused.
    Central,
}

impl Whose {
    /// Its name in a metric.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Edge => "edge",
            Self::Central => "central",
        }
    }
}

/// A fault that goes on at one address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CertificateFault {
    /// The edge's host.
    pub(super) host: String,
    pub(super) whose: Whose,
    pub(super) reason: Reason,
}

impl CertificateFault {
    fn sentence(&self) -> String {
        let Self { host, whose, reason } = self;
        let clause = reason.clause();
        match whose {
            Whose::Edge => {
                let remedy = match reason {
                    Reason::Missing => "name one as its `central.certificate`",
                    Reason::Expired => "give that edge a new one",
                    Reason::NotYetValid => "set the clocks of both machines, or wait",
                    Reason::UnknownAuthority => {
                        "have it issued by the authority that `relay.ca` names, or name the right one there"
                    }
                    Reason::WrongUse => "have one issued with the extended key usage clientAuth",
                    Reason::Unnamed => "have one issued whose common name is the edge's id",
                    Reason::WrongName | Reason::Other => "have a new one issued for that edge",
                };
                format!("the certificate of an edge at {host} is refused, as {clause}: {remedy}")
            }
            Whose::Central => {
                let remedy = match reason {
                    Reason::Expired => "give central a new one as `relay.certificate`",
                    Reason::NotYetValid => "set the clocks of both machines, or wait",
                    Reason::UnknownAuthority => "name its authority as that edge's `central.ca`",
                    Reason::WrongUse => {
                        "give central one with the extended key usage serverAuth as `relay.certificate`"
                    }
                    Reason::WrongName => "give that edge the name in it as `central.server_name`",
                    Reason::Missing | Reason::Unnamed | Reason::Other => "look at `relay.certificate`",
                };
                format!("an edge at {host} refuses central's certificate, as {clause}: {remedy}")
            }
        }
    }
}

/// When a fault was seen last, and told last.
#[derive(Clone, Copy, Debug)]
struct Seen {
    last_ms: i64,
    told_ms: i64,
}

/// The faults of the last minute.
#[derive(Debug, Default)]
pub(super) struct CertificateFaults(BTreeMap<CertificateFault, Seen>);

impl CertificateFaults {
    /// Notes a fault at `now_ms`, milliseconds since 1970. Returns a sentence to log, unless it was returned within the last minute.
    pub(super) fn note(&mut self, fault: CertificateFault, now_ms: i64) -> Option<String> {
        if let Some(seen) = self.0.get_mut(&fault) {
            seen.last_ms = now_ms;
            if now_ms - seen.told_ms < OVER_MS {
                return None;
            }
            seen.told_ms = now_ms;
            return Some(fault.sentence());
        }
        if self.0.len() >= MAX {
            let quiet = self.0.iter().min_by_key(|(_, seen)| seen.last_ms).map(|(fault, _)| fault.clone());
            self.0.remove(&quiet.expect("there are many"));
        }
        let sentence = fault.sentence();
        self.0.insert(fault, Seen { last_ms: now_ms, told_ms: now_ms });
        Some(sentence)
    }

    /// What goes on at `now_ms`, the newest first.
    pub(super) fn sentences(&self, now_ms: i64) -> Vec<String> {
        let mut recent: Vec<_> = self.0.iter().filter(|(_, seen)| now_ms - seen.last_ms < OVER_MS).collect();
        recent.sort_by_key(|(_, seen)| std::cmp::Reverse(seen.last_ms));
        let more = recent.len().saturating_sub(MAX_SENTENCES);
        let mut sentences: Vec<_> =
            recent.iter().take(MAX_SENTENCES).map(|(fault, _)| fault.sentence()).collect();
        if more > 0 {
            sentences.push(format!("{more} more certificates are refused: the log names them"));
        }
        sentences
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(host: &str, whose: Whose, reason: Reason) -> CertificateFault {
        CertificateFault { host: host.to_owned(), whose, reason }
    }

    #[test]
    fn a_fault_is_logged_once_a_minute_and_shown_while_it_goes_on() {
        let mut faults = CertificateFaults::default();
        let expired = || fault("10.0.0.1", Whose::Edge, Reason::Expired);
        let sentence = faults.note(expired(), 0).expect("news");
        assert_eq!(
            sentence,
            "the certificate of an edge at 10.0.0.1 is refused, as it has expired: give that edge a new one"
        );
        for now_ms in [5_000, 59_999] {
            assert_eq!(faults.note(expired(), now_ms), None);
        }
        assert_eq!(faults.sentences(60_000), std::slice::from_ref(&sentence));
        assert_eq!(faults.note(expired(), 60_000), Some(sentence));
        assert!(faults.sentences(120_000).is_empty(), "it is over");
        assert!(faults.note(fault("10.0.0.2", Whose::Edge, Reason::Expired), 120_000).is_some());
    }

    #[test]
    fn every_reason_has_a_sentence_with_a_remedy_for_either_end() {
        for reason in Reason::ALL {
            for whose in [Whose::Edge, Whose::Central] {
                let sentence = fault("::1", whose, reason).sentence();
                assert!(sentence.contains("::1") && sentence.contains(reason.clause()), "{sentence}");
                assert!(
                    sentence.rsplit_once(": ").is_some_and(|(_, remedy)| remedy.len() > 10),
                    "{sentence}"
                );
            }
        }
    }

    #[test]
    fn a_crowd_of_strangers_takes_no_more_room_and_hides_nobody_who_tries_now() {
        let mut faults = CertificateFaults::default();
        for number in 0..10_000 {
            faults.note(fault(&format!("host-{number}"), Whose::Edge, Reason::Missing), number);
        }
        assert!(faults.0.len() <= MAX);
        let sentences = faults.sentences(10_000);
        assert_eq!(sentences.len(), MAX_SENTENCES + 1);
        assert!(
            sentences[0].contains("host-9999") && sentences[MAX_SENTENCES].contains("120 more"),
            "{sentences:?}"
        );
    }
}
