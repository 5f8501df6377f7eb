//! Rows to text: what fits stands on one line, what does not is broken at its brackets, the last ones first.

use super::MAX_WIDTH;
use super::tree::{Bracket, Comment, Kind, Piece, Row};
use alloc::string::String;
use alloc::vec::Vec;

/// Spaces per level.
const INDENT: usize = 2;

pub fn print(file: &Bracket<'_>) -> String {
    let mut printer = Printer { text: String::new(), column: 0 };
    printer.opening(&file.opening);
    printer.rows(file, 0);
    printer.end_line();
    printer.text
}

struct Printer {
    text: String,
    /// Characters on the present line.
    column: usize,
}

impl Printer {
    fn write(&mut self, text: &str) {
        self.text.push_str(text);
        match text.rsplit_once('\n') {
            Some((_, last)) => self.column = last.chars().count(),
            None => self.column += text.chars().count(),
        }
    }

    fn space(&mut self, wanted: bool) {
        if wanted && self.column > 0 && !self.text.ends_with(' ') {
            self.write(" ");
        }
    }

    fn end_line(&mut self) {
        let len = self.text.trim_end_matches(' ').len();
        self.text.truncate(len);
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
        self.column = 0;
    }

    fn begin_line(&mut self, indent: usize, blank_before: bool) {
        self.end_line();
        // None at the beginning of the file, and never two.
        let begins = self.text.is_empty() || self.text.ends_with("\n\n");
        if blank_before && !begins {
            self.text.push('\n');
        }
        self.text.extend(core::iter::repeat_n(' ', indent));
        self.column = indent;
    }

    fn comment(&mut self, comment: &Comment, indent: usize, blank_before: bool) {
        self.begin_line(indent, blank_before);
        self.write(&comment.text);
    }

    /// Comments behind what stands on the line.
    fn opening(&mut self, comments: &[Comment]) {
        for comment in comments {
            self.space(true);
            self.write(&comment.text);
        }
    }

    /// Each row on lines of its own, and what else stands in the bracket.
    fn rows(&mut self, bracket: &Bracket<'_>, indent: usize) {
        let keeps_blank = !matches!(bracket.kind, Kind::Arguments | Kind::Condition | Kind::Chain);
        let mut first = true;
        for (at, row) in bracket.rows.iter().enumerate() {
            for comment in &row.leading {
                self.comment(comment, indent, keeps_blank && comment.blank_before && !first);
                first = false;
            }
            self.begin_line(indent, keeps_blank && row.blank_before && !first);
            first = false;
            let comma = bracket.kind.has_commas() && at + 1 < bracket.rows.len();
            self.row(row, indent, usize::from(comma));
            if comma {
                self.write(",");
            }
            self.opening(&row.trailing);
        }
        for comment in &bracket.dangling {
            self.comment(comment, indent, keeps_blank && comment.blank_before && !first);
            first = false;
        }
    }

    /// A row from the present column on. Its further lines are indented by `indent`; `tail` characters follow it.
    fn row(&mut self, row: &Row<'_>, indent: usize, tail: usize) {
        match row.flat {
            Some(width) if self.column + width + tail <= MAX_WIDTH => self.flat_row(row),
            _ => self.broken_row(&row.pieces, indent, tail),
        }
    }

    fn flat_row(&mut self, row: &Row<'_>) {
        for (at, piece) in row.pieces.iter().enumerate() {
            self.flat(piece, at == 0);
        }
    }

    fn flat(&mut self, piece: &Piece<'_>, first: bool) {
        match piece {
            Piece::Text { text, space } => {
                self.space(*space && !first);
                self.write(text);
            }
            Piece::Comment(comment) => {
                self.space(!first);
                self.write(&comment.text);
            }
            Piece::Bracket(bracket) => {
                self.space(bracket.space && !first);
                let padding = if bracket.kind.is_padded() { " " } else { "" };
                self.write(bracket.kind.open());
                self.write(padding);
                for (at, row) in bracket.rows.iter().enumerate() {
                    if at > 0 {
                        self.write(bracket.kind.separator());
                    }
                    self.flat_row(row);
                }
                self.write(padding);
                self.write(bracket.kind.close());
            }
        }
    }

