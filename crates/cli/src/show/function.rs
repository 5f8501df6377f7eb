//! Programs back to statements: what a function does, calls written out and names resolved.
//!
//! A program is a list of steps whose edges point forward, with `and`, `or` and `not` dissolved into edges and both
//! ways of an `if` sharing what follows it. Two passes undo that. The first joins neighbouring tests that lead to the
//! same places into one condition. The second finds for every condition where its two ways meet again; where they
//! never do, the way that ends sooner stands below the `if`, and the other one goes on after it.

use policy::{Place, Program, Step, Template, Test, Translation, Verdict};
use std::collections::BTreeMap;

/// What a function does.
#[derive(Debug, PartialEq)]
pub enum Statement<'p> {
    If {
        arms: Vec<Arm<'p>>,
        otherwise: Vec<Statement<'p>>,
    },
    Log(&'p Template, Place),
    /// Ends the function, unless it does not apply to the packet.
    Translate(Translation, Place),
    End(Verdict, Place),
}

#[derive(Debug, PartialEq)]
pub struct Arm<'p> {
    pub condition: Condition<'p>,
    pub body: Vec<Statement<'p>>,
    pub place: Place,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Condition<'p> {
    /// At least two.
    All(Vec<Condition<'p>>),
    /// At least two.
    Any(Vec<Condition<'p>>),
    Not(Box<Condition<'p>>),
    Test(&'p Test),
}

/// The statements of a program.
pub fn statements(program: &Program) -> Vec<Statement<'_>> {
    let wholes = joined(program).into_iter().map(|(at, joined)| (at, joined.whole())).collect();
    let mut reader = Reader { program, wholes, ways: Vec::new() };
    reader.find_ways();
    reader.block(0, None)
}

/// Tests that make one condition, while it grows.
struct Joined<'p> {
    condition: Rope<'p>,
    then: Exit,
    otherwise: Exit,
    /// The step behind the last of its tests.
    behind: usize,
}

/// Tests that make one condition.
struct Whole<'p> {
    condition: Condition<'p>,
    then: usize,
    otherwise: usize,
}

/// Where tests lead, and how many of their edges do.
#[derive(Clone, Copy)]
struct Exit {
    to: usize,
    edges: usize,
}

impl Exit {
    fn and(self, other: Self) -> Self {
        Self { to: self.to, edges: self.edges + other.edges }
    }
}

