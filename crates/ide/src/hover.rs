//! What stands under the cursor, in Markdown.

use crate::File;
use crate::index::{Index, Meaning, Symbol, SymbolId, SymbolKind};
use nacl::Span;
use nacl::vocabulary::{self, Action, Domain, Key, PacketField, Protocol, Shape, Word};
use std::fmt::Write;

/// Most lines and bytes of a definition that are shown.
const MAX_LINES: usize = 24;
const MAX_BYTES: usize = 2000;
/// Most constants that are followed to find a value.
const MAX_STEPS: usize = 100;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hover {
    pub span: Span,
    pub markdown: String,
}

impl File {
    /// What the word at an offset is; `None` for what is no word, and for what means nothing.
    pub fn hover(&self, offset: u32) -> Option<Hover> {
        let found = self.index().at(offset)?;
        let markdown = self.describe(found.meaning, self.source().slice(found.span))?;
        Some(Hover { span: found.span, markdown })
    }

    pub(crate) fn describe(&self, meaning: Meaning, text: &str) -> Option<String> {
        Some(match meaning {
            Meaning::Definition(id) | Meaning::Reference(id) => self.symbol(id)?,
            Meaning::Type(shape) => shape_text(shape),
            Meaning::FunctionType(word) => word_text("type of function", word),
            Meaning::Subtype(word) => word_text("which packets a function is run for", word),
            Meaning::Key(shape, key) => key_text(shape, key),
            Meaning::PacketObject(word) => packet_object(word),
            Meaning::Field(field) => field_text(field),
            Meaning::Action(action) => action_text(action),
            Meaning::Predefined => predefined(text)?,
            Meaning::Word(word) => word_text("", word),
            Meaning::Unknown => return None,
        })
    }

    fn symbol(&self, id: SymbolId) -> Option<String> {
        let index = self.index();
        let symbol = index.get(id)?;
        let mut text = code(self.source().slice(self.shown(symbol)));
        if let Some(comment) = self.comment_above(symbol.whole.start) {
            let _ = write!(text, "\n\n{comment}");
        }
        match symbol.kind {
            SymbolKind::Constant => {
                if let Some(value) = self.value_behind(id) {
                    let _ = write!(text, "\n\n= `{value}`");
                }
            }
            SymbolKind::Object(_) => {
                if let Some(shape) = symbol.shape() {
                    let _ = write!(text, "\n\n{}", shape.doc);
                }
            }
            SymbolKind::Function(..) => {
                let chains: Vec<String> =
                    index.chains_of(id).map(|chain| format!("`{}`", self.path_of(chain))).collect();
                let calls = self.calls_of(id);
                match (&chains[..], calls) {
                    ([], 0) => text.push_str("\n\nOn no chain, and never called."),
                    ([], 1) => text.push_str("\n\nOn no chain; called once."),
                    ([], calls) => {
                        let _ = write!(text, "\n\nOn no chain; called {calls} times.");
                    }
                    (chains, _) => {
                        let _ = write!(text, "\n\nOn {}.", chains.join(", "));
                    }
                }
            }
            SymbolKind::Member(key) => {
                if let Some(value) = self.value_behind(id) {
                    let _ = write!(text, "\n\n= `{value}`");
                }
                let owner = symbol.owner.and_then(|owner| index.get(owner)).and_then(Symbol::shape);
                if let (Some(shape), Some(key)) = (owner, key) {
                    let _ = write!(text, "\n\n{}", key_text(shape, key));
                } else if let Some(shape) = symbol.shape() {
                    let _ = write!(text, "\n\n{}", shape_text(shape));
                }
            }
            SymbolKind::Label => text.push_str("\n\nThe name of a nested function is a label: nothing can call it."),
            SymbolKind::Unknown => {}
        }
        Some(text)
    }

    /// The part of a definition that says most: of a function its head.
    fn shown(&self, symbol: &Symbol) -> Span {
        match symbol.kind {
            SymbolKind::Function(..) | SymbolKind::Label => symbol.whole.before().to(symbol.name),
            _ => symbol.whole,
        }
    }

    /// Calls of a function, in other functions: what refers to it and stands on no chain.
    fn calls_of(&self, function: SymbolId) -> usize {
        let index = self.index();
        let uses = index
            .occurrences()
            .iter()
            .filter(|found| matches!(found.meaning, Meaning::Reference(id) if id == function));
        uses.count().saturating_sub(index.chains_of(function).count())
    }

    /// `eth0.address`
    pub(crate) fn path_of(&self, id: SymbolId) -> String {
        let index = self.index();
        let mut parts = Vec::new();
        let mut at = Some(id);
        while let Some(symbol) = at.and_then(|id| index.get(id)) {
            parts.push(self.source().slice(symbol.name));
            at = symbol.owner;
        }
        parts.reverse();
        parts.join(".")
    }

    /// The literal that a name for another name stands for in the end; `None` for what is a literal itself.
    fn value_behind(&self, id: SymbolId) -> Option<String> {
        let index = self.index();
        let mut value = index.get(id)?.value;
        let mut followed = 0;
        while let Some(next) = self.aliased(index, value) {
            value = next;
            followed += 1;
            if followed == MAX_STEPS {
                // A circle, which has a diagnostic.
                return None;
            }
        }
        let text = self.source().slice(value);
        if let Some(constant) = vocabulary::predefined(text).next()
            && matches!(index.at(value.start), Some(found) if matches!(found.meaning, Meaning::Predefined))
        {
            return Some(constant.number.to_string());
        }
        (followed > 0).then(|| shortened(text).replace('\n', " "))
    }

