//! Tokens and comments to rows in brackets.
//!
//! The text is known to parse, so that its shape follows from a few tokens; where it does not after all, the reader
//! gives up with the place.

use super::tree::{Bracket, Comment, Kind, Piece, Row, comment_text};
use crate::lex::{Lexed, Token, TokenKind};
use crate::source::{Source, Span};
use alloc::boxed::Box;
use alloc::vec::Vec;

type Read<T> = Result<T, Span>;

/// The rows of the file, as a bracket of kind [`Kind::Top`]; or the place that was not understood.
pub fn read<'s>(source: &'s Source, lexed: &'s Lexed) -> Read<Bracket<'s>> {
    let mut reader = Reader { source, lexed, at: 0, comment: 0 };
    reader.rows(Kind::Top, TokenKind::End, Reader::item)
}

struct Reader<'s> {
    source: &'s Source,
    lexed: &'s Lexed,
    at: usize,
    /// The first comment behind the tokens that were taken.
    comment: usize,
}

impl<'s> Reader<'s> {
    fn token(&self, ahead: usize) -> Token {
        let end = || Token { kind: TokenKind::End, span: Span::default() };
        self.lexed.tokens.get(self.at + ahead).copied().unwrap_or_else(end)
    }

    fn kind(&self) -> TokenKind {
        self.token(0).kind
    }

    fn kind_after(&self, ahead: usize) -> TokenKind {
        self.token(ahead).kind
    }

    fn lost<T>(&self) -> Read<T> {
        Err(self.token(0).span)
    }

    /// The comments before the present token.
    fn comments(&mut self) -> Vec<Comment> {
        let mut end = self.at.checked_sub(1).and_then(|at| self.lexed.tokens.get(at)).map_or(0, |last| last.span.end);
        let first_of_file = end == 0;
        let next = self.token(0).span.start;
        let mut found: Vec<Comment> = Vec::new();
        while let Some(span) = self.lexed.comments.get(self.comment).filter(|span| span.start < next) {
            self.comment += 1;
            let lines = self.lines_between(end, span.start);
            if let Some(last) = found.last_mut() {
                last.ends_line |= lines > 0;
            }
            let text = comment_text(self.source.slice(*span));
            let ends_line = !text.starts_with("/*");
            let starts_line = lines > 0 || (first_of_file && found.is_empty());
            found.push(Comment { text, blank_before: lines > 1, starts_line, ends_line });
            end = span.end;
        }
        if let Some(last) = found.last_mut() {
            last.ends_line |= self.lines_between(end, next) > 0 || self.kind() == TokenKind::End;
        }
        found
    }

    fn lines_between(&self, start: u32, end: u32) -> usize {
        self.source.slice(Span::new(start, end)).bytes().filter(|byte| *byte == b'\n').count()
    }

    /// How many lines end between the present token and what stands before it, a comment or a token.
    fn lines_before(&self) -> usize {
        let token = self.at.checked_sub(1).and_then(|at| self.lexed.tokens.get(at)).map_or(0, |last| last.span.end);
        let comment = self.comment.checked_sub(1).and_then(|at| self.lexed.comments.get(at)).map_or(0, |last| last.end);
        self.lines_between(token.max(comment), self.token(0).span.start)
    }

    /// Adds the present token to a row, with the comments before it.
    fn take(&mut self, row: &mut Row<'s>, space: bool) {
        let comments = self.comments();
        row.pieces.extend(comments.into_iter().map(Piece::Comment));
        let space = space || row.ends_with_comment();
        row.pieces.push(Piece::Text { text: self.source.slice(self.token(0).span), space });
        self.at += 1;
    }

    fn expect(&mut self, kind: TokenKind, row: &mut Row<'s>, space: bool) -> Read<()> {
        if self.kind() != kind {
            return self.lost();
        }
        self.take(row, space);
        Ok(())
    }

