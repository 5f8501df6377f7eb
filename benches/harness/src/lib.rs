//! The benchmarks that need more than a function to call: routers in virtual machines between two hosts, beside their
//! rivals, and Linux's own packet filters in network namespaces.
//!
//! Everything is measured in turn, A B A B, in one run; what a packet costs is said in CPU time of the whole virtual
//! machine monitor, which other load on the machine hardly changes. `cargo xtask bench` builds what this needs and runs
//! it.

#![forbid(unsafe_code)]

mod cores;
mod json;
pub mod linux;
pub mod native;
mod report;
pub mod rules;
mod samples;
mod stage;
mod traffic;
pub mod vm;

pub use json::Json;
pub use report::{Ratio, Report, Row, Unit, markdown};
pub use samples::Samples;
