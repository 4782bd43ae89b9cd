//! Chance that can be replayed: a small generator whose seed every story prints. Not for secrets.

/// A seeded generator.
#[derive(Debug, Clone)]
pub struct Random(fastrand::Rng);

impl Random {
    /// The same seed gives the same story.
    #[must_use]
    pub fn from_seed(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// The seed that `FOOTFALL_SEED` names, or one from the clock. Prints it, so that the story can be told again.
    #[must_use]
    pub fn told(story: &str) -> Self {
        let set = std::env::var("FOOTFALL_SEED").ok().and_then(|text| text.parse().ok());
        let seed = set.unwrap_or_else(|| uuid::Uuid::now_v7().as_u64_pair().0);
        println!("{story}: FOOTFALL_SEED={seed}");
        Self::from_seed(seed)
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0.u64(..)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0.u64(..bound)
    }

    /// That many bytes.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.0.fill(&mut bytes);
        bytes
    }

    /// A generator of its own for a part of the story.
    #[must_use]
    pub fn branch(&mut self) -> Self {
        Self(self.0.fork())
    }
}
