//! What a verdict is drawn from: whether it can be remembered for a flow.
//!
//! A program is followed from its first step with `ct.state` known and everything else open; what the steps that can
//! be reached ask for and do is what its verdict may depend on. A verdict that depends on nothing but what all packets
//! of a flow in one direction have in common ([`Depends::is_of_flow`]) is the same for all of them. What is to be known
//! of that per packet is worked out for each chain beforehand ([`Alike`]).

use alloc::vec;
use alloc::vec::Vec;
use policy::{AddrRef, CtState, Field, FunctionKind, Hook, Part, Policy, Program, Step, StepId, Test, Translation};
use wire::IfaceId;

/// What the verdict of one program, or of a chain, may depend on, and what else judging a packet does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Depends {
    /// A bit for each [`Field`].
    fields: u32,
    /// Token buckets, which also change.
    pub limits: bool,
    /// Log lines are written.
    pub logs: bool,
    /// Addresses that an Iface has at run time: [`Plane::set_address4`](crate::Plane::set_address4) may change the
    /// verdict.
    pub addresses: bool,
}

/// All packets of a flow that travel in one direction, in one `ct.state`, from one Iface to another, agree in these.
/// (Fragments are no packets, so that the offset is always 0.)
const OF_FLOW: [Field; 12] = [
    Field::IpVersion,
    Field::IpProtocol,
    Field::IpSaddr,
    Field::IpDaddr,
    Field::IpFragOff,
    Field::UdpSport,
    Field::UdpDport,
    Field::TcpSport,
    Field::TcpDport,
    Field::CtState,
    Field::Iif,
    Field::Oif,
];

impl Depends {
    /// Of a program, for each `ct.state` of the packets that it is run on.
    pub fn of(program: &Program) -> [Self; 4] {
        let mut depends = [Self::default(); 4];
        // For each step the states in which it may be reached, a bit each.
        let mut reached = vec![0_u8; program.steps().len()];
        if let Some(first) = reached.first_mut() {
            *first = 0b1111;
        }
        // Edges only lead forward, so that all is known about a step before it is looked at.
        for (at, step) in program.steps().iter().enumerate() {
            let states = reached.get(at).copied().unwrap_or(0);
            let mut reach = |step: StepId, states: u8| {
                if let Some(reached) = reached.get_mut(step as usize) {
                    *reached |= states;
                }
            };
            let here = depends.iter_mut().enumerate().filter(|(state, _)| states >> state & 1 != 0);
            let here = here.map(|(_, depends)| depends);
            match step {
                Step::Test { test: Test::In { field: Field::CtState, set }, then, otherwise } => {
                    let set = program.sets().get(*set as usize);
                    let holds = |state: u32| set.is_some_and(|set| set.contains_number(state));
                    let holds = (0..4).filter(|state| holds(*state)).fold(0, |bits, state| bits | 1 << state);
                    here.for_each(|depends| depends.add(Field::CtState));
                    reach(*then, states & holds);
                    reach(*otherwise, states & !holds);
                }
                Step::Test { test, then, otherwise } => {
                    here.for_each(|depends| depends.test(test));
                    reach(*then, states);
                    reach(*otherwise, states);
                }
                Step::Log { template, next } => {
                    let parts = program.templates().get(*template as usize).map(|template| &template.parts[..]);
                    let is_own = |part: &Part| matches!(part, Part::Address(AddrRef::Iface(_)));
                    let addresses = parts.unwrap_or_default().iter().any(is_own);
                    here.for_each(|depends| {
                        depends.logs = true;
                        depends.addresses |= addresses;
                    });
                    reach(*next, states);
                }
                Step::Translate { translation, otherwise } => {
                    let is_fixed = matches!(
                        translation,
                        Translation::Dnat { address: None | Some(AddrRef::Fixed(_)), .. }
                            | Translation::Snat { address: None | Some(AddrRef::Fixed(_)), .. }
                    );
                    here.for_each(|depends| {
                        depends.add(Field::IpVersion);
                        depends.addresses |= !is_fixed;
                    });
                    reach(*otherwise, states);
                }
                Step::End(_) => {}
            }
        }
        depends
    }

    fn test(&mut self, test: &Test) {
        match test {
            Test::In { field, .. } => self.add(*field),
            Test::Compare { left, right, .. } => {
                self.add(*left);
                self.add(*right);
            }
            Test::IsAddress { field, address, .. } => {
                self.add(*field);
                self.addresses |= matches!(address, AddrRef::Iface(_));
            }
            Test::TcpFlags { .. } => self.add(Field::TcpFlags),
            Test::Limit(_) => self.limits = true,
        }
    }

    fn add(&mut self, field: Field) {
        self.fields |= 1 << field as u32;
    }

