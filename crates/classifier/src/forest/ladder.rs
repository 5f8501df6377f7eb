//! How rules are divided between diagrams.

use super::{Forest, Group, NONE, Residue, Table};
use crate::diagram::{Answer, Budget, Builder, Exhausted, Rules};
use crate::sets::Sets;
use crate::space::Dim;
use alloc::vec;
use alloc::vec::Vec;
use lanes::Edge;

/// A set of ranks is narrow if it holds no more than so many.
const NARROW: u32 = 64;
/// Fewer rules than these need no groups.
const FEW: usize = 64;
/// A dimension of more ranks is no head.
const HEAD_RANKS: u32 = 8;
const HEAD_CELLS: u32 = 64;
/// How often rules that resist are divided by size.
const DIVISIONS: u32 = 3;

pub(super) fn build(rules: &Rules, sets: &Sets, ranks: &[u32]) -> Forest {
    let all: Vec<u32> = (0..rules.len() as u32).collect();
    let context = Context { rules, sets, ranks };
    let mut forest = Forest::default();
    let lists = match context.heads(&all) {
        Some((heads, cells, lists)) => {
            (forest.heads, forest.cells) = (heads, cells);
            lists
        }
        None => {
            forest.cells = vec![0];
            vec![all]
        }
    };
    for list in lists {
        let group = context.group(&list, &mut forest);
        forest.groups.push(group);
    }
    forest
}

struct Context<'a> {
    rules: &'a Rules,
    sets: &'a Sets,
    ranks: &'a [u32],
}

type Heads = (Vec<(Dim, u32)>, Vec<u32>, Vec<Vec<u32>>);

/// The dimensions that rules have conditions on.
struct Use {
    /// The two most telling ones, if there are such.
    first: Option<Dim>,
    second: Option<Dim>,
    /// The others, those of most rules first.
    rest: Vec<Dim>,
}

/// Which of the two telling dimensions a rule is narrow in: 1 for the first, 2 for the second.
type Class = u8;

/// A division of rules between diagrams.
struct Part {
    /// The classes in it, as bits.
    classes: u8,
    root: Option<Dim>,
    order: Vec<Dim>,
}

