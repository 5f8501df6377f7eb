//! Messages in, messages out, one at a time.
//!
//! Diagnostics are sent when the client pauses: a burst of keystrokes costs one compilation.

use super::convert;
use super::document::Document;
use super::lines::Encoding;
use crate::Answer;
use anyhow::{Context, Result};
use lsp_server::{Connection, ErrorCode, Message, Notification, Request, RequestId, Response};
use lsp_types::{
    CodeActionKind, CodeActionOptions, CodeActionProvider, CodeActionRequest, CodeActionResponse, CompletionOptions,
    CompletionRequest, CompletionResponse, Definition, DefinitionProvider, DefinitionRequest, DefinitionResponse,
    DidChangeTextDocumentParams, DidCloseTextDocumentParams, DidOpenTextDocumentParams, DocumentFormattingProvider,
    DocumentFormattingRequest, DocumentHighlight, DocumentHighlightKind, DocumentHighlightProvider,
    DocumentHighlightRequest, DocumentSymbolProvider, DocumentSymbolRequest, DocumentSymbolResponse, HoverProvider,
    HoverRequest, InitializeParams, InitializeResult, LspNotificationMethod, LspRequestMethod,
    PrepareRenamePlaceholder, PrepareRenameRequest, PrepareRenameResult, PublishDiagnosticsParams, ReferencesProvider,
    ReferencesRequest, RenameOptions, RenameProvider, RenameRequest, ServerCapabilities, ServerInfo,
    TextDocumentPositionParams, TextDocumentSync, TextDocumentSyncKind, TextDocumentSyncOptions, Uri,
};
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// A pause in the client's messages after which diagnostics are sent.
const PAUSE: Duration = Duration::from_millis(40);
/// The longest that they wait for one.
const PATIENCE: Duration = Duration::from_millis(500);

/// Talks to a client until it says `exit` or goes away. The answer is the protocol's exit status: no, if the client
/// left without a word.
pub fn serve(connection: &Connection) -> Result<Answer> {
    let (id, params) = connection.initialize_start().context("the editor did not begin a session")?;
    let params: InitializeParams = serde_json::from_value(params).context("an `initialize` that is none")?;
    let wishes = params.capabilities.general.and_then(|general| general.position_encodings).unwrap_or_default();
    let mut server = Server {
        connection,
        encoding: Encoding::choose(&wishes),
        documents: BTreeMap::new(),
        stale: BTreeSet::new(),
        shut_down: false,
    };
    let server_info = ServerInfo { name: "saltgate".to_owned(), version: Some(env!("CARGO_PKG_VERSION").to_owned()) };
    server.send(Response::new_ok(
        id,
        InitializeResult { capabilities: capabilities(server.encoding), server_info: Some(server_info) },
    ));
    server.run()
}

fn capabilities(encoding: Encoding) -> ServerCapabilities {
    let sync = TextDocumentSyncOptions {
        open_close: Some(true),
        change: Some(TextDocumentSyncKind::Incremental),
        ..TextDocumentSyncOptions::default()
    };
    let completion = CompletionOptions {
        trigger_characters: Some([".", ":"].map(str::to_owned).to_vec()),
        ..CompletionOptions::default()
    };
    let fixes =
        CodeActionOptions { code_action_kinds: Some(vec![CodeActionKind::QuickFix]), ..CodeActionOptions::default() };
    ServerCapabilities {
        position_encoding: Some(encoding.kind()),
        text_document_sync: Some(TextDocumentSync::Options(sync)),
        completion_provider: Some(completion),
        hover_provider: Some(HoverProvider::Bool(true)),
        definition_provider: Some(DefinitionProvider::Bool(true)),
        references_provider: Some(ReferencesProvider::Bool(true)),
        document_highlight_provider: Some(DocumentHighlightProvider::Bool(true)),
        document_symbol_provider: Some(DocumentSymbolProvider::Bool(true)),
        code_action_provider: Some(CodeActionProvider::CodeActionOptions(fixes)),
        document_formatting_provider: Some(DocumentFormattingProvider::Bool(true)),
        rename_provider: Some(RenameProvider::RenameOptions(RenameOptions {
            prepare_provider: Some(true),
            ..RenameOptions::default()
        })),
        ..ServerCapabilities::default()
    }
}

struct Server<'c> {
    connection: &'c Connection,
    encoding: Encoding,
    /// By their URIs.
    documents: BTreeMap<String, Document>,
    /// URIs of those whose diagnostics were not sent yet.
    stale: BTreeSet<String>,
    shut_down: bool,
}

