//! Decision diagrams over ranks.
//!
//! A diagram looks at one dimension after the other, in a fixed order, and ends in a leaf: the first rule that the
//! ranks lie in, or all of them. It is built from above: a *sweep* over the ranks of a dimension finds which of the
//! listed rules are active in each elementary interval; each distinct set of active rules is a list of its own, built
//! for the dimensions that are left. Equal lists are built once and equal forks kept once, so what is shared in the
//! rules is shared in the diagram.
//!
//! A hash never decides: lists, forks and sets of active rules are compared when their hashes are equal.
//!
//! Recursion is as deep as there are dimensions. Both the edges of a diagram and the work of building it are bounded
//! by a [`Budget`]; without a structure to share, a diagram may grow like the product of its dimensions.

mod sweep;

use crate::intern::{Hasher, Table};
use crate::sets::{RankSet, Sets};
use crate::space::Dim;
use alloc::vec::Vec;
use lanes::{Edge, Fork};
use sweep::Sweep;

/// Rules in order, as products of sets.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    conditions: Vec<(Dim, RankSet)>,
    ranges: Vec<(u32, u32)>,
    /// For each rule the dimensions that it has a condition on, as bits.
    masks: Vec<u32>,
}

impl Rules {
    /// A rule whose conditions are on dimensions below 32.
    pub fn push(&mut self, guard: &[(Dim, RankSet)]) {
        let start = self.conditions.len() as u32;
        self.conditions.extend_from_slice(guard);
        self.ranges.push((start, self.conditions.len() as u32));
        self.masks.push(guard.iter().fold(0, |mask, (dim, _)| mask | 1 << (dim & 31)));
    }

    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    pub fn mask(&self, rule: u32) -> u32 {
        self.masks.get(rule as usize).copied().unwrap_or(0)
    }

    pub fn guard(&self, rule: u32) -> &[(Dim, RankSet)] {
        let (start, end) = self.ranges.get(rule as usize).copied().unwrap_or((0, 0));
        self.conditions.get(start as usize..end as usize).unwrap_or(&[])
    }

    pub fn condition(&self, rule: u32, dim: Dim) -> Option<RankSet> {
        if self.mask(rule) >> (dim & 31) & 1 == 0 {
            return None;
        }
        self.guard(rule).iter().find(|(own, _)| *own == dim).map(|(_, set)| *set)
    }
}

/// What may still be spent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    /// Edges of forks.
    pub edges: usize,
    /// Rules written into lists, and steps of sweeps.
    pub work: usize,
}

/// What a diagram answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The first rule.
    First,
    /// The number of a list of rules, in [`Builder::answers`].
    All,
}

/// Where a list is in [`Builder::lists`].
type Span = (u32, u32);

pub(crate) struct Builder<'a> {
    pub rules: &'a Rules,
    pub sets: &'a Sets,
    /// For each dimension how many ranks it has.
    pub ranks: &'a [u32],
    answer: Answer,
    pub budget: Budget,
    pub forks: Vec<Fork>,
    fork_table: Table,
    lists: Vec<u32>,
    /// Orders of dimensions that something was built for.
    tails: Vec<Vec<Dim>>,
    /// What was built: the number of its tail, the list, the edge.
    built: Vec<(u32, Span, Edge)>,
    built_table: Table,
    pub answers: Vec<Span>,
    answer_table: Table,
    spare: Vec<Sweep>,
}

/// The dimensions that are left to look at.
#[derive(Clone, Copy)]
struct Order<'o> {
    dims: &'o [Dim],
    /// For each position the number of the tail that begins there.
    tails: &'o [u32],
}

impl Order<'_> {
    /// The dimension at a position, the number of the tail that begins there, and what is behind it.
    fn split(self, at: usize) -> Option<(Dim, u32, Self)> {
        let (dim, dims) = self.dims.get(at..)?.split_first()?;
        let (tail, tails) = self.tails.get(at..)?.split_first()?;
        Some((*dim, *tail, Order { dims, tails }))
    }
}

