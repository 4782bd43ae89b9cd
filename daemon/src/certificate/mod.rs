//! Judges a program's certificate before a peer does: against its key, its authority, its use and the time. Pure: the time is an
//! argument, and the files are read by [`files`].

pub mod files;
pub mod name;
pub mod reason;

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, RootCertStore};
use time::OffsetDateTime;
use time::macros::format_description;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// What a program shows to its peers, and the authority that it is meant to come from.
#[derive(Debug)]
pub struct Identity {
    /// The certificate, and those that lead from it to the authority.
    pub chain: Vec<CertificateDer<'static>>,
    /// The key of the first one.
    pub key: PrivateKeyDer<'static>,
    /// The authority's certificates.
    pub authorities: Vec<CertificateDer<'static>>,
}

impl Clone for Identity {
    fn clone(&self) -> Self {
        Self { chain: self.chain.clone(), key: self.key.clone_key(), authorities: self.authorities.clone() }
    }
}

/// What a certificate is to be good for: the extended key usages of RFC 5280, 4.2.1.12.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// Proving a server to its clients: `serverAuth`.
    Server,
    /// Proving a client to a server: `clientAuth`.
    Client,
}

impl Usage {
    const fn name(self) -> &'static str {
        match self {
            Self::Server => "serverAuth",
            Self::Client => "clientAuth",
        }
    }
}

impl Identity {
    /// Whether a peer that trusts the authority would accept this for `usage` at `now`. A certificate without extended key usages is good
    /// for any.
    ///
    /// # Errors
    /// [`Fault`]: the first thing that is wrong.
    pub fn judge(&self, usage: Usage, now: UnixTime) -> Result<(), Fault> {
        let (leaf, intermediates) = self.chain.split_first().ok_or(Fault::Empty)?;
        for (index, certificate) in self.chain.iter().enumerate() {
            judge_validity(certificate, index, now)?;
        }
        if parse(leaf)?.is_ca() {
            return Err(Fault::IsAuthority);
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        self.judge_key(&provider)?;
        let mut roots = RootCertStore::empty();
        for authority in &self.authorities {
            roots.add(authority.clone()).map_err(|_| Fault::Authority)?;
        }
        if roots.is_empty() {
            return Err(Fault::Authority);
        }
        let verified = match usage {
            Usage::Client => WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .map_err(|_| Fault::Authority)?
                .verify_client_cert(leaf, intermediates, now)
                .map(drop),
            Usage::Server => ParsedCertificate::try_from(leaf).and_then(|leaf| {
                let algorithms = provider.signature_verification_algorithms.all;
                verify_server_cert_signed_by_trust_anchor(&leaf, &roots, intermediates, now, algorithms)
            }),
        };
        verified.map_err(|error| self.fault(&error, usage))
    }

    /// When the first certificate of the chain expires, seconds since 1970.
    pub fn expiry(&self) -> Option<i64> {
        let expiries = self.chain.iter().filter_map(|certificate| parse(certificate).ok());
        expiries.map(|certificate| certificate.validity().not_after.timestamp()).min()
    }

    fn judge_key(&self, provider: &CryptoProvider) -> Result<(), Fault> {
        let key = provider
            .key_provider
            .load_private_key(self.key.clone_key())
            .map_err(|error| Fault::Key(error.to_string()))?;
        match CertifiedKey::new(self.chain.clone(), key).keys_match() {
            // A key of which the library cannot say it is not refused by it either.
            Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => Ok(()),
            Err(rustls::Error::InconsistentKeys(_)) => Err(Fault::OtherKey),
            Err(error) => Err(Fault::Other(error.to_string())),
        }
    }

    fn fault(&self, error: &rustls::Error, usage: Usage) -> Fault {
        match error {
            // A wrong signature is that of another authority which has the same name.
            rustls::Error::InvalidCertificate(
                CertificateError::UnknownIssuer | CertificateError::BadSignature,
            ) => Fault::OtherAuthority,
            rustls::Error::InvalidCertificate(
                CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. },
            ) => Fault::Usage { needed: usage.name(), found: self.usages() },
            other => Fault::Other(other.to_string()),
        }
    }

