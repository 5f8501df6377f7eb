//! A router in a virtual machine between two hosts, each on the far side of one of its TAPs: no bridge and no veth in the
//! way, whose work would count as the router's.
//!
//! ```text
//! a 10.1.0.2 ── TAP ── 10.1.0.1 router 10.2.0.1 ── TAP ── 10.2.0.2 b
//! ```

use crate::cores;
use anyhow::{Context, Result, anyhow, ensure};
use lab::{Host, Lab, Plug, Process};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

pub const A: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 2);
pub const B: Ipv4Addr = Ipv4Addr::new(10, 2, 0, 2);
/// MAC addresses of the router's NICs.
pub const MACS: [&str; 2] = ["52:54:00:00:00:0a", "52:54:00:00:00:0b"];
pub const ROUTER_MAC: [u8; 6] = [0x52, 0x54, 0, 0, 0, 0x0a];
/// Datagrams to this port end in b's driver: what b would do with them does not matter here, and it shares a core.
pub const DISCARD: u16 = 9;

/// A virtual machine that can be put on the stage.
pub trait Player {
    fn name(&self) -> &str;

    /// The command that runs it in the foreground, with these TAPs as its NICs. Its output is its console.
    fn command(&self, taps: &[String]) -> Result<Command>;

    /// Does it route, or only carry frames from one side to the other?
    fn routes(&self) -> bool {
        true
    }

    /// Does it answer the hosts' questions for its addresses?
    fn answers(&self) -> bool {
        true
    }

    /// How long it may take until it forwards.
    fn patience(&self) -> Duration {
        Duration::from_secs(20)
    }
}

/// A router that forwards.
pub struct Stage {
    pub a: Host,
    pub b: Host,
    pub console: Process,
    /// From the start of the virtual machine monitor to the first packet that came through.
    pub boot: Duration,
    _lab: Lab,
}

impl Stage {
    /// Boots it on this core and waits until it forwards.
    pub fn set(player: &dyn Player, core: usize) -> Result<Self> {
        Self::set_within(player, core, player.patience())
    }

    pub fn set_within(player: &dyn Player, core: usize, patience: Duration) -> Result<Self> {
        let (a, b, lab) = (Host::new("a")?, Host::new("b")?, Lab::new()?);
        for host in [&a, &b] {
            host.sysctl("ipv6/conf/default/disable_ipv6", "1")?;
            host.sysctl("ipv4/ip_local_port_range", "1024 65535")?;
        }
        let taps = lab.taps(2)?;
        let plugs = [(&a, MACS[0]), (&b, MACS[1])].map(|(host, mac)| Plug { host, device: "eth0", mac });
        let console = lab.start(cores::pinned(&player.command(&taps)?, core), &taps, &plugs)?;
        for (host, own, router, far) in [(&a, A, "10.1.0.1", "10.2.0.0/24"), (&b, B, "10.2.0.1", "10.1.0.0/24")] {
            // Asks again at once, so that a router that is just starting is found as soon as it is there.
            host.sysctl("ipv4/neigh/eth0/retrans_time_ms", "10")?;
            let route = if player.routes() { format!("{far} via {router}") } else { format!("{far} dev eth0") };
            host.ip(&format!("address add {own}/24 dev eth0\nroute add {route}"))?;
            if !player.answers() {
                let mac = if own == A { MACS[0] } else { MACS[1] };
                host.ip(&format!("neighbor add {router} lladdr {mac} dev eth0 nud permanent"))?;
            }
        }
        let discard = format!(
            "table netdev bench {{ chain in {{ type filter hook ingress device eth0 priority 0; \
             udp dport {DISCARD} drop; }}; }}"
        );
        nft(&b, &discard)?;
        let forwarded = first_forwarded(&a, &b, patience)
            .with_context(|| format!("{} forwards nothing; its console said\n{}", player.name(), console.text()))?;
        // Both neighbors are known from now on.
        b.run(|| UdpSocket::bind((B, 9000))?.send_to(b"here we are", (A, 9000)))?;
        let boot = forwarded.saturating_duration_since(console.started());
        Ok(Self { a, b, console, boot, _lab: lab })
    }

    /// CPU time that the virtual machine monitor spends while something is done.
    pub fn cost<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<(T, Duration)> {
        let before = self.console.cpu_time()?;
        let done = work()?;
        Ok((done, self.console.cpu_time()? - before))
    }
}

/// Loads rules of nftables on a host.
pub fn nft(host: &Host, rules: &str) -> Result<()> {
    use std::io::Write;
    use std::process::Stdio;
    let rules = rules.to_owned();
    let output = host.run(move || {
        let mut nft = Command::new("nft");
        nft.args(["-f", "-"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut nft = nft.spawn()?;
        nft.stdin.take().map_or(Ok(()), |mut input| input.write_all(rules.as_bytes()))?;
        nft.wait_with_output()
    });
    let output = output.context("cannot run nft")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}: nft: {}", host.name(), said.lines().next().unwrap_or("failed"));
    Ok(())
}

/// Waits until a datagram of a has come through to b, and says when it did.
fn first_forwarded(a: &Host, b: &Host, patience: Duration) -> Result<Instant> {
    let to = SocketAddr::from((B, 9000));
    let receiver = b.run(move || UdpSocket::bind(to))?;
    receiver.set_read_timeout(Some(patience))?;
    let over = Arc::new(AtomicBool::new(false));
    let until = Arc::clone(&over);
    let sender = a.background(move || -> std::io::Result<()> {
        let socket = UdpSocket::bind((A, 0))?;
        while !until.load(Ordering::Relaxed) {
            // As long as nobody answers for the router's address, the host itself may say that there is no way.
            let _ = socket.send_to(b"are you there?", to);
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    });
    let received = receiver.recv(&mut [0; 64]);
    let now = Instant::now();
    over.store(true, Ordering::Relaxed);
    sender.join().map_err(|_| anyhow!("the sender panicked"))??;
    received.with_context(|| format!("nothing came through within {patience:?}"))?;
    Ok(now)
}