    /// A bracket in the middle of a row.
    fn bracket(
        &mut self,
        row: &mut Row<'s>,
        kind: Kind,
        space: bool,
        read: fn(&mut Self, &mut Row<'s>) -> Read<()>,
    ) -> Read<()> {
        use TokenKind::*;
        let close = match self.kind() {
            OpenBrace => CloseBrace,
            OpenBracket => CloseBracket,
            OpenParen => CloseParen,
            _ => return self.lost(),
        };
        let comments = self.comments();
        row.pieces.extend(comments.into_iter().map(Piece::Comment));
        self.at += 1;
        let mut bracket = self.rows(kind, close, read)?;
        self.at += 1;
        bracket.space = space || row.ends_with_comment();
        row.pieces.push(Piece::Bracket(Box::new(bracket)));
        Ok(())
    }

    /// The rows up to the token that closes them, which is not taken.
    fn rows(
        &mut self,
        kind: Kind,
        close: TokenKind,
        read: fn(&mut Self, &mut Row<'s>) -> Read<()>,
    ) -> Read<Bracket<'s>> {
        let mut bracket = Bracket {
            kind,
            space: false,
            opening: Vec::new(),
            rows: Vec::new(),
            dangling: Vec::new(),
            expanded: kind.keeps_lines() && self.next_begins_line(),
            flat: None,
        };
        let mut between = self.between(close);
        core::mem::swap(&mut bracket.opening, &mut between.behind);
        while self.kind() != close {
            let mut row = self.begin(between);
            read(self, &mut row)?;
            between = Between::default();
            if kind.has_commas() && self.kind() == TokenKind::Comma {
                between = self.between(TokenKind::Comma);
                row.trailing.append(&mut between.behind);
                self.at += 1;
            } else if kind.has_commas() && self.kind() != close {
                return self.lost();
            }
            // A condition's parts say themselves what joins them.
            let torn = matches!(kind, Kind::Condition | Kind::Chain);
            let after = if torn { Between::default() } else { self.between(close) };
            between.join(after, &mut row);
            row.measure();
            bracket.rows.push(row);
            if torn {
                break;
            }
        }
        if matches!(kind, Kind::Condition) {
            between = self.between(close);
            if let Some(last) = bracket.rows.last_mut() {
                last.trailing.append(&mut between.behind);
                last.measure();
            }
        }
        bracket.dangling = between.own;
        bracket.dangling.append(&mut between.inline);
        bracket.finish();
        Ok(bracket)
    }

    /// Whether a line ends before the next token or comment.
    fn next_begins_line(&self) -> bool {
        let start = self.at.checked_sub(1).and_then(|at| self.lexed.tokens.get(at)).map_or(0, |last| last.span.end);
        let comment = self.lexed.comments.get(self.comment).map_or(u32::MAX, |span| span.start);
        self.lines_between(start, self.token(0).span.start.min(comment)) > 0
    }

    /// The comments before the present token, by what they belong to. Before `close` none belongs to what follows.
    fn between(&mut self, close: TokenKind) -> Between {
        let comments = self.comments();
        let closes = self.kind() == close;
        let mut between = Between { blank: self.lines_before() > 1, ..Between::default() };
        // What stands right before the next token on its line belongs to it.
        let inline = match comments.iter().rposition(|comment| comment.ends_line) {
            _ if closes => comments.len(),
            Some(last) => last + 1,
            None => 0,
        };
        for (at, comment) in comments.into_iter().enumerate() {
            if at >= inline {
                between.inline.push(comment);
            } else if between.own.is_empty() && !comment.starts_line {
                between.behind.push(comment);
            } else {
                between.own.push(comment);
            }
        }
        between
    }

    fn begin(&mut self, between: Between) -> Row<'s> {
        let mut blank_before = between.blank;
        let mut pieces = Vec::new();
        for (at, mut comment) in between.inline.into_iter().enumerate() {
            if at == 0 {
                blank_before = comment.blank_before;
            }
            // The row begins its line with it.
            (comment.starts_line, comment.blank_before) = (false, false);
            pieces.push(Piece::Comment(comment));
        }
        Row { blank_before, leading: between.own, pieces, ..Row::default() }
    }

    // What follows reads the language, one construct each; `row` gets it.

