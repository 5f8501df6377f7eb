//! TCP connections, opened and closed, many at a time.

use crate::stage::B;
use anyhow::{Context, Result, ensure};
use lab::Host;
use nix::errno::Errno;
use nix::libc;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrIn, connect, getsockopt, setsockopt, socket, sockopt,
};
use std::collections::HashMap;
use std::net::TcpListener;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const PORT: u16 = 7777;
const IN_FLIGHT: usize = 32;
/// Closing sends a reset, so that no end keeps a port waiting.
const RESET: libc::linger = libc::linger { l_onoff: 1, l_linger: 0 };

/// Connections that were opened and closed within this time.
pub fn connections(a: &Host, b: &Host, time: Duration) -> Result<u64> {
    let listener = b.run(|| TcpListener::bind((B, PORT)))?;
    let over = Arc::new(AtomicBool::new(false));
    let until = Arc::clone(&over);
    let server = std::thread::spawn(move || {
        while let Ok((connection, _)) = listener.accept()
            && !until.load(Ordering::Relaxed)
        {
            let _ = setsockopt(&connection, sockopt::Linger, &RESET);
        }
    });
    let opened = a.run(move || open(time));
    over.store(true, Ordering::Relaxed);
    // Wakes the server, so that it looks.
    b.run(|| drop(std::net::TcpStream::connect((B, PORT))));
    let _ = server.join();
    opened
}

/// Keeps [`IN_FLIGHT`] connections opening; each is closed as soon as it is there.
fn open(time: Duration) -> Result<u64> {
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    let mut opening: HashMap<u64, OwnedFd> = HashMap::new();
    let (mut good, mut bad) = (0u64, 0u64);
    let mut first_error = None;
    let begun = Instant::now();
    while begun.elapsed() < time {
        while opening.len() < IN_FLIGHT {
            let socket = begin()?;
            let id = socket.as_raw_fd() as u64;
            epoll.add(&socket, EpollEvent::new(EpollFlags::EPOLLOUT, id))?;
            opening.insert(id, socket);
        }
        let mut events = [EpollEvent::empty(); IN_FLIGHT];
        let count = match epoll.wait(&mut events, EpollTimeout::from(10u8)) {
            Err(Errno::EINTR) => 0,
            waited => waited?,
        };
        for event in &events[..count] {
            let Some(socket) = opening.remove(&event.data()) else { continue };
            match Errno::from_raw(getsockopt(&socket, sockopt::SocketError)?) {
                // The server may have been quicker with its reset than we with looking.
                Errno::UnknownErrno | Errno::ECONNRESET => good += 1,
                error => {
                    bad += 1;
                    first_error.get_or_insert(error);
                }
            }
        }
    }
    ensure!(bad * 100 <= good, "{bad} of {} connections failed: {first_error:?}", good + bad);
    Ok(good)
}

fn begin() -> Result<OwnedFd> {
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Inet, SockType::Stream, flags, None)?;
    setsockopt(&socket, sockopt::Linger, &RESET)?;
    let [a, b, c, d] = B.octets();
    match connect(socket.as_raw_fd(), &SockaddrIn::new(a, b, c, d, PORT)) {
        Ok(()) | Err(Errno::EINPROGRESS) => Ok(socket),
        Err(error) => Err(error).context("cannot open a connection"),
    }
}