/// An error of the protocol, and a sentence for its user.
type Refused = (ErrorCode, String);

impl Server<'_> {
    fn run(&mut self) -> Result<Answer> {
        let mut stale_since = Instant::now();
        loop {
            let message = if self.stale.is_empty() {
                stale_since = Instant::now();
                self.connection.receiver.recv().ok()
            } else {
                match self.connection.receiver.recv_timeout(PAUSE) {
                    Ok(message) => Some(message),
                    Err(error) if error.is_timeout() => {
                        self.publish();
                        continue;
                    }
                    Err(_) => None,
                }
            };
            match message {
                None => return Ok(self.left()),
                Some(Message::Notification(note)) if note.method == LspNotificationMethod::Exit.as_str() => {
                    return Ok(self.left());
                }
                Some(Message::Notification(note)) => self.notified(note),
                Some(Message::Request(request)) => {
                    let response = self.respond(request);
                    self.send(response);
                }
                // We ask nothing.
                Some(Message::Response(_)) => {}
            }
            if stale_since.elapsed() > PATIENCE {
                self.publish();
            }
        }
    }

    fn left(&self) -> Answer {
        if self.shut_down { Answer::Yes } else { Answer::No }
    }

    fn send(&self, message: impl Into<Message>) {
        // A client that has gone is noticed where it is read from.
        let _ = self.connection.sender.send(message.into());
    }

    fn publish(&mut self) {
        for uri in std::mem::take(&mut self.stale) {
            let (version, diagnostics) = match self.documents.get(&uri) {
                Some(document) => {
                    let found = document.file.diagnostics().iter();
                    (Some(document.version), found.map(|found| convert::diagnostic(document, found)).collect())
                }
                // Closed: the list of problems is about files that are open.
                None => (None, Vec::new()),
            };
            let params = PublishDiagnosticsParams { uri: Uri::from(uri), version, diagnostics };
            let method = LspNotificationMethod::TextDocumentPublishDiagnostics.as_str().to_owned();
            self.send(Notification::new(method, params));
        }
    }

    /// Notifications cannot be answered: what is no good is passed over.
    fn notified(&mut self, note: Notification) {
        match LspNotificationMethod::from(note.method.as_str()) {
            LspNotificationMethod::TextDocumentDidOpen => {
                let Some(params) = params_of::<DidOpenTextDocumentParams>(note) else { return };
                let opened = params.text_document;
                let uri = opened.uri.0;
                let document = Document::new(&uri, opened.version, opened.text, self.encoding);
                self.documents.insert(uri.clone(), document);
                self.stale.insert(uri);
            }
            LspNotificationMethod::TextDocumentDidChange => {
                let Some(params) = params_of::<DidChangeTextDocumentParams>(note) else { return };
                let uri = params.text_document.text_document_identifier.uri.0;
                let Some(document) = self.documents.get_mut(&uri) else { return };
                document.change(params.text_document.version, params.content_changes);
                self.stale.insert(uri);
            }
            LspNotificationMethod::TextDocumentDidClose => {
                let Some(params) = params_of::<DidCloseTextDocumentParams>(note) else { return };
                let uri = params.text_document.uri.0;
                self.documents.remove(&uri);
                self.stale.insert(uri);
            }
            _ => {}
        }
    }

    fn respond(&mut self, request: Request) -> Response {
        use LspRequestMethod as Method;
        if self.shut_down {
            let message = "the server was told to shut down".to_owned();
            return Response::new_err(request.id, ErrorCode::InvalidRequest as i32, message);
        }
        let Request { id, method, params } = request;
        let request = Asked { id, params };
        match Method::from(method.as_str()) {
            Method::Shutdown => {
                self.shut_down = true;
                Response::new_ok(request.id, ())
            }
            Method::TextDocumentHover => request.answer::<HoverRequest>(|asked| {
                let (document, offset) = self.place(&asked.text_document_position_params)?;
                Ok(document.file.hover(offset).map(|found| convert::hover(document, found)))
            }),
            Method::TextDocumentCompletion => request.answer::<CompletionRequest>(|asked| {
                let (document, offset) = self.place(&asked.text_document_position_params)?;
                let found = document.file.completions(offset).into_iter();
                let items = found.map(|candidate| convert::completion(document, candidate)).collect();
                Ok(Some(CompletionResponse::CompletionItemList(items)))
            }),
            Method::TextDocumentDefinition => request.answer::<DefinitionRequest>(|asked| {
                let (document, offset) = self.place(&asked.text_document_position_params)?;
                let found = document.file.definitions(offset).into_iter();
                let locations = found.map(|span| convert::location(document, span)).collect();
                Ok(Some(DefinitionResponse::Definition(Definition::LocationList(locations))))
            }),
            Method::TextDocumentReferences => request.answer::<ReferencesRequest>(|asked| {
                let (document, offset) = self.place(&asked.text_document_position_params)?;
                let found = document.file.references(offset, asked.context.include_declaration).into_iter();
                Ok(Some(found.map(|span| convert::location(document, span)).collect()))
            }),
            Method::TextDocumentDocumentHighlight => request.answer::<DocumentHighlightRequest>(|asked| {
                let (document, offset) = self.place(&asked.text_document_position_params)?;
                let found = document.file.references(offset, true).into_iter();
                let kind = Some(DocumentHighlightKind::Text);
                Ok(Some(found.map(|span| DocumentHighlight { range: document.range(span), kind }).collect()))
            }),
            Method::TextDocumentPrepareRename => request.answer::<PrepareRenameRequest>(|asked| {
                let (document, offset) = self.place(&asked.text_document_position_params)?;
                let span = document.file.renameable(offset).map_err(refused)?;
                let placeholder = document.file.source().slice(span).to_owned();
                let found = PrepareRenamePlaceholder { range: document.range(span), placeholder };
                Ok(Some(PrepareRenameResult::PrepareRenamePlaceholder(found)))
            }),
            Method::TextDocumentRename => request.answer::<RenameRequest>(|asked| {
                let (document, offset) = self.place(&asked.text_document_position_params)?;
                let edits = document.file.rename(offset, &asked.new_name).map_err(refused)?;
                Ok(Some(convert::workspace_edit(document, edits)))
            }),
            Method::TextDocumentFormatting => request.answer::<DocumentFormattingRequest>(|asked| {
                let document = self.document(&asked.text_document.uri)?;
                // Nothing, and no message, for a file with syntax errors: editors format whenever they save.
                Ok(document.file.format().map(|edits| convert::text_edits(document, edits)))
            }),
            Method::TextDocumentDocumentSymbol => request.answer::<DocumentSymbolRequest>(|asked| {
                let document = self.document(&asked.text_document.uri)?;
                let symbols = document.file.outline().into_iter().map(|heading| convert::symbol(document, heading));
                Ok(Some(DocumentSymbolResponse::DocumentSymbolList(symbols.collect())))
            }),
            Method::TextDocumentCodeAction => request.answer::<CodeActionRequest>(|asked| {
                let document = self.document(&asked.text_document.uri)?;
                let wanted = asked.context.only.is_none_or(|only| only.contains(&CodeActionKind::QuickFix));
                let fixes = if wanted { document.file.fixes(document.span(asked.range)) } else { Vec::new() };
                let actions = fixes.into_iter().map(|fix| convert::quick_fix(document, fix));
                Ok(Some(actions.map(CodeActionResponse::CodeAction).collect()))
            }),
            _ => {
                let message = format!("`{method}` is not known here");
                Response::new_err(request.id, ErrorCode::MethodNotFound as i32, message)
            }
        }
    }

    fn document(&self, uri: &Uri) -> Result<&Document, Refused> {
        let missing = || (ErrorCode::InvalidParams, format!("{} is not open", uri.0));
        self.documents.get(&uri.0).ok_or_else(missing)
    }

    fn place(&self, asked: &TextDocumentPositionParams) -> Result<(&Document, u32), Refused> {
        let document = self.document(&asked.text_document.uri)?;
        Ok((document, document.offset(asked.position)))
    }
}

fn refused(reason: ide::Refusal) -> Refused {
    (ErrorCode::RequestFailed, reason.to_string())
}

fn params_of<P: DeserializeOwned>(note: Notification) -> Option<P> {
    serde_json::from_value(note.params).ok()
}

/// A request without its method.
struct Asked {
    id: RequestId,
    params: serde_json::Value,
}

impl Asked {
    fn answer<R: lsp_types::Request>(self, answer: impl FnOnce(R::Params) -> Result<R::Result, Refused>) -> Response {
        let params = serde_json::from_value(self.params).map_err(|error| (ErrorCode::InvalidParams, error.to_string()));
        match params.and_then(answer) {
            Ok(result) => Response::new_ok(self.id, result),
            Err((code, message)) => Response::new_err(self.id, code as i32, message),
        }
    }
}
