//! How often rules acted.
//!
//! A rule is a step that does something: a verdict, a translation, a log line. Each has a count of its own, so that
//! packets are counted exactly once for each thing done with them, whichever way a program is run. What was decided
//! inside of a branch is the sum of what its rules have counted.

use alloc::vec::Vec;
use policy::{FunctionId, Policy, Program, Step, StepId};

/// What a rule has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    pub packets: u64,
    /// Of whole packets, IP headers included.
    pub bytes: u64,
}

/// The counts of all rules.
#[derive(Clone, Debug, Default)]
pub struct RuleCounts {
    counts: Vec<Count>,
    functions: Vec<Actions>,
    trail: Trail,
}

/// Which steps of a program are counted: one bit for each step.
#[derive(Clone, Debug, Default)]
struct Actions {
    blocks: Vec<Block>,
    /// Where the count of the first step is, where each step has a place.
    start: u32,
    /// So many steps have a place each: all of a shorter program, of longer ones none.
    dense: u32,
}

/// The steps of programs up to this have a place each, counted or not: 16 bytes, for less to do per packet. In tests a
/// short program is a long one.
const DENSE: usize = if cfg!(test) { 256 } else { 1 << 15 };

/// 64 steps.
#[derive(Clone, Copy, Debug)]
struct Block {
    counted: u64,
    /// Where the count of the first of them that is counted is.
    start: u32,
}

/// A rule's place among all counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RuleId(u32);

impl RuleId {
    /// No other rule has it.
    pub fn number(self) -> u64 {
        u64::from(self.0)
    }
}

/// The rules that have acted on a packet, but for those of Nat functions, which act on a flow's first packet alone: for
/// who wants to count them again for another.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Trail {
    rules: [RuleId; Self::ROOM],
    len: u8,
    overflown: bool,
}

impl Trail {
    pub const ROOM: usize = 8;

    /// In order; `None` if there were more than there is room for.
    pub fn rules(&self) -> Option<&[RuleId]> {
        self.rules.get(..usize::from(self.len)).filter(|_| !self.overflown)
    }
}

/// An end of a [`Trail`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    len: u8,
    overflown: bool,
}

impl RuleCounts {
    pub(crate) fn new(policy: &Policy) -> Self {
        let mut next = 0;
        let functions = policy.functions.iter().map(|function| Actions::of(&function.program, &mut next)).collect();
        Self { counts: alloc::vec![Count::default(); next as usize], functions, trail: Trail::default() }
    }

    /// Of a step that does something: a verdict, a translation that was applied, a log line. `None` for others.
    pub fn of(&self, function: FunctionId, step: StepId) -> Option<Count> {
        let actions = self.functions.get(usize::from(function.0))?;
        let place = actions.place(step).filter(|_| actions.counts(step))?;
        self.counts.get(place.0 as usize).copied()
    }

    /// All that have acted, in the order of their programs.
    pub fn acted(&self) -> impl Iterator<Item = (FunctionId, StepId, Count)> + '_ {
        let functions = (0..).map(FunctionId).zip(&self.functions);
        let steps = functions.flat_map(|(id, actions)| actions.steps().map(move |step| (id, step)));
        let counts = steps.filter_map(|(id, step)| Some((id, step, self.of(id, step)?)));
        counts.filter(|(_, _, count)| count.packets > 0)
    }

    /// A rule has acted on a packet of so many bytes.
    #[inline]
    pub(crate) fn hit(&mut self, function: FunctionId, step: StepId, bytes: u32) {
        let actions = self.functions.get(usize::from(function.0));
        if let Some(rule) = actions.and_then(|actions| actions.place(step)) {
            self.again(rule, 1, u64::from(bytes));
            match self.trail.rules.get_mut(usize::from(self.trail.len)) {
                Some(place) => {
                    *place = rule;
                    self.trail.len += 1;
                }
                None => self.trail.overflown = true,
            }
        }
    }

    /// A rule of a trail has acted on more packets, of so many bytes together.
    #[inline]
    pub(crate) fn again(&mut self, rule: RuleId, packets: u64, bytes: u64) {
        if let Some(count) = self.counts.get_mut(rule.0 as usize) {
            count.packets += packets;
            count.bytes += bytes;
        }
    }

    /// Begins a new trail.
    pub(crate) fn begin_trail(&mut self) {
        (self.trail.len, self.trail.overflown) = (0, false);
    }

    /// How far the trail leads by now.
    #[inline]
    pub(crate) fn mark(&self) -> Mark {
        Mark { len: self.trail.len, overflown: self.trail.overflown }
    }

    /// Lets the trail end where it did then.
    #[inline]
    pub(crate) fn return_to(&mut self, mark: Mark) {
        (self.trail.len, self.trail.overflown) = (mark.len, mark.overflown);
    }

    /// The rules that have acted since the trail began.
    pub(crate) fn trail(&self) -> &Trail {
        &self.trail
    }

    /// Bytes of memory.
    pub fn bytes(&self) -> usize {
        let blocks: usize = self.functions.iter().map(|actions| size_of_val(&actions.blocks[..])).sum();
        size_of_val(&self.counts[..]) + blocks
    }
}

