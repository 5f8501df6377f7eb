//! Rules without structure: tables of cells.
//!
//! A table cuts each of the key dimensions into cells of 2ⁿ ranks and holds rules that reach into at most two cells of
//! each; a rule stands in every cell that it reaches. A look-up probes each table once, in the cell of the packet, and
//! compares the few rules there. Building takes time and memory linear in the rules; a crowded cell costs the look-up
//! that comes to it ([`Residue::worst_steps`] says how much).

use super::NONE;
use crate::diagram::Rules;
use crate::intern::mix;
use crate::sets::{RankSet, Sets};
use crate::space::Dim;
use alloc::vec;
use alloc::vec::Vec;
use lanes::Ranks;

/// How many dimensions are keys.
const KEYS: usize = 3;
/// The widths of cells, in bits of a rank; the last has one cell.
const WIDTHS: [u8; 8] = [0, 3, 6, 9, 12, 15, 18, 32];
/// A cell with more rules than this takes no rule that would fit a finer table.
const CROWD: u32 = 16;
/// More tables than this are not opened.
const TABLES: usize = 48;

#[derive(Clone, Debug, Default)]
pub(crate) struct Residue {
    keys: [Dim; KEYS],
    /// Those with the least rules first.
    tables: Vec<Cells>,
    rules: Vec<Rule>,
    conditions: Vec<(Dim, RankSet)>,
}

#[derive(Clone, Copy, Debug)]
struct Rule {
    number: u32,
    conditions: (u32, u32),
}

/// A table of cells of one shape.
#[derive(Clone, Debug)]
struct Cells {
    widths: [u8; KEYS],
    /// The least rule in it.
    least: u32,
    /// Where the rules of each cell are; one more than a power of two.
    starts: Vec<u32>,
    /// Positions in [`Residue::rules`], ascending in each cell.
    rules: Vec<u32>,
}

impl Residue {
    /// Of some of the rules, ascending.
    pub fn of(rules: &Rules, sets: &Sets, ranks: &[u32], chosen: &[u32]) -> Self {
        let mut residue = Self { keys: keys(rules, ranks, chosen), ..Self::default() };
        let mut tables: Vec<Draft> = Vec::new();
        for number in chosen {
            let start = residue.conditions.len() as u32;
            residue.conditions.extend_from_slice(rules.guard(*number));
            let position = residue.rules.len() as u32;
            residue.rules.push(Rule { number: *number, conditions: (start, residue.conditions.len() as u32) });
            let hulls = residue.keys.map(|dim| hull(rules, sets, ranks, *number, dim));
            place(&mut tables, position, hulls);
        }
        residue.tables = tables.into_iter().map(|draft| draft.finish(&residue.rules)).collect();
        residue.tables.sort_unstable_by_key(|table| table.least);
        residue
    }

    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// The least rule from `from` on and below `best` that the ranks lie in; `best` if there is none.
    pub fn first(&self, sets: &Sets, ranks: &Ranks, from: u32, mut best: u32) -> u32 {
        let at = self.keys.map(|dim| ranks.0[usize::from(dim) & 31]);
        for table in &self.tables {
            if table.least >= best {
                break;
            }
            for position in table.cell(at) {
                let Some(rule) = self.rules.get(*position as usize) else { continue };
                if rule.number >= best {
                    break;
                }
                if rule.number >= from && self.holds(sets, ranks, rule) {
                    best = rule.number;
                    break;
                }
            }
        }
        best
    }

    fn holds(&self, sets: &Sets, ranks: &Ranks, rule: &Rule) -> bool {
        let (start, end) = rule.conditions;
        let conditions = self.conditions.get(start as usize..end as usize).unwrap_or(&[]);
        conditions.iter().all(|(dim, set)| sets.contains(*set, ranks.0[usize::from(*dim) & 31]))
    }

    /// Tables and rules that a look-up may visit at most.
    pub fn worst_steps(&self) -> usize {
        let most = |table: &Cells| table.starts.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0);
        self.tables.iter().map(|table| 1 + most(table) as usize).sum()
    }

    pub fn bytes(&self) -> usize {
        let tables = self.tables.iter().map(|table| (table.starts.len() + table.rules.len()) * 4);
        tables.sum::<usize>() + size_of_val(&self.rules[..]) + size_of_val(&self.conditions[..])
    }
}

impl Cells {
    fn cell(&self, at: [u32; KEYS]) -> &[u32] {
        let mut cell = [0; KEYS];
        for ((cell, rank), width) in cell.iter_mut().zip(at).zip(self.widths) {
            *cell = rank.checked_shr(u32::from(width)).unwrap_or(0);
        }
        let slot = slot(cell, self.starts.len() - 1);
        let range = self.starts.get(slot).zip(self.starts.get(slot + 1));
        range.and_then(|(start, end)| self.rules.get(*start as usize..*end as usize)).unwrap_or(&[])
    }
}

/// Cells may share a slot; whoever looks compares rules anyway.
fn slot(cell: [u32; KEYS], slots: usize) -> usize {
    let [a, b, c] = cell.map(u64::from);
    mix(a ^ b.rotate_left(21) ^ c.rotate_left(42)) as usize & (slots - 1)
}

