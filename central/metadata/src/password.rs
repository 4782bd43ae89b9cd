//! Passwords and their hashes. Hashing takes tens of milliseconds and 19 MiB: it runs on threads that may be kept busy, two at a time.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

use super::{Error, Invalid};

/// OWASP's Password Storage Cheat Sheet, its first choice for Argon2id with the least memory: 19 MiB, two passes, one lane. A hash names
/// the parameters that it was made with, so that they can be raised at any time.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Fewest characters; NIST SP 800-63B asks for at least 8, and for no rules about which.
const SHORTEST: usize = 12;
/// Most bytes: what is longer only costs time.
const LONGEST: usize = 1024;

static HASHING: Semaphore = Semaphore::const_new(2);

/// What is compared with when there is nobody of that name, so that an answer takes as long.
static NOBODY: LazyLock<String> = LazyLock::new(|| derive("nobody has this password").unwrap_or_default());

/// A password that a person chose: 12 characters to 1,024 bytes. A debug print does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl FromStr for Password {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.chars().count() >= SHORTEST && text.len() <= LONGEST {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid::Password)
        }
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

impl Password {
    /// Its Argon2id hash under a random salt, as a PHC string.
    pub(super) async fn hash(self) -> Result<String, Error> {
        work(move || derive(&self.0)).await?
    }
}

/// Whether `password` is the one that `hash` was made of; without a hash it is not, after as much work. The comparison takes the same time
/// wherever they differ.
pub(super) async fn verify(password: String, hash: Option<String>) -> Result<bool, Error> {
    work(move || {
        if password.len() > LONGEST {
            return false;
        }
        let known = hash.as_deref().filter(|hash| hash.starts_with('$'));
        let parsed = PasswordHash::new(known.unwrap_or(&NOBODY));
        parsed.is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
            && known.is_some()
    })
    .await
}

async fn work<T: Send + 'static>(hash: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    let _place = HASHING.acquire().await.map_err(|_| Error::Unhashed)?;
    tokio::task::spawn_blocking(hash).await.map_err(|_| Error::Unhashed)
}

fn derive(password: &str) -> Result<String, Error> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|_| Error::Unhashed)?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon2.hash_password(password.as_bytes()).map(|hash| hash.to_string()).map_err(|_| Error::Unhashed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_long_enough_and_never_printed() {
        assert_eq!("eleven char".parse::<Password>(), Err(Invalid::Password));
        assert_eq!("x".repeat(1025).parse::<Password>(), Err(Invalid::Password));
        let password: Password = "correct horse battery".parse().expect("long enough");
        assert_eq!(format!("{password:?}"), "Password(…)");
    }

    #[tokio::test]
    async fn only_the_password_itself_fits_its_hash() {
        let password: Password = "correct horse battery".parse().expect("long enough");
        let hash = password.clone().hash().await.expect("hashed");
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && hash.len() <= 255, "{hash}");
        assert_ne!(password.hash().await.expect("hashed"), hash, "each has a salt of its own");
        for (text, hash, fits) in [
            ("correct horse battery", Some(hash.clone()), true),
            ("correct horse battery ", Some(hash), false),
            ("nobody has this password", None, false),
            ("!", Some("!".to_owned()), false),
        ] {
            assert_eq!(verify(text.to_owned(), hash).await.expect("compared"), fits, "{text}");
        }
    }
}
