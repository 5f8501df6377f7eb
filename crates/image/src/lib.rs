//! The unikernel, but for its first instruction: it introduces the machine to the drivers, the drivers to the router,
//! and finds the router its configuration.
//!
//! `main.rs` is the order of things; here are its verbs. [`computer`] brings the machine up, [`nics`] finds and
//! starts network devices, [`budget`] divides memory, [`config`] finds the text, [`ports`] is the outside world of a
//! node.

#![no_std]
#![deny(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod budget;
pub mod buffer;
pub mod computer;
pub mod config;
pub mod nics;
#[cfg(not(test))] // It names the run time, which has a panic handler of its own.
mod origin;
pub mod ports;
pub mod progress;

#[cfg(not(test))]
pub use origin::origin;
