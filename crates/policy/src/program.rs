//! What a function has become: decision steps whose edges only point forward.
//!
//! A NaCl function is `if`/`else` without loops, calls are inlined, so a program is a list of steps and every
//! evaluation ends after at most as many of them as there are. [`Program::new`] refuses anything else.
//!
//! ```text
//!   0 test ct.state in {established}   then 1   otherwise 3
//!   1 log "Accepting …"                next 2
//!   2 end accept
//!   3 end drop
//! ```

use crate::{Place, Set};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use wire::{IfaceId, IpAddr};

/// A position in [`Policy::functions`](crate::Parts::functions).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FunctionId(pub u16);

/// A position in [`Program::steps`].
pub type StepId = u32;
/// A position in [`Program::sets`].
pub type SetId = u32;
/// A position in [`Program::templates`].
pub type TemplateId = u32;
/// A position in [`Program::limits`].
pub type LimitId = u32;

/// One decision step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Goes on at `then` if the test holds, else at `otherwise`.
    Test {
        test: Test,
        then: StepId,
        otherwise: StepId,
    },
    Log {
        template: TemplateId,
        next: StepId,
    },
    /// Ends the function with the translation applied; where it does not apply to the packet (an address of the other
    /// family), goes on at `otherwise`. Nat only.
    Translate {
        translation: Translation,
        otherwise: StepId,
    },
    End(Verdict),
}

/// How a function ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The chain goes on with its next function.
    Accept,
    /// The packet is discarded, in silence.
    Drop,
    /// The packet is discarded and its sender is told.
    Reject(Reject),
}

/// What a rejected packet's sender is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reject {
    /// ICMP 3/13, ICMPv6 1/1.
    AdminProhibited,
    /// ICMP 3/3, ICMPv6 1/4.
    PortUnreachable,
    /// A RST that fits the segment; for anything but TCP as `AdminProhibited`.
    TcpReset,
}

/// How a Nat rewrites a packet. A port is ignored for protocols without ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Translation {
    Dnat {
        address: Option<AddrRef>,
        port: Option<u16>,
    },
    Snat {
        address: Option<AddrRef>,
        port: Option<u16>,
    },
    /// dnat to the address of the Iface that the packet came in by.
    Redirect {
        port: u16,
    },
    /// snat to the address of the Iface that the packet leaves by.
    Masquerade,
}

/// An address that a policy names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddrRef {
    Fixed(IpAddr),
    /// The IPv4 address that the Iface has at run time (DHCP); none while it is unconfigured.
    Iface(IfaceId),
}

/// A yes-or-no question about a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// The field's value is in the set. False where the packet has no such field (`oif` before routing).
    In { field: Field, set: SetId },
    /// Two fields compare so; addresses of different families never do, except for [`Comparison::NotEqual`].
    Compare { left: Field, comparison: Comparison, right: Field },
    /// The field equals an address known only at run time; false while it is unconfigured.
    IsAddress { field: Field, comparison: Comparison, address: AddrRef },
    /// One of these bits of `tcp.flags` is set.
    TcpFlags { mask: u16 },
    /// The token bucket has a token, which this takes.
    Limit(LimitId),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A `limit(…)` that a program asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    pub rate: LimitRate,
    /// Which token bucket of the policy it takes from: one for each place in the text, whatever programs it has got
    /// into. All limits of one bucket have one rate.
    pub bucket: u32,
}

/// A token bucket: starts with `burst` tokens and gains `tokens` of them every `per`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitRate {
    pub tokens: u32,
    pub per: wire::Duration,
    pub burst: u32,
}

