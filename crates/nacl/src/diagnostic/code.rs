//! Every code that a diagnostic may carry: its stable name, its default severity, and one line of what it means.

use super::Severity;

macro_rules! codes {
    ($($variant:ident $name:literal $severity:ident $title:literal;)*) => {
        /// Why a diagnostic was given. The names are stable: tools and suppressions may rely on them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $title] $variant,)*
        }

        impl Code {
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name that `--explain` takes.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            pub const fn severity(self) -> Severity {
                match self {
                    $(Self::$variant => Severity::$severity,)*
                }
            }

            /// What it means, in one line.
            pub const fn title(self) -> &'static str {
                match self {
                    $(Self::$variant => $title,)*
                }
            }
        }
    };
}

impl Code {
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.name() == name)
    }
}

codes! {
    // The text.
    SourceTooLarge "source-too-large" Error "the file is larger than any configuration can be";
    StrayCharacter "stray-character" Error "a character that starts no token";
    UnclosedString "unclosed-string" Error "a string that its line does not close";
    UnclosedComment "unclosed-comment" Error "a block comment that the file does not close";
    UnknownEscape "unknown-escape" Error "a backslash in a string before a letter that means nothing";
    ExpectedToken "expected-token" Error "something else was expected here";
    UnclosedBracket "unclosed-bracket" Error "a bracket that is not closed";
    MissingComma "missing-comma" Error "two elements without a comma between them";
    StrayNumber "stray-number" Error "a number that belongs to no declaration";
    SingleEquals "single-equals" Error "`=`, `=>` or another operator that the language does not have";
    KeywordAsName "keyword-as-name" Error "a word of the language used as a name";
    EmptyObject "empty-object" Error "an object without entries";
    EmptyBody "empty-body" Error "a body without statements";
    NestingTooDeep "nesting-too-deep" Error "more levels of nesting, or of names for names, than are followed";
    // Literals.
    InvalidAddress "invalid-address" Error "not an address";
    LeadingZero "leading-zero" Error "an octet with a leading zero, which other tools read as octal";
    InvalidPrefixLength "invalid-prefix-length" Error "a prefix length beyond the address, or of no address";
    InvalidRange "invalid-range" Error "a range whose ends do not belong together";
    ReversedRange "reversed-range" Error "a range that begins above its end";
    IntegerTooLarge "integer-too-large" Error "a number beyond 64 bits";
    // Names.
    DuplicateName "duplicate-name" Error "one name defined twice";
    HyphenInName "hyphen-in-name" Error "a name with a hyphen, which only keys may have";
    ReservedName "reserved-name" Error "a name that belongs to a packet object";
    UnknownType "unknown-type" Error "no such type of object";
    UnknownSubtype "unknown-subtype" Error "no such subtype of function";
    MissingSubtype "missing-subtype" Error "a function without a subtype or a body";
    NotAFunctionType "not-a-function-type" Error "a body for a type that has none";
    MissingName "missing-name" Error "a function at top level without a name";
    UnknownName "unknown-name" Error "a name that nothing defines";
    UnknownMember "unknown-member" Error "a member that the object does not have";
    NoMembers "no-members" Error "a member of something that has none";
    UnknownField "unknown-field" Error "a packet property that does not exist";
    DuplicateKey "duplicate-key" Error "one key twice in an object";
    AlreadySet "already-set" Error "a member that is set twice";
    ConstantCycle "constant-cycle" Error "constants that name each other in a circle";
    FunctionAsValue "function-as-value" Error "a function where a value is needed";
    ObjectAsValue "object-as-value" Error "a whole Iface or other object where a value is needed";
    FieldOutsideFunction "field-outside-function" Error "a packet property where there is no packet";
    FieldOfOtherProtocol "field-of-other-protocol" Error "a packet property that packets here need not have";
    RuntimeAddress "runtime-address" Error "an address that is known only at run time, where a fixed one is needed";
    NamesDifferInCase "names-differ-in-case" Warning "two names that differ only in letter case";
    ShadowedAction "shadowed-action" Warning "a function that an action of the same name hides";
    UnusedConstant "unused-constant" Warning "a constant that nothing uses";
    UnusedFunction "unused-function" Warning "a function that is on no chain and never called";
    // Objects.
    WrongType "wrong-type" Error "a value of another type than is needed";
    OutOfRange "out-of-range" Error "a number outside its limits";
    UnknownWord "unknown-word" Error "not one of the words that may stand here";
    UnknownProperty "unknown-property" Error "a property that this type does not have";
    MissingProperty "missing-property" Error "a property that must be given";
    OnlyOne "only-one" Error "a second object of a type that there is one of";
    InvalidMac "invalid-mac" Error "not a MAC address";
    InvalidNetmask "invalid-netmask" Error "a netmask whose one bits are not in a row";
    ConflictingProperties "conflicting-properties" Error "properties that exclude each other";
    IndexTaken "index-taken" Error "a NIC, or a vlan of it, that belongs to two Ifaces";
    NoIface "no-iface" Error "something that is no Iface where one is needed";
    NotAChainFunction "not-a-chain-function" Error "something on a chain that is no function";
    GatewayIsSelf "gateway-is-self" Error "a gateway that is the Iface itself";
    NetworkAddress "network-address" Error "the address of a whole network given to a host";
    BroadcastAddress "broadcast-address" Error "a broadcast address given to a host";
    NotUnicast "not-unicast" Error "an address that no host may have";
    GatewayOffLink "gateway-off-link" Warning "a gateway outside the Iface's subnet";
    IgnoredProperty "ignored-property" Warning "a property that has no effect here";
    DuplicateAddress "duplicate-address" Warning "one address on two Ifaces";
    OverlappingSubnets "overlapping-subnets" Warning "two Ifaces in one subnet";
    UnroutedIface "unrouted-iface" Warning "an Iface that no route uses";
    EmptyGateway "empty-gateway" Error "a Gateway without a route";
    PrefixLengthMissing "prefix-length-missing" Error "an IPv6 address where a prefix is needed";
    MixedFamilies "mixed-families" Error "IPv4 and IPv6 in one route";
    NexthopIsSelf "nexthop-is-self" Error "a next hop that is the router itself";
    NexthopOffLink "nexthop-off-link" Warning "a next hop that is not on a subnet of the Iface";
    NoNextHop "no-next-hop" Warning "a route whose packets have no next hop";
    ShadowedRoute "shadowed-route" Warning "a route that another one for the same network is always preferred to";
    HostBits "host-bits" Warning "a network with bits outside its mask";
    NoIpv6 "no-ipv6" Warning "an IPv6 route through an Iface without IPv6";
    DeprecatedKey "deprecated-key" Warning "another name of a key";
    Unreachable "unreachable-server" Warning "a server that no subnet or route reaches";
    RepeatedEntry "repeated-entry" Warning "one thing listed twice";
    NodeIsSelf "node-is-self" Warning "a balancer that would connect to itself";
    MasqueradeUnrouted "masquerade-unrouted" Warning "a masquerade where nothing is forwarded";
    ReversePathUnset "reverse-path-unset" Note "an Iface that forwards without a reverse-path check";
    NoBalancer "no-balancer" Warning "statistics of a Load_balancer that is not there";
    // Functions.
    UnknownAction "unknown-action" Error "neither an action nor a function";
    WrongFunctionType "wrong-function-type" Error "an action in a function of the other type";
    WrongArguments "wrong-arguments" Error "arguments that this action does not take";
    SubtypeMismatch "subtype-mismatch" Error "a function inside one of another protocol";
    LocalFunctionName "local-function-name" Error "a call of a nested function";
    Recursion "recursion" Error "functions that call each other in a circle";
    CallsTooDeep "calls-too-deep" Error "calls nested deeper than is followed";
    ProgramTooLarge "program-too-large" Error "a function that calls make too large";
    ChainNeedsIp "chain-needs-ip" Error "a Filter on a chain that is not of subtype IP";
    NatOnForward "nat-on-forward" Error "a Nat on the forward chain";
    NoVerdict "no-verdict" Error "a Filter on a chain that can end without a verdict";
    WrongChain "wrong-chain" Error "a translation where it cannot work";
    PortWithoutPorts "port-without-ports" Error "a port rewritten in a protocol without ports";
    PortForSome "port-for-some" Warning "a port rewritten in packets that may have none";
    RepeatedFunction "repeated-function" Warning "a function twice on a chain";
    SeveralFilters "several-filters" Warning "several Filters on a chain, each of which must accept";
    UnreachableFunction "unreachable-function" Warning "a function on a chain behind one that lets nothing pass";
    WrongFamily "wrong-family" Warning "a translation to an address of the family that packets here do not have";
    UnreachableStatement "unreachable-statement" Warning "a statement that is never run";
    // Conditions.
    NotACondition "not-a-condition" Error "a condition that is neither true nor false";
    CannotCompare "cannot-compare" Error "a comparison of two different types";
    WrongOperator "wrong-operator" Error "an operator that these values do not have";
    NeedsSet "needs-set" Error "`in` with a single value";
    SetOnLeft "set-on-left" Error "a set on the left side of a comparison";
    WrongElement "wrong-element" Error "an element of another type in a set";
    ConstantCondition "constant-condition" Warning "a condition that is always true, or never";
    NeverTrue "never-true" Warning "a condition that no packet fulfils";
    IpInIp "ip-in-ip" Warning "a comparison with protocol 4, which is IP in IP";
    ShadowedTest "shadowed-test" Warning "a test that an earlier one has decided";
    RedundantElement "redundant-element" Warning "an element that another one contains";
    EstablishedOnly "established-only" Warning "an established rule that drops the ICMP errors of its own connections";
    NothingNew "nothing-new" Warning "established connections are accepted, but no rule accepts a first packet";
    DnatNotAccepted "dnat-not-accepted" Note "a dnat whose packets the forward chain drops, all or most of them";
    NoWayOut "no-way-out" Note "hosts behind an Iface that can begin no connection outward";
    UnknownOif "unknown-oif" Warning "the outgoing Iface where it is not known yet";
    // The compiler itself.
    Internal "internal" Error "a mistake of the compiler";
}
