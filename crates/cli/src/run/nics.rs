//! Which NICs the machine gets: a `vm.json`, or what the policy needs.
//!
//! ```json
//! {
//!   "mem": 64,
//!   "net": [
//!     { "device": "virtio", "mac": "c0:01:0a:00:00:2a", "attach": "tap:outside" },
//!     { "device": "virtio", "mac": "c0:01:0a:00:00:2b", "attach": "user" }
//!   ]
//! }
//! ```
//!
//! Keys that mean nothing here (a `vm.json` also describes disks and screens) are passed over.

use anyhow::{Context, Result, bail, ensure};
use lab::{Attach, Nic};
use policy::{NicRef, Policy};
use serde_json::Value;
use std::path::{Path, PathBuf};
use wire::MacAddr;

/// What to plug in, and what the user should know about it.
#[derive(Debug, PartialEq, Eq)]
pub struct Hardware {
    pub nics: Vec<Nic>,
    pub memory_mib: Option<u32>,
    pub remarks: Vec<String>,
}

/// The NICs for this configuration file.
pub fn find(config: &Path, policy: &Policy) -> Result<Hardware> {
    for path in [config.with_extension("vm.json"), config.with_file_name("vm.json")] {
        match std::fs::read_to_string(&path) {
            Ok(text) => {
                let mut hardware = from_json(&text).with_context(|| path.display().to_string())?;
                let (needed, there) = (indexes(policy), hardware.nics.len());
                if there < needed {
                    let path = path.display();
                    hardware.remarks.push(format!("{path} has {there} NICs, and the configuration needs {needed}"));
                }
                return Ok(hardware);
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| path.display().to_string()),
        }
    }
    Ok(from_policy(config, policy))
}

fn from_json(text: &str) -> Result<Hardware> {
    let document: Value = serde_json::from_str(text)?;
    let net = document.get("net").context("it has no `net`")?.as_array().context("`net` is no list")?;
    let memory_mib = match document.get("mem") {
        None => None,
        Some(value) => {
            let mib = value.as_u64().and_then(|mib| u32::try_from(mib).ok()).filter(|&mib| mib > 0);
            Some(mib.context("`mem` is no number of MiB")?)
        }
    };
    let mut hardware = Hardware { nics: Vec::new(), memory_mib, remarks: Vec::new() };
    for (n, entry) in net.iter().enumerate() {
        let nic = nic(n, entry, &mut hardware.remarks).with_context(|| format!("`net`, entry {n}"))?;
        ensure!(hardware.nics.iter().all(|other| other.mac != nic.mac), "two NICs have the MAC address {}", nic.mac);
        hardware.nics.push(nic);
    }
    Ok(hardware)
}

fn nic(n: usize, entry: &Value, remarks: &mut Vec<String>) -> Result<Nic> {
    let text = |key: &str| match entry.get(key) {
        None => Ok(None),
        Some(value) => value.as_str().map(Some).with_context(|| format!("`{key}` is no text")),
    };
    ensure!(entry.is_object(), "it is no object");
    match text("device")? {
        None | Some("virtio" | "virtio-net") => {}
        Some(device) => bail!("the image has no driver for `{device}`; it drives `virtio`"),
    }
    let mac = match text("mac")? {
        None => generated_mac(n),
        Some(mac) => {
            let mac: MacAddr = mac.parse().ok().with_context(|| format!("`{mac}` is no MAC address"))?;
            ensure!(mac.is_unicast(), "`{mac}` is no address of a single station");
            mac.to_string()
        }
    };
    let attach = match text("attach")? {
        None => {
            remarks.push(format!("NIC {n} has no `attach`: it gets a user-mode network"));
            Attach::User
        }
        Some(attach) => attach.parse().map_err(anyhow::Error::msg)?,
    };
    Ok(Nic { mac, attach })
}

/// User-mode NICs, as many as the policy names.
fn from_policy(config: &Path, policy: &Policy) -> Hardware {
    let mut macs: Vec<String> = (0..indexes(policy)).map(generated_mac).collect();
    for iface in &policy.ifaces {
        if let NicRef::Mac(mac) = iface.nic {
            let mac = mac.to_string();
            if !macs.contains(&mac) {
                macs.push(mac);
            }
        }
    }
    let name = PathBuf::from(config.file_name().unwrap_or_default()).with_extension("vm.json");
    let remark = format!(
        "there is no {} and no vm.json beside {}: {} user-mode NICs",
        name.display(),
        config.display(),
        macs.len()
    );
    let nics = macs.into_iter().map(|mac| Nic { mac, attach: Attach::User }).collect();
    Hardware { nics, memory_mib: None, remarks: vec![remark] }
}

/// How many NICs the highest `index` needs.
fn indexes(policy: &Policy) -> usize {
    let highest = policy.ifaces.iter().filter_map(|iface| match iface.nic {
        NicRef::Index(index) => Some(usize::from(index) + 1),
        NicRef::Mac(_) => None,
    });
    highest.max().unwrap_or(0)
}

/// A locally administered address (IEEE 802-2014 §8.4) for the n-th NIC.
fn generated_mac(n: usize) -> String {
    let [high, low] = (n as u16).to_be_bytes();
    MacAddr([0x02, 0x5a, 0x17, 0x00, high, low]).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        format!("{:#}", from_json(text).expect_err(text))
    }

    #[test]
    fn a_vm_json_names_devices_addresses_and_attachments() {
        let text = r#"{ "image": "service", "mem": 128, "net": [
            { "device": "virtio", "mac": "c0:01:0a:00:00:2a", "attach": "tap:outside" },
            { "device": "virtio", "mac": "C0:01:0A:00:00:2B" } ] }"#;
        let hardware = from_json(text).unwrap();
        let nic = |mac: &str, attach| Nic { mac: mac.to_owned(), attach };
        assert_eq!(
            hardware.nics,
            [nic("c0:01:0a:00:00:2a", Attach::Tap("outside".to_owned())), nic("c0:01:0a:00:00:2b", Attach::User)]
        );
        assert_eq!(hardware.memory_mib, Some(128));
        assert_eq!(hardware.remarks, ["NIC 1 has no `attach`: it gets a user-mode network"]);
    }

    #[test]
    fn a_wrong_vm_json_says_what_is_wrong_with_it() {
        let mac = "c0:01:0a:00:00:2a";
        let twice = format!(r#"{{"net": [{{"mac": "{mac}"}}, {{"mac": "{mac}"}}]}}"#);
        //  text                                          what the message names
        let table = [
            ("{}", "no `net`"),
            (r#"{"net": {}}"#, "no list"),
            (r#"{"net": [], "mem": "64"}"#, "`mem`"),
            (r#"{"net": [1]}"#, "entry 0: it is no object"),
            (r#"{"net": [{"device": "vmxnet3"}]}"#, "no driver for `vmxnet3`"),
            (r#"{"net": [{"mac": "c0:01"}]}"#, "`c0:01` is no MAC address"),
            (r#"{"net": [{"mac": "ff:ff:ff:ff:ff:ff"}]}"#, "single station"),
            (r#"{"net": [{"attach": "bridge:br0"}]}"#, "`bridge:br0`"),
            (twice.as_str(), "two NICs"),
            ("net", "expected"),
        ];
        for (text, named) in table {
            assert!(error(text).contains(named), "{text}: {}", error(text));
        }
    }
}
