//! Feature bits (VirtIO 1.2 §5.1.3 and §6).

use crate::header::{GsoType, NetHeader};
use core::fmt;

/// A set of feature bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Features(u64);

impl Features {
    /// The device completes partial checksums.
    pub const CSUM: Self = Self(1 << 0);
    /// We take partial checksums.
    pub const GUEST_CSUM: Self = Self(1 << 1);
    pub const MTU: Self = Self(1 << 3);
    pub const MAC: Self = Self(1 << 5);
    /// We take frames that are to be segmented.
    pub const GUEST_TSO4: Self = Self(1 << 7);
    pub const GUEST_TSO6: Self = Self(1 << 8);
    pub const GUEST_TSO: Self = Self::GUEST_TSO4.or(Self::GUEST_TSO6);
    pub const GUEST_ECN: Self = Self(1 << 9);
    /// The device segments.
    pub const HOST_TSO4: Self = Self(1 << 11);
    pub const HOST_TSO6: Self = Self(1 << 12);
    pub const HOST_ECN: Self = Self(1 << 13);
    /// A frame may come in several buffers.
    pub const MRG_RXBUF: Self = Self(1 << 15);
    /// The device says whether its link is up.
    pub const STATUS: Self = Self(1 << 16);
    pub const EVENT_IDX: Self = Self(1 << 29);
    pub const VERSION_1: Self = Self(1 << 32);
    /// The device's view of memory is limited or translated; ours is the platform's, so we may agree.
    pub const ACCESS_PLATFORM: Self = Self(1 << 33);

    const NAMES: [(Self, &'static str); 13] = [
        (Self::CSUM, "csum"),
        (Self::GUEST_CSUM, "guest-csum"),
        (Self::MTU, "mtu"),
        (Self::MAC, "mac"),
        (Self::GUEST_TSO4, "guest-tso4"),
        (Self::GUEST_TSO6, "guest-tso6"),
        (Self::GUEST_ECN, "guest-ecn"),
        (Self::HOST_TSO4, "tso4"),
        (Self::HOST_TSO6, "tso6"),
        (Self::HOST_ECN, "ecn"),
        (Self::MRG_RXBUF, "mrg-rxbuf"),
        (Self::STATUS, "status"),
        (Self::EVENT_IDX, "event-idx"),
    ];

    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub const fn bits(self) -> u64 {
        self.0
    }

    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// What to accept of devices that forward to each other, given what each one offers.
    ///
    /// A frame that is received with a partial checksum, or to be segmented, must be completed by the device that
    /// sends it; nothing here does it in software. So an offload is taken at one end only if every device can do it
    /// at the other.
    pub fn for_forwarding(offers: impl Iterator<Item = Self>) -> Self {
        let common = offers.map(Self::consistent).fold(Self(u64::MAX), Self::and);
        let always = [
            Self::CSUM,
            Self::MTU,
            Self::MAC,
            Self::HOST_TSO4,
            Self::HOST_TSO6,
            Self::HOST_ECN,
            Self::MRG_RXBUF,
            Self::STATUS,
            Self::EVENT_IDX,
            Self::VERSION_1,
            Self::ACCESS_PLATFORM,
        ];
        let pairs = [
            (Self::CSUM, Self::GUEST_CSUM),
            (Self::HOST_TSO4, Self::GUEST_TSO4),
            (Self::HOST_TSO6, Self::GUEST_TSO6),
            (Self::HOST_ECN, Self::GUEST_ECN),
        ];
        let paired = pairs.into_iter().filter(|&(host, _)| common.contains(host)).map(|(_, guest)| guest);
        always.into_iter().chain(paired).fold(Self::default(), Self::or)
    }

    /// Without the bits whose requirements are missing (§5.1.3.1), and without segmentation where a frame would not
    /// fit into a buffer.
    #[must_use]
    pub(crate) fn consistent(self) -> Self {
        let needs = [
            (Self::GUEST_TSO4, Self::GUEST_CSUM.or(Self::MRG_RXBUF)),
            (Self::GUEST_TSO6, Self::GUEST_CSUM.or(Self::MRG_RXBUF)),
            (Self::HOST_TSO4, Self::CSUM),
            (Self::HOST_TSO6, Self::CSUM),
        ];
        let kept = needs
            .into_iter()
            .fold(self, |kept, (bit, needed)| if kept.contains(needed) { kept } else { kept.without(bit) });
        let any = |bits: Self| kept.0 & bits.0 != 0;
        let guest_ecn = if any(Self::GUEST_TSO4.or(Self::GUEST_TSO6)) { Self(0) } else { Self::GUEST_ECN };
        let host_ecn = if any(Self::HOST_TSO4.or(Self::HOST_TSO6)) { Self(0) } else { Self::HOST_ECN };
        kept.without(guest_ecn).without(host_ecn)
    }

    /// Whether a frame with this header can be sent.
    pub(crate) fn can_send(self, header: &NetHeader) -> bool {
        self.allow(header, [Self::CSUM, Self::HOST_TSO4, Self::HOST_TSO6, Self::HOST_ECN])
    }

    /// Whether a frame with this header may have been received.
    pub(crate) fn can_receive(self, header: &NetHeader) -> bool {
        self.allow(header, [Self::GUEST_CSUM, Self::GUEST_TSO4, Self::GUEST_TSO6, Self::GUEST_ECN])
    }

    fn allow(self, header: &NetHeader, [csum, tso4, tso6, ecn]: [Self; 4]) -> bool {
        let gso = match header.gso {
            None => Self(0),
            Some(GsoType::TcpV4) => tso4,
            Some(GsoType::TcpV6) => tso6,
        };
        let csum = if header.needs_csum { csum } else { Self(0) };
        self.contains(gso.or(csum)) && (!header.ecn || self.contains(ecn))
    }
}

impl fmt::Display for Features {
    /// The names of what matters to an operator, separated by spaces.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names = Self::NAMES.iter().filter(|(bit, _)| self.contains(*bit)).map(|(_, name)| *name);
        if let Some(first) = names.next() {
            f.write_str(first)?;
        }
        names.try_for_each(|name| write!(f, " {name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAP: Features = Features(0x1_3003_ffa3);
    /// What QEMU's user-mode network offers.
    const USER: Features = TAP.without(Features(0x3f83));

    #[test]
    fn offloads_are_taken_only_if_every_device_can_complete_them() {
        let both = Features::for_forwarding([TAP, TAP].into_iter());
        assert!(both.contains(Features::GUEST_CSUM.or(Features::GUEST_TSO4).or(Features::GUEST_TSO6)));
        let mixed = Features::for_forwarding([TAP, USER].into_iter());
        let guest = Features::GUEST_CSUM.or(Features::GUEST_TSO4).or(Features::GUEST_TSO6).or(Features::GUEST_ECN);
        assert_eq!(mixed.and(guest), Features(0));
        assert!(mixed.contains(Features::MRG_RXBUF.or(Features::EVENT_IDX)));
    }

    #[test]
    fn segmentation_needs_checksums_and_mergeable_buffers() {
        let tso = Features::GUEST_TSO4.or(Features::HOST_TSO4).or(Features::GUEST_ECN);
        assert_eq!(
            tso.or(Features::CSUM).or(Features::GUEST_CSUM).consistent(),
            Features::CSUM.or(Features::GUEST_CSUM).or(Features::HOST_TSO4)
        );
        assert_eq!(tso.consistent(), Features(0));
    }
}
