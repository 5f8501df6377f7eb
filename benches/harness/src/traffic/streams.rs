//! TCP streams that carry as much as they can.

use crate::stage::{A, B};
use anyhow::{Result, anyhow};
use lab::Host;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Who sends. Connections are opened by a in either case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    AToB,
    BToA,
}

const PORT: u16 = 5201;
/// Bytes to a system call.
const CHUNK: usize = 128 << 10;

/// Runs so many streams for so long; the bytes that arrived.
pub fn streams(a: &Host, b: &Host, count: usize, direction: Direction, time: Duration) -> Result<u64> {
    let listener = b.run(|| TcpListener::bind((B, PORT)))?;
    let mut ends: Vec<JoinHandle<std::io::Result<u64>>> = Vec::new();
    for _ in 0..count {
        let near = a.run(|| {
            let to = SocketAddr::from((B, PORT));
            TcpStream::connect_timeout(&to, Duration::from_secs(5))
        })?;
        let (far, from) = listener.accept()?;
        anyhow::ensure!(from.ip() == A, "a stranger connected: {from}");
        let (sender, receiver) = if direction == Direction::AToB { (near, far) } else { (far, near) };
        ends.push(std::thread::spawn(move || send(sender, time)));
        ends.push(std::thread::spawn(move || receive(receiver)));
    }
    let mut received = 0;
    for end in ends {
        received += end.join().map_err(|_| anyhow!("an end of a stream panicked"))??;
    }
    Ok(received)
}

fn send(mut stream: TcpStream, time: Duration) -> std::io::Result<u64> {
    stream.set_write_timeout(Some(Duration::from_secs(20)))?;
    let (chunk, begun) = (vec![0; CHUNK], Instant::now());
    while begun.elapsed() < time {
        stream.write_all(&chunk)?;
    }
    Ok(0)
}

fn receive(mut stream: TcpStream) -> std::io::Result<u64> {
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let (mut chunk, mut received) = (vec![0; CHUNK], 0);
    loop {
        match stream.read(&mut chunk)? {
            0 => return Ok(received),
            len => received += len as u64,
        }
    }
}
