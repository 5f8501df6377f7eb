//! A running router: the plane, its ports, the box's own stack, and a clock that someone else reads.
//!
//! Everything observable about a router on Linux or bare metal is in here; hosts supply [`Ports`] and the time and
//! cannot drift apart.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod ports;

pub use ports::{Nic, Ports};