/// A table that is being filled: for each rule and cell of it one entry.
struct Draft {
    widths: [u8; KEYS],
    entries: Vec<([u32; KEYS], u32)>,
    /// Roughly how many rules a cell has, by its slot in a small table.
    crowd: Vec<u32>,
}

fn place(tables: &mut Vec<Draft>, position: u32, hulls: [(u32, u32); KEYS]) {
    let widths = hulls.map(|(first, last)| {
        let fits = |width: &&u8| {
            let cell = |rank: u32| rank.checked_shr(u32::from(**width)).unwrap_or(0);
            cell(last) - cell(first) < 2
        };
        WIDTHS.iter().find(fits).copied().unwrap_or(32)
    });
    let hosts = |draft: &Draft| draft.widths.iter().zip(widths).all(|(own, needed)| *own >= needed);
    // The finest that has room; the finest at all if no more may be opened.
    let fineness = |draft: &Draft| draft.widths.iter().map(|width| u32::from(*width)).sum::<u32>();
    let full = tables.len() >= TABLES;
    let found = tables
        .iter()
        .enumerate()
        .filter(|(_, draft)| hosts(draft) && (full || !draft.is_crowded(hulls)))
        .min_by_key(|(_, draft)| fineness(draft))
        .map(|(at, _)| at);
    let at = found.unwrap_or_else(|| {
        let open = |widths| Draft { widths, entries: Vec::new(), crowd: vec![0; 1 << 12] };
        // Every second width, so that neighbours share a table; once there are too many, one that takes all.
        let widths = widths.map(|width| match WIDTHS.iter().position(|own| *own == width) {
            _ if full => 32,
            Some(at) => WIDTHS.get(at | 1).copied().unwrap_or(32),
            None => 32,
        });
        tables.push(open(widths));
        tables.len() - 1
    });
    if let Some(draft) = tables.get_mut(at) {
        draft.add(position, hulls);
    }
}

impl Draft {
    fn cells(&self, hulls: [(u32, u32); KEYS]) -> Vec<[u32; KEYS]> {
        let mut cells = vec![[0; KEYS]];
        for (at, ((first, last), width)) in hulls.iter().zip(self.widths).enumerate() {
            let cell = |rank: &u32| rank.checked_shr(u32::from(width)).unwrap_or(0);
            let (first, last) = (cell(first), cell(last));
            let with = |cell: &[u32; KEYS], value: u32| {
                let mut cell = *cell;
                if let Some(part) = cell.get_mut(at) {
                    *part = value;
                }
                cell
            };
            cells = cells.iter().flat_map(|cell| (first..=last).map(move |value| with(cell, value))).collect();
        }
        cells
    }

    fn is_crowded(&self, hulls: [(u32, u32); KEYS]) -> bool {
        let of = |cell: [u32; KEYS]| self.crowd.get(slot(cell, self.crowd.len())).copied().unwrap_or(0);
        self.cells(hulls).into_iter().any(|cell| of(cell) > CROWD + self.entries.len() as u32 / 512)
    }

    fn add(&mut self, position: u32, hulls: [(u32, u32); KEYS]) {
        for cell in self.cells(hulls) {
            let slot = slot(cell, self.crowd.len());
            if let Some(crowd) = self.crowd.get_mut(slot) {
                *crowd += 1;
            }
            self.entries.push((cell, position));
        }
    }

    fn finish(self, rules: &[Rule]) -> Cells {
        let slots = (self.entries.len() * 2).next_power_of_two();
        let mut entries: Vec<(u32, u32)> =
            self.entries.iter().map(|(cell, position)| (slot(*cell, slots) as u32, *position)).collect();
        entries.sort_unstable();
        entries.dedup();
        let mut starts = vec![0_u32; slots + 1];
        for (slot, _) in &entries {
            if let Some(count) = starts.get_mut(*slot as usize + 1) {
                *count += 1;
            }
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let least = entries.iter().filter_map(|(_, position)| rules.get(*position as usize)).map(|rule| rule.number);
        Cells {
            widths: self.widths,
            least: least.min().unwrap_or(NONE),
            starts,
            rules: entries.into_iter().map(|(_, position)| position).collect(),
        }
    }
}

/// The dimensions with most ranks among those that rules have conditions on.
fn keys(rules: &Rules, ranks: &[u32], chosen: &[u32]) -> [Dim; KEYS] {
    let used = chosen.iter().fold(0, |used, rule| used | rules.mask(*rule));
    let mut dims: Vec<(u32, Dim)> =
        ranks.iter().copied().zip(0..).filter(|(_, dim)| used >> (dim & 31) & 1 == 1).collect();
    dims.sort_unstable_by(|a, b| b.cmp(a));
    let mut keys = [0; KEYS];
    for (key, (_, dim)) in keys.iter_mut().zip(dims) {
        *key = dim;
    }
    keys
}

/// The least and the greatest rank of a rule.
fn hull(rules: &Rules, sets: &Sets, ranks: &[u32], rule: u32, dim: Dim) -> (u32, u32) {
    let all = (0, ranks.get(usize::from(dim)).map_or(0, |ranks| ranks.saturating_sub(1)));
    match rules.condition(rule, dim).map(|set| sets.intervals(set)) {
        Some([(first, _), .., (_, last)] | [(first, last)]) => (*first, *last),
        _ => all,
    }
}