    /// May the verdict depend on this field?
    pub const fn on(&self, field: Field) -> bool {
        self.fields >> field as u32 & 1 != 0
    }

    /// Is the verdict the same for all packets of a flow that travel in one direction, with the same `ct.state`,
    /// between the same Ifaces; and is nothing done beside drawing it but counting? As long as no Iface changes its
    /// address, if [`addresses`](Self::addresses) is set.
    pub fn is_of_flow(&self) -> bool {
        let of_flow = OF_FLOW.iter().fold(0, |fields, field| fields | 1 << *field as u32);
        self.fields & !of_flow == 0 && !self.limits && !self.logs
    }

    /// What both depend on.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            fields: self.fields | other.fields,
            limits: self.limits | other.limits,
            logs: self.logs | other.logs,
            addresses: self.addresses | other.addresses,
        }
    }
}

/// [`Depends`] of all functions, for each state.
#[derive(Debug, Default)]
pub(crate) struct Dependencies {
    /// For each function, by `ct.state`.
    functions: Vec<[Depends; 4]>,
}

impl Dependencies {
    pub fn new(policy: &Policy) -> Self {
        Self { functions: policy.functions.iter().map(|function| Depends::of(&function.program)).collect() }
    }

    /// Which packets of a flow fare alike in a chain. Nat functions judge the first of them alone; what they decide is the
    /// flow's from then on, and so does not count here.
    pub fn alike(&self, policy: &Policy, hook: Hook, iface: IfaceId) -> Alike {
        let filters = policy
            .chain(hook, iface)
            .iter()
            .filter(|id| policy.function(**id).is_some_and(|function| function.kind == FunctionKind::Filter));
        let [mut new, mut established] = [Depends::default(); 2];
        for id in filters {
            if let Some(states) = self.functions.get(usize::from(id.0)) {
                new = new.and(states[CtState::New as usize]);
                established = established.and(states[CtState::Established as usize]);
            }
        }
        let [before, after] = [new, established].map(|depends| depends.is_of_flow());
        let is_same = before && after && !new.on(Field::CtState) && !established.on(Field::CtState);
        let of_way = [Field::CtState, Field::Iif, Field::Oif, Field::IpVersion]
            .iter()
            .fold(0, |fields, field| fields | 1 << *field as u32);
        let is_settled = after && established.fields & !of_way == 0 && !established.addresses;
        let [before, after, is_same, is_settled] = [before, after, is_same, is_settled].map(u8::from);
        Alike(before | after << 1 | is_same << 2 | is_settled << 3)
    }
}

/// Which packets of a flow that travel in one direction between the same Ifaces have one fate, whatever else they are:
/// those before the first reply, those after it, or both together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Alike(u8);

impl Alike {
    /// None at all.
    pub const NONE: Self = Self(0);
    const BEFORE: Self = Self(1);
    const AFTER: Self = Self(2);
    /// A bit beside the other two: it makes no difference to anybody whether there has been a reply.
    const THROUGHOUT: u8 = 4;
    /// Another: after it, flows fare alike as well, whatever their endpoints.
    const SETTLED: u8 = 8;

    /// In each of two chains.
    #[inline(always)]
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Those of them that fare as a packet does before or after the first reply, as `replied` says.
    #[inline(always)]
    pub const fn like(self, replied: bool) -> Option<Self> {
        let own = if replied { Self::AFTER } else { Self::BEFORE };
        if self.0 & Self::THROUGHOUT != 0 {
            Some(Self(Self::BEFORE.0 | Self::AFTER.0))
        } else if self.holds(replied) {
            Some(own)
        } else {
            None
        }
    }

    /// Those before, or after, the first reply.
    #[cfg(test)]
    pub const fn with(self, replied: bool) -> Self {
        Self(self.0 | 1 << replied as u8)
    }

    /// After the first reply of their flow, all packets between these Ifaces fare alike.
    pub const fn is_settled(self) -> bool {
        self.0 & Self::SETTLED != 0
    }

    /// Tells them from others.
    pub const fn number(self) -> u64 {
        self.0 as u64
    }

