//! A development certificate authority: a certificate for each who needs one, signed by a key that is thrown away.
//!
//! For this machine only. It is reused by later starts and made anew when it is about to expire.

use std::path::{Path, PathBuf};

use anyhow::Context;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use time::{Duration, OffsetDateTime};

use crate::file::write;

const LIFE: Duration = Duration::days(365);
/// What must be left at a start, so that no run outlives its certificates by accident.
const LEFT: Duration = Duration::days(30);

/// Who gets a certificate.
pub(crate) struct Leaf {
    /// Common name, and the name of its files.
    pub(crate) name: &'static str,
    /// DNS names and IP addresses under which it is reached.
    pub(crate) reached_as: &'static [&'static str],
    pub(crate) usages: &'static [ExtendedKeyUsagePurpose],
}

/// Where the certificates and keys lie.
pub(crate) struct Authority {
    folder: PathBuf,
}

/// A certificate and its key.
pub(crate) struct Identity {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Authority {
    /// The authority in `folder`, made if there is none that lasts and knows all `leaves`.
    pub(crate) fn ensure(folder: &Path, leaves: &[Leaf], now: OffsetDateTime) -> anyhow::Result<Self> {
        let authority = Self { folder: folder.to_owned() };
        let until = folder.join("until");
        if lasts(&until, now) && leaves.iter().all(|leaf| authority.identity(leaf.name).key.exists()) {
            return Ok(authority);
        }
        authority.make(leaves, now).context("could not make the development certificates")?;
        // Written last: without it the others count as unfinished.
        write(&until, (now + LIFE).unix_timestamp().to_string().as_bytes(), 0o644)?;
        Ok(authority)
    }

    /// The certificate to trust.
    pub(crate) fn ca(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// The files of the leaf with this name.
    pub(crate) fn identity(&self, name: &str) -> Identity {
        Identity {
            certificate: self.folder.join(format!("{name}.pem")),
            key: self.folder.join(format!("{name}.key")),
        }
    }

    fn make(&self, leaves: &[Leaf], now: OffsetDateTime) -> anyhow::Result<()> {
        let mut root = params("Footfall development CA", &[], now)?;
        root.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        root.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate()?;
        write(&self.ca(), root.self_signed(&key)?.pem().as_bytes(), 0o644)?;
        let issuer = Issuer::new(root, key);
        leaves.iter().try_for_each(|leaf| issue(&self.identity(leaf.name), leaf, &issuer, now))
    }
}

fn lasts(until: &Path, now: OffsetDateTime) -> bool {
    let seconds = std::fs::read_to_string(until).ok().and_then(|text| text.trim().parse::<i64>().ok());
    seconds.is_some_and(|seconds| seconds > (now + LEFT).unix_timestamp())
}

fn issue(
    identity: &Identity,
    leaf: &Leaf,
    issuer: &Issuer<'_, KeyPair>,
    now: OffsetDateTime,
) -> anyhow::Result<()> {
    let mut params = params(leaf.name, leaf.reached_as, now)?;
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = leaf.usages.to_vec();
    let key = KeyPair::generate()?;
    write(&identity.key, key.serialize_pem().as_bytes(), 0o600)?;
    write(&identity.certificate, params.signed_by(&key, issuer)?.pem().as_bytes(), 0o644)
}

fn params(common_name: &str, names: &[&str], now: OffsetDateTime) -> anyhow::Result<CertificateParams> {
    let mut params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())?;
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.not_before = now - Duration::days(1);
    params.not_after = now + LIFE;
    Ok(params)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    const LEAVES: &[Leaf] = &[
        Leaf {
            name: "here",
            reached_as: &["here.internal", "127.0.0.1"],
            usages: &[ExtendedKeyUsagePurpose::ServerAuth],
        },
        Leaf { name: "there", reached_as: &["there"], usages: &[ExtendedKeyUsagePurpose::ClientAuth] },
    ];

    fn ensure(folder: &Path, now: OffsetDateTime) -> Authority {
        Authority::ensure(folder, LEAVES, now).unwrap()
    }

    #[test]
    fn a_second_start_keeps_the_certificates_and_one_near_their_end_makes_new_ones() {
        let folder = tempfile::tempdir().unwrap();
        let now = OffsetDateTime::now_utc();
        let read =
            |authority: &Authority| std::fs::read_to_string(authority.identity("there").certificate).unwrap();

        let first = read(&ensure(folder.path(), now));
        assert!(first.starts_with("-----BEGIN CERTIFICATE-----"));
        assert_eq!(read(&ensure(folder.path(), now + Duration::days(300))), first);
        assert_ne!(read(&ensure(folder.path(), now + Duration::days(340))), first);
    }

    #[test]
    fn keys_are_their_owners_alone_and_the_authoritys_own_key_is_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        let authority = ensure(folder.path(), OffsetDateTime::now_utc());
        for leaf in LEAVES {
            let key = authority.identity(leaf.name).key;
            assert_eq!(key.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert!(!folder.path().join("ca.key").exists());
    }

    #[test]
    fn an_unfinished_authority_and_one_that_lacks_somebody_are_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let now = OffsetDateTime::now_utc();
        let key = ensure(folder.path(), now).identity("here").key;
        std::fs::remove_file(folder.path().join("until")).unwrap();
        std::fs::remove_file(&key).unwrap();
        ensure(folder.path(), now);
        assert!(key.exists());
        std::fs::remove_file(&key).unwrap();
        ensure(folder.path(), now);
        assert!(key.exists());
    }
}