    /// The value of what a value names, if it is nothing but a path.
    fn aliased(&self, index: &Index, value: Span) -> Option<Span> {
        let last = index.at(value.end)?;
        let is_path = self.source().slice(value).bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
        let Meaning::Reference(id) = last.meaning else { return None };
        (is_path && last.span.end == value.end).then(|| index.get(id).map(|symbol| symbol.value))?
    }

    /// The line comments that stand directly above a definition.
    fn comment_above(&self, offset: u32) -> Option<String> {
        let source = self.source();
        let mut line = source.place(offset).line;
        let own = source.line(line).trim_start();
        if !own.starts_with(source.slice(Span::new(offset, offset.saturating_add(1)))) {
            return None;
        }
        let mut lines = Vec::new();
        while line > 1 && lines.len() < MAX_LINES {
            line -= 1;
            let text = source.line(line).trim();
            let Some(comment) = text.strip_prefix("//").or_else(|| text.strip_prefix('#')) else { break };
            lines.push(comment.trim_matches(['/', '#', ' ']));
        }
        lines.reverse();
        let text = lines.join("  \n");
        (!text.trim().is_empty()).then_some(text)
    }
}

fn shortened(text: &str) -> String {
    let mut kept = String::new();
    for (at, line) in text.lines().enumerate() {
        if at == MAX_LINES || kept.len() + line.len() > MAX_BYTES {
            // A single long line is cut; its beginning says what it is.
            if at == 0 {
                kept.extend(line.chars().take(MAX_BYTES / 4));
            }
            kept.push('…');
            return kept;
        }
        if at > 0 {
            kept.push('\n');
        }
        kept.push_str(line);
    }
    kept
}

/// A block of NaCl, without the indentation that its later lines share.
fn code(text: &str) -> String {
    let text = shortened(text);
    // A fence longer than any run of backquotes inside.
    let fence = if text.contains("```") { "`".repeat(16) } else { "```".to_owned() };
    format!("{fence}nacl\n{text}\n{fence}")
}

fn extension(is: bool) -> &'static str {
    if is { "\n\n*An extension: other compilers of NaCl do not know it.*" } else { "" }
}

fn shape_text(shape: &Shape) -> String {
    let mut text = format!("**{}**: {}", shape.name, shape.doc);
    if shape.single {
        text.push_str(" There can be one only.");
    }
    text.push_str("\n\n| key | value | |\n| --- | --- | --- |");
    for key in shape.keys {
        let needed = if key.required { "required" } else { "" };
        let _ = write!(text, "\n| `{}` | {} | {needed} |", key.name, key.value);
    }
    text
}

pub(crate) fn key_text(shape: &Shape, key: &Key) -> String {
    let mut text = format!("**{}** of {}: {}", key.name, shape.noun, key.value);
    if key.required {
        text.push_str(", required");
    } else if !key.default.is_empty() {
        let _ = write!(text, ", default {}", key.default);
    }
    let _ = write!(text, "\n\n{}", key.doc);
    for word in key.words {
        let _ = write!(text, "\n- `{}`: {}", word.name, word.doc);
    }
    text.push_str(extension(key.extension));
    text
}

pub(crate) fn word_text(what: &str, word: &Word) -> String {
    let what = if what.is_empty() { String::new() } else { format!(" ({what})") };
    format!("**{}**{what}: {}{}", word.name, word.doc, extension(word.extension))
}

fn packet_object(word: &Word) -> String {
    let mut text = word_text("", word);
    let fields = vocabulary::PACKET_FIELDS.iter().filter(|field| field.object().eq_ignore_ascii_case(word.name));
    text.push('\n');
    for field in fields {
        let _ = write!(text, "\n- `{}`: {}", field.name, field.doc);
    }
    text
}

pub(crate) fn field_text(field: &PacketField) -> String {
    let domain = match field.domain {
        Domain::Integer(most) => format!("an integer, 0-{most}"),
        Domain::Flags => "flags, 0-511".to_owned(),
        other => other.describe().to_owned(),
    };
    let place = match field.protocol {
        Protocol::Any => "",
        Protocol::Tcp => ", in TCP functions",
        Protocol::Udp => ", in UDP functions",
        Protocol::Icmp => ", in ICMP functions",
        Protocol::Icmpv6 => ", in ICMPv6 functions",
    };
    format!("**{}**: {domain}{place}\n\n{}{}", field.name, field.doc, extension(field.extension))
}

pub(crate) fn action_text(action: &Action) -> String {
    let mut text = format!("**{}**: {}\n\n{}", action.name, action.usage, action.doc);
    for word in action.words {
        let _ = write!(text, "\n- `{}`: {}", word.name, word.doc);
    }
    text.push_str(extension(action.extension));
    text
}

pub(crate) fn predefined(name: &str) -> Option<String> {
    let mut text = String::new();
    for constant in vocabulary::predefined(name) {
        let separator = if text.is_empty() { "" } else { "\n\n" };
        let what = constant.class.describe();
        let _ = write!(text, "{separator}**{}** = {}, {what}: {}", constant.name, constant.number, constant.doc);
    }
    (!text.is_empty()).then_some(text)
}
