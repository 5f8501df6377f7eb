//! The first rule that a packet lies in, by a forest of diagrams.
//!
//! One diagram of all rules is fastest, and may be far too large: (this source, any destination) and (any source, that
//! destination) multiply. Rules are therefore told apart by which of the two most telling dimensions they are *narrow*
//! in; a ladder of divisions is tried, from one diagram to four, until one stays within its budget. What resists even
//! then is divided by size, and at last searched in tables ([`Residue`]). The least rule of all is the answer.
//!
//! ```text
//!   heads   dimensions of a few ranks (ct.state, iif) choose a group; each group has a forest of its own rules
//!   roots   a record for each rank of the first dimension holds one edge per diagram that begins there
//!   forks   all diagrams of all groups, sharing what is equal within a rung
//! ```

mod ladder;
mod residue;

use crate::diagram::Rules;
use crate::sets::Sets;
use crate::space::Dim;
use alloc::vec::Vec;
use lanes::{BATCH, Edge, Fork, Level, Ranks, SLOTS, Walks};

pub(crate) use residue::Residue;

#[derive(Clone, Debug, Default)]
pub(crate) struct Forest {
    forks: Vec<Fork>,
    /// Dimensions that choose the group, and how far apart their ranks' cells are.
    heads: Vec<(Dim, u32)>,
    cells: Vec<u32>,
    groups: Vec<Group>,
    records: Vec<Edge>,
}

/// The rules of some packets, that the heads tell from others.
#[derive(Clone, Debug)]
struct Group {
    tables: Vec<Table>,
    /// Diagrams without a record.
    edges: Vec<Edge>,
    /// The least rule that any of those may answer.
    least: u32,
    residue: Option<Residue>,
}

/// Records for the ranks of a dimension.
#[derive(Clone, Copy, Debug)]
struct Table {
    dim: Dim,
    /// Where the record of rank 0 is.
    start: usize,
    /// How many edges a record has.
    width: usize,
    /// The least rule that any of them may answer.
    least: u32,
}

impl Table {
    /// Where the packet's record is.
    #[inline]
    fn at(&self, ranks: &Ranks) -> usize {
        self.start + ranks.0[usize::from(self.dim) % SLOTS] as usize * self.width
    }
}

/// What a forest has cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Bytes of all tables.
    pub bytes: usize,
    /// Diagrams that a look-up walks at most.
    pub diagrams: usize,
    /// Rules that no diagram has room for.
    pub residue: usize,
}

/// No rule.
pub(crate) const NONE: u32 = Edge::MAX_LEAF;

impl Forest {
    pub fn of(rules: &Rules, sets: &Sets, ranks: &[u32]) -> Self {
        ladder::build(rules, sets, ranks)
    }

    #[inline]
    fn group(&self, ranks: &Ranks) -> Option<&Group> {
        let mut cell = 0;
        for (dim, stride) in &self.heads {
            cell += ranks.0[usize::from(*dim) % SLOTS] as usize * *stride as usize;
        }
        self.groups.get(*self.cells.get(cell)? as usize)
    }

    #[inline]
    fn record(&self, table: &Table, ranks: &Ranks) -> &[Edge] {
        let start = table.at(ranks);
        self.records.get(start..start + table.width).unwrap_or(&[])
    }

    /// The first rule that the ranks lie in; [`NONE`] if there is none.
    #[inline]
    pub fn first(&self, level: Level, sets: &Sets, ranks: &Ranks) -> u32 {
        let Some(group) = self.group(ranks) else { return NONE };
        let mut best = NONE;
        for table in &group.tables {
            if table.least < best {
                best = level.walk(&self.forks, ranks, self.record(table, ranks), best);
            }
        }
        if group.least < best {
            best = level.walk(&self.forks, ranks, &group.edges, best);
        }
        match &group.residue {
            Some(residue) => residue.first(sets, ranks, 0, best),
            None => best,
        }
    }

