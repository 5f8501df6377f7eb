//! Tokens to tree. Never fails: what is not understood is reported once, skipped, and the rest is read on.
//!
//! Recovery leans on what NaCl text looks like: a declaration that begins a line at the left margin, a key before its
//! `:`, a closing bracket. Nesting is bounded ([`MAX_DEPTH`]), so that no text exhausts the stack here or in a later
//! stage.

mod expr;
mod function;
mod value;

use crate::ast::{Assignment, Ast, Item, Name, Path, Typed};
use crate::diagnostic::{Code, Diagnostic};
use crate::lex::{Lexed, Token, TokenKind};
use crate::source::{Source, Span};
use crate::vocabulary;
use alloc::format;
use alloc::vec::Vec;

/// Deepest nesting of brackets, functions and conditions together.
pub const MAX_DEPTH: usize = 64;

pub fn parse<'s>(source: &'s Source, lexed: &Lexed, diagnostics: &mut Vec<Diagnostic>) -> Ast<'s> {
    let torn = diagnostics.iter().any(|d| matches!(d.code, Code::UnclosedString | Code::UnclosedComment));
    let strays = &lexed.skipped[..];
    let mut parser = Parser {
        source,
        tokens: &lexed.tokens,
        at: 0,
        depth: 0,
        end_reported: torn,
        last_reported: None,
        strays,
        diagnostics,
    };
    let mut ast = Ast::default();
    while parser.kind() != TokenKind::End {
        let start = parser.at;
        if let Some(item) = parser.item() {
            ast.items.push(item);
        } else {
            // Whatever went wrong, go on.
            if parser.at == start {
                parser.at += 1;
            }
            parser.skip_to_item();
        }
    }
    ast
}

struct Parser<'s, 't, 'd> {
    source: &'s Source,
    tokens: &'t [Token],
    at: usize,
    depth: usize,
    /// That the file ends too early is said once, and not where a string or comment swallowed its end.
    end_reported: bool,
    /// The token of the last syntax error: one token, one error.
    last_reported: Option<usize>,
    /// Where characters were skipped that start no token, ascending: what is missing there was said.
    strays: &'t [Span],
    diagnostics: &'d mut Vec<Diagnostic>,
}

impl<'s> Parser<'s, '_, '_> {
    // Asked for everywhere: inlined, it would be a good part of the parser.
    #[inline(never)]
    fn token(&self, ahead: usize) -> Token {
        let end = || self.tokens.last().copied().unwrap_or(Token { kind: TokenKind::End, span: Span::default() });
        self.tokens.get(self.at + ahead).copied().unwrap_or_else(end)
    }

    fn kind(&self) -> TokenKind {
        self.token(0).kind
    }

    fn kind_after(&self, ahead: usize) -> TokenKind {
        self.token(ahead).kind
    }

    fn span(&self) -> Span {
        self.token(0).span
    }

    /// The token before this one.
    #[inline(never)]
    fn last(&self) -> Token {
        let at = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        at.copied().unwrap_or(Token { kind: TokenKind::End, span: Span::default() })
    }

    #[inline(never)]
    fn bump(&mut self) -> Token {
        let token = self.token(0);
        if token.kind != TokenKind::End {
            self.at += 1;
        }
        token
    }

    #[inline(never)]
    fn eat(&mut self, kind: TokenKind) -> bool {
        let here = self.kind() == kind;
        if here {
            self.bump();
        }
        here
    }

