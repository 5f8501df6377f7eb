//! Text to tokens. Never fails: what starts no token is reported and skipped.
//!
//! Every byte is accounted for: it is white space, or part of exactly one token, comment or skipped piece. White space
//! only separates. The one place where a token depends on what came before is the IPv6 address, which is looked for
//! only where a value may begin, so that `net:::/0` is `net`, `:`, `::/0` and `{ abc:d00d }` is a key and a name.

use crate::diagnostic::{Code, Diagnostic};
use crate::source::{Source, Span};
use alloc::format;
use alloc::vec::Vec;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A letter, then letters, digits, `_` and `-`.
    Name,
    /// Decimal digits.
    Number,
    /// An IPv6 address without its prefix length.
    Address6,
    /// With its quotes. One that is not closed ends at the end of its line.
    String,
    If,
    Else,
    In,
    And,
    Or,
    Not,
    True,
    False,
    Equal,
    NotEqual,
    Less,
    Greater,
    LessOrEqual,
    GreaterOrEqual,
    /// A single `=`, which NaCl does not have.
    Assign,
    OpenBrace,
    CloseBrace,
    OpenBracket,
    CloseBracket,
    OpenParen,
    CloseParen,
    Colon,
    Comma,
    Dot,
    Minus,
    Slash,
    End,
}

impl TokenKind {
    /// How a message names it.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Name => "a name",
            Self::Number => "a number",
            Self::Address6 => "an IPv6 address",
            Self::String => "a string",
            Self::If => "`if`",
            Self::Else => "`else`",
            Self::In => "`in`",
            Self::And => "`and`",
            Self::Or => "`or`",
            Self::Not => "`not`",
            Self::True => "`true`",
            Self::False => "`false`",
            Self::Equal => "`==`",
            Self::NotEqual => "`!=`",
            Self::Less => "`<`",
            Self::Greater => "`>`",
            Self::LessOrEqual => "`<=`",
            Self::GreaterOrEqual => "`>=`",
            Self::Assign => "`=`",
            Self::OpenBrace => "`{`",
            Self::CloseBrace => "`}`",
            Self::OpenBracket => "`[`",
            Self::CloseBracket => "`]`",
            Self::OpenParen => "`(`",
            Self::CloseParen => "`)`",
            Self::Colon => "`:`",
            Self::Comma => "`,`",
            Self::Dot => "`.`",
            Self::Minus => "`-`",
            Self::Slash => "`/`",
            Self::End => "the end of the file",
        }
    }

    /// A word that cannot be a name, but may be a key.
    pub fn is_keyword(self) -> bool {
        use TokenKind::*;
        matches!(self, If | Else | In | And | Or | Not | True | False)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    pub kind: TokenKind,
    pub span: Span,
}

/// What a text consists of, in order.
#[derive(Debug, Default)]
pub struct Lexed {
    /// The last one is [`TokenKind::End`], empty, at the end of the text.
    pub tokens: Vec<Token>,
    pub comments: Vec<Span>,
    /// What starts no token; each piece has a diagnostic.
    pub skipped: Vec<Span>,
}

pub fn lex(source: &Source, diagnostics: &mut Vec<Diagnostic>) -> Lexed {
    let bytes = source.text().as_bytes();
    let mut lexer = Lexer { source, bytes, at: 0, lexed: Lexed::default(), brackets: Vec::new(), diagnostics };
    if source.text().starts_with('\u{feff}') {
        lexer.at = '\u{feff}'.len_utf8();
    }
    while lexer.at < bytes.len() {
        lexer.next();
    }
    lexer.token(TokenKind::End, bytes.len());
    lexer.lexed
}

struct Lexer<'s, 'd> {
    source: &'s Source,
    bytes: &'s [u8],
    at: usize,
    lexed: Lexed,
    /// The brackets that are open, for what a `,` separates.
    brackets: Vec<TokenKind>,
    diagnostics: &'d mut Vec<Diagnostic>,
}

