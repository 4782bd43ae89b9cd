//! Chance that can be replayed: a small generator whose seed every story prints. Not for secrets.

/// SplitMix64 (Steele, Lea and Flood, 2014).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The same seed gives the same story.
    #[must_use]
    pub const fn from_seed(seed: u64) -> Self {
        Self(seed)
    }

    /// The seed that `FOOTFALL_SEED` names, or one from the clock. Prints it, so that the story can be told again.
    #[must_use]
    pub fn told(story: &str) -> Self {
        let set = std::env::var("FOOTFALL_SEED").ok().and_then(|text| text.parse().ok());
        let seed = set.unwrap_or_else(|| uuid::Uuid::now_v7().as_u64_pair().0);
        println!("{story}: FOOTFALL_SEED={seed}");
        Self(seed)
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.number() % bound
    }

    /// That many bytes.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.number() as u8).collect()
    }

    /// A generator of its own for a part of the story.
    #[must_use]
    pub fn branch(&mut self) -> Self {
        Self(self.number())
    }
}
