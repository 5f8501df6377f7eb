//! From the graph to one list.
//!
//! Steps are put in an order in which every edge leads forward, and blocks that end stand before what is behind them.
//! Then each step gets its guard: if whoever misses it after its dominator has been stopped before its place, the
//! guard of that dominator, else the union of what its edges carry.

use super::flow::{Flow, Node, To};
use super::{Bounds, Entry, What};
use crate::sets::{RankSet, Sets};
use crate::space::{Dim, Space};
use alloc::collections::BTreeSet;
use alloc::vec;
use alloc::vec::Vec;
use policy::StepId;

/// How often an entry is tried again with more cuts, before it is cut where it hurts.
const ROUNDS: usize = 8;

/// The list that begins at `root`, and how many steps it holds. Adds to `cuts` where it had to; `limit` is how large
/// all sets may become for guards that are not plain.
pub(super) fn entry(
    flow: &Flow,
    space: &mut Space,
    root: StepId,
    cuts: &mut BTreeSet<StepId>,
    bounds: Bounds,
    limit: usize,
) -> (Entry, usize) {
    for round in 0..=ROUNDS {
        let order = Order::of(flow, root, cuts);
        let steps = order.nodes.len();
        let lowering = Lowering { flow, order, space, cuts, bounds, limit, extra: steps.saturating_mul(4) + 256 };
        match lowering.run(round == ROUNDS) {
            (entry, wanted) if wanted.is_empty() => return (entry, steps),
            (entry, wanted) => {
                cuts.extend(wanted);
                if round == ROUNDS {
                    return (entry, steps);
                }
            }
        }
    }
    (Entry::default(), 0)
}

/// The steps that a list is made of, numbered in the order of their items.
struct Order {
    /// By place.
    nodes: Vec<StepId>,
    /// By place: that of the immediate dominator.
    dominator: Vec<usize>,
    /// By place: how many steps are dominated, itself included.
    dominated: Vec<usize>,
    /// By place: up to two places that edges lead to.
    successors: Vec<[Option<usize>; 2]>,
    far: Maxima,
}

impl Order {
    fn of(flow: &Flow, root: StepId, cuts: &BTreeSet<StepId>) -> Self {
        // Steps only lead forward, so their numbers are an order already: good enough to find dominators in.
        let (steps, numbers) = reachable(flow, root, cuts);
        let local = |step: StepId| numbers.get((step - root) as usize).map(|number| *number as usize);
        let successors: Vec<[Option<usize>; 2]> = steps
            .iter()
            .map(|step| {
                let to = |to: Option<To>| match to {
                    Some(To::Go(step)) if !cuts.contains(&step) => local(step),
                    _ => None,
                };
                let [first, second] = flow.node(*step).targets().map(to);
                // The same place twice is one way.
                [first, second.filter(|second| first != Some(*second))]
            })
            .collect();
        let dominator = dominators(&successors);
        let mut dominated = vec![1_usize; steps.len()];
        for at in (1..steps.len()).rev() {
            dominated[dominator[at]] += dominated[at];
        }
        let order = places(&successors, &dominator, &dominated);
        let mut place = vec![0; steps.len()];
        for (at, node) in order.iter().enumerate() {
            place[*node] = at;
        }
        let by_place = |values: &[usize]| -> Vec<usize> { order.iter().map(|node| values[*node]).collect() };
        let successors: Vec<[Option<usize>; 2]> =
            order.iter().map(|node| successors[*node].map(|to| to.map(|to| place[to]))).collect();
        let far = successors.iter().map(|to| to.iter().flatten().copied().max().unwrap_or(0));
        Self {
            nodes: order.iter().map(|node| steps[*node]).collect(),
            dominator: by_place(&dominator).into_iter().map(|node| place[node]).collect(),
            dominated: by_place(&dominated),
            far: Maxima::of(far),
            successors,
        }
    }

    /// Are all that miss `at`, once they have come to its dominator, stopped before `at`? If not, the farthest place
    /// that some of them go on at.
    fn missed(&self, at: usize) -> Option<usize> {
        let farthest = self.far.over(self.dominator[at], at);
        (farthest > at).then_some(farthest)
    }
}