/// A condition whose lists are back to front, since they grow at their beginning.
enum Rope<'p> {
    All(Vec<Rope<'p>>),
    Any(Vec<Rope<'p>>),
    Not(Box<Rope<'p>>),
    Test(&'p Test),
}

impl<'p> Rope<'p> {
    fn not(self) -> Self {
        match self {
            Self::Not(inner) => *inner,
            other => Self::Not(Box::new(other)),
        }
    }

    fn and(self, rest: Self) -> Self {
        Self::All(match rest {
            Self::All(parts) => pushed(parts, self),
            rest => vec![rest, self],
        })
    }

    fn or(self, rest: Self) -> Self {
        Self::Any(match rest {
            Self::Any(parts) => pushed(parts, self),
            rest => vec![rest, self],
        })
    }

    fn condition(self) -> Condition<'p> {
        let turned = |parts: Vec<Self>| parts.into_iter().rev().map(Self::condition);
        match self {
            Self::All(parts) => Condition::All(
                // `a and (b and c)` is one list.
                turned(parts)
                    .flat_map(|part| if let Condition::All(inner) = part { inner } else { vec![part] })
                    .collect(),
            ),
            Self::Any(parts) => Condition::Any(
                turned(parts)
                    .flat_map(|part| if let Condition::Any(inner) = part { inner } else { vec![part] })
                    .collect(),
            ),
            Self::Not(inner) => inner.condition().negated(),
            Self::Test(test) => Condition::Test(test),
        }
    }
}

fn pushed<T>(mut list: Vec<T>, item: T) -> Vec<T> {
    list.push(item);
    list
}

impl Condition<'_> {
    /// `not (not a or b or c)` is `a and not (b or c)`, with the parts in their order.
    fn negated(self) -> Self {
        let (parts, any) = match self {
            Self::Not(inner) => return *inner,
            Self::Any(parts) if parts.iter().any(Self::is_not) => (parts, true),
            Self::All(parts) if parts.iter().any(Self::is_not) => (parts, false),
            other => return Self::Not(Box::new(other)),
        };
        let list = |parts, any| if any { Self::Any(parts) } else { Self::All(parts) };
        let mut turned = Vec::new();
        let mut run = Vec::new();
        let end_run = |run: &mut Vec<Self>, turned: &mut Vec<Self>| match run.len() {
            0 => {}
            1 => turned.extend(run.pop().map(|one| Self::Not(Box::new(one)))),
            _ => turned.push(Self::Not(Box::new(list(core::mem::take(run), any)))),
        };
        for part in parts {
            match part {
                Self::Not(inner) => {
                    end_run(&mut run, &mut turned);
                    turned.push(*inner);
                }
                other => run.push(other),
            }
        }
        end_run(&mut run, &mut turned);
        list(turned, !any)
    }

    fn is_not(&self) -> bool {
        matches!(self, Self::Not(_))
    }
}

/// The conditions of a program, by their first steps.
fn joined(program: &Program) -> BTreeMap<usize, Joined<'_>> {
    let steps = program.steps();
    let mut edges_into = vec![0_usize; steps.len()];
    for step in steps {
        let targets = match step {
            Step::Test { then, otherwise, .. } => [Some(*then), Some(*otherwise)],
            Step::Log { next, .. } => [Some(*next), None],
            Step::Translate { otherwise, .. } => [Some(*otherwise), None],
            Step::End(_) => [None, None],
        };
        targets.into_iter().flatten().for_each(|to| edges_into[to as usize] += 1);
    }
    let mut found = BTreeMap::new();
    for (at, step) in steps.iter().enumerate().rev() {
        let Step::Test { test, then, otherwise } = step else { continue };
        let exit = |to: u32| Exit { to: to as usize, edges: 1 };
        let (then, otherwise) = (exit(*then), exit(*otherwise));
        let mut joined = Joined { condition: Rope::Test(test), then, otherwise, behind: at + 1 };
        let whole = loop {
            match joined.join_next(&mut found, &edges_into) {
                Ok(more) => joined = more,
                Err(whole) => break whole,
            }
        };
        found.insert(at, whole);
    }
    found
}

impl<'p> Joined<'p> {
    /// With the tests right behind these, if only these lead there and both have an exit in common.
    fn join_next(self, found: &mut BTreeMap<usize, Joined<'p>>, edges_into: &[usize]) -> Result<Self, Self> {
        let at = self.behind;
        let Some(next) = found.get(&at) else { return Err(self) };
        let (on_then, on_otherwise) = (self.then.to == at, self.otherwise.to == at);
        let (inner, outer) = if on_then { (self.then, self.otherwise) } else { (self.otherwise, self.then) };
        let common = outer.to == next.then.to || outer.to == next.otherwise.to;
        if on_then == on_otherwise || inner.edges != edges_into[at] || !common || next.then.to == next.otherwise.to {
            return Err(self);
        }
        let Some(next) = found.remove(&at) else { return Err(self) };
        let first = self.condition;
        let (condition, then, otherwise) = if outer.to == next.otherwise.to {
            // What holds on the way to `next` must hold beside it.
            let first = if on_then { first } else { first.not() };
            (first.and(next.condition), next.then, outer.and(next.otherwise))
        } else {
            let first = if on_then { first.not() } else { first };
            (first.or(next.condition), outer.and(next.then), next.otherwise)
        };
        Ok(Self { condition, then, otherwise, behind: next.behind })
    }

    fn whole(self) -> Whole<'p> {
        Whole { condition: self.condition.condition(), then: self.then.to, otherwise: self.otherwise.to }
    }
}

/// How the walk goes on behind a step.
#[derive(Clone, Copy)]
struct Way {
    /// The next step that every packet comes to that is not caught by a way that ends.
    next: Option<usize>,
    /// The last of the steps that follow each other in this manner.
    last: usize,
}