/// A budget ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exhausted;

impl<'a> Builder<'a> {
    pub fn new(rules: &'a Rules, sets: &'a Sets, ranks: &'a [u32], answer: Answer, budget: Budget) -> Self {
        Self {
            rules,
            sets,
            ranks,
            answer,
            budget,
            forks: Vec::new(),
            fork_table: Table::default(),
            lists: Vec::new(),
            tails: Vec::new(),
            built: Vec::new(),
            built_table: Table::default(),
            answers: Vec::new(),
            answer_table: Table::default(),
            spare: Vec::new(),
        }
    }

    /// The diagram of ascending rules, looking at dimensions in the given order; it must hold all that the rules
    /// have conditions on.
    pub fn diagram(&mut self, rules: &[u32], order: &[Dim]) -> Result<Edge, Exhausted> {
        let span = self.list(rules, Some(bits(order)))?;
        let tails = self.tails(order);
        self.build(span, Order { dims: order, tails: &tails })
    }

    /// For each rank of `root` the diagram of the dimensions in `order` behind it.
    pub fn table(&mut self, rules: &[u32], root: Dim, order: &[Dim]) -> Result<Vec<Edge>, Exhausted> {
        let span = self.list(rules, Some(bits(order) | bits(&[root])))?;
        let tails = self.tails(order);
        let sweep = self.sweep(span, root, Some(bits(order)))?;
        let edges = self.edges_of(&sweep, Order { dims: order, tails: &tails })?;
        let count = self.ranks.get(usize::from(root)).copied().unwrap_or(1) as usize;
        self.budget.work = self.budget.work.checked_sub(count / 8).ok_or(Exhausted)?;
        let mut table = Vec::with_capacity(count);
        for (at, (_, class)) in sweep.intervals.iter().enumerate() {
            let end = sweep.intervals.get(at + 1).map_or(count, |(start, _)| *start as usize);
            let edge = edges.get(*class as usize).copied().unwrap_or(Edge::NONE);
            table.resize(end, edge);
        }
        self.spare.push(sweep);
        Ok(table)
    }

    /// The lists of rules in the parts that `dims` cut them into: for each combination of ranks, the first dimension
    /// slowest, the number of its list; and the lists.
    pub fn split(&mut self, rules: &[u32], dims: &[Dim]) -> Result<(Vec<u32>, Vec<Vec<u32>>), Exhausted> {
        let mut parts = alloc::vec![rules.to_vec()];
        let mut cells = alloc::vec![0_u32];
        for dim in dims {
            let mut next_parts: Vec<Vec<u32>> = Vec::new();
            let mut of_part: Vec<Vec<u32>> = Vec::new();
            for part in &parts {
                let span = self.list(part, None)?;
                let sweep = self.sweep(span, *dim, None)?;
                let mut numbers = Vec::new();
                for span in &sweep.lists {
                    let list = self.span(*span);
                    let known = next_parts.iter().position(|part| part.as_slice() == list);
                    numbers.push(known.unwrap_or(next_parts.len()) as u32);
                    if known.is_none() {
                        next_parts.push(list.to_vec());
                    }
                }
                let count = self.ranks.get(usize::from(*dim)).copied().unwrap_or(1);
                let number = |rank: u32| {
                    let at = sweep.intervals.partition_point(|(start, _)| *start <= rank).saturating_sub(1);
                    let class = sweep.intervals.get(at).map_or(0, |(_, class)| *class);
                    numbers.get(class as usize).copied().unwrap_or(0)
                };
                of_part.push((0..count).map(number).collect());
                self.spare.push(sweep);
            }
            cells = cells.iter().flat_map(|part| of_part.get(*part as usize).into_iter().flatten().copied()).collect();
            parts = next_parts;
        }
        Ok((cells, parts))
    }

