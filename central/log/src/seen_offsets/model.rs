//! Why a watermark is enough in Kafka, as a model: edges that send again from where they were acknowledged, two centrals, producers
//! that fail while requests are still on their way, and connections that break in between. Whatever happens, each record is admitted
//! exactly once in its partition.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::{Order, SeenOffsets};

const PARTITIONS: usize = 3;
const EPOCH: [u8; 16] = [7; 16];

/// A record in its partition, by its edge offset.
type Partition = Vec<u64>;

/// One generation of a central's producer: for each partition, what it will deliver, in order. After a failure a part of it may still arrive.
#[derive(Clone, Debug, Default)]
struct Generation {
    queues: [VecDeque<u64>; PARTITIONS],
    delivered: Vec<u64>,
    failed: bool,
    /// How many records of each queue still arrive after the failure.
    late: [usize; PARTITIONS],
}

/// A connection of the edge to one central, as long as its producer lives.
#[derive(Clone, Copy, Debug)]
struct Stream {
    generation: usize,
    /// The next offset to send.
    next: u64,
    /// Where this stream began.
    from: u64,
}

#[derive(Debug, Default)]
struct World {
    generations: Vec<Generation>,
    current: [usize; 2],
    log: [Partition; PARTITIONS],
    stream: Option<Stream>,
    acknowledged: u64,
    records: u64,
}

/// What can happen.
#[derive(Clone, Copy, Debug)]
enum Step {
    Connect { central: usize },
    Send { count: u64 },
    Deliver { generation: usize, partition: usize },
    Acknowledge,
    LoseConnection,
    Fail { central: usize, late: [usize; PARTITIONS] },
}

fn partition_of(offset: u64) -> usize {
    (offset.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as usize % PARTITIONS
}

impl World {
    fn new(records: u64) -> Self {
        Self {
            generations: vec![Generation::default(), Generation::default()],
            current: [0, 1],
            records,
            ..Self::default()
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Connect { central } => {
                let (generation, from) = (self.current[central], self.acknowledged);
                self.stream = Some(Stream { generation, next: from, from });
            }
            Step::Send { count } => {
                let Some(stream) = &mut self.stream else { return };
                let generation = &mut self.generations[stream.generation];
                if generation.failed {
                    self.stream = None;
                    return;
                }
                for _ in 0..count.min(self.records - stream.next) {
                    generation.queues[partition_of(stream.next)].push_back(stream.next);
                    stream.next += 1;
                }
            }
            Step::Deliver { generation, partition } => {
                let index = generation % self.generations.len();
                let generation = &mut self.generations[index];
                if generation.failed && generation.late[partition] == 0 {
                    return;
                }
                if let Some(offset) = generation.queues[partition].pop_front() {
                    self.log[partition].push(offset);
                    generation.late[partition] = generation.late[partition].saturating_sub(1);
                    if !generation.failed {
                        generation.delivered.push(offset);
                    }
                }
            }
            Step::Acknowledge => {
                let Some(stream) = self.stream else { return };
                let generation = &self.generations[stream.generation];
                let delivered = |offset: &u64| generation.delivered.contains(offset);
                let reached =
                    (stream.from..stream.next).take_while(delivered).last().map_or(0, |last| last + 1);
                self.acknowledged = self.acknowledged.max(reached);
            }
            Step::LoseConnection => self.stream = None,
            Step::Fail { central, late } => {
                let generation = &mut self.generations[self.current[central]];
                (generation.failed, generation.late) = (true, late);
                self.current[central] = self.generations.len();
                self.generations.push(Generation::default());
            }
        }
    }

    /// Everything that can still happen happens, and the edge sends all that it has.
    fn finish(&mut self) {
        for generation in 0..self.generations.len() {
            self.deliver_all(generation);
        }
        self.step(Step::Connect { central: 0 });
        self.step(Step::Send { count: self.records });
        self.deliver_all(self.current[0]);
    }

    fn deliver_all(&mut self, generation: usize) {
        for partition in 0..PARTITIONS {
            for _ in 0..self.records * 20 {
                self.step(Step::Deliver { generation, partition });
            }
        }
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        2 => (0..2_usize).prop_map(|central| Step::Connect { central }),
        4 => (1..6_u64).prop_map(|count| Step::Send { count }),
        12 => (any::<usize>(), 0..PARTITIONS).prop_map(|(generation, partition)| Step::Deliver { generation, partition }),
        3 => Just(Step::Acknowledge),
        1 => Just(Step::LoseConnection),
        1 => (0..2_usize, any::<[u8; PARTITIONS]>())
            .prop_map(|(central, late)| Step::Fail { central, late: late.map(|late| usize::from(late % 5)) }),
    ];
    prop::collection::vec(step, 0..200)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn each_record_is_admitted_exactly_once_whoever_fails_in_between(steps in steps()) {
        let mut world = World::new(30);
        for step in steps {
            world.step(step);
        }
        world.finish();
        for (partition, log) in world.log.iter().enumerate() {
            let mut seen = SeenOffsets::new(Order::Gapless);
            let admitted: Vec<u64> =
                log.iter().copied().filter(|offset| seen.admit(EPOCH, *offset, 0)).collect();
            let expected: Vec<u64> =
                (0..world.records).filter(|offset| partition_of(*offset) == partition).collect();
            prop_assert_eq!(admitted, expected, "of {:?}", log);
        }
    }
}
