//! From a policy's Ifaces to this machine's NICs.

use crate::Nic;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use plane::Link;
use policy::{Iface, NicRef, Place, Policy};
use wire::{MacAddr, PortId};

/// An Ethernet's MTU where neither policy nor device names one, in bytes (RFC 894).
const DEFAULT_MTU: u16 = 1500;

/// Why a policy cannot be put in place on this machine. Displays as a sentence that names the Iface and its place in
/// the NaCl file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartError {
    /// The name of the policy's file.
    pub source: String,
    pub place: Place,
    /// The Iface's name.
    pub iface: String,
    pub reason: StartErrorReason,
}

/// What is wrong with an Iface on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartErrorReason {
    /// There are `nics` NICs, and this index is none of them.
    NoSuchIndex { index: u16, nics: usize },
    /// No NIC has this MAC address; these are there.
    NoSuchMac { mac: MacAddr, nics: Vec<MacAddr> },
    /// By index and by MAC address, two Ifaces mean one NIC (and one VLAN of it).
    SameNic { other: String, index: u16 },
    /// The NIC has a MAC address that no station may have: of a group, or all zeros.
    GroupMac { mac: MacAddr },
    /// A VLAN's `mtu` is larger than what its NIC carries.
    VlanMtu { mtu: u16, nic_mtu: u16 },
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, place, iface, reason } = self;
        match place.line {
            0 => write!(f, "{source}: Iface {iface}: {reason}"),
            _ => write!(f, "{source}:{place}: Iface {iface}: {reason}"),
        }
    }
}

impl fmt::Display for StartErrorReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchIndex { index, nics: 0 } => {
                write!(f, "there is no NIC with index {index}, this machine has none at all")
            }
            Self::NoSuchIndex { index, nics: 1 } => {
                write!(f, "there is no NIC with index {index}, this machine has only index 0")
            }
            Self::NoSuchIndex { index, nics } => {
                write!(f, "there is no NIC with index {index}, this machine has index 0 to {}", nics - 1)
            }
            Self::NoSuchMac { mac, nics } => {
                write!(f, "there is no NIC with MAC address {mac}, this machine has")?;
                match nics.as_slice() {
                    [] => write!(f, " no NIC at all"),
                    nics => nics.iter().enumerate().try_for_each(|(at, mac)| {
                        let separator = if at == 0 { " " } else { ", " };
                        write!(f, "{separator}{mac}")
                    }),
                }
            }
            Self::SameNic { other, index } => {
                write!(f, "it means the NIC with index {index}, as Iface {other} does")
            }
            Self::GroupMac { mac } => write!(f, "its NIC has the MAC address {mac}, which no station may have"),
            Self::VlanMtu { mtu, nic_mtu } => {
                write!(f, "its mtu {mtu} is larger than the {nic_mtu} bytes that its NIC carries")
            }
        }
    }
}

impl core::error::Error for StartError {}

/// Finds the NIC of each Iface, in the policy's order, and the largest packet that it may send.
pub fn links(policy: &Policy, nics: &[Nic]) -> Result<Vec<Link>, Vec<StartError>> {
    let mut errors = Vec::new();
    let mut error = |iface: &Iface, reason| {
        let source = policy.source.clone();
        errors.push(StartError { source, place: iface.place, iface: iface.name.clone(), reason });
    };
    let ports: Vec<Option<PortId>> = policy
        .ifaces
        .iter()
        .map(|iface| port_of(iface.nic, nics).map_err(|reason| error(iface, reason)).ok())
        .collect();
    let mut links = Vec::with_capacity(ports.len());
    for (at, (iface, port)) in policy.ifaces.iter().zip(&ports).enumerate() {
        let Some(port @ PortId(index)) = *port else { continue };
        let Some(nic) = nics.get(usize::from(index)) else { continue };
        if !nic.mac.is_unicast() {
            error(iface, StartErrorReason::GroupMac { mac: nic.mac });
        }
        let twin = policy.ifaces.iter().zip(&ports).take(at);
        if let Some((other, _)) = { twin }.find(|(other, its)| **its == Some(port) && other.vlan == iface.vlan) {
            error(iface, StartErrorReason::SameNic { other: other.name.clone(), index });
        }
        let plain = policy.ifaces.iter().zip(&ports).find(|(other, its)| **its == Some(port) && other.vlan.is_none());
        let nic_mtu = plain.and_then(|(plain, _)| plain.mtu).or(nic.mtu).unwrap_or(DEFAULT_MTU);
        let mtu = match iface.mtu {
            Some(mtu) if iface.vlan.is_some() && mtu > nic_mtu => {
                error(iface, StartErrorReason::VlanMtu { mtu, nic_mtu });
                nic_mtu
            }
            own => own.unwrap_or(nic_mtu),
        };
        links.push(Link { port, mac: nic.mac, mtu });
    }
    if errors.is_empty() { Ok(links) } else { Err(errors) }
}

fn port_of(nic: NicRef, nics: &[Nic]) -> Result<PortId, StartErrorReason> {
    let found = match nic {
        NicRef::Index(index) => nics.get(usize::from(index)).map(|_| PortId(index)),
        NicRef::Mac(mac) => nics.iter().position(|nic| nic.mac == mac).map(|at| PortId(at as u16)),
    };
    found.ok_or_else(|| match nic {
        NicRef::Index(index) => StartErrorReason::NoSuchIndex { index, nics: nics.len() },
        NicRef::Mac(mac) => StartErrorReason::NoSuchMac { mac, nics: nics.iter().map(|nic| nic.mac).collect() },
    })
}
