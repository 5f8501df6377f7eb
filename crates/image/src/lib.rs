//! The unikernel, but for its first instruction: it introduces the machine to the drivers, the drivers to the router,
//! and finds the router its configuration.
//!
//! `main.rs` is the order of things; here are its verbs. [`computer`] brings the machine up, [`nics`] finds and
//! starts network devices, [`budget`] divides memory, [`ports`] is the outside world of a node, [`config`] finds the
//! text.

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
pub mod ports;
