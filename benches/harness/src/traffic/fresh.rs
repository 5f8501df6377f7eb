//! Datagrams each of which is a flow of its own, so that a router that tracks has to judge every one.

use crate::stage::DISCARD;
use anyhow::{Context, Result};
use lab::{Host, RawSocket};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

/// Where the datagrams enter the router, and where they are to go.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    /// The router's.
    pub router_mac: [u8; 6],
    pub to: Ipv4Addr,
}

/// A sender that never sends the same flow twice.
pub struct Fresh {
    socket: RawSocket,
    frame: Vec<u8>,
    counter: File,
    device: &'static str,
    next: u32,
}

const HEADERS: usize = 14 + 20 + 8;
const PAYLOAD: usize = 64;
/// Ports of a source address: all but the privileged ones.
const PORTS: u32 = 64_000;
/// Source addresses: 10.1.0.2 to 10.1.0.201.
const SOURCES: u32 = 200;
/// Datagrams that may be on their way at a time: less than any queue between here and there holds.
const WINDOW: u64 = 192;
/// Datagrams between two looks at how many have come.
const STRIDE: u64 = 32;
/// What has not come by then never will.
const LOST: Duration = Duration::from_millis(300);

impl Fresh {
    /// From a device of one host to another's, whose received frames count.
    pub fn new(from: (&Host, &'static str), to: (&Host, &'static str), way: Way) -> Result<Self> {
        let socket = RawSocket::open(from.0, from.1)?;
        // A file of the network namespace of whoever opened it.
        let counter = to.0.run(|| File::open("/proc/thread-self/net/dev")).context("no counters")?;
        let mut frame = vec![0; HEADERS + PAYLOAD];
        frame[..6].copy_from_slice(&way.router_mac);
        frame[6..12].copy_from_slice(&[2, 0, 0, 0, 0, 0xaa]);
        frame[12..14].copy_from_slice(&[8, 0]);
        frame[14] = 0x45;
        frame[16..18].copy_from_slice(&((HEADERS - 14 + PAYLOAD) as u16).to_be_bytes());
        (frame[22], frame[23]) = (64, 17);
        frame[30..34].copy_from_slice(&way.to.octets());
        frame[36..38].copy_from_slice(&DISCARD.to_be_bytes());
        frame[38..40].copy_from_slice(&((8 + PAYLOAD) as u16).to_be_bytes());
        Ok(Self { socket, frame, counter, device: to.1, next: 0 })
    }

    /// Sends so many, or as many as come through in this time, and waits for them; how many came.
    pub fn run(&mut self, count: u64, time: Duration) -> Result<u64> {
        let before = self.received()?;
        let begun = Instant::now();
        let (mut sent, mut lost, mut come) = (0u64, 0u64, 0);
        let mut moved = begun;
        while sent < count && begun.elapsed() < time {
            if sent.saturating_sub(lost + come) > WINDOW {
                let now = self.received()? - before;
                if now != come {
                    (come, moved) = (now, Instant::now());
                } else if moved.elapsed() > LOST {
                    lost = sent.saturating_sub(come);
                }
                continue;
            }
            for _ in 0..STRIDE {
                self.send()?;
            }
            sent += STRIDE;
            come = self.received()? - before;
        }
        // The last ones.
        moved = Instant::now();
        while sent > come && moved.elapsed() < LOST {
            let now = self.received()? - before;
            if now != come {
                (come, moved) = (now, Instant::now());
            }
        }
        Ok(come)
    }

    fn send(&mut self) -> Result<()> {
        let source = Ipv4Addr::new(10, 1, 0, 2 + (self.next / PORTS % SOURCES) as u8);
        let port = 1024 + (self.next % PORTS) as u16;
        self.next = self.next.wrapping_add(1);
        self.frame[26..30].copy_from_slice(&source.octets());
        self.frame[34..36].copy_from_slice(&port.to_be_bytes());
        self.frame[24..26].fill(0);
        let words = self.frame[14..34].chunks_exact(2).map(|word| u32::from(u16::from_be_bytes([word[0], word[1]])));
        let sum: u32 = words.sum();
        let sum = (sum & 0xffff) + (sum >> 16);
        let checksum = !(((sum & 0xffff) + (sum >> 16)) as u16);
        self.frame[24..26].copy_from_slice(&checksum.to_be_bytes());
        // A full queue of the sender's own device is a loss like others.
        let _ = self.socket.send(&self.frame);
        Ok(())
    }

    /// Frames that the far device has received so far.
    fn received(&mut self) -> Result<u64> {
        let mut table = String::new();
        self.counter.seek(SeekFrom::Start(0))?;
        self.counter.read_to_string(&mut table)?;
        let row = table.lines().find_map(|line| line.trim_start().strip_prefix(self.device)?.strip_prefix(':'));
        row.and_then(|row| row.split_whitespace().nth(1)?.parse().ok()).context("the far device has no counter")
    }
}
