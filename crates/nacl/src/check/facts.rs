//! What is known of a packet at a place in a function: for each property, in which set its value lies.
//!
//! Facts are never too narrow: every packet that comes to the place satisfies them. So what contradicts them never
//! happens, which is all that the warnings conclude. They grow coarser rather than large ([`LARGEST`]).

use crate::checked::{Condition, Question};
use crate::source::Span;
use crate::vocabulary::Subtype;
use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use alloc::vec::Vec;
use policy::{AddrRef, Field, IntervalSet, Set};

/// A set with more intervals than this is not narrowed further.
const LARGEST: usize = 64;

/// Why a property's values are known.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cause {
    /// The `if`, or the head of the function.
    pub keyword: Span,
    pub test: Span,
}

#[derive(Clone, Debug)]
pub struct Fact {
    pub set: Rc<Set>,
    pub cause: Cause,
}

/// A test that is no membership in a set, by its parts.
type Opaque = (u8, u32, u32, u32);

#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// A property that is not here may have any value.
    pub fields: BTreeMap<Field, Fact>,
    opaque: BTreeMap<Opaque, bool>,
}

fn common<T: Copy + Ord>(a: &[(T, T)], b: &[(T, T)]) -> Vec<(T, T)> {
    let (mut a, mut b) = (a.iter().copied().peekable(), b.iter().copied().peekable());
    let mut both = Vec::new();
    while let (Some(x), Some(y)) = (a.peek().copied(), b.peek().copied()) {
        let (low, high) = (x.0.max(y.0), x.1.min(y.1));
        if low <= high {
            both.push((low, high));
        }
        if x.1 < y.1 {
            a.next();
        } else {
            b.next();
        }
    }
    both
}

fn within<T: Copy + Ord>(a: &[(T, T)], b: &[(T, T)]) -> bool {
    a.iter().all(|(low, high)| {
        let at = b.partition_point(|(start, _)| start <= low);
        at.checked_sub(1).and_then(|at| b.get(at)).is_some_and(|(_, end)| high <= end)
    })
}

pub fn intersect(a: &Set, b: &Set) -> Set {
    Set {
        numbers: IntervalSet::<u32>::new(common(a.numbers.intervals(), b.numbers.intervals())),
        v4: IntervalSet::<u32>::new(common(a.v4.intervals(), b.v4.intervals())),
        v6: IntervalSet::<u128>::new(common(a.v6.intervals(), b.v6.intervals())),
    }
}

pub fn complement(set: &Set) -> Set {
    Set { numbers: set.numbers.complement(), v4: set.v4.complement(), v6: set.v6.complement() }
}

/// The values of a property that are not in the set.
fn others(field: Field, set: &Set) -> Set {
    let mut others = complement(set);
    if !field.is_address() {
        others.numbers = IntervalSet::<u32>::new(common(others.numbers.intervals(), &[(0, largest(field))]));
    }
    others
}

/// The largest value of a property that is a number, as the vocabulary has it.
const fn largest(field: Field) -> u32 {
    use Field::*;
    match field {
        IpVersion | TcpDoff => 15,
        IpDscp => 63,
        IpEcn | CtState => 3,
        IpLength => 0x1_ffff,
        IpFragOff => 0x1fff,
        IpTtl | IpProtocol | IcmpType | Icmpv6Type => 0xff,
        TcpReserved => 7,
        TcpFlags => 0x1ff,
        TcpSequence | TcpAckseq | Iif | Oif | IpSaddr | IpDaddr => u32::MAX,
        IpHdrLength | IpId | IpChecksum | UdpSport | UdpDport | UdpLength | UdpChecksum => 0xffff,
        TcpSport | TcpDport | TcpWindow | TcpChecksum | TcpUrgptr => 0xffff,
    }
}

/// Everything in `a` is in `b`, as values of this property.
pub fn is_subset(field: Field, a: &Set, b: &Set) -> bool {
    if field.is_address() {
        within(a.v4.intervals(), b.v4.intervals()) && within(a.v6.intervals(), b.v6.intervals())
    } else {
        within(a.numbers.intervals(), b.numbers.intervals())
    }
}

/// No value of this property is in the set.
fn is_empty(field: Field, set: &Set) -> bool {
    if field.is_address() { set.v4.is_empty() && set.v6.is_empty() } else { set.numbers.is_empty() }
}

fn len(set: &Set) -> usize {
    set.numbers.intervals().len() + set.v4.intervals().len() + set.v6.intervals().len()
}

pub fn everything() -> Set {
    complement(&Set::default())
}

fn only_v4() -> Set {
    Set { v4: IntervalSet::<u32>::default().complement(), ..Set::default() }
}

fn only_v6() -> Set {
    Set { v6: IntervalSet::<u128>::default().complement(), ..Set::default() }
}

