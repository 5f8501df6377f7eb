//! Functions and their statements.

use super::Parser;
use crate::ast::{Action, Arm, Body, Conditional, Expr, Function, Statement};
use crate::diagnostic::{Code, Diagnostic};
use crate::lex::TokenKind;
use crate::source::Span;
use alloc::format;
use alloc::vec::Vec;

impl<'s> Parser<'s, '_, '_> {
    /// `TYPE::SUBTYPE [name] { … }`
    pub(super) fn function(&mut self) -> Option<Function<'s>> {
        let kind = self.bump();
        let kind = self.name_of(kind);
        self.bump();
        self.eat(TokenKind::Colon);
        if self.kind() != TokenKind::Name {
            self.expected(&format!("a subtype after `{}::`", kind.text));
            if self.kind() == TokenKind::OpenBrace {
                self.skip_bracket();
            }
            return None;
        }
        let subtype = self.bump();
        let subtype = self.name_of(subtype);
        let name = match self.kind() {
            TokenKind::Name => {
                let name = self.bump();
                Some(self.name_of(name))
            }
            kind if kind.is_keyword() => {
                self.keyword_as_name();
                let name = self.bump();
                Some(self.name_of(name))
            }
            _ => None,
        };
        if self.kind() != TokenKind::OpenBrace {
            self.expected("`{`");
            return None;
        }
        let body = self.body()?;
        Some(Function { kind, subtype, name, body })
    }

    /// `{ … }`; the present token is the brace.
    pub(super) fn body(&mut self) -> Option<Body<'s>> {
        let open = self.span();
        if !self.descend() {
            return None;
        }
        self.bump();
        let mut statements = Vec::new();
        let before = self.diagnostics.len();
        while !matches!(self.kind(), TokenKind::CloseBrace | TokenKind::End) && !self.ends_body_at_margin() {
            let start = self.at;
            match self.statement() {
                Some(statement) => statements.push(statement),
                None => self.skip_to_statement(start),
            }
        }
        let closed = self.close(TokenKind::CloseBrace, open, "a statement or ");
        let span = open.to(self.last().span);
        if statements.is_empty() && closed && self.diagnostics.len() == before {
            self.diagnostics.push(
                Diagnostic::new(Code::EmptyBody, span, "a body needs at least one statement")
                    .help("write the verdict that is meant, or leave the whole construct out"),
            );
        }
        self.ascend();
        Some(Body { statements, span })
    }

    /// A declaration at the left margin that cannot be a statement.
    fn ends_body_at_margin(&self) -> bool {
        use TokenKind::*;
        let item = match (self.kind_after(1), self.kind_after(2), self.kind_after(3), self.kind_after(4)) {
            (Name, OpenBrace | OpenBracket, ..) => true,
            (Colon, Colon, Name, Name) => self.depth > 0,
            (Dot, ..) => true,
            (Colon, kind, ..) => kind != Colon,
            _ => false,
        };
        item && self.begins_item_at_margin()
    }

    fn skip_to_statement(&mut self, start: usize) {
        use TokenKind::*;
        if self.at == start && !matches!(self.kind(), CloseBrace | End) {
            self.skip_bracket();
        }
        while !matches!(self.kind(), Name | If | CloseBrace | End) {
            self.skip_bracket();
        }
    }

    fn statement(&mut self) -> Option<Statement<'s>> {
        use TokenKind::*;
        match (self.kind(), self.kind_after(1), self.kind_after(2)) {
            (If, ..) => self.conditional().map(Statement::If),
            (Name, Colon, Colon) => self.function().map(Statement::Function),
            (Name, Colon | Dot | Assign, _) => {
                let message = "a constant or member cannot be set inside a function";
                let diagnostic =
                    Diagnostic::new(Code::ExpectedToken, self.span(), message).help("move it to the top level");
                self.error(diagnostic);
                self.path()?;
                self.bump();
                if self.begins_value() {
                    self.value();
                }
                None
            }
            (Name, ..) => self.action().map(Statement::Action),
            (Else, ..) => {
                self.error(Diagnostic::new(Code::ExpectedToken, self.span(), "`else` without an `if` before it"));
                self.bump();
                None
            }
            _ => {
                self.expected("a statement or `}`");
                None
            }
        }
    }

    fn action(&mut self) -> Option<Action<'s>> {
        let name = self.bump();
        let name = self.name_of(name);
        let mut arguments = Vec::new();
        if self.kind() == TokenKind::OpenParen {
            let open = self.span();
            if !self.descend() {
                return None;
            }
            self.bump();
            arguments = self.elements(TokenKind::CloseParen, open);
            self.ascend();
        }
        Some(Action { name, arguments, span: name.span.to(self.last().span) })
    }

    fn conditional(&mut self) -> Option<Conditional<'s>> {
        let keyword = self.span();
        let mut arms = Vec::new();
        let mut otherwise = None;
        loop {
            arms.push(self.arm()?);
            if !self.eat(TokenKind::Else) {
                break;
            }
            if self.kind() != TokenKind::If {
                otherwise = Some(self.block()?);
                break;
            }
        }
        Some(Conditional { keyword, arms, otherwise })
    }

    /// `if (…) { … }`
    fn arm(&mut self) -> Option<Arm<'s>> {
        let keyword = self.bump().span;
        let open = self.span();
        let condition = if self.eat(TokenKind::OpenParen) {
            let condition = self.expr();
            if self.kind() != TokenKind::CloseParen {
                if matches!(condition, Expr::Error(_)) {
                    // Reported; the rest of the parentheses would only repeat it.
                    self.skip_to_paren();
                    self.eat(TokenKind::CloseParen);
                } else if !self.close(TokenKind::CloseParen, open, "") {
                    self.skip_to_paren();
                    self.eat(TokenKind::CloseParen);
                }
            } else {
                self.bump();
            }
            condition
        } else {
            self.expected("`(` and a condition");
            if self.kind() == TokenKind::OpenBrace { Expr::Error(self.span().before()) } else { self.expr() }
        };
        let body = self.block()?;
        Some(Arm { keyword, condition, body })
    }

    fn skip_to_paren(&mut self) {
        use TokenKind::*;
        while !matches!(self.kind(), CloseParen | OpenBrace | CloseBrace | End) && !self.begins_item_at_margin() {
            self.skip_bracket();
        }
    }

    /// A body, or the single statement that stands where one is wanted.
    fn block(&mut self) -> Option<Body<'s>> {
        if self.kind() == TokenKind::OpenBrace {
            return self.body();
        }
        self.expected("`{`");
        if !matches!(self.kind(), TokenKind::Name | TokenKind::If) || self.begins_item_at_margin() || !self.descend() {
            return None;
        }
        let start: Span = self.span();
        let statement = self.statement();
        self.ascend();
        let statements = Vec::from([statement?]);
        Some(Body { statements, span: start.to(self.last().span) })
    }
}