    fn item(&mut self, row: &mut Row<'s>) -> Read<()> {
        use TokenKind::*;
        match (self.kind(), self.kind_after(1), self.kind_after(2)) {
            (Name, Colon, Colon) => self.function(row),
            (Name, Colon | Dot, _) => {
                self.path(row, false)?;
                self.expect(Colon, row, false)?;
                self.value(row, true)
            }
            (Name, Name, _) => {
                self.take(row, false);
                self.take(row, true);
                self.value(row, true)
            }
            _ => self.lost(),
        }
    }

    fn function(&mut self, row: &mut Row<'s>) -> Read<()> {
        self.take(row, true);
        self.expect(TokenKind::Colon, row, false)?;
        self.expect(TokenKind::Colon, row, false)?;
        self.expect(TokenKind::Name, row, false)?;
        if self.kind() == TokenKind::Name {
            self.take(row, true);
        }
        self.body(row)
    }

    fn body(&mut self, row: &mut Row<'s>) -> Read<()> {
        self.bracket(row, Kind::Body, true, Self::statement)
    }

    fn statement(&mut self, row: &mut Row<'s>) -> Read<()> {
        use TokenKind::*;
        match (self.kind(), self.kind_after(1)) {
            (If, _) => loop {
                self.take(row, true);
                self.bracket(row, Kind::Condition, true, Self::condition)?;
                self.body(row)?;
                if self.kind() != Else {
                    return Ok(());
                }
                self.take(row, true);
                if self.kind() != If {
                    return self.body(row);
                }
            },
            (Name, Colon) => self.function(row),
            (Name, OpenParen) => {
                self.take(row, true);
                self.bracket(row, Kind::Arguments, false, Self::element)
            }
            (Name, _) => {
                self.take(row, true);
                Ok(())
            }
            _ => self.lost(),
        }
    }

    fn entry(&mut self, row: &mut Row<'s>) -> Read<()> {
        self.take(row, true);
        self.expect(TokenKind::Colon, row, false)?;
        self.value(row, true)
    }

    fn element(&mut self, row: &mut Row<'s>) -> Read<()> {
        self.value(row, true)
    }

    fn value(&mut self, row: &mut Row<'s>, space: bool) -> Read<()> {
        use TokenKind::*;
        match self.kind() {
            True | False | String => {
                self.take(row, space);
                Ok(())
            }
            Name => self.path(row, space),
            Number | Address6 => self.number(row, space),
            OpenParen => {
                self.take(row, space);
                self.expect(Minus, row, false)?;
                self.literal(row, false)?;
                self.expect(CloseParen, row, false)
            }
            OpenBrace => self.bracket(row, Kind::Object, space, Self::entry),
            OpenBracket => self.bracket(row, Kind::List, space, Self::element),
            _ => self.lost(),
        }
    }

    fn path(&mut self, row: &mut Row<'s>, space: bool) -> Read<()> {
        self.take(row, space);
        while self.kind() == TokenKind::Dot {
            self.take(row, false);
            self.take(row, false);
        }
        Ok(())
    }

    /// An integer, an address, a CIDR or a range: `40-50`, but `10.0.0.1 - 10.0.0.9`.
    fn number(&mut self, row: &mut Row<'s>, space: bool) -> Read<()> {
        let is_address = self.literal(row, space)?;
        if self.kind() == TokenKind::Slash {
            self.take(row, false);
            return self.expect(TokenKind::Number, row, false);
        }
        if self.kind() == TokenKind::Minus {
            self.take(row, is_address);
            self.literal(row, is_address)?;
        }
        Ok(())
    }

    /// True for an address.
    fn literal(&mut self, row: &mut Row<'s>, space: bool) -> Read<bool> {
        use TokenKind::*;
        if self.kind() == Address6 {
            self.take(row, space);
            return Ok(true);
        }
        self.expect(Number, row, space)?;
        let mut is_address = false;
        while self.kind() == Dot && self.kind_after(1) == Number {
            self.take(row, false);
            self.take(row, false);
            is_address = true;
        }
        Ok(is_address)
    }

