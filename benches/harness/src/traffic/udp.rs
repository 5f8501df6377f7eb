//! Small datagrams, as many as will go.

use crate::stage::{A, B, DISCARD};
use anyhow::{Context, Result};
use lab::Host;
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, MultiHeaders, sendmmsg, setsockopt, sockopt};
use std::io::IoSlice;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

/// Bytes of payload: with its headers, a frame of 106 bytes.
const PAYLOAD: usize = 64;
/// Datagrams to a system call.
const BATCH: usize = 64;
/// Bytes; enough for a queue of the device's own length.
const SEND_BUFFER: usize = 4 << 20;

/// Flows from a to b's [`DISCARD`] port, one for each source port.
#[derive(Clone, Copy, Debug)]
pub struct Flows {
    pub first_port: u16,
    pub count: u16,
}

/// What the sender did.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    /// Datagrams that b has got.
    pub received: u64,
    pub took: Duration,
}

/// Sends on all flows in turn, as fast as the sender can; b counts.
pub fn flood(a: &Host, b: &Host, flows: Flows, time: Duration) -> Result<Sent> {
    let before = b.received("eth0")?;
    let took = a.run(move || send(flows, time))?;
    // What is still in queues.
    std::thread::sleep(Duration::from_millis(100));
    let received = b.received("eth0")?.saturating_sub(before);
    Ok(Sent { received, took })
}

/// Lets tracking see an answer of b in each flow, so that they are established.
pub fn answered(a: &Host, b: &Host, flows: Flows) -> Result<()> {
    // One datagram of each flow first, slowly: nothing may be lost.
    let ports = flows.first_port..flows.first_port + flows.count;
    let (asks, answers) = (ports.clone(), ports);
    for _ in 0..2 {
        let ports = asks.clone();
        a.run(move || {
            ports.into_iter().try_for_each(|port| {
                std::thread::sleep(Duration::from_millis(1));
                UdpSocket::bind((A, port))?.send_to(b"asked", (B, DISCARD)).map(drop)
            })
        })?;
        let ports = answers.clone();
        b.run(move || {
            let socket = UdpSocket::bind((B, DISCARD))?;
            ports.into_iter().try_for_each(|port| {
                std::thread::sleep(Duration::from_millis(1));
                socket.send_to(b"answered", (A, port)).map(drop)
            })
        })
        .context("b cannot answer")?;
    }
    Ok(())
}

fn send(flows: Flows, time: Duration) -> Result<Duration> {
    let open = |port: u16| -> Result<UdpSocket> {
        let socket = UdpSocket::bind((A, port))?;
        setsockopt(&socket, sockopt::SndBufForce, &SEND_BUFFER)?;
        socket.connect((B, DISCARD))?;
        Ok(socket)
    };
    let ports = flows.first_port..flows.first_port + flows.count;
    let sockets = ports.map(open).collect::<Result<Vec<_>>>().context("cannot open the sender's sockets")?;
    let payload = [0; PAYLOAD];
    let slices = [[IoSlice::new(&payload)]; BATCH];
    let nowhere = [None::<()>; BATCH];
    let mut headers = MultiHeaders::preallocate(BATCH, None);
    let begun = Instant::now();
    for socket in sockets.iter().cycle() {
        if begun.elapsed() >= time {
            break;
        }
        match sendmmsg(socket.as_raw_fd(), &mut headers, &slices, nowhere, [], MsgFlags::empty()) {
            // A full queue of the sender's own device is no loss of the router's; an error that came back is.
            Ok(_) | Err(Errno::ENOBUFS | Errno::EAGAIN | Errno::ECONNREFUSED) => {}
            Err(error) => return Err(error).context("cannot send"),
        }
    }
    Ok(begun.elapsed())
}
