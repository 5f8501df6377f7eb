//! Tables for one program, and how a packet goes through them.

use crate::effects::Effects;
use crate::forest::{Forest, NONE, Size};
use crate::guarded::{Bounds, Entry, Guarded, What};
use crate::interpret::{World, family_fits, holds};
use crate::ranker::Ranker;
use crate::sets::Sets;
use crate::space::{Purpose, Space};
use crate::{Packet, diagram::Rules};
use alloc::vec::Vec;
use lanes::{BATCH, Level, Ranks, SLOTS, Walks};
use policy::{AddrRef, Field, Program, Step, StepId, Verdict};
use wire::IpAddr;

/// A program as tables.
///
/// Every method that takes the program must be given the one that the classifier was built from; with another one the
/// answers are meaningless, though nothing worse.
///
/// ```
/// # use saltgate_classifier::{Classifier, Header, Level};
/// # use policy::{Program, Verdict};
/// let program = Program::always(Verdict::Drop);
/// let classifier = Classifier::new(&program);
/// # struct Nobody(Header);
/// # impl saltgate_classifier::World for Nobody {
/// #     type Packet = Header;
/// #     type Refusal = ();
/// #     fn packet(&self) -> &Header { &self.0 }
/// #     fn address(&self, _: policy::AddrRef) -> Option<wire::IpAddr> { None }
/// #     fn log(&mut self, _: policy::StepId) {}
/// #     fn limit(&mut self, _: policy::LimitId) -> bool { true }
/// #     fn translate(&mut self, _: policy::StepId, _: &policy::Translation) -> Result<bool, ()> { Ok(true) }
/// # }
/// let mut world = Nobody(Header::new());
/// let ended = classifier.run(Level::detect(), &program, &mut world);
/// assert_eq!(ended.map(|ended| ended.verdict), Ok(Verdict::Drop));
/// ```
#[derive(Clone, Debug)]
pub struct Classifier {
    ranker: Ranker,
    /// Of the residues' rules; without residues, none.
    sets: Sets,
    /// In order of their steps.
    entries: Vec<Tables>,
}

/// The tables of one list.
#[derive(Clone, Debug)]
struct Tables {
    step: StepId,
    forest: Forest,
    /// For each rule of the forest where a packet goes on.
    stops: Vec<Stop>,
    effects: Effects,
    /// For each item that passes, its step.
    passes: Vec<StepId>,
}

#[derive(Clone, Copy, Debug)]
struct Stop {
    step: StepId,
    /// Run the step, rather than look up what begins there.
    run: bool,
    /// How many passing items are before it.
    passes: u32,
}

/// Where a packet's first look-up stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found(u32);

impl Found {
    /// The place of what was found in the first list: to count by, and to tell two apart.
    pub const fn number(self) -> u64 {
        self.0 as u64
    }
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    pub verdict: Verdict,
    /// The step that decided: a [`Step::End`], or a translation that was applied.
    pub step: StepId,
    pub translated: bool,
}

impl Ended {
    pub(crate) const fn by(verdict: Verdict, step: StepId) -> Self {
        Self { verdict, step, translated: false }
    }

    pub(crate) const fn translated(step: StepId) -> Self {
        Self { verdict: Verdict::Accept, step, translated: true }
    }
}

/// What a classifier costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Bytes of all tables.
    pub bytes: usize,
    /// The most that any packet can make a run visit, whatever comes: cache lines of tables, comparisons of a rule,
    /// and steps that are run one by one, because they do something or are asked.
    pub worst_steps: usize,
    /// Lists of rules that the program was cut into.
    pub lists: usize,
    /// Diagrams that a look-up in one list walks at most.
    pub diagrams: usize,
    /// Rules that no diagram has room for.
    pub residue: usize,
}

impl Classifier {
    pub fn new(program: &Program) -> Self {
        Self::bounded(program, Bounds::default())
    }