impl Actions {
    fn of(program: &Program, next: &mut u32) -> Self {
        let steps = program.steps();
        let dense = if steps.len() <= DENSE { steps.len() as u32 } else { 0 };
        let start = *next;
        *next += dense;
        let block = |steps: &[Step]| {
            let bits = steps.iter().enumerate().filter(|(_, step)| !matches!(step, Step::Test { .. }));
            let block = Block { counted: bits.fold(0, |counted, (bit, _)| counted | 1 << bit), start: *next };
            *next += if dense == 0 { block.counted.count_ones() } else { 0 };
            block
        };
        Self { blocks: steps.chunks(64).map(block).collect(), start, dense }
    }

    fn steps(&self) -> impl Iterator<Item = StepId> {
        0..self.blocks.len() as StepId * 64
    }

    /// Does the step do something?
    fn counts(&self, step: StepId) -> bool {
        self.blocks.get(step as usize / 64).is_some_and(|block| block.counted >> (step % 64) & 1 != 0)
    }

    /// `None`: the step does nothing. Those of shorter programs are believed to do something.
    #[inline]
    fn place(&self, step: StepId) -> Option<RuleId> {
        if step < self.dense {
            return Some(RuleId(self.start + step));
        }
        let block = self.blocks.get(step as usize / 64).filter(|_| self.counts(step))?;
        let before = block.counted & ((1 << (step % 64)) - 1);
        Some(RuleId(block.start + before.count_ones()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use policy::{Function, FunctionKind, Parts, Place, Set, Test, Verdict};

    #[test]
    fn each_step_that_acts_has_a_count_and_no_other_has() {
        let mut steps: Vec<Step> = Vec::new();
        for at in (0..300).step_by(3) {
            let test = Test::In { field: policy::Field::IpTtl, set: 0 };
            steps.push(Step::Test { test: test.clone(), then: at + 1, otherwise: at + 3 });
            steps.push(Step::Test { test, then: at + 2, otherwise: at + 3 });
            steps.push(Step::End(Verdict::Accept));
        }
        steps.push(Step::End(Verdict::Drop));
        let program =
            Program::new(steps.clone(), vec![Place::NONE; 301], vec![Set::number(1)], vec![], vec![]).unwrap();
        let function = |name: &str| Function {
            name: name.into(),
            kind: FunctionKind::Filter,
            program: program.clone(),
            mentions_invalid: false,
            place: Place::NONE,
        };
        let policy = Policy::new(Parts { functions: vec![function("f"), function("g")], ..Parts::default() }).unwrap();
        let mut counts = RuleCounts::new(&policy);
        for id in [0, 1].map(FunctionId) {
            for (step, what) in (0..).zip(&steps) {
                for _ in 0..step % 5 {
                    counts.hit(id, step, 100);
                }
                let expected = u64::from(step % 5);
                let expected = Count { packets: expected, bytes: expected * 100 };
                let acts = !matches!(what, Step::Test { .. });
                assert_eq!(counts.of(id, step), acts.then_some(expected), "{step}");
            }
        }
        let acted: Vec<_> = counts.acted().collect();
        let expected = [0, 1].map(FunctionId).into_iter().flat_map(|id| (0..301).map(move |step| (id, step)));
        let expected = expected.filter_map(|(id, step)| Some((id, step, counts.of(id, step)?)));
        assert_eq!(acted, expected.filter(|(.., count)| count.packets > 0).collect::<Vec<_>>());
        assert_eq!(counts.of(FunctionId(0), 301), None);
        assert_eq!(counts.of(FunctionId(2), 0), None);
    }

    #[test]
    fn a_trail_counts_again_what_has_acted() {
        let program = Program::always(Verdict::Drop);
        let kind = FunctionKind::Filter;
        let function = Function { name: "f".into(), kind, program, mentions_invalid: false, place: Place::NONE };
        let mut counts =
            RuleCounts::new(&Policy::new(Parts { functions: vec![function], ..Parts::default() }).unwrap());
        counts.begin_trail();
        counts.hit(FunctionId(0), 0, 60);
        let trail = *counts.trail();
        for rule in trail.rules().unwrap() {
            counts.again(*rule, 1, 40);
        }
        assert_eq!(counts.of(FunctionId(0), 0), Some(Count { packets: 2, bytes: 100 }));
        for _ in 0..Trail::ROOM {
            counts.hit(FunctionId(0), 0, 1);
        }
        assert!(counts.trail().rules().is_none(), "too long to be counted again");
    }
}