    /// A packet before or after the first reply is one of them.
    #[inline(always)]
    pub const fn holds(self, replied: bool) -> bool {
        self.0 >> replied as u8 & 1 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use policy::{Comparison, Place, Set, Sink, Template, Verdict};

    fn program(steps: Vec<Step>, sets: Vec<Set>) -> Program {
        let places = vec![Place::NONE; steps.len()];
        let template = Template { sink: Sink::Console, parts: vec![] };
        Program::new(steps, places, sets, vec![template], vec![]).unwrap()
    }

    fn test(test: Test, then: StepId, otherwise: StepId) -> Step {
        Step::Test { test, then, otherwise }
    }

    #[test]
    fn what_is_behind_a_test_of_the_state_counts_in_that_state_only() {
        let established = Test::In { field: Field::CtState, set: 0 };
        let short = Test::In { field: Field::IpTtl, set: 1 };
        let steps = vec![
            test(established, 1, 2),
            Step::End(Verdict::Accept),
            test(short, 4, 3),
            Step::Log { template: 0, next: 4 },
            Step::End(Verdict::Drop),
        ];
        let program = program(steps, vec![Set::number(1), Set::number(7)]);
        let [new, established, related, invalid] = Depends::of(&program);
        assert_eq!((new, new), (related, invalid));
        assert!(new.on(Field::IpTtl) && new.logs && !new.is_of_flow());
        assert!(!established.on(Field::IpTtl) && !established.logs && established.on(Field::CtState));
        assert!(established.is_of_flow());
    }

    #[test]
    fn endpoints_and_ifaces_are_of_the_flow_and_all_else_is_of_the_packet() {
        for field in Field::ALL {
            let of_flow = matches!(
                field.name(),
                "ip.version"
                    | "ip.protocol"
                    | "ip.saddr"
                    | "ip.daddr"
                    | "ip.frag-off"
                    | "udp.sport"
                    | "udp.dport"
                    | "tcp.sport"
                    | "tcp.dport"
                    | "ct.state"
                    | "iif"
                    | "oif"
            );
            let (left, right) = (*field, Field::IpVersion);
            let asked = Test::Compare { left, comparison: Comparison::Equal, right };
            let steps = vec![test(asked, 1, 2), Step::End(Verdict::Accept), Step::End(Verdict::Drop)];
            let depends = Depends::of(&program(steps, vec![]))[0];
            assert_eq!(depends.is_of_flow(), of_flow, "{}", field.name());
            assert!(depends.on(*field) && !depends.addresses);
        }
        let own = Test::IsAddress {
            field: Field::IpDaddr,
            comparison: Comparison::Equal,
            address: AddrRef::Iface(IfaceId(0)),
        };
        let steps = vec![test(own, 1, 2), Step::End(Verdict::Accept), Step::End(Verdict::Drop)];
        let depends = Depends::of(&program(steps, vec![]))[0];
        assert!(depends.addresses && depends.is_of_flow());
        let steps = vec![test(Test::TcpFlags { mask: 2 }, 1, 2), Step::End(Verdict::Accept), Step::End(Verdict::Drop)];
        assert!(!Depends::of(&program(steps, vec![]))[1].is_of_flow());
    }

    #[test]
    fn packets_before_and_after_a_reply_are_alike_where_nobody_asks_for_the_state() {
        let end = || Step::End(Verdict::Accept);
        let asks = |field| vec![test(Test::In { field, set: 0 }, 1, 2), end(), end()];
        let established = Test::In { field: Field::CtState, set: 0 };
        let logs_new = vec![test(established, 2, 1), Step::Log { template: 0, next: 2 }, end()];
        //  functions of the chain                                                      before  after  both   settled
        let table = [
            (vec![], true, true, true, true),
            (vec![(FunctionKind::Filter, asks(Field::UdpDport))], true, true, true, false),
            (vec![(FunctionKind::Filter, asks(Field::CtState))], true, true, false, true),
            (vec![(FunctionKind::Filter, asks(Field::IpTtl))], false, false, false, false),
            (vec![(FunctionKind::Filter, logs_new.clone())], false, true, false, true),
            (vec![(FunctionKind::Nat, logs_new), (FunctionKind::Nat, asks(Field::IpTtl))], true, true, true, true),
        ];
        for (functions, before, after, both, settled) in table {
            let function = |(kind, steps): &(FunctionKind, Vec<Step>)| policy::Function {
                name: "f".into(),
                kind: *kind,
                program: program(steps.clone(), vec![Set::number(1)]),
                mentions_invalid: false,
                place: Place::NONE,
            };
            let forward = (0..functions.len() as u16).map(policy::FunctionId).collect();
            let gateway = policy::Gateway { forward, ..policy::Gateway::default() };
            let functions = functions.iter().map(function).collect();
            let parts = policy::Parts { functions, gateway: Some(gateway), ..policy::Parts::default() };
            let policy = Policy::new(parts).unwrap();
            let alike = Dependencies::new(&policy).alike(&policy, Hook::Forward, IfaceId(0));
            let like = [false, true].map(|replied| alike.like(replied));
            assert_eq!(like.map(|like| like.is_some()), [before, after], "{policy:?}");
            assert_eq!(like[0].is_some_and(|like| like.holds(true)), both, "{policy:?}");
            assert_eq!(like[1].is_some_and(|like| like.holds(false)), both, "{policy:?}");
            assert_eq!(alike.is_settled(), settled, "{policy:?}");
        }
    }
}
