//! What a start costs: where the time went between the first instruction and the moment from which the box forwards,
//! and where the memory went.

use core::fmt;
use kernel::Clock;

/// The stages of a start. Needs no memory itself, so that the first stage can be what comes before there is a heap.
#[derive(Clone, Debug)]
pub struct Progress {
    /// The time stamp counter when it began.
    begin: u64,
    memory_used: fn() -> usize,
    stages: [Stage; Self::MOST],
    count: usize,
}

/// A stage as it ended.
#[derive(Clone, Copy, Debug, Default)]
struct Stage {
    name: &'static str,
    /// The time stamp counter.
    end: u64,
    /// Bytes of the heap in use.
    used: usize,
}

impl Progress {
    const MOST: usize = 8;

    /// Begins now. `memory_used` tells how many bytes of the heap are in use.
    pub fn begin(memory_used: fn() -> usize) -> Self {
        Self { begin: Clock::start(), memory_used, stages: [Stage::default(); Self::MOST], count: 0 }
    }

    /// The time stamp counter when it began.
    pub fn start(&self) -> u64 {
        self.begin
    }

    /// A stage has ended. One too many takes the place of the last.
    pub fn reached(&mut self, name: &'static str) {
        let at = self.count.min(Self::MOST - 1);
        self.stages[at] = Stage { name, end: Clock::start(), used: (self.memory_used)() };
        self.count = at + 1;
    }

    /// Each stage and how long it took, in microseconds.
    pub fn times(&self, clock: Clock) -> impl fmt::Display + '_ {
        self.shown(move |before, stage| clock.duration(stage.end.wrapping_sub(before.end)).as_micros() as u64)
    }

    /// Each stage and what it added to the use of the heap, in KiB; a stage that gave back more than it took added 0.
    pub fn memory(&self) -> impl fmt::Display + '_ {
        self.shown(|before, stage| stage.used.saturating_sub(before.used) as u64 / 1024)
    }

    fn shown<F: Fn(&Stage, &Stage) -> u64>(&self, amount: F) -> Shown<'_, F> {
        Shown { progress: self, amount }
    }
}

struct Shown<'a, F> {
    progress: &'a Progress,
    /// What a stage took, given how the one before it ended.
    amount: F,
}

impl<F: Fn(&Stage, &Stage) -> u64> fmt::Display for Shown<'_, F> {
    /// `machine 3100 devices 5200`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Progress { begin, stages, count, .. } = self.progress;
        let mut before = Stage { end: *begin, ..Stage::default() };
        for (at, stage) in stages.iter().take(*count).enumerate() {
            let space = if at > 0 { " " } else { "" };
            write!(f, "{space}{} {}", stage.name, (self.amount)(&before, stage))?;
            before = *stage;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::sync::atomic::{AtomicUsize, Ordering};
    use std::string::ToString;

    #[test]
    fn each_stage_is_told_by_what_it_added() {
        static USED: AtomicUsize = AtomicUsize::new(0);
        let mut progress = Progress::begin(|| USED.load(Ordering::Relaxed));
        assert_eq!(progress.memory().to_string(), "");
        for (name, used) in [("machine", 10 << 10), ("devices", 8 << 10), ("tables", 40 << 10)] {
            USED.store(used, Ordering::Relaxed);
            progress.reached(name);
        }
        assert_eq!(progress.memory().to_string(), "machine 10 devices 0 tables 32");
        (0..Progress::MOST).for_each(|_| progress.reached("more"));
        assert_eq!(progress.memory().to_string().split(' ').count(), 2 * Progress::MOST);
    }
}
