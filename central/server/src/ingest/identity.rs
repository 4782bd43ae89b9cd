//! Who an edge is: the common name of the certificate that it presented and the TLS layer has verified.

use x509_parser::prelude::{FromDer, X509Certificate};

/// Longest edge id, bytes.
const MAX_BYTES: usize = 64;

/// The edge's id, out of a DER certificate that was verified before.
///
/// # Errors
/// [`IdentityError`]: the certificate names no edge. Permanent until the edge gets another.
pub fn edge_id(certificate: &[u8]) -> Result<String, IdentityError> {
    let (_, certificate) = X509Certificate::from_der(certificate).map_err(|_| IdentityError::Unreadable)?;
    let mut names = certificate.subject().iter_common_name();
    let name = names.next().and_then(|name| name.as_str().ok()).ok_or(IdentityError::Nameless)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    if names.next().is_some() || name.is_empty() || name.len() > MAX_BYTES || !name.bytes().all(plain) {
        return Err(IdentityError::Unfit);
    }
    Ok(name.to_owned())
}

/// Why a certificate names no edge. Permanent.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// Not an X.509 certificate.
    #[error("the client certificate cannot be read")]
    Unreadable,
    /// No common name.
    #[error("the client certificate has no common name")]
    Nameless,
    /// Several common names, or one that is not 1 to 64 letters, digits, dots, dashes and underscores.
    #[error("the client certificate's common name cannot be an edge's id")]
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
    fn the_common_name_is_the_edge() {
        assert_eq!(edge_id(&named(&["edge-1"])).expect("named"), "edge-1");
    }

    #[test]
    fn a_certificate_without_a_fit_name_is_no_edge() {
        assert!(matches!(edge_id(&named(&[])), Err(IdentityError::Nameless)));
        assert!(matches!(edge_id(&named(&["edge 1"])), Err(IdentityError::Unfit)));
        assert!(matches!(edge_id(&named(&[&"e".repeat(65)])), Err(IdentityError::Unfit)));
        assert!(matches!(edge_id(b"rubbish"), Err(IdentityError::Unreadable)));
    }
}
