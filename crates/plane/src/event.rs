//! What the plane tells its host: what happened, and how often.

use crate::DropReason;
use alloc::vec::Vec;
use wire::{Buffer, IfaceId, IpAddr, PortId};

/// The plane's way out: buffers, and somewhere to put frames and events. The host passes one to every call that may
/// send; the plane keeps none of it.
pub trait Outlet<B: Buffer> {
    /// An empty frame with [`Buffer::HEADROOM`], room for at least 1,600 bytes, and no offload.
    fn allocate(&mut self) -> Option<B>;

    /// Sends a frame out of a NIC. What it becomes of it is the host's business: it may queue, never block.
    fn transmit(&mut self, port: PortId, frame: B);

    /// Hands a frame to the box's own stack on this Iface: Ethernet without a VLAN tag, checksums verified.
    fn deliver(&mut self, iface: IfaceId, frame: B);

    /// Tells something. The event borrows from the plane, so the host renders or copies it at once.
    fn event(&mut self, event: Event<'_>);
}

/// Something that an operator may want to see as one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A log line for the console, rate-limited already. With a severity: of a `syslog` action of a policy without
    /// Syslog (0 to 7, RFC 5424 §6.2.1).
    Log { severity: Option<u8>, text: &'a str },
    /// So many log lines of the last second were lost to the rate limit and to full queues.
    Suppressed { lines: u64 },
    /// Another station uses one of our addresses: given up if IPv6 (RFC 4862 §5.4), kept if IPv4 (RFC 5227 §2.4).
    DuplicateAddress { iface: IfaceId, address: IpAddr },
    /// A packet went nowhere.
    Dropped { iface: Option<IfaceId>, reason: DropReason },
}

/// Where every packet went. For each row: `received` = the sum of where the packets went, those still held aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counters {
    ifaces: Vec<IfaceCounters>,
}

/// One row of [`Counters`]; packets, not bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IfaceCounters {
    /// Frames that came in by this Iface.
    pub received: u64,
    /// Packets of them that left by some Iface.
    pub forwarded: u64,
    /// Packets of them that were handed to the box's own stack.
    pub delivered: u64,
    /// Packets of them that the plane itself used up: ARP, neighbor and listener discovery messages, answers to the
    /// balancer's probes, SYNs that are repeated by who waits already.
    pub link: u64,
    /// Packets that the box itself made as this Iface, its errors and log datagrams among them.
    pub originated: u64,
    /// Packets of those that left.
    pub sent: u64,
    /// Frames sent out of this Iface, link messages included.
    pub transmitted: u64,
    drops: [u64; DropReason::COUNT],
}

impl Default for IfaceCounters {
    fn default() -> Self {
        Self {
            received: 0,
            forwarded: 0,
            delivered: 0,
            link: 0,
            originated: 0,
            sent: 0,
            transmitted: 0,
            drops: [0; DropReason::COUNT],
        }
    }
}

impl IfaceCounters {
    pub fn dropped(&self, reason: DropReason) -> u64 {
        self.drops.get(reason as usize).copied().unwrap_or(0)
    }

    /// All reasons with their counts, zeros included.
    pub fn drops(&self) -> impl Iterator<Item = (DropReason, u64)> + '_ {
        DropReason::ALL.iter().map(|&reason| (reason, self.dropped(reason)))
    }

    pub(crate) fn count_drop(&mut self, reason: DropReason) {
        if let Some(count) = self.drops.get_mut(reason as usize) {
            *count += 1;
        }
    }
}

impl Counters {
    pub(crate) fn new(ifaces: usize) -> Self {
        Self { ifaces: alloc::vec![IfaceCounters::default(); ifaces + 1] }
    }

    /// The row of an Iface; `None` for frames that belong to no Iface.
    pub fn iface(&self, iface: Option<IfaceId>) -> &IfaceCounters {
        &self.ifaces[self.row(iface)]
    }

    pub(crate) fn iface_mut(&mut self, iface: Option<IfaceId>) -> &mut IfaceCounters {
        let row = self.row(iface);
        &mut self.ifaces[row]
    }

    /// Packets have come in by one Iface and gone out by another.
    pub(crate) fn pass(&mut self, iif: IfaceId, oif: IfaceId, packets: u64) {
        let row = self.iface_mut(Some(iif));
        row.received += packets;
        row.forwarded += packets;
        self.iface_mut(Some(oif)).transmitted += packets;
    }

    /// The last row is that of frames without an Iface.
    fn row(&self, iface: Option<IfaceId>) -> usize {
        let last = self.ifaces.len() - 1;
        iface.map_or(last, |IfaceId(at)| usize::from(at).min(last))
    }

    /// How often a reason occurred on all Ifaces together.
    pub fn dropped(&self, reason: DropReason) -> u64 {
        self.ifaces.iter().map(|row| row.dropped(reason)).sum()
    }

    /// All rows summed up.
    pub fn total(&self) -> IfaceCounters {
        self.ifaces.iter().fold(IfaceCounters::default(), |mut sum, row| {
            sum.received += row.received;
            sum.forwarded += row.forwarded;
            sum.delivered += row.delivered;
            sum.link += row.link;
            sum.originated += row.originated;
            sum.sent += row.sent;
            sum.transmitted += row.transmitted;
            for (sum, drops) in sum.drops.iter_mut().zip(row.drops) {
                *sum += drops;
            }
            sum
        })
    }
}
