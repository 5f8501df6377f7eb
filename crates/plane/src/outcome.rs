//! Where a packet's walk may end: one reason for every packet that goes nowhere.

use core::fmt;
use policy::Hook;

macro_rules! drop_reasons {
    ($($variant:ident $name:literal $sentence:literal,)*) => {
        /// Why a packet went nowhere. Every dropped packet has exactly one and increments exactly one counter.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum DropReason {
            $(#[doc = $sentence] $variant,)*
        }

        impl DropReason {
            pub const ALL: &[Self] = &[$(Self::$variant,)*];
            pub const COUNT: usize = Self::ALL.len();

            /// The reason's name on the console, in stories and in the manual.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// One sentence for an operator.
            pub const fn sentence(self) -> &'static str {
                match self {
                    $(Self::$variant => $sentence,)*
                }
            }
        }
    };
}

drop_reasons! {
    // The link.
    FrameTruncated "FrameTruncated" "The frame ends before its link header or ARP message does.",
    NotOurMac "NotOurMac" "The frame is addressed to another station's MAC address.",
    BadSourceMac "BadSourceMac" "The frame's source is a group MAC address or all zeros.",
    NoIface "NoIface" "No Iface of the policy has this NIC and VLAN.",
    UnknownEthertype "UnknownEthertype" "The frame carries neither IPv4, IPv6 nor ARP.",
    FamilyOff "FamilyOff" "The Iface has no address of the packet's family.",
    BadNeighborMessage "BadNeighborMessage" "An ARP or neighbor discovery message that must not be believed.",
    // The IP header.
    Truncated "Truncated" "The packet is longer than the frame that carries it.",
    BadHeader "BadHeader" "A version or header length that does not fit the packet.",
    BadHeaderChecksum "BadHeaderChecksum" "The IPv4 header checksum is wrong.",
    IpOptions "IpOptions" "IPv4 options that name a source route, or that are broken.",
    ExtensionHeaders "ExtensionHeaders" "A chain of IPv6 extension headers that is broken, too long or forbidden.",
    BadTransport "BadTransport" "The transport header is cut off or contradicts the packet's length.",
    BadTransportChecksum "BadTransportChecksum" "The checksum of a packet for the box itself, or of an ICMP error, is wrong.",
    // Fragments.
    Fragment "Fragment" "A fragment where only whole packets are taken: from the box's own stack.",
    TinyFragment "TinyFragment" "A first fragment does not hold all headers up to the upper layer's; its datagram is dropped.",
    NestedFragment "NestedFragment" "A packet with two fragment headers.",
    FragmentLength "FragmentLength" "A fragment that is empty, or not the last and no multiple of 8 bytes long; its datagram is dropped.",
    FragmentTooLong "FragmentTooLong" "A fragment ends beyond the largest packet there may be; its datagram is dropped.",
    FragmentOverlap "FragmentOverlap" "Two fragments claim the same bytes of a datagram, which is dropped.",
    FragmentEnd "FragmentEnd" "Fragments disagree about where their datagram ends, and it is dropped.",
    DuplicateFragment "DuplicateFragment" "A fragment that is held already, byte for byte.",
    FragmentRefused "FragmentRefused" "A late fragment of a datagram that has been dropped.",
    FragmentTimeout "FragmentTimeout" "A fragment whose datagram was not complete in time.",
    FragmentsFull "FragmentsFull" "A fragment that had to give way: its source, or all together, have too many.",
    FragmentedControl "FragmentedControl" "Neighbor or listener discovery, an ICMP error, or a client's SYN that would have to wait for a node, in fragments.",
    ReassemblyTooLong "ReassemblyTooLong" "A datagram in fragments for the box itself, no ping, that no buffer can hold.",
    // Admission.
    MartianSource "MartianSource" "The source is no unicast address that may be seen on a wire.",
    MartianDestination "MartianDestination" "The destination may not be seen on a wire.",
    SpoofedSource "SpoofedSource" "The source is one of the box's own addresses.",
    Land "Land" "Source and destination are the same endpoint.",
    ReversePath "ReversePath" "The way back to the source does not lead out of the Iface that the packet came in by.",
    // Tracking.
    Invalid "Invalid" "The packet fits no connection and may begin none.",
    TableFull "TableFull" "The flow table has no room for a new connection.",
    NatClash "NatClash" "No reply tuple is free for the translated connection.",
    // The balancer.
    BalancerFull "BalancerFull" "No node is free and no more clients may wait; the client is refused.",
    ClientGaveUp "ClientGaveUp" "A client that waited for a node has given up.",
    // Rules.
    Prerouting "prerouting" "A rule of a prerouting chain drops it.",
    Input "input" "A rule of an input chain drops it.",
    Forward "forward" "A rule of the forward chain drops it.",
    Output "output" "A rule of an output chain drops it.",
    Postrouting "postrouting" "A rule of a postrouting chain drops it.",
    Rejected "Rejected" "A rule rejects it, and its sender is told.",
    // Forwarding.
    NotForwarding "NotForwarding" "No route names the Iface that the packet came in by.",
    NotForwardable "NotForwardable" "Multicast, broadcast and link-local packets are never forwarded.",
    NoRoute "NoRoute" "No route matches the destination.",
    NoNextHop "NoNextHop" "The route has no next hop and the destination is not on its link.",
    TtlExpired "TtlExpired" "The TTL or hop limit is used up.",
    TooBig "TooBig" "The packet is larger than the MTU of its way out and may not be fragmented.",
    // The way out.
    NeighborSilent "NeighborSilent" "The next hop does not answer ARP or neighbor solicitations.",
    NeighborQueueFull "NeighborQueueFull" "Too many packets wait for their next hop's MAC address.",
    NoBuffer "NoBuffer" "No buffer is free.",
}

impl DropReason {
    /// The reason of a rule's `drop` on `hook`.
    pub const fn by_rule(hook: Hook) -> Self {
        match hook {
            Hook::Prerouting => Self::Prerouting,
            Hook::Input => Self::Input,
            Hook::Forward => Self::Forward,
            Hook::Output => Self::Output,
            Hook::Postrouting => Self::Postrouting,
        }
    }

    /// The reason of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.name() == name)
    }
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
