//! Packets at the bounds of a program's sets, and a world that remembers what was done.

use super::super::{Header, World, interpret};
use super::Random;
use policy::{AddrRef, Field, LimitId, Program, Step, StepId, Test, Translation, Verdict};
use std::collections::BTreeMap;
use std::vec;
use std::vec::Vec;
use wire::{IfaceId, IpAddr};

/// For each field the values where some test of the program may change its answer.
pub struct Bounds {
    numbers: BTreeMap<Field, Vec<u32>>,
    v4: Vec<u32>,
    v6: Vec<u128>,
}

impl Bounds {
    pub fn of(program: &Program) -> Self {
        let mut bounds = Self { numbers: BTreeMap::new(), v4: vec![0x0a00_0001], v6: vec![1] };
        for step in program.steps() {
            match step {
                Step::Test { test: Test::In { field, set }, .. } => {
                    let set = &program.sets()[*set as usize];
                    let numbers = bounds.numbers.entry(*field).or_default();
                    for (low, high) in set.numbers.intervals() {
                        numbers.extend([low.wrapping_sub(1), *low, *high, high.wrapping_add(1)]);
                    }
                    for (low, high) in set.v4.intervals() {
                        bounds.v4.extend([low.wrapping_sub(1), *low, *high, high.wrapping_add(1)]);
                    }
                    for (low, high) in set.v6.intervals() {
                        bounds.v6.extend([low.wrapping_sub(1), *low, *high, high.wrapping_add(1)]);
                    }
                }
                Step::Test { test: Test::IsAddress { address: AddrRef::Fixed(address), .. }, .. } => match address {
                    IpAddr::V4(address) => bounds.v4.extend([address.to_bits().wrapping_sub(1), address.to_bits()]),
                    IpAddr::V6(address) => bounds.v6.extend([address.to_bits().wrapping_sub(1), address.to_bits()]),
                },
                _ => {}
            }
        }
        bounds
    }

    /// A packet; one in ten is anything.
    pub fn packet(&self, random: &mut Random) -> Header {
        let mut header = Header::new();
        let uniform = random.percent(10);
        for field in Field::ALL {
            if field.is_address() {
                if random.percent(97) {
                    header.set_address(*field, self.address(random, uniform));
                }
            } else if is_transport(*field) {
                continue;
            } else if random.percent(90) {
                header.set_number(*field, self.number(*field, random, uniform));
            }
        }
        match random.below(5) {
            0 | 1 => self.fill(&mut header, random, uniform, "tcp."),
            2 => self.fill(&mut header, random, uniform, "udp."),
            3 => self.fill(&mut header, random, uniform, ["icmp.", "icmpv6."][random.clone().below(2) as usize]),
            _ => {}
        }
        header
    }

    fn fill(&self, header: &mut Header, random: &mut Random, uniform: bool, prefix: &str) {
        for field in Field::ALL.iter().filter(|field| field.name().starts_with(prefix)) {
            header.set_number(*field, self.number(*field, random, uniform));
        }
    }

    fn number(&self, field: Field, random: &mut Random, uniform: bool) -> u32 {
        match self.numbers.get(&field) {
            Some(values) if !values.is_empty() && !uniform => *random.pick(values),
            _ if random.percent(50) => random.bits(),
            _ => random.below(70_000) as u32,
        }
    }

    fn address(&self, random: &mut Random, uniform: bool) -> IpAddr {
        match (random.percent(65), uniform) {
            (true, false) => IpAddr::V4((*random.pick(&self.v4)).into()),
            (false, false) => IpAddr::V6((*random.pick(&self.v6)).into()),
            (true, true) => IpAddr::V4(random.bits().into()),
            (false, true) => IpAddr::V6((u128::from(random.next()) << 64 | u128::from(random.next())).into()),
        }
    }
}

fn is_transport(field: Field) -> bool {
    ["tcp.", "udp.", "icmp.", "icmpv6."].iter().any(|prefix| field.name().starts_with(prefix))
}

/// Answers from a seed, the same to whoever asks the same in the same order, and keeps what happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorder {
    pub happened: Vec<Event>,
    seed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Log(StepId),
    Limit(LimitId, bool),
    Translate(StepId, bool),
}

impl Recorder {
    pub fn new(seed: u64) -> Self {
        Self { happened: vec![], seed }
    }

    /// This world with a packet in it.
    pub fn with<'a>(&'a mut self, header: &'a Header) -> Meeting<'a> {
        Meeting { recorder: self, header }
    }

    /// Runs a program step by step.
    pub fn interpret(&mut self, program: &Program, header: &Header) -> Result<Verdict, StepId> {
        interpret(program, &mut self.with(header))
    }

    pub fn address(&self, address: AddrRef) -> Option<IpAddr> {
        match address {
            AddrRef::Fixed(address) => Some(address),
            AddrRef::Iface(IfaceId(0)) => Some(IpAddr::from([10, 0, 0, 1])),
            AddrRef::Iface(_) => None,
        }
    }

    pub fn log(&mut self, step: StepId) {
        self.happened.push(Event::Log(step));
    }

    pub fn limit(&mut self, limit: LimitId) -> bool {
        let has = self.flip(u64::from(limit)) & 1 == 0;
        self.happened.push(Event::Limit(limit, has));
        has
    }

    pub fn translate(&mut self, step: StepId) -> Result<bool, StepId> {
        let choice = self.flip(u64::from(step)) % 8;
        self.happened.push(Event::Translate(step, choice < 4));
        if choice == 7 { Err(step) } else { Ok(choice < 4) }
    }

    fn flip(&self, what: u64) -> u64 {
        Random(self.seed ^ what << 20 ^ (self.happened.len() as u64) << 8).next()
    }
}

/// A [`Recorder`] and a packet.
pub struct Meeting<'a> {
    recorder: &'a mut Recorder,
    header: &'a Header,
}

impl World for Meeting<'_> {
    type Packet = Header;
    type Refusal = StepId;

    fn packet(&self) -> &Header {
        self.header
    }

    fn address(&self, address: AddrRef) -> Option<IpAddr> {
        self.recorder.address(address)
    }

    fn log(&mut self, step: StepId) {
        self.recorder.log(step);
    }

    fn limit(&mut self, limit: LimitId) -> bool {
        self.recorder.limit(limit)
    }

    fn translate(&mut self, step: StepId, _: &Translation) -> Result<bool, StepId> {
        self.recorder.translate(step)
    }
}
