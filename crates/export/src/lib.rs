//! A policy in the words of other firewalls, as far as they have words for it.
//!
//! [`nftables()`] renders a policy as a ruleset for `nft -f`, and as the commands that give a Linux kernel the
//! addresses, routes and settings that go with it. What cannot be said is listed, each with its place in the NaCl
//! text, and stands in the ruleset as a comment.

#![forbid(unsafe_code)]

mod nftables;

use policy::Place;
use std::fmt;

pub use nftables::nftables;

/// A policy, exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// For `nft -f`. It also holds everything else, as comments.
    pub ruleset: String,
    /// What the kernel has to be told besides, as lines for a shell: addresses, routes, settings.
    pub commands: Vec<String>,
    /// What was lost; nothing: the ruleset says all that the policy does.
    pub losses: Vec<Loss>,
}

/// Something that cannot be expressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Where it stands in the NaCl text; [`Place::NONE`] for what has no place of its own.
    pub place: Place,
    /// What it is and what stands in its stead: a phrase without a full stop.
    pub text: String,
}

impl fmt::Display for Loss {
    /// `LINE:COLUMN: TEXT`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place.line {
            0 => f.write_str(&self.text),
            _ => write!(f, "{}: {}", self.place, self.text),
        }
    }
}