    /// [`first`](Self::first) of the first `count` of a batch.
    pub fn first_many(
        &self,
        level: Level,
        sets: &Sets,
        ranks: &[Ranks; BATCH],
        count: usize,
        walks: &mut Walks,
    ) -> [u32; BATCH] {
        let mut best = [NONE; BATCH];
        walks.clear();
        let residues = match (&self.heads[..], &self.groups[..]) {
            // All packets are in the one group: what is known of its tables is for all.
            ([], [group]) => {
                for table in &group.tables {
                    let enough = walks.room() >= table.width * count;
                    for (packet, (ranks, best)) in ranks.iter().zip(&mut best).enumerate().take(count) {
                        self.begin(level, packet, ranks, self.record(table, ranks), enough, walks, best);
                    }
                }
                let enough = walks.room() >= group.edges.len() * count;
                for (packet, (ranks, best)) in ranks.iter().zip(&mut best).enumerate().take(count) {
                    self.begin(level, packet, ranks, &group.edges, enough, walks, best);
                }
                group.residue.is_some()
            }
            _ => {
                let mut some = false;
                for (packet, (ranks, best)) in ranks.iter().zip(&mut best).enumerate().take(count) {
                    let Some(group) = self.group(ranks) else { continue };
                    for table in &group.tables {
                        let enough = walks.room() >= table.width;
                        self.begin(level, packet, ranks, self.record(table, ranks), enough, walks, best);
                    }
                    let enough = walks.room() >= group.edges.len();
                    self.begin(level, packet, ranks, &group.edges, enough, walks, best);
                    some |= group.residue.is_some();
                }
                some
            }
        };
        level.walk_many(&self.forks, ranks, walks, &mut best);
        if residues {
            for (ranks, best) in ranks.iter().zip(&mut best).take(count) {
                if let Some(residue) = self.group(ranks).and_then(|group| group.residue.as_ref()) {
                    *best = residue.first(sets, ranks, 0, *best);
                }
            }
        }
        best
    }

    /// Begins a packet's walks if there is room `enough` for them, else goes them.
    #[inline]
    #[expect(clippy::too_many_arguments, reason = "one of three loops' bodies")]
    fn begin(
        &self,
        level: Level,
        packet: usize,
        ranks: &Ranks,
        edges: &[Edge],
        enough: bool,
        walks: &mut Walks,
        best: &mut u32,
    ) {
        if !enough {
            *best = level.walk(&self.forks, ranks, edges, *best);
            return;
        }
        for edge in edges {
            lanes::prefetch_at(&self.forks, edge.index());
            walks.begin(packet, *edge, best);
        }
    }

    /// The most forks and table entries that any look-up may visit.
    pub fn worst_steps(&self) -> usize {
        let depths = depths(&self.forks);
        let depth =
            |edge: &Edge| if edge.is_leaf() { 0 } else { depths.get(edge.index()).copied().unwrap_or(0) as usize };
        let of_group = |group: &Group| {
            let tables = group.tables.iter().map(|table| {
                let records = self.records.get(table.start..).unwrap_or(&[]).chunks(table.width.max(1));
                // The records of a table go on to the next table's or to the end.
                let end = self.end(table);
                let count = (end - table.start) / table.width.max(1);
                1 + records.take(count).map(|record| record.iter().map(depth).sum()).max().unwrap_or(0_usize)
            });
            let edges = group.edges.iter().map(depth);
            tables.chain(edges).sum::<usize>() + group.residue.as_ref().map_or(0, Residue::worst_steps)
        };
        self.heads.len() + self.groups.iter().map(of_group).max().unwrap_or(0)
    }

    fn end(&self, table: &Table) -> usize {
        let starts = self.groups.iter().flat_map(|group| &group.tables).map(|table| table.start);
        starts.filter(|start| *start > table.start).min().unwrap_or(self.records.len())
    }

    pub fn size(&self) -> Size {
        let residues = || self.groups.iter().filter_map(|group| group.residue.as_ref());
        let bytes = size_of_val(&self.forks[..])
            + size_of_val(&self.cells[..])
            + size_of_val(&self.records[..])
            + residues().map(Residue::bytes).sum::<usize>();
        let diagrams = |group: &Group| group.tables.iter().map(|table| table.width).sum::<usize>() + group.edges.len();
        Size {
            bytes,
            diagrams: self.groups.iter().map(diagrams).max().unwrap_or(0),
            residue: residues().map(Residue::len).sum(),
        }
    }
}

/// For each fork the longest way to a leaf. Forks lead to earlier ones.
pub(crate) fn depths(forks: &[Fork]) -> Vec<u32> {
    let mut depths: Vec<u32> = Vec::with_capacity(forks.len());
    for fork in forks {
        let below = |edge: Edge| if edge.is_leaf() { 0 } else { depths.get(edge.index()).copied().unwrap_or(0) };
        depths.push(1 + fork.ways().map(|(_, edge)| below(edge)).max().unwrap_or(0));
    }
    depths
}