impl Context<'_> {
    fn ranks_of(&self, dim: Dim) -> u32 {
        self.ranks.get(usize::from(dim)).copied().unwrap_or(1)
    }

    /// How many ranks a rule has in a dimension.
    fn span(&self, rule: u32, dim: Dim) -> u32 {
        match self.rules.condition(rule, dim) {
            Some(set) => self.sets.intervals(set).iter().map(|(first, last)| last - first + 1).sum(),
            None => self.ranks_of(dim),
        }
    }

    fn is_narrow(&self, rule: u32, dim: Dim) -> bool {
        self.rules.condition(rule, dim).is_some() && self.span(rule, dim) <= NARROW
    }

    fn heads(&self, all: &[u32]) -> Option<Heads> {
        if all.len() <= FEW {
            return None;
        }
        let mut users: Vec<(usize, Dim)> = (0..self.ranks.len() as Dim)
            .filter(|dim| self.ranks_of(*dim) <= HEAD_RANKS)
            .map(|dim| (all.iter().filter(|rule| self.rules.condition(**rule, dim).is_some()).count(), dim))
            .filter(|(users, _)| *users > 0)
            .collect();
        users.sort_unstable_by(|a, b| b.cmp(a));
        let mut cells = 1;
        let mut dims: Vec<Dim> = Vec::new();
        for (_, dim) in users {
            if cells * self.ranks_of(dim) <= HEAD_CELLS {
                cells *= self.ranks_of(dim);
                dims.push(dim);
            }
        }
        let budget = Budget { edges: 0, work: all.len() * 16 + 100_000 };
        while !dims.is_empty() {
            let mut builder = Builder::new(self.rules, self.sets, self.ranks, Answer::First, budget);
            match builder.split(all, &dims) {
                Ok((cells, lists)) if lists.iter().map(Vec::len).sum::<usize>() <= all.len() * 3 + 1_000 => {
                    let mut stride = 1;
                    let mut heads: Vec<(Dim, u32)> = Vec::new();
                    for dim in dims.iter().rev() {
                        heads.push((*dim, stride));
                        stride *= self.ranks_of(*dim);
                    }
                    return Some((heads, cells, lists));
                }
                _ => dims.truncate(dims.len() - 1),
            }
        }
        None
    }

    fn dims(&self, list: &[u32], heads: &[(Dim, u32)]) -> Use {
        let mut users = vec![(0_usize, 0_usize); self.ranks.len()];
        for rule in list {
            for (dim, _) in self.rules.guard(*rule) {
                if let Some((narrow, all)) = users.get_mut(usize::from(*dim)) {
                    *all += 1;
                    *narrow += usize::from(self.is_narrow(*rule, *dim));
                }
            }
        }
        let is_head = |dim: Dim| heads.iter().any(|(head, _)| *head == dim);
        let used: Vec<(Dim, usize, usize)> = (0..)
            .zip(&users)
            .filter(|(dim, (_, all))| *all > 0 && !is_head(*dim))
            .map(|(dim, (narrow, all))| (dim, *narrow, *all))
            .collect();
        let mut telling: Vec<(usize, Dim)> = used
            .iter()
            .filter(|(dim, narrow, _)| self.ranks_of(*dim) > NARROW && *narrow > list.len() / 32)
            .map(|(dim, narrow, _)| (*narrow, *dim))
            .collect();
        // Addresses have most ranks; what only says how many rules name a service tells less.
        telling.sort_unstable_by_key(|(narrow, dim)| {
            (core::cmp::Reverse((*narrow).min(self.ranks_of(*dim) as usize * 2)), *dim)
        });
        let (first, second) = (telling.first().map(|(_, dim)| *dim), telling.get(1).map(|(_, dim)| *dim));
        let mut rest: Vec<(usize, Dim)> = used
            .iter()
            .filter(|(dim, ..)| Some(*dim) != first && Some(*dim) != second)
            .map(|(dim, _, all)| (*all, *dim))
            .collect();
        // Few rules: what has few ranks first, so that it is one fork.
        rest.sort_unstable_by_key(|(all, dim)| (core::cmp::Reverse(*all), self.ranks_of(*dim)));
        Use { first, second, rest: rest.into_iter().map(|(_, dim)| dim).collect() }
    }

    fn group(&self, list: &[u32], forest: &mut Forest) -> Group {
        let mut group = Group { tables: Vec::new(), edges: Vec::new(), least: NONE, residue: None };
        // Nothing behind a rule without conditions can come first.
        let heads = forest.heads.clone();
        let conditions =
            |rule: u32| self.rules.guard(rule).iter().any(|(dim, _)| heads.iter().all(|(head, _)| head != dim));
        let end = list.iter().position(|rule| !conditions(*rule)).map_or(list.len(), |at| at + 1);
        let list = list.get(..end).unwrap_or(list);
        let dims = self.dims(list, &heads);
        let classes: Vec<Class> = list.iter().map(|rule| self.class(*rule, &dims)).collect();
        let members = |wanted: u8| -> Vec<u32> {
            list.iter().zip(&classes).filter(|(_, class)| wanted >> **class & 1 == 1).map(|(rule, _)| *rule).collect()
        };
        let whole = Budget { edges: list.len() * 16 + 1_000, work: list.len() * 64 + 1_000_000 };
        for rung in rungs(&dims) {
            let parts: Vec<(Vec<u32>, &Part)> =
                rung.iter().map(|part| (members(part.classes), part)).filter(|(rules, _)| !rules.is_empty()).collect();
            if parts.iter().any(|(rules, part)| self.is_hopeless(rules, part, whole)) {
                continue;
            }
            let mut builder = Builder::new(self.rules, self.sets, self.ranks, Answer::First, whole);
            let built: Result<Vec<Root>, Exhausted> =
                parts.iter().map(|(rules, part)| self.root(&mut builder, rules, part)).collect();
            if let Ok(roots) = built {
                plant(forest, &mut group, builder, roots);
                return finished(group, forest);
            }
        }
        self.divide(&dims, members, whole, forest, &mut group);
        finished(group, forest)
    }

    fn class(&self, rule: u32, dims: &Use) -> Class {
        let narrow = |dim: Option<Dim>| dim.is_some_and(|dim| self.is_narrow(rule, dim));
        u8::from(narrow(dims.first)) | u8::from(narrow(dims.second)) << 1
    }

    /// Is it plain that a part would not stay within the budget? Each list of the root holds about all rules that are
    /// wide in it.
    fn is_hopeless(&self, rules: &[u32], part: &Part, budget: Budget) -> bool {
        let Some(root) = part.root.filter(|_| rules.len() > 2_000) else { return false };
        let narrow = rules.iter().filter(|rule| self.is_narrow(**rule, root)).count();
        let lists = (narrow * 2 + 1).min(self.ranks_of(root) as usize);
        (rules.len() - narrow).saturating_mul(lists) > budget.work.saturating_mul(2)
    }

    fn root(&self, builder: &mut Builder<'_>, rules: &[u32], part: &Part) -> Result<Root, Exhausted> {
        let least = rules.first().copied().unwrap_or(NONE);
        match part.root {
            // Records cost memory for every rank.
            Some(root) if rules.len() * 8 + 256 >= self.ranks_of(root) as usize => {
                let edges = builder.table(rules, root, &part.order)?;
                Ok(Root::Table { dim: root, edges, least })
            }
            root => {
                let order: Vec<Dim> = root.into_iter().chain(part.order.iter().copied()).collect();
                Ok(Root::Edge(builder.diagram(rules, &order)?, least))
            }
        }
    }

    /// Each class for itself, and where that is too much its smaller and its larger rules; what is left goes into a
    /// residue.
    fn divide(
        &self,
        dims: &Use,
        members: impl Fn(u8) -> Vec<u32>,
        whole: Budget,
        forest: &mut Forest,
        group: &mut Group,
    ) {
        let mut waiting: Vec<(Class, Vec<u32>, u32)> = (0..4).map(|class| (class, members(1 << class), 0)).collect();
        let mut residue: Vec<u32> = Vec::new();
        let mut work = whole.work * 4;
        while let Some((class, rules, divisions)) = waiting.pop() {
            if rules.is_empty() {
                continue;
            }
            let mut built = None;
            for part in alone(class, dims) {
                let budget = Budget { edges: rules.len() * 16 + 20_000, work: (rules.len() * 64 + 200_000).min(work) };
                if self.is_hopeless(&rules, &part, budget) {
                    continue;
                }
                let mut builder = Builder::new(self.rules, self.sets, self.ranks, Answer::First, budget);
                let root = self.root(&mut builder, &rules, &part);
                work = work.saturating_sub(budget.work - builder.budget.work.min(budget.work));
                if let Ok(root) = root {
                    built = Some((builder, root));
                    break;
                }
                work = work.saturating_sub(budget.work / 2);
            }
            if let Some((builder, root)) = built {
                plant(forest, group, builder, vec![root]);
            } else if divisions < DIVISIONS && work > 0 {
                let mut sizes: Vec<u64> = rules.iter().map(|rule| self.size(*rule, dims)).collect();
                let at = sizes.len() * 3 / 4;
                let (_, limit, _) = sizes.select_nth_unstable(at);
                let limit = *limit;
                let (small, large): (Vec<u32>, Vec<u32>) =
                    rules.iter().partition(|rule| self.size(**rule, dims) < limit);
                if small.is_empty() || large.is_empty() {
                    residue.extend(rules);
                } else {
                    waiting.push((class, large, divisions + 1));
                    waiting.push((class, small, divisions + 1));
                }
            } else {
                residue.extend(rules);
            }
        }
        if !residue.is_empty() {
            residue.sort_unstable();
            group.residue = Some(Residue::of(self.rules, self.sets, self.ranks, &residue));
        }
    }

    fn size(&self, rule: u32, dims: &Use) -> u64 {
        let span = |dim: Option<Dim>| dim.map_or(1, |dim| u64::from(self.span(rule, dim)));
        span(dims.first).saturating_mul(span(dims.second))
    }
}

