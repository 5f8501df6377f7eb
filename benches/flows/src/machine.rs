//! What the machine gives to two threads: the same work alone and beside itself, and how much more both get done.

use std::hint::black_box;
use std::sync::Barrier;
use std::time::Instant;
use wire::Duration;

/// Nanoseconds for one piece of work, alone and beside another thread that does the same, and how much more the two get
/// done in the same time than one: 2 where neither takes anything from the other.
#[derive(Clone, Copy, Debug)]
pub struct Pair {
    pub alone: f64,
    pub both: f64,
    pub scale: f64,
}

/// Each thread makes its own work, which returns how long one piece of it has taken, and does it `pieces` times, alone
/// and beside the other in turns; medians over turns.
///
/// Each is compared with itself: how fast a thread is alone also depends on which memory it was given.
pub fn side_by_side<W: FnMut() -> Duration>(pieces: usize, make: impl Fn() -> W + Sync) -> Pair {
    const TURNS: usize = 25;
    let barrier = Barrier::new(2);
    // Means, so that two threads that had to share a core would show.
    let measure = |work: &mut W| (0..pieces).map(|_| work().as_nanos() as f64).sum::<f64>() / pieces as f64;
    // Alone and beside the other; whose turn it is to be alone is the number of the thread.
    let turns = |thread: usize| -> Vec<(f64, f64)> {
        let mut work = make();
        let turn = |_| {
            let mut alone = 0.0;
            for whose in 0..2 {
                barrier.wait();
                if whose == thread {
                    alone = measure(&mut work);
                }
            }
            barrier.wait();
            (alone, measure(&mut work))
        };
        (0..TURNS).map(turn).collect()
    };
    let (first, second) = std::thread::scope(|scope| {
        let other = scope.spawn(|| turns(1));
        (turns(0), other.join().unwrap_or_default())
    });
    let of_both = first.iter().zip(&second);
    let alone = of_both.clone().map(|((one, _), (other, _))| (one + other) / 2.0).collect();
    let both = of_both.clone().map(|((_, one), (_, other))| (one + other) / 2.0).collect();
    let scales = of_both.map(|(one, other)| one.0 / one.1 + other.0 / other.1).collect();
    Pair { alone: median(alone), both: median(both), scale: median(scales) }
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// Arithmetic in registers that keeps all of a core's units busy: six chains that do not wait for one another. Two
/// threads of one core get little more of it done than one.
pub fn sums() -> impl FnMut() -> Duration {
    let mut chains = [1u64, 2, 3, 4, 5, 6];
    move || {
        let begun = Instant::now();
        for step in 0..1000u64 {
            for chain in &mut chains {
                *chain = chain.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (step + (*chain >> 7));
            }
        }
        black_box(&chains);
        begun.elapsed()
    }
}

/// Reads of private memory, cache line after cache line in no order, each of which says where the next one is: what
/// caches and memory give to who has to wait for them.
pub fn chase(bytes: usize) -> impl FnMut() -> Duration {
    const LINE: usize = 16;
    let count = (bytes / 64).max(2);
    let mut order: Vec<usize> = (0..count).collect();
    let mut state = 7;
    (1..count).rev().for_each(|at| order.swap(at, crate::shuffled(&mut state) as usize % (at + 1)));
    let mut lines = vec![[0u32; LINE]; count];
    for (at, next) in order.iter().zip(order.iter().cycle().skip(1)) {
        lines[*at][0] = *next as u32;
    }
    let mut at = 0;
    move || {
        let begun = Instant::now();
        for _ in 0..1000 {
            at = lines[at][0] as usize;
        }
        black_box(at);
        begun.elapsed()
    }
}
