//! Programs step by step: the meaning that every faster way must have.

use crate::classifier::{Ended, NOWHERE};
use crate::{Packet, Value};
use core::cmp::Ordering;
use policy::{AddrRef, Comparison, Field, LimitId, Program, Step, StepId, Test, Translation, Verdict};
use wire::IpAddr;

/// What a program asks for beyond the packet, and what it does on its way.
pub trait World {
    /// The packet that a program runs on.
    type Packet: Packet;
    /// Why a translation was refused: the packet is dropped for that and the program ends.
    type Refusal;

    /// The same until a translation is applied.
    fn packet(&self) -> &Self::Packet;

    /// An address known only at run time; `None` while it is unconfigured. The same whenever asked about one packet.
    fn address(&self, address: AddrRef) -> Option<IpAddr>;

    /// Writes the line of a [`Step::Log`]; the step tells which.
    fn log(&mut self, step: StepId);

    /// Takes a token, if there is one.
    fn limit(&mut self, limit: LimitId) -> bool;

    /// Translates the packet, if that applies to it. Not asked where the packet is of another family than the fixed
    /// address of the translation.
    fn translate(&mut self, step: StepId, translation: &Translation) -> Result<bool, Self::Refusal>;
}

/// Runs a program on the world's packet.
pub fn interpret<W: World>(program: &Program, world: &mut W) -> Result<Verdict, W::Refusal> {
    interpret_to_end(program, world).map(|ended| ended.verdict)
}

/// As [`interpret`], with the step that decided.
pub(crate) fn interpret_to_end<W: World>(program: &Program, world: &mut W) -> Result<Ended, W::Refusal> {
    let mut at = 0;
    loop {
        at = match program.steps().get(at as usize) {
            Some(Step::Test { test, then, otherwise }) => {
                if holds(program, test, world) {
                    *then
                } else {
                    *otherwise
                }
            }
            Some(Step::Log { next, .. }) => {
                world.log(at);
                *next
            }
            Some(Step::Translate { translation, otherwise }) => {
                if family_fits(translation, world.packet()) && world.translate(at, translation)? {
                    return Ok(Ended::translated(at));
                }
                *otherwise
            }
            Some(Step::End(verdict)) => return Ok(Ended::by(*verdict, at)),
            // No program has such an edge; a packet that met one would not pass.
            None => return Ok(NOWHERE),
        };
    }
}

/// Is it so? A token bucket may lose a token for the answer.
pub fn holds<W: World>(program: &Program, test: &Test, world: &mut W) -> bool {
    let packet = world.packet();
    match test {
        Test::In { field, set } => program.sets().get(*set as usize).is_some_and(|set| match packet.value(*field) {
            Some(Value::Number(number)) => set.contains_number(number),
            Some(Value::Address(address)) => set.contains_address(address),
            None => false,
        }),
        Test::Compare { left, comparison, right } => compares(packet.value(*left), *comparison, packet.value(*right)),
        Test::IsAddress { field, comparison, address } => {
            is_address(packet, *field, *comparison, world.address(*address))
        }
        Test::TcpFlags { mask } => packet.number(Field::TcpFlags).is_some_and(|flags| flags & u32::from(*mask) != 0),
        Test::Limit(limit) => world.limit(*limit),
    }
}

/// [`Test::IsAddress`], with the address as it is now.
pub(crate) fn is_address(packet: &impl Packet, field: Field, comparison: Comparison, address: Option<IpAddr>) -> bool {
    address.is_some_and(|address| compares(packet.value(field), comparison, Some(Value::Address(address))))
}

/// Values of different kinds or families are neither equal nor before or after each other, so only `!=` holds. The
/// same for a value that the packet does not have.
pub(crate) fn compares(left: Option<Value>, comparison: Comparison, right: Option<Value>) -> bool {
    let ordering = match (left, right) {
        (Some(Value::Number(left)), Some(Value::Number(right))) => Some(left.cmp(&right)),
        (Some(Value::Address(IpAddr::V4(left))), Some(Value::Address(IpAddr::V4(right)))) => Some(left.cmp(&right)),
        (Some(Value::Address(IpAddr::V6(left))), Some(Value::Address(IpAddr::V6(right)))) => Some(left.cmp(&right)),
        _ => None,
    };
    match comparison {
        Comparison::Equal => ordering == Some(Ordering::Equal),
        Comparison::NotEqual => ordering != Some(Ordering::Equal),
        Comparison::Less => ordering == Some(Ordering::Less),
        Comparison::LessOrEqual => matches!(ordering, Some(Ordering::Less | Ordering::Equal)),
        Comparison::Greater => ordering == Some(Ordering::Greater),
        Comparison::GreaterOrEqual => matches!(ordering, Some(Ordering::Greater | Ordering::Equal)),
    }
}

/// The `ip.version` of packets that a translation to a fixed address can apply to; `None`: of any, or it depends on
/// more than the packet. An Iface's own address as [`AddrRef`] names it is IPv4.
pub(crate) const fn family(translation: &Translation) -> Option<u32> {
    match translation {
        Translation::Dnat { address: Some(AddrRef::Fixed(address)), .. }
        | Translation::Snat { address: Some(AddrRef::Fixed(address)), .. } => {
            Some(if address.is_ipv4() { 4 } else { 6 })
        }
        _ => None,
    }
}

pub(crate) fn family_fits(translation: &Translation, packet: &impl Packet) -> bool {
    family(translation).is_none_or(|version| packet.number(Field::IpVersion) == Some(version))
}