    /// The one row of a condition's parentheses: a test, or parts joined by operators.
    fn condition(&mut self, row: &mut Row<'s>) -> Read<()> {
        self.chain(row, TokenKind::Or, |reader, row| reader.chain(row, TokenKind::And, |reader, row| reader.unary(row)))
    }

    /// Parts joined by one operator; a single one needs no chain.
    fn chain(
        &mut self,
        row: &mut Row<'s>,
        operator: TokenKind,
        read: fn(&mut Self, &mut Row<'s>) -> Read<()>,
    ) -> Read<()> {
        let mut first = Row { pieces: core::mem::take(&mut row.pieces), ..Row::default() };
        read(self, &mut first)?;
        if self.kind() != operator {
            row.pieces = first.pieces;
            return Ok(());
        }
        let mut rows = Vec::new();
        let mut last = first;
        while self.kind() == operator {
            let mut between = self.between(TokenKind::End);
            last.trailing.append(&mut between.behind);
            let mut next = self.begin(between);
            next.blank_before = false;
            next.pieces.push(Piece::Text { text: self.source.slice(self.token(0).span), space: true });
            self.at += 1;
            let mut after = self.between(TokenKind::End);
            if next.pieces.len() > 1 {
                // A comment stands before the operator on its line: this one keeps behind both.
                next.pieces.extend(after.behind.into_iter().chain(after.own).map(Piece::Comment));
            } else {
                // A comment behind an operator at the end of its line belongs to the part before.
                let taken = !next.leading.is_empty() || last.trailing.iter().any(|comment| comment.ends_line);
                if taken { &mut next.leading } else { &mut last.trailing }.append(&mut after.behind);
                next.leading.append(&mut after.own);
            }
            next.pieces.extend(after.inline.into_iter().map(|mut comment| {
                comment.starts_line = false;
                Piece::Comment(comment)
            }));
            read(self, &mut next)?;
            last.measure();
            rows.push(core::mem::replace(&mut last, next));
        }
        last.measure();
        rows.push(last);
        let mut chain = Bracket {
            kind: Kind::Chain,
            space: true,
            opening: Vec::new(),
            rows,
            dangling: Vec::new(),
            expanded: false,
            flat: None,
        };
        chain.finish();
        row.pieces.push(Piece::Bracket(Box::new(chain)));
        Ok(())
    }

    fn unary(&mut self, row: &mut Row<'s>) -> Read<()> {
        use TokenKind::*;
        let mut space = true;
        while self.kind() == Not {
            let is_word = self.source.slice(self.token(0).span) != "!";
            self.take(row, space);
            space = is_word;
        }
        let is_negative = (self.kind_after(1), self.kind_after(2)) == (Minus, Number);
        match (self.kind(), self.kind_after(1)) {
            (OpenParen, _) if !is_negative => return self.bracket(row, Kind::Condition, space, Self::condition),
            (Name, OpenParen) => {
                self.take(row, space);
                return self.bracket(row, Kind::Arguments, false, Self::element);
            }
            _ => self.value(row, space)?,
        }
        if matches!(self.kind(), Equal | NotEqual | Less | LessOrEqual | Greater | GreaterOrEqual | In) {
            self.take(row, true);
            self.value(row, true)?;
        }
        Ok(())
    }
}

/// The comments between two rows.
#[derive(Default)]
struct Between {
    /// On the line of what stands before.
    behind: Vec<Comment>,
    /// On lines of their own.
    own: Vec<Comment>,
    /// On the line of what follows.
    inline: Vec<Comment>,
    /// A blank line stands right before what follows.
    blank: bool,
}

impl Between {
    /// Adds what stands behind the comma of a row.
    fn join(&mut self, mut after: Self, row: &mut Row<'_>) {
        let taken = !self.own.is_empty() || !self.inline.is_empty();
        if taken || row.trailing.iter().any(|comment| comment.ends_line) {
            // Another comment stands there already.
            self.own.append(&mut self.inline);
            self.own.append(&mut after.behind);
        } else {
            row.trailing.append(&mut after.behind);
        }
        self.own.append(&mut self.inline);
        self.own.append(&mut after.own);
        self.inline = after.inline;
        self.blank = after.blank;
    }
}
