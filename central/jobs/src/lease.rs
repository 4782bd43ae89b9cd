//! Where leases are kept: central's metadata, and in tests a store that loses them. Knows no job.

use std::error::Error;
use std::time::Duration;

use footfall_metadata::Metadata;

/// Keeps leases. A lease ends by itself, so a holder that was slow may find another one at work.
pub trait Leases: Clone + Send + Sync + 'static {
    /// Why it cannot be said who has a lease.
    type Error: Error + Send + Sync + 'static;

    /// Takes the lease `name` for `holder`, or keeps it, for so long from now on. Its token, which grows whenever it changes hands;
    /// nothing while somebody else has it.
    fn take(
        &self,
        name: &str,
        holder: &str,
        duration: Duration,
    ) -> impl Future<Output = Result<Option<i64>, Self::Error>> + Send;

    /// Gives a lease up before its end, unless somebody else has it by now.
    fn give_up(&self, name: &str, token: i64) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

impl Leases for Metadata {
    type Error = footfall_metadata::Error;

    async fn take(&self, name: &str, holder: &str, duration: Duration) -> Result<Option<i64>, Self::Error> {
        Ok(self.lease(name, holder, duration).await?.map(footfall_metadata::Token::number))
    }

    async fn give_up(&self, name: &str, token: i64) -> Result<(), Self::Error> {
        self.give_up_lease(name, footfall_metadata::Token::from_number(token)).await
    }
}