impl Facts {
    /// With one more: the property is in the set, or is not. `None`: no packet is so.
    pub fn assume(&self, field: Field, set: &Set, positive: bool, cause: Cause) -> Option<Self> {
        let known = self.fields.get(&field);
        if !positive && len(set) + known.map_or(0, |fact| len(&fact.set)) > LARGEST {
            // Still ask whether anything is left.
            let left = known.is_none_or(|fact| !is_subset(field, &fact.set, set));
            return left.then(|| self.clone());
        }
        let wanted = if positive { set.clone() } else { others(field, set) };
        let narrowed = match known {
            Some(fact) => intersect(&fact.set, &wanted),
            None => wanted,
        };
        if is_empty(field, &narrowed) {
            return None;
        }
        let mut facts = self.clone();
        facts.fields.insert(field, Fact { set: Rc::new(narrowed), cause });
        facts.families(field, cause)
    }

    /// The addresses of a packet are of one family, that of its version.
    fn families(mut self, field: Field, cause: Cause) -> Option<Self> {
        let fact = self.fields.get(&field)?;
        let (four, six) = match field {
            Field::IpVersion => (fact.set.contains_number(4), fact.set.contains_number(6)),
            Field::IpSaddr | Field::IpDaddr => (!fact.set.v4.is_empty(), !fact.set.v6.is_empty()),
            _ => return Some(self),
        };
        if four == six {
            return Some(self);
        }
        let (addresses, version) = if four { (only_v4(), 4) } else { (only_v6(), 6) };
        for (other, wanted) in
            [(Field::IpVersion, Set::number(version)), (Field::IpSaddr, addresses.clone()), (Field::IpDaddr, addresses)]
        {
            if other == field {
                continue;
            }
            let narrowed = match self.fields.get(&other) {
                Some(fact) => intersect(&fact.set, &wanted),
                None => wanted,
            };
            if is_empty(other, &narrowed) {
                return None;
            }
            let cause = self.fields.get(&other).map_or(cause, |fact| fact.cause);
            self.fields.insert(other, Fact { set: Rc::new(narrowed), cause });
        }
        Some(self)
    }

    /// For packets of the subtype.
    #[inline(never)]
    pub fn gate(&self, subtype: Subtype, cause: Cause) -> Option<Self> {
        let (protocol, version) = match subtype {
            Subtype::Ip => return Some(self.clone()),
            Subtype::Tcp => (6, None),
            Subtype::Udp => (17, None),
            Subtype::Icmp => (1, Some(4)),
            Subtype::Icmpv6 => (58, Some(6)),
        };
        let facts = self.assume(Field::IpProtocol, &Set::number(protocol), true, cause)?;
        match version {
            Some(version) => facts.assume(Field::IpVersion, &Set::number(version), true, cause),
            None => Some(facts),
        }
    }

    /// For packets that are not of the subtype.
    #[inline(never)]
    pub fn passed(&self, subtype: Subtype, cause: Cause) -> Option<Self> {
        match subtype {
            Subtype::Tcp => self.assume(Field::IpProtocol, &Set::number(6), false, cause),
            Subtype::Udp => self.assume(Field::IpProtocol, &Set::number(17), false, cause),
            Subtype::Icmp => self.passed_both(1, 4, cause),
            Subtype::Icmpv6 => self.passed_both(58, 6, cause),
            Subtype::Ip => None,
        }
    }

    /// Of another protocol or of the other version: one is known only where the other is settled.
    fn passed_both(&self, protocol: u32, version: u32, cause: Cause) -> Option<Self> {
        let (protocol, version) = (Set::number(protocol), Set::number(version));
        let settled = |field, set: &Set| self.fields.get(&field).is_some_and(|fact| is_subset(field, &fact.set, set));
        if settled(Field::IpVersion, &version) {
            self.assume(Field::IpProtocol, &protocol, false, cause)
        } else if settled(Field::IpProtocol, &protocol) {
            self.assume(Field::IpVersion, &version, false, cause)
        } else {
            Some(self.clone())
        }
    }

    /// What holds where the condition does, and where it does not; `None`: nowhere.
    pub fn split(&self, condition: &Condition, keyword: Span) -> (Option<Self>, Option<Self>) {
        match condition {
            Condition::Constant(true) => (Some(self.clone()), None),
            Condition::Constant(false) => (None, Some(self.clone())),
            Condition::Unknown => (Some(self.clone()), Some(self.clone())),
            Condition::Not(inner) => {
                let (then, otherwise) = self.split(inner, keyword);
                (otherwise, then)
            }
            Condition::And(parts) => self.split_all(parts, keyword),
            Condition::Or(parts) => self.split_any(parts, keyword),
            Condition::Test(question, test) => self.split_test(question, Cause { keyword, test: *test }),
        }
    }

    // Each in a frame of its own: they recurse, and the image's stack is small.
    #[inline(never)]
    fn split_all(&self, parts: &[Condition], keyword: Span) -> (Option<Self>, Option<Self>) {
        let (mut then, mut otherwise) = (Some(self.clone()), None);
        for part in parts {
            let Some(facts) = then else { break };
            let (holds, fails) = facts.split(part, keyword);
            otherwise = join(otherwise, fails);
            then = holds;
        }
        (then, otherwise)
    }

