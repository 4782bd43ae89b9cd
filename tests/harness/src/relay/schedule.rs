//! Decides what becomes of a datagram: a pure function of the seed, the direction, the datagram's number and the conditions. The same
//! seed and number are the same decision, whenever the datagram comes.

use std::time::Duration;

use fastrand::Rng;

/// How much later a reordered datagram arrives than it would have.
const HELD_BACK: Duration = Duration::from_millis(15);

/// What a link does to datagrams. The default carries everything at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// So many of a thousand are lost.
    pub loss: u32,
    /// So many of a thousand arrive twice.
    pub duplication: u32,
    /// So many of a thousand are overtaken by those sent up to 15 ms later.
    pub reordering: u32,
    /// Time that each takes.
    pub delay: Duration,
    /// Most time that one takes beyond `delay`.
    pub jitter: Duration,
    /// Longer ones are lost, bytes of UDP payload. QUIC needs 1200.
    pub mtu: Option<usize>,
}

/// Which way a datagram goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the one that connected.
    ToServer,
    /// Back.
    ToClient,
}

/// What becomes of one datagram: after how long each of its copies arrives; none when it is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The first copy.
    pub first: Option<Duration>,
    /// The second one, of a datagram that is duplicated.
    pub second: Option<Duration>,
}

impl Delivery {
    /// None arrives.
    pub const LOST: Self = Self { first: None, second: None };

    /// The copies that arrive.
    pub fn copies(self) -> impl Iterator<Item = Duration> {
        self.first.into_iter().chain(self.second)
    }
}

/// What becomes of datagram `number` of `length` bytes.
#[must_use]
pub fn delivery(
    seed: u64,
    direction: Direction,
    number: u64,
    length: usize,
    conditions: &Conditions,
) -> Delivery {
    let mut random = random(seed, direction, number);
    // All are drawn always, so that a change of one condition leaves the other decisions as they are.
    let (lost, duplicated, reordered) =
        (random.u32(..1000), random.u32(..1000), random.u32(..1000) < conditions.reordering);
    let (first, second) = (random.f64(), random.f64());
    if lost < conditions.loss || conditions.mtu.is_some_and(|mtu| length > mtu) {
        return Delivery::LOST;
    }
    let after = |part: f64| conditions.delay + conditions.jitter.mul_f64(part);
    let held_back = if reordered { HELD_BACK } else { Duration::ZERO };
    Delivery {
        first: Some(after(first) + held_back),
        second: (duplicated < conditions.duplication).then(|| after(second)),
    }
}

/// Random numbers of one datagram.
fn random(seed: u64, direction: Direction, number: u64) -> Rng {
    let stream = match direction {
        Direction::ToServer => 0,
        Direction::ToClient => 1,
    };
    let mut of_seed = Rng::with_seed(seed.wrapping_add(stream));
    Rng::with_seed(of_seed.u64(..) ^ number)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BAD: Conditions = Conditions {
        loss: 200,
        duplication: 100,
        reordering: 50,
        delay: Duration::from_millis(10),
        jitter: Duration::from_millis(5),
        mtu: None,
    };

    fn deliveries(seed: u64, direction: Direction, conditions: &Conditions) -> Vec<Delivery> {
        (0..10_000).map(|number| delivery(seed, direction, number, 1200, conditions)).collect()
    }

    #[test]
    fn a_seed_replays_and_another_seed_or_direction_does_not() {
        let told = deliveries(7, Direction::ToServer, &BAD);
        assert_eq!(told, deliveries(7, Direction::ToServer, &BAD));
        assert_ne!(told, deliveries(8, Direction::ToServer, &BAD));
        assert_ne!(told, deliveries(7, Direction::ToClient, &BAD));
    }

    #[test]
    fn each_thing_happens_as_often_as_asked() {
        let all = deliveries(1, Direction::ToServer, &BAD);
        let lost = all.iter().filter(|one| **one == Delivery::LOST).count();
        let twice = all.iter().filter(|one| one.second.is_some()).count();
        let late = all.iter().filter(|one| one.first > Some(BAD.delay + BAD.jitter)).count();
        assert!((1_800..2_200).contains(&lost), "{lost}");
        assert!((700..900).contains(&twice), "{twice} of the 8,000 that are not lost");
        assert!((320..480).contains(&late), "{late} of the 8,000 that are not lost");
        let times: Vec<Duration> = all.iter().flat_map(|one| one.copies()).collect();
        let possible = BAD.delay..=BAD.delay + BAD.jitter + HELD_BACK;
        assert!(times.iter().all(|time| possible.contains(time)));
    }

    #[test]
    fn a_link_without_conditions_carries_everything_at_once() {
        let at_once = Delivery { first: Some(Duration::ZERO), second: None };
        assert!(deliveries(1, Direction::ToClient, &Conditions::default()).iter().all(|one| *one == at_once));
    }

    #[test]
    fn only_what_is_longer_than_the_mtu_is_lost_to_it() {
        let narrow = Conditions { mtu: Some(1200), ..Conditions::default() };
        let of = |length| delivery(1, Direction::ToServer, 0, length, &narrow);
        assert!(of(1200) != Delivery::LOST && of(1201) == Delivery::LOST);
    }

    #[test]
    fn worse_conditions_of_one_kind_leave_the_other_decisions_as_they_are() {
        let worse = Conditions { loss: 400, ..BAD };
        let (bad, worse) =
            (deliveries(3, Direction::ToServer, &BAD), deliveries(3, Direction::ToServer, &worse));
        let kept = bad.iter().zip(&worse).filter(|(_, worse)| **worse != Delivery::LOST);
        assert!(kept.clone().count() > 5_000 && kept.clone().all(|(bad, worse)| bad == worse));
    }
}