    pub(crate) fn bounded(program: &Program, bounds: Bounds) -> Self {
        let (mut space, mut questions) = Space::of(&[program], Purpose::LookUp { dims: SLOTS });
        let questions = questions.pop().unwrap_or_default();
        let guarded = Guarded::of(program, &mut space, &questions, bounds);
        let ranks: Vec<u32> = space.dims.iter().map(|dimension| dimension.ranks).collect();
        space.sets.seal();
        let ranker = Ranker::of(&space);
        let entries: Vec<Tables> = guarded.entries.iter().map(|entry| Tables::of(entry, &space.sets, &ranks)).collect();
        let is_needed = |tables: &Tables| tables.forest.size().residue > 0 || tables.effects.needs_sets();
        let sets = if entries.iter().any(is_needed) { space.sets } else { Sets::default() };
        Self { ranker, sets, entries }
    }

    /// The fields that look-ups ask a packet for.
    pub fn fields(&self) -> Vec<Field> {
        self.ranker.fields()
    }

    /// `program`: the one that this was built from.
    pub fn cost(&self, program: &Program) -> Cost {
        let mut cost = Cost { lists: self.entries.len(), ..Cost::default() };
        cost.bytes = self.ranker.bytes() + self.sets.bytes();
        for entry in &self.entries {
            let Size { bytes, diagrams, residue } = entry.forest.size();
            cost.bytes +=
                bytes + entry.effects.bytes() + size_of_val(&entry.stops[..]) + size_of_val(&entry.passes[..]);
            cost.diagrams = cost.diagrams.max(diagrams);
            cost.residue += residue;
        }
        cost.worst_steps = self.ranker.worst_steps() + self.worst_steps(program);
        cost
    }

    fn worst_steps(&self, program: &Program) -> usize {
        let mut entries = self.entries.iter().rev().peekable();
        // For each step the most from there on: arriving, where a list may begin, and running it. From the last to the
        // first, since everything leads forward.
        let mut from = alloc::vec![(0_usize, 0_usize); program.steps().len()];
        for (at, step) in program.steps().iter().enumerate().rev() {
            let most = |to: StepId| from.get(to as usize).copied().unwrap_or_default();
            let run = 1 + match step {
                Step::Test { then, otherwise, .. } => most(*then).0.max(most(*otherwise).0),
                Step::Log { next, .. } => most(*next).0,
                Step::Translate { otherwise, .. } => most(*otherwise).0,
                Step::End(_) => 0,
            };
            let arrive = match entries.next_if(|entry| entry.step as usize == at) {
                Some(entry) => {
                    let behind = |stop: &Stop| match stop.run {
                        // A list may stop at the very step that it begins at: to run it.
                        true if stop.step as usize == at => run,
                        true => most(stop.step).1,
                        false => most(stop.step).0,
                    };
                    let behind = entry.stops.iter().map(behind).max().unwrap_or(0);
                    entry.forest.worst_steps() + entry.effects.worst_steps() + behind
                }
                None => run,
            };
            if let Some(from) = from.get_mut(at) {
                *from = (arrive, run);
            }
        }
        from.first().map_or(0, |(arrive, _)| *arrive)
    }

    /// The ranks of a packet: all that the tables need to know of it.
    #[inline]
    pub fn ranks(&self, level: Level, packet: &impl Packet, address: impl Fn(AddrRef) -> Option<IpAddr>) -> Ranks {
        let mut ranks = Ranks::default();
        self.ranker.rank(level, packet, address, &mut ranks);
        ranks
    }

    /// The ranks of up to [`BATCH`] packets.
    pub fn ranks_many(
        &self,
        level: Level,
        packets: &[impl Packet],
        address: impl Fn(AddrRef) -> Option<IpAddr>,
        ranks: &mut [Ranks; BATCH],
    ) {
        self.ranker.rank_many(level, packets, address, ranks);
    }

    /// Where the first look-up of a packet stops. Nothing is done yet.
    #[inline]
    pub fn find(&self, level: Level, ranks: &Ranks) -> Found {
        Found(self.first().map_or(NONE, |entry| entry.forest.first(level, &self.sets, ranks)))
    }

    /// [`find`](Self::find) for the first `count` packets of a batch.
    pub fn find_many(&self, level: Level, ranks: &[Ranks; BATCH], count: usize, walks: &mut Walks) -> [Found; BATCH] {
        match self.first() {
            Some(entry) => entry.forest.first_many(level, &self.sets, ranks, count, walks).map(Found),
            None => [Found(NONE); BATCH],
        }
    }

