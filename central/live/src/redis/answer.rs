//! Answers of reports, and who makes one, for all centrals.

use bytes::Bytes;
use fred::interfaces::KeysInterface as _;
use fred::types::{Expiration, SetOptions};

use super::Redis;
use super::script::Script;
use crate::LiveError;

impl Redis {
    /// The answer, if it is there.
    pub(crate) async fn answer(&self, name: &str) -> Result<Option<Bytes>, LiveError> {
        let up = self.connection.up()?;
        up.client.get(self.keys.answer(name)).await.map_err(|error| self.connection.away(&error))
    }

    /// Keeps an answer for `life_ms`.
    pub(crate) async fn keep_answer(&self, name: &str, answer: Bytes, life_ms: i64) -> Result<(), LiveError> {
        let up = self.connection.up()?;
        let life = Some(Expiration::PX(life_ms));
        let kept = up.client.set(self.keys.answer(name), answer, life, None, false).await;
        kept.map_err(|error| self.connection.away(&error))
    }

    /// Whether nobody else makes the answer, and `holder` does from now on, for at most `life_ms`.
    pub(crate) async fn claim_answer(
        &self,
        name: &str,
        holder: &str,
        life_ms: i64,
    ) -> Result<bool, LiveError> {
        let up = self.connection.up()?;
        let life = Some(Expiration::PX(life_ms));
        let claimed: Result<Option<String>, _> =
            up.client.set(self.keys.lock(name), holder, life, Some(SetOptions::NX), false).await;
        Ok(claimed.map_err(|error| self.connection.away(&error))?.is_some())
    }

    /// `holder` no longer makes the answer.
    pub(crate) async fn release_answer(&self, name: &str, holder: &str) -> Result<(), LiveError> {
        let up = self.connection.up()?;
        let (keys, arguments) = (vec![self.keys.lock(name)], vec![holder.into()]);
        let released: Result<i64, _> = up.scripts.run(&up.client, Script::Release, keys, arguments).await;
        released.map(drop).map_err(|error| self.connection.away(&error))
    }
}
