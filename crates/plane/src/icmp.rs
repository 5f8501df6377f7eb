//! The errors that stages ask for: who may be told, how often, and the bytes of the message.

use crate::chain::TokenBucket;
use crate::conntrack::hash;
use crate::emit::{ICMP_HEADER_LEN, sum_range};
use crate::nat::Random;
use crate::parse::{Packet, Transport, is_host_address};
use alloc::vec::Vec;
use policy::LimitRate;
use wire::checksum::Sum;
use wire::ethernet::HEADER_LEN as ETHERNET_LEN;
use wire::ipv4::protocol;
use wire::tcp::{self, flag};
use wire::{Buffer, Duration, Instant, IpAddr, icmpv4, icmpv6, ipv4, ipv6};

/// What a packet's sender is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    TimeExceeded,
    NoRoute,
    HostUnreachable,
    AdminProhibited,
    PortUnreachable,
    /// The largest packet that fits, in bytes.
    TooBig {
        mtu: u16,
    },
    TcpReset,
}

impl Answer {
    /// A rule's answer; the others are what a router owes every packet.
    fn refuses(self) -> bool {
        matches!(self, Self::AdminProhibited | Self::PortUnreachable | Self::TcpReset)
    }
}

/// A refusal never answers a RST (RFC 9293 §3.5.2).
fn is_reset(packet: &Packet) -> bool {
    matches!(packet.transport, Transport::Tcp(segment) if segment.flags & flag::RST != 0)
}

/// Errors of the whole box (RFC 1812 §4.3.2.8, RFC 4443 §2.4 f): so many a second on average, and so many at once.
const RATE: LimitRate = LimitRate { tokens: 1000, per: Duration::from_secs(1), burst: 100 };
/// Errors about the packets of one source.
const SOURCE_RATE: LimitRate = LimitRate { tokens: 200, per: Duration::from_secs(1), burst: 50 };
/// Sources share so many buckets, by a keyed hash.
const SOURCES: usize = 256;

/// How often errors are sent. Whoever counts them learns nothing of what others have caused: no source gets more than its
/// share, and an error costs none, one or two tokens at random (CVE-2020-25705).
pub(crate) struct Limiter {
    all: TokenBucket,
    sources: Vec<TokenBucket>,
    seed: [u64; 4],
    random: Random,
}

impl Limiter {
    pub fn new(seed: [u64; 4], mut random: Random) -> Self {
        random.next();
        Self { all: TokenBucket::new(RATE), sources: alloc::vec![TokenBucket::new(SOURCE_RATE); SOURCES], seed, random }
    }

    /// May this packet's sender be told, and now?
    pub fn allows(&mut self, now: Instant, packet: &Packet, answer: Answer) -> bool {
        let Packet { src, dst, .. } = *packet;
        let to_all = packet.to_group || !is_host_address(dst);
        // A too big multicast packet is the one exception (RFC 4443 §2.4 e.3).
        let excused = matches!(answer, Answer::TooBig { .. }) && dst.is_ipv6() && dst.is_multicast();
        let unanswered = packet.is_icmp_error() || answer.refuses() && is_reset(packet);
        !unanswered && is_host_address(src) && (!to_all || excused) && self.take(now, src)
    }

    fn take(&mut self, now: Instant, src: IpAddr) -> bool {
        let bits = match src {
            IpAddr::V4(src) => src.to_bits().into(),
            // Whoever has one address of a /64 has all of them.
            IpAddr::V6(src) => src.to_bits() >> 64,
        };
        let at = hash(self.seed, bits, 0, 0) as usize % SOURCES;
        let share = self.sources.get_mut(at).is_some_and(|bucket| bucket.take(now));
        share && self.all.take_about_one(now, self.random.next() as u32 % 3)
    }
}

/// Bytes that an error over IPv4 may have (RFC 1812 §4.3.2.3); over IPv6 it is the minimum MTU (RFC 4443 §2.4 c).
const MAX_LEN4: usize = 576;

/// Makes `frame` an IP packet from `src` that answers `original`, with room for a link header before it. False where
/// the frame has no room.
pub(crate) fn build<B: Buffer>(frame: &mut B, original: &B, packet: &Packet, answer: Answer, src: IpAddr) -> bool {
    let (l3, sender) = (usize::from(packet.l3), packet.src);
    let reset = match (answer, packet.transport) {
        (Answer::TcpReset, Transport::Tcp(segment)) => Some(segment),
        _ => None,
    };
    let ip_len = if src.is_ipv4() { ipv4::MIN_HEADER_LEN } else { ipv6::HEADER_LEN };
    let max = if src.is_ipv4() { MAX_LEN4 } else { usize::from(ipv6::MIN_MTU) };
    // Of a datagram in fragments its first is quoted.
    let at_hand = original.len().saturating_sub(l3).min(packet.total_len as usize);
    let quoted = at_hand.min(max - ip_len - ICMP_HEADER_LEN);
    let payload_len = if reset.is_some() { tcp::MIN_HEADER_LEN } else { ICMP_HEADER_LEN + quoted };
    let l4 = ETHERNET_LEN + ip_len;
    if !frame.set_len(l4 + payload_len) {
        return false;
    }
    let head = frame.head_mut();
    let Some(payload) = head.get_mut(l4..l4 + payload_len) else { return false };
    let protocol = match reset {
        Some(segment) => {
            reset_segment(payload, &segment, packet);
            protocol::TCP
        }
        None => {
            let (kind, code, rest) = if src.is_ipv4() { message4(answer) } else { message6(answer) };
            payload[..4].copy_from_slice(&[kind, code, 0, 0]);
            payload[4..8].copy_from_slice(&rest.to_be_bytes());
            original.copy_out(l3, payload.get_mut(ICMP_HEADER_LEN..).unwrap_or(&mut []));
            if src.is_ipv4() { protocol::ICMP } else { protocol::ICMPV6 }
        }
    };
    let Some(header) = head.get_mut(ETHERNET_LEN..) else { return false };
    match (src, sender) {
        (IpAddr::V4(saddr), IpAddr::V4(daddr)) => ipv4::Repr {
            saddr,
            daddr,
            protocol,
            ttl: 64,
            // Internetwork control (RFC 1812 §4.3.2.5).
            tos: 0xc0,
            id: 0,
            dont_fragment: true,
            payload_len: payload_len as u16,
        }
        .emit(header),
        (IpAddr::V6(saddr), IpAddr::V6(daddr)) => {
            let (next_header, payload_len) = (protocol, payload_len as u16);
            ipv6::Repr { saddr, daddr, next_header, hop_limit: 64, traffic_class: 0xc0, payload_len }.emit(header);
        }
        _ => return false,
    }
    let sums_pseudo_header = protocol != protocol::ICMP;
    let start = match sums_pseudo_header {
        true => Sum::pseudo_header(src, sender, protocol, payload_len as u32),
        false => Sum::ZERO,
    };
    let check = sum_range(frame, l4, payload_len, start).checksum();
    let at = l4 + if reset.is_some() { tcp::field::CHECKSUM } else { 2 };
    if let Some(place) = frame.head_mut().get_mut(at..at + 2) {
        place.copy_from_slice(&check.to_be_bytes());
    }
    true
}

