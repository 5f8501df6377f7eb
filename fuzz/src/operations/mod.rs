//! Sequences of everything that may happen to a router, held to its promises after every step.
//!
//! The first bytes choose a policy and how small its tables are; then each byte chooses an operation, which takes more
//! bytes: packets of every kind, answers and errors to what came out, fragments, packets of the box's own stack, time,
//! silent neighbors, no memory, floods. After every operation:
//!
//! - every packet that entered has left, was dropped for one reason, or waits; every drop was told; no frame is lost;
//! - no two connections share a tuple, no two mappings an outer endpoint: translation is injective;
//! - what leaves for a connection in the table has exactly its other tuple: back and forth is where it came from;
//! - every checksum that was right is right, every one that was wrong is wrong, what may not change has not changed;
//! - an error quotes the packet as its sender knows it;
//! - without input and before the next timer nothing happens;
//! - no table is larger than its limit.

mod buffer;
mod checks;
mod neighbors;
mod packets;
mod plan;
mod steps;
mod world;

use crate::Bytes;
use buffer::Frame;
use packets::{Part, Seen};
use plane::{Endpoints, Limits, Link, Plane};
use policy::{Ipv4Config, NicRef, Policy};
use std::collections::VecDeque;
use std::sync::OnceLock;
use wire::{IfaceId, Instant, IpAddr, Ipv4Addr, MacAddr, PortId};
use world::World;

const POLICIES: [(&str, &str); 7] = [
    ("seed.nacl", include_str!("../../../examples/seed.nacl")),
    ("seed6.nacl", include_str!("../../../examples/seed6.nacl")),
    ("nat.nacl", include_str!("../../policies/nat.nacl")),
    ("stateful.nacl", include_str!("../../policies/stateful.nacl")),
    ("vlan.nacl", include_str!("../../policies/vlan.nacl")),
    ("balancer.nacl", include_str!("../../policies/balancer.nacl")),
    ("places.nacl", include_str!("../../policies/places.nacl")),
];

/// Packets of one run; no more have numbers.
const MAX_INPUTS: usize = 20_000;
/// Packets that came out and may be answered.
const REMEMBERED: usize = 16;

pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let mut router = Router::new(&mut bytes);
    while !bytes.is_empty() && router.inputs.len() < MAX_INPUTS {
        router.step(&mut bytes);
        router.check_accounts();
        router.check_tables();
        router.check_idle();
    }
    router.drain();
}

fn policies() -> &'static [Policy] {
    static POLICY: OnceLock<Vec<Policy>> = OnceLock::new();
    let compile = |(name, text): &(&str, &str)| nacl::compile(&nacl::Source::new(*name, *text)).policy;
    POLICY.get_or_init(|| POLICIES.iter().map(|source| compile(source).expect("the policies compile")).collect())
}

/// A packet that was sent to the router, or by its own stack.
struct Input {
    /// As its sender sent it.
    tuple: Endpoints,
    /// The packet; of a datagram in fragments the first one.
    packet: Vec<u8>,
    ttl: u8,
    /// Transport header and payload without what may change.
    carried: Vec<u8>,
    /// It was sent in fragments.
    cut: bool,
    wrong: bool,
    /// A UDP datagram without a checksum.
    zero: bool,
    /// How it leaves, as far as the tables said right after its walk.
    leaves_as: Option<Endpoints>,
    /// Of an ICMP error the packet that it quotes; how that leaves.
    quotes: Option<Endpoints>,
    quotes_as: Option<Endpoints>,
}

/// A whole packet that came out.
struct Output {
    iface: IfaceId,
    bytes: Vec<u8>,
    seen: Seen,
    /// It went to the box's own stack.
    delivered: bool,
}

/// What makes fragments that left one datagram: Iface, addresses, identification.
type DatagramKey = (IfaceId, IpAddr, IpAddr, u32);

type Pieces = Vec<(Part, Vec<u8>)>;

