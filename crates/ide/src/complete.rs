//! What may be written at the cursor.

mod context;

use crate::File;
use crate::hover::{action_text, field_text, key_text, predefined, word_text};
use crate::index::{Meaning, SymbolId, SymbolKind};
use context::{Context, Frame, Inside};
use nacl::Span;
use nacl::lex::TokenKind;
use nacl::vocabulary::{self, Class, Domain, Key, ObjectKind, PacketField, Protocol, Shape, Subtype, Word};
use policy::FunctionKind;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CandidateKind {
    /// Of objects and functions, and subtypes.
    Type,
    Key,
    PacketObject,
    Field,
    Action,
    Function,
    Constant,
    Iface,
    /// Of another type.
    Object,
    Member,
    Predefined,
    /// One of a key's or an action's.
    Word,
    Keyword,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub label: String,
    pub kind: CandidateKind,
    /// A few words beside the label.
    pub detail: String,
    /// Markdown.
    pub doc: String,
    /// What is put in the place of `replaced`.
    pub insert: String,
    /// The part of the word at the cursor that is before it.
    pub replaced: Span,
}

impl File {
    /// What may be written at an offset. Not all of it begins with what is there: editors choose more kindly.
    pub fn completions(&self, offset: u32) -> Vec<Candidate> {
        let Some(context) = Context::at(self, offset) else { return Vec::new() };
        let mut list = List { context: &context, found: Vec::new() };
        list.fill();
        list.found
    }
}

/// What a value is for.
#[derive(Clone, Copy)]
enum Wanted {
    Anything,
    Words(&'static [Word]),
    Functions,
    Iface,
    Bool,
    Address,
    Integer,
    Nothing,
}

impl Wanted {
    /// By what the vocabulary tells a reader.
    fn by(key: &Key) -> Self {
        match key.value {
            _ if !key.words.is_empty() => Self::Words(key.words),
            "Iface" => Self::Iface,
            "bool" => Self::Bool,
            "object" | "list of nodes" => Self::Nothing,
            value if value.starts_with("function") => Self::Functions,
            value if value.contains("address") || value.contains("netmask") => Self::Address,
            value if value.starts_with("integer") => Self::Integer,
            _ => Self::Anything,
        }
    }
}

struct List<'c, 'f> {
    context: &'c Context<'f>,
    found: Vec<Candidate>,
}

impl<'f> List<'_, 'f> {
    fn add(&mut self, label: &str, kind: CandidateKind, detail: &str, doc: String, insert: String) {
        let (label, detail, replaced) = (label.to_owned(), detail.to_owned(), self.context.word);
        self.found.push(Candidate { label, kind, detail, doc, insert, replaced });
    }

    fn word(&mut self, kind: CandidateKind, word: &Word) {
        self.add(word.name, kind, word.doc, word_text("", word), word.name.to_owned());
    }

    fn keyword(&mut self, keyword: &str) {
        self.add(keyword, CandidateKind::Keyword, "", String::new(), keyword.to_owned());
    }

    fn fill(&mut self) {
        use TokenKind::*;
        let context = self.context;
        if context.kind(0) == Some(Dot) {
            return self.members();
        }
        if (context.kind(0), context.kind(1)) == (Some(Colon), Some(Colon)) {
            return self.subtypes();
        }
        let ends_value = matches!(
            context.kind(0),
            Some(Name | Number | Address6 | String | True | False | CloseBrace | CloseBracket | CloseParen)
        );
        match context.frame {
            Frame::Top => self.top(),
            Frame::Object(shape, open) => match context.kind(0) {
                Some(OpenBrace | Comma) => shape.into_iter().for_each(|shape| self.keys(shape, open)),
                Some(Colon) => {
                    let (path, _) = context.path_before(context.before.len() - 1);
                    let key = shape.zip(path.last()).and_then(|(shape, key)| shape.key(key));
                    self.value(key);
                }
                _ => {}
            },
            Frame::List(key, _) => {
                if matches!(context.kind(0), Some(OpenBracket | Comma)) {
                    self.value(key);
                }
            }
            // The name of a nested function is the writer's.
            Frame::Body(_) if context.kind(0) == Some(Name) && context.kind(1) == Some(Colon) => {}
            Frame::Body(inside) => self.statements(inside),
            Frame::Condition(_) if ends_value => ["and", "or", "in"].iter().for_each(|word| self.keyword(word)),
            Frame::Condition(inside) => self.condition(inside),
            Frame::Arguments { action, inside, commas } => {
                if matches!(context.kind(0), Some(OpenParen | Comma)) {
                    self.argument(action, inside, commas);
                }
            }
            Frame::Other => {}
        }
    }

