//! Frames that no IP stack would send.

use crate::host::Host;
use anyhow::{Context, Result};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, bind, recv, send, setsockopt, socket, sockopt,
};
use nix::sys::time::TimeVal;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

/// A packet socket on one device (packet(7)): sends and receives whole Ethernet frames.
pub struct RawSocket {
    socket: OwnedFd,
}

impl RawSocket {
    pub fn open(host: &Host, device: &str) -> Result<Self> {
        let (shown, device) = (format!("no raw socket on {device} of {}", host.name()), device.to_owned());
        let open = move || -> Result<OwnedFd> {
            let socket = socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::EthAll)?;
            // The kernel's own list of devices holds the link-layer address to bind to, complete.
            let address = nix::ifaddrs::getifaddrs()?
                .filter(|entry| entry.interface_name == device)
                .filter_map(|entry| entry.address)
                .find(|address| address.as_link_addr().is_some())
                .context("no such device")?;
            bind(socket.as_raw_fd(), &address)?;
            Ok(socket)
        };
        Ok(Self { socket: host.run(open).context(shown)? })
    }

    /// Sends one frame as it is: destination, source, type, payload.
    pub fn send(&self, frame: &[u8]) -> Result<()> {
        send(self.socket.as_raw_fd(), frame, MsgFlags::empty()).context("cannot send a frame")?;
        Ok(())
    }

    /// The next frame if it has come already; what is longer than 4,096 bytes is cut off.
    pub fn receive_now(&self) -> Result<Option<Vec<u8>>> {
        let mut frame = [0; 4096];
        match recv(self.socket.as_raw_fd(), &mut frame, MsgFlags::MSG_DONTWAIT) {
            Ok(len) => Ok(frame.get(..len).map(<[u8]>::to_vec)),
            Err(nix::Error::EAGAIN) => Ok(None),
            Err(error) => Err(error).context("cannot receive frames"),
        }
    }

    /// The next frame that the device sends or receives; `None` if there is none for so long.
    pub fn receive(&self, patience: Duration) -> Result<Option<Vec<u8>>> {
        let patience = TimeVal::new(patience.as_secs() as i64, i64::from(patience.subsec_micros()).max(1));
        setsockopt(&self.socket, sockopt::ReceiveTimeout, &patience)?;
        let mut frame = vec![0; 65_600];
        match recv(self.socket.as_raw_fd(), &mut frame, MsgFlags::empty()) {
            Ok(len) => {
                frame.truncate(len);
                Ok(Some(frame))
            }
            Err(nix::Error::EAGAIN) => Ok(None),
            Err(error) => Err(error).context("cannot receive frames"),
        }
    }
}
