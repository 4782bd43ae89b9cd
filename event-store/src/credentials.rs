//! The user, the password file, and the check of given credentials.

use crate::access::Role;
use crate::engine::{Exception, code};
use crate::request::GivenCredentials;
use base64::Engine as _;
use footfall_daemon::file;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use subtle::ConstantTimeEq;

/// Who may write.
#[derive(Clone)]
pub struct Credentials {
    user: String,
    password: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

impl Credentials {
    /// A user with a password.
    pub fn new(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self { user: user.into(), password: password.into() }
    }

    /// Reads the password file; makes one with a random password, readable by its owner only, if there is none.
    pub fn from_file(user: &str, path: &Path) -> Result<Self, PasswordError> {
        let failed = |source| PasswordError::Io { path: path.to_owned(), source };
        let password = match File::open(path) {
            Ok(file) => read(file, path)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let password = random_password().map_err(failed)?;
                if let Some(folder) = path.parent() {
                    std::fs::create_dir_all(folder).map_err(failed)?;
                }
                if file::create(path, format!("{password}\n").as_bytes(), 0o600).map_err(failed)? {
                    password
                } else {
                    // Somebody else has made one meanwhile.
                    read(File::open(path).map_err(failed)?, path)?
                }
            }
            Err(error) => return Err(failed(error)),
        };
        Ok(Self::new(user, password))
    }

    /// Checks the password file if there is one. Changes nothing.
    pub fn check_file(path: &Path) -> Result<(), PasswordError> {
        match File::open(path) {
            Ok(file) => read(file, path).map(drop),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(source) => Err(PasswordError::Io { path: path.to_owned(), source }),
        }
    }

    /// The role of a client. No user, or `default` without a password, is a reader; anything but the right password is refused.
    pub fn role(&self, headers: &HeaderMap, url: &GivenCredentials) -> Result<Role, Exception> {
        let given = given_credentials(headers, url)?;
        let user = given.user.as_deref().unwrap_or_default();
        let password = given.password.as_deref().unwrap_or_default();
        if password.is_empty() && (user.is_empty() || user == "default") {
            return Ok(Role::Reader);
        }
        let right =
            user.as_bytes().ct_eq(self.user.as_bytes()) & password.as_bytes().ct_eq(self.password.as_bytes());
        if bool::from(right) { Ok(Role::Writer) } else { Err(refused(user)) }
    }
}

/// The credentials of a request: giving them in two ways is an error in ClickHouse too.
fn given_credentials(headers: &HeaderMap, url: &GivenCredentials) -> Result<GivenCredentials, Exception> {
    let header =
        |name: &str| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let from_headers =
        GivenCredentials { user: header("x-clickhouse-user"), password: header("x-clickhouse-key") };
    let from_basic = match headers.get(AUTHORIZATION) {
        Some(value) => {
            let text = value.to_str().unwrap_or_default();
            let pair = text
                .split_once(' ')
                .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))
                .and_then(|(_, coded)| base64::engine::general_purpose::STANDARD.decode(coded.trim()).ok())
                .and_then(|bytes| String::from_utf8(bytes).ok());
            let Some((user, password)) = pair.as_deref().and_then(|pair| pair.split_once(':')) else {
                return Err(refused(""));
            };
            GivenCredentials { user: Some(user.to_owned()), password: Some(password.to_owned()) }
        }
        None => GivenCredentials::default(),
    };
    let mut given = [from_headers, from_basic, url.clone()]
        .into_iter()
        .filter(|given| *given != GivenCredentials::default());
    let one = given.next().unwrap_or_default();
    if given.next().is_some() {
        let message =
            "Invalid authentication: it is not allowed to use several ways of authentication at once";
        return Err(Exception::new(code::AUTHENTICATION_FAILED, "AUTHENTICATION_FAILED", message));
    }
    Ok(one)
}

fn refused(user: &str) -> Exception {
    let message = format!(
        "{}: Authentication failed: password is incorrect, or there is no user with such name",
        user.escape_default()
    );
    Exception::new(code::AUTHENTICATION_FAILED, "AUTHENTICATION_FAILED", message)
}

