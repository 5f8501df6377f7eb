//! One walk over the tree. Definitions first, then the members that are set out of line, the shorter paths first, as
//! the compiler does; then everything that refers to them.

use super::{Index, Meaning, Occurrence, Symbol, SymbolId, SymbolKind};
use nacl::ast::{
    Action, Ast, Body, Entry, Expr, Function, Item, Name, Object, Path, Statement, Test, Value, ValueKind,
};
use nacl::vocabulary::{self, Key, Shape, Word};
use nacl::{Source, Span};
use std::collections::BTreeMap;

pub fn build(source: &Source) -> Index {
    let mut ignored = Vec::new();
    let lexed = nacl::lex::lex(source, &mut ignored);
    let ast = nacl::parse::parse(source, &lexed, &mut ignored);
    let mut builder = Builder { index: Index::default() };
    builder.definitions(&ast);
    builder.members(&ast);
    for item in &ast.items {
        builder.uses(item);
    }
    let mut index = builder.index;
    index.occurrences.sort_by_key(|found| found.span);
    // Only a tree with mistakes in it could name one place twice.
    index.occurrences.dedup_by(|next, last| next.span.start < last.span.end);
    index
}

struct Builder {
    index: Index,
}

/// Where a value stands: at a key of an object with known keys, or anywhere else.
#[derive(Clone, Copy, Default)]
struct Slot {
    shape: Option<&'static Shape>,
    key: Option<&'static Key>,
    /// The member whose value this is.
    member: Option<SymbolId>,
}

impl Slot {
    /// The shape of an object that stands here.
    fn part(self, key: &str) -> Option<&'static Shape> {
        self.shape.and_then(|shape| shape.part(key))
    }
}

impl Builder {
    fn mark(&mut self, span: Span, meaning: Meaning) {
        // Some parts of a repaired tree stand nowhere.
        if span.start < span.end {
            self.index.occurrences.push(Occurrence { span, meaning });
        }
    }

    fn symbol(&mut self, symbol: Symbol) -> SymbolId {
        let id = SymbolId(self.index.symbols.len() as u32);
        self.index.symbols.push(symbol);
        id
    }

    /// Definitions of the top level, and the members of their literals.
    fn definitions(&mut self, ast: &Ast<'_>) {
        for item in &ast.items {
            match item {
                Item::Typed(typed) => {
                    let shape = vocabulary::object_type(typed.kind.text);
                    let kind = vocabulary::object_kind(typed.kind.text).map_or(SymbolKind::Unknown, SymbolKind::Object);
                    let whole = typed.kind.span.to(typed.value.span);
                    let id = self.define(typed.name, kind, whole, typed.value.span, shape);
                    self.literal(id, &typed.value);
                }
                Item::Assignment(assignment) => {
                    if let Some(name) = assignment.path.single() {
                        let whole = name.span.to(assignment.value.span);
                        let id = self.define(name, SymbolKind::Constant, whole, assignment.value.span, None);
                        self.literal(id, &assignment.value);
                    }
                }
                Item::Function(function) => {
                    let Some(name) = function.name else { continue };
                    let subtype = vocabulary::subtype(function.subtype.text);
                    let kind = match vocabulary::function_type(function.kind.text) {
                        Some(kind) => SymbolKind::Function(kind, subtype),
                        None => SymbolKind::Unknown,
                    };
                    let whole = function.kind.span.to(function.body.span);
                    self.define(name, kind, whole, function.body.span, None);
                }
            }
        }
    }

    /// A second definition of one name is another definition of the same symbol.
    fn define(
        &mut self,
        name: Name<'_>,
        kind: SymbolKind,
        whole: Span,
        value: Span,
        shape: Option<&'static Shape>,
    ) -> SymbolId {
        let id = match self.index.find(name.text) {
            Some(id) => id,
            None => {
                let folds = shape.is_some();
                let members = BTreeMap::new();
                let symbol = Symbol { kind, name: name.span, whole, value, owner: None, members, folds, shape };
                let id = self.symbol(symbol);
                self.index.by_name.insert(name.text.to_owned(), id);
                id
            }
        };
        self.mark(name.span, Meaning::Definition(id));
        id
    }