    #[inline(never)]
    fn split_any(&self, parts: &[Condition], keyword: Span) -> (Option<Self>, Option<Self>) {
        let (mut then, mut otherwise) = (None, Some(self.clone()));
        for part in parts {
            let Some(facts) = otherwise else { break };
            let (holds, fails) = facts.split(part, keyword);
            then = join(then, holds);
            otherwise = fails;
        }
        (then, otherwise)
    }

    #[inline(never)]
    fn split_test(&self, question: &Question, cause: Cause) -> (Option<Self>, Option<Self>) {
        if let Question::In { field, set } = question {
            let then = self.assume(*field, set, true, cause);
            // A packet may lack these.
            let otherwise = match field {
                Field::Iif | Field::Oif => Some(self.clone()),
                _ => self.assume(*field, set, false, cause),
            };
            return (then, otherwise);
        }
        let Some(key) = opaque(question) else { return (Some(self.clone()), Some(self.clone())) };
        let with = |truth| {
            let mut facts = self.clone();
            facts.opaque.insert(key, truth);
            Some(facts)
        };
        match self.opaque.get(&key) {
            Some(true) => (Some(self.clone()), None),
            Some(false) => (None, Some(self.clone())),
            None => (with(true), with(false)),
        }
    }
}

/// `None` for a token bucket, which answers anew each time.
fn opaque(question: &Question) -> Option<Opaque> {
    Some(match question {
        Question::In { .. } | Question::Limit(_) => return None,
        Question::Compare { left, comparison, right } => (0, *left as u32, *comparison as u32, *right as u32),
        Question::IsAddress { field, comparison, address: AddrRef::Iface(iface) } => {
            (1, *field as u32, *comparison as u32, iface.0.into())
        }
        Question::IsAddress { address: AddrRef::Fixed(_), .. } => return None,
        Question::TcpFlags { mask } => (2, (*mask).into(), 0, 0),
    })
}

/// What holds in both cases.
#[inline(never)]
pub fn join(a: Option<Facts>, b: Option<Facts>) -> Option<Facts> {
    let (a, b) = match (a, b) {
        (Some(a), Some(b)) => (a, b),
        (one, other) => return one.or(other),
    };
    let mut facts = Facts::default();
    for (field, fact) in &a.fields {
        let Some(other) = b.fields.get(field) else { continue };
        if Rc::ptr_eq(&fact.set, &other.set) {
            facts.fields.insert(*field, fact.clone());
            continue;
        }
        if len(&fact.set) + len(&other.set) > LARGEST {
            continue;
        }
        let apart = intersect(&complement(&fact.set), &complement(&other.set));
        let set = complement(&apart);
        facts.fields.insert(*field, Fact { set: Rc::new(set), cause: fact.cause });
    }
    facts.opaque = a.opaque.into_iter().filter(|(key, truth)| b.opaque.get(key) == Some(truth)).collect();
    Some(facts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn ttl(low: u32, high: u32) -> Condition {
        let set = Rc::new(Set::numbers(vec![(low, high)]));
        Condition::Test(Question::In { field: Field::IpTtl, set }, Span::default())
    }

    #[test]
    fn facts_tell_what_can_never_be() {
        let facts = Facts::default();
        let never = |condition: Condition| facts.split(&condition, Span::default()).0.is_none();
        let always = |condition: Condition| facts.split(&condition, Span::default()).1.is_none();
        assert!(never(Condition::And(vec![ttl(0, 4), ttl(11, 255)])));
        assert!(!never(Condition::And(vec![ttl(0, 11), ttl(11, 255)])));
        assert!(!never(Condition::Or(vec![ttl(0, 4), ttl(11, 255)])));
        assert!(always(Condition::Or(vec![ttl(0, 4), ttl(5, u32::MAX)])));
        assert!(never(Condition::And(vec![ttl(0, 4), Condition::Not(alloc::boxed::Box::new(ttl(0, 9)))])));
    }

    #[test]
    fn numbers_end_where_the_vocabulary_says() {
        for field in Field::ALL {
            let domain = crate::vocabulary::packet_field(field.name()).unwrap().domain;
            if let Some(end) = domain.largest() {
                assert_eq!(largest(*field), end, "{}", field.name());
            }
        }
    }

    #[test]
    fn a_packet_has_addresses_of_one_family() {
        let address = |field, text: &str| {
            let set = Rc::new(Set::address(text.parse().unwrap()));
            Condition::Test(Question::In { field, set }, Span::default())
        };
        let both = |a: &str, b: &str| Condition::And(vec![address(Field::IpSaddr, a), address(Field::IpDaddr, b)]);
        let can = |condition: Condition| Facts::default().split(&condition, Span::default()).0.is_some();
        assert!(can(both("10.0.0.1", "10.0.0.2")));
        assert!(!can(both("10.0.0.1", "2001:db8::1")));
        assert!(can(both("2001:db8::2", "2001:db8::1")));
    }
}