    /// A row of which some bracket is broken: every body, what cannot stand on one line, and what is too wide.
    fn broken_row(&mut self, pieces: &[Piece<'_>], indent: usize, tail: usize) {
        let mut broken: Vec<bool> = pieces.iter().map(must_break).collect();
        let mut fresh = true;
        let mut at = 0;
        // Where the line ends that was measured and found to fit.
        let mut measured = 0;
        while let Some(piece) = pieces.get(at) {
            if at >= measured {
                measured = self.measure(pieces, &mut broken, at, fresh, tail);
            }
            match piece {
                Piece::Bracket(bracket) if broken.get(at) == Some(&true) => {
                    self.space(bracket.space && !fresh);
                    self.broken(bracket, indent);
                    fresh = false;
                }
                Piece::Comment(comment) => {
                    let further = further_indent(pieces.get(at + 1..).unwrap_or_default(), indent);
                    if comment.starts_line && !fresh {
                        self.begin_line(further, false);
                    }
                    self.space(!fresh);
                    self.write(&comment.text);
                    fresh = comment.ends_line && at + 1 < pieces.len();
                    if fresh {
                        self.begin_line(further, false);
                    }
                }
                _ => {
                    self.flat(piece, fresh);
                    fresh = false;
                }
            }
            at += 1;
        }
    }

    /// Breaks brackets from the last to the first until the line from `from` on fits; answers where it ends.
    fn measure(&self, pieces: &[Piece<'_>], broken: &mut [bool], from: usize, fresh: bool, tail: usize) -> usize {
        loop {
            let mut width = self.column;
            let mut end = from;
            let mut last_bracket = None;
            let mut ends_here = true;
            while let Some(piece) = pieces.get(end) {
                let first = fresh && end == from;
                end += 1;
                match piece {
                    Piece::Bracket(bracket) if broken.get(end - 1) == Some(&true) => {
                        width += usize::from(bracket.space && !first) + bracket.kind.open().len();
                        ends_here = false;
                        break;
                    }
                    Piece::Comment(comment) if comment.ends_line || comment.starts_line => {
                        ends_here = false;
                        break;
                    }
                    _ => {}
                }
                if matches!(piece, Piece::Bracket(bracket) if !bracket.rows.is_empty()) {
                    last_bracket = Some(end - 1);
                }
                width += piece.flat(first).unwrap_or(0);
            }
            let fits = width + if ends_here { tail } else { 0 } <= MAX_WIDTH;
            let Some(flag) = last_bracket.filter(|_| !fits).and_then(|last| broken.get_mut(last)) else { return end };
            *flag = true;
        }
    }

    fn broken(&mut self, bracket: &Bracket<'_>, indent: usize) {
        if bracket.kind == Kind::Chain {
            return self.chain(bracket, indent);
        }
        self.write(bracket.kind.open());
        self.opening(&bracket.opening);
        let inner = indent + INDENT;
        match &bracket.rows[..] {
            // The parts of a whole condition need no indentation of their own.
            [row] if bracket.kind == Kind::Condition && row.leading.is_empty() => match &row.pieces[..] {
                [Piece::Bracket(chain)] if chain.kind == Kind::Chain => {
                    self.rows(chain, inner);
                    self.opening(&row.trailing);
                    for comment in &bracket.dangling {
                        self.comment(comment, inner, false);
                    }
                }
                _ => self.rows(bracket, inner),
            },
            _ if is_filled(bracket) => self.filled(bracket, inner),
            _ => self.rows(bracket, inner),
        }
        self.begin_line(indent, false);
        self.write(bracket.kind.close());
    }

    /// The first part where it is, the others on lines below.
    fn chain(&mut self, chain: &Bracket<'_>, indent: usize) {
        let inner = indent + INDENT;
        for (at, row) in chain.rows.iter().enumerate() {
            for comment in &row.leading {
                self.comment(comment, inner, false);
            }
            if at > 0 {
                self.begin_line(inner, false);
            }
            self.row(row, inner, 0);
            self.opening(&row.trailing);
        }
    }

    /// As many rows on a line as fit.
    fn filled(&mut self, bracket: &Bracket<'_>, indent: usize) {
        for (at, row) in bracket.rows.iter().enumerate() {
            let tail = usize::from(at + 1 < bracket.rows.len());
            let fits = |column: usize| row.flat.is_some_and(|width| column + 1 + width + tail <= MAX_WIDTH);
            if at == 0 || !fits(self.column) {
                self.begin_line(indent, false);
            } else {
                self.write(" ");
            }
            self.row(row, indent, tail);
            if tail > 0 {
                self.write(",");
            }
        }
    }
}

fn must_break(piece: &Piece<'_>) -> bool {
    matches!(piece, Piece::Bracket(bracket) if bracket.kind == Kind::Body || bracket.flat.is_none())
}

/// The parts of a log line, and the numbers of a list too long for one line.
fn is_filled(bracket: &Bracket<'_>) -> bool {
    let bare = bracket.dangling.is_empty() && bracket.rows.iter().all(|row| row.shareable().is_some());
    let numbers = bracket.kind == Kind::List
        && bracket.opening.is_empty()
        && bracket.rows.iter().skip(1).all(|row| !row.blank_before)
        && bracket.rows.iter().all(Row::is_integer)
        && bracket.rows.iter().filter_map(|row| row.flat).sum::<usize>() + 2 * bracket.rows.len() > MAX_WIDTH - INDENT;
    bare && (bracket.kind == Kind::Arguments || numbers)
}

/// How far the next line of a row is indented: an `else` or a bracket stands under the beginning of its row.
fn further_indent(rest: &[Piece<'_>], indent: usize) -> usize {
    let next = rest.iter().find(|piece| !matches!(piece, Piece::Comment(_)));
    match next {
        Some(Piece::Text { text: "else", .. } | Piece::Bracket(_)) => indent,
        _ => indent + INDENT,
    }
}
