//! The classes of traffic sources: the closed list behind the column `traffic_source`, and its version. Data only; the
//! edge decides which class a session is of.

/// The version of [`TrafficSource::ALL`] and of the rules by which the edge chooses from it; stands on each record, so
/// that a later change of either can be told from the data. Raised with every change.
pub const VERSION: u32 = 1;

/// What kind of sender brought a visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TrafficSource {
    /// A search engine's results that nobody paid for.
    Organic,
    /// An advertisement that is paid by the click, in search or in a network.
    Paid,
    /// Nobody: the address was typed, kept or opened from a program that names no referrer.
    Direct,
    /// A link on another website.
    Referral,
    /// A social network, a messenger, a forum or a video platform.
    Social,
    /// A letter, or a mail service's page.
    Email,
    /// A banner or another advertisement that is paid by the view.
    Display,
    /// A partner who is paid for what his visitors do.
    Affiliate,
    /// An assistant that answers with links.
    Ai,
    /// A campaign of no class above, or a session whose beginning the edge did not see.
    Other,
}

impl TrafficSource {
    /// Every class.
    pub const ALL: [Self; 10] = [
        Self::Organic,
        Self::Paid,
        Self::Direct,
        Self::Referral,
        Self::Social,
        Self::Email,
        Self::Display,
        Self::Affiliate,
        Self::Ai,
        Self::Other,
    ];

    /// As the tables hold it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Organic => "organic",
            Self::Paid => "paid",
            Self::Direct => "direct",
            Self::Referral => "referral",
            Self::Social => "social",
            Self::Email => "email",
            Self::Display => "display",
            Self::Affiliate => "affiliate",
            Self::Ai => "ai",
            Self::Other => "other",
        }
    }

    /// The class of this name, in any case of letters.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name().eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_is_found_by_its_name() {
        for class in TrafficSource::ALL {
            assert_eq!(TrafficSource::parse(&class.name().to_uppercase()), Some(class));
        }
        assert_eq!(TrafficSource::parse("google"), None);
    }
}
