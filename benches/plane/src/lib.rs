//! A plane in a process, with nothing around it: frames from a pool, neighbors that answer, and a counter of what left.
//!
//! What the benches of the plane and of its flow table have in common.

#![forbid(unsafe_code)]

mod bed;
mod callgrind;
mod frame;
mod packet;
mod report;

pub use bed::{Bed, SERVERS, USERS, measured_region};
pub use callgrind::instructions;
pub use frame::Frame;
pub use packet::{Endpoint, Kind, Packet};
pub use report::{Cell, Options, Report};
