//! Conditions. `not` binds to the test that follows, then comparison, then `and`, then `or`.

use super::Parser;
use crate::ast::{Expr, Operator, Test};
use crate::diagnostic::{Code, Diagnostic};
use crate::lex::TokenKind;
use alloc::boxed::Box;
use alloc::vec::Vec;
use policy::Comparison;

impl<'s> Parser<'s, '_, '_> {
    pub(super) fn expr(&mut self) -> Expr<'s> {
        self.chain(TokenKind::Or, Self::and_expr, Expr::Or)
    }

    fn and_expr(&mut self) -> Expr<'s> {
        self.chain(TokenKind::And, Self::unary, Expr::And)
    }

    /// Parts joined by one operator; a single part stays itself.
    fn chain(
        &mut self,
        operator: TokenKind,
        part: fn(&mut Self) -> Expr<'s>,
        join: fn(Vec<Expr<'s>>) -> Expr<'s>,
    ) -> Expr<'s> {
        let first = part(self);
        if self.kind() != operator {
            return first;
        }
        let mut parts = Vec::new();
        parts.push(first);
        while self.eat(operator) {
            parts.push(part(self));
        }
        join(parts)
    }

    fn unary(&mut self) -> Expr<'s> {
        let mut nots = Vec::new();
        while self.kind() == TokenKind::Not {
            nots.push(self.bump().span);
        }
        let inner = if self.kind() == TokenKind::OpenParen && !self.begins_negative() {
            self.parenthesised()
        } else {
            self.test()
        };
        // Two `not` cancel each other, so that a long row of them makes no deep tree.
        match (nots.len() % 2, nots.first()) {
            (1, Some(span)) => Expr::Not(Box::new(inner), *span),
            _ => inner,
        }
    }

    fn parenthesised(&mut self) -> Expr<'s> {
        let open = self.span();
        if !self.descend() {
            return Expr::Error(open);
        }
        self.bump();
        let inner = self.expr();
        self.ascend();
        if matches!(inner, Expr::Error(_)) {
            // Reported; go on behind the parenthesis.
            while !matches!(
                self.kind(),
                TokenKind::CloseParen | TokenKind::OpenBrace | TokenKind::CloseBrace | TokenKind::End
            ) {
                self.skip_bracket();
            }
            self.eat(TokenKind::CloseParen);
            return inner;
        }
        if !self.close(TokenKind::CloseParen, open, "") {
            return Expr::Error(open.to(self.last().span));
        }
        if self.operator().is_some() {
            let diagnostic = Diagnostic::new(
                Code::ExpectedToken,
                self.span(),
                "a comparison takes single values, not an expression in parentheses",
            )
            .help("remove the parentheses around the value");
            self.error(diagnostic);
            self.bump();
            if self.begins_value() {
                self.value();
            }
            return Expr::Error(open.to(self.last().span));
        }
        inner
    }

    fn operator(&self) -> Option<Operator> {
        Some(match self.kind() {
            TokenKind::Equal => Operator::Compare(Comparison::Equal),
            TokenKind::NotEqual => Operator::Compare(Comparison::NotEqual),
            TokenKind::Less => Operator::Compare(Comparison::Less),
            TokenKind::LessOrEqual => Operator::Compare(Comparison::LessOrEqual),
            TokenKind::Greater => Operator::Compare(Comparison::Greater),
            TokenKind::GreaterOrEqual => Operator::Compare(Comparison::GreaterOrEqual),
            TokenKind::In => Operator::In,
            _ => return None,
        })
    }

    fn test(&mut self) -> Expr<'s> {
        let start = self.span();
        if self.kind() == TokenKind::Name && self.kind_after(1) == TokenKind::OpenParen {
            let name = self.bump();
            let name = self.name_of(name);
            let open = self.span();
            if !self.descend() {
                return Expr::Error(start);
            }
            self.bump();
            let arguments = self.elements(TokenKind::CloseParen, open);
            self.ascend();
            let span = start.to(self.last().span);
            return Expr::Test(Box::new(Test::Call { name, arguments, span }));
        }
        let Some(left) = self.value() else { return Expr::Error(start) };
        let operator_span = self.span();
        let operator = match self.operator() {
            Some(operator) => operator,
            None if self.kind() == TokenKind::Assign => {
                self.expected("`==`");
                Operator::Compare(Comparison::Equal)
            }
            None => return Expr::Test(Box::new(Test::Bare(left))),
        };
        self.bump();
        let Some(right) = self.value() else { return Expr::Error(start.to(self.last().span)) };
        if self.operator().is_some() {
            let diagnostic = Diagnostic::new(Code::ExpectedToken, self.span(), "comparisons cannot be chained")
                .help("write two comparisons joined by `and`");
            self.error(diagnostic);
            return Expr::Error(start.to(self.last().span));
        }
        Expr::Test(Box::new(Test::Compare { left, operator, operator_span, right }))
    }
}
