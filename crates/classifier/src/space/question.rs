//! What the steps of programs ask, first as values, then as ranks.

use super::{Axis, Dim, Dimension, Predicate, Purpose, Question, Space, compared, part};
use crate::header::{Kind, TCP_FLAGS};
use crate::interpret::family;
use crate::sets::{Interval, RankSet, Sets};
use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;
use policy::{AddrRef, Comparison, Field, LimitRate, Program, Set, Step, StepId, Test, Translation};
use wire::IpAddr;

/// A question as the program puts it.
enum Asked<'p> {
    Member(Field, &'p Set),
    Flags(u16),
    /// Comparison with an address that never changes.
    Fixed(Field, Comparison, IpAddr),
    Version(u32),
    Predicate(Predicate),
    /// Answered by running the step: what tells it from others that may be answered otherwise.
    #[cfg_attr(not(feature = "analysis"), expect(dead_code, reason = "only analysis tells them apart"))]
    Run(Unknown),
    /// Not a question.
    Nothing,
}

/// What only running tells. Of two programs, what is equal here has equal answers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unknown {
    /// A token bucket, and how many tests of such a bucket are before this one in its program.
    Limit(LimitRate, u32),
    Translation(Translation),
}

/// A set of values as intervals in one part of a dimension.
type Pieces = Vec<(usize, Vec<(u128, u128)>)>;

pub(super) fn ask(programs: &[&Program], purpose: Purpose) -> (Space, Vec<Vec<Question>>) {
    let mut maker = Maker {
        space: Space::default(),
        dims: BTreeMap::new(),
        purpose,
        likes: BTreeMap::new(),
        #[cfg(feature = "analysis")]
        unknowns: Vec::new(),
    };
    // Fields first, so that they get the dimensions of which there are only so many.
    for round in [Round::Fields, Round::Others] {
        for (number, program) in programs.iter().enumerate() {
            for (id, step) in program.steps().iter().enumerate() {
                maker.cut(round, number as u8, id as StepId, &asked(program, step));
            }
        }
    }
    #[cfg(feature = "analysis")]
    if purpose == Purpose::Analysis {
        maker.cut_domains();
    }
    for dimension in &mut maker.space.dims {
        dimension.number();
    }
    let questions = programs.iter().enumerate().map(|(number, program)| maker.questions(number as u8, program));
    let questions = questions.collect();
    (maker.space, questions)
}

fn asked<'p>(program: &'p Program, step: &Step) -> Asked<'p> {
    match step {
        Step::Test { test, .. } => match test {
            Test::In { field, set } => match program.sets().get(*set as usize) {
                Some(set) => Asked::Member(*field, set),
                None => Asked::Nothing,
            },
            Test::TcpFlags { mask } => Asked::Flags(*mask),
            Test::IsAddress { field, comparison, address: AddrRef::Fixed(address) } => {
                Asked::Fixed(*field, *comparison, *address)
            }
            Test::IsAddress { field, comparison, address } => {
                Asked::Predicate(Predicate::IsAddress { field: *field, comparison: *comparison, address: *address })
            }
            Test::Compare { left, comparison, right } => {
                Asked::Predicate(Predicate::Compare { left: *left, comparison: *comparison, right: *right })
            }
            Test::Limit(limit) => match program.limits().get(*limit as usize) {
                Some(limit) => Asked::Run(Unknown::Limit(limit.rate, 0)),
                None => Asked::Nothing,
            },
        },
        Step::Translate { translation, .. } => match family(translation) {
            Some(version) => Asked::Version(version),
            None => Asked::Run(Unknown::Translation(*translation)),
        },
        Step::Log { .. } | Step::End(_) => Asked::Nothing,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Round {
    Fields,
    Others,
}

struct Maker {
    space: Space,
    dims: BTreeMap<Key, Dim>,
    purpose: Purpose,
    /// Which steps share a dimension, by whose key.
    likes: BTreeMap<(u8, StepId), Key>,
    #[cfg(feature = "analysis")]
    unknowns: Vec<(Unknown, u8, StepId)>,
}

/// Orders axes, so that they can be found.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Field(Field),
    Service,
    SourcePort,
    Outcome(u8, Field, u64, u64),
    Free(u8, StepId),
}

