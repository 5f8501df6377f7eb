//! Positions of the protocol, which are lines and characters from 0, and byte offsets.

use lsp_types::{Position, PositionEncodingKind, Range};
use nacl::Span;

/// What a character is. A client that says nothing means UTF-16 code units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Utf8,
    Utf16,
    Utf32,
}

impl Encoding {
    /// The first of the client's wishes that we know.
    pub fn choose(wishes: &[PositionEncodingKind]) -> Self {
        let known = |kind: &PositionEncodingKind| match kind {
            PositionEncodingKind::UTF8 => Some(Self::Utf8),
            PositionEncodingKind::UTF16 => Some(Self::Utf16),
            PositionEncodingKind::UTF32 => Some(Self::Utf32),
            PositionEncodingKind::Custom(_) => None,
        };
        wishes.iter().find_map(known).unwrap_or(Self::Utf16)
    }

    pub fn kind(self) -> PositionEncodingKind {
        match self {
            Self::Utf8 => PositionEncodingKind::UTF8,
            Self::Utf16 => PositionEncodingKind::UTF16,
            Self::Utf32 => PositionEncodingKind::UTF32,
        }
    }

    fn len(self, c: char) -> usize {
        match self {
            Self::Utf8 => c.len_utf8(),
            Self::Utf16 => c.len_utf16(),
            Self::Utf32 => 1,
        }
    }
}

/// Where the lines of a text begin. A line ends with `\n`, `\r\n` or `\r` (LSP 3.17, "Text Documents").
#[derive(Debug)]
pub struct Lines {
    starts: Vec<u32>,
    encoding: Encoding,
}

impl Lines {
    pub fn new(text: &str, encoding: Encoding) -> Self {
        let bytes = text.as_bytes();
        let mut starts = vec![0];
        for (at, byte) in bytes.iter().enumerate() {
            if *byte == b'\n' || (*byte == b'\r' && bytes.get(at + 1) != Some(&b'\n')) {
                starts.push(at as u32 + 1);
            }
        }
        Self { starts, encoding }
    }

    /// The byte offset of a position: the end of the line for characters beyond it, the end of the text for lines
    /// beyond it, the beginning of a character for the middle of one.
    pub fn offset(&self, text: &str, position: Position) -> u32 {
        let line = position.line as usize;
        let Some(start) = self.starts.get(line).map(|start| *start as usize) else { return text.len() as u32 };
        let end = self.starts.get(line + 1).map_or(text.len(), |next| *next as usize);
        let content = text.get(start..end).unwrap_or_default().trim_end_matches(['\r', '\n']);
        let mut left = position.character as usize;
        for (at, c) in content.char_indices() {
            let len = self.encoding.len(c);
            if left < len {
                return (start + at) as u32;
            }
            left -= len;
        }
        (start + content.len()) as u32
    }

    /// The position of a byte offset.
    pub fn position(&self, text: &str, offset: u32) -> Position {
        let line = self.starts.partition_point(|start| *start <= offset).saturating_sub(1);
        let start = self.starts.get(line).copied().unwrap_or(0);
        let end = text.floor_char_boundary((offset as usize).min(text.len()));
        let before = text.get(start as usize..end).unwrap_or_default();
        let character: usize = before.chars().map(|c| self.encoding.len(c)).sum();
        Position { line: line as u32, character: character as u32 }
    }

    pub fn range(&self, text: &str, span: Span) -> Range {
        Range { start: self.position(text, span.start), end: self.position(text, span.end) }
    }

    pub fn span(&self, text: &str, range: Range) -> Span {
        let (start, end) = (self.offset(text, range.start), self.offset(text, range.end));
        Span::new(start.min(end), end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "aé😀b\r\n\n\rc\td";

    #[test]
    fn positions_count_in_the_units_that_were_agreed() {
        //  offset, line, characters in UTF-8, UTF-16, UTF-32
        let table = [
            (0, 0, [0, 0, 0]),
            (1, 0, [1, 1, 1]),
            (3, 0, [3, 2, 2]),
            (7, 0, [7, 4, 3]),
            (8, 0, [8, 5, 4]),
            (10, 1, [0, 0, 0]),
            (11, 2, [0, 0, 0]),
            (12, 3, [0, 0, 0]),
            (13, 3, [1, 1, 1]),
            (15, 3, [3, 3, 3]),
        ];
        for (column, encoding) in [Encoding::Utf8, Encoding::Utf16, Encoding::Utf32].into_iter().enumerate() {
            let lines = Lines::new(TEXT, encoding);
            for (offset, line, characters) in table {
                let position = Position { line, character: characters[column] };
                assert_eq!(lines.position(TEXT, offset), position, "{offset} {encoding:?}");
                assert_eq!(lines.offset(TEXT, position), offset, "{position:?} {encoding:?}");
            }
        }
    }

    #[test]
    fn positions_that_are_none_are_the_nearest_that_is_one() {
        let lines = Lines::new(TEXT, Encoding::Utf16);
        let at = |line, character| lines.offset(TEXT, Position { line, character });
        assert_eq!(at(0, 3), 3, "the middle of a surrogate pair");
        assert_eq!(at(0, 6), 8, "behind the end of a line");
        assert_eq!(at(0, u32::MAX), 8);
        assert_eq!(at(1, 5), 10);
        assert_eq!(at(4, 0), 15, "behind the last line");
        assert_eq!(at(u32::MAX, u32::MAX), 15);
        assert_eq!(lines.position(TEXT, 2), Position { line: 0, character: 1 }, "the middle of a character");
        assert_eq!(lines.position(TEXT, 99), Position { line: 3, character: 3 });
        let reversed = Range { start: Position { line: 3, character: 2 }, end: Position { line: 0, character: 1 } };
        assert_eq!(lines.span(TEXT, reversed), Span::new(1, 1));
        assert_eq!(Lines::new("", Encoding::Utf8).position("", 0), Position { line: 0, character: 0 });
    }

    #[test]
    fn the_clients_first_wish_that_can_be_granted_is() {
        use PositionEncodingKind as Kind;
        assert_eq!(Encoding::choose(&[]), Encoding::Utf16);
        assert_eq!(Encoding::choose(&[Kind::Custom("ebcdic".into()), Kind::UTF32, Kind::UTF8]), Encoding::Utf32);
        assert_eq!(Encoding::choose(&[Kind::UTF8, Kind::UTF16]), Encoding::Utf8);
    }
}
