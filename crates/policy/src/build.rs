//! The checked constructor: what every holder of a policy may rely on.

use crate::{FunctionId, FunctionKind, Hook, Ipv4Config, LimitRate, Parts, Policy, Step, Translation, Verdict};
use alloc::collections::BTreeMap;
use core::fmt;
use wire::{IfaceId, IpAddr};

/// Token buckets of a policy; each takes memory, whether it is used or not.
const MAX_BUCKETS: u32 = 1 << 20;

impl Policy {
    /// Checks that the parts fit together. Errors are mistakes of whoever built the parts (the compiler reports a
    /// user's mistakes before it comes here).
    pub fn new(parts: Parts) -> Result<Self, PolicyError> {
        use PolicyError::*;
        if parts.ifaces.len() > usize::from(u16::MAX) || parts.functions.len() > usize::from(u16::MAX) {
            return Err(TooMany);
        }
        let iface_exists = |id: IfaceId| parts.iface(id).map(|_| ()).ok_or(NoSuchIface(id));
        for (at, iface) in parts.ifaces.iter().enumerate() {
            let id = IfaceId(at as u16);
            let static4 = match iface.ipv4 {
                Ipv4Config::Static(config) | Ipv4Config::DhcpWithFallback(config) => config.prefix_len <= 32,
                Ipv4Config::Dhcp | Ipv4Config::Unconfigured => true,
            };
            if !static4 || iface.address6.iter().any(|(_, prefix_len)| *prefix_len > 128) {
                return Err(PrefixTooLong(id));
            }
            if iface.vlan.is_some_and(|vid| vid == 0 || vid > 4094) {
                return Err(VlanOutOfRange(id));
            }
            let same = |other: &crate::Iface| (other.nic, other.vlan) == (iface.nic, iface.vlan);
            if parts.ifaces.iter().take(at).any(same) {
                return Err(TwoIfacesOnOneNic(id));
            }
        }
        for route in parts.gateway.iter().flat_map(|gateway| &gateway.routes) {
            iface_exists(route.iface)?;
            if route.nexthop.is_some_and(|nexthop| !same_family(nexthop, route.net.network())) {
                return Err(RouteFamilies);
            }
        }
        if let Some(balancer) = &parts.balancer {
            iface_exists(balancer.clients)?;
            iface_exists(balancer.servers)?;
        }
        for hook in Hook::ALL {
            for iface in parts.iface_ids() {
                parts.chain(hook, iface).iter().try_for_each(|&id| check_on_hook(&parts, hook, id))?;
            }
        }
        let mut rates: BTreeMap<u32, LimitRate> = BTreeMap::new();
        for limit in parts.functions.iter().flat_map(|function| function.program.limits()) {
            if limit.bucket >= MAX_BUCKETS {
                return Err(TooManyLimits);
            }
            if *rates.entry(limit.bucket).or_insert(limit.rate) != limit.rate {
                return Err(LimitsDiffer(limit.bucket));
            }
        }
        for function in &parts.functions {
            let fits = function.program.steps().iter().all(|step| match (function.kind, step) {
                (FunctionKind::Filter, Step::Translate { .. }) => false,
                (FunctionKind::Nat, Step::End(verdict)) => *verdict == Verdict::Accept,
                _ => true,
            });
            if !fits {
                return Err(StepOfOtherKind);
            }
        }
        Ok(Self { parts })
    }
}

fn check_on_hook(parts: &Parts, hook: Hook, id: FunctionId) -> Result<(), PolicyError> {
    let function = parts.function(id).ok_or(PolicyError::NoSuchFunction(id))?;
    let allowed = function.program.steps().iter().all(|step| match step {
        Step::Translate { translation, .. } => match translation {
            Translation::Dnat { .. } => matches!(hook, Hook::Prerouting | Hook::Output),
            Translation::Snat { .. } => matches!(hook, Hook::Postrouting | Hook::Input),
            Translation::Redirect { .. } => hook == Hook::Prerouting,
            Translation::Masquerade => hook == Hook::Postrouting,
        },
        _ => true,
    });
    if allowed && !(hook == Hook::Forward && function.kind == FunctionKind::Nat) {
        Ok(())
    } else {
        Err(PolicyError::TranslationOnWrongHook(hook))
    }
}

fn same_family(a: IpAddr, b: IpAddr) -> bool {
    a.is_ipv4() == b.is_ipv4()
}

/// Why parts are no policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyError {
    /// More than 65,535 Ifaces or functions.
    TooMany,
    NoSuchIface(IfaceId),
    NoSuchFunction(FunctionId),
    PrefixTooLong(IfaceId),
    VlanOutOfRange(IfaceId),
    /// The second of two that share NIC and VLAN.
    TwoIfacesOnOneNic(IfaceId),
    /// A route whose next hop is of another family than its prefix.
    RouteFamilies,
    /// A token bucket with a number of 2^20 or more.
    TooManyLimits,
    /// Two limits take from this bucket at different rates.
    LimitsDiffer(u32),
    /// A Filter that translates, or a Nat that drops.
    StepOfOtherKind,
    TranslationOnWrongHook(Hook),
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany => write!(f, "more than 65,535 Ifaces or functions"),
            Self::NoSuchIface(id) => write!(f, "there is no Iface {}", id.0),
            Self::NoSuchFunction(id) => write!(f, "there is no function {}", id.0),
            Self::PrefixTooLong(id) => write!(f, "a prefix of Iface {} is too long", id.0),
            Self::VlanOutOfRange(id) => write!(f, "the vlan of Iface {} is not 1 to 4094", id.0),
            Self::TwoIfacesOnOneNic(id) => write!(f, "Iface {} shares its NIC and vlan with another", id.0),
            Self::RouteFamilies => write!(f, "a route mixes IPv4 and IPv6"),
            Self::TooManyLimits => write!(f, "more than 1,048,576 limits"),
            Self::LimitsDiffer(bucket) => write!(f, "limits of different rates take from bucket {bucket}"),
            Self::StepOfOtherKind => write!(f, "a Filter translates or a Nat drops"),
            Self::TranslationOnWrongHook(hook) => write!(f, "a translation stands on {}", hook.name()),
        }
    }
}

impl core::error::Error for PolicyError {}