fn read(mut file: File, path: &Path) -> Result<String, PasswordError> {
    let failed = |source| PasswordError::Io { path: path.to_owned(), source };
    if file.metadata().map_err(failed)?.mode() & 0o077 != 0 {
        return Err(PasswordError::Open { path: path.to_owned() });
    }
    let mut text = String::new();
    Read::by_ref(&mut file).take(4096).read_to_string(&mut text).map_err(failed)?;
    match text.trim_end_matches(['\r', '\n']) {
        "" => Err(PasswordError::Empty { path: path.to_owned() }),
        password => Ok(password.to_owned()),
    }
}

/// 160 random bits in hexadecimal.
fn random_password() -> io::Result<String> {
    let mut bytes = [0_u8; 20];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}")))
}

/// Why there is no password. Permanent: a person has to look.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// It cannot be read or made.
    #[error("cannot use the password file {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Others can read it.
    #[error("the password file {path} is open to others than its owner: chmod 600 {path}")]
    Open {
        /// The file.
        path: PathBuf,
    },
    /// It holds nothing.
    #[error("the password file {path} is empty: write a password into it, or remove it to get a random one")]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

#[cfg(test)]
mod given_credentials_are_checked {
    use super::*;
    use http::HeaderValue;
    use std::fs::OpenOptions;
    use std::os::unix::fs::OpenOptionsExt;

    fn ask(headers: &[(&'static str, &str)], url: &GivenCredentials) -> Result<Role, i32> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, HeaderValue::from_str(value).expect("header"));
        }
        Credentials::new("footfall", "right").role(&map, url).map_err(|exception| exception.code)
    }

    fn url(user: &str, password: &str) -> GivenCredentials {
        GivenCredentials { user: Some(user.to_owned()), password: Some(password.to_owned()) }
    }

    #[test]
    fn is_taken_from_headers_basic_or_url() {
        let basic = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode("footfall:right"));
        let headers = [("x-clickhouse-user", "footfall"), ("x-clickhouse-key", "right")];
        assert_eq!(ask(&headers, &GivenCredentials::default()), Ok(Role::Writer));
        assert_eq!(ask(&[("authorization", &basic)], &GivenCredentials::default()), Ok(Role::Writer));
        assert_eq!(ask(&[], &url("footfall", "right")), Ok(Role::Writer));
        assert_eq!(ask(&headers, &url("footfall", "right")), Err(516));
    }

    #[test]
    fn of_nobody_may_read() {
        assert_eq!(ask(&[], &GivenCredentials::default()), Ok(Role::Reader));
        assert_eq!(ask(&[], &url("default", "")), Ok(Role::Reader));
        assert_eq!(ask(&[("x-clickhouse-user", "default")], &GivenCredentials::default()), Ok(Role::Reader));
    }

    #[test]
    fn that_is_wrong_may_nothing() {
        for (user, password) in
            [("footfall", "wrong"), ("footfall", ""), ("other", "right"), ("default", "x"), ("", "right")]
        {
            assert_eq!(ask(&[], &url(user, password)), Err(516), "{user}:{password}");
        }
        for header in ["Bearer x", "Basic !!", "Basic", "Basic Zm9v", ""] {
            assert_eq!(ask(&[("authorization", header)], &GivenCredentials::default()), Err(516), "{header}");
        }
    }

    #[test]
    fn is_held_against_a_password_made_once_and_kept_from_others() {
        let folder = tempfile::tempdir().expect("temp dir");
        let path = folder.path().join("sub/password");
        let made = Credentials::from_file("u", &path).expect("made");
        let read = Credentials::from_file("u", &path).expect("read");
        assert_eq!((made.password.len(), &made.password), (40, &read.password));
        assert_eq!(std::fs::metadata(&path).expect("there").mode() & 0o777, 0o600);
        assert!(!format!("{made:?}").contains(&made.password));

        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644)).expect("chmod");
        assert!(matches!(Credentials::from_file("u", &path), Err(PasswordError::Open { .. })));
        let empty = folder.path().join("empty");
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&empty).expect("made");
        assert!(matches!(Credentials::check_file(&empty), Err(PasswordError::Empty { .. })));
    }
}
