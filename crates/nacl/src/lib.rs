//! The NaCl compiler: text to [`policy::Policy`], or diagnostics that say what is wrong and how to repair it.
//!
//! ```text
//! Source ─ lex ─► [Token] ─ parse ─► Ast ─ resolve ─► Names ─ check ─► Checked ─ lower ─► Policy
//! ```
//!
//! [`compile`] stops there; [`analyze`] also asks what can never happen in the functions that came out, and why.
//!
//! Every arrow also yields diagnostics and none stops the next, so one run reports every independent mistake; only
//! `lower` asks for a file without errors. No stage panics on any text, exhausts the stack (nesting, calls and
//! constants that name constants are bounded, with a diagnostic each), or takes much more than linear time.
//!
//! No I/O and no `std`: the image compiles its own configuration at boot, with this very code.
//!
//! Start with [`compile`] and [`analyze`]; [`vocabulary`] holds every word of the language with its documentation.

#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable)
)]

extern crate alloc;

mod analysis;
pub mod ast;
mod check;
mod checked;
pub mod diagnostic;
pub mod fmt;
pub mod lex;
mod lower;
pub mod parse;
mod resolve;
mod source;
pub mod vocabulary;

use alloc::format;
use alloc::vec::Vec;
use policy::Policy;

pub use diagnostic::{Code, Diagnostic, Severity};
pub use fmt::format;
pub use source::{MAX_TEXT_LEN, Source, Span};

/// What became of a text.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// There is one exactly if no diagnostic is an error.
    pub policy: Option<Policy>,
    /// In the order of the text.
    pub diagnostics: Vec<Diagnostic>,
}

impl Compiled {
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }
}

/// Compiles a file: its policy, every error, and the warnings that cost next to nothing. Suggestions are for [`analyze`].
///
/// What an image does with its configuration. The policy is that of [`analyze`].
pub fn compile(source: &Source) -> Compiled {
    build(source, false, |compiled| compiled)
}

/// As [`compile`], and goes on to `then` with what became of the text. What the compiler has made on the way there is
/// cleared away only afterwards if the text is short: to give back trees piece by piece is work that nobody need wait for.
pub fn compile_then<T>(source: &Source, then: impl FnOnce(Compiled) -> T) -> T {
    build(source, false, then)
}

/// Compiles a file and says everything about it that can be said: also which rules never match, which statements never
/// run, and which connections were probably meant to work and cannot.
///
/// What a person is told who writes the file. Takes a few times as long as [`compile`], and no longer than that for files
/// that are too large: those are judged more coarsely.
pub fn analyze(source: &Source) -> Compiled {
    build(source, true, |compiled| compiled)
}

/// The longest text, in bytes, whose trees may stay a while: they take some 40 times as much.
const SHORT: usize = 8 << 10;

fn build<T>(source: &Source, deeply: bool, then: impl FnOnce(Compiled) -> T) -> T {
    let mut diagnostics = Vec::new();
    if source.text().len() > MAX_TEXT_LEN {
        let message = format!("the file has more than {} MiB", MAX_TEXT_LEN >> 20);
        diagnostics.push(Diagnostic::new(Code::SourceTooLarge, Span::default(), message));
        return then(Compiled { policy: None, diagnostics });
    }
    let lexed = lex::lex(source, &mut diagnostics);
    let ast = parse::parse(source, &lexed, &mut diagnostics);
    drop(lexed);
    let torn = diagnostics.iter().flat_map(|found| {
        // What is not closed is torn from where it begins.
        let opened = found.related.iter().map(|(span, _)| *span);
        core::iter::once(found.span).chain(opened)
    });
    let torn = torn.collect();
    let names = resolve::resolve(source, &ast, &mut diagnostics);
    let mut checked = check::check(source, &names, torn, deeply, &mut diagnostics);
    let is_sound = |diagnostics: &[Diagnostic]| diagnostics.iter().all(|found| found.severity != Severity::Error);
    let policy = is_sound(&diagnostics).then(|| lower::lower(source, &names, &mut checked, &mut diagnostics)).flatten();
    if deeply {
        analysis::analyze(source, &checked, policy.as_ref(), &mut diagnostics);
    }
    diagnostics.sort_by(|a, b| (a.span, a.severity, a.code, &a.message).cmp(&(b.span, b.severity, b.code, &b.message)));
    diagnostics.dedup_by(|next, last| (next.span, next.code, &next.message) == (last.span, last.code, &last.message));
    if source.text().len() > SHORT {
        drop(checked);
        drop(names);
        drop(ast);
    }
    then(Compiled { policy, diagnostics })
}
