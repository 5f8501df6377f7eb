//! Values: literals, paths, objects and lists.

use super::Parser;
use crate::ast::{Entry, Name, Object, Range, Value, ValueKind};
use crate::diagnostic::{Code, Diagnostic};
use crate::lex::{Token, TokenKind};
use crate::source::Span;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use wire::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A number or an address, as it stands in the text.
enum Literal {
    Integer(i64),
    Decimal,
    Address(IpAddr),
    /// Reported.
    Error,
}

impl<'s> Parser<'s, '_, '_> {
    pub(super) fn begins_value(&self) -> bool {
        use TokenKind::*;
        matches!(self.kind(), Name | Number | Address6 | String | True | False | OpenBrace | OpenBracket)
            || self.begins_negative()
    }

    pub(super) fn begins_negative(&self) -> bool {
        (self.kind(), self.kind_after(1), self.kind_after(2))
            == (TokenKind::OpenParen, TokenKind::Minus, TokenKind::Number)
    }

    /// A value; where none can begin, an error and nothing consumed.
    pub(super) fn value(&mut self) -> Option<Value<'s>> {
        let start = self.span();
        let kind = match self.kind() {
            TokenKind::True | TokenKind::False => ValueKind::Bool(self.bump().kind == TokenKind::True),
            TokenKind::String => {
                let token = self.bump();
                ValueKind::String(Box::new(unescape(self.source.slice(token.span))))
            }
            TokenKind::Name => {
                let Some(path) = self.path() else { return Some(self.broken(start)) };
                ValueKind::Path(path)
            }
            TokenKind::Number | TokenKind::Address6 => self.number(),
            TokenKind::OpenParen if self.begins_negative() => self.negative(),
            TokenKind::OpenBrace => self.object(),
            TokenKind::OpenBracket => self.list(),
            TokenKind::Minus if self.kind_after(1) == TokenKind::Number => {
                self.expected("a value");
                if let Some(last) = self.diagnostics.last_mut() {
                    *last = last.clone().help("a negative number is written in parentheses: `(-10)`");
                }
                self.bump();
                self.number();
                ValueKind::Error
            }
            _ => {
                self.expected("a value");
                return None;
            }
        };
        let value = Value { kind, span: start.to(self.last().span) };
        if self.kind() == TokenKind::Minus {
            let message = format!("the ends of a range are numbers or addresses, not {}", value.describe());
            let diagnostic = Diagnostic::new(Code::InvalidRange, value.span, message)
                .help("write both ends as literals; there is no subtraction");
            if !matches!(value.kind, ValueKind::Error) {
                self.error(diagnostic);
            }
            self.bump();
            if self.begins_value() && self.descend() {
                self.value();
                self.ascend();
            }
            return Some(self.broken(start));
        }
        Some(value)
    }

    fn broken(&self, start: Span) -> Value<'s> {
        Value { kind: ValueKind::Error, span: start.to(self.last().span) }
    }

    /// An integer, an address, a CIDR or a range.
    fn number(&mut self) -> ValueKind<'s> {
        let start = self.span();
        let first = self.literal();
        if self.kind() == TokenKind::Slash {
            return self.cidr(start, &first);
        }
        if self.kind() == TokenKind::Minus {
            self.bump();
            return self.range(start, &first);
        }
        match first {
            Literal::Integer(value) => ValueKind::Integer(value),
            Literal::Decimal => ValueKind::Decimal,
            Literal::Address(address) => ValueKind::Address(address),
            Literal::Error => ValueKind::Error,
        }
    }

    fn negative(&mut self) -> ValueKind<'s> {
        let open = self.bump().span;
        self.bump();
        let literal = self.literal();
        self.close(TokenKind::CloseParen, open, "");
        match literal {
            // i64::MIN cannot be written; nothing needs it.
            Literal::Integer(value) => ValueKind::Integer(-value),
            Literal::Decimal => ValueKind::Decimal,
            Literal::Address(_) => {
                let span = open.to(self.last().span);
                self.diagnostics.push(Diagnostic::new(Code::InvalidAddress, span, "an address has no sign"));
                ValueKind::Error
            }
            Literal::Error => ValueKind::Error,
        }
    }

    fn report(&mut self, code: Code, span: Span, message: String, help: &str) {
        self.diagnostics.push(Diagnostic::new(code, span, message).help(help));
    }

    /// Numbers joined by `.`, or one IPv6 address.
    fn literal(&mut self) -> Literal {
        let first = self.bump();
        if first.kind == TokenKind::Address6 {
            let text = self.source.slice(first.span);
            return match text.parse::<Ipv6Addr>() {
                Ok(address) => Literal::Address(address.into()),
                Err(_) => {
                    let help = "eight groups of one to four hexadecimal digits; `::` stands once, for groups of zeros";
                    self.report(Code::InvalidAddress, first.span, format!("`{text}` is not an IPv6 address"), help);
                    Literal::Error
                }
            };
        }
        let mut groups: Vec<Token> = Vec::new();
        groups.push(first);
        while self.kind() == TokenKind::Dot && self.kind_after(1) == TokenKind::Number {
            self.bump();
            groups.push(self.bump());
        }
        let span = first.span.to(self.last().span);
        match groups[..] {
            [integer] if self.is_hexadecimal(integer) => {
                let span = integer.span.to(self.bump().span);
                let message = format!("`{}` is no number", self.source.slice(span));
                self.report(Code::ExpectedToken, span, message, "numbers are written with decimal digits only");
                Literal::Error
            }
            [integer] => match self.source.slice(integer.span).parse() {
                Ok(value) => Literal::Integer(value),
                Err(_) => {
                    let help = format!("the largest is {}", i64::MAX);
                    self.report(Code::IntegerTooLarge, span, "the number is too large".into(), &help);
                    Literal::Error
                }
            },
            [_, _] => Literal::Decimal,
            [a, b, c, d] => self.address4(span, [a, b, c, d]),
            [_, _, _, _, fifth, ..] => {
                let extra = Span::new(fifth.span.start.saturating_sub(1), span.end);
                let help = "four numbers from 0 to 255, like 10.0.0.1";
                self.report(Code::InvalidAddress, extra, "an IPv4 address has four octets".into(), help);
                Literal::Error
            }
            _ => {
                let help = "four numbers from 0 to 255, like 10.0.0.1";
                self.report(Code::InvalidAddress, span, "an IPv4 address has four octets".into(), help);
                Literal::Error
            }
        }
    }

    /// `0x1f`, which are a number and a name to the lexer.
    fn is_hexadecimal(&self, number: Token) -> bool {
        let name = self.token(0);
        let (number_text, name_text) = (self.source.slice(number.span), self.source.slice(name.span));
        let digits = name_text.strip_prefix(['x', 'X']).filter(|digits| !digits.is_empty());
        name.kind == TokenKind::Name
            && name.span.start == number.span.end
            && number_text == "0"
            && digits.is_some_and(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
    }

    fn address4(&mut self, span: Span, groups: [Token; 4]) -> Literal {
        let mut octets = [0; 4];
        for (octet, group) in octets.iter_mut().zip(groups) {
            let text = self.source.slice(group.span);
            match text.parse() {
                _ if text.len() > 1 && text.starts_with('0') => {
                    let message = format!("`{text}` has a leading zero");
                    let help = "some tools read such a number as octal; write it without the zero";
                    self.report(Code::LeadingZero, span, message, help);
                    return Literal::Error;
                }
                Ok(value) => *octet = value,
                Err(_) => {
                    let message = format!("`{text}` is not a valid octet (0-255)");
                    self.report(Code::InvalidAddress, span, message, "an octet is a number from 0 to 255");
                    return Literal::Error;
                }
            }
        }
        Literal::Address(Ipv4Addr::from(octets).into())
    }

    fn cidr(&mut self, start: Span, first: &Literal) -> ValueKind<'s> {
        self.bump();
        if self.kind() != TokenKind::Number {
            self.expected("a prefix length after `/`");
            return ValueKind::Error;
        }
        let length = self.bump();
        let span = start.to(length.span);
        let (address, longest) = match first {
            Literal::Address(IpAddr::V4(address)) => (IpAddr::from(*address), 32),
            Literal::Address(IpAddr::V6(address)) => (IpAddr::from(*address), 128),
            Literal::Error => return ValueKind::Error,
            Literal::Integer(_) | Literal::Decimal => {
                let help = "a CIDR is an address and a prefix length, like 10.0.0.0/8; there is no division";
                self.report(Code::InvalidPrefixLength, span, "only an address has a prefix length".into(), help);
                return ValueKind::Error;
            }
        };
        let text = self.source.slice(length.span);
        match text.parse::<u8>() {
            Ok(prefix_len) if prefix_len <= longest => ValueKind::Cidr(address, prefix_len),
            _ => {
                let message = format!("prefix length must be 0-{longest}, found {text}");
                let help = "the prefix length is the number of leading bits that make the network";
                self.report(Code::InvalidPrefixLength, span, message, help);
                ValueKind::Error
            }
        }
    }

    fn range(&mut self, start: Span, first: &Literal) -> ValueKind<'s> {
        if !matches!(self.kind(), TokenKind::Number | TokenKind::Address6) {
            self.expected("a number or an address as the end of the range");
            // A name of a declaration that follows is left to it.
            let is_declared = matches!(self.kind_after(1), TokenKind::Colon | TokenKind::Assign | TokenKind::Name);
            if self.kind() == TokenKind::Name && !is_declared {
                self.path();
            }
            return ValueKind::Error;
        }
        let end_start = self.span();
        let second = self.literal();
        let span = start.to(self.last().span);
        if self.kind() == TokenKind::Slash {
            self.cidr(end_start, &second);
            let help = "write the range's last address, or the CIDR alone";
            self.report(Code::InvalidRange, span, "a range ends with an address, not with a CIDR".into(), help);
            return ValueKind::Error;
        }
        let reversed = match (first, &second) {
            (Literal::Error, _) | (_, Literal::Error) => return ValueKind::Error,
            (Literal::Integer(low), Literal::Integer(high)) if low <= high => {
                return ValueKind::Range(Box::new(Range::Integers(*low, *high)));
            }
            (Literal::Address(low), Literal::Address(high)) if low.is_ipv4() == high.is_ipv4() => {
                if low <= high {
                    return ValueKind::Range(Box::new(Range::Addresses(*low, *high)));
                }
                true
            }
            (Literal::Integer(_), Literal::Integer(_)) => true,
            (Literal::Address(_), Literal::Address(_)) => {
                let help = "write one range for IPv4 and one for IPv6";
                self.report(Code::InvalidRange, span, "a range needs two addresses of one family".into(), help);
                return ValueKind::Error;
            }
            _ => false,
        };
        if reversed {
            let help = "write the lower end first; a reversed range would match nothing";
            self.report(Code::ReversedRange, span, "the ends of the range are reversed".into(), help);
        } else {
            let help = "both ends are integers, or both are addresses";
            self.report(Code::InvalidRange, span, "a range needs two ends of one kind".into(), help);
        }
        ValueKind::Error
    }

    fn object(&mut self) -> ValueKind<'s> {
        let open = self.span();
        if !self.descend() {
            return ValueKind::Error;
        }
        self.bump();
        let mut object = Object::default();
        if self.kind() == TokenKind::CloseBrace {
            let message = "an object needs at least one entry";
            self.error(Diagnostic::new(Code::EmptyObject, open.to(self.span()), message));
        }
        loop {
            if matches!(self.kind(), TokenKind::CloseBrace | TokenKind::End) || self.forgotten(&object) {
                break;
            }
            let start = self.at;
            if let Some(entry) = self.entry() {
                object.entries.push(entry);
            } else {
                self.skip_in_bracket();
            }
            if self.eat(TokenKind::Comma) || matches!(self.kind(), TokenKind::CloseBrace | TokenKind::End) {
                continue;
            }
            if self.forgotten(&object) {
                break;
            }
            self.expected("`,` or `}`");
            let next_key = self.kind_after(1) == TokenKind::Colon;
            if !next_key {
                self.skip_in_bracket();
                self.eat(TokenKind::Comma);
            }
            if self.at == start {
                // The bracket of something around it: this object ends here.
                break;
            }
        }
        let or = if object.entries.is_empty() { "a key or " } else { "`,` or " };
        self.close(TokenKind::CloseBrace, open, or);
        self.ascend();
        ValueKind::Object(object)
    }

    /// A declaration at the left margin that cannot be an entry of this object: its `}` was forgotten.
    fn forgotten(&self, object: &Object<'_>) -> bool {
        if !self.begins_item_at_margin() {
            return false;
        }
        let entry_like = self.kind_after(1) == TokenKind::Colon && self.kind_after(2) != TokenKind::Colon;
        // Objects may be written without indentation; then an entry at the margin is an entry. Looked for where it
        // matters only, or an object would cost the square of its entries.
        let flat = || object.entries.is_empty() || object.entries.iter().any(|entry| self.at_margin(entry.key.span));
        !(entry_like && (self.last().kind == TokenKind::Comma || flat()))
    }

    fn at_margin(&self, span: Span) -> bool {
        let before = (span.start as usize).checked_sub(1);
        before.is_none_or(|at| self.source.text().as_bytes().get(at) == Some(&b'\n'))
    }

    /// Skips to what may end an entry, an element or an argument: `,`, a closing bracket, or a declaration.
    pub(super) fn skip_in_bracket(&mut self) {
        use TokenKind::*;
        while !matches!(self.kind(), Comma | CloseBrace | CloseBracket | CloseParen | End) {
            if self.begins_item_at_margin() {
                return;
            }
            self.skip_bracket();
        }
    }

    fn entry(&mut self) -> Option<Entry<'s>> {
        let key = self.token(0);
        if key.kind != TokenKind::Name && !key.kind.is_keyword() {
            self.expected("a key");
            if key.kind == TokenKind::String && self.kind_after(1) == TokenKind::Colon {
                if let Some(last) = self.diagnostics.last_mut() {
                    *last = last.clone().help("keys are written without quotes");
                }
                self.bump();
                self.bump();
                self.value();
            }
            return None;
        }
        self.bump();
        let key = self.name_of(key);
        if !self.eat(TokenKind::Colon) {
            self.expected(&format!("`:` and a value after `{}`", key.text));
            if !self.eat(TokenKind::Assign) && !self.begins_value() {
                return Some(self.entry_without_value(key));
            }
        }
        match self.value() {
            Some(value) => Some(Entry { key, value }),
            None => Some(self.entry_without_value(key)),
        }
    }

    /// The key is there all the same: it is not missing.
    fn entry_without_value(&mut self, key: Name<'s>) -> Entry<'s> {
        let span = self.here();
        self.skip_in_bracket();
        Entry { key, value: Value { kind: ValueKind::Error, span } }
    }

    fn list(&mut self) -> ValueKind<'s> {
        let open = self.span();
        if !self.descend() {
            return ValueKind::Error;
        }
        self.bump();
        let elements = self.elements(TokenKind::CloseBracket, open);
        self.ascend();
        ValueKind::List(elements)
    }

    /// Values separated by `,` up to the bracket that closes them.
    pub(super) fn elements(&mut self, close: TokenKind, open: Span) -> Vec<Value<'s>> {
        let mut elements = Vec::new();
        loop {
            if matches!(self.kind(), TokenKind::End) || self.kind() == close || self.begins_item_at_margin() {
                break;
            }
            match self.value() {
                Some(value) => elements.push(value),
                None => self.skip_in_bracket(),
            }
            if self.after_torn_string() {
                break;
            }
            if self.eat(TokenKind::Comma) || self.kind() == close || self.kind() == TokenKind::End {
                continue;
            }
            if self.begins_item_at_margin() {
                break;
            }
            if self.begins_value() && close == TokenKind::CloseBracket {
                let found = self.found();
                let before = elements.last().map_or("", |value| self.source.slice(value.span));
                let message = match before {
                    "" => format!("expected `,` before {found}"),
                    _ => format!("expected `,` between `{before}` and {found}"),
                };
                let at = self.span();
                self.error(Diagnostic::new(Code::MissingComma, at, message).replace(self.last().span.after(), ","));
                continue;
            }
            self.expected(&format!("`,` or {}", close.describe()));
            self.skip_in_bracket();
            if !self.eat(TokenKind::Comma) {
                break;
            }
        }
        self.close(close, open, "`,` or ");
        elements
    }
}

/// The text of a string token without its quotes, its escapes replaced; unknown ones were reported by the lexer.
fn unescape(token: &str) -> String {
    let inner = token.strip_prefix('"').unwrap_or(token);
    let inner = inner.strip_suffix('"').unwrap_or(inner);
    let mut text = String::with_capacity(inner.len());
    let mut rest = inner.chars();
    while let Some(next) = rest.next() {
        text.push(match next {
            '\\' => match rest.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('r') => '\r',
                Some(other) => other,
                None => break,
            },
            other => other,
        });
    }
    text
}
