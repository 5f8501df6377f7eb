//! One datagram there and back at a time.

use crate::stage::{A, B};
use anyhow::{Context, Result, anyhow};
use lab::Host;
use std::net::UdpSocket;
use std::time::{Duration, Instant};

const PORT: u16 = 9003;
const PAUSE: Duration = Duration::from_millis(1);

/// So many round trips, sorted.
pub fn round_trips(a: &Host, b: &Host, count: usize) -> Result<Vec<Duration>> {
    let echo = b.run(|| UdpSocket::bind((B, PORT)))?;
    echo.set_read_timeout(Some(Duration::from_secs(5)))?;
    let echo = std::thread::spawn(move || -> std::io::Result<()> {
        let mut datagram = [0; 64];
        for _ in 0..count {
            let (len, from) = echo.recv_from(&mut datagram)?;
            echo.send_to(&datagram[..len], from)?;
        }
        Ok(())
    });
    let mut times = a.run(move || -> Result<Vec<Duration>> {
        let socket = UdpSocket::bind((A, 0))?;
        socket.connect((B, PORT))?;
        socket.set_read_timeout(Some(Duration::from_secs(2)))?;
        let one = |_| {
            std::thread::sleep(PAUSE);
            let begun = Instant::now();
            socket.send(b"there and back")?;
            socket.recv(&mut [0; 64]).context("no answer")?;
            Ok(begun.elapsed())
        };
        (0..count).map(one).collect()
    })?;
    echo.join().map_err(|_| anyhow!("the echo panicked"))??;
    times.sort();
    Ok(times)
}