    /// The members of a symbol whose value is an object literal.
    fn literal(&mut self, owner: SymbolId, value: &Value<'_>) {
        if let ValueKind::Object(object) = &value.kind {
            for Entry { key, value } in &object.entries {
                self.member(owner, *key, key.span.to(value.span), value);
            }
        }
    }

    fn member(&mut self, owner: SymbolId, key: Name<'_>, whole: Span, value: &Value<'_>) {
        let Some(of) = self.index.get(owner) else { return };
        let id = match of.member(key.text) {
            Some(id) => id,
            None => {
                let folds = of.folds;
                let known = of.shape.and_then(|shape| shape.key(key.text));
                let is_object = matches!(value.kind, ValueKind::Object(_) | ValueKind::List(_));
                let shape = of.shape.and_then(|shape| shape.part(key.text)).filter(|_| is_object);
                let symbol = Symbol {
                    kind: SymbolKind::Member(known),
                    name: key.span,
                    whole,
                    value: value.span,
                    owner: Some(owner),
                    members: BTreeMap::new(),
                    folds,
                    shape,
                };
                let id = self.symbol(symbol);
                let name = if folds { key.text.to_ascii_lowercase() } else { key.text.to_owned() };
                if let Some(of) = self.index.symbols.get_mut(owner.0 as usize) {
                    of.members.insert(name, id);
                }
                id
            }
        };
        self.mark(key.span, Meaning::Definition(id));
        self.literal(id, value);
    }

    /// Members that are set out of line.
    fn members(&mut self, ast: &Ast<'_>) {
        let assignments = ast.items.iter().filter_map(|item| match item {
            Item::Assignment(assignment) if assignment.path.parts.len() > 1 => Some(assignment),
            _ => None,
        });
        let mut assignments: Vec<_> = assignments.collect();
        assignments.sort_by_key(|assignment| assignment.path.parts.len());
        for assignment in assignments {
            let Some((key, owners)) = assignment.path.parts.split_last() else { continue };
            match self.references(owners) {
                Some(owner) => {
                    self.member(owner, *key, assignment.path.span().to(assignment.value.span), &assignment.value)
                }
                None => self.mark(key.span, Meaning::Unknown),
            }
        }
    }

