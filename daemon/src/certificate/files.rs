//! The three files of a TLS identity, as a configuration names them: read, judged, and told of in one sentence that names the key of the
//! configuration, the file and what to do. Opens no connection.

use std::io;
use std::path::{Path, PathBuf};

use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};

use super::{Fault, Identity, Part, Usage, name};
use crate::secret;

/// A file, and the key of the configuration that names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The key, such as `central.certificate`.
    pub key: &'static str,
    /// The file.
    pub path: PathBuf,
}

impl Named {
    /// `path`, which `key` names.
    pub fn new(key: &'static str, path: &Path) -> Self {
        Self { key, path: path.to_owned() }
    }

    /// The certificates in it.
    ///
    /// # Errors
    /// [`FileFault`] when it cannot be read, or holds none.
    pub fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, FileFault> {
        let read: Result<Vec<_>, _> = CertificateDer::pem_file_iter(&self.path).and_then(Iterator::collect);
        match read {
            Ok(found) if found.is_empty() => Err(self.fault(Fault::Empty.to_string())),
            Ok(found) => Ok(found),
            Err(error) => Err(self.unreadable(&error, "certificate")),
        }
    }

    fn private_key(&self) -> Result<PrivateKeyDer<'static>, FileFault> {
        let what = "private key";
        match secret::read_private(&self.path) {
            Ok(text) => PrivateKeyDer::from_pem_slice(&text).map_err(|error| self.unreadable(&error, what)),
            Err(error) if secret::is_open(&error) => Err(self.fault(error.to_string())),
            Err(error) => Err(self.unreadable(&pem::Error::Io(error), what)),
        }
    }

    fn unreadable(&self, error: &pem::Error, what: &str) -> FileFault {
        self.fault(match error {
            pem::Error::Io(error) if error.kind() == io::ErrorKind::NotFound => {
                format!("does not exist: put the {what} there, or name the file where it is")
            }
            pem::Error::Io(error) => {
                format!("cannot be read ({error}): let the user that this program runs as read it")
            }
            pem::Error::NoItemsFound => {
                format!("holds no {what}: it is to hold an unencrypted {what} in PEM form")
            }
            other => format!("holds no {what} in PEM form ({other}): write it anew"),
        })
    }

    fn fault(&self, reason: String) -> FileFault {
        FileFault { file: self.clone(), reason }
    }
}

/// The three files.
#[derive(Clone, Debug)]
pub struct Files {
    /// The certificate chain.
    pub certificate: Named,
    /// Its key.
    pub key: Named,
    /// The authority that it is meant to come from.
    pub authority: Named,
}

impl Files {
    /// Reads them.
    ///
    /// # Errors
    /// [`FileFault`].
    pub fn read(&self) -> Result<Identity, FileFault> {
        let (chain, key) = (self.certificate.certificates()?, self.key.private_key()?);
        Ok(Identity { chain, key, authorities: self.authority.certificates()? })
    }

    /// Reads and judges them.
    ///
    /// # Errors
    /// [`FileFault`], of the file that is to be corrected.
    pub fn check(&self, usage: Usage, now: UnixTime) -> Result<Identity, FileFault> {
        let identity = self.read()?;
        identity.judge(usage, now).map_err(|fault| {
            let file = match fault.part() {
                Part::Certificate => &self.certificate,
                Part::Key => &self.key,
                Part::Authority => &self.authority,
            };
            let reason = match &fault {
                Fault::OtherAuthority => {
                    let Named { key, path } = &self.authority;
                    format!("does not come from the authority that `{key}` names ({}): have it issued there, or name the authority that it comes from", path.display())
                }
                fault => fault.to_string(),
            };
            file.fault(reason)
        })?;
        Ok(identity)
    }

    /// The common name of the certificate, by which its holder is known.
    ///
    /// # Errors
    /// [`FileFault`] when there is none that could be an id.
    pub fn common_name(&self, identity: &Identity) -> Result<String, FileFault> {
        let certificate =
            identity.chain.first().ok_or_else(|| self.certificate.fault(Fault::Empty.to_string()))?;
        name::common_name(certificate).map_err(|error| {
            self.certificate
                .fault(format!("{error}: have a certificate issued whose common name is this program's id"))
        })
    }
}

/// What is wrong with a file. Permanent until somebody corrects it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` ({}) {reason}", file.key, file.path.display())]
pub struct FileFault {
    file: Named,
    reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    use crate::certificate::at;
    use rcgen::{CertificateParams, KeyPair};

    const NOW: u64 = 1_796_040_000;

    #[test]
    fn each_sentence_names_the_key_of_the_configuration_the_file_and_what_to_do() {
        let folder = tempfile::tempdir().expect("temp dir");
        let file = |name: &str| folder.path().join(name);
        let key = KeyPair::generate().expect("key");
        let certificate = CertificateParams::new(vec!["edge-1".to_owned()]).expect("a name");
        let certificate = certificate.self_signed(&key).expect("signed").pem();
        std::fs::write(file("good.pem"), &certificate).expect("written");
        let private = |name: &str, text: &str| {
            crate::file::replace_unsynced(&file(name), text.as_bytes(), 0o600).expect("written");
        };
        private("good.key", &key.serialize_pem());
        private("other.key", &KeyPair::generate().expect("key").serialize_pem());
        private("certificate.key", &certificate);
        std::fs::write(file("open.key"), key.serialize_pem()).expect("written");
        std::fs::set_permissions(file("open.key"), PermissionsExt::from_mode(0o640)).expect("chmod");
        let close = format!("chmod 600 {}", file("open.key").display());
        std::fs::write(file("rubbish"), "rubbish").expect("written");
        std::fs::write(file("half"), &certificate[..certificate.len() / 2]).expect("written");
        let files = |certificate: &str, key: &str, authority: &str| Files {
            certificate: Named::new("central.certificate", &file(certificate)),
            key: Named::new("central.key", &file(key)),
            authority: Named::new("central.ca", &file(authority)),
        };
        let good = files("good.pem", "good.key", "good.pem");
        good.check(Usage::Client, at(NOW)).expect("a certificate may be its own authority");
        for (certificate, key, authority, setting, part) in [
            ("none", "good.key", "good.pem", "`central.certificate`", "does not exist"),
            ("rubbish", "good.key", "good.pem", "`central.certificate`", "holds no certificate"),
            ("half", "good.key", "good.pem", "`central.certificate`", "PEM"),
            ("good.key", "good.key", "good.pem", "`central.certificate`", "holds no certificate"),
            (".", "good.key", "good.pem", "`central.certificate`", "cannot be read"),
            ("good.pem", "certificate.key", "good.pem", "`central.key`", "holds no private key"),
            ("good.pem", "none", "good.pem", "`central.key`", "does not exist"),
            ("good.pem", "open.key", "good.pem", "`central.key`", &close),
            ("good.pem", "other.key", "good.pem", "`central.key`", "is not the key of the certificate"),
            ("good.pem", "good.key", "rubbish", "`central.ca`", "holds no certificate"),
        ] {
            let fault = files(certificate, key, authority).check(Usage::Client, at(NOW)).expect_err(part);
            let sentence = fault.to_string();
            assert!(sentence.starts_with(setting) && sentence.contains(part), "{sentence}");
            assert!(sentence.contains(": ") && !sentence.contains('\n'), "{sentence}");
            assert!(sentence.contains(&folder.path().display().to_string()), "{sentence}");
        }
    }
}