    fn span(&self, (start, end): Span) -> &[u32] {
        self.lists.get(start as usize..end as usize).unwrap_or(&[])
    }

    /// The rules as a list; of those with no conditions on the dimensions of `mask` nothing behind the first.
    fn list(&mut self, rules: &[u32], mask: Option<u32>) -> Result<Span, Exhausted> {
        let start = self.lists.len() as u32;
        for rule in rules {
            self.lists.push(*rule);
            if self.ends(*rule, mask) {
                break;
            }
        }
        self.budget.work = self.budget.work.checked_sub(rules.len()).ok_or(Exhausted)?;
        Ok((start, self.lists.len() as u32))
    }

    /// Is the answer known at this rule, if it is active and only the dimensions of `mask` are left?
    fn ends(&self, rule: u32, mask: Option<u32>) -> bool {
        self.answer == Answer::First && mask.is_some_and(|mask| self.rules.mask(rule) & mask == 0)
    }

    /// The number of each tail of an order.
    fn tails(&mut self, order: &[Dim]) -> Vec<u32> {
        let tails = (0..order.len()).map(|at| {
            let tail = order.get(at..).unwrap_or(&[]);
            let known = self.tails.iter().position(|known| known == tail);
            known.unwrap_or_else(|| {
                self.tails.push(tail.to_vec());
                self.tails.len() - 1
            }) as u32
        });
        tails.collect()
    }

    fn sweep(&mut self, span: Span, dim: Dim, rest: Option<u32>) -> Result<Sweep, Exhausted> {
        let mut sweep = self.spare.pop().unwrap_or_default();
        sweep.run(self, span, dim, rest)?;
        Ok(sweep)
    }

    fn edges_of(&mut self, sweep: &Sweep, rest: Order<'_>) -> Result<Vec<Edge>, Exhausted> {
        sweep.lists.iter().map(|span| self.build(*span, rest)).collect()
    }

    /// The diagram of a list that ends with the first rule that has no conditions left.
    fn build(&mut self, span: Span, order: Order<'_>) -> Result<Edge, Exhausted> {
        let list = self.span(span);
        let Some(first) = list.first().copied() else { return Ok(self.nothing()) };
        let used = list.iter().fold(0, |used, rule| used | self.rules.mask(*rule));
        if self.ends(first, Some(bits(order.dims))) {
            return Ok(Edge::leaf(first));
        }
        let tested = order.dims.iter().position(|dim| used >> (dim & 31) & 1 == 1);
        let Some((dim, tail, rest)) = tested.and_then(|at| order.split(at)) else {
            return Ok(self.leaf(span));
        };
        let hash = list_hash(u64::from(tail), list);
        let (built, lists) = (&self.built, &self.lists);
        let known = self.built_table.find(hash, |at| {
            built.get(at as usize).is_some_and(|(own, other, _)| *own == tail && of(lists, *other) == list)
        });
        if let Some((_, _, edge)) = known.and_then(|at| self.built.get(at as usize)) {
            return Ok(*edge);
        }
        let sweep = self.sweep(span, dim, Some(bits(rest.dims)))?;
        let edges = self.edges_of(&sweep, rest)?;
        let ways: Vec<(u32, Edge)> = sweep
            .intervals
            .iter()
            .map(|(start, class)| (*start, edges.get(*class as usize).copied().unwrap_or(Edge::NONE)))
            .collect();
        self.spare.push(sweep);
        let edge = self.node(dim, ways)?;
        let number = self.built.len() as u32;
        self.built.push((tail, span, edge));
        let (built, lists) = (&self.built, &self.lists);
        self.built_table.add(hash, number, |at| match built.get(at as usize) {
            Some((tail, span, _)) => list_hash(u64::from(*tail), of(lists, *span)),
            None => 0,
        });
        Ok(edge)
    }

    fn nothing(&mut self) -> Edge {
        match self.answer {
            Answer::First => Edge::NONE,
            Answer::All => self.leaf((0, 0)),
        }
    }

