//! Rows in brackets: all that the printer needs to know of a text.
//!
//! A row is what stands on a line of its own where its bracket is broken: a declaration, an entry, an element, a
//! statement, a part of a condition.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

#[derive(Debug, Default)]
pub struct Row<'s> {
    /// A blank line stands before the row itself, behind its leading comments.
    pub blank_before: bool,
    /// On lines of their own before the row.
    pub leading: Vec<Comment>,
    pub pieces: Vec<Piece<'s>>,
    /// On the last line of the row, behind its comma.
    pub trailing: Vec<Comment>,
    /// Its width on one line, if it may stand on one.
    pub flat: Option<usize>,
}

#[derive(Debug)]
pub enum Piece<'s> {
    Text {
        text: &'s str,
        /// Set off from what stands before it.
        space: bool,
    },
    /// In the middle of a row.
    Comment(Comment),
    Bracket(Box<Bracket<'s>>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The file.
    Top,
    /// `{ key: value, … }`
    Object,
    /// `[ … ]`
    List,
    /// The arguments of an action.
    Arguments,
    /// `( … )` around a condition, or a part of one.
    Condition,
    /// Parts of a condition joined by one operator, without parentheses of their own.
    Chain,
    /// `{ … }` around statements.
    Body,
}

#[derive(Debug)]
pub struct Bracket<'s> {
    pub kind: Kind,
    /// Set off from what stands before it.
    pub space: bool,
    /// Behind the opening bracket, on its line.
    pub opening: Vec<Comment>,
    pub rows: Vec<Row<'s>>,
    /// On lines of their own before the closing bracket.
    pub dangling: Vec<Comment>,
    /// Its author began its contents on a new line, or grouped them by blank lines.
    pub expanded: bool,
    /// Its width on one line, brackets included, if it may stand on one.
    pub flat: Option<usize>,
}

impl Kind {
    pub fn open(self) -> &'static str {
        match self {
            Self::Object | Self::Body => "{",
            Self::List => "[",
            Self::Arguments | Self::Condition => "(",
            Self::Top | Self::Chain => "",
        }
    }

    pub fn close(self) -> &'static str {
        match self {
            Self::Object | Self::Body => "}",
            Self::List => "]",
            Self::Arguments | Self::Condition => ")",
            Self::Top | Self::Chain => "",
        }
    }

    /// What stands between two rows on one line.
    pub fn separator(self) -> &'static str {
        match self {
            Self::Object | Self::List | Self::Arguments => ", ",
            Self::Condition | Self::Chain | Self::Body | Self::Top => " ",
        }
    }

    pub fn has_commas(self) -> bool {
        matches!(self, Self::Object | Self::List | Self::Arguments)
    }

    /// A space inside its brackets, on one line.
    pub fn is_padded(self) -> bool {
        matches!(self, Self::Object | Self::Body)
    }

    /// Blank lines and line breaks of its author are kept.
    pub fn keeps_lines(self) -> bool {
        matches!(self, Self::Top | Self::Object | Self::List | Self::Body)
    }
}

#[derive(Clone, Debug)]
pub struct Comment {
    pub text: String,
    /// A blank line stands before it.
    pub blank_before: bool,
    /// It is the first on its line.
    pub starts_line: bool,
    /// Nothing may follow it, or nothing did.
    pub ends_line: bool,
}

/// A comment without the white space at its end, its line ends those of the output.
pub fn comment_text(text: &str) -> String {
    text.trim_end().replace("\r\n", "\n")
}

impl Row<'_> {
    pub fn ends_with_comment(&self) -> bool {
        matches!(self.pieces.last(), Some(Piece::Comment(_)))
    }

    /// To be called when the row is complete.
    pub fn measure(&mut self) {
        self.flat = self.pieces.iter().enumerate().map(|(at, piece)| piece.flat(at == 0)).sum();
    }

    /// It may stand on one line, and others may stand beside it there.
    pub fn shareable(&self) -> Option<usize> {
        self.flat.filter(|_| self.leading.is_empty() && self.trailing.is_empty())
    }

    /// A number, or a range of numbers.
    pub fn is_integer(&self) -> bool {
        self.pieces.iter().all(|piece| match piece {
            Piece::Text { text, .. } => text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-'),
            _ => false,
        })
    }
}

impl Piece<'_> {
    /// Its width on one line with the space before it, which the first piece of a row does not have.
    pub fn flat(&self, first: bool) -> Option<usize> {
        let (width, space) = match self {
            Self::Text { text, space } => (text.chars().count(), *space),
            Self::Comment(comment) => {
                if comment.ends_line || comment.starts_line || comment.text.contains('\n') {
                    return None;
                }
                (comment.text.chars().count(), true)
            }
            Self::Bracket(bracket) => (bracket.flat?, bracket.space),
        };
        Some(width + usize::from(space && !first))
    }
}

impl Bracket<'_> {
    /// To be called when the bracket is complete.
    pub fn finish(&mut self) {
        let grouped = self.rows.iter().skip(1).any(|row| row.blank_before);
        self.expanded |= self.kind.keeps_lines() && grouped;
        let commented = !self.opening.is_empty() || !self.dangling.is_empty();
        let short = match self.kind {
            Kind::Top => false,
            Kind::Body => self.rows.len() == 1,
            _ => true,
        };
        if commented || self.expanded || !short {
            return;
        }
        let Some(inside) = self.rows.iter().map(Row::shareable).sum::<Option<usize>>() else { return };
        let separators = self.kind.separator().len() * self.rows.len().saturating_sub(1);
        let padding = if self.kind.is_padded() { 2 } else { 0 };
        self.flat = Some(self.kind.open().len() + self.kind.close().len() + inside + separators + padding);
    }
}