    /// Marks each part of a path to something that the file defines; what it leads to, if it leads somewhere.
    fn references(&mut self, parts: &[Name<'_>]) -> Option<SymbolId> {
        let mut at: Option<SymbolId> = None;
        for (depth, part) in parts.iter().enumerate() {
            let next = match at {
                None if depth == 0 => self.index.find(part.text),
                None => None,
                Some(owner) => self.index.member(owner, part.text),
            };
            let meaning = match (next, at.and_then(|owner| self.index.get(owner)).and_then(|owner| owner.shape)) {
                (Some(id), _) => Meaning::Reference(id),
                (None, Some(shape)) => shape.key(part.text).map_or(Meaning::Unknown, |key| Meaning::Key(shape, key)),
                (None, None) => Meaning::Unknown,
            };
            self.mark(part.span, meaning);
            at = next;
        }
        at
    }

    fn uses(&mut self, item: &Item<'_>) {
        match item {
            Item::Typed(typed) => {
                match vocabulary::object_type(typed.kind.text) {
                    Some(shape) => self.mark(typed.kind.span, Meaning::Type(shape)),
                    None => self.mark(typed.kind.span, Meaning::Unknown),
                }
                let id = self.index.find(typed.name.text);
                let shape = vocabulary::object_type(typed.kind.text);
                match &typed.value.kind {
                    ValueKind::Object(_) => self.value_of(id, &typed.value, Slot { shape, ..Slot::default() }),
                    // `Gateway gw [ … ]`: each element is a route.
                    ValueKind::List(elements) => {
                        let route = shape.and_then(|shape| shape.part(""));
                        elements.iter().for_each(|element| self.element(element, route));
                    }
                    // `Iface eth0 dhcp`
                    _ => {
                        let key = shape.and_then(|shape| shape.key("config"));
                        self.value(&typed.value, Slot { shape, key, member: None });
                    }
                }
            }
            Item::Assignment(assignment) => {
                let parts: Vec<&str> = assignment.path.parts.iter().map(|part| part.text).collect();
                let id = self.index.follow(&parts);
                let slot = id.map(|id| self.slot(id)).unwrap_or_default();
                self.value_of(id, &assignment.value, slot);
            }
            Item::Function(function) => self.function(function),
        }
    }

    /// Where the value of a symbol stands.
    fn slot(&self, id: SymbolId) -> Slot {
        let Some(symbol) = self.index.get(id) else { return Slot::default() };
        match symbol.kind {
            SymbolKind::Member(key) => {
                let owner = symbol.owner.and_then(|owner| self.index.get(owner));
                Slot { shape: owner.and_then(|owner| owner.shape), key, member: Some(id) }
            }
            _ => Slot { shape: symbol.shape, ..Slot::default() },
        }
    }

    /// The value of a symbol; the members of an object literal have symbols of their own.
    fn value_of(&mut self, id: Option<SymbolId>, value: &Value<'_>, slot: Slot) {
        match (&value.kind, id) {
            (ValueKind::Object(object), Some(id)) => {
                for Entry { key, value } in &object.entries {
                    match self.index.member(id, key.text) {
                        Some(member) => self.value_of(Some(member), value, self.slot(member)),
                        None => self.value(value, Slot::default()),
                    }
                }
            }
            _ => self.value(value, slot),
        }
    }

    fn value(&mut self, value: &Value<'_>, slot: Slot) {
        match &value.kind {
            ValueKind::Path(path) => self.path_at(path, slot),
            ValueKind::List(elements) => {
                let shape = slot.key.and_then(|key| slot.part(key.name));
                for element in elements {
                    match &element.kind {
                        ValueKind::Object(object) => self.object(object, shape),
                        _ => self.value(element, slot),
                    }
                }
            }
            ValueKind::Object(object) => self.object(object, slot.key.and_then(|key| slot.part(key.name))),
            _ => {}
        }
    }

    /// An element of a list.
    fn element(&mut self, value: &Value<'_>, shape: Option<&'static Shape>) {
        match &value.kind {
            ValueKind::Object(object) => self.object(object, shape),
            _ => self.value(value, Slot::default()),
        }
    }

    /// An object that no path leads to.
    fn object(&mut self, object: &Object<'_>, shape: Option<&'static Shape>) {
        for Entry { key, value } in &object.entries {
            let known = shape.and_then(|shape| Some((shape, shape.key(key.text)?)));
            let meaning = known.map_or(Meaning::Unknown, |(shape, key)| Meaning::Key(shape, key));
            self.mark(key.span, meaning);
            self.value(value, Slot { shape, key: known.map(|(_, key)| key), member: None });
        }
    }

    fn path_at(&mut self, path: &Path<'_>, slot: Slot) {
        // Where words may stand, names do not.
        if let Some(key) = slot.key.filter(|key| !key.words.is_empty()) {
            return self.word(path, key.words);
        }
        let leads_to = self.path(path);
        if let (Some(function), Some(member)) = (leads_to, slot.member)
            && matches!(self.index.get(function).map(|symbol| symbol.kind), Some(SymbolKind::Function(..)))
        {
            self.index.chains.push((function, member));
        }
    }

    fn word(&mut self, path: &Path<'_>, words: &'static [Word]) {
        let known = path.single().and_then(|name| words.iter().find(|word| word.name.eq_ignore_ascii_case(name.text)));
        self.mark(path.span(), known.map_or(Meaning::Unknown, Meaning::Word));
    }

    fn path(&mut self, path: &Path<'_>) -> Option<SymbolId> {
        let first = path.first();
        if self.index.find(first.text).is_some() {
            return self.references(&path.parts);
        }
        let name = path.parts.iter().map(|part| part.text).collect::<Vec<_>>().join(".");
        let field = vocabulary::packet_field(&name);
        match (&path.parts[..], field) {
            ([single], Some(field)) => self.mark(single.span, Meaning::Field(field)),
            ([single], None) => {
                let known = vocabulary::predefined(single.text).next().is_some();
                self.mark(single.span, if known { Meaning::Predefined } else { Meaning::Unknown });
            }
            ([object, rest @ ..], field) => {
                let known = vocabulary::PACKET_OBJECTS.iter().find(|word| word.name.eq_ignore_ascii_case(object.text));
                self.mark(object.span, known.map_or(Meaning::Unknown, Meaning::PacketObject));
                for part in rest {
                    self.mark(part.span, field.map_or(Meaning::Unknown, Meaning::Field));
                }
            }
            ([], _) => {}
        }
        None
    }

    fn function(&mut self, function: &Function<'_>) {
        let kind =
            vocabulary::FUNCTION_TYPES.iter().find(|(_, word)| word.name.eq_ignore_ascii_case(function.kind.text));
        self.mark(function.kind.span, kind.map_or(Meaning::Unknown, |(_, word)| Meaning::FunctionType(word)));
        let subtype =
            vocabulary::SUBTYPES.iter().find(|(_, word)| word.name.eq_ignore_ascii_case(function.subtype.text));
        // A subtype that was not written stands where the type does.
        if function.subtype.span != function.kind.span {
            self.mark(function.subtype.span, subtype.map_or(Meaning::Unknown, |(_, word)| Meaning::Subtype(word)));
        }
        self.body(&function.body);
    }

    fn body(&mut self, body: &Body<'_>) {
        for statement in &body.statements {
            match statement {
                Statement::Function(function) => {
                    self.function(function);
                    if let Some(name) = function.name {
                        let whole = function.kind.span.to(function.body.span);
                        let (value, members) = (function.body.span, BTreeMap::new());
                        let kind = SymbolKind::Label;
                        let symbol = Symbol {
                            kind,
                            name: name.span,
                            whole,
                            value,
                            owner: None,
                            members,
                            folds: false,
                            shape: None,
                        };
                        let id = self.symbol(symbol);
                        self.mark(name.span, Meaning::Definition(id));
                    }
                }
                Statement::If(conditional) => {
                    for arm in &conditional.arms {
                        self.expr(&arm.condition);
                        self.body(&arm.body);
                    }
                    conditional.otherwise.iter().for_each(|body| self.body(body));
                }
                Statement::Action(action) => self.action(action),
            }
        }
    }

    fn action(&mut self, action: &Action<'_>) {
        let known = vocabulary::action(action.name.text);
        let own = self.index.find(action.name.text);
        let arguments = match (known, own) {
            // Actions of the language go before functions of the file, extensions behind.
            (Some(known), None) => self.known_action(known, action),
            (Some(known), Some(_)) if !known.extension => self.known_action(known, action),
            (_, Some(id)) => {
                self.mark(action.name.span, Meaning::Reference(id));
                &action.arguments[..]
            }
            (None, None) => {
                self.mark(action.name.span, Meaning::Unknown);
                &action.arguments[..]
            }
        };
        arguments.iter().for_each(|argument| self.value(argument, Slot::default()));
    }

    /// The arguments that are left to look at.
    fn known_action<'a, 's>(&mut self, known: &'static vocabulary::Action, action: &'a Action<'s>) -> &'a [Value<'s>] {
        self.mark(action.name.span, Meaning::Action(known));
        match (&action.arguments[..], known.words) {
            ([first, rest @ ..], words) if !words.is_empty() => {
                match &first.kind {
                    ValueKind::Path(path) => self.word(path, words),
                    _ => self.value(first, Slot::default()),
                }
                rest
            }
            (arguments, _) => arguments,
        }
    }

    fn expr(&mut self, expr: &Expr<'_>) {
        match expr {
            Expr::Or(parts) | Expr::And(parts) => parts.iter().for_each(|part| self.expr(part)),
            Expr::Not(inner, _) => self.expr(inner),
            Expr::Test(test) => match &**test {
                Test::Bare(value) => self.value(value, Slot::default()),
                Test::Compare { left, right, .. } => {
                    self.value(left, Slot::default());
                    self.value(right, Slot::default());
                }
                Test::Call { name, arguments, .. } => {
                    let limit = vocabulary::LIMIT.name.eq_ignore_ascii_case(name.text);
                    let meaning = match self.index.find(name.text) {
                        Some(id) => Meaning::Reference(id),
                        None if limit => Meaning::Action(&vocabulary::LIMIT),
                        None => Meaning::Unknown,
                    };
                    self.mark(name.span, meaning);
                    arguments.iter().for_each(|argument| self.value(argument, Slot::default()));
                }
            },
            Expr::Error(_) => {}
        }
    }
}
