//! The outside world of a node under test: two fake NICs, a console that remembers, and policies for them.

use crate::{Nic, Ports, Vitals};
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use plane::Event;
use policy::{
    Conntrack, CtState, Field, Function, FunctionId, FunctionKind, Gateway, Iface, IntervalSet, Ipv4Config, NicRef,
    Part, Parts, Place, Policy, Program, Route, Set, Sink, Static4, Step, Template, Test, Verdict,
};
use wire::{Buffer, Burst, Cidr, IfaceId, IpAddr, Ipv4Addr, MacAddr, Offload, PortId};

pub struct World {
    pub nics: Vec<Nic>,
    /// What each port will receive, and has transmitted.
    pub received: [VecDeque<Frame>; 2],
    pub transmitted: [Vec<Frame>; 2],
    pub lines: Vec<String>,
    pub events: Vec<String>,
    pub vitals: Option<Vitals>,
    pub flushes: u32,
}

impl World {
    pub fn new() -> Self {
        let nic = |last| Nic { mac: MacAddr([0xc0, 1, 10, 0, 0, last]), mtu: None, driver: "fake" };
        Self {
            nics: vec![nic(0), nic(1)],
            received: Default::default(),
            transmitted: Default::default(),
            lines: vec![],
            events: vec![],
            vitals: None,
            flushes: 0,
        }
    }
}

impl Ports for World {
    type Buffer = Frame;

    fn nics(&self) -> &[Nic] {
        &self.nics
    }

    fn receive(&mut self, PortId(port): PortId, burst: &mut Burst<Frame>) {
        while !burst.is_full()
            && let Some(frame) = self.received[usize::from(port)].pop_front()
        {
            burst.push(frame).unwrap();
        }
    }

    fn transmit(&mut self, PortId(port): PortId, frame: Frame) {
        self.transmitted[usize::from(port)].push(frame);
    }

    fn allocate(&mut self) -> Option<Frame> {
        Some(Frame::new(&[]))
    }

    fn flush(&mut self) {
        self.flushes += 1;
    }

    fn console(&mut self, line: &str) {
        assert!(!line.contains('\n'));
        self.lines.push(line.into());
    }

    fn event(&mut self, event: &Event<'_>) {
        self.events.push(format!("{event:?}"));
    }

    fn vitals(&mut self) -> Option<Vitals> {
        self.vitals
    }
}

/// A frame on the heap, with room before and behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    memory: Vec<u8>,
    start: usize,
}

impl Frame {
    pub fn new(bytes: &[u8]) -> Self {
        let mut memory = vec![0xee; Self::HEADROOM];
        memory.extend_from_slice(bytes);
        Self { memory, start: Self::HEADROOM }
    }
}

impl Buffer for Frame {
    fn head(&self) -> &[u8] {
        &self.memory[self.start..]
    }

    fn head_mut(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..]
    }

    fn len(&self) -> usize {
        self.memory.len() - self.start
    }

    fn truncate(&mut self, len: usize) {
        self.memory.truncate(self.start + len);
    }

    fn trim_front(&mut self, count: usize) -> bool {
        let fits = count <= self.len();
        self.start += if fits { count } else { 0 };
        fits
    }

    fn grow_front(&mut self, count: usize) -> bool {
        let fits = count <= self.start;
        self.start -= if fits { count } else { 0 };
        fits
    }

    fn set_len(&mut self, len: usize) -> bool {
        let fits = len <= 1600;
        if fits {
            self.memory.resize(self.start + len, 0xee);
        }
        fits
    }

    fn copy_out(&self, offset: usize, into: &mut [u8]) -> usize {
        let bytes = self.head().get(offset..).unwrap_or_default();
        into.iter_mut().zip(bytes).map(|(into, byte)| *into = *byte).count()
    }

    fn offload(&self) -> Offload {
        Offload::NONE
    }

    fn set_offload(&mut self, _: Offload) {}
}

pub fn iface(name: &str, index: u16) -> Iface {
    Iface {
        name: name.into(),
        nic: NicRef::Index(index),
        vlan: None,
        ipv4: Ipv4Config::Unconfigured,
        address6: vec![],
        gateway6: None,
        masquerade: false,
        prerouting: vec![],
        input: vec![],
        output: vec![],
        postrouting: vec![],
        buffer_limit: None,
        send_queue_limit: None,
        mtu: None,
        reverse_path: None,
        place: Place::NONE,
    }
}

pub fn parts(ifaces: Vec<Iface>) -> Parts {
    Parts { source: "seed.nacl".into(), ifaces, conntrack: Conntrack::default(), ..Parts::default() }
}

pub fn policy(ifaces: Vec<Iface>) -> Policy {
    Policy::new(parts(ifaces)).unwrap()
}

/// Two networks and a way out; forwarded is what goes to TCP port 80, and what answers it.
pub fn seed() -> Policy {
    let static4 = |address: [u8; 4], gateway: Option<[u8; 4]>| {
        let gateway = gateway.map(Ipv4Addr::from_octets);
        Ipv4Config::Static(Static4 { address: address.into(), prefix_len: 24, gateway, dns: None })
    };
    let mut outside = iface("outside", 0);
    outside.ipv4 = static4([10, 0, 0, 2], Some([10, 0, 0, 1]));
    outside.address6 = vec![("2001:db8::2".parse().unwrap(), 64)];
    let mut inside = iface("inside", 1);
    inside.ipv4 = static4([192, 168, 0, 1], None);
    let route = |net: [u8; 4], prefix_len, iface, nexthop: Option<[u8; 4]>| Route {
        name: "".into(),
        net: Cidr::masked(IpAddr::from(net), prefix_len).unwrap(),
        nexthop: nexthop.map(IpAddr::from),
        iface: IfaceId(iface),
        cost: 100,
        place: Place::NONE,
    };
    let mut parts = parts(vec![outside, inside]);
    parts.gateway = Some(Gateway {
        name: "gateway".into(),
        routes: vec![
            route([0, 0, 0, 0], 0, 0, Some([10, 0, 0, 1])),
            route([10, 0, 0, 0], 24, 0, None),
            route([192, 168, 0, 0], 24, 1, None),
        ],
        forward: vec![FunctionId(0)],
        send_time_exceeded: true,
        send_unreachable: true,
    });
    parts.functions = vec![web_only()];
    Policy::new(parts).unwrap()
}

/// `established`, or to TCP port 80; anything else is logged with its source and dropped.
fn web_only() -> Function {
    let number = |value| Set { numbers: IntervalSet::<u32>::new(vec![(value, value)]), ..Set::default() };
    let test = |field, set, otherwise| Step::Test { test: Test::In { field, set }, then: 3, otherwise };
    let steps = vec![
        test(Field::CtState, 0, 1),
        test(Field::TcpDport, 1, 2),
        Step::Log { template: 0, next: 4 },
        Step::End(Verdict::Accept),
        Step::End(Verdict::Drop),
    ];
    let template = Template {
        sink: Sink::Syslog { severity: 4 },
        parts: vec![Part::Text("dropped ".into()), Part::Field(Field::IpSaddr)],
    };
    let sets = vec![number(CtState::Established as u32), number(80)];
    let places = vec![Place::NONE; steps.len()];
    Function {
        name: "web_only".into(),
        kind: FunctionKind::Filter,
        program: Program::new(steps, places, sets, vec![template], vec![]).unwrap(),
        mentions_invalid: false,
        place: Place { line: 30, column: 1 },
    }
}
