//! The lab with a Linux router in the middle: what it claims of its hosts, services and sockets is true before any
//! unikernel is asked.

use lab::{Host, LogServer, RawSocket, Reach, WebServer, cable};
use saltgate_lab as lab;
use std::net::IpAddr;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_millis(500);

/// A client, a Linux router and a server, each with a cable to the next.
fn routed() -> anyhow::Result<(Host, Host, Host)> {
    let (client, router, server) = (Host::new("client")?, Host::new("router")?, Host::new("server")?);
    cable(&client, "eth0", &router, "left")?;
    cable(&router, "right", &server, "eth0")?;
    for (host, device, addresses) in [
        (&client, "eth0", ["10.1.0.2/24", "2001:db8:1::2/64"]),
        (&router, "left", ["10.1.0.1/24", "2001:db8:1::1/64"]),
        (&router, "right", ["10.2.0.1/24", "2001:db8:2::1/64"]),
        (&server, "eth0", ["10.2.0.2/24", "2001:db8:2::2/64"]),
    ] {
        for address in addresses {
            host.address(device, address)?;
        }
    }
    for (host, n) in [(&client, 1), (&server, 2)] {
        host.ip(&format!("route add default via 10.{n}.0.1"))?;
        host.ip(&format!("route add default via 2001:db8:{n}::1"))?;
    }
    router.sysctl("ipv4/ip_forward", "1")?;
    router.sysctl("ipv6/conf/all/forwarding", "1")?;
    Ok((client, router, server))
}

#[test]
fn hosts_talk_through_the_one_between_them() -> anyhow::Result<()> {
    if !lab::possible(
        "hosts_talk_through_the_one_between_them",
        &["ip", "setpriv", "nginx", "rsyslogd", "curl", "ping"],
    ) {
        return Ok(());
    }
    let (client, _router, server) = routed()?;
    let page = "it is the real one";
    let web = WebServer::start(&server, &["10.2.0.2:80".parse()?, "[2001:db8:2::2]:80".parse()?], page)?;
    for url in ["http://10.2.0.2/", "http://[2001:db8:2::2]/"] {
        assert_eq!(client.succeed(&format!("curl --silent --globoff --max-time 5 {url}"))?, page, "{url}");
    }
    assert_eq!(web.requests().lines().count(), 2, "{}", web.requests());

    let log = LogServer::start(&server, "10.2.0.2:6514".parse()?)?;
    client.run(|| std::net::UdpSocket::bind("0.0.0.0:0")?.send_to(b"<14>a line", "10.2.0.2:6514"))?;
    assert_eq!(log.wait_for("a line", Duration::from_secs(5))?, "10.1.0.2 <14>a line");

    client.succeed("ping -c 1 -W 2 2001:db8:2::2")?;
    Ok(())
}

#[test]
fn a_scan_tells_open_refused_and_unreachable_ports_apart() -> anyhow::Result<()> {
    if !lab::possible("a_scan_tells_open_refused_and_unreachable_ports_apart", &["ip", "setpriv"]) {
        return Ok(());
    }
    let (client, router, server) = routed()?;
    server.listen("10.2.0.2:22".parse()?)?;
    let address: IpAddr = "10.2.0.2".parse()?;
    assert_eq!(client.scan(address, &[22, 23], PATIENCE)?, [Reach::Open, Reach::Refused]);
    router.sysctl("ipv4/ip_forward", "0")?;
    assert_eq!(client.scan(address, &[22, 23], PATIENCE)?, [Reach::Silent, Reach::Silent]);
    router.sysctl("ipv4/ip_forward", "1")?;
    assert_eq!(client.connect("10.9.9.9:80".parse()?, PATIENCE)?, Reach::Unreachable);
    Ok(())
}

#[test]
fn a_raw_frame_arrives_as_it_was_sent() -> anyhow::Result<()> {
    if !lab::possible("a_raw_frame_arrives_as_it_was_sent", &["ip", "setpriv"]) {
        return Ok(());
    }
    let (a, b) = (Host::new("a")?, Host::new("b")?);
    cable(&a, "eth0", &b, "eth0")?;
    let (sender, receiver) = (RawSocket::open(&a, "eth0")?, RawSocket::open(&b, "eth0")?);
    let mut frame = [0xff; 60];
    frame[6..14].copy_from_slice(&[2, 0, 0, 0, 0, 1, 0x88, 0xb5]); // an EtherType for experiments (IEEE 802)
    sender.send(&frame)?;
    loop {
        let received = receiver.receive(Duration::from_secs(2))?.expect("the frame, after what the kernel says itself");
        if received[12..14] == [0x88, 0xb5] {
            assert_eq!(received, frame);
            return Ok(());
        }
    }
}

#[test]
fn what_a_host_started_ends_with_the_host() -> anyhow::Result<()> {
    if !lab::possible("what_a_host_started_ends_with_the_host", &["setpriv", "sleep"]) {
        return Ok(());
    }
    let host = Host::new("short-lived")?;
    let mut command = std::process::Command::new("sleep");
    command.arg("1000");
    let mut process = host.start(command)?;
    assert!(process.ended()?.is_none());
    drop(host);
    assert!(!process.wait(Duration::from_secs(2))?.success());
    Ok(())
}
