//! What ClickHouse's refusals mean for whoever wanted to write, in its own vocabulary of codes.

use clickhouse::error::Error;

use crate::store::Fault;

/// Codes that say "these bytes are no such rows": parsing, ranges, constraints.
const BAD_DATA: [u32; 14] = [6, 26, 27, 33, 38, 41, 72, 117, 131, 321, 376, 469, 675, 676];

/// Why the event store did not do what it was asked. The outcome of an insert is unknown with any of them.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No answer in time.
    #[error("the event store did not answer in time")]
    TimedOut,
    /// The store refused, or could not be reached.
    #[error("the event store: {0}")]
    Client(#[source] Error),
    /// Statements that were killed do not end.
    #[error("{0} statements of this partition do not end")]
    Unquiet(u64),
}

impl StoreError {
    /// What to do about it.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Client(Error::BadResponse(text))
                if code(text).is_some_and(|code| BAD_DATA.contains(&code)) =>
            {
                Fault::Poison
            }
            // Also a wrong password or a missing table: somebody can put that right while we wait.
            Self::TimedOut | Self::Client(_) | Self::Unquiet(_) => Fault::Transient,
        }
    }
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        match error {
            Error::TimedOut => Self::TimedOut,
            error => Self::Client(error),
        }
    }
}

/// The number in "Code: 117. DB::Exception: …".
fn code(text: &str) -> Option<u32> {
    let (_, rest) = text.split_once("Code: ")?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(text: &str) -> Fault {
        StoreError::from(Error::BadResponse(text.to_owned())).fault()
    }

    #[test]
    fn bad_data_is_told_from_a_bad_moment() {
        assert_eq!(answered("Code: 117. DB::Exception: Unknown field"), Fault::Poison);
        assert_eq!(answered("Code: 241. DB::Exception: (total) memory limit exceeded"), Fault::Transient);
        assert_eq!(answered("Code: 252. DB::Exception: Too many parts"), Fault::Transient);
        assert_eq!(answered("502 Bad Gateway"), Fault::Transient);
        assert_eq!(StoreError::from(Error::TimedOut).fault(), Fault::Transient);
    }
}
