//! The text of a configuration, and places in it.

use alloc::string::String;
use alloc::vec::Vec;
use policy::Place;

/// Longest text that is compiled, in bytes: far beyond any real configuration, and small enough for 32-bit offsets.
pub const MAX_TEXT_LEN: usize = 256 * 1024 * 1024;

/// A half-open range of byte offsets into the text of a [`Source`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    pub start: u32,
    pub end: u32,
}

impl Span {
    pub const fn new(start: u32, end: u32) -> Self {
        Self { start, end }
    }

    /// From the start of this one to the end of the other.
    pub const fn to(self, other: Self) -> Self {
        Self { start: self.start, end: other.end }
    }

    /// The empty span at its start.
    pub const fn before(self) -> Self {
        Self { start: self.start, end: self.start }
    }

    /// The empty span at its end.
    pub const fn after(self) -> Self {
        Self { start: self.end, end: self.end }
    }
}

/// One NaCl file: its name as the user gave it, its text, and where its lines begin.
#[derive(Clone, Debug)]
pub struct Source {
    name: String,
    text: String,
    line_starts: Vec<u32>,
    /// How many scalar values begin before each multiple of [`STRIDE`] bytes, so that a place on a long line (a whole
    /// program may stand on one) costs no more than on a short one.
    begun: Vec<u32>,
}

const STRIDE: usize = 256;

/// How many scalar values begin in these bytes: at each that continues none. Written out as wide instructions it is long,
/// and one place for it is enough.
#[inline(never)]
fn begin_in(bytes: &[u8]) -> u32 {
    bytes.iter().filter(|byte| **byte & 0xc0 != 0x80).count() as u32
}

impl Source {
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let (name, text) = (name.into(), text.into());
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at as u32 + 1);
        let line_starts = core::iter::once(0).chain(ends).collect();
        let mut begun = Vec::with_capacity(text.len() / STRIDE + 1);
        let mut count = 0;
        for piece in text.as_bytes().chunks(STRIDE) {
            begun.push(count);
            count += begin_in(piece);
        }
        begun.push(count);
        Self { name, text, line_starts, begun }
    }

    /// From bytes that came from a file; those that are no UTF-8 become replacement characters, which the lexer
    /// reports where they stand outside comments and strings.
    pub fn from_bytes(name: impl Into<String>, bytes: &[u8]) -> Self {
        Self::new(name, String::from_utf8_lossy(bytes))
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text of a span; empty for a span that is none of this source.
    #[inline(never)]
    pub fn slice(&self, span: Span) -> &str {
        self.text.get(span.start as usize..span.end as usize).unwrap_or_default()
    }

    /// Line and column, both from 1, of a byte offset. The column counts Unicode scalar values (a tab is one); a byte
    /// order mark is not counted.
    pub fn place(&self, offset: u32) -> Place {
        let line = self.line_starts.partition_point(|start| *start <= offset).max(1);
        let start = self.line_starts.get(line - 1).copied().unwrap_or(0);
        let mark = u32::from(start == 0 && offset > 0 && self.text.starts_with('\u{feff}'));
        let column = self.scalars_before(offset).saturating_sub(self.scalars_before(start) + mark);
        Place { line: line as u32, column: column + 1 }
    }

    fn scalars_before(&self, offset: u32) -> u32 {
        let offset = (offset as usize).min(self.text.len());
        let known = offset / STRIDE;
        let rest = self.text.as_bytes().get(known * STRIDE..offset).unwrap_or_default();
        self.begun.get(known).copied().unwrap_or(0) + begin_in(rest)
    }

    /// The text of a line, counted from 1, without its end.
    pub fn line(&self, line: u32) -> &str {
        let at = (line as usize).saturating_sub(1);
        let start = self.line_starts.get(at).map_or(self.text.len(), |start| *start as usize);
        let end = self.line_starts.get(at + 1).map_or(self.text.len(), |next| *next as usize);
        let text = self.text.get(start..end).unwrap_or_default();
        let text = if start == 0 { text.trim_start_matches('\u{feff}') } else { text };
        text.trim_end_matches(['\n', '\r'])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_lines_and_scalar_values_from_one() {
        let source = Source::new("x", "\u{feff}ab\n\té\u{1f600}c\r\nd");
        //        offset, line, column
        let table =
            [(0, 1, 1), (3, 1, 1), (4, 1, 2), (6, 2, 1), (7, 2, 2), (9, 2, 3), (13, 2, 4), (16, 3, 1), (17, 3, 2)];
        for (offset, line, column) in table {
            assert_eq!(source.place(offset), Place { line, column }, "{offset}");
        }
        for (line, text) in [(1, "ab"), (2, "\té\u{1f600}c"), (3, "d"), (4, "")] {
            assert_eq!(source.line(line), text);
        }
    }

    #[test]
    fn an_empty_text_has_one_empty_line() {
        let source = Source::new("x", "");
        assert_eq!(source.place(0), Place { line: 1, column: 1 });
        assert_eq!(source.line(1), "");
    }
}
