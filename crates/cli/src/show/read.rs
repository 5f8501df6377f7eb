//! From a policy to what is shown of it.

use super::function::{self, Arm, Condition, Statement};
use super::model::{
    Balancer, Chains, Classes, Conntrack, Cost, Do, Forwards, Function, Gateway, Iface, Ipv4, Ipv6, Log, Nic, Piece,
    Protocols, Question, Rate, Route, Server, Shown, Tables, Timer, VERSION, When,
};
use super::value;
use plane::RuleCost;
use policy::{
    Comparison, FunctionId, FunctionKind, Hook, Ipv4Config, NicRef, Part, Place, Policy, Reject, ReversePath, Sink,
    Static4, Template, Test, Timeouts, TimerData, Translation, Verdict,
};
use std::cmp::Reverse;
use wire::{Cidr, IfaceId, IpAddr};

/// All of it.
pub fn shown(policy: &Policy) -> Shown {
    let source = Reader { policy, costs: plane::rule_costs(policy) };
    Shown {
        version: VERSION,
        file: policy.source.clone(),
        ifaces: policy.iface_ids().filter_map(|id| source.iface(id)).collect(),
        gateway: source.gateway(),
        functions: (0..policy.functions.len()).map(|at| source.function(FunctionId(at as u16))).collect(),
        conntrack: source.conntrack(),
        log: source.log(),
        load_balancer: source.balancer(),
        timers: policy.timers.iter().map(timer).collect(),
    }
}

/// Reads a policy.
struct Reader<'p> {
    policy: &'p Policy,
    /// Of each function.
    costs: Vec<RuleCost>,
}