/// Type, code and bytes 4 to 7.
fn message4(answer: Answer) -> (u8, u8, u32) {
    use icmpv4::{kind, unreachable};
    let unreachable = |code| (kind::DESTINATION_UNREACHABLE, code, 0);
    match answer {
        Answer::TimeExceeded => (kind::TIME_EXCEEDED, 0, 0),
        Answer::NoRoute => unreachable(unreachable::NET),
        Answer::HostUnreachable => unreachable(unreachable::HOST),
        Answer::AdminProhibited | Answer::TcpReset => unreachable(unreachable::ADMIN_PROHIBITED),
        Answer::PortUnreachable => unreachable(unreachable::PORT),
        // Next-hop MTU in the low half (RFC 1191 §4).
        Answer::TooBig { mtu } => (kind::DESTINATION_UNREACHABLE, unreachable::FRAGMENTATION_NEEDED, u32::from(mtu)),
    }
}

fn message6(answer: Answer) -> (u8, u8, u32) {
    use icmpv6::{kind, unreachable};
    let unreachable = |code| (kind::DESTINATION_UNREACHABLE, code, 0);
    match answer {
        Answer::TimeExceeded => (kind::TIME_EXCEEDED, 0, 0),
        Answer::NoRoute => unreachable(unreachable::NO_ROUTE),
        Answer::HostUnreachable => unreachable(unreachable::ADDRESS),
        Answer::AdminProhibited | Answer::TcpReset => unreachable(unreachable::ADMIN_PROHIBITED),
        Answer::PortUnreachable => unreachable(unreachable::PORT),
        Answer::TooBig { mtu } => (kind::PACKET_TOO_BIG, 0, u32::from(mtu)),
    }
}

/// A RST as the refused segment's destination would send it (RFC 9293 §3.5.2, group 1).
fn reset_segment(bytes: &mut [u8], segment: &crate::parse::Tcp, packet: &Packet) {
    let acknowledges = segment.flags & flag::ACK != 0;
    let control = u32::from(segment.flags & flag::SYN != 0) + u32::from(segment.flags & flag::FIN != 0);
    let payload_len = packet.transport_len().saturating_sub(u32::from(segment.header_len));
    let next = segment.sequence.wrapping_add(payload_len).wrapping_add(control);
    let (sequence, ackseq, flags) =
        if acknowledges { (segment.ackseq, 0, flag::RST) } else { (0, next, flag::RST | flag::ACK) };
    bytes.fill(0);
    bytes[0..2].copy_from_slice(&segment.dport.to_be_bytes());
    bytes[2..4].copy_from_slice(&segment.sport.to_be_bytes());
    bytes[4..8].copy_from_slice(&sequence.to_be_bytes());
    bytes[8..12].copy_from_slice(&ackseq.to_be_bytes());
    bytes[12..14].copy_from_slice(&(0x5000 | flags).to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::Ipv4Addr;

    fn limiter(seed: u64) -> Limiter {
        Limiter::new([seed, 2, 3, 4], Random::new(seed))
    }

    fn allowed(limiter: &mut Limiter, sources: impl Iterator<Item = u32>) -> usize {
        sources.filter(|source| limiter.take(Instant::BOOT, IpAddr::V4(Ipv4Addr::from_bits(*source)))).count()
    }

    /// A08 (CVE-2020-25705): counting errors tells nobody how many others have been caused.
    #[test]
    fn one_source_has_its_share_of_errors_and_their_number_in_all_is_not_to_be_guessed() {
        let mut one = limiter(1);
        assert_eq!(allowed(&mut one, core::iter::repeat_n(7, 1000)), 50);
        assert_eq!(allowed(&mut one, core::iter::repeat_n(7, 10)), 0, "its share is used up");
        assert!(allowed(&mut one, [8].into_iter()) == 1, "another source still has its own");

        let counts: Vec<usize> = (1..=40).map(|seed| allowed(&mut limiter(seed), 0..10_000)).collect();
        let (least, most) = (counts.iter().min().copied(), counts.iter().max().copied());
        assert!(counts.iter().all(|count| (60..=200).contains(count)), "{counts:?}");
        assert!(most > least.map(|least| least + 10), "{counts:?}");
    }
}