    /// Does what the program does with the world's packet, whose ranks these are, from where its first look-up has
    /// stopped.
    pub fn finish<W: World>(
        &self,
        level: Level,
        program: &Program,
        ranks: &Ranks,
        found: Found,
        world: &mut W,
    ) -> Result<Ended, W::Refusal> {
        let mut at = 0;
        // Every turn leads forward, and so to an end.
        loop {
            if let Some(entry) = self.entry(at) {
                let rule = if at == 0 { found.0 } else { entry.forest.first(level, &self.sets, ranks) };
                // Lists hold every packet; one that met nothing would not pass.
                let Some(stop) = entry.stops.get(rule as usize) else { return Ok(NOWHERE) };
                entry.effects.each(level, &self.sets, ranks, stop.passes, |item| {
                    if let Some(step) = entry.passes.get(item as usize) {
                        world.log(*step);
                    }
                });
                at = stop.step;
                if !stop.run {
                    continue;
                }
            }
            match self.run_step(program, at, world)? {
                Next::Go(step) => at = step,
                Next::End(ended) => return Ok(ended),
            }
        }
    }

    /// Runs the program on the world's packet.
    #[inline]
    pub fn run<W: World>(&self, level: Level, program: &Program, world: &mut W) -> Result<Ended, W::Refusal> {
        // Filled in its place: it is two cache lines.
        let mut ranks = Ranks::default();
        self.ranker.rank(level, world.packet(), |address| world.address(address), &mut ranks);
        let found = self.find(level, &ranks);
        match self.ends_at(program, found) {
            Some(ended) => Ok(ended),
            None => self.finish(level, program, &ranks, found, world),
        }
    }

    /// The end of the program, if its first look-up leads to it and nothing is done on the way.
    #[inline]
    fn ends_at(&self, program: &Program, found: Found) -> Option<Ended> {
        let entry = self.first().filter(|entry| matches!(entry.effects, Effects::Nothing))?;
        let stop = entry.stops.get(found.0 as usize).filter(|stop| stop.run)?;
        match program.steps().get(stop.step as usize) {
            Some(Step::End(verdict)) => Some(Ended::by(*verdict, stop.step)),
            _ => None,
        }
    }

    fn first(&self) -> Option<&Tables> {
        self.entries.first().filter(|entry| entry.step == 0)
    }

    #[inline]
    fn entry(&self, step: StepId) -> Option<&Tables> {
        match &self.entries[..] {
            [] => None,
            [only] => (only.step == step).then_some(only),
            entries => entries.get(entries.binary_search_by_key(&step, |entry| entry.step).ok()?),
        }
    }

    #[inline]
    fn run_step<W: World>(&self, program: &Program, at: StepId, world: &mut W) -> Result<Next, W::Refusal> {
        Ok(match program.steps().get(at as usize) {
            Some(Step::Test { test, then, otherwise }) => {
                Next::Go(if holds(program, test, world) { *then } else { *otherwise })
            }
            Some(Step::Log { next, .. }) => {
                world.log(at);
                Next::Go(*next)
            }
            Some(Step::Translate { translation, otherwise }) => {
                if family_fits(translation, world.packet()) && world.translate(at, translation)? {
                    Next::End(Ended::translated(at))
                } else {
                    Next::Go(*otherwise)
                }
            }
            Some(Step::End(verdict)) => Next::End(Ended::by(*verdict, at)),
            None => Next::End(NOWHERE),
        })
    }
}

enum Next {
    Go(StepId),
    End(Ended),
}

/// What becomes of a packet that no step knows: there is none.
pub(crate) const NOWHERE: Ended = Ended::by(Verdict::Drop, StepId::MAX);

impl Tables {
    fn of(entry: &Entry, sets: &Sets, ranks: &[u32]) -> Self {
        let (mut rules, mut passing) = (Rules::default(), Rules::default());
        let (mut stops, mut passes) = (Vec::new(), Vec::new());
        for item in &entry.items {
            let guard = entry.guard(item);
            if item.what == What::Pass {
                passing.push(guard);
                passes.push(item.step);
            } else {
                rules.push(guard);
                let run = item.what == What::Run;
                stops.push(Stop { step: item.step, run, passes: passes.len() as u32 });
            }
        }
        let forest = Forest::of(&rules, sets, ranks);
        Self { step: entry.step, forest, stops, effects: Effects::of(&passing, sets, ranks), passes }
    }
}
