//! Which log a topic is: a random number in its settings, and the incarnation that follows from it.
//!
//! The number stands in `delete.retention.ms`, which means nothing for a topic that is not compacted: it is made with the topic and dies
//! with it, so a topic that was made again is another log. A copy of it is kept in the topic of checkpoints, for the day on which an
//! operator's tool resets the setting.

use sha2::{Digest as _, Sha256};

use crate::incarnation::Incarnation;

/// Where the number stands.
pub(super) const NUMBER_SETTING: &str = "delete.retention.ms";
/// What stands there when nobody numbered the topic is smaller than this.
pub(super) const SMALLEST_NUMBER: u64 = 1 << 50;

/// Which log the topic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TopicIdentity {
    /// The random number in the topic's settings.
    pub(super) number: u64,
    /// What follows from it, the topic's name and the cluster.
    pub(super) incarnation: Incarnation,
}

impl TopicIdentity {
    /// A copy that is mirrored into another cluster is another log, whose offsets are others too.
    pub(super) fn new(cluster: &str, topic: &str, number: u64) -> Self {
        let digest =
            Sha256::new().chain_update(cluster).chain_update([0]).chain_update(topic).chain_update([0]);
        let digest = digest.chain_update(number.to_le_bytes()).finalize();
        Self { number, incarnation: Incarnation(*digest.first_chunk().expect("it is longer")) }
    }
}

/// A number for a new topic.
pub(super) fn random_number() -> Result<u64, getrandom::Error> {
    getrandom::u64().map(number)
}

/// The number that is made of so much randomness.
fn number(random: u64) -> u64 {
    SMALLEST_NUMBER + random % ((1 << 62) - SMALLEST_NUMBER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_made_again_or_mirrored_elsewhere_is_another_log() {
        let incarnations: std::collections::BTreeSet<_> = [
            TopicIdentity::new("cluster-1", "footfall.events", 1 << 60),
            TopicIdentity::new("cluster-1", "footfall.events", (1 << 60) + 1),
            TopicIdentity::new("cluster-2", "footfall.events", 1 << 60),
            TopicIdentity::new("cluster-1", "other.events", 1 << 60),
            // The same letters, and another border between the two names.
            TopicIdentity::new("cluster-", "1footfall.events", 1 << 60),
        ]
        .map(|identity| identity.incarnation.to_string())
        .into();
        assert_eq!(incarnations.len(), 5);
    }

    #[test]
    fn a_random_number_is_large_and_fits_into_kafkas_long() {
        for random in [0, 1, SMALLEST_NUMBER, (1 << 62) - 1, 1 << 62, u64::MAX] {
            assert!((SMALLEST_NUMBER..1 << 62).contains(&number(random)), "{random}");
        }
        assert_ne!(random_number().expect("random"), random_number().expect("random"));
    }
}
