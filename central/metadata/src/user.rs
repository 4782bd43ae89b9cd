//! People who may sign in, found by their address.

use serde::Serialize;

use super::database::Transaction;
use super::password::{self, Password};
use super::timestamp::Timestamp;
use super::value::{Row, Value};
use super::website::LOCKED_PASSWORD;
use super::{Email, Error, Metadata, UserStatus};

const USERS: &str = include_str!("sql/users.sql");

/// A user to be added.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Found by it.
    pub email: Email,
    /// 1 to 255 characters.
    pub name: String,
    /// Where the person works, up to 255 characters.
    pub company: Option<String>,
    /// As what, up to 100 characters. What a person may do is another table's.
    pub position: Option<String>,
    /// `None`: nobody can sign in until one is set.
    pub password: Option<Password>,
}

/// One user as the database holds it, without the password's hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct User {
    /// UUID in text form.
    pub user_id: String,
    /// In lower case.
    pub email: String,
    /// What the person is called.
    pub name: String,
    /// Where the person works.
    pub company: Option<String>,
    /// As what.
    pub role: Option<String>,
    /// Somebody answered a message to the address.
    pub email_verified: bool,
    /// Whether the person may sign in.
    pub status: UserStatus,
    /// A password was set.
    pub has_password: bool,
    /// RFC 3339, UTC.
    pub created_at: String,
    /// RFC 3339, UTC.
    pub last_login_at: Option<String>,
}

impl Metadata {
    /// Every user, by address; deleted ones too.
    pub async fn users(&self) -> Result<Vec<User>, Error> {
        let rows = self.database()?.rows(USERS, &[Value::Text(None)]).await?;
        rows.iter().map(User::read).collect()
    }

    /// The user with this address.
    pub async fn user(&self, email: &Email) -> Result<Option<User>, Error> {
        let rows = self.database()?.rows(USERS, &[email.as_str().into()]).await?;
        rows.first().map(User::read).transpose()
    }

    /// Adds a user. An address in use is an error.
    pub async fn add_user(&self, new: NewUser) -> Result<User, Error> {
        let hash = match new.password {
            None => LOCKED_PASSWORD.to_owned(),
            Some(password) => password.hash().await?,
        };
        let mut transaction = self.database()?.begin_write().await?;
        let email = new.email.as_str();
        let values = [email.into(), new.name.into(), hash.into(), new.company.into(), new.position.into()];
        transaction.rows(include_str!("sql/add_user.sql"), &values).await.map_err(|error| {
            if error.is_duplicate() { Error::Taken(format!("a user {email}")) } else { error }
        })?;
        let user = one(&mut transaction, &new.email).await?;
        transaction.commit().await?;
        Ok(user)
    }

    /// Sets a password; whoever was signed in before is not asked.
    pub async fn set_password(&self, email: &Email, password: Password) -> Result<User, Error> {
        let hash = password.hash().await?;
        let mut transaction = self.database()?.begin_write().await?;
        let values = [email.as_str().into(), hash.into()];
        transaction.rows(include_str!("sql/set_password.sql"), &values).await?;
        let user = one(&mut transaction, email).await?;
        transaction.commit().await?;
        Ok(user)
    }

    /// Suspends, restores or deletes a user. An owner cannot be deleted; a deleted one's password is gone.
    pub async fn set_user_status(&self, email: &Email, status: UserStatus) -> Result<User, Error> {
        let mut transaction = self.database()?.begin_write().await?;
        if status == UserStatus::Deleted {
            let owned = transaction.rows(include_str!("sql/owned.sql"), &[email.as_str().into()]).await?;
            let owned: Vec<String> =
                owned.iter().map(|row| row.text("tracking_id")).collect::<Result<_, _>>()?;
            if !owned.is_empty() {
                let owned = owned.join(", ");
                return Err(Error::Forbidden(format!(
                    "{email} owns {owned}: grant the role owner to somebody else first"
                )));
            }
        }
        let values = [email.as_str().into(), status.as_str().into(), LOCKED_PASSWORD.into()];
        transaction.rows(include_str!("sql/set_user_status.sql"), &values).await?;
        let user = one(&mut transaction, email).await?;
        transaction.commit().await?;
        Ok(user)
    }

    /// The user whose address and password these are, if active. Whether there is no such user, the password is another one or the user
    /// may not sign in cannot be told from the answer, nor from how long it takes.
    pub async fn sign_in(&self, email: &Email, password: String) -> Result<Option<User>, Error> {
        let database = self.database()?;
        let known = database.rows(include_str!("sql/password_hash.sql"), &[email.as_str().into()]).await?;
        let hash = known.first().map(|row| row.text("password_hash")).transpose()?;
        if !password::verify(password, hash).await? {
            return Ok(None);
        }
        let values = [email.as_str().into(), Timestamp::now().into()];
        database.rows(include_str!("sql/signed_in.sql"), &values).await?;
        self.user(email).await
    }
}

async fn one(transaction: &mut Transaction, email: &Email) -> Result<User, Error> {
    let rows = transaction.rows(USERS, &[email.as_str().into()]).await?;
    rows.first().map_or_else(|| Err(Error::Unknown(format!("user {email}"))), User::read)
}

impl User {
    fn read(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            user_id: row.id("user_id")?,
            email: row.text("email")?,
            name: row.text("name")?,
            company: row.optional_text("company")?,
            role: row.optional_text("role")?,
            email_verified: row.flag("email_verified")?,
            status: row.word("status")?,
            has_password: row.flag("has_password")?,
            created_at: row.timestamp("created_at")?,
            last_login_at: row.optional_timestamp("last_login_at")?,
        })
    }
}