enum Root {
    Table { dim: Dim, edges: Vec<Edge>, least: u32 },
    Edge(Edge, u32),
}

/// The divisions of all rules, the one with the fewest diagrams first.
fn rungs(dims: &Use) -> Vec<Vec<Part>> {
    let order = |dims: &[Option<Dim>], rest: &[Dim], last: Option<Dim>| -> Vec<Dim> {
        dims.iter().flatten().chain(rest).copied().chain(last).collect()
    };
    let Use { first, second, rest } = dims;
    let (first, second) = (*first, *second);
    if first.is_none() {
        return vec![vec![Part { classes: 15, root: None, order: rest.clone() }]];
    }
    // Looks at the first dimension first, or at the second.
    let by_first = |classes| Part { classes, root: first, order: order(&[second], rest, None) };
    let by_second = |classes| Part { classes, root: second, order: order(&[first], rest, None) };
    let first_alone = |classes| Part { classes, root: first, order: order(&[], rest, second) };
    let second_alone = |classes| Part { classes, root: second, order: order(&[], rest, first) };
    let neither = |classes| Part {
        classes,
        root: None,
        order: order(&[], rest, None).into_iter().chain(first).chain(second).collect(),
    };
    if second.is_none() {
        return vec![vec![by_first(15)], vec![by_first(0b0010), neither(0b0001)]];
    }
    vec![
        vec![by_first(0b1111)],
        vec![by_second(0b1111)],
        vec![by_first(0b1010), second_alone(0b0101)],
        vec![by_second(0b1100), first_alone(0b0011)],
        vec![by_first(0b1011), second_alone(0b0100)],
        vec![by_second(0b1101), first_alone(0b0010)],
        vec![by_first(0b1000), first_alone(0b0011), second_alone(0b0100)],
        vec![by_first(0b1000), first_alone(0b0010), second_alone(0b0101)],
        vec![by_first(0b1000), first_alone(0b0010), second_alone(0b0100), neither(0b0001)],
    ]
}

