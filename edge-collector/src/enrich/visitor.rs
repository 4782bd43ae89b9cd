//! Ids of visitors: a keyed hash of address and user agent that changes every day, or a hash of the id that a client keeps. Pure; keys come from [`super::salt`].

use std::net::IpAddr;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::session::Owner;
use crate::session_source::SessionKey;

/// A site's key of a day, derived from the day's salt; it links nobody across sites or days.
#[derive(Clone)]
pub struct SiteKey([u8; 32]);

impl SiteKey {
    /// HMAC-SHA-256 of the website's id under the day's salt.
    #[must_use]
    pub fn derive(salt: &[u8; 32], website_id: &str) -> Self {
        Self(mac(salt, &[website_id.as_bytes()]))
    }

    /// The visitor behind this address and user agent: 32 hexadecimal digits.
    #[must_use]
    pub fn visitor(&self, address: IpAddr, user_agent: &str) -> String {
        let address = super::privacy::mapped(address.to_canonical());
        hex(&mac(&self.0, &[&address, user_agent.as_bytes()]))
    }
}

/// What an id is derived for, so that a user id can never equal a session id.
#[derive(Debug, Clone, Copy)]
pub enum Purpose {
    /// A visitor.
    User,
    /// A session.
    Session,
}

/// What is stored for an id that the client keeps itself: a hash of (website, purpose, value), so that one site can
/// never name another's visitor or session, and all edges agree.
#[must_use]
pub fn derived(website_id: &str, purpose: Purpose, value: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(match purpose {
        Purpose::User => b"user\0".as_slice(),
        Purpose::Session => b"session\0".as_slice(),
    });
    hash.update(website_id.as_bytes());
    hash.update(b"\0");
    hash.update(value.as_bytes());
    hex(&hash.finalize().into())
}

/// Under which a visitor's session is remembered.
#[must_use]
pub fn owner(website_id: &str, user_id: &str) -> Owner {
    let mut hash = siphasher::sip128::SipHasher13::new();
    std::hash::Hasher::write(&mut hash, website_id.as_bytes());
    std::hash::Hasher::write(&mut hash, &[0xff]);
    std::hash::Hasher::write(&mut hash, user_id.as_bytes());
    siphasher::sip128::Hasher128::finish128(&hash).as_u128()
}

/// Under which a session's source is remembered, whoever made its id.
#[must_use]
pub fn session_key(website_id: &str, session_id: &str) -> SessionKey {
    owner(website_id, session_id)
}

/// A session's id as it is stored: 32 hexadecimal digits.
#[must_use]
pub fn session_text(id: crate::session::SessionId) -> String {
    Uuid::from_bytes(id).simple().to_string()
}

/// Reads what [`session_text`] wrote.
#[must_use]
pub fn session_id(text: &str) -> Option<crate::session::SessionId> {
    Uuid::try_parse(text).ok().map(Uuid::into_bytes)
}

fn mac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// The first half of a digest: 128 bits tell visitors apart.
fn hex(digest: &[u8; 32]) -> String {
    let half: [u8; 16] = digest[..16].try_into().expect("half of 32 bytes");
    Uuid::from_bytes(half).simple().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_visitor_has_one_id_per_site_and_day() {
        let address: IpAddr = "203.0.113.7".parse().expect("address");
        let mapped: IpAddr = "::ffff:203.0.113.7".parse().expect("address");
        let key = SiteKey::derive(&[1; 32], "site");
        let id = key.visitor(address, "agent");
        assert_eq!(id.len(), 32);
        assert_eq!(id, key.visitor(mapped, "agent"));
        for other in [
            key.visitor("203.0.113.8".parse().expect("address"), "agent"),
            key.visitor(address, "agent2"),
            SiteKey::derive(&[1; 32], "site2").visitor(address, "agent"),
            SiteKey::derive(&[2; 32], "site").visitor(address, "agent"),
        ] {
            assert_ne!(id, other);
        }
    }

    #[test]
    fn a_clients_id_is_never_stored_and_never_crosses_sites() {
        let stored = derived("site", Purpose::User, "alice");
        assert!(!stored.contains("alice"));
        assert_eq!(stored, derived("site", Purpose::User, "alice"));
        assert_ne!(stored, derived("other", Purpose::User, "alice"));
        assert_ne!(stored, derived("site", Purpose::Session, "alice"));
    }

    #[test]
    fn session_ids_survive_their_text() {
        assert_eq!(session_id(&session_text([0xab; 16])), Some([0xab; 16]));
        assert_eq!(session_id("not one"), None);
    }
}
