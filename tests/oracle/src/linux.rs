//! Linux as a router: a network namespace with the exported ruleset, and a cable at each device.
//!
//! Frames are put on the far ends of the cables. Linux handles a frame while it is being sent, on the processor that
//! sends it, and answers the ARP request that we send behind it when it is through: nothing comes out any more.

use crate::ours::Frame;
use anyhow::{Context, Result, bail, ensure};
use export::Export;
use lab::{Host, RawSocket};
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket};
use policy::CtState;
use sim::Hosts;
use std::io::Write;
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::{Command, Stdio};
use std::time::Duration;
use wire::{Ipv4Addr, MacAddr, PortId, arp, ethernet};

/// How long Linux may take for a frame.
const PATIENCE: Duration = Duration::from_secs(2);

/// Counts what tracking thinks of the packets that come in: behind it (-200), before the rules.
const STATES: &str = "
table inet saltgate_oracle
delete table inet saltgate_oracle
table inet saltgate_oracle {
  counter new {}
  counter established {}
  counter related {}
  counter invalid {}
  chain states {
    type filter hook prerouting priority -199
    ct state new counter name new
    ct state established counter name established
    ct state related counter name related
    ct state invalid counter name invalid
  }
}
";

/// A router in a network namespace.
pub struct Linux {
    router: Host,
    /// Where the cables end; it lives as long as they do.
    _world: Host,
    sockets: Vec<RawSocket>,
    names: Vec<String>,
    netlink: OwnedFd,
    hosts: Option<Hosts>,
}

/// Where we ask from and for whom, to learn that Linux is through; a link-local address of our own at each device.
const ASKER: Ipv4Addr = Ipv4Addr::new(169, 254, 77, 254);
const ASKER_MAC: MacAddr = MacAddr([2, 0, 0, 0, 77, 254]);

fn asked(at: usize) -> Ipv4Addr {
    Ipv4Addr::new(169, 254, 77, at as u8 + 1)
}

/// The address that the simulator gives to its NICs.
pub fn mac(at: usize) -> MacAddr {
    MacAddr([0x52, 0x54, 0, 0, 0, at as u8])
}