/// The ways to build one class of rules for itself.
fn alone(class: Class, dims: &Use) -> Vec<Part> {
    let Use { first, second, rest } = dims;
    let order =
        |last: &[Option<Dim>]| -> Vec<Dim> { rest.iter().copied().chain(last.iter().flatten().copied()).collect() };
    let behind = |before: Option<Dim>| -> Vec<Dim> { before.into_iter().chain(rest.iter().copied()).collect() };
    match class {
        3 => vec![
            Part { classes: 8, root: *first, order: behind(*second) },
            Part { classes: 8, root: *second, order: behind(*first) },
        ],
        1 => vec![Part { classes: 2, root: *first, order: order(&[*second]) }],
        2 => vec![Part { classes: 4, root: *second, order: order(&[*first]) }],
        _ => vec![Part { classes: 1, root: None, order: order(&[*first, *second]) }],
    }
}

/// Moves what was built into the forest.
fn plant(forest: &mut Forest, group: &mut Group, builder: Builder<'_>, roots: Vec<Root>) {
    let offset = forest.forks.len();
    let moved = |edge: Edge| if edge.is_leaf() { edge } else { Edge::fork(edge.slot(), edge.index() + offset) };
    forest.forks.extend(builder.forks.iter().map(|fork| fork.map(moved)));
    for root in roots {
        match root {
            Root::Edge(edge, least) => {
                group.edges.push(moved(edge));
                group.least = group.least.min(least);
            }
            Root::Table { dim, edges, least } => {
                let start = forest.records.len();
                forest.records.extend(edges.into_iter().map(moved));
                group.tables.push(Table { dim, start, width: 1, least });
            }
        }
    }
}

/// Tables of one dimension become one, whose records hold all their edges, so that they share cache lines.
fn finished(mut group: Group, forest: &mut Forest) -> Group {
    let tables = core::mem::take(&mut group.tables);
    let Some(begin) = tables.iter().map(|table| table.start).min() else { return group };
    let old = forest.records.split_off(begin);
    let mut dims: Vec<Dim> = tables.iter().map(|table| table.dim).collect();
    dims.sort_unstable();
    dims.dedup();
    for dim in dims {
        let same: Vec<&Table> = tables.iter().filter(|table| table.dim == dim).collect();
        let ends = |table: &Table| {
            let next = tables.iter().map(|table| table.start).filter(|start| *start > table.start).min();
            next.unwrap_or(begin + old.len())
        };
        let count = same.iter().map(|table| ends(table) - table.start).max().unwrap_or(0);
        let start = forest.records.len();
        for rank in 0..count {
            forest.records.extend(same.iter().filter_map(|table| old.get(table.start - begin + rank)).copied());
        }
        let least = same.iter().map(|table| table.least).min().unwrap_or(NONE);
        group.tables.push(Table { dim, start, width: same.len(), least });
    }
    group.tables.sort_unstable_by_key(|table| table.least);
    group
}
