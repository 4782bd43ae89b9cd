//! A certificate authority of one test, and the certificates that it signs: as files for whoever reads files, as TLS configurations for
//! the rest.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use footfall_daemon::file::replace_unsynced;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyPair,
};
use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;

/// The name that central's certificate carries.
pub const CENTRAL: &str = "central.footfall.internal";

/// Signs certificates. Its own lies in a folder, as do those that it signs; its key is in memory only.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: PathBuf,
}

/// What a certificate may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// Proving a server to its clients.
    Server,
    /// Proving a client to a server.
    Client,
}

/// What a certificate is to say.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The DNS name, and the name of the files.
    pub name: &'a str,
    /// The common name.
    pub common_name: Option<&'a str>,
    /// What it may be used for.
    pub usage: Usage,
    /// From the beginning of the first year to that of the last one.
    pub years: Range<i32>,
}

/// A certificate and its key.
pub struct Identity {
    /// The certificate, PEM.
    pub certificate: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
    chain: Vec<CertificateDer<'static>>,
    secret: PrivatePkcs8KeyDer<'static>,
}

impl Authority {
    /// A new one, whose certificate is written into `folder`.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        std::fs::create_dir_all(folder).expect("the folder can be made");
        let mut params = CertificateParams::new(Vec::new()).expect("no names are valid");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("signed");
        let authority = Self { issuer, folder: folder.to_owned() };
        std::fs::write(authority.ca(), authority.issuer.pem()).expect("written");
        authority
    }

    /// The certificate to trust, PEM.
    #[must_use]
    pub fn ca(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// Signs a certificate whose common name and DNS name are `name`, and writes it and its key into the folder.
    #[must_use]
    pub fn issue(&self, name: &str, usage: Usage) -> Identity {
        self.sign(&Request { name, common_name: Some(name), usage, years: 1975..4096 })
    }

    /// Signs whatever is asked for, and writes it and its key into the folder.
    #[must_use]
    pub fn sign(&self, request: &Request<'_>) -> Identity {
        let Request { name, common_name, usage, years } = request;
        let mut params = CertificateParams::new(vec![(*name).to_owned()]).expect("a DNS name");
        params.distinguished_name = DistinguishedName::new();
        if let Some(common_name) = common_name {
            params.distinguished_name.push(DnType::CommonName, *common_name);
        }
        params.not_before = rcgen::date_time_ymd(years.start, 1, 1);
        params.not_after = rcgen::date_time_ymd(years.end, 1, 1);
        params.extended_key_usages = vec![match usage {
            Usage::Server => ExtendedKeyUsagePurpose::ServerAuth,
            Usage::Client => ExtendedKeyUsagePurpose::ClientAuth,
        }];
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("signed");
        let identity = Identity {
            certificate: self.folder.join(format!("{name}.pem")),
            key: self.folder.join(format!("{name}.key")),
            chain: vec![certificate.der().clone()],
            secret: PrivatePkcs8KeyDer::from(key.serialize_der()),
        };
        std::fs::write(&identity.certificate, certificate.pem()).expect("written");
        replace_unsynced(&identity.key, key.serialize_pem().as_bytes(), 0o600).expect("written");
        identity
    }

    /// TLS 1.3 for a client that shows `identity` and believes servers of this authority.
    #[must_use]
    pub fn client(&self, identity: &Identity) -> rustls::ClientConfig {
        rustls::ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("TLS 1.3")
            .with_root_certificates(self.roots())
            .with_client_auth_cert(identity.chain.clone(), identity.secret())
            .expect("the key fits the certificate")
    }

    /// TLS 1.3 for a server that shows `identity` and asks every client for a certificate of this authority.
    #[must_use]
    pub fn server(&self, identity: &Identity) -> rustls::ServerConfig {
        let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(self.roots()), provider())
            .build()
            .expect("a verifier");
        rustls::ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("TLS 1.3")
            .with_client_cert_verifier(clients)
            .with_single_cert(identity.chain.clone(), identity.secret())
            .expect("the key fits the certificate")
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).expect("an authority");
        roots
    }
}

impl Identity {
    fn secret(&self) -> PrivateKeyDer<'static> {
        self.secret.clone_key().into()
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
