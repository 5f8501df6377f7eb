//! What the hosts do with a router between them, and what they see of it.

mod connections;
mod echo;
mod fresh;
mod streams;
mod udp;

pub use connections::connections;
pub use echo::round_trips;
pub use fresh::{Fresh, Way};
pub use streams::{Direction, streams};
pub use udp::{Flows, answered, flood};