impl Lexer<'_, '_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    /// How many bytes from `at` on satisfy the predicate.
    fn run(&self, skip: usize, predicate: impl Fn(u8) -> bool) -> usize {
        let rest = self.bytes.get(self.at + skip..).unwrap_or_default();
        skip + rest.iter().take_while(|byte| predicate(**byte)).count()
    }

    fn span(&self, len: usize) -> Span {
        Span::new(self.at as u32, (self.at + len) as u32)
    }

    fn token(&mut self, kind: TokenKind, end: usize) {
        use TokenKind::*;
        match kind {
            OpenBrace | OpenBracket | OpenParen => self.brackets.push(kind),
            CloseBrace | CloseBracket | CloseParen => drop(self.brackets.pop()),
            _ => {}
        }
        let span = Span::new(self.at as u32, end as u32);
        self.lexed.tokens.push(Token { kind, span });
        self.at = end;
    }

    fn next(&mut self) {
        use TokenKind::*;
        let fixed = match (self.peek(0), self.peek(1)) {
            (b' ' | b'\t' | b'\r' | b'\n', _) => {
                self.at += self.run(0, |byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'));
                return;
            }
            (b'#', _) | (b'/', b'/') => return self.comment(self.run(0, |byte| byte != b'\n')),
            (b'/', b'*') => return self.block_comment(),
            (b'"', _) => return self.string(),
            (b'=', b'=') => (Equal, 2),
            (b'!', b'=') => (NotEqual, 2),
            (b'<', b'=') => (LessOrEqual, 2),
            (b'>', b'=') => (GreaterOrEqual, 2),
            (b'&', b'&') => (And, 2),
            (b'|', b'|') => (Or, 2),
            (b'=', b'>') => return self.no_operator(GreaterOrEqual, ">="),
            (b'=', b'<') => return self.no_operator(LessOrEqual, "<="),
            (b'<', b'>') => return self.no_operator(NotEqual, "!="),
            (b'=', _) => (Assign, 1),
            (b'!', _) => (Not, 1),
            (b'<', _) => (Less, 1),
            (b'>', _) => (Greater, 1),
            (b'{', _) => (OpenBrace, 1),
            (b'}', _) => (CloseBrace, 1),
            (b'[', _) => (OpenBracket, 1),
            (b']', _) => (CloseBracket, 1),
            (b'(', _) => (OpenParen, 1),
            (b')', _) => (CloseParen, 1),
            (b',', _) => (Comma, 1),
            (b'.', _) => (Dot, 1),
            (b'-', _) => (Minus, 1),
            (b'/', _) => (Slash, 1),
            (b':' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z', _) => return self.word(),
            _ => return self.stray(),
        };
        self.token(fixed.0, self.at + fixed.1);
    }

    /// Two characters that are an operator elsewhere, read as the one that is meant.
    fn no_operator(&mut self, meant: TokenKind, symbol: &str) {
        let span = self.span(2);
        let message = format!("`{}` is no operator", self.source.slice(span));
        let diagnostic = Diagnostic::new(Code::SingleEquals, span, message).help(format!("write `{symbol}`"));
        self.diagnostics.push(diagnostic.replace(span, symbol));
        self.token(meant, self.at + 2);
    }

    fn comment(&mut self, len: usize) {
        self.lexed.comments.push(self.span(len));
        self.at += len;
    }

    fn block_comment(&mut self) {
        let rest = self.bytes.get(self.at + 2..).unwrap_or_default();
        match rest.windows(2).position(|pair| pair == b"*/") {
            Some(inner) => self.comment(inner + 4),
            None => {
                let span = self.span(2);
                self.diagnostics.push(
                    Diagnostic::new(Code::UnclosedComment, span, "this comment is not closed")
                        .help("end it with `*/`; `//` and `#` begin comments that end with their line"),
                );
                self.comment(self.bytes.len() - self.at);
            }
        }
    }

    /// A name, a number, an IPv6 address or a `:`.
    fn word(&mut self) {
        if self.value_may_begin() && self.address6() {
            return;
        }
        match self.peek(0) {
            b':' => self.token(TokenKind::Colon, self.at + 1),
            b'0'..=b'9' => self.token(TokenKind::Number, self.at + self.run(0, |byte| byte.is_ascii_digit())),
            _ => {
                let len = self.run(0, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
                let kind = match self.source.slice(self.span(len)) {
                    "if" => TokenKind::If,
                    "else" => TokenKind::Else,
                    "in" | "IN" => TokenKind::In,
                    "and" => TokenKind::And,
                    "or" => TokenKind::Or,
                    "not" => TokenKind::Not,
                    "true" => TokenKind::True,
                    "false" => TokenKind::False,
                    _ => TokenKind::Name,
                };
                self.token(kind, self.at + len);
            }
        }
    }

    fn value_may_begin(&self) -> bool {
        use TokenKind::*;
        match self.lexed.tokens.last().map(|token| token.kind) {
            Some(Comma) => !matches!(self.brackets.last(), Some(OpenBrace)),
            Some(Colon | OpenBracket | OpenParen | Minus | In | And | Or | Not | Assign) => true,
            Some(Equal | NotEqual | Less | Greater | LessOrEqual | GreaterOrEqual) => true,
            _ => false,
        }
    }

    /// Takes the longest run of hexadecimal digits and `:`, with a dotted tail if there is one, when it can only be
    /// an IPv6 address: it holds `::`, or seven `:` (six with a tail).
    fn address6(&mut self) -> bool {
        let digits = self.run(0, |byte| byte.is_ascii_hexdigit() || byte == b':');
        let run = self.bytes.get(self.at..self.at + digits).unwrap_or_default();
        // A dotted tail begins in the last group: its digits, then three times `.` and digits.
        let last_group = run.iter().rposition(|byte| *byte == b':').map_or(0, |at| at + 1);
        let decimal =
            run.get(last_group..).is_some_and(|group| !group.is_empty() && group.iter().all(u8::is_ascii_digit));
        let mut len = digits;
        if decimal {
            let mut end = digits;
            for _ in 0..3 {
                let after = self.run(end + 1, |byte| byte.is_ascii_digit());
                if self.peek(end) != b'.' || after == end + 1 {
                    end = digits;
                    break;
                }
                end = after;
            }
            len = end;
        }
        let colons = run.iter().filter(|byte| **byte == b':').count();
        let needed = if len > digits { 6 } else { 7 };
        if !run.windows(2).any(|pair| pair == b"::") && colons < needed {
            return false;
        }
        let tail = self.run(len, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'%'));
        if tail > len {
            let (at, end) = (self.at + len, self.at + tail);
            self.diagnostics.push(
                Diagnostic::new(
                    Code::InvalidAddress,
                    Span::new(at as u32, end as u32),
                    format!("`{}` is no part of an IPv6 address", self.source.slice(Span::new(at as u32, end as u32))),
                )
                .help("groups of an IPv6 address are one to four hexadecimal digits; zones are not written"),
            );
            self.token(TokenKind::Address6, self.at + len);
            self.lexed.skipped.push(self.span(tail - len));
            self.at = end;
            return true;
        }
        self.token(TokenKind::Address6, self.at + len);
        true
    }

    fn string(&mut self) {
        let mut len = 1;
        loop {
            match self.peek(len) {
                b'"' => return self.token(TokenKind::String, self.at + len + 1),
                b'\n' | b'\r' => break,
                0 if self.at + len >= self.bytes.len() => break,
                b'\\' => {
                    let escaped = self.source.text().get(self.at + len + 1..).and_then(|rest| rest.chars().next());
                    match escaped {
                        Some('n' | 't' | 'r' | '\\' | '"') => len += 2,
                        Some(other) if !matches!(other, '\n' | '\r') => {
                            let end = len + 1 + other.len_utf8();
                            let span = Span::new((self.at + len) as u32, (self.at + end) as u32);
                            let message = format!("unknown escape `\\{other}` in a string");
                            self.diagnostics.push(
                                Diagnostic::new(Code::UnknownEscape, span, message)
                                    .help(r#"there are `\n`, `\t`, `\r`, `\\` and `\"`; a backslash itself is `\\`"#),
                            );
                            len = end;
                        }
                        _ => len += 1,
                    }
                }
                _ => len += 1,
            }
        }
        let len = self.goes_on(len).unwrap_or(len);
        let span = self.span(len);
        self.diagnostics.push(
            Diagnostic::new(
                Code::UnclosedString,
                span.before().to(Span::new(0, span.start + 1)),
                "this string is not closed",
            )
            .help("end it with `\"` on the same line; a line break inside is written `\\n`"),
        );
        self.token(TokenKind::String, self.at + len);
    }

    /// The end of a string that was meant to go on in the next line: only then that line has an odd number of quotes.
    fn goes_on(&self, len: usize) -> Option<usize> {
        let rest = self.source.text().get(self.at + len..)?;
        let next = rest.strip_prefix("\r\n").or_else(|| rest.strip_prefix('\n'))?;
        let line = next.split('\n').next()?;
        let is_odd = line.bytes().filter(|byte| *byte == b'"').count() % 2 == 1;
        let quote = line.find('"').filter(|_| is_odd)?;
        Some(len + (rest.len() - next.len()) + quote + 1)
    }

    /// A run of characters that start no token, skipped.
    fn stray(&mut self) {
        let text = self.source.text().get(self.at..).unwrap_or_default();
        let first = text.chars().next().unwrap_or('\u{fffd}');
        let stray = |c: char| !c.is_ascii() || (c.is_ascii_control() && !c.is_ascii_whitespace());
        // `'text'` is a string with the wrong quotes.
        let quoted = text.strip_prefix('\'').and_then(|behind| {
            let line = behind.split('\n').next()?;
            line.find('\'').filter(|close| !line.get(..*close).unwrap_or_default().contains(['"', '\\']))
        });
        let len = match first {
            _ if quoted.is_some() => quoted.map_or(1, |close| close + 2),
            _ if stray(first) => text.find(|c| !stray(c)).unwrap_or(text.len()),
            _ => first.len_utf8(),
        };
        let span = self.span(len.max(1));
        let shown = self.source.slice(span);
        let message = match first {
            _ if shown.chars().all(|c| c.is_control()) => format!("stray control character U+{:04X}", first as u32),
            _ => format!("stray `{shown}`"),
        };
        let help = match first {
            ';' => "entries are separated by white space, or by `,` inside brackets",
            '&' => "write `and` or `&&`",
            '|' => "write `or` or `||`",
            '_' => "a name begins with a letter",
            '\'' | '\u{2018}' | '\u{2019}' | '\u{201c}' | '\u{201d}' => "strings stand between `\"`",
            _ if !first.is_ascii() => "other characters than ASCII may stand in comments and strings only",
            _ => "no part of the language is written with this character",
        };
        let mut diagnostic = Diagnostic::new(Code::StrayCharacter, span, message).help(help);
        let instead = [(';', ""), ('&', "and"), ('|', "or")].into_iter().find(|(stray, _)| *stray == first);
        if let Some((_, instead)) = instead {
            diagnostic = diagnostic.replace(span, instead);
        }
        self.diagnostics.push(diagnostic);
        // One half of an operator is read as the whole.
        match first {
            '&' => return self.token(TokenKind::And, self.at + 1),
            '|' => return self.token(TokenKind::Or, self.at + 1),
            '\'' if quoted.is_some() => return self.token(TokenKind::String, self.at + len),
            _ => {}
        }
        self.lexed.skipped.push(span);
        self.at += len.max(1);
    }
}

#[cfg(test)]
mod tests;