    fn name_of(&self, token: Token) -> Name<'s> {
        Name { text: self.source.slice(token.span), span: token.span }
    }

    /// Reports an error at the present token, unless it has one already.
    fn error(&mut self, diagnostic: Diagnostic) {
        if self.last_reported != Some(self.at) && !self.after_torn_string() {
            self.diagnostics.push(diagnostic);
        }
        self.last_reported = Some(self.at);
    }

    /// The token before is a string that its line did not close, and has swallowed what came after it.
    fn after_torn_string(&self) -> bool {
        let text = || self.source.slice(self.last().span);
        self.last().kind == TokenKind::String && (text().len() < 2 || !text().ends_with(['"', '\'']))
    }

    /// Where a message about the present token points: at the end of the text, right behind what is there.
    fn here(&self) -> Span {
        if self.kind() == TokenKind::End { self.last().span.after() } else { self.span() }
    }

    fn found(&self) -> alloc::string::String {
        match self.kind() {
            TokenKind::Name | TokenKind::Number | TokenKind::Address6 => {
                format!("`{}`", self.source.slice(self.span()))
            }
            kind => kind.describe().into(),
        }
    }

    fn expected(&mut self, what: &str) {
        if self.kind() == TokenKind::End && core::mem::replace(&mut self.end_reported, true) {
            return;
        }
        let gap = Span::new(self.last().span.end, self.span().start);
        let stray = self.strays.get(self.strays.partition_point(|stray| stray.start < gap.start));
        if stray.is_some_and(|stray| self.at > 0 && stray.start < gap.end) {
            self.last_reported = Some(self.at);
            return;
        }
        let message = format!("expected {what}, found {}", self.found());
        let mut diagnostic = Diagnostic::new(Code::ExpectedToken, self.here(), message);
        if self.kind() == TokenKind::Assign {
            let (help, right) = match what.contains(':') {
                true => ("a key and its value are joined by `:`", ":"),
                false => ("use `==` to compare", "=="),
            };
            diagnostic = Diagnostic::new(Code::SingleEquals, self.here(), "`=` is no operator").help(help);
            diagnostic = diagnostic.replace(self.here(), right);
        } else if self.kind() == TokenKind::Name
            && self.last().kind == TokenKind::Number
            && self.last().span.end == self.span().start
        {
            diagnostic = diagnostic.help("numbers are written with decimal digits only");
        }
        self.error(diagnostic);
    }

    /// The bracket opened at `open` ends here, or ought to.
    fn close(&mut self, kind: TokenKind, open: Span, or: &str) -> bool {
        if self.after_torn_string() || self.eat(kind) {
            return true;
        }
        let what = format!("{or}{}", kind.describe());
        let opened = self.source.slice(open);
        if self.kind() == TokenKind::End || self.begins_item_at_margin() {
            let said = self.kind() == TokenKind::End && core::mem::replace(&mut self.end_reported, true);
            if !said {
                let message = format!("expected {what}, found {}", self.found());
                let diagnostic = Diagnostic::new(Code::UnclosedBracket, self.here(), message)
                    .note(open, format!("the `{opened}` opened here is not closed"));
                self.error(diagnostic);
            }
        } else {
            self.expected(&what);
        }
        false
    }

    /// Enters one level of nesting; at the limit reports it and skips the bracket that begins here.
    fn descend(&mut self) -> bool {
        if self.depth < MAX_DEPTH {
            self.depth += 1;
            return true;
        }
        let message = format!("nested more than {MAX_DEPTH} levels deep");
        let diagnostic =
            Diagnostic::new(Code::NestingTooDeep, self.span(), message).help("give the inner part a name of its own");
        self.error(diagnostic);
        self.skip_bracket();
        false
    }

    fn ascend(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// Skips the present token, and if it opens a bracket, all of that.
    fn skip_bracket(&mut self) {
        let mut open = 0_usize;
        loop {
            match self.kind() {
                TokenKind::OpenBrace | TokenKind::OpenBracket | TokenKind::OpenParen => open += 1,
                TokenKind::CloseBrace | TokenKind::CloseBracket | TokenKind::CloseParen => {
                    open = open.saturating_sub(1)
                }
                TokenKind::End => return,
                _ => {}
            }
            self.bump();
            if open == 0 {
                return;
            }
        }
    }

    /// Skips to where a declaration may begin.
    fn skip_to_item(&mut self) {
        while self.kind() != TokenKind::End && !self.begins_item() {
            self.skip_bracket();
        }
    }

    fn begins_item(&self) -> bool {
        use TokenKind::*;
        self.kind() == Name && matches!(self.kind_after(1), Name | Colon | Dot)
    }

    /// A declaration begins here, and at the left margin: whatever bracket was open was forgotten.
    fn begins_item_at_margin(&self) -> bool {
        use TokenKind::*;
        let start = self.span().start as usize;
        let margin = start == 0 || self.source.text().as_bytes().get(start - 1) == Some(&b'\n');
        let item = matches!(
            (self.kind_after(1), self.kind_after(2)),
            (Name, OpenBrace | OpenBracket | Name | Number | Address6) | (Dot | Colon, _)
        );
        margin && self.kind() == Name && item
    }

    fn item(&mut self) -> Option<Item<'s>> {
        use TokenKind::*;
        match (self.kind(), self.kind_after(1), self.kind_after(2)) {
            (Name, Colon, Colon) => self.function().map(Item::Function),
            (Name, Colon, Name) if self.begins_function_with_one_colon() => {
                let message = "a function's type and subtype are joined by `::`";
                self.error(Diagnostic::new(Code::ExpectedToken, self.token(1).span, message));
                self.function().map(Item::Function)
            }
            (Name, Colon | Dot | Assign, _) => self.assignment(),
            (Name, Name, _) => self.typed(),
            (Name, OpenBrace, _) => {
                let name = self.name_of(self.token(0));
                let message = match vocabulary::object_type(name.text) {
                    Some(_) => format!("`{}` needs a name before `{{`", name.text),
                    None => format!("`{}` needs a `:` before its value", name.text),
                };
                self.error(Diagnostic::new(Code::ExpectedToken, name.span, message));
                self.bump();
                self.skip_bracket();
                None
            }
            (Number, ..) => {
                let diagnostic = Diagnostic::new(Code::StrayNumber, self.span(), "a number alone is no declaration")
                    .help("a constant is written `name: 80`, several numbers as a list `name: [80, 443]`");
                self.error(diagnostic);
                self.bump();
                None
            }
            (CloseBrace | CloseBracket | CloseParen, ..) => {
                let message = format!("{} closes nothing", self.kind().describe());
                self.error(Diagnostic::new(Code::ExpectedToken, self.span(), message));
                self.bump();
                None
            }
            (kind, Colon | Dot, _) if kind.is_keyword() => {
                self.keyword_as_name();
                self.bump();
                None
            }
            (Name, ..) => {
                self.bump();
                self.expected("`:` and a value, or a declaration like `Iface eth0 { … }`");
                None
            }
            _ => {
                self.expected("a declaration");
                None
            }
        }
    }

    /// `Filter:IP f {`
    fn begins_function_with_one_colon(&self) -> bool {
        use TokenKind::*;
        vocabulary::function_type(self.source.slice(self.span())).is_some()
            && (self.kind_after(3), self.kind_after(4)) == (Name, OpenBrace)
    }

    fn keyword_as_name(&mut self) {
        let word = self.source.slice(self.span());
        let message = format!("`{word}` is a word of the language and cannot be a name");
        self.error(Diagnostic::new(Code::KeywordAsName, self.span(), message));
    }

    fn assignment(&mut self) -> Option<Item<'s>> {
        let path = self.path()?;
        if !self.eat(TokenKind::Colon) {
            self.expected("`:` and a value");
            if !self.eat(TokenKind::Assign) {
                return None;
            }
        }
        let value = self.value()?;
        Some(Item::Assignment(Assignment { path, value }))
    }

    fn typed(&mut self) -> Option<Item<'s>> {
        let kind = self.bump();
        let kind = self.name_of(kind);
        let name = self.bump();
        let name = self.name_of(name);
        if vocabulary::function_type(kind.text).is_some() {
            let message = format!("a {0} needs a subtype and a body: {0}::IP {1} {{ … }}", kind.text, name.text);
            self.error(Diagnostic::new(Code::MissingSubtype, kind.span, message));
            if self.kind() == TokenKind::OpenBrace {
                let body = self.body()?;
                let subtype = Name { text: "IP", span: kind.span };
                return Some(Item::Function(crate::ast::Function { kind, subtype, name: Some(name), body }));
            }
            self.value();
            return None;
        }
        if !self.begins_value() {
            self.expected(&format!("a value for `{}`", name.text));
            return None;
        }
        let value = self.value()?;
        Some(Item::Typed(Typed { kind, name, value }))
    }

    fn path(&mut self) -> Option<Path<'s>> {
        let first = self.bump();
        let mut parts = Vec::with_capacity(1);
        parts.push(self.name_of(first));
        while self.kind() == TokenKind::Dot {
            let next = self.token(1);
            if next.kind != TokenKind::Name && !next.kind.is_keyword() {
                self.bump();
                self.expected("a name after `.`");
                return None;
            }
            self.bump();
            self.bump();
            parts.push(self.name_of(next));
        }
        Some(Path { parts })
    }
}

#[cfg(test)]
mod tests;