    /// The extended key usages of the certificate, for a sentence.
    fn usages(&self) -> String {
        let certificate = self.chain.first().and_then(|leaf| parse(leaf).ok());
        let found = certificate.as_ref().and_then(|leaf| leaf.extended_key_usage().ok().flatten());
        let mut text = String::new();
        let Some(usages) = found.map(|extension| extension.value) else { return text };
        let known = [
            (usages.server_auth, "serverAuth"),
            (usages.client_auth, "clientAuth"),
            (usages.code_signing, "codeSigning"),
            (usages.email_protection, "emailProtection"),
            (usages.time_stamping, "timeStamping"),
            (usages.ocsp_signing, "OCSPSigning"),
        ];
        for (_, name) in known.into_iter().filter(|(is_set, _)| *is_set) {
            let separator = if text.is_empty() { "" } else { ", " };
            write!(text, "{separator}{name}").expect("a string takes everything");
        }
        text
    }
}

fn parse<'a>(certificate: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, Fault> {
    X509Certificate::from_der(certificate).map(|(_, certificate)| certificate).map_err(|_| Fault::Malformed)
}

fn judge_validity(certificate: &CertificateDer<'_>, index: usize, now: UnixTime) -> Result<(), Fault> {
    let certificate = parse(certificate)?;
    let validity = certificate.validity();
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let subject = || if index == 0 { String::new() } else { format!(" ({})", certificate.subject()) };
    if now > validity.not_after.timestamp() {
        return Err(Fault::Expired { subject: subject(), at: day(validity.not_after.timestamp()) });
    }
    if now < validity.not_before.timestamp() {
        return Err(Fault::NotYetValid { subject: subject(), at: day(validity.not_before.timestamp()) });
    }
    Ok(())
}

/// A time for a sentence.
fn day(seconds: i64) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute] UTC");
    let time = OffsetDateTime::from_unix_timestamp(seconds).ok().and_then(|time| time.format(format).ok());
    time.unwrap_or_else(|| format!("{seconds} s after 1970"))
}

/// `seconds` after 1970, as certificates are judged by.
pub fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

/// What is wrong, as the rest of a sentence that begins with the file, and what to do. Permanent, but for one that is not valid yet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No certificate in the file.
    #[error("holds no certificate: it is to hold a certificate in PEM form")]
    Empty,
    /// PEM around something else.
    #[error("holds no X.509 certificate: have the authority issue it anew")]
    Malformed,
    /// Its time is over.
    #[error("has expired{subject} on {at}: have the authority issue a new certificate")]
    Expired {
        /// Which one of the chain; nothing for the program's own.
        subject: String,
        /// When.
        at: String,
    },
    /// Its time has not begun.
    #[error(
        "is not valid{subject} before {at}: wait until then, set this machine's clock, or have a new certificate issued"
    )]
    NotYetValid {
        /// Which one of the chain; nothing for the program's own.
        subject: String,
        /// From when on.
        at: String,
    },
    /// An authority's own.
    #[error("is an authority's own certificate, which no peer accepts: have it issue one for this program")]
    IsAuthority,
    /// The key cannot be used.
    #[error("holds a private key that cannot be used ({0}): use an ECDSA P-256, an Ed25519 or an RSA key")]
    Key(String),
    /// The key is another's.
    #[error("is not the key of the certificate: name the key that the certificate was issued for")]
    OtherKey,
    /// For something else.
    #[error("is for {found} and not for {needed}: have one issued with the extended key usage {needed}")]
    Usage {
        /// What is needed.
        needed: &'static str,
        /// What it has.
        found: String,
    },
    /// Not of the authority that is configured.
    #[error(
        "does not come from the configured authority: have it issued there, or name the authority that it comes from"
    )]
    OtherAuthority,
    /// The authority's file is of no use.
    #[error("holds no certificate of an authority: it is to hold the authority's certificate in PEM form")]
    Authority,
    /// What else the library says.
    #[error("cannot be used ({0}): have the authority issue it anew")]
    Other(String),
}

/// Which of the three files a fault is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The certificate chain.
    Certificate,
    /// The private key.
    Key,
    /// The authority's certificates.
    Authority,
}

impl Fault {
    /// Which file is to be corrected.
    pub const fn part(&self) -> Part {
        match self {
            Self::Key(_) | Self::OtherKey => Part::Key,
            Self::Authority => Part::Authority,
            _ => Part::Certificate,
        }
    }
}

#[cfg(test)]
mod tests;
