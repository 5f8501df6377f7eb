//! Our answers in the protocol's types.

use super::document::Document;
use ide::{Candidate, CandidateKind, Edit, Fix, Heading, HeadingKind, Hover};
use lsp_types::{
    Code, CodeAction, CodeActionKind, CompletionItem, CompletionItemKind, CompletionItemTextEdit, Contents, Diagnostic,
    DiagnosticRelatedInformation, DiagnosticSeverity, DiagnosticTag, DocumentSymbol, Documentation, Location,
    MarkupContent, MarkupKind, Message, SymbolKind, TextEdit, Uri, WorkspaceEdit,
};
use nacl::Severity;
use nacl::Span;

pub fn diagnostic(document: &Document, found: &nacl::Diagnostic) -> Diagnostic {
    let message = match &found.help {
        Some(help) => format!("{}\nhelp: {help}", found.message),
        None => found.message.clone(),
    };
    let related = |(span, message): &(Span, String)| DiagnosticRelatedInformation {
        location: location(document, *span),
        message: message.clone(),
    };
    let severity = match found.severity {
        Severity::Error => DiagnosticSeverity::Error,
        Severity::Warning => DiagnosticSeverity::Warning,
        Severity::Note => DiagnosticSeverity::Information,
    };
    // Editors show these paler, or struck through.
    let tag = match found.code {
        nacl::Code::UnusedConstant | nacl::Code::UnusedFunction | nacl::Code::UnreachableStatement => {
            Some(DiagnosticTag::Unnecessary)
        }
        nacl::Code::DeprecatedKey => Some(DiagnosticTag::Deprecated),
        _ => None,
    };
    Diagnostic {
        range: document.range(found.span),
        severity: Some(severity),
        code: Some(Code::String(found.code.name().to_owned())),
        source: Some("saltgate".to_owned()),
        message: Message::String(message),
        tags: tag.map(|tag| vec![tag]),
        related_information: Some(found.related.iter().map(related).collect()).filter(|list: &Vec<_>| !list.is_empty()),
        ..Diagnostic::default()
    }
}

pub fn location(document: &Document, span: Span) -> Location {
    Location { uri: Uri::from(document.file.source().name()), range: document.range(span) }
}

fn markdown(text: String) -> MarkupContent {
    MarkupContent { kind: MarkupKind::Markdown, value: text }
}

pub fn hover(document: &Document, hover: Hover) -> lsp_types::Hover {
    let contents = Contents::MarkupContent(markdown(hover.markdown));
    lsp_types::Hover { contents, range: Some(document.range(hover.span)) }
}

fn text_edit(document: &Document, edit: Edit) -> TextEdit {
    TextEdit { range: document.range(edit.span), new_text: edit.text }
}

pub fn text_edits(document: &Document, edits: Vec<Edit>) -> Vec<TextEdit> {
    edits.into_iter().map(|edit| text_edit(document, edit)).collect()
}

pub fn workspace_edit(document: &Document, edits: Vec<Edit>) -> WorkspaceEdit {
    let uri = Uri::from(document.file.source().name());
    WorkspaceEdit { changes: Some([(uri, text_edits(document, edits))].into()), ..WorkspaceEdit::default() }
}

pub fn completion(document: &Document, candidate: Candidate) -> CompletionItem {
    let kind = match candidate.kind {
        CandidateKind::Type => CompletionItemKind::Class,
        CandidateKind::Key | CandidateKind::Member => CompletionItemKind::Property,
        CandidateKind::PacketObject => CompletionItemKind::Module,
        CandidateKind::Field => CompletionItemKind::Field,
        CandidateKind::Action | CandidateKind::Keyword => CompletionItemKind::Keyword,
        CandidateKind::Function => CompletionItemKind::Function,
        CandidateKind::Constant | CandidateKind::Predefined => CompletionItemKind::Constant,
        CandidateKind::Iface => CompletionItemKind::Interface,
        CandidateKind::Object => CompletionItemKind::Struct,
        CandidateKind::Word => CompletionItemKind::EnumMember,
    };
    let edit = Edit { span: candidate.replaced, text: candidate.insert };
    CompletionItem {
        label: candidate.label,
        kind: Some(kind),
        detail: Some(candidate.detail).filter(|detail| !detail.is_empty()),
        documentation: Some(candidate.doc)
            .filter(|doc| !doc.is_empty())
            .map(|doc| Documentation::MarkupContent(markdown(doc))),
        text_edit: Some(CompletionItemTextEdit::TextEdit(text_edit(document, edit))),
        ..CompletionItem::default()
    }
}

#[expect(deprecated, reason = "every field must be named, also the one that nobody sends any more")]
pub fn symbol(document: &Document, heading: Heading) -> DocumentSymbol {
    let kind = match heading.kind {
        HeadingKind::Constant => SymbolKind::Constant,
        HeadingKind::Iface => SymbolKind::Interface,
        HeadingKind::Object => SymbolKind::Object,
        HeadingKind::Function => SymbolKind::Function,
        HeadingKind::Part => SymbolKind::Struct,
        HeadingKind::Key => SymbolKind::Property,
    };
    let children: Vec<DocumentSymbol> = heading.children.into_iter().map(|child| symbol(document, child)).collect();
    DocumentSymbol {
        name: heading.name,
        detail: Some(heading.detail).filter(|detail| !detail.is_empty()),
        kind,
        tags: None,
        deprecated: None,
        range: document.range(heading.whole),
        selection_range: document.range(heading.name_span),
        children: Some(children).filter(|children| !children.is_empty()),
    }
}

pub fn quick_fix(document: &Document, fix: Fix<'_>) -> CodeAction {
    CodeAction {
        title: fix.title,
        kind: Some(CodeActionKind::QuickFix),
        diagnostics: Some(vec![diagnostic(document, fix.diagnostic)]),
        is_preferred: Some(true),
        edit: Some(workspace_edit(document, vec![fix.edit])),
        ..CodeAction::default()
    }
}