impl Maker {
    /// Opens the dimension that a step asks about, and cuts it where its question may change its answer.
    fn cut(&mut self, round: Round, program: u8, id: StepId, asked: &Asked<'_>) {
        match asked {
            Asked::Predicate(predicate) if round == Round::Others => {
                self.open(predicate_key(predicate), Axis::Outcome(*predicate));
            }
            #[cfg(feature = "analysis")]
            Asked::Run(unknown) if round == Round::Others && self.purpose == Purpose::Analysis => {
                let (program, id) = self.first_like(program, id, *unknown);
                self.open(Key::Free(program, id), Axis::Free(program, id));
            }
            Asked::Predicate(_) | Asked::Run(_) | Asked::Nothing => {}
            Asked::Member(..) | Asked::Flags(_) | Asked::Fixed(..) | Asked::Version(_) => {
                if round == Round::Others {
                    return;
                }
                let Some((key, axis)) = place(asked) else { return };
                let Some(dim) = self.open(key, axis) else { return };
                let pieces = pieces(asked);
                let Some(dimension) = self.space.dims.get_mut(usize::from(dim)) else { return };
                for (part, intervals) in pieces {
                    if let Some(part) = dimension.parts.get_mut(part) {
                        intervals.iter().for_each(|(first, last)| part.starts.cut(*first, *last));
                    }
                }
            }
        }
        let _ = (program, id);
    }

    /// The step whose answer is this one's too: of the other program, the same translation, or as many tests behind the
    /// first of an equal token bucket.
    #[cfg(feature = "analysis")]
    fn first_like(&mut self, program: u8, id: StepId, unknown: Unknown) -> (u8, StepId) {
        let unknown = match unknown {
            Unknown::Limit(rate, _) => {
                let same = |(known, of, _): &&(Unknown, u8, StepId)| {
                    *of == program && matches!(known, Unknown::Limit(other, _) if *other == rate)
                };
                Unknown::Limit(rate, self.unknowns.iter().filter(same).count() as u32)
            }
            translation => translation,
        };
        let known = self.unknowns.iter().find(|(known, of, _)| *of != program && *known == unknown);
        let first = known.map_or((program, id), |(_, program, id)| (*program, *id));
        self.unknowns.push((unknown, program, id));
        self.likes.insert((program, id), Key::Free(first.0, first.1));
        first
    }

    fn open(&mut self, key: Key, axis: Axis) -> Option<Dim> {
        if let Some(dim) = self.dims.get(&key) {
            return Some(*dim);
        }
        match self.purpose {
            Purpose::LookUp { dims } if self.space.dims.len() >= dims => return None,
            _ => {}
        }
        let dim = Dim::try_from(self.space.dims.len()).ok()?;
        self.space.dims.push(Dimension::new(axis));
        self.dims.insert(key, dim);
        Some(dim)
    }

    /// Cuts fields where values end that packets can have.
    #[cfg(feature = "analysis")]
    fn cut_domains(&mut self) {
        use crate::analysis::domain;
        for dimension in &mut self.space.dims {
            let fields: &[(usize, Field)] = match &dimension.axis {
                Axis::Number(field) => &[(part::VALUES, *field)],
                Axis::Service => &[
                    (part::OTHER, Field::IpProtocol),
                    (part::DPORT_TCP, Field::TcpDport),
                    (part::DPORT_UDP, Field::UdpDport),
                    (part::TYPE_ICMP, Field::IcmpType),
                    (part::TYPE_ICMPV6, Field::Icmpv6Type),
                ],
                Axis::SourcePort => &[(part::SPORT_TCP, Field::TcpSport), (part::SPORT_UDP, Field::UdpSport)],
                _ => &[],
            };
            for (at, field) in fields {
                let (least, greatest) = domain(*field);
                let Some(part) = dimension.parts.get_mut(*at) else { continue };
                part.starts.cut(u128::from(least), u128::from(greatest));
                if *field == Field::IpProtocol {
                    // Those with a part of their own.
                    [1, 6, 17, 58].iter().for_each(|protocol| part.starts.cut(*protocol, *protocol));
                }
            }
        }
    }

