//! Ifaces, and the chains of functions that stand on them.

use super::Checker;
use super::value::{Scope, What};
use crate::ast::{Name, Value, ValueKind};
use crate::checked::Chain;
use crate::diagnostic::{Code, Diagnostic};
use crate::resolve::{Data, Kind, Member, Object, Typed};
use crate::source::Span;
use crate::vocabulary::{IFACE, ObjectKind};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use policy::{FunctionKind, Hook, Iface, Ipv4Config, NicRef, ReversePath, Static4};
use wire::{Cidr4, Cidr6, IfaceId, IpAddr, Ipv4Addr, Ipv6Addr, MacAddr};

/// As many buffers as upstream has by default.
const DEFAULT_LIMIT: u32 = 4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Config {
    Static,
    Dhcp,
    DhcpWithFallback,
}

impl<'a> Checker<'a, '_> {
    pub fn ifaces(&mut self) -> Vec<Iface> {
        let mut ifaces = Vec::new();
        let names = self.names;
        for (id, element) in names.iter() {
            if let (Kind::Object(ObjectKind::Iface, typed), Some(iface)) = (&element.kind, self.iface_id(id)) {
                let checked = self.one_iface(iface, element.name, typed);
                ifaces.push(checked);
            }
        }
        self.nics_are_unique(&ifaces);
        ifaces
    }

    fn one_iface(&mut self, id: IfaceId, name: Name<'a>, typed: &'a Typed<'a>) -> Iface {
        let object = &typed.object;
        self.known_keys(&IFACE, object, "");
        let config = self.config(name, typed);
        // Its value is nothing that an Iface can be, which was said.
        let not_an_iface = typed.value.is_some_and(|value| !matches!(value.kind, ValueKind::Path(_)));
        let vlan = object.key("vlan").and_then(|member| self.integer(member, 1, 4094)).map(|vid| vid as u16);
        let address6 = object.key("address6").map(|member| self.address6(member)).unwrap_or_default();
        let ipv4 = self.ipv4(name, object, config);
        let gateway6 = object.key("gateway6").and_then(|member| self.gateway6(member, &address6));
        let ids = [Hook::Prerouting, Hook::Input, Hook::Output, Hook::Postrouting];
        for hook in ids {
            if let Some(member) = object.key(hook.name()) {
                self.chain(hook, Some(id), member, Self::dotted(name.text, hook.name()));
            }
        }
        let mut iface = Iface {
            name: name.text.into(),
            nic: self.nic(name, object, not_an_iface),
            vlan,
            ipv4,
            address6,
            gateway6,
            masquerade: object.key("masquerade").and_then(|member| self.boolean(member)).unwrap_or(false),
            prerouting: Vec::new(),
            input: Vec::new(),
            output: Vec::new(),
            postrouting: Vec::new(),
            buffer_limit: self.limit(object, "buffer_limit"),
            send_queue_limit: self.limit(object, "send_queue_limit"),
            mtu: None,
            reverse_path: object.key("reverse_path").and_then(|member| self.reverse_path(member)),
            place: self.source.place(name.span.start),
        };
        iface.mtu = object.key("mtu").and_then(|member| self.mtu(member, !iface.address6.is_empty()));
        self.vlan_rules(name, object, config, &iface);
        iface
    }

    fn config(&mut self, name: Name<'a>, typed: &'a Typed<'a>) -> Config {
        let Some(key) = IFACE.key("config") else { return Config::Static };
        let member = typed.object.key("config");
        let mut word = None;
        if let Some(value) = typed.value {
            match &value.kind {
                ValueKind::Path(path) if path.single().is_some() => word = self.word_of(value, key),
                ValueKind::Error => {}
                _ => {
                    let message =
                        format!("an Iface needs an object or a configuration type, found {}", value.describe());
                    let help =
                        format!("write `Iface {} {{ index: 0, … }}`, or dhcp, dhcp-with-fallback, static", name.text);
                    self.report(Diagnostic::new(Code::WrongType, value.span, message).help(help));
                }
            }
            if let Some(member) = member {
                let message = format!("`{}.config` is already set", name.text);
                self.report(Diagnostic::new(Code::AlreadySet, member.at, message).note(value.span, "first set here"));
            }
        }
        if let Some(member) = member.filter(|_| typed.value.is_none()) {
            word = self.word(member, key);
        }
        match word {
            Some(0) => Config::Dhcp,
            Some(1) => Config::DhcpWithFallback,
            _ => Config::Static,
        }
    }

    fn nic(&mut self, name: Name<'a>, object: &Object<'a>, not_an_iface: bool) -> NicRef {
        // An index that nothing else has, where the right one is not known.
        let none = NicRef::Index(u16::MAX);
        let Some(member) = object.key("index") else {
            if not_an_iface || self.is_misspelt(&IFACE, object, "index") {
                return none;
            }
            let message = format!("`{}` needs an index, which says which NIC it is", name.text);
            let help = "add `index: 0`, or the MAC address as a string: `index: \"c0:01:0a:00:00:2a\"`";
            self.report(Diagnostic::new(Code::MissingProperty, name.span, message).help(help));
            return none;
        };
        let needed = "a number or a MAC string";
        let Some(found) = self.scalar(member, needed) else { return none };
        match found.what {
            What::String(text) => match text.parse::<MacAddr>() {
                Ok(mac) if mac.is_unicast() => NicRef::Mac(mac),
                Ok(_) => {
                    let message = format!("\"{text}\" is not the address of a NIC");
                    self.report(Diagnostic::new(Code::InvalidMac, found.at, message));
                    none
                }
                Err(_) => {
                    let message = format!("\"{text}\" is not a MAC address");
                    let help = "six pairs of hexadecimal digits joined by `:`, like \"c0:01:0a:00:00:2a\"";
                    self.report(Diagnostic::new(Code::InvalidMac, found.at, message).help(help));
                    none
                }
            },
            What::Integer(_) | What::Symbol(_) => {
                let index = self.integer_of(found, "index", 0, i64::from(u16::MAX) - 1);
                index.map_or(none, |index| NicRef::Index(index as u16))
            }
            _ => {
                self.wrong_type("index", needed, found);
                none
            }
        }
    }

    fn ipv4(&mut self, name: Name<'a>, object: &Object<'a>, config: Config) -> Ipv4Config {
        let dns = object.key("dns").and_then(|member| self.address(member)).map(|(address, _)| address);
        let address = object.key("address").and_then(|member| self.address4(member));
        let netmask = object.key("netmask").and_then(|member| self.netmask(member));
        let gateway = object.key("gateway").and_then(|member| self.address4(member));
        let misspelt = ["address", "netmask"].map(|key| (key, self.is_misspelt(&IFACE, object, key)));
        let given = |key: &str| object.key(key).is_some() || misspelt.contains(&(key, true));
        if config == Config::Dhcp {
            return Ipv4Config::Dhcp;
        }
        if config == Config::DhcpWithFallback {
            let missing: Vec<&str> = ["address", "netmask"].into_iter().filter(|key| !given(key)).collect();
            if !missing.is_empty() {
                let missing = missing.join(" and ");
                let message =
                    format!("`{}` has config dhcp-with-fallback, but no {missing} to fall back to", name.text);
                let diagnostic = Diagnostic::new(Code::MissingProperty, name.span, message);
                self.report(diagnostic.help("add what is missing, or write `config: dhcp`"));
            }
        } else {
            for (key, other) in [("address", "netmask"), ("netmask", "address")] {
                if let (Some(member), false) = (object.key(key), given(other)) {
                    let message = format!("`{}` has {key} but no {other}", name.text);
                    let diagnostic = Diagnostic::new(Code::MissingProperty, member.key.span, message);
                    self.report(diagnostic.help(format!("add `{other}: …`")));
                }
            }
            if let (Some(member), false) = (object.key("gateway"), given("address")) {
                let message = "gateway has no effect on an Iface without an address";
                self.report(Diagnostic::new(Code::IgnoredProperty, member.key.span, message));
            }
        }
        let (Some((address, at)), Some((prefix_len, _))) = (address, netmask) else {
            return Ipv4Config::Unconfigured;
        };
        if !self.host_address(address, prefix_len, at) {
            return Ipv4Config::Unconfigured;
        }
        if let (Some((gateway, at)), Ok(subnet)) = (gateway, Cidr4::masked(address, prefix_len)) {
            self.gateway4(gateway, at, address, subnet);
        }
        let fixed = Static4 {
            address,
            prefix_len,
            gateway: gateway.map(|(gateway, _)| gateway).filter(|gateway| !gateway.is_unspecified()),
            dns,
        };
        if config == Config::DhcpWithFallback { Ipv4Config::DhcpWithFallback(fixed) } else { Ipv4Config::Static(fixed) }
    }

    /// An address that a host in this subnet may have.
    fn host_address(&mut self, address: Ipv4Addr, prefix_len: u8, at: Span) -> bool {
        let multicast_or_more = address.octets()[0] >= 224;
        if address.is_unspecified() || address.is_loopback() || multicast_or_more {
            let message = format!("{address} is no address that an Iface can have");
            self.report(Diagnostic::new(Code::NotUnicast, at, message));
            return false;
        }
        let Ok(subnet) = Cidr4::masked(address, prefix_len) else { return false };
        if prefix_len >= 31 {
            return true;
        }
        let (code, what) = if address == subnet.network() {
            (Code::NetworkAddress, "the network address")
        } else if address == subnet.last() {
            (Code::BroadcastAddress, "the broadcast address")
        } else {
            return true;
        };
        let message = format!("{address} is {what} of {subnet}");
        self.report(
            Diagnostic::new(code, at, message).help("choose another address of the network, or another netmask"),
        );
        false
    }

    fn gateway4(&mut self, gateway: Ipv4Addr, at: Span, address: Ipv4Addr, subnet: Cidr4) {
        if gateway == address {
            let message = format!("the gateway {gateway} is the Iface itself");
            let help = "name the next router on this network, or leave gateway out";
            self.report(Diagnostic::new(Code::GatewayIsSelf, at, message).help(help));
        } else if !subnet.contains(gateway) && subnet.prefix_len() < 32 && !gateway.is_unspecified() {
            let message = format!("the gateway {gateway} is not in {subnet}");
            let help = "packets are sent to it all the same; is address, netmask or gateway mistyped?";
            self.report(Diagnostic::new(Code::GatewayOffLink, at, message).help(help));
        }
    }

    fn gateway6(&mut self, member: &Member<'a>, own: &[(Ipv6Addr, u8)]) -> Option<Ipv6Addr> {
        let (address, at) = self.address(member)?;
        let IpAddr::V6(gateway) = address else {
            let message = format!("gateway6 needs an IPv6 address, found {address}");
            self.report(Diagnostic::new(Code::WrongType, at, message));
            return None;
        };
        if own.is_empty() {
            let message = "gateway6 has no effect on an Iface without address6";
            self.report(Diagnostic::new(Code::IgnoredProperty, member.key.span, message));
        } else if own.iter().any(|(address, _)| *address == gateway) {
            let message = format!("the gateway {gateway} is the Iface itself");
            self.report(Diagnostic::new(Code::GatewayIsSelf, at, message));
        } else if !on_link6(own, gateway) {
            let message = format!("the gateway {gateway} is on no subnet of this Iface");
            self.report(Diagnostic::new(Code::GatewayOffLink, at, message));
        }
        Some(gateway)
    }

    fn address6(&mut self, member: &Member<'a>) -> Vec<(Ipv6Addr, u8)> {
        let mut own: Vec<(Ipv6Addr, u8)> = Vec::new();
        let needed = "an IPv6 address with its prefix length, or a list of them";
        let Some(found) = self.scalar(member, needed) else { return own };
        match found.what {
            What::List(list) => {
                if list.is_empty() {
                    let message = "address6 needs at least one address";
                    self.report(Diagnostic::new(Code::WrongType, found.at, message));
                }
                for value in list {
                    let found = self.evaluate(value, Scope::Object);
                    if let Some(address) = self.one_address6(found) {
                        if own.iter().any(|(other, _)| *other == address.0) {
                            let message = format!("{} is listed twice", address.0);
                            self.report(Diagnostic::new(Code::RepeatedEntry, value.span, message));
                        } else {
                            own.push(address);
                        }
                    }
                }
            }
            _ => own.extend(self.one_address6(found)),
        }
        own
    }

    fn one_address6(&mut self, found: super::Found<'a>) -> Option<(Ipv6Addr, u8)> {
        let (address, prefix_len) = match found.what {
            What::Cidr(IpAddr::V6(address), prefix_len) => (address, prefix_len),
            What::Address(IpAddr::V6(address)) => {
                let message = format!("address6 needs a prefix length, like {address}/64");
                self.report(Diagnostic::new(Code::PrefixLengthMissing, found.at, message));
                return None;
            }
            _ => {
                self.wrong_type("address6", "an IPv6 address with its prefix length", found);
                return None;
            }
        };
        let refuse = if address.is_unspecified() || address.is_loopback() || address.is_multicast() {
            Some("no address that an Iface can have")
        } else if address.to_ipv4_mapped().is_some() {
            Some("an IPv4 address in IPv6 notation; write it as `address`")
        } else {
            None
        };
        if let Some(why) = refuse {
            self.report(Diagnostic::new(Code::NotUnicast, found.at, format!("{address} is {why}")));
            return None;
        }
        let subnet = Cidr6::masked(address, prefix_len).ok()?;
        if prefix_len < 127 && address == subnet.network() {
            let message = format!("{address} is the subnet-router anycast address of {subnet}");
            let help = "choose another address of the network; host bits are not all zero (RFC 4291)";
            self.report(Diagnostic::new(Code::NetworkAddress, found.at, message).help(help));
            return None;
        }
        Some((address, prefix_len))
    }

    fn limit(&mut self, object: &Object<'a>, key: &str) -> Option<u32> {
        let is_vlan = object.key("vlan").is_some();
        match object.key(key) {
            Some(member) => {
                let limit = self.integer(member, 0, i64::from(u32::MAX))?;
                if is_vlan {
                    let message = format!("{key} cannot be set on a vlan");
                    let diagnostic = Diagnostic::new(Code::ConflictingProperties, member.key.span, message);
                    self.report(diagnostic.help("set it on the Iface of the NIC itself"));
                    return None;
                }
                u32::try_from(limit).ok().filter(|limit| *limit > 0)
            }
            None => (!is_vlan).then_some(DEFAULT_LIMIT),
        }
    }

    fn mtu(&mut self, member: &Member<'a>, has_ipv6: bool) -> Option<u16> {
        let found = self.scalar(member, "a whole number")?;
        if has_ipv6 && matches!(found.what, What::Integer(68..1280)) {
            let message = "mtu must be 1280-65535 on an Iface with address6";
            let help = "IPv6 needs links that carry 1280 bytes (RFC 8200 §5)";
            self.report(Diagnostic::new(Code::OutOfRange, found.at, message).help(help));
            return None;
        }
        self.integer_of(found, "mtu", 68, 65535).map(|mtu| mtu as u16)
    }

    fn reverse_path(&mut self, member: &Member<'a>) -> Option<ReversePath> {
        match self.word(member, IFACE.key("reverse_path")?)? {
            0 => Some(ReversePath::Strict),
            _ => Some(ReversePath::Loose),
        }
    }

    fn vlan_rules(&mut self, name: Name<'a>, object: &Object<'a>, config: Config, iface: &Iface) {
        let is_vlan = object.key("vlan").is_some();
        let fixed = ["address", "netmask", "gateway", "dns"].iter().filter_map(|key| object.key(key)).next();
        if let (Config::Dhcp, Some(member)) = (config, fixed) {
            let key = member.key.text;
            let (code, message) = if is_vlan {
                (Code::ConflictingProperties, format!("`{key}` has no effect with `config: dhcp`"))
            } else {
                (Code::IgnoredProperty, format!("`{key}` is ignored with `config: dhcp`"))
            };
            let help = "remove it, or write `config: dhcp-with-fallback` or `config: static`";
            self.report(Diagnostic::new(code, member.key.span, message).help(help));
        }
        let configured = object.key("address").is_some() || object.key("netmask").is_some() || config != Config::Static;
        if is_vlan && !configured && iface.address6.is_empty() && object.key("address6").is_none() {
            let message = format!("vlan `{}` needs address and netmask, or `config: dhcp`", name.text);
            self.report(Diagnostic::new(Code::MissingProperty, name.span, message));
        }
    }

    /// Two Ifaces share neither a NIC nor a vlan of one, and a vlan's mtu fits its NIC's.
    fn nics_are_unique(&mut self, ifaces: &[Iface]) {
        let objects = self.objects(ObjectKind::Iface);
        let at = |object: &Object<'a>, key: &str| object.key(key).map(|member| (member.key.span, member.data.span()));
        let mut seen: BTreeMap<(Result<u16, MacAddr>, Option<u16>), usize> = BTreeMap::new();
        for (position, iface) in ifaces.iter().enumerate() {
            let nic = match iface.nic {
                NicRef::Index(u16::MAX) => continue,
                NicRef::Index(index) => Ok(index),
                NicRef::Mac(mac) => Err(mac),
            };
            let Some((_, typed)) = objects.get(position) else { continue };
            // A vlan that was not understood must not look like a plain Iface.
            if iface.vlan.is_none() && typed.object.key("vlan").is_some() {
                continue;
            }
            let Some(first) = seen.get(&(nic, iface.vlan)).and_then(|first| objects.get(*first)) else {
                seen.insert((nic, iface.vlan), position);
                continue;
            };
            let index = at(&typed.object, "index").map(|(_, value)| self.text(value)).unwrap_or_default();
            let (key, message, help) = match iface.vlan {
                None => {
                    let message = format!("index {index} already belongs to `{}`", first.0.text);
                    ("index", message, "give each Iface a NIC of its own, or make one a vlan of the other's")
                }
                Some(vid) => {
                    let message = format!("vlan {vid} on index {index} already belongs to `{}`", first.0.text);
                    ("vlan", message, "choose another vlan number or another NIC")
                }
            };
            if let (Some((_, here)), Some((there, _))) = (at(&typed.object, key), at(&first.1.object, key)) {
                self.report(
                    Diagnostic::new(Code::IndexTaken, here, message).note(there, "first taken here").help(help),
                );
            }
        }
        for (position, iface) in ifaces.iter().enumerate().filter(|(_, iface)| iface.vlan.is_some()) {
            let carrier = ifaces.iter().find(|other| other.nic == iface.nic && other.vlan.is_none());
            if let (Some(mtu), Some(Iface { mtu: Some(largest), name, .. })) = (iface.mtu, carrier) {
                let member = objects.get(position).and_then(|(_, typed)| typed.object.key("mtu"));
                if let (true, Some(member)) = (mtu > *largest, member) {
                    let message = format!("the mtu of a vlan may not exceed its NIC's, which is {largest} (`{name}`)");
                    self.report(Diagnostic::new(Code::OutOfRange, member.data.span(), message));
                }
            }
        }
    }

    /// The functions that a key names.
    pub fn chain(&mut self, hook: Hook, iface: Option<IfaceId>, member: &Member<'a>, owner: String) {
        let mut chain = Chain { hook, iface, owner, functions: Vec::new() };
        match &member.data {
            Data::Value(value) => match &value.kind {
                ValueKind::List(list) => {
                    if list.is_empty() {
                        self.no_function(value, "an empty list");
                    }
                    for value in list {
                        self.chain_function(&mut chain, value);
                    }
                }
                _ => self.chain_function(&mut chain, value),
            },
            Data::Object(object) => {
                let message = "a chain lists function names, found an object";
                self.report(Diagnostic::new(Code::NotAChainFunction, object.span, message));
            }
        }
        self.chains.push(chain);
    }

    fn no_function(&mut self, value: &Value<'_>, found: &str) {
        let message = format!("a chain lists function names, found {found}");
        let help = "write `input: my_filter` or `input: [first, second]`";
        self.report(Diagnostic::new(Code::NotAChainFunction, value.span, message).help(help));
    }

    fn chain_function(&mut self, chain: &mut Chain, value: &'a Value<'a>) {
        let name = match &value.kind {
            ValueKind::Error => return,
            ValueKind::Path(path) => path.single(),
            _ => None,
        };
        let Some(name) = name else {
            return self.no_function(value, value.describe());
        };
        let Some(id) = self.names.find(name.text) else {
            self.unknown_name(
                name,
                |kind| matches!(kind, Kind::Function(_)),
                "is no function: nothing of that name is defined",
            );
            return;
        };
        self.names.mark_used(id);
        let Some(element) = self.names.get(id) else { return };
        match &element.kind {
            Kind::Broken => {}
            Kind::Function(function) => {
                let nat = crate::vocabulary::function_type(function.kind.text) == Some(FunctionKind::Nat);
                if nat && chain.hook == Hook::Forward {
                    let message = format!("`{}` is a Nat, which cannot be put on the forward chain", name.text);
                    let diagnostic = Diagnostic::new(Code::NatOnForward, name.span, message)
                        .note(function.head(), "the Nat")
                        .help("put it on prerouting (dnat) or postrouting (snat) of an Iface");
                    self.report(diagnostic);
                    return;
                }
                if let Some((_, first)) = chain.functions.iter().find(|(other, _)| *other == id) {
                    let message = format!("`{}` is listed twice on {}", name.text, chain.owner);
                    let diagnostic = Diagnostic::new(Code::RepeatedFunction, name.span, message);
                    self.report(diagnostic.note(*first, "first listed here"));
                }
                chain.functions.push((id, name.span));
            }
            other => {
                let message = format!("`{}` is {}, not a function", name.text, other.describe());
                let diagnostic = Diagnostic::new(Code::NotAChainFunction, name.span, message)
                    .note(element.name.span, "defined here")
                    .help("list the functions themselves; constants do not stand for functions");
                self.report(diagnostic);
            }
        }
    }
}

/// On a subnet of these addresses, or link-local.
pub fn on_link6(own: &[(Ipv6Addr, u8)], address: Ipv6Addr) -> bool {
    let near =
        |(own, prefix_len): &(Ipv6Addr, u8)| Cidr6::masked(*own, *prefix_len).is_ok_and(|cidr| cidr.contains(address));
    wire::addr::is_link_local6(address) || own.iter().any(near)
}
