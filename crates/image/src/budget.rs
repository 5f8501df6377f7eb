//! How memory is divided: buffers and queues first, the router's tables from the rest.

use core::fmt;
use virtio::{PAGE, Pool};

/// What the network devices get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferBudget {
    /// Bytes of a buffer.
    pub buffer_size: u16,
    /// The most descriptors of a queue.
    pub queue_size: u16,
    /// Buffers in all, …
    pub buffers: u16,
    /// … and how many of them fragments may keep while they wait for the rest of their datagram.
    pub for_fragments: u16,
}

/// Memory is too little for this many NICs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLittle {
    pub available: usize,
    pub nics: usize,
}

/// Buffer and queue sizes to choose from, best first. A large buffer holds an offload frame in few pieces; a long
/// queue rides out the moments in which the hypervisor gives us no CPU.
const CHOICES: [(u16, u16); 5] = [(4096, 256), (2048, 256), (2048, 128), (2048, 64), (2048, 32)];
/// Buffers get this part of the memory at most.
const PART: usize = 4;
/// Those for fragments get this part, …
const FRAGMENTS_PART: usize = 16;
/// … or so many bytes where that is less.
const FRAGMENTS_MAX: usize = 4 << 20;

impl BufferBudget {
    /// Divides `available` bytes among `nics` devices: for each as many buffers as both its queues hold, and for all
    /// together one queue more, for frames that wait for a neighbor, and some for fragments: nobody's flood of them
    /// leaves a receive queue empty.
    pub fn new(available: usize, nics: usize) -> Result<Self, TooLittle> {
        CHOICES
            .into_iter()
            .find_map(|(buffer_size, queue_size)| {
                let for_fragments = (available / FRAGMENTS_PART).min(FRAGMENTS_MAX) / usize::from(buffer_size);
                let for_queues = usize::from(queue_size).checked_mul(nics.checked_mul(2)?.checked_add(1)?)?;
                let buffers = u16::try_from(for_queues.checked_add(for_fragments)?).ok()?;
                let for_fragments = for_fragments as u16;
                let bytes = Pool::pages(buffers, buffer_size) * PAGE;
                let fits = bytes <= available / PART && buffers < u16::MAX;
                fits.then_some(Self { buffer_size, queue_size, buffers, for_fragments })
            })
            .ok_or(TooLittle { available, nics })
    }

    pub fn pages(&self) -> usize {
        Pool::pages(self.buffers, self.buffer_size)
    }

    /// Bytes that fragments may keep as the router counts them: 2 KiB for each buffer, whatever its size.
    pub fn fragment_bytes(&self) -> u32 {
        u32::from(self.for_fragments) * 2048
    }
}

/// The router's own tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableBudget {
    /// Connections, where the policy does not say.
    pub flows: u32,
    /// Connections at most, whatever the policy says.
    pub flows_ceiling: u32,
}

/// Bytes of a connection in the table, its place in the index included.
const FLOW: usize = 256;
/// A table that nobody asked for need not take the time to be made: 16 MiB of it are enough.
const DEFAULT_FLOWS: u32 = 65_536;

impl TableBudget {
    /// Divides what is left, in bytes, when everything else has its memory.
    pub fn new(available: usize) -> Self {
        let flows = |part: usize| u32::try_from(available / part / FLOW).unwrap_or(u32::MAX);
        Self { flows: flows(3).clamp(64, DEFAULT_FLOWS), flows_ceiling: flows(2).max(64) }
    }
}

impl fmt::Display for BufferBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { buffer_size, queue_size, buffers, .. } = self;
        write!(
            f,
            "{buffers} buffers of {buffer_size} bytes, queues of {queue_size}, {} KiB",
            self.pages() * PAGE / 1024
        )
    }
}

impl fmt::Display for TooLittle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { available, nics } = self;
        write!(f, "{} KiB of free memory are too little for the buffers of {nics} NICs", available / 1024)
    }
}

impl core::error::Error for TooLittle {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_shrink_with_memory_and_never_take_more_than_a_quarter() {
        let mib = 1 << 20;
        //  memory   NICs  buffer, queue
        let table = [
            (64, 2, Some((4096, 256))),
            (16, 2, Some((2048, 256))),
            (8, 2, Some((2048, 128))),
            (5, 2, Some((2048, 64))),
            (2, 2, Some((2048, 32))),
            (1, 2, None),
            (64, 8, Some((2048, 256))),
            (4096, 2000, None),
        ];
        for (memory, nics, expected) in table {
            let budget = BufferBudget::new(memory * mib, nics);
            assert_eq!(budget.ok().map(|b| (b.buffer_size, b.queue_size)), expected, "{memory} MiB, {nics} NICs");
            if let Ok(budget) = budget {
                assert!(budget.pages() * PAGE * PART <= memory * mib);
                let fragments = usize::from(budget.for_fragments) * usize::from(budget.buffer_size);
                assert!(fragments > 0 && fragments <= FRAGMENTS_MAX && fragments * FRAGMENTS_PART <= memory * mib);
                let rest = usize::from(budget.buffers - budget.for_fragments);
                assert_eq!(rest, usize::from(budget.queue_size) * (2 * nics + 1), "none of the queues'");
            }
        }
    }

    #[test]
    fn tables_are_sized_by_what_is_left() {
        assert_eq!(TableBudget::new(0), TableBudget { flows: 64, flows_ceiling: 64 });
        assert_eq!(TableBudget::new(3 << 20).flows, 4096);
        assert_eq!(TableBudget::new(1 << 30).flows, DEFAULT_FLOWS);
        assert_eq!(TableBudget::new(1 << 30).flows_ceiling, 2 << 20);
    }
}
