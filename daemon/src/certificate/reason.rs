//! Why a peer's certificate is refused, or ours by a peer: from the alert that TLS sends about it (RFC 8446, 6.2) to a reason that can be
//! counted and told. Pure.

/// Why a certificate is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// None was shown.
    Missing,
    /// Its time is over.
    Expired,
    /// Its time has not begun.
    NotYetValid,
    /// Of an authority that the other end does not know.
    UnknownAuthority,
    /// For something else.
    WrongUse,
    /// For another name.
    WrongName,
    /// Its common name is missing, or cannot be an id.
    Unnamed,
    /// Another fault of it.
    Other,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Missing,
        Self::Expired,
        Self::NotYetValid,
        Self::UnknownAuthority,
        Self::WrongUse,
        Self::WrongName,
        Self::Unnamed,
        Self::Other,
    ];

    /// The reason of an alert, if it is about a certificate. `detail` is what the library says beside it: an alert does not tell a
    /// certificate that has expired from one that is not valid yet, nor a wrong name from other faults.
    pub fn of_alert(alert: u8, detail: &str) -> Option<Self> {
        let says = |part: &str| detail.to_ascii_lowercase().contains(part);
        Some(match alert {
            // bad_certificate
            42 if says("not valid for") => Self::WrongName,
            // bad_certificate, certificate_revoked, certificate_unknown, access_denied
            42 | 44 | 46 | 49 => Self::Other,
            // unsupported_certificate
            43 => Self::WrongUse,
            // certificate_expired, which stands for either end of its time
            45 if says("not valid yet") || says("notvalidyet") => Self::NotYetValid,
            45 => Self::Expired,
            // unknown_ca; decrypt_error: signed by another authority of the same name
            48 | 51 => Self::UnknownAuthority,
            // certificate_required
            116 => Self::Missing,
            _ => return None,
        })
    }

    /// Its name in a metric.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::UnknownAuthority => "unknown_authority",
            Self::WrongUse => "wrong_use",
            Self::WrongName => "wrong_name",
            Self::Unnamed => "unnamed",
            Self::Other => "other",
        }
    }

    /// The middle of a sentence about the certificate, as "it …".
    pub const fn clause(self) -> &'static str {
        match self {
            Self::Missing => "it was not shown",
            Self::Expired => "it has expired",
            Self::NotYetValid => "it is not valid yet, or a clock is wrong",
            Self::UnknownAuthority => "it comes from another authority",
            Self::WrongUse => "it is for another use",
            Self::WrongName => "it is for another name",
            Self::Unnamed => "its common name is missing or cannot be an id",
            Self::Other => "it is not accepted",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::{AlertDescription, CertificateError};

    /// What the library makes of a fault: the alert on the wire, and its words.
    fn told(error: CertificateError) -> (u8, String) {
        let detail = rustls::Error::InvalidCertificate(error.clone()).to_string();
        (AlertDescription::from(error).into(), detail)
    }

    #[test]
    fn what_the_library_says_of_a_certificate_becomes_its_reason() {
        for (error, reason) in [
            (CertificateError::Expired, Reason::Expired),
            (CertificateError::NotValidYet, Reason::NotYetValid),
            (CertificateError::UnknownIssuer, Reason::UnknownAuthority),
            (CertificateError::BadSignature, Reason::UnknownAuthority),
            (CertificateError::InvalidPurpose, Reason::WrongUse),
            (CertificateError::Revoked, Reason::Other),
            (CertificateError::BadEncoding, Reason::Other),
        ] {
            let (alert, detail) = told(error);
            assert_eq!(Reason::of_alert(alert, &detail), Some(reason), "{alert} {detail}");
        }
        let (alert, detail) = (AlertDescription::CertificateRequired.into(), "peer sent no certificates");
        assert_eq!(Reason::of_alert(alert, detail), Some(Reason::Missing));
        assert_eq!(Reason::of_alert(42, "certificate not valid for name \"a\""), Some(Reason::WrongName));
    }

    #[test]
    fn other_alerts_are_about_no_certificate() {
        for alert in [0, 10, 40, 70, 80, 120] {
            assert_eq!(Reason::of_alert(alert, ""), None, "{alert}");
        }
    }

    #[test]
    fn each_reason_has_a_name_of_its_own() {
        let labels: std::collections::BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.label()).collect();
        assert_eq!(labels.len(), Reason::ALL.len());
    }
}