struct Router {
    policy: &'static Policy,
    plane: Plane<Frame>,
    world: World,
    now: Instant,
    limits: Limits,
    inputs: Vec<Input>,
    outputs: VecDeque<Output>,
    /// Fragments that came out, of datagrams of which not all has.
    parts: Vec<(DatagramKey, Pieces)>,
    /// Hosts whose address ends so do not answer.
    silent: u8,
    /// Bytes were sent that nobody has looked at: what they become cannot be judged.
    raw: bool,
    /// Questions of the router to its neighbors, to be answered.
    questions: Vec<(IfaceId, IpAddr)>,
    ids: u16,
}

fn mac_of(address: IpAddr) -> MacAddr {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            MacAddr([2, 4, a, b, c, d])
        }
        IpAddr::V6(address) => {
            let [.., a, b, c, d] = address.octets();
            MacAddr([2, 6, a, b, c, d])
        }
    }
}

/// What an Iface's address becomes when its lease changes.
fn other_lease(address: Ipv4Addr) -> Ipv4Addr {
    Ipv4Addr::from_bits(address.to_bits() ^ 4)
}

impl Router {
    fn new(bytes: &mut Bytes<'_>) -> Self {
        let policies = policies();
        let policy = &policies[usize::from(bytes.u8()) % policies.len()];
        let sizes = bytes.u8();
        let limits = Limits {
            flows: [1, 2, 4, 16, 64, 3, 8, 32][usize::from(sizes & 7)],
            neighbors: [1, 8, 16, 64][usize::from(sizes >> 3 & 3)],
            held: [1, 2, 8, 256][usize::from(sizes >> 5 & 3)],
            fragments: [8 << 10, 128 << 10][usize::from(sizes >> 7)],
        };
        let links = policy.ifaces.iter().map(|iface| {
            let NicRef::Index(index) = iface.nic else { unreachable!("these policies number their NICs") };
            let mac = MacAddr([0x52, 0x54, 0, 0, 0, index as u8]);
            Link { port: PortId(index), mac, mtu: iface.mtu.unwrap_or(1500) }
        });
        let seed = [bytes.u8(); 32];
        let plane = Plane::new(policy.clone(), links.collect(), limits, seed, Instant::BOOT);
        let mut router = Self {
            policy,
            plane,
            world: World::new(),
            now: Instant::BOOT,
            limits,
            inputs: Vec::new(),
            outputs: VecDeque::new(),
            parts: Vec::new(),
            silent: 255,
            raw: false,
            questions: Vec::new(),
            ids: 0,
        };
        router.run_timers();
        router
    }

    /// The Iface on whose link an address is, or else the first that has one.
    fn iface_of(&self, address: IpAddr) -> IfaceId {
        let near = |iface: &policy::Iface| match address {
            IpAddr::V4(address) => match iface.ipv4 {
                Ipv4Config::Static(own) => {
                    wire::Cidr4::masked(own.address, own.prefix_len).is_ok_and(|net| net.contains(address))
                }
                _ => false,
            },
            IpAddr::V6(address) => iface
                .address6
                .iter()
                .any(|(own, len)| wire::Cidr6::masked(*own, *len).is_ok_and(|net| net.contains(address))),
        };
        let has_address = |iface: &policy::Iface| !matches!(iface.ipv4, Ipv4Config::Unconfigured);
        let at = self.policy.ifaces.iter().position(near).or_else(|| self.policy.ifaces.iter().position(has_address));
        IfaceId(at.expect("an Iface has an address") as u16)
    }

    fn link(&self, iface: IfaceId) -> Link {
        self.plane.links()[usize::from(iface.0)]
    }

    fn vlan(&self, iface: IfaceId) -> Option<u16> {
        self.policy.ifaces[usize::from(iface.0)].vlan
    }

    /// Every timer that is due, and what neighbors say to it.
    fn run_timers(&mut self) {
        for _ in 0..10_000 {
            if self.plane.poll_timeout().is_none_or(|at| at > self.now) {
                return;
            }
            self.plane.handle_timeout(self.now, &mut self.world);
            self.look();
        }
        panic!("there is always a timer due");
    }

    /// Lets time pass, each timer at its moment.
    fn advance(&mut self, until: Instant) {
        for _ in 0..10_000 {
            match self.plane.poll_timeout() {
                Some(at) if at <= until => self.now = self.now.max(at),
                _ => break,
            }
            self.run_timers();
        }
        self.now = self.now.max(until);
        self.run_timers();
    }
}