impl Reader<'_> {
    fn iface(&self, id: IfaceId) -> Option<Iface> {
        let iface = self.policy.iface(id)?;
        let with_len = |address: IpAddr, prefix_len: u8| format!("{address}/{prefix_len}");
        let (config, known) = match iface.ipv4 {
            Ipv4Config::Unconfigured => ("none", None),
            Ipv4Config::Static(known) => ("static", Some(known)),
            Ipv4Config::Dhcp => ("dhcp", None),
            Ipv4Config::DhcpWithFallback(known) => ("dhcp-with-fallback", Some(known)),
        };
        let gateway = known.and_then(|known| known.gateway);
        let forwards = |v4: bool| {
            let routes = self.policy.gateway.iter().flat_map(|gateway| &gateway.routes);
            routes.filter(|route| route.iface == id).any(|route| route.net.network().is_ipv4() == v4)
        };
        Some(Iface {
            name: iface.name.clone(),
            line: iface.place.line,
            nic: match iface.nic {
                NicRef::Index(index) => Nic::Index(index),
                NicRef::Mac(mac) => Nic::Mac(mac.to_string()),
            },
            vlan: iface.vlan,
            ipv4: Ipv4 {
                config,
                address: known.map(|known| with_len(known.address.into(), known.prefix_len)),
                gateway: gateway.map(|gateway| gateway.to_string()),
                dns: known.and_then(|known| known.dns.or(gateway.map(Into::into))).map(|dns| dns.to_string()),
            },
            ipv6: Ipv6 {
                addresses: iface.address6.iter().map(|(address, len)| with_len((*address).into(), *len)).collect(),
                gateway: iface.gateway6.map(|gateway| gateway.to_string()),
            },
            mtu: iface.mtu,
            buffer_limit: iface.buffer_limit,
            send_queue_limit: iface.send_queue_limit,
            masquerade: iface.masquerade,
            reverse_path: iface.reverse_path.map(|mode| match mode {
                ReversePath::Strict => "strict",
                ReversePath::Loose => "loose",
            }),
            tracked: self.policy.is_tracked(id),
            forwards: Forwards { ipv4: forwards(true), ipv6: forwards(false) },
            chains: Chains {
                prerouting: self.names(&iface.prerouting),
                input: self.names(&iface.input),
                output: self.names(&iface.output),
                postrouting: self.names(&iface.postrouting),
            },
        })
    }

    fn names(&self, chain: &[FunctionId]) -> Vec<String> {
        chain.iter().filter_map(|id| self.policy.function(*id)).map(|function| function.name.clone()).collect()
    }

    fn gateway(&self) -> Option<Gateway> {
        let gateway = self.policy.gateway.as_ref()?;
        let mut routes: Vec<&policy::Route> = gateway.routes.iter().collect();
        routes.sort_by_key(|route| {
            let is_v6 = !route.net.network().is_ipv4();
            (is_v6, Reverse(route.net.prefix_len()), route.cost)
        });
        Some(Gateway {
            name: gateway.name.clone(),
            send_time_exceeded: gateway.send_time_exceeded,
            send_unreachable: gateway.send_unreachable,
            forward: self.names(&gateway.forward),
            routes: routes.into_iter().map(|route| self.route(route)).collect(),
        })
    }

    fn route(&self, route: &policy::Route) -> Route {
        // What is on a subnet of the Iface needs no next hop.
        let own = route.nexthop.or_else(|| if self.is_on_link(route) { None } else { self.gateway_of(route) });
        Route {
            net: match route.net {
                Cidr::V4(net) => net.to_string(),
                Cidr::V6(net) => net.to_string(),
            },
            iface: value::iface(self.policy, route.iface).to_owned(),
            nexthop: own.map(|nexthop| nexthop.to_string()),
            nexthop_is_gateway: route.nexthop.is_none() && own.is_some(),
            cost: route.cost,
            name: route.name.clone(),
            line: route.place.line,
        }
    }

    fn gateway_of(&self, route: &policy::Route) -> Option<IpAddr> {
        let iface = self.policy.iface(route.iface)?;
        match (route.net, iface.ipv4) {
            (Cidr::V4(_), Ipv4Config::Static(known) | Ipv4Config::DhcpWithFallback(known)) => {
                known.gateway.map(Into::into)
            }
            (Cidr::V4(_), Ipv4Config::Dhcp | Ipv4Config::Unconfigured) => None,
            (Cidr::V6(_), _) => iface.gateway6.map(Into::into),
        }
    }

    /// The whole net is on a subnet of its Iface.
    fn is_on_link(&self, route: &policy::Route) -> bool {
        let Some(iface) = self.policy.iface(route.iface) else { return false };
        let within = |address: IpAddr, len: u8| {
            len <= route.net.prefix_len()
                && Cidr::masked(address, len).is_ok_and(|own| own.contains(route.net.network()))
        };
        let v4 = match iface.ipv4 {
            Ipv4Config::Static(Static4 { address, prefix_len, .. })
            | Ipv4Config::DhcpWithFallback(Static4 { address, prefix_len, .. }) => within(address.into(), prefix_len),
            Ipv4Config::Dhcp | Ipv4Config::Unconfigured => false,
        };
        v4 || iface.address6.iter().any(|(address, len)| within((*address).into(), *len))
    }

    fn function(&self, id: FunctionId) -> Function {
        let function = &self.policy.functions[usize::from(id.0)];
        let mut on = Vec::new();
        for (at, iface) in self.policy.ifaces.iter().enumerate() {
            for hook in [Hook::Prerouting, Hook::Input, Hook::Output, Hook::Postrouting] {
                if self.policy.chain(hook, IfaceId(at as u16)).contains(&id) {
                    on.push(format!("{}.{}", iface.name, hook.name()));
                }
            }
        }
        let forward = self.policy.gateway.iter().filter(|gateway| gateway.forward.contains(&id));
        on.extend(forward.map(|gateway| format!("{}.forward", gateway.name)));
        let statements = function::statements(&function.program);
        Function {
            name: function.name.clone(),
            kind: match function.kind {
                FunctionKind::Filter => "filter",
                FunctionKind::Nat => "nat",
            },
            line: function.place.line,
            on,
            judges_invalid: function.kind == FunctionKind::Filter && function.mentions_invalid,
            cost: cost(&self.costs[usize::from(id.0)]),
            statements: statements.iter().map(|statement| self.statement(&function.program, statement)).collect(),
        }
    }

    fn statement(&self, program: &policy::Program, statement: &Statement<'_>) -> Do {
        let block = |block: &[Statement<'_>]| block.iter().map(|inner| self.statement(program, inner)).collect();
        match statement {
            Statement::If { arms, otherwise } => {
                let arm = |arm: &Arm<'_>| When {
                    when: self.question(program, &arm.condition),
                    then: block(&arm.body),
                    line: arm.place.line,
                };
                Do::If { arms: arms.iter().map(arm).collect(), otherwise: block(otherwise) }
            }
            Statement::Log(template, place) => self.log_line(template, *place),
            Statement::Translate(translation, place) => self.translation(*translation, *place),
            Statement::End(verdict, place) => {
                let (action, how) = match verdict {
                    Verdict::Accept => ("accept", None),
                    Verdict::Drop => ("drop", None),
                    Verdict::Reject(Reject::AdminProhibited) => ("reject", None),
                    Verdict::Reject(Reject::PortUnreachable) => ("reject", Some("port-unreachable")),
                    Verdict::Reject(Reject::TcpReset) => ("reject", Some("tcp-reset")),
                };
                Do::End { action, how, line: place.line }
            }
        }
    }

    fn log_line(&self, template: &Template, place: Place) -> Do {
        let (action, severity) = match template.sink {
            Sink::Console => ("log", None),
            Sink::Syslog { severity } => ("syslog", Some(value::severity(severity))),
        };
        let piece = |part: &Part| match part {
            Part::Text(text) => Piece::Text(text.to_string()),
            Part::Field(field) => Piece::Field(field.name()),
            Part::Address(address) => Piece::Address(value::address(self.policy, *address)),
        };
        Do::Log { action, severity, parts: template.parts.iter().map(piece).collect(), line: place.line }
    }

    fn translation(&self, translation: Translation, place: Place) -> Do {
        let (action, address, port) = match translation {
            Translation::Dnat { address, port } => ("dnat", address, port),
            Translation::Snat { address, port } => ("snat", address, port),
            Translation::Redirect { port } => ("redirect", None, Some(port)),
            Translation::Masquerade => ("masquerade", None, None),
        };
        let address = address.map(|address| value::address(self.policy, address));
        Do::Translate { action, address, port, line: place.line }
    }

    fn question(&self, program: &policy::Program, condition: &Condition<'_>) -> Question {
        let list = |parts: &[Condition<'_>]| parts.iter().map(|part| self.question(program, part)).collect();
        match condition {
            Condition::All(parts) => Question::All { all: list(parts) },
            Condition::Any(parts) => Question::Any { any: list(parts) },
            Condition::Not(inner) => Question::Not { not: Box::new(self.question(program, inner)) },
            Condition::Test(Test::In { field, set }) => {
                let members = value::members(self.policy, *field, &program.sets()[*set as usize]);
                Question::In { field: field.name(), members }
            }
            Condition::Test(Test::Compare { left, comparison, right }) => {
                let (operator, other) = (symbol(*comparison), right.name().to_owned());
                Question::Compare { field: left.name(), operator, other }
            }
            Condition::Test(Test::IsAddress { field, comparison, address }) => {
                let (operator, other) = (symbol(*comparison), value::address(self.policy, *address));
                Question::Compare { field: field.name(), operator, other }
            }
            Condition::Test(Test::TcpFlags { mask }) => match &value::flags(*mask)[..] {
                [flag] => Question::Flag { flag },
                flags => Question::Any { any: flags.iter().map(|flag| Question::Flag { flag }).collect() },
            },
            Condition::Test(Test::Limit(limit)) => {
                let rate = program.limits()[*limit as usize].rate;
                Question::Limit { limit: Rate { tokens: rate.tokens, seconds: rate.per.as_secs(), burst: rate.burst } }
            }
        }
    }

    fn conntrack(&self) -> Conntrack {
        let conntrack = &self.policy.conntrack;
        let protocols = |timeouts: &Timeouts| Protocols {
            tcp: timeouts.tcp.as_secs(),
            udp: timeouts.udp.as_secs(),
            icmp: timeouts.icmp.as_secs(),
            other: timeouts.other.as_secs(),
        };
        Conntrack {
            limit: conntrack.limit,
            reserve: conntrack.reserve,
            stateful_tcp: conntrack.stateful_tcp,
            timeout: Classes {
                unconfirmed: protocols(&conntrack.unconfirmed),
                confirmed: protocols(&conntrack.confirmed),
                established: protocols(&conntrack.established),
            },
        }
    }

    fn log(&self) -> Log {
        let server = |syslog: &policy::Syslog| Server { address: syslog.address.to_string(), port: syslog.port };
        let syslog = self.policy.syslog.as_ref();
        Log {
            server: syslog.map(server),
            rate: syslog.map_or(policy::DEFAULT_LOG_RATE, |syslog| syslog.rate),
            burst: syslog.map_or(policy::DEFAULT_LOG_RATE, |syslog| syslog.burst),
        }
    }

    fn balancer(&self) -> Option<Balancer> {
        let balancer = self.policy.balancer.as_ref()?;
        let node = |node: &policy::Node| Server { address: node.address.to_string(), port: node.port };
        Some(Balancer {
            name: balancer.name.clone(),
            line: balancer.place.line,
            layer: "tcp",
            algorithm: "round_robin",
            clients: value::iface(self.policy, balancer.clients).to_owned(),
            port: balancer.port,
            wait_queue_limit: balancer.wait_queue_limit,
            session_limit: balancer.session_limit,
            servers: value::iface(self.policy, balancer.servers).to_owned(),
            nodes: balancer.nodes.iter().map(node).collect(),
        })
    }
}

fn timer(timer: &policy::Timer) -> Timer {
    let word = |data: &TimerData| nacl::vocabulary::TIMER_DATA.get(*data as usize).map_or("", |word| word.name);
    Timer {
        name: timer.name.clone(),
        line: timer.place.line,
        interval: timer.interval.as_secs(),
        data: timer.data.iter().map(word).collect(),
    }
}

fn symbol(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Equal => "==",
        Comparison::NotEqual => "!=",
        Comparison::Less => "<",
        Comparison::LessOrEqual => "<=",
        Comparison::Greater => ">",
        Comparison::GreaterOrEqual => ">=",
    }
}

fn cost(cost: &RuleCost) -> Cost {
    let tables = cost.tables.map(|tables| Tables {
        bytes: tables.bytes,
        lists: tables.lists,
        diagrams: tables.diagrams,
        residue: tables.residue,
    });
    Cost { steps: cost.steps, worst_steps: cost.worst_steps, tables }
}