struct Reader<'p> {
    program: &'p Program,
    /// By their first steps.
    wholes: BTreeMap<usize, Whole<'p>>,
    /// By step; those inside a condition have none.
    ways: Vec<Way>,
}

impl<'p> Reader<'p> {
    fn find_ways(&mut self) {
        let steps = self.program.steps();
        self.ways = (0..steps.len()).map(|at| Way { next: None, last: at }).collect();
        for (at, step) in steps.iter().enumerate().rev() {
            let next = match (step, self.wholes.get(&at)) {
                (Step::Log { next, .. }, _) => Some(*next as usize),
                (Step::Translate { otherwise, .. }, _) => Some(*otherwise as usize),
                (Step::Test { .. }, Some(&Whole { then, otherwise, .. })) => {
                    let goes_on = if self.ways[then].last > self.ways[otherwise].last { then } else { otherwise };
                    Some(self.meeting(then, otherwise).unwrap_or(goes_on))
                }
                (Step::Test { .. }, None) | (Step::End(_), _) => None,
            };
            self.ways[at] = Way { next, last: next.map_or(at, |next| self.ways[next].last) };
        }
    }

    /// Where two ways meet.
    fn meeting(&self, a: usize, b: usize) -> Option<usize> {
        if self.ways[a].last != self.ways[b].last {
            return None;
        }
        let (mut a, mut b) = (a, b);
        // Ways lead forward only, so the one that is behind catches up.
        while a != b {
            let behind = if a < b { &mut a } else { &mut b };
            *behind = self.ways[*behind].next?;
        }
        Some(a)
    }

    /// What is done from `from` on, until `stop`.
    fn block(&self, from: usize, stop: Option<usize>) -> Vec<Statement<'p>> {
        let mut block = Vec::new();
        let mut at = Some(from);
        while let Some(here) = at.filter(|here| Some(*here) != stop) {
            at = self.ways[here].next;
            let place = self.program.place(here as u32);
            match (&self.program.steps()[here], self.wholes.get(&here)) {
                (Step::Log { template, .. }, _) => {
                    block.push(Statement::Log(&self.program.templates()[*template as usize], place));
                }
                (Step::Translate { translation, .. }, _) => block.push(Statement::Translate(*translation, place)),
                (Step::End(verdict), _) => block.push(Statement::End(*verdict, place)),
                (Step::Test { .. }, Some(whole)) => block.push(self.conditional(here, whole)),
                (Step::Test { .. }, None) => {}
            }
        }
        block
    }

    fn conditional(&self, at: usize, whole: &Whole<'p>) -> Statement<'p> {
        let &Whole { then, otherwise, .. } = whole;
        let arm = |at: usize, condition: Condition<'p>, way: usize, stop: Option<usize>| {
            let place = self.program.place(at as u32);
            Arm { condition, body: self.block(way, stop), place }
        };
        let (positive, negative) = (|| whole.condition.clone(), || whole.condition.clone().negated());
        let stop = self.meeting(then, otherwise);
        let mut arms = Vec::new();
        let mut rest = match stop {
            // Only one way goes on.
            None if self.ways[then].last < self.ways[otherwise].last => {
                arms.push(arm(at, positive(), then, None));
                None
            }
            None => {
                arms.push(arm(at, negative(), otherwise, None));
                None
            }
            Some(meeting) if then == meeting && otherwise != meeting => {
                arms.push(arm(at, negative(), otherwise, stop));
                None
            }
            Some(_) => {
                arms.push(arm(at, positive(), then, stop));
                Some(otherwise)
            }
        };
        // An `if` that is all of an `else` is an `else if`; a long row of them is no deep nesting.
        while let Some(here) = rest
            && let Some(next) = self.wholes.get(&here)
            && Some(here) != stop
            && self.ways[here].next == stop
            && self.meeting(next.then, next.otherwise) == stop
            && Some(next.then) != stop
        {
            arms.push(arm(here, next.condition.clone(), next.then, stop));
            rest = Some(next.otherwise);
        }
        let otherwise = rest.map(|rest| self.block(rest, stop)).unwrap_or_default();
        Statement::If { arms, otherwise }
    }
}

#[cfg(test)]
mod tests;
