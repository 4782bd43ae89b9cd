//! Leases: a job that only one central may do at a time is done by who holds its lease. A lease ends by itself, so a holder that was
//! slow may find another one at work: whatever it writes carries the token, and an older token is refused.

use std::time::Duration;

use super::{Error, Metadata};

const LEASE: [&str; 2] = [include_str!("sql/sqlite/lease.sql"), include_str!("sql/postgresql/lease.sql")];

/// Grows whenever a lease changes hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(i64);

impl Token {
    /// The token of this number.
    pub fn from_number(number: i64) -> Self {
        Self(number)
    }

    /// As a number, above 0.
    pub fn number(self) -> i64 {
        self.0
    }
}

impl Metadata {
    /// Takes the lease `name` for `holder`, or keeps it (with the same token) if he has it; for so long from now on by the database's
    /// clock, milliseconds. `None` while somebody else has it.
    pub async fn lease(&self, name: &str, holder: &str, duration: Duration) -> Result<Option<Token>, Error> {
        let database = self.database()?;
        let milliseconds = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 2);
        let values = [name.into(), holder.into(), milliseconds.into()];
        let rows = database.rows(database.dialect(LEASE), &values).await?;
        rows.first().map(|row| row.whole("token").map(Token)).transpose()
    }

    /// Gives a lease up before its end. Nothing happens if somebody else has it by now.
    pub async fn give_up_lease(&self, name: &str, token: Token) -> Result<(), Error> {
        let values = [name.into(), token.0.into()];
        self.database()?.rows(include_str!("sql/give_up_lease.sql"), &values).await.map(drop)
    }
}