    fn top(&mut self) {
        use TokenKind::*;
        let context = self.context;
        let upto = context.before.len();
        let type_at = |back: usize| {
            context
                .before
                .get(upto.wrapping_sub(back + 1))
                .and_then(|token| vocabulary::object_type(context.text(token.span)))
        };
        match (context.kind(0), context.kind(1)) {
            (Some(Colon), _) => {
                let key = context.assigned(upto - 1).and_then(|(shape, key)| shape.key(key));
                self.value(key);
            }
            (Some(Name), Some(Name)) if type_at(1).is_some() => {
                // `Iface eth0 dhcp`
                let key = type_at(1).and_then(|shape| shape.key("config"));
                key.into_iter().for_each(|key| self.value(Some(key)));
            }
            (Some(Minus | Slash | Comma), _) => {}
            // A new name is the writer's, if it is on the line of its type.
            (Some(Name), before) if before != Some(Colon) && type_at(0).is_some() => {}
            (Some(Name), Some(Colon)) if context.kind(2) == Some(Colon) => {}
            _ => self.items(),
        }
    }

    fn items(&mut self) {
        for (_, shape) in vocabulary::OBJECT_TYPES {
            let insert = format!("{} ", shape.name);
            self.add(shape.name, CandidateKind::Type, shape.noun, shape.doc.to_owned(), insert);
        }
        for (_, word) in vocabulary::FUNCTION_TYPES {
            let label = format!("{}::", word.name);
            self.add(&label, CandidateKind::Type, word.doc, word_text("", word), label.clone());
        }
        // Members may be set out of line.
        self.symbols(|kind| matches!(kind, SymbolKind::Object(_)));
    }

    fn subtypes(&mut self) {
        let outer = match self.context.frame {
            Frame::Body(inside) => inside.subtype,
            _ => Subtype::Ip,
        };
        for (subtype, word) in vocabulary::SUBTYPES {
            if outer.holds(*subtype) {
                self.word(CandidateKind::Type, word);
            }
        }
    }

    fn keys(&mut self, shape: &'static Shape, open: usize) {
        let set = self.keys_of(open);
        for key in shape.keys {
            if set.iter().any(|set| set.eq_ignore_ascii_case(key.name)) {
                continue;
            }
            // Where a key is renamed, its colon is there.
            let colon = if self.context.next == TokenKind::Colon { "" } else { ": " };
            self.add(key.name, CandidateKind::Key, key.value, key_text(shape, key), format!("{}{colon}", key.name));
        }
    }