    /// The leaf of a list none of whose rules has conditions left.
    fn leaf(&mut self, span: Span) -> Edge {
        if self.answer == Answer::First {
            return self.span(span).first().map_or(Edge::NONE, |first| Edge::leaf(*first));
        }
        let list = self.span(span);
        let hash = list_hash(0, list);
        let (answers, lists) = (&self.answers, &self.lists);
        let of_answer = |at: u32| answers.get(at as usize).map_or(&[][..], |span| of(lists, *span));
        if let Some(known) = self.answer_table.find(hash, |at| of_answer(at) == list) {
            return Edge::leaf(known);
        }
        let number = self.answers.len() as u32;
        self.answers.push(span);
        let (answers, lists) = (&self.answers, &self.lists);
        self.answer_table.add(hash, number, |at| match answers.get(at as usize) {
            Some(span) => list_hash(0, of(lists, *span)),
            None => 0,
        });
        Edge::leaf(number)
    }

    /// The rules of an answer's number.
    pub fn answer(&self, number: usize) -> &[u32] {
        self.answers.get(number).map_or(&[], |span| self.span(*span))
    }

    /// A decision on one dimension: forks in as many levels as its ways need.
    fn node(&mut self, dim: Dim, mut ways: Vec<(u32, Edge)>) -> Result<Edge, Exhausted> {
        ways.dedup_by_key(|(_, edge)| *edge);
        if let [(_, edge)] = ways[..] {
            return Ok(edge);
        }
        self.budget.edges = self.budget.edges.checked_sub(ways.len()).ok_or(Exhausted)?;
        while ways.len() > Fork::WAYS {
            let parts = ways.len().div_ceil(Fork::WAYS);
            let mut above = Vec::with_capacity(parts);
            for part in 0..parts {
                let range = part * ways.len() / parts..(part + 1) * ways.len() / parts;
                let Some(ways) = ways.get(range) else { continue };
                let Some((start, only)) = ways.first() else { continue };
                above.push((*start, if ways.len() == 1 { *only } else { self.fork(dim, ways)? }));
            }
            ways = above;
        }
        self.fork(dim, &ways)
    }

    fn fork(&mut self, dim: Dim, ways: &[(u32, Edge)]) -> Result<Edge, Exhausted> {
        let fork = Fork::new(ways.iter().copied());
        let hash = fork_hash(&fork);
        let forks = &self.forks;
        if let Some(known) = self.fork_table.find(hash, |at| forks.get(at as usize) == Some(&fork)) {
            return Ok(Edge::fork(usize::from(dim), known as usize));
        }
        let number = self.forks.len();
        if number >= Edge::MAX_FORKS {
            return Err(Exhausted);
        }
        self.forks.push(fork);
        let forks = &self.forks;
        self.fork_table.add(hash, number as u32, |at| forks.get(at as usize).map_or(0, fork_hash));
        Ok(Edge::fork(usize::from(dim), number))
    }
}

pub(crate) fn bits(dims: &[Dim]) -> u32 {
    dims.iter().fold(0, |mask, dim| mask | 1 << (dim & 31))
}

fn of(lists: &[u32], (start, end): Span) -> &[u32] {
    lists.get(start as usize..end as usize).unwrap_or(&[])
}

fn list_hash(seed: u64, list: &[u32]) -> u64 {
    let mut hasher = Hasher::new(seed);
    for pair in list.chunks(2) {
        hasher.add(pair.iter().fold(1, |word, rule| word << 32 | u64::from(*rule)));
    }
    hasher.add(list.len() as u64);
    hasher.end()
}

fn fork_hash(fork: &Fork) -> u64 {
    let mut hasher = Hasher::new(2);
    for (key, edge) in fork.ways() {
        hasher.add(u64::from(key) << 32 | u64::from(edge.bits()));
    }
    hasher.end()
}
