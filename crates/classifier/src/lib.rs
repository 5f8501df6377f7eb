//! From a program of many steps to a look-up of few.
//!
//! A function of a chain is a [`policy::Program`]; walking it step by step costs as much as it has rules. Here it is
//! turned, once, into tables that give the same answer in a time that hardly depends on how many rules there are:
//!
//! ```text
//!   Program ──► Space        which fields matter, cut into elementary intervals; a value's number is its rank
//!           ──► guarded list products of intervals, in order, each with the step that a packet goes on at
//!           ──► diagrams     one decision per field, shared where equal; several diagrams if one grows too large
//! ```
//!
//! A [`Packet`] is whatever has its fields; [`Classifier::ranks`] looks its fields up, [`Classifier::run`] finds what the program does
//! with it and does it through a [`World`]. [`interpret`] is the same in plain steps: what everything here must equal.
//!
//! A short program is walked faster than looked up: [`Compact`] has its steps decoded for that.
//!
//! What cannot be known from the header alone (a token bucket, whether a translation applies) stops a look-up at that
//! step; it is asked for, and the look-up goes on from there. So order is kept exactly.
//!
//! Memory is allocated when a classifier is built and never by a look-up. Nothing here panics or recurses deeper than
//! there are fields.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

#[cfg(test)]
#[path = "../tests/common/mod.rs"]
mod common;

#[cfg(feature = "analysis")]
pub mod analysis;
mod classifier;
mod compact;
mod diagram;
mod effects;
mod forest;
mod guarded;
mod header;
mod intern;
mod interpret;
mod ranker;
mod sets;
mod space;

pub use classifier::{Classifier, Cost, Ended, Found};
pub use compact::{Compact, Left, Values};
pub use header::{Header, Kind, Packet, Value};
pub use interpret::{World, holds, interpret};
pub use lanes::{BATCH, Level, Ranks, Walks};
