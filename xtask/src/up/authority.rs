//! The development certificate authority: one for central, one for edge `edge-1`, signed by a key that is thrown away.
//!
//! For this machine only. It is reused by later starts and made anew when it is about to expire.

use std::path::{Path, PathBuf};

use anyhow::Context;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use time::{Duration, OffsetDateTime};

use super::layout::write;

/// The name in central's certificate that edges check.
pub(super) const CENTRAL: &str = "central.footfall.internal";
/// The edge's id: common name and DNS name of its certificate.
pub(super) const EDGE: &str = "edge-1";

const LIFE: Duration = Duration::days(365);
/// What must be left at a start, so that no run outlives its certificates by accident.
const LEFT: Duration = Duration::days(30);

/// Where the certificates and keys lie.
pub(super) struct Authority {
    pub(super) ca: PathBuf,
    pub(super) central: Identity,
    pub(super) edge: Identity,
}

/// A certificate and its key.
pub(super) struct Identity {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

impl Identity {
    fn named(folder: &Path, name: &str) -> Self {
        Self { certificate: folder.join(format!("{name}.pem")), key: folder.join(format!("{name}.key")) }
    }
}

/// The authority in `folder`, made if there is none that lasts.
pub(super) fn ensure(folder: &Path, now: OffsetDateTime) -> anyhow::Result<Authority> {
    let authority = Authority {
        ca: folder.join("ca.pem"),
        central: Identity::named(folder, "central"),
        edge: Identity::named(folder, EDGE),
    };
    let until = folder.join("until");
    if lasts(&until, now) {
        return Ok(authority);
    }
    make(&authority, now).context("could not make the development certificates")?;
    // Written last: without it the others count as unfinished.
    write(&until, (now + LIFE).unix_timestamp().to_string().as_bytes(), 0o644)?;
    Ok(authority)
}

fn lasts(until: &Path, now: OffsetDateTime) -> bool {
    let seconds = std::fs::read_to_string(until).ok().and_then(|text| text.trim().parse::<i64>().ok());
    seconds.is_some_and(|seconds| seconds > (now + LEFT).unix_timestamp())
}

fn make(authority: &Authority, now: OffsetDateTime) -> anyhow::Result<()> {
    let mut root = params("Footfall development CA", &[], now)?;
    root.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    root.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate()?;
    write(&authority.ca, root.self_signed(&key)?.pem().as_bytes(), 0o644)?;
    let issuer = Issuer::new(root, key);
    issue(&authority.central, CENTRAL, ExtendedKeyUsagePurpose::ServerAuth, &issuer, now)?;
    issue(&authority.edge, EDGE, ExtendedKeyUsagePurpose::ClientAuth, &issuer, now)
}

fn issue(
    identity: &Identity,
    name: &str,
    usage: ExtendedKeyUsagePurpose,
    issuer: &Issuer<'_, KeyPair>,
    now: OffsetDateTime,
) -> anyhow::Result<()> {
    let mut leaf = params(name, &[name.to_owned()], now)?;
    leaf.use_authority_key_identifier_extension = true;
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![usage];
    let key = KeyPair::generate()?;
    write(&identity.key, key.serialize_pem().as_bytes(), 0o600)?;
    write(&identity.certificate, leaf.signed_by(&key, issuer)?.pem().as_bytes(), 0o644)
}

fn params(common_name: &str, names: &[String], now: OffsetDateTime) -> anyhow::Result<CertificateParams> {
    let mut params = CertificateParams::new(names.to_vec())?;
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.not_before = now - Duration::days(1);
    params.not_after = now + LIFE;
    Ok(params)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_second_start_keeps_the_certificates_and_one_near_their_end_makes_new_ones() {
        let folder = tempfile::tempdir().unwrap();
        let now = OffsetDateTime::now_utc();
        let read = |authority: &Authority| std::fs::read_to_string(&authority.edge.certificate).unwrap();

        let first = read(&ensure(folder.path(), now).unwrap());
        assert!(first.starts_with("-----BEGIN CERTIFICATE-----"));
        assert_eq!(read(&ensure(folder.path(), now + Duration::days(300)).unwrap()), first);
        assert_ne!(read(&ensure(folder.path(), now + Duration::days(340)).unwrap()), first);
    }

    #[test]
    fn keys_are_their_owners_alone_and_the_authoritys_own_key_is_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        let authority = ensure(folder.path(), OffsetDateTime::now_utc()).unwrap();
        for identity in [&authority.central, &authority.edge] {
            assert_eq!(identity.key.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert!(!folder.path().join("ca.key").exists());
    }

    #[test]
    fn an_unfinished_authority_is_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let now = OffsetDateTime::now_utc();
        let authority = ensure(folder.path(), now).unwrap();
        std::fs::remove_file(folder.path().join("until")).unwrap();
        std::fs::remove_file(&authority.central.key).unwrap();
        ensure(folder.path(), now).unwrap();
        assert!(authority.central.key.exists());
    }
}
