//! Where the cursor is, from the tokens before it. The tree is of no use here: what is being written has no tree yet.

use crate::File;
use nacl::Span;
use nacl::lex::{Lexed, Token, TokenKind};
use nacl::vocabulary::{self, Key, Shape, Subtype};
use policy::FunctionKind;

/// The bracket around the cursor, and what it is the bracket of.
#[derive(Clone, Copy, Debug)]
pub enum Frame {
    /// Outside all brackets.
    Top,
    /// The `{` of an object, with its keys if they are known; and which token it is.
    Object(Option<&'static Shape>, usize),
    /// The `[` of a list: the key it is the value of, and the keys of objects in it.
    List(Option<&'static Key>, Option<&'static Shape>),
    /// The `{` of a function, an `if` or an `else`.
    Body(Inside),
    /// The `(` of an `if`, or one in its condition.
    Condition(Inside),
    /// The `(` of an action, and before how many commas of it the cursor is not.
    Arguments {
        action: Span,
        inside: Inside,
        commas: usize,
    },
    Other,
}

/// In which function.
#[derive(Clone, Copy, Debug)]
pub struct Inside {
    pub kind: FunctionKind,
    /// The narrowest one around.
    pub subtype: Subtype,
}

/// What surrounds the cursor.
pub struct Context<'f> {
    file: &'f File,
    /// The same text without the declaration that is being written at the top level, which would take the next one for
    /// its continuation; for what names mean.
    known: File,
    pub frame: Frame,
    /// The tokens before the word at the cursor.
    pub before: Vec<Token>,
    /// The word at the cursor, up to the cursor; empty where none has begun.
    pub word: Span,
    /// The kind of the token behind the word.
    pub next: TokenKind,
    pub tokens: Vec<Token>,
}

impl<'f> Context<'f> {
    /// `None` in comments, strings and numbers, where nothing is to be completed.
    pub fn at(file: &'f File, offset: u32) -> Option<Self> {
        let mut ignored = Vec::new();
        let Lexed { tokens, comments, .. } = nacl::lex::lex(file.source(), &mut ignored);
        let text = |span: Span| file.source().slice(span);
        let in_comment = |span: &&Span| {
            let closed = text(**span).starts_with("/*") && text(**span).ends_with("*/");
            span.start < offset && (offset < span.end || (offset == span.end && !closed))
        };
        if comments.iter().any(|span| in_comment(&span)) {
            return None;
        }
        let behind = tokens.partition_point(|token| token.span.start < offset);
        let mut count = behind;
        let mut word = Span::new(offset, offset);
        if let Some(token) = behind.checked_sub(1).and_then(|at| tokens.get(at)) {
            let touches = token.span.end >= offset;
            match token.kind {
                TokenKind::Name => (),
                kind if kind.is_keyword() => (),
                TokenKind::String if token.span.end > offset => return None,
                TokenKind::String if touches && !is_closed(text(token.span)) => return None,
                TokenKind::Number | TokenKind::Address6 if touches => return None,
                _ => {}
            }
            let is_word = token.kind == TokenKind::Name || (token.kind.is_keyword() && is_letters(text(token.span)));
            if touches && is_word {
                word = Span::new(token.span.start, offset);
                count = behind - 1;
            }
        }
        let before = tokens.get(..count).unwrap_or_default().to_vec();
        let next = tokens.get(behind).map_or(TokenKind::End, |token| token.kind);
        let known = File::new(file.source().name(), file.text());
        let mut context = Self { file, known, frame: Frame::Top, before, word, next, tokens };
        let frame = |context: &Self| context.frames().pop().unwrap_or(Frame::Top);
        if matches!(frame(&context), Frame::Top) {
            context.known = File::new(file.source().name(), without_line(file.text(), offset));
        }
        context.frame = frame(&context);
        Some(context)
    }

    pub fn known(&self) -> &File {
        &self.known
    }