/// The steps that are reached without a cut, ascending; and the position there of each step from `root` on that is.
fn reachable(flow: &Flow, root: StepId, cuts: &BTreeSet<StepId>) -> (Vec<StepId>, Vec<u32>) {
    let mut numbers: Vec<u32> = vec![1];
    let mut open = vec![root];
    while let Some(step) = open.pop() {
        for to in flow.node(step).targets().into_iter().flatten() {
            let To::Go(next) = to else { continue };
            let at = next.saturating_sub(root) as usize;
            if numbers.len() <= at {
                numbers.resize(at + 1, 0);
            }
            if numbers[at] == 0 && !cuts.contains(&next) {
                numbers[at] = 1;
                open.push(next);
            }
        }
    }
    let mut steps = Vec::new();
    for (number, step) in numbers.iter_mut().zip(root..) {
        if *number != 0 {
            *number = steps.len() as u32;
            steps.push(step);
        }
    }
    (steps, numbers)
}

/// The immediate dominator of each node; the first, and those that nothing leads to, are their own. Nodes are in an
/// order in which edges lead forward.
pub(super) fn dominators(successors: &[[Option<usize>; 2]]) -> Vec<usize> {
    // Ancestors are found by jumps, as long as those of a skew-binary number: a path of n nodes in O(log n).
    struct Tree {
        parent: Vec<usize>,
        jump: Vec<usize>,
        depth: Vec<usize>,
    }
    impl Tree {
        fn common(&self, mut a: usize, mut b: usize) -> usize {
            while a != b {
                let (depth_a, depth_b) = (self.depth[a], self.depth[b]);
                if depth_a < depth_b {
                    core::mem::swap(&mut a, &mut b);
                    continue;
                }
                if depth_a > depth_b {
                    a = if self.depth[self.jump[a]] >= depth_b { self.jump[a] } else { self.parent[a] };
                } else if self.jump[a] != self.jump[b] {
                    (a, b) = (self.jump[a], self.jump[b]);
                } else {
                    (a, b) = (self.parent[a], self.parent[b]);
                }
            }
            a
        }
    }
    const UNSET: usize = usize::MAX;
    let len = successors.len();
    let mut tree = Tree { parent: vec![UNSET; len], jump: vec![0; len], depth: vec![0; len] };
    for (at, to) in successors.iter().enumerate() {
        match tree.parent[at] {
            UNSET => tree.parent[at] = at,
            parent => {
                tree.depth[at] = tree.depth[parent] + 1;
                let jump = tree.jump[parent];
                let (near, far) =
                    (tree.depth[parent] - tree.depth[jump], tree.depth[jump] - tree.depth[tree.jump[jump]]);
                tree.jump[at] = if near == far { tree.jump[jump] } else { parent };
            }
        }
        for next in to.iter().flatten() {
            tree.parent[*next] = match tree.parent[*next] {
                UNSET => at,
                known => tree.common(known, at),
            };
        }
    }
    tree.parent
}

/// An order in which edges lead forward; of two ways that a node has, the one that fewer steps hang on stands first,
/// and what both come to behind both: a depth-first walk, finished last first.
fn places(successors: &[[Option<usize>; 2]], dominator: &[usize], dominated: &[usize]) -> Vec<usize> {
    let mut order = Vec::with_capacity(successors.len());
    let mut seen = vec![false; successors.len()];
    let mut open: Vec<(usize, [Option<usize>; 2])> = Vec::new();
    let ways = |node: usize| {
        let weight = |to: &Option<usize>| match to {
            Some(to) if dominator[*to] == node => dominated[*to],
            Some(_) => usize::MAX,
            None => 0,
        };
        let [first, second] = successors[node];
        // Taken from the back: the heavier first, so that it is finished first.
        if weight(&first) > weight(&second) { [second, first] } else { [first, second] }
    };
    if !successors.is_empty() {
        seen[0] = true;
        open.push((0, ways(0)));
    }
    while let Some((node, rest)) = open.last_mut() {
        let next = match rest {
            [_, second @ Some(_)] => second.take(),
            [first, _] => first.take(),
        };
        match next {
            Some(next) if !seen[next] => {
                seen[next] = true;
                open.push((next, ways(next)));
            }
            Some(_) => {}
            None => {
                order.push(*node);
                open.pop();
            }
        }
    }
    order.reverse();
    order
}

/// Maxima over ranges.
struct Maxima {
    /// A complete binary tree; the values are its second half.
    tree: Vec<usize>,
}

impl Maxima {
    fn of(values: impl ExactSizeIterator<Item = usize>) -> Self {
        let len = values.len();
        let mut tree = vec![0; 2 * len];
        for (leaf, value) in tree.iter_mut().skip(len).zip(values) {
            *leaf = value;
        }
        for at in (1..len).rev() {
            tree[at] = tree[2 * at].max(tree[2 * at + 1]);
        }
        Self { tree }
    }