macro_rules! fields {
    ($($variant:ident $name:literal $(#[$doc:meta])*,)*) => {
        /// A property of a packet, by its name in NaCl. Integers are in host order.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Field {
            $($(#[$doc])* $variant,)*
        }

        impl Field {
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

fields! {
    IpVersion "ip.version",
    IpHdrLength "ip.hdrlength" /** In bytes; for IPv6 up to the upper-layer header. */,
    IpDscp "ip.dscp",
    IpEcn "ip.ecn",
    IpLength "ip.length" /** The whole packet, in bytes. */,
    IpId "ip.id",
    IpFragOff "ip.frag-off" /** In units of 8 bytes. */,
    IpTtl "ip.ttl",
    IpProtocol "ip.protocol",
    IpChecksum "ip.checksum",
    IpSaddr "ip.saddr",
    IpDaddr "ip.daddr",
    IcmpType "icmp.type",
    Icmpv6Type "icmpv6.type",
    UdpSport "udp.sport",
    UdpDport "udp.dport",
    UdpLength "udp.length",
    UdpChecksum "udp.checksum",
    TcpSport "tcp.sport",
    TcpDport "tcp.dport",
    TcpSequence "tcp.sequence",
    TcpAckseq "tcp.ackseq",
    TcpDoff "tcp.doff" /** In 32-bit words. */,
    TcpReserved "tcp.reserved" /** Three bits. */,
    TcpFlags "tcp.flags" /** Nine bits, FIN to NS. */,
    TcpWindow "tcp.window",
    TcpChecksum "tcp.checksum",
    TcpUrgptr "tcp.urgptr",
    CtState "ct.state" /** A [`CtState`] as its number. */,
    Iif "iif" /** The number of the Iface that the packet came in by. */,
    Oif "oif" /** The number of the Iface that the packet leaves by. */,
}

impl Field {
    pub const fn is_address(self) -> bool {
        matches!(self, Self::IpSaddr | Self::IpDaddr)
    }
}

/// What tracking says of a packet, as [`Field::CtState`] compares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum CtState {
    /// Of a flow without a reply so far, the first packet included.
    New = 0,
    /// Of a flow that has seen a reply; the first reply itself too.
    Established = 1,
    /// An ICMP error that quotes a packet of a tracked flow.
    Related = 2,
    /// Fits no flow and may begin none.
    Invalid = 3,
}

impl CtState {
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Established => "established",
            Self::Related => "related",
            Self::Invalid => "invalid",
        }
    }
}

/// A log line to be filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    pub sink: Sink,
    /// Joined without separators.
    pub parts: Vec<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sink {
    /// `log(…)`: text to the console, nothing added.
    Console,
    /// `syslog(SEVERITY, …)`: a message of this severity, 0 (emergency) to 7 (debug), RFC 5424 §6.2.1.
    Syslog { severity: u8 },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    Text(Box<str>),
    Field(Field),
    /// An address known only at run time.
    Address(AddrRef),
}

/// Steps that were found to end, and what they refer to.
#[derive(Clone, Debug, Default)]
pub struct Program {
    steps: Vec<Step>,
    places: Vec<Place>,
    sets: Vec<Set>,
    templates: Vec<Template>,
    limits: Vec<Limit>,
}

impl Program {
    /// `places` holds, for each step, where its text stands. Evaluation begins at step 0.
    pub fn new(
        steps: Vec<Step>,
        places: Vec<Place>,
        sets: Vec<Set>,
        templates: Vec<Template>,
        limits: Vec<Limit>,
    ) -> Result<Self, ProgramError> {
        if steps.is_empty() {
            return Err(ProgramError::Empty);
        }
        if places.len() != steps.len() {
            return Err(ProgramError::PlaceMissing);
        }
        for (at, step) in steps.iter().enumerate() {
            let edge = |to: StepId| match to as usize {
                to if to <= at => Err(ProgramError::EdgeBackward { step: at }),
                to if to >= steps.len() => Err(ProgramError::EdgeNowhere { step: at }),
                _ => Ok(()),
            };
            let known = |at_hand: usize, id: u32| {
                if (id as usize) < at_hand { Ok(()) } else { Err(ProgramError::NoSuchItem { step: at }) }
            };
            match step {
                Step::Test { test, then, otherwise } => {
                    edge(*then)?;
                    edge(*otherwise)?;
                    match test {
                        Test::In { set, .. } => known(sets.len(), *set)?,
                        Test::Limit(limit) => known(limits.len(), *limit)?,
                        Test::Compare { .. } | Test::IsAddress { .. } | Test::TcpFlags { .. } => {}
                    }
                }
                Step::Log { template, next } => {
                    edge(*next)?;
                    known(templates.len(), *template)?;
                }
                Step::Translate { otherwise, .. } => edge(*otherwise)?,
                Step::End(_) => {}
            }
        }
        Ok(Self { steps, places, sets, templates, limits })
    }

    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Where the text of a step stands.
    pub fn place(&self, step: StepId) -> Place {
        self.places.get(step as usize).copied().unwrap_or(Place::NONE)
    }

    pub fn sets(&self) -> &[Set] {
        &self.sets
    }

    pub fn templates(&self) -> &[Template] {
        &self.templates
    }

    pub fn limits(&self) -> &[Limit] {
        &self.limits
    }

    /// The whole program is one verdict.
    pub fn always(verdict: Verdict) -> Self {
        Self { steps: alloc::vec![Step::End(verdict)], places: alloc::vec![Place::NONE], ..Self::default() }
    }
}

/// Why steps are no program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgramError {
    Empty,
    /// As many places as steps are needed.
    PlaceMissing,
    /// An edge leads to its own step or before it, so that evaluation might not end.
    EdgeBackward {
        step: usize,
    },
    EdgeNowhere {
        step: usize,
    },
    /// A set, template or limit that does not exist.
    NoSuchItem {
        step: usize,
    },
}

impl fmt::Display for ProgramError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "the program has no steps"),
            Self::PlaceMissing => write!(f, "the program has not as many places as steps"),
            Self::EdgeBackward { step } => write!(f, "step {step} leads backward"),
            Self::EdgeNowhere { step } => write!(f, "step {step} leads beyond the program"),
            Self::NoSuchItem { step } => write!(f, "step {step} refers to something that does not exist"),
        }
    }
}

impl core::error::Error for ProgramError {}

/// A description of an address reference needs the policy's names; this one prints the number.
impl fmt::Display for AddrRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(address) => address.fmt(f),
            Self::Iface(IfaceId(iface)) => write!(f, "address of Iface {iface}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn only_programs_that_end_are_programs() {
        let test = |then, otherwise| Step::Test { test: Test::TcpFlags { mask: 2 }, then, otherwise };
        let end = Step::End(Verdict::Drop);
        let build = |steps: Vec<Step>| {
            let places = vec![Place::NONE; steps.len()];
            Program::new(steps, places, vec![], vec![], vec![]).map(|_| ())
        };
        assert_eq!(build(vec![]), Err(ProgramError::Empty));
        assert_eq!(build(vec![test(1, 1), end.clone()]), Ok(()));
        assert_eq!(build(vec![test(0, 1), end.clone()]), Err(ProgramError::EdgeBackward { step: 0 }));
        assert_eq!(build(vec![test(1, 2), end.clone()]), Err(ProgramError::EdgeNowhere { step: 0 }));
        assert_eq!(build(vec![Step::Log { template: 0, next: 1 }, end]), Err(ProgramError::NoSuchItem { step: 0 }));
    }
}
