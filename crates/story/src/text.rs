//! Lines and words of a story, each with its place.

use std::fmt;

/// A place in a story: a line and a range of columns, all from 1; `end` is the first column after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub line: u32,
    pub start: u32,
    pub end: u32,
}

impl Span {
    /// From the beginning of `self` to the end of `last`, which is on the same line.
    pub const fn to(self, last: Self) -> Self {
        Self { line: self.line, start: self.start, end: last.end }
    }
}

impl fmt::Display for Span {
    /// `LINE:COLUMN`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.start)
    }
}

/// Something wrong with a story, or with what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub span: Span,
    /// A lower-case phrase without a full stop.
    pub message: String,
    /// More lines, each with its label: `expected`, `came`, `help`.
    pub notes: Vec<(&'static str, String)>,
}

impl Diagnostic {
    pub fn new(span: Span, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), notes: Vec::new() }
    }

    pub fn note(mut self, label: &'static str, text: impl Into<String>) -> Self {
        self.notes.push((label, text.into()));
        self
    }

    pub fn help(self, text: impl Into<String>) -> Self {
        self.note("help", text)
    }
}

/// A word of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    pub kind: TokenKind<'a>,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenKind<'a> {
    /// Everything between white space: `tcp`, `10.0.0.1:80`, `[2001:db8::1]:80`, `>`.
    Word(&'a str),
    /// `"…"`, with `\"` and `\\`.
    Text(String),
    /// `[` before a quoted packet.
    Open,
    /// `]` behind a quoted packet.
    Close,
}

/// Cuts a line into words. A `#` at the start of a word begins a comment.
pub fn tokens(line: u32, text: &str) -> Result<Vec<Token<'_>>, Diagnostic> {
    let mut tokens = Vec::new();
    let mut at = 0;
    let column = |at: usize| text.get(..at).map_or(0, |before| before.chars().count()) as u32 + 1;
    let span = |start: usize, end: usize| Span { line, start: column(start), end: column(end) };
    while let Some(rest) = text.get(at..) {
        let Some(first) = rest.chars().next() else { break };
        let (kind, len) = match first {
            _ if first.is_whitespace() => {
                at += first.len_utf8();
                continue;
            }
            '#' => break,
            '"' => match string(rest) {
                Some((content, len)) => (TokenKind::Text(content), len),
                None => return Err(Diagnostic::new(span(at, text.len()), "this text has no closing `\"`")),
            },
            ']' => (TokenKind::Close, 1),
            '[' if !is_address(rest) => (TokenKind::Open, 1),
            _ => {
                let len = word_len(rest);
                (TokenKind::Word(rest.get(..len).unwrap_or(rest)), len)
            }
        };
        tokens.push(Token { kind, span: span(at, at + len) });
        at += len;
    }
    Ok(tokens)
}

/// A `[` that closes before the next white space encloses an IPv6 address, not a packet.
fn is_address(text: &str) -> bool {
    text.find(|c: char| c == ']' || c.is_whitespace()).is_some_and(|at| text[at..].starts_with(']'))
}

/// A word ends at white space, or at a `]` that closes nothing within it.
fn word_len(text: &str) -> usize {
    let mut depth = 0u32;
    for (at, c) in text.char_indices() {
        match c {
            _ if c.is_whitespace() => return at,
            '[' => depth += 1,
            ']' if depth == 0 => return at,
            ']' => depth -= 1,
            _ => {}
        }
    }
    text.len()
}

/// The content of the string that `text` begins with, and its length in bytes, quotes included.
fn string(text: &str) -> Option<(String, usize)> {
    let mut content = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((content, at + 1)),
            '\\' => match chars.next()?.1 {
                'n' => content.push('\n'),
                other => content.push(other),
            },
            _ => content.push(c),
        }
    }
    None
}

/// The name of `names` that `word` was probably meant to be (Levenshtein distance at most a third of its length).
pub fn did_you_mean<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_ascii_lowercase();
    let most = (word.chars().count() / 3).max(1);
    let near = names.into_iter().map(|name| (distance(&word, &name.to_ascii_lowercase()), name));
    near.filter(|(distance, _)| *distance <= most).min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}

fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (cell, to) in row.iter_mut().skip(1).zip(b.chars()) {
            let here = (diagonal + usize::from(from != to)).min(*cell + 1).min(left + 1);
            (diagonal, left) = (*cell, here);
            *cell = here;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        let name = |token: Token<'_>| match token.kind {
            TokenKind::Word(word) => word.to_owned(),
            TokenKind::Text(text) => format!("{text:?}"),
            TokenKind::Open => "<".to_owned(),
            TokenKind::Close => ">".to_owned(),
        };
        tokens(1, text).unwrap().into_iter().map(name).collect()
    }

    #[test]
    fn words_end_at_white_space_and_brackets_hold_addresses_or_packets() {
        assert_eq!(words("  a b\t c#d # e"), ["a", "b", "c#d"]);
        assert_eq!(
            words("[::1]:80 > [::2] [udp [::1]:5 > [::2]:6]"),
            ["[::1]:80", ">", "[::2]", "<", "udp", "[::1]:5", ">", "[::2]:6", ">"]
        );
        assert_eq!(words(r#"log "a \"b\" # c" x3"#), ["log", r#""a \"b\" # c""#, "x3"]);
    }

    #[test]
    fn places_count_characters_from_one() {
        let tokens = tokens(7, "\"ä\" b").unwrap();
        assert_eq!(tokens[1].span, Span { line: 7, start: 5, end: 6 });
        assert_eq!(super::tokens(1, "a \"b").unwrap_err().span, Span { line: 1, start: 3, end: 5 });
    }

    #[test]
    fn a_mistyped_word_finds_its_neighbor() {
        let names = ["prerouting", "TableFull", "forward"];
        assert_eq!(did_you_mean("forwrad", names), Some("forward"));
        assert_eq!(did_you_mean("tablefull", names), Some("TableFull"));
        assert_eq!(did_you_mean("nothing", names), None);
    }
}