impl Linux {
    /// A router with a device for each of these Ifaces.
    pub fn new(names: &[String]) -> Result<Self> {
        let (router, world) = (Host::new("router")?, Host::new("world")?);
        for host in [&router, &world] {
            for (key, value) in [("ipv6/conf/all/accept_dad", "0"), ("ipv6/conf/default/accept_dad", "0")] {
                host.sysctl(key, value)?;
            }
        }
        world.sysctl("ipv6/conf/default/disable_ipv6", "1")?;
        for key in ["ipv4/icmp_ratemask", "ipv4/icmp_ratelimit", "ipv6/icmp/ratelimit"] {
            router.sysctl(key, "0")?;
        }
        let mut sockets = Vec::new();
        for (at, name) in names.iter().enumerate() {
            let peer = format!("p{at}");
            lab::cable(&router, name, &world, &peer)?;
            router.ip(&format!("link set dev {name} address {}", mac(at)))?;
            // Neither end may leave checksums to the other.
            sockets.push(RawSocket::open(&world, &peer)?);
        }
        let netlink = router.run(|| {
            socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkNetFilter)
        })?;
        Ok(Self { router, _world: world, sockets, names: names.to_vec(), netlink, hosts: None })
    }

    /// Puts an exported policy in place of the one before.
    pub fn load(&mut self, export: &Export, hosts: Hosts) -> Result<()> {
        self.hosts = Some(hosts);
        let (mut four, mut six) = (String::new(), String::new());
        for batch in [&mut four, &mut six] {
            batch.push_str("rule flush\nrule add lookup main priority 32766\nroute flush table main\n");
            let of_ifaces = (0..self.names.len()).flat_map(|at| [200_000 + at, 300_000 + at]);
            [100, 101]
                .into_iter()
                .chain(of_ifaces)
                .for_each(|table| batch.push_str(&format!("route flush table {table}\n")));
        }
        for (at, name) in self.names.iter().enumerate() {
            four.push_str(&format!("address flush dev {name}\nlink set dev {name} mtu 1500\n"));
            six.push_str(&format!("address flush dev {name}\n"));
            // A link of less than 1,280 bytes has no IPv6 (RFC 8200 §5).
            let mtu =
                export.commands.iter().find_map(|line| line.strip_prefix(&format!("ip link set dev {name} mtu ")));
            if mtu.and_then(|mtu| mtu.parse().ok()).unwrap_or(1500) >= 1280 {
                six.push_str(&format!("address add {}/64 dev {name} nodad\n", mac(at).link_local()));
            }
        }
        for command in &export.commands {
            let command = command.split('#').next().unwrap_or_default().trim();
            if let Some(setting) = command.strip_prefix("sysctl -w net.") {
                let (key, value) = setting.split_once('=').context("a setting has a value")?;
                // How large tables are is a setting of the whole machine.
                if key != "netfilter.nf_conntrack_max" {
                    self.router.sysctl(&key.replace('.', "/"), value)?;
                }
            } else if let Some(command) = command.strip_prefix("ip -6 ") {
                six.push_str(&format!("{command}\n"));
            } else if let Some(command) = command.strip_prefix("ip ") {
                let is_six = command.starts_with("address") && command.contains(':');
                if is_six { &mut six } else { &mut four }.push_str(&format!("{command}\n"));
            } else {
                bail!("what is this: {command}");
            }
        }
        // Behind the policy's own addresses, so that Linux does not speak from ours.
        for (at, name) in self.names.iter().enumerate() {
            four.push_str(&format!("address add {}/32 dev {name}\n", asked(at)));
        }
        self.pipe("ip", &["-4", "-force", "-batch", "-"], four, false)?;
        self.pipe("ip", &["-6", "-force", "-batch", "-"], six, false)?;
        self.pipe("nft", &["-f", "-"], export.ruleset.clone() + STATES, true)?;
        self.forget()
    }

    /// Runs a program on the router with this text as its input.
    fn pipe(&self, program: &'static str, args: &'static [&'static str], text: String, strict: bool) -> Result<()> {
        let run = move || -> std::io::Result<std::process::Output> {
            let mut command = Command::new(program);
            command.args(args).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
            let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
            if let Some(mut input) = child.stdin.take() {
                input.write_all(text.as_bytes())?;
            }
            child.wait_with_output()
        };
        let output = self.router.run(run).with_context(|| format!("cannot run {program}"))?;
        let said = String::from_utf8_lossy(&output.stderr);
        // The first policy finds no rule of one before it.
        let known = |line: &str| {
            line.contains("RTNETLINK answers: No such")
                || line.contains("FIB table does not exist")
                || line.starts_with("Command failed")
                || line.starts_with("Flush terminated")
                || line.is_empty()
        };
        ensure!(output.status.success() || !strict && said.lines().all(known), "{program}: {said}");
        Ok(())
    }

    /// Empties the flow table (IPCTNL_MSG_CT_DELETE without a tuple).
    pub fn forget(&self) -> Result<()> {
        const LEN: u32 = 20;
        const DELETE: u16 = 0x0102;
        const REQUEST_AND_ACK: u16 = 0x0005;
        let mut message = Vec::with_capacity(LEN as usize);
        message.extend(LEN.to_ne_bytes());
        message.extend(DELETE.to_ne_bytes());
        message.extend(REQUEST_AND_ACK.to_ne_bytes());
        message.extend([0; 12]);
        send(self.netlink.as_raw_fd(), &message, MsgFlags::empty()).context("cannot empty the flow table")?;
        let mut answer = [0; 256];
        let len = recv(self.netlink.as_raw_fd(), &mut answer, MsgFlags::empty())?;
        let error = answer
            .get(16..20)
            .filter(|_| len >= 20)
            .map(|code| i32::from_ne_bytes([code[0], code[1], code[2], code[3]]));
        ensure!(matches!(error, Some(0 | -2)), "cannot empty the flow table: {error:?}");
        Ok(())
    }

    /// What tracking thinks of each of these frames, when nothing has been before them; `None`: it did not see it.
    pub fn states(&self, frames: &[Frame]) -> Result<Vec<Option<CtState>>> {
        const RESET: &str = "nft reset counters table inet saltgate_oracle";
        self.forget()?;
        self.router.succeed(RESET)?;
        let mut states = Vec::new();
        for frame in frames {
            self.send(frame)?;
            states.push(counted(&self.router.succeed(RESET)?));
        }
        Ok(states)
    }

    /// What leaves because of a frame.
    pub fn send(&self, (port, frame): &Frame) -> Result<Vec<Frame>> {
        let socket = self.sockets.get(*port).context("no such device")?;
        match socket.send(frame) {
            // Longer than the device at the other end takes.
            Err(error) if error.downcast_ref() == Some(&nix::Error::ENOBUFS) => {}
            sent => sent?,
        }
        let mut out = Vec::new();
        loop {
            self.settle(*port, &mut out)?;
            // Who asks for a neighbor gets an answer, and sends what waited for it.
            let answer = |(port, frame): &Frame| {
                let answer = self.hosts.as_ref()?.answer(PortId(*port as u16), frame)?;
                Some((*port, answer))
            };
            let answers: Vec<Frame> = out.iter().filter_map(answer).collect();
            out.retain(|(_, frame)| !is_question(frame));
            let asked = !answers.is_empty();
            for (port, answer) in answers {
                self.sockets.get(port).context("no such device")?.send(&answer)?;
            }
            if !asked {
                return Ok(out);
            }
        }
    }

    /// Takes what has come, until Linux is through with everything that was sent to a device.
    fn settle(&self, port: usize, out: &mut Vec<Frame>) -> Result<()> {
        let socket = self.sockets.get(port).context("no such device")?;
        let mut question = vec![0; 14 + arp::LEN];
        ethernet::Header::emit(&mut question, MacAddr::BROADCAST, ASKER_MAC, None, ethernet::ethertype::ARP);
        let message = arp::Message {
            operation: arp::Operation::Request,
            sender_mac: ASKER_MAC,
            sender: ASKER,
            target_mac: MacAddr::default(),
            target: asked(port),
        };
        message.emit(&mut question[14..]);
        socket.send(&question)?;
        loop {
            let frame = match socket.receive_now()? {
                Some(frame) => frame,
                None => socket.receive(PATIENCE)?.context("Linux does not answer")?,
            };
            let answers = arp::Message::parse(frame.get(14..).unwrap_or_default())
                .is_some_and(|message| message.operation == arp::Operation::Reply && message.sender == asked(port));
            if frame.get(12..14) == Some(&[8, 6]) && answers {
                break;
            }
            out.push((port, frame));
        }
        for (at, socket) in self.sockets.iter().enumerate() {
            while let Some(frame) = socket.receive_now()? {
                out.push((at, frame));
            }
        }
        Ok(())
    }
}

/// The first counter that has counted, of nft's list.
fn counted(list: &str) -> Option<CtState> {
    let mut name = "";
    for words in list.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()) {
        match words[..] {
            ["counter", counter, "{"] => name = counter,
            ["packets", packets, ..] if packets != "0" => {
                let all = [CtState::New, CtState::Established, CtState::Related, CtState::Invalid];
                return all.into_iter().find(|state| state.name() == name);
            }
            _ => {}
        }
    }
    None
}

/// ARP, or neighbor discovery.
pub fn is_question(frame: &[u8]) -> bool {
    match frame.get(12..14) {
        Some([8, 6]) => true,
        Some([0x86, 0xdd]) => {
            frame.get(20) == Some(&58) && frame.get(54).is_some_and(|kind| (133..=137).contains(kind))
        }
        _ => false,
    }
}
