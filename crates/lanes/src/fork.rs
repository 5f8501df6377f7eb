//! Nodes of decision diagrams, and what walks over them carry.

/// How many values a packet has in a diagram: the number of dimensions.
pub const SLOTS: usize = 32;

/// How many packets a batch has at most.
pub const BATCH: usize = 32;

/// For each dimension the number of the elementary interval that the packet's value lies in; below 2³¹ − 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct Ranks(pub [u32; SLOTS]);

impl Default for Ranks {
    fn default() -> Self {
        Self([0; SLOTS])
    }
}

/// Where a walk goes next.
///
/// ```text
///   1 | value (31)                   a leaf
///   0 | slot (5) | fork (26)         on to a fork, which looks at the rank in `slot`
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Edge(pub(crate) u32);

impl Edge {
    /// The leaf of a diagram that has nothing to say; above all others.
    pub const NONE: Self = Self::leaf(Self::MAX_LEAF);

    pub const MAX_LEAF: u32 = 0x7fff_ffff;
    pub const MAX_FORKS: usize = 1 << 26;

    pub const fn leaf(value: u32) -> Self {
        Self(1 << 31 | value)
    }

    /// `slot` below [`SLOTS`], `fork` below [`Edge::MAX_FORKS`].
    pub const fn fork(slot: usize, fork: usize) -> Self {
        Self((slot as u32 & 31) << 26 | (fork as u32 & 0x3ff_ffff))
    }

    /// As the layout above draws it.
    pub const fn bits(self) -> u32 {
        self.0
    }

    #[inline(always)]
    pub const fn is_leaf(self) -> bool {
        self.0 >> 31 != 0
    }

    /// A leaf's value.
    #[inline(always)]
    pub const fn value(self) -> u32 {
        self.0 & Self::MAX_LEAF
    }

    #[inline(always)]
    pub const fn slot(self) -> usize {
        (self.0 >> 26) as usize & 31
    }

    #[inline(always)]
    pub const fn index(self) -> usize {
        (self.0 & 0x3ff_ffff) as usize
    }
}

/// A fork of up to eight ways: as many ways on as there are keys below the rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(C, align(64))]
pub struct Fork {
    /// The last rank that takes each way; of the last way, and of those that there are not, more than any.
    pub(crate) keys: [u32; 8],
    pub(crate) edges: [Edge; 8],
}

impl Fork {
    pub const WAYS: usize = 8;
    /// Above every rank.
    pub(crate) const UNUSED: u32 = 0x7fff_ffff;

    /// From at most eight ways, ascending, with the first rank that takes each; the first way is for everything below
    /// the second.
    pub fn new(ways: impl IntoIterator<Item = (u32, Edge)>) -> Self {
        let mut fork = Self { keys: [Self::UNUSED; 8], edges: [Edge::NONE; 8] };
        for (at, (first, edge)) in ways.into_iter().take(Self::WAYS).enumerate() {
            fork.edges[at] = edge;
            if at > 0 {
                fork.keys[at - 1] = first.saturating_sub(1);
            }
        }
        fork
    }

    /// Its ways: the first rank that takes each, and where it leads.
    pub fn ways(&self) -> impl Iterator<Item = (u32, Edge)> + '_ {
        let behind = self.keys.iter().filter(|last| **last != Self::UNUSED).map(|last| last + 1);
        core::iter::once(0).chain(behind).zip(self.edges)
    }

    /// The same fork with the edges changed.
    #[must_use]
    pub fn map(mut self, change: impl Fn(Edge) -> Edge) -> Self {
        for edge in &mut self.edges {
            *edge = change(*edge);
        }
        self
    }
}

/// Walks that are under way for a batch of packets: each an edge and the number of its packet.
pub struct Walks {
    pub(crate) edges: [Edge; Walks::ROOM],
    pub(crate) packets: [u32; Walks::ROOM],
    pub(crate) len: usize,
}

impl Walks {
    /// Eight walks for each packet of a batch.
    pub const ROOM: usize = BATCH * 8;

    pub const fn new() -> Self {
        Self { edges: [Edge::NONE; Self::ROOM], packets: [0; Self::ROOM], len: 0 }
    }

    pub const fn clear(&mut self) {
        self.len = 0;
    }

    /// How many more can begin.
    #[inline(always)]
    pub const fn room(&self) -> usize {
        Self::ROOM.saturating_sub(self.len)
    }

    /// Begins a walk, for which there must be [`room`](Self::room); a leaf ends it at once, and `best` keeps the least.
    #[inline(always)]
    pub fn begin(&mut self, packet: usize, edge: Edge, best: &mut u32) {
        let at = self.len % Self::ROOM;
        (self.edges[at], self.packets[at]) = (edge, packet as u32);
        // A leaf's value; of a fork more than any.
        let found = edge.0 ^ 1 << 31;
        *best = (*best).min(found);
        self.len += (found >> 31) as usize;
    }
}

impl Default for Walks {
    fn default() -> Self {
        Self::new()
    }
}
