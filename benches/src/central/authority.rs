//! Certificates of one run: an authority, central's, and one for each edge. Files only where central reads them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair,
};
use rustls::pki_types::PrivatePkcs8KeyDer;

/// What central is called in its certificate.
pub(crate) const CENTRAL: &str = "central.footfall.internal";

/// Signs certificates; central's lies in a folder.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: PathBuf,
}

impl Authority {
    /// Makes it, and central's certificate.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub(crate) fn new(folder: &Path) -> anyhow::Result<Self> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let authority = Self { issuer, folder: folder.to_owned() };
        let (certificate, key) = authority.sign(CENTRAL, ExtendedKeyUsagePurpose::ServerAuth)?;
        std::fs::write(authority.ca(), authority.issuer.pem())?;
        std::fs::write(authority.certificate(), certificate.pem())?;
        std::fs::write(authority.key(), key.serialize_pem())?;
        Ok(authority)
    }

    pub(crate) fn ca(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.join("central.pem")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.folder.join("central.key")
    }

    /// What proves to central that it speaks with this edge.
    ///
    /// # Errors
    /// When the certificate cannot be made.
    pub(crate) fn client(&self, edge_id: &str) -> anyhow::Result<rustls::ClientConfig> {
        let (certificate, key) = self.sign(edge_id, ExtendedKeyUsagePurpose::ClientAuth)?;
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.issuer.der().clone())?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(roots);
        let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
        Ok(builder.with_client_auth_cert(vec![certificate.der().clone()], key)?)
    }

    fn sign(&self, name: &str, purpose: ExtendedKeyUsagePurpose) -> anyhow::Result<(Certificate, KeyPair)> {
        let mut params = CertificateParams::new(vec![name.to_owned()])?;
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![purpose];
        let key = KeyPair::generate()?;
        Ok((params.signed_by(&key, &self.issuer)?, key))
    }
}
