//! `examples/seed.nacl` and `seed6.nacl` with real programs on both sides, on every machine type.

use anyhow::Result;
use lab::{Host, Kind, LogServer, Reach, Site, WebServer};
use saltgate_vm_tests::{PATIENCE, Rig, SILENCE, at, example, image, machine};
use std::net::IpAddr;
use std::path::Path;

const PROGRAMS: &[&str] = &["curl", "nginx", "ping", "nc", "rsyslogd"];
const PAGE: &str = "Hello from behind the gate.\n";
/// Somebody listens on each; the seed allows 80 and 443.
const PORTS: [u16; 6] = [22, 25, 80, 443, 3306, 8080];

/// The addresses of one family.
struct Family {
    client: IpAddr,
    outside: IpAddr,
    web: IpAddr,
    not_allowed: IpAddr,
    /// Does the policy let a client ping the web server?
    ping: bool,
}

const V4: Family = Family {
    client: IpAddr::V4(Site::CLIENT),
    outside: IpAddr::V4(Site::OUTSIDE),
    web: IpAddr::V4(Site::WEB),
    not_allowed: IpAddr::V4(Site::NOT_ALLOWED),
    ping: false,
};

const V6: Family = Family {
    client: IpAddr::V6(Site::CLIENT6),
    outside: IpAddr::V6(Site::OUTSIDE6),
    web: IpAddr::V6(Site::WEB6),
    not_allowed: IpAddr::V6(Site::NOT_ALLOWED6),
    ping: true,
};

#[test]
fn the_seed_guards_real_hosts_on_pc() -> Result<()> {
    the_seed_guards_real_hosts("the_seed_guards_real_hosts_on_pc", Kind::Pc)
}

#[test]
fn the_seed_guards_real_hosts_on_q35() -> Result<()> {
    the_seed_guards_real_hosts("the_seed_guards_real_hosts_on_q35", Kind::Q35)
}

#[test]
fn the_seed_guards_real_hosts_on_microvm() -> Result<()> {
    the_seed_guards_real_hosts("the_seed_guards_real_hosts_on_microvm", Kind::Microvm)
}

fn the_seed_guards_real_hosts(test: &str, kind: Kind) -> Result<()> {
    let Some(image) = image(test, PROGRAMS) else { return Ok(()) };
    let rig = guarded(&image, kind, "seed.nacl")?;
    let log = LogServer::start(&rig.site.log, at(Site::LOG, Site::LOG_PORT))?;
    let _web = talk(&rig, &V4)?;
    log_lines(&log, "192.168.0.1", &V4)
}

#[test]
fn the_seed_in_both_families_guards_both() -> Result<()> {
    let Some(image) = image("the_seed_in_both_families_guards_both", PROGRAMS) else { return Ok(()) };
    let rig = guarded(&image, Kind::Q35, "seed6.nacl")?;
    let log = LogServer::start(&rig.site.log, at(Site::LOG6, Site::LOG_PORT))?;
    for family in [&V4, &V6] {
        let _web = talk(&rig, family)?;
        log_lines(&log, "2001:db8:0:2::1", family)?;
    }
    Ok(())
}

fn guarded(image: &Path, kind: Kind, config: &str) -> Result<Rig> {
    Rig::boot(machine(kind, image, &example(config)))
}

/// Everything that the hosts of one family may do is done, and what they may not do is tried.
fn talk(rig: &Rig, family: &Family) -> Result<WebServer> {
    let Site { client, bastion, web, .. } = &rig.site;
    let server = WebServer::start(web, &[at(family.web, 80), at(family.not_allowed, 80)], PAGE)?;
    for port in PORTS.into_iter().filter(|&port| port != 80) {
        web.listen(at(family.web, port))?;
    }

    // A page, and a file of many segments that needs the replies of an established connection.
    let url = |path: &str| format!("http://{}/{path}", at(family.web, 80));
    assert_eq!(client.succeed(&format!("curl --silent --globoff --max-time 10 {}", url("")))?, PAGE);
    let file: Vec<u8> = (0..3_000_000u32).map(|n| (n ^ (n >> 8) ^ (n >> 15)) as u8).collect();
    std::fs::write(server.root().join("file"), &file)?;
    let got = client.output(&format!("curl --silent --globoff --max-time 30 {}", url("file")))?;
    assert!(got.stdout == file, "{} of {} bytes arrived, or wrong ones", got.stdout.len(), file.len());

    let expected = PORTS.map(|port| if [80, 443].contains(&port) { Reach::Open } else { Reach::Silent });
    assert_eq!(client.scan(family.web, &PORTS, SILENCE)?, expected);
    assert_eq!(client.connect(at(family.not_allowed, 80), SILENCE)?, Reach::Silent);
    assert_eq!(bastion.scan(family.web, &PORTS, SILENCE)?, PORTS.map(|_| Reach::Open));
    bastion.succeed(&format!("nc -z -w 5 {} 22", family.web))?;
    assert!(!client.output(&format!("nc -z -w 1 {} 22", family.web))?.status.success());

    assert!(pings(bastion, family.web)?, "the bastion may send anything");
    assert!(pings(client, family.outside)?, "the box itself answers");
    assert_eq!(pings(client, family.web)?, family.ping);

    client.listen(at(family.client, 443))?;
    assert_eq!(web.connect(at(family.client, 443), SILENCE)?, Reach::Silent, "nothing allows it");
    Ok(server)
}

fn pings(from: &Host, to: IpAddr) -> Result<bool> {
    Ok(from.output(&format!("ping -c 2 -i 0.2 -W 1 {to}"))?.status.success())
}

fn log_lines(log: &LogServer, sender: &str, family: &Family) -> Result<()> {
    let Family { client, web, .. } = family;
    for (severity, text) in [
        (14, format!("New connection established (from {client})")),
        (14, format!("Accepting packet from an already established connection (from {web})")),
        (12, format!("Dropping packet from saddr {client} to {web}")),
    ] {
        let line = log.wait_for(&text, PATIENCE)?;
        assert!(line.starts_with(&format!("{sender} <{severity}>")), "{line}");
    }
    Ok(())
}