    fn questions(&mut self, number: u8, program: &Program) -> Vec<Question> {
        let mut known: BTreeMap<(Field, *const Set), Question> = BTreeMap::new();
        let steps = program.steps().iter().enumerate();
        steps
            .map(|(id, step)| {
                let asked = asked(program, step);
                match asked {
                    Asked::Member(field, set) => {
                        let key = (field, core::ptr::from_ref(set));
                        if let Some(question) = known.get(&key) {
                            return *question;
                        }
                        let question = self.question(number, id as StepId, &asked);
                        known.insert(key, question);
                        question
                    }
                    _ => self.question(number, id as StepId, &asked),
                }
            })
            .collect()
    }

    fn question(&mut self, program: u8, id: StepId, asked: &Asked<'_>) -> Question {
        let outcome = |dims: &BTreeMap<Key, Dim>, sets: &mut Sets, key: &Key| match dims.get(key) {
            Some(dim) => Question::In { dim: *dim, set: sets.add(vec![(1, 1)]) },
            None => Question::Ask,
        };
        let Self { space: Space { dims, sets }, dims: known, likes, .. } = self;
        match asked {
            Asked::Nothing => Question::Constant(false),
            Asked::Predicate(predicate) => outcome(known, sets, &predicate_key(predicate)),
            Asked::Run(_) => outcome(known, sets, likes.get(&(program, id)).unwrap_or(&Key::Free(program, id))),
            Asked::Fixed(field, comparison, _) if !field.is_address() => {
                Question::Constant(*comparison == Comparison::NotEqual)
            }
            Asked::Member(..) | Asked::Flags(_) | Asked::Fixed(..) | Asked::Version(_) => {
                let Some((key, _)) = place(asked) else { return Question::Constant(false) };
                let Some(dim) = known.get(&key) else { return Question::Ask };
                let Some(dimension) = dims.get(usize::from(*dim)) else { return Question::Ask };
                let set = rank_set(dimension, sets, asked);
                match set {
                    _ if sets.is_empty(set) => Question::Constant(false),
                    set => Question::In { dim: *dim, set },
                }
            }
        }
    }
}

fn rank_set(dimension: &Dimension, sets: &mut Sets, asked: &Asked<'_>) -> RankSet {
    let mut ranks: Vec<Interval> = Vec::new();
    for (part, intervals) in pieces(asked) {
        let Some(part) = dimension.parts.get(part) else { continue };
        ranks.extend(intervals.iter().map(|(first, last)| (part.rank(*first), part.rank(*last))));
    }
    match asked {
        Asked::Member(Field::IpProtocol, set) => {
            let kinds = [
                (part::DPORT_TCP, Kind::Tcp),
                (part::DPORT_UDP, Kind::Udp),
                (part::TYPE_ICMP, Kind::Icmp),
                (part::TYPE_ICMPV6, Kind::Icmpv6),
            ];
            for (part, kind) in kinds {
                let Some(part) = dimension.parts.get(part) else { continue };
                if kind.protocol().is_some_and(|protocol| set.contains_number(protocol)) {
                    ranks.push((part.base, part.last()));
                }
            }
        }
        // Nothing is as unequal as what is not there.
        Asked::Fixed(_, comparison, address) if compared(None, *comparison, *address) => {
            let other = if address.is_ipv4() { part::V6 } else { part::V4 };
            for part in [part::ABSENT, other] {
                ranks.extend(dimension.parts.get(part).map(|part| (part.base, part.last())));
            }
        }
        _ => {}
    }
    sets.add(ranks)
}

