//! Why an event was dropped, in the words that answers, metrics and the ledger share. Names only, no policy.

use crate::relay::DropReason;

/// Every reason that has a name, in the order of their numbers.
pub const ALL: [DropReason; 15] = [
    DropReason::Duplicate,
    DropReason::Bot,
    DropReason::Gpc,
    DropReason::Dnt,
    DropReason::Consent,
    DropReason::UnknownSite,
    DropReason::PausedSite,
    DropReason::SampledOut,
    DropReason::TooOld,
    DropReason::Invalid,
    DropReason::RateLimited,
    DropReason::Origin,
    DropReason::Undecodable,
    DropReason::TooLarge,
    DropReason::ReferrerSpam,
];

/// The reason's name as browsers, metrics and reports see it.
#[must_use]
pub const fn name(reason: DropReason) -> &'static str {
    match reason {
        DropReason::Unspecified => "unspecified",
        DropReason::Duplicate => "duplicate",
        DropReason::Bot => "bot",
        DropReason::Gpc => "gpc",
        DropReason::Dnt => "dnt",
        DropReason::Consent => "consent",
        DropReason::UnknownSite => "unknown_site",
        DropReason::PausedSite => "paused_site",
        DropReason::SampledOut => "sampled_out",
        DropReason::TooOld => "too_old",
        DropReason::Invalid => "invalid",
        DropReason::RateLimited => "rate_limited",
        DropReason::Origin => "origin",
        DropReason::Undecodable => "undecodable",
        DropReason::TooLarge => "too_large",
        DropReason::ReferrerSpam => "referrer_spam",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_numbered_reason_is_listed_once_and_has_its_own_name() {
        for (index, reason) in ALL.iter().enumerate() {
            assert_eq!(*reason as usize, index + 1);
        }
        assert!(DropReason::try_from(i32::try_from(ALL.len()).expect("few") + 1).is_err());
        let mut names: Vec<_> = ALL.iter().map(|r| name(*r)).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
    }
}