    /// The keys of the object whose brace is this token, but not the one at the cursor.
    fn keys_of(&self, open: usize) -> Vec<&'f str> {
        use TokenKind::*;
        let context = self.context;
        let mut depth = 0_usize;
        let mut keys = Vec::new();
        let mut last = OpenBrace;
        for pair in context.tokens.get(open..).unwrap_or_default().windows(2) {
            let [token, next] = pair else { break };
            match token.kind {
                OpenBrace | OpenBracket | OpenParen => depth += 1,
                CloseBrace | CloseBracket | CloseParen => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                break;
            }
            let is_key = depth == 1 && next.kind == Colon && matches!(last, OpenBrace | Comma);
            if is_key && token.kind == Name && token.span.start != context.word.start {
                keys.push(context.text(token.span));
            }
            last = token.kind;
        }
        keys
    }

    /// What is behind a dot.
    fn members(&mut self) {
        let context = self.context;
        let (path, taken) = context.path_before(context.before.len() - 1);
        let index = context.known().index();
        let begins_item = matches!(context.frame, Frame::Top)
            && !matches!(context.kind(taken + 1), Some(TokenKind::Colon | TokenKind::Comma | TokenKind::Minus));
        if let Some(owner) = index.follow(&path) {
            let shape = index.get(owner).and_then(|symbol| symbol.shape());
            if begins_item {
                for key in shape.into_iter().flat_map(|shape| shape.keys) {
                    if let (None, Some(shape)) = (index.member(owner, key.name), shape) {
                        let insert = format!("{}: ", key.name);
                        self.add(key.name, CandidateKind::Key, key.value, key_text(shape, key), insert);
                    }
                }
                return;
            }
            for member in index.members(owner) {
                self.symbol(member, CandidateKind::Member);
            }
            // An address that DHCP will give is not written.
            let dynamic = shape.filter(|shape| shape.name == "Iface" && index.member(owner, "address").is_none());
            if let Some((shape, key)) = dynamic.and_then(|shape| Some((shape, shape.key("address")?))) {
                self.add(key.name, CandidateKind::Member, key.value, key_text(shape, key), key.name.to_owned());
            }
        } else if let [object] = path[..] {
            for field in vocabulary::PACKET_FIELDS.iter().filter(|field| field.object().eq_ignore_ascii_case(object)) {
                self.field(field, field.member());
            }
        }
    }

    fn field(&mut self, field: &PacketField, label: &str) {
        self.add(label, CandidateKind::Field, field.domain.describe(), field_text(field), label.to_owned());
    }

    fn symbol(&mut self, id: SymbolId, kind: CandidateKind) {
        let file = self.context.known();
        let Some(symbol) = file.index().get(id) else { return };
        let name = file.source().slice(symbol.name).to_owned();
        let value = file.source().slice(symbol.value);
        let detail = match kind {
            CandidateKind::Function | CandidateKind::Iface | CandidateKind::Object => String::new(),
            _ => value.lines().next().unwrap_or_default().chars().take(40).collect(),
        };
        let doc = file.describe(Meaning::Definition(id), &name).unwrap_or_default();
        self.add(&name, kind, &detail, doc, name.clone());
    }

    /// Names of the top level of the kinds wanted.
    fn symbols(&mut self, wanted: impl Fn(SymbolKind) -> bool) {
        let index = self.context.known().index();
        for (_, id) in index.names() {
            let Some(symbol) = index.get(id) else { continue };
            let kind = match symbol.kind {
                SymbolKind::Constant => CandidateKind::Constant,
                SymbolKind::Object(ObjectKind::Iface) => CandidateKind::Iface,
                SymbolKind::Object(_) => CandidateKind::Object,
                SymbolKind::Function(..) => CandidateKind::Function,
                SymbolKind::Unknown | SymbolKind::Member(_) | SymbolKind::Label => continue,
            };
            if wanted(symbol.kind) {
                self.symbol(id, kind);
            }
        }
    }

    fn constants(&mut self) {
        self.symbols(|kind| matches!(kind, SymbolKind::Constant | SymbolKind::Object(ObjectKind::Iface)));
    }

    fn predefined(&mut self, class: impl Fn(Class) -> bool) {
        for constant in vocabulary::PREDEFINED.iter().filter(|constant| class(constant.class)) {
            if self.found.iter().all(|found| found.label != constant.name) {
                let doc = predefined(constant.name).unwrap_or_default();
                let insert = constant.name.to_owned();
                self.add(constant.name, CandidateKind::Predefined, constant.doc, doc, insert);
            }
        }
    }

    fn value(&mut self, key: Option<&'static Key>) {
        match key.map_or(Wanted::Anything, Wanted::by) {
            Wanted::Nothing => {}
            Wanted::Words(words) => words.iter().for_each(|word| self.word(CandidateKind::Word, word)),
            Wanted::Functions => {
                let forward = key.is_some_and(|key| key.name == policy::Hook::Forward.name());
                self.symbols(|kind| match kind {
                    SymbolKind::Function(FunctionKind::Nat, _) => !forward,
                    SymbolKind::Function(FunctionKind::Filter, subtype) => subtype == Some(Subtype::Ip),
                    _ => false,
                });
            }
            Wanted::Iface => self.symbols(|kind| matches!(kind, SymbolKind::Object(ObjectKind::Iface))),
            Wanted::Bool => ["true", "false"].iter().for_each(|word| self.keyword(word)),
            Wanted::Address => self.constants(),
            Wanted::Integer => {
                self.symbols(|kind| matches!(kind, SymbolKind::Constant));
                self.predefined(|class| class == Class::Port);
            }
            Wanted::Anything => {
                self.constants();
                self.predefined(|_| true);
                ["true", "false"].iter().for_each(|word| self.keyword(word));
            }
        }
    }

    fn statements(&mut self, inside: Inside) {
        let own = |action: &vocabulary::Action| action.kind.is_none_or(|kind| kind == inside.kind);
        for action in vocabulary::ACTIONS.iter().filter(|action| own(action)) {
            let insert = action.name.to_owned();
            self.add(action.name, CandidateKind::Action, action.usage, action_text(action), insert);
        }
        self.symbols(|kind| match kind {
            SymbolKind::Function(kind, subtype) => {
                kind == inside.kind && subtype.is_none_or(|subtype| inside.subtype.holds(subtype))
            }
            _ => false,
        });
        for (kind, word) in vocabulary::FUNCTION_TYPES {
            if *kind == inside.kind {
                let label = format!("{}::", word.name);
                self.add(&label, CandidateKind::Type, word.doc, word_text("", word), label.clone());
            }
        }
        self.keyword("if");
        if self.context.kind(0) == Some(TokenKind::CloseBrace) {
            self.keyword("else");
        }
    }

    /// The left side of a test, or the right one.
    fn condition(&mut self, inside: Inside) {
        use TokenKind::*;
        let context = self.context;
        match context.kind(0) {
            Some(Equal | NotEqual | Less | Greater | LessOrEqual | GreaterOrEqual | In) => {
                self.compared(context.before.len() - 1, inside);
            }
            Some(OpenBracket | Comma) => {
                // In a set: what it is compared with stands before its `in`.
                let upto = context.before.iter().rposition(|token| token.kind == In);
                upto.into_iter().for_each(|upto| self.compared(upto, inside));
            }
            _ => {
                self.fields(inside);
                self.constants();
                let limit = &vocabulary::LIMIT;
                self.add(limit.name, CandidateKind::Action, limit.usage, action_text(limit), limit.name.to_owned());
                self.keyword("not");
            }
        }
    }

    /// Values that may be compared with the property before the operator at `operator`.
    fn compared(&mut self, operator: usize, inside: Inside) {
        let context = self.context;
        let (path, _) = context.path_before(operator);
        match vocabulary::packet_field(&path.join(".")).map(|field| field.domain) {
            Some(Domain::Protocol) => self.predefined(|class| class == Class::Protocol),
            Some(Domain::IcmpType) => self.predefined(|class| class == Class::IcmpType),
            Some(Domain::Icmpv6Type) => self.predefined(|class| class == Class::Icmpv6Type),
            Some(Domain::State) => self.predefined(|class| class == Class::State),
            Some(Domain::Flags) => self.predefined(|class| class == Class::TcpFlag),
            Some(Domain::Iface) => return self.symbols(|kind| matches!(kind, SymbolKind::Object(ObjectKind::Iface))),
            Some(Domain::Bool) => return,
            Some(Domain::Integer(_)) => self.predefined(|class| class == Class::Port),
            Some(Domain::Address) | None => {}
        }
        self.constants();
        self.fields(inside);
    }

    /// Packet properties that packets have in such a function.
    fn fields(&mut self, inside: Inside) {
        let visible = |protocol: Protocol| match protocol {
            Protocol::Any => true,
            Protocol::Tcp => inside.subtype == Subtype::Tcp,
            Protocol::Udp => inside.subtype == Subtype::Udp,
            Protocol::Icmp => inside.subtype == Subtype::Icmp,
            Protocol::Icmpv6 => inside.subtype == Subtype::Icmpv6,
        };
        let seen = |object: &str| {
            let mut fields = vocabulary::PACKET_FIELDS.iter();
            fields.any(|field| field.object().eq_ignore_ascii_case(object) && visible(field.protocol))
        };
        for word in vocabulary::PACKET_OBJECTS.iter().filter(|word| seen(word.name)) {
            self.add(word.name, CandidateKind::PacketObject, word.doc, word_text("", word), word.name.to_owned());
        }
        for field in vocabulary::PACKET_FIELDS.iter().filter(|field| field.object().is_empty()) {
            self.field(field, field.name);
        }
    }

    fn argument(&mut self, action: Span, inside: Inside, commas: usize) {
        let Some(known) = vocabulary::action(self.context.text(action)) else { return };
        if commas == 0 && !known.words.is_empty() {
            return known.words.iter().for_each(|word| self.word(CandidateKind::Word, word));
        }
        match known.kind {
            // What is logged.
            None => {
                self.fields(inside);
                self.constants();
            }
            Some(FunctionKind::Nat) => {
                self.constants();
                self.predefined(|class| class == Class::Port);
            }
            Some(FunctionKind::Filter) => {}
        }
    }
}