/// The dimension of a question about a field's values.
fn place(asked: &Asked<'_>) -> Option<(Key, Axis)> {
    let field = match asked {
        Asked::Member(field, _) | Asked::Fixed(field, ..) => *field,
        Asked::Flags(_) => Field::TcpFlags,
        Asked::Version(_) => Field::IpVersion,
        Asked::Predicate(_) | Asked::Run(_) | Asked::Nothing => return None,
    };
    Some(match field {
        Field::IpSaddr | Field::IpDaddr => (Key::Field(field), Axis::Address(field)),
        Field::IpProtocol | Field::TcpDport | Field::UdpDport | Field::IcmpType | Field::Icmpv6Type => {
            (Key::Service, Axis::Service)
        }
        Field::TcpSport | Field::UdpSport => (Key::SourcePort, Axis::SourcePort),
        _ if matches!(asked, Asked::Fixed(..)) => return None,
        _ => (Key::Field(field), Axis::Number(field)),
    })
}

fn pieces(asked: &Asked<'_>) -> Pieces {
    match asked {
        Asked::Member(field, set) => {
            let numbers = || set.numbers.intervals().iter().map(|(a, b)| (u128::from(*a), u128::from(*b))).collect();
            let part = match field {
                Field::IpSaddr | Field::IpDaddr => {
                    let v4 = set.v4.intervals().iter().map(|(a, b)| (u128::from(*a), u128::from(*b))).collect();
                    return vec![(part::V4, v4), (part::V6, set.v6.intervals().to_vec())];
                }
                Field::IpProtocol => part::OTHER,
                Field::TcpDport => part::DPORT_TCP,
                Field::UdpDport => part::DPORT_UDP,
                Field::IcmpType => part::TYPE_ICMP,
                Field::Icmpv6Type => part::TYPE_ICMPV6,
                Field::TcpSport => part::SPORT_TCP,
                Field::UdpSport => part::SPORT_UDP,
                _ => part::VALUES,
            };
            vec![(part, numbers())]
        }
        Asked::Flags(mask) => {
            let with = (0..=TCP_FLAGS).filter(|flags| flags & u32::from(*mask) != 0);
            let mut intervals: Vec<(u128, u128)> = Vec::new();
            for flags in with.map(u128::from) {
                match intervals.last_mut() {
                    Some((_, last)) if *last + 1 == flags => *last = flags,
                    _ => intervals.push((flags, flags)),
                }
            }
            vec![(part::VALUES, intervals)]
        }
        Asked::Version(version) => vec![(part::VALUES, vec![(u128::from(*version), u128::from(*version))])],
        Asked::Fixed(_, comparison, address) => {
            let (part, at, end) = match address {
                IpAddr::V4(address) => (part::V4, u128::from(address.to_bits()), u128::from(u32::MAX)),
                IpAddr::V6(address) => (part::V6, address.to_bits(), u128::MAX),
            };
            let below = at.checked_sub(1).map(|last| (0, last));
            let above = at.checked_add(1).filter(|first| *first <= end).map(|first| (first, end));
            let here = Some((at, at));
            let intervals = match comparison {
                Comparison::Equal => [here, None],
                Comparison::NotEqual => [below, above],
                Comparison::Less => [below, None],
                Comparison::LessOrEqual => [below, here],
                Comparison::Greater => [above, None],
                Comparison::GreaterOrEqual => [here, above],
            };
            vec![(part, intervals.into_iter().flatten().collect())]
        }
        Asked::Predicate(_) | Asked::Run(_) | Asked::Nothing => vec![],
    }
}

fn predicate_key(predicate: &Predicate) -> Key {
    match predicate {
        Predicate::Compare { left, comparison, right } => Key::Outcome(0, *left, *right as u64, *comparison as u64),
        Predicate::IsAddress { field, comparison, address } => match address {
            AddrRef::Iface(iface) => Key::Outcome(1, *field, u64::from(iface.0), *comparison as u64),
            // Fixed addresses are sets; see `asked`.
            AddrRef::Fixed(_) => Key::Outcome(2, *field, 0, *comparison as u64),
        },
    }
}
