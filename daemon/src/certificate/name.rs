//! Who the holder of a certificate is: its one common name. Verifies nothing: the TLS layer has, or will.

use x509_parser::prelude::{FromDer, X509Certificate};

/// Longest id, bytes.
const MAX_BYTES: usize = 64;

/// The common name of a DER certificate, where it can be an id: 1 to 64 letters, digits, dots, dashes and underscores.
///
/// # Errors
/// [`NameError`], permanent until there is another certificate.
pub fn common_name(certificate: &[u8]) -> Result<String, NameError> {
    let (_, certificate) = X509Certificate::from_der(certificate).map_err(|_| NameError::Unreadable)?;
    let mut names = certificate.subject().iter_common_name();
    let name = names.next().and_then(|name| name.as_str().ok()).ok_or(NameError::Nameless)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    if names.next().is_some() || name.is_empty() || name.len() > MAX_BYTES || !name.bytes().all(plain) {
        return Err(NameError::Unfit);
    }
    Ok(name.to_owned())
}

/// Why a certificate names nobody, as the rest of a sentence. Permanent.
#[derive(Debug, thiserror::Error)]
pub enum NameError {
    /// Not an X.509 certificate.
    #[error("holds no X.509 certificate")]
    Unreadable,
    /// No common name.
    #[error("has no common name")]
    Nameless,
    /// Several common names, or one that is not 1 to 64 letters, digits, dots, dashes and underscores.
    #[error(
        "has a common name that cannot be an id, which is 1 to 64 letters, digits, dots, dashes and underscores"
    )]
    Unfit,
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, DnType, KeyPair};

    fn named(names: &[&str]) -> Vec<u8> {
        let mut params = CertificateParams::new(vec!["edge.test".to_owned()]).expect("valid");
        params.distinguished_name = rcgen::DistinguishedName::new();
        for name in names {
            params.distinguished_name.push(DnType::CommonName, *name);
        }
        let key = KeyPair::generate().expect("key");
        params.self_signed(&key).expect("signed").der().to_vec()
    }

    #[test]
    fn the_common_name_is_the_id() {
        assert_eq!(common_name(&named(&["edge-1"])).expect("named"), "edge-1");
    }

    #[test]
    fn a_certificate_without_a_fit_name_names_nobody() {
        assert!(matches!(common_name(&named(&[])), Err(NameError::Nameless)));
        assert!(matches!(common_name(&named(&["edge 1"])), Err(NameError::Unfit)));
        assert!(matches!(common_name(&named(&[&"e".repeat(65)])), Err(NameError::Unfit)));
        assert!(matches!(common_name(b"rubbish"), Err(NameError::Unreadable)));
    }
}
