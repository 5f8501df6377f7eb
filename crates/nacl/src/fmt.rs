//! One layout for every file: [`format`].
//!
//! ```text
//! Source ─ lex, parse ─► tokens and comments ─ read ─► rows in brackets ─ print ─► text
//! ```
//!
//! The formatter moves white space and nothing else: every token and every comment of the text comes out again, in
//! order, except that a comma before a closing bracket goes (other compilers of NaCl refuse it) and that a comma comes
//! before the comment that stood before it. The result is read again and compared before anyone sees it.
//!
//! What its author decides: blank lines (several become one), and whether an object, a list or a body of one statement
//! stands on one line, by writing its first element on the line of the bracket. What is too long is broken all the
//! same. Everything else (indentation, spaces, where a long condition is broken) has one form.

mod print;
mod read;
mod tree;

use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::lex::{self, Lexed, TokenKind};
use crate::parse;
use crate::source::{MAX_TEXT_LEN, Source, Span};
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// Widest line, in characters, where it can be helped.
pub const MAX_WIDTH: usize = 100;

/// The text in its canonical layout; formatting that changes nothing any more.
///
/// A text with syntax errors is not touched: its errors are answered. Mistakes of meaning (an unknown name, a missing
/// property) do not matter here.
pub fn format(source: &Source) -> Result<String, Vec<Diagnostic>> {
    let mut diagnostics = Vec::new();
    if source.text().len() > MAX_TEXT_LEN {
        let message = "the file is too large to be formatted";
        return Err(vec![Diagnostic::new(Code::SourceTooLarge, Span::default(), message)]);
    }
    let lexed = lex::lex(source, &mut diagnostics);
    parse::parse(source, &lexed, &mut diagnostics);
    diagnostics.retain(|found| found.severity == Severity::Error);
    if !diagnostics.is_empty() {
        diagnostics.sort_by_key(|found| found.span);
        return Err(diagnostics);
    }
    let formatted = read::read(source, &lexed).map(|rows| print::print(&rows));
    match formatted {
        Ok(text) if says_the_same(source, &lexed, &text) => Ok(text),
        Ok(_) => Err(vec![mistake(Span::default())]),
        Err(at) => Err(vec![mistake(at)]),
    }
}

fn mistake(at: Span) -> Diagnostic {
    let message = "the formatter made a mistake and has left the text as it is";
    Diagnostic::new(Code::Internal, at, message).help("please report it, with the file")
}

/// Every token and every comment of the source is in the text, in order.
fn says_the_same(source: &Source, before: &Lexed, text: &str) -> bool {
    let after_source = Source::new(source.name(), text);
    let mut diagnostics = Vec::new();
    let after = lex::lex(&after_source, &mut diagnostics);
    let comments = |source: &Source, lexed: &Lexed| -> Vec<String> {
        lexed.comments.iter().map(|span| tree::comment_text(source.slice(*span))).collect()
    };
    diagnostics.is_empty()
        && tokens(source, before).eq(tokens(&after_source, &after))
        && comments(source, before) == comments(&after_source, &after)
}

/// The tokens that mean something: all but a comma before a closing bracket.
fn tokens<'s>(source: &'s Source, lexed: &'s Lexed) -> impl Iterator<Item = (TokenKind, &'s str)> {
    use TokenKind::{CloseBrace, CloseBracket, CloseParen, Comma};
    lexed.tokens.iter().enumerate().filter_map(move |(at, token)| {
        let next = lexed.tokens.get(at + 1).map(|next| next.kind);
        let idle = token.kind == Comma && matches!(next, Some(CloseBrace | CloseBracket | CloseParen));
        (!idle).then(|| (token.kind, source.slice(token.span)))
    })
}

#[cfg(test)]
mod tests;
