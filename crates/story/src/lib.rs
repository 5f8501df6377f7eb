//! Stories: text files that say what must happen to packets. They are how users test a policy.
//!
//! ```text
//! config seed.nacl
//!
//! +0ms   in  outside  tcp 203.0.113.9:4000 > 192.168.0.50:80 S ttl 64
//!        log info     "New connection established (from 203.0.113.9)"
//!        out inside   tcp 203.0.113.9:4000 > 192.168.0.50:80 S ttl 63 via 192.168.0.50
//!
//! +0ms   in  outside  udp 203.0.113.9:53 > 192.168.0.50:53
//!        log warning  "Dropping packet from saddr 203.0.113.9 to 192.168.0.50"
//!        drop forward
//! ```
//!
//! A story is read line by line. `config` names the policy; then come *steps*, and under each step its *effects*:
//! everything that comes of it before the next step. An effect that the story does not name fails it.
//!
//! ```text
//! line     = config | step | effect | empty            # `#` begins a comment
//! config   = "config" FILE | "config" "<<WORD" … WORD  # several are read as one text
//! step     = [ "+" TIME ] action                       # TIME since the step before: 0ms 1.5s 2min
//! action   = "in" IFACE packet [ "x" N ]
//!          | "wait" | "start"
//!          | ( "silent" | "answer" ) ADDRESS…          # hosts that answer no ARP and no neighbor solicitation
//! effect   = ( "out" IFACE packet
//!            | "log" SEVERITY TEXT [ "from" ADDRESS ]
//!            | "console" TEXT                          # `*` in a text stands for anything
//!            | "drop" REASON [ IFACE ]                 # REASON is a hook or a name of plane::DropReason
//!            | "local" [ IFACE ]                       # reaches the box's own stack
//!            ) [ "x" N | "x" [ N ] ".." [ N ] ]
//! packet   = kind END ">" END [ FLAGS ] field… [ "[" packet "]" ]
//!          | "arp" "who-has" ADDRESS "tell" ADDRESS | "arp" ADDRESS "is-at" MAC
//!          | "hex" BYTES | "frame" BYTES
//! kind     = "tcp" | "udp" | "icmp" MESSAGE | "icmpv6" MESSAGE | "ip" PROTOCOL
//! END      = ADDRESS | ADDRESS ":" PORT | "[" ADDRESS "]" ":" PORT, each part may be "*"
//! ```
//!
//! The fields are those of [`packet::Key`], and `via`, `from`, `to`, `ext`, `ipopt`, `data`, `echo`, `target`;
//! `docs/stories.md` explains each. [`test()`] does all there is to do with a story's file; [`parse`]
//! reads a story, [`play`] plays it on the simulator, [`render`] shows what was wrong.

#![forbid(unsafe_code)]

mod effects;
mod file;
pub mod packet;
mod parse;
mod render;
mod run;
mod scene;
mod script;
mod text;
pub mod trace;

pub use effects::{Came, Datagram};
pub use file::{Tested, source, test, test_with};
pub use parse::{parse, step};
pub use render::render;
pub use run::{Played, play, play_with};
pub use scene::{Effects, Scene, Wire};
pub use script::{Action, Config, Effect, EffectKind, Name, SEVERITIES, Step, Story, Times};
pub use text::{Diagnostic, Span, Token, TokenKind, did_you_mean, tokens};