    pub fn text(&self, span: Span) -> &'f str {
        self.file.source().slice(span)
    }

    /// The kind of the n-th token before the word, from 0.
    pub fn kind(&self, back: usize) -> Option<TokenKind> {
        self.token(self.before.len(), back).map(|token| token.kind)
    }

    fn token(&self, upto: usize, back: usize) -> Option<Token> {
        self.before.get(upto.checked_sub(back + 1)?).copied()
    }

    fn kinds(&self, upto: usize) -> [Option<TokenKind>; 5] {
        std::array::from_fn(|back| self.token(upto, back).map(|token| token.kind))
    }

    fn name(&self, upto: usize, back: usize) -> &'f str {
        self.token(upto, back).map_or("", |token| self.text(token.span))
    }

    /// The names joined by `.` that end before token `upto`, and how many tokens they are.
    pub fn path_before(&self, upto: usize) -> (Vec<&'f str>, usize) {
        let mut parts = Vec::new();
        let mut taken = 0;
        while let Some(token) = self.token(upto, taken) {
            if token.kind != TokenKind::Name && !(token.kind.is_keyword() && taken > 0) {
                break;
            }
            parts.push(self.text(token.span));
            taken += 1;
            if self.token(upto, taken).map(|token| token.kind) != Some(TokenKind::Dot) {
                break;
            }
            taken += 1;
        }
        parts.reverse();
        (parts, taken)
    }

    fn frames(&self) -> Vec<Frame> {
        use TokenKind::*;
        let mut frames: Vec<Frame> = Vec::new();
        for (at, token) in self.before.iter().enumerate() {
            match token.kind {
                OpenBrace | OpenBracket | OpenParen => {
                    let frame = self.opened(at, token.kind, frames.last().copied().unwrap_or(Frame::Top));
                    frames.push(frame);
                }
                CloseBrace | CloseBracket | CloseParen => {
                    frames.pop();
                }
                Comma => {
                    if let Some(Frame::Arguments { commas, .. }) = frames.last_mut() {
                        *commas += 1;
                    }
                }
                Name if self.begins_item(at) => frames.clear(),
                _ => {}
            }
        }
        frames
    }

    /// A declaration begins here at the left margin: whatever bracket was open has been forgotten.
    fn begins_item(&self, at: usize) -> bool {
        use TokenKind::*;
        let kind = |ahead: usize| self.before.get(at + ahead).map(|token| token.kind);
        let start = self.before.get(at).map_or(0, |token| token.span.start) as usize;
        let margin = start == 0 || self.file.text().as_bytes().get(start - 1) == Some(&b'\n');
        let typed = kind(1) == Some(Name) && matches!(kind(2), Some(OpenBrace | OpenBracket));
        let function = [kind(1), kind(2), kind(3), kind(4)] == [Some(Colon), Some(Colon), Some(Name), Some(Name)];
        margin && (typed || function)
    }

    fn opened(&self, at: usize, kind: TokenKind, outer: Frame) -> Frame {
        match kind {
            TokenKind::OpenBrace => self.brace(at, outer),
            TokenKind::OpenBracket => self.bracket(at, outer),
            _ => self.paren(at, outer),
        }
    }

    fn brace(&self, at: usize, outer: Frame) -> Frame {
        use TokenKind::*;
        let function = match self.kinds(at) {
            [Some(Name), Some(Name), Some(Colon), Some(Colon), Some(Name)] => {
                Some((self.name(at, 4), self.name(at, 1)))
            }
            [Some(Name), Some(Colon), Some(Colon), Some(Name), _] => Some((self.name(at, 3), self.name(at, 0))),
            _ => None,
        };
        if let Some((kind, subtype)) = function {
            let outer = match outer {
                Frame::Body(inside) => Some(inside),
                _ => None,
            };
            let kind =
                vocabulary::function_type(kind).or(outer.map(|outer| outer.kind)).unwrap_or(FunctionKind::Filter);
            let own = vocabulary::subtype(subtype).unwrap_or(Subtype::Ip);
            let around = outer.map_or(Subtype::Ip, |outer| outer.subtype);
            let subtype = if own == Subtype::Ip { around } else { own };
            return Frame::Body(Inside { kind, subtype });
        }
        match outer {
            Frame::Body(inside) => Frame::Body(inside),
            Frame::List(_, element) => Frame::Object(element, at),
            Frame::Object(shape, _) => {
                let key = self.name(at, 1);
                Frame::Object(shape.filter(|_| self.kinds(at)[0] == Some(Colon)).and_then(|shape| shape.part(key)), at)
            }
            Frame::Top => match self.kinds(at) {
                [Some(Colon), ..] => Frame::Object(self.assigned(at - 1).and_then(|(shape, key)| shape.part(key)), at),
                [Some(Name), Some(Name), ..] => Frame::Object(vocabulary::object_type(self.name(at, 1)), at),
                _ => Frame::Object(None, at),
            },
            _ => Frame::Other,
        }
    }

    /// What is assigned to before the colon at `colon`, if that is a member of something with known keys.
    pub fn assigned(&self, colon: usize) -> Option<(&'static Shape, &'f str)> {
        let (path, _) = self.path_before(colon);
        let (key, owner) = path.split_last()?;
        let index = self.known.index();
        Some((index.get(index.follow(owner)?)?.shape()?, key))
    }

    fn bracket(&self, at: usize, outer: Frame) -> Frame {
        use TokenKind::*;
        match (outer, self.kinds(at)) {
            (Frame::List(key, element), _) => Frame::List(key, element),
            (Frame::Object(Some(shape), _), [Some(Colon), Some(Name), ..]) => {
                let key = self.name(at, 1);
                Frame::List(shape.key(key), shape.part(key))
            }
            (Frame::Top, [Some(Colon), ..]) => match self.assigned(at - 1) {
                Some((shape, key)) => Frame::List(shape.key(key), shape.part(key)),
                None => Frame::List(None, None),
            },
            (Frame::Top, [Some(Name), Some(Name), ..]) => {
                Frame::List(None, vocabulary::object_type(self.name(at, 1)).and_then(|shape| shape.part("")))
            }
            // The elements of a set in a condition are judged by what stands before `in`.
            (Frame::Condition(inside), _) => Frame::Condition(inside),
            _ => Frame::List(None, None),
        }
    }

    fn paren(&self, at: usize, outer: Frame) -> Frame {
        use TokenKind::*;
        match (outer, self.kinds(at)[0]) {
            (Frame::Body(inside), Some(If)) => Frame::Condition(inside),
            (Frame::Body(inside) | Frame::Condition(inside), Some(Name)) => {
                let action = self.token(at, 0).map(|token| token.span).unwrap_or_default();
                Frame::Arguments { action, inside, commas: 0 }
            }
            (Frame::Condition(inside), _) => Frame::Condition(inside),
            _ => Frame::Other,
        }
    }
}

/// The text with blanks in the place of a line up to the offset.
fn without_line(text: &str, offset: u32) -> String {
    let (before, after) = text.split_at_checked(offset as usize).unwrap_or((text, ""));
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let (above, line) = before.split_at_checked(start).unwrap_or((before, ""));
    format!("{above}{}{after}", " ".repeat(line.len()))
}

fn is_closed(string: &str) -> bool {
    string.len() > 1 && string.ends_with('"')
}

fn is_letters(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_alphabetic())
}