    /// Over `start..end`.
    fn over(&self, start: usize, end: usize) -> usize {
        let len = self.tree.len() / 2;
        let (mut start, mut end, mut most) = (start + len, end + len, 0);
        while start < end {
            if start & 1 == 1 {
                most = most.max(self.tree[start]);
                start += 1;
            }
            if end & 1 == 1 {
                end -= 1;
                most = most.max(self.tree[end]);
            }
            start /= 2;
            end /= 2;
        }
        most
    }
}

/// Conditions on different dimensions, ascending.
type Product = Vec<(Dim, RankSet)>;

struct Lowering<'a> {
    flow: &'a Flow,
    order: Order,
    space: &'a mut Space,
    cuts: &'a BTreeSet<StepId>,
    bounds: Bounds,
    /// How large all sets may become.
    limit: usize,
    /// How many steps may still be written out more than once.
    extra: usize,
}

/// What the edges to a step carry.
#[derive(Clone, Default)]
struct Incoming {
    products: Vec<Product>,
    reached: bool,
    /// Most negations, one behind the other, among the products.
    negations: usize,
}

impl Lowering<'_> {
    /// The list; and where cuts would make it smaller than the bounds, which it does not keep without them. `last`:
    /// it is to be kept within the bounds at once, by stopping wherever it would leave them.
    fn run(mut self, last: bool) -> (Entry, Vec<StepId>) {
        let len = self.order.nodes.len();
        let root = self.order.nodes.first().copied().unwrap_or(0);
        let mut entry = Entry { step: root, ..Entry::default() };
        let mut wanted: Vec<StepId> = Vec::new();
        let mut incoming: Vec<Incoming> = vec![Incoming::default(); len];
        let mut guards: Vec<(Vec<Product>, usize)> = vec![(Vec::new(), 0); len];
        if let Some(first) = incoming.first_mut() {
            *first = Incoming { products: vec![Product::new()], reached: true, negations: 0 };
        }
        for at in 0..len {
            let arrived = core::mem::take(&mut incoming[at]);
            if !arrived.reached {
                continue;
            }
            let step = self.order.nodes[at];
            let missed = if at == 0 { None } else { self.order.missed(at) };
            let guard = if at == 0 || missed.is_some() {
                (arrived.products, arrived.negations)
            } else {
                guards[self.order.dominator[at]].clone()
            };
            let copies = guard.0.len().saturating_sub(1).saturating_mul(self.order.dominated[at]);
            let plain = guard.1 == 0 && guard.0.len() < 2;
            let exceeds = guard.0.len() > self.bounds.products
                || guard.1 > self.bounds.negations
                || copies > self.extra
                || (!plain && self.space.sets.size() > self.limit);
            if exceeds && at > 0 {
                // Packets go past this step to a place behind it: if the list ends there, they do not have to be told
                // apart.
                let place = missed.filter(|_| !last).unwrap_or(at);
                wanted.push(self.order.nodes[place]);
                if last || place == at {
                    for product in &guard.0 {
                        entry.push(product, step, What::Go);
                    }
                    continue;
                }
                if wanted.len() > 64 {
                    break;
                }
            }
            #[cfg(feature = "analysis")]
            entry.reach(step, &guard.0);
            self.extra = self.extra.saturating_sub(copies);
            self.step(at, &guard, &mut entry, &mut incoming);
            guards[at] = guard;
        }
        wanted.sort_unstable();
        wanted.dedup();
        (entry, wanted)
    }

    fn step(&mut self, at: usize, guard: &(Vec<Product>, usize), entry: &mut Entry, incoming: &mut [Incoming]) {
        let step = self.order.nodes[at];
        match self.flow.node(step) {
            Node::Stop => {}
            Node::Pass(to) | Node::Always(to) => {
                for product in &guard.0 {
                    if matches!(self.flow.node(step), Node::Pass(_)) {
                        entry.push(product, step, What::Pass);
                    }
                }
                for product in &guard.0 {
                    self.edge(at, to, product.clone(), guard.1, entry, incoming);
                }
            }
            Node::Test { dim, set, then, otherwise } => {
                for product in &guard.0 {
                    // Of two ways that both stop, the second needs no condition behind the first.
                    let needs_then = self.needs(at, then);
                    let needs_otherwise = match self.stops(then) && self.stops(otherwise) {
                        true => Needs::Presence,
                        false => self.needs(at, otherwise),
                    };
                    if let Some(product) = self.narrowed(product, dim, set, false, needs_then) {
                        self.edge(at, then, product, guard.1, entry, incoming);
                    }
                    if let Some(product) = self.narrowed(product, dim, set, true, needs_otherwise) {
                        let negations = guard.1 + usize::from(needs_otherwise == Needs::Condition);
                        self.edge(at, otherwise, product, negations, entry, incoming);
                    }
                }
            }
        }
    }

    /// Does the list stop at the end of this edge?
    fn stops(&self, to: To) -> bool {
        match to {
            To::Stop(_) => true,
            To::Go(step) => self.cuts.contains(&step),
        }
    }

    fn place(&self, at: usize, step: StepId) -> Option<usize> {
        self.order.successors[at].into_iter().flatten().find(|to| self.order.nodes[*to] == step)
    }

    /// What an edge to a step of this list must carry: nothing if the step takes its dominator's guard.
    fn needs(&self, at: usize, to: To) -> Needs {
        let To::Go(step) = to else { return Needs::Condition };
        match self.place(at, step).filter(|_| !self.stops(to)) {
            Some(place) if self.order.missed(place).is_none() => Needs::Presence,
            _ => Needs::Condition,
        }
    }

    /// The product with the condition, or its negation; `None` if no packet is in it.
    fn narrowed(&mut self, product: &Product, dim: Dim, set: RankSet, negated: bool, needs: Needs) -> Option<Product> {
        let ranks = self.space.ranks_of(dim);
        let sets = &mut self.space.sets;
        let at = product.binary_search_by_key(&dim, |(dim, _)| *dim);
        if needs == Needs::Presence {
            let empty = match at {
                Err(_) if negated => sets.intervals(set) == [(0, ranks.saturating_sub(1))],
                Err(_) => sets.is_empty(set),
                Ok(at) if negated => sets.within(product[at].1, set),
                Ok(at) => {
                    let meet = sets.meet(product[at].1, set);
                    sets.is_empty(meet)
                }
            };
            return (!empty).then(|| product.clone());
        }
        let set = if negated { sets.complement(set, ranks) } else { set };
        let mut narrowed = product.clone();
        let set = match at {
            Ok(at) => {
                narrowed[at].1 = sets.meet(narrowed[at].1, set);
                narrowed[at].1
            }
            Err(_) if sets.intervals(set) == [(0, ranks.saturating_sub(1))] => return Some(narrowed),
            Err(at) => {
                narrowed.insert(at, (dim, set));
                set
            }
        };
        (!sets.is_empty(set)).then_some(narrowed)
    }

    fn edge(
        &mut self,
        at: usize,
        to: To,
        product: Product,
        negations: usize,
        entry: &mut Entry,
        incoming: &mut [Incoming],
    ) {
        let step = match to {
            To::Stop(step) => return entry.push(&product, step, What::Run),
            To::Go(step) if self.cuts.contains(&step) => return entry.push(&product, step, What::Go),
            To::Go(step) => step,
        };
        let Some(place) = self.place(at, step) else { return };
        let target = &mut incoming[place];
        target.reached = true;
        target.negations = target.negations.max(negations);
        if self.order.missed(place).is_some() {
            merge(&mut self.space.sets, &mut target.products, product, self.bounds.products);
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Needs {
    /// The condition must stand in the product.
    Condition,
    /// It matters only whether any packet meets it.
    Presence,
}

/// Adds a product to a union; where it differs from another in one dimension they become one. A union that has
/// outgrown `most` products is only added to.
fn merge(sets: &mut Sets, union: &mut Vec<Product>, mut product: Product, most: usize) {
    if union.len() <= most {
        let mut at = 0;
        while let Some(other) = union.get(at) {
            match joined(sets, other, &product) {
                Some(both) => {
                    product = both;
                    union.swap_remove(at);
                    at = 0;
                }
                None => at += 1,
            }
        }
    }
    union.push(product);
}

/// One product for two, if there is one.
fn joined(sets: &mut Sets, a: &Product, b: &Product) -> Option<Product> {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    // All conditions of the one are weaker than those of the other.
    let set_of = |product: &Product, dim: Dim| product.iter().find(|(own, _)| *own == dim).map(|(_, set)| *set);
    if short.iter().all(|(dim, set)| set_of(long, *dim).is_some_and(|other| sets.within(other, *set))) {
        return Some(short.clone());
    }
    if a.len() != b.len() || a.iter().zip(b).any(|((dim_a, _), (dim_b, _))| dim_a != dim_b) {
        return None;
    }
    let mut differing = (0..a.len()).filter(|at| a[*at].1 != b[*at].1);
    let (at, None) = (differing.next()?, differing.next()) else { return None };
    let mut both = a.clone();
    both[at].1 = sets.join(a[at].1, b[at].1);
    Some(both)
}
