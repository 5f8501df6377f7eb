//! Rules of a kind, packets for them, and the time that look-ups take.

use crate::common::Random;
use crate::common::packets::Recorder;
use crate::common::rules::{self, Kind};
use classifier::{BATCH, Classifier, Cost, Header, Level, Ranks, Walks};
use policy::Program;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Their headers stay in the second level of the cache beside the tables.
pub const PACKETS: usize = 4_096;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// One after the other.
    Single,
    Batch,
}

/// A program, and packets that it is to judge.
pub struct Case<Tables = ()> {
    program: Program,
    headers: Vec<Header>,
    tables: Tables,
}

impl Case {
    pub fn new(kind: Kind, size: usize) -> Self {
        let list = rules::rules(kind, size, 1);
        let (program, _) = rules::program(&list);
        let mut random = Random(7);
        let headers = (0..PACKETS).map(|_| rules::header(rules::packet(&list, &mut random))).collect();
        Self { program, headers, tables: () }
    }

    pub fn tables(&self) -> Classifier {
        Classifier::new(&self.program)
    }

    pub fn cost(&self, tables: &Classifier) -> Cost {
        tables.cost(&self.program)
    }

    pub fn build_time(&self) -> Duration {
        let begin = Instant::now();
        black_box(Classifier::new(black_box(&self.program)));
        begin.elapsed()
    }

    pub fn with_tables(self) -> Case<Classifier> {
        let tables = self.tables();
        Case { program: self.program, headers: self.headers, tables }
    }
}

impl Case<Classifier> {
    /// Looks up the first so many packets.
    pub fn run(&self, level: Level, how: How, packets: usize) -> u64 {
        measured_region(&self.tables, level, how, self.headers.get(..packets).unwrap_or(&self.headers))
    }

    /// The least time that a packet takes, of so many rounds.
    pub fn least(&self, level: Level, how: How, rounds: usize) -> Duration {
        let round = |_| {
            let begin = Instant::now();
            black_box(self.run(level, how, PACKETS));
            begin.elapsed()
        };
        (0..rounds).map(round).min().unwrap_or_default() / PACKETS as u32
    }

    /// The same of two threads at once, each with tables and packets of its own.
    pub fn of_two(&self, level: Level, rounds: usize) -> Duration {
        let copy =
            || Self { program: self.program.clone(), headers: self.headers.clone(), tables: self.tables.clone() };
        let (left, right) = (copy(), copy());
        let (left, right) = std::thread::scope(|scope| {
            let right = scope.spawn(|| right.least(level, How::Batch, rounds));
            (left.least(level, How::Batch, rounds), right.join().unwrap_or_default())
        });
        (left + right) / 2
    }

    /// The time that a packet takes step by step; as many packets as fit into `most`.
    pub fn walked(&self, most: Duration) -> Duration {
        let mut least = Duration::MAX;
        for _ in 0..5 {
            let begin = Instant::now();
            let mut packets = 0;
            for header in &self.headers {
                let mut world = Recorder::new(0);
                let _ = black_box(world.interpret(&self.program, header));
                packets += 1;
                if begin.elapsed() > most / 5 {
                    break;
                }
            }
            least = least.min(begin.elapsed() / packets);
        }
        least
    }
}

/// All that instructions are counted in.
#[inline(never)]
fn measured_region(tables: &Classifier, level: Level, how: How, headers: &[Header]) -> u64 {
    let mut sum = 0;
    match how {
        How::Single => {
            for header in headers {
                let ranks = tables.ranks(level, header, |_| None);
                sum += tables.find(level, &ranks).number();
            }
        }
        How::Batch => {
            let mut ranks = [Ranks::default(); BATCH];
            let mut walks = Walks::new();
            for headers in headers.chunks(BATCH) {
                tables.ranks_many(level, headers, |_| None, &mut ranks);
                let found = tables.find_many(level, &ranks, headers.len(), &mut walks);
                sum += found.iter().map(|found| found.number()).sum::<u64>();
            }
        }
    }
    sum
}
