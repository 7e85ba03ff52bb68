//! The loop: messages in, answers out. Every request gets one answer, whatever happens.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use lsp_server::{Connection, ErrorCode, Message, Notification, Request, Response};
use lsp_types::notification::{
    DidChangeTextDocument, DidCloseTextDocument, DidOpenTextDocument, Exit, Notification as _, PublishDiagnostics,
};
use lsp_types::request::{
    Completion, DocumentSymbolRequest, GotoDefinition, HoverRequest, Request as _, ResolveCompletionItem, Shutdown,
    SignatureHelpRequest,
};
use lsp_types::{
    CompletionOptions, CompletionResponse, DidChangeTextDocumentParams, DidCloseTextDocumentParams, DidOpenTextDocumentParams,
    DocumentSymbolResponse, GotoDefinitionResponse, HoverProviderCapability, InitializeResult, OneOf, Position,
    PublishDiagnosticsParams, ServerCapabilities, ServerInfo, SignatureHelpOptions, TextDocumentPositionParams,
    TextDocumentSyncCapability, TextDocumentSyncKind, TextDocumentSyncOptions, Uri,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::answer::{Question, resolve};
use super::document::Document;
use super::uri;
use crate::script::Parser;

/// Longest document that is looked at, in bytes; the longest script.
const MAX: usize = 16 << 20;

/// How the conversation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// After a shutdown.
    Asked,
    /// By an exit without one, or because the client went away.
    Cut,
}

/// Serves one client on standard input and output. `roots`: the module path.
///
/// # Errors
/// What is no message, or an output that is closed.
pub fn serve(roots: Vec<PathBuf>) -> std::io::Result<End> {
    let (connection, threads) = Connection::stdio();
    // Scripts are parsed on this thread, and deep ones need room.
    let talk = std::thread::Builder::new().stack_size(Parser::STACK).spawn(move || Server::new(roots).talk(&connection))?;
    match talk.join() {
        Ok(Some(end)) => threads.join().map(|()| end),
        // Nobody hears, but the client may still hold our input open: its reader is not waited for.
        _ => Ok(End::Cut),
    }
}

struct Server {
    roots: Vec<PathBuf>,
    documents: BTreeMap<Uri, Document>,
    /// Changed since they were last told of.
    stale: BTreeSet<Uri>,
    /// Asked to shut down: nothing but an exit is expected.
    down: bool,
}

type Answer = Result<serde_json::Value, (ErrorCode, String)>;

impl Server {
    fn new(roots: Vec<PathBuf>) -> Server {
        Server { roots, documents: BTreeMap::new(), stale: BTreeSet::new(), down: false }
    }

    /// `None`: the client does not read what is said.
    fn talk(mut self, connection: &Connection) -> Option<End> {
        let Ok((id, _)) = connection.initialize_start() else { return Some(End::Cut) };
        let hello = serde_json::to_value(hello()).unwrap_or_default();
        connection.sender.send(Response::new_ok(id, hello).into()).ok()?;
        while let Ok(message) = connection.receiver.recv() {
            match message {
                Message::Notification(told) if told.method == Exit::METHOD => {
                    return Some(if self.down { End::Asked } else { End::Cut });
                }
                Message::Notification(told) => self.hear(told),
                Message::Request(asked) => connection.sender.send(self.reply(asked).into()).ok()?,
                // Nothing was asked of the client.
                Message::Response(_) => {}
            }
            // While more is said, a document may change again.
            if connection.receiver.is_empty() {
                self.tell(connection)?;
            }
        }
        Some(End::Cut)
    }

    fn hear(&mut self, told: Notification) {
        match told.method.as_str() {
            DidOpenTextDocument::METHOD => {
                if let Some(DidOpenTextDocumentParams { text_document: opened }) = read(told.params) {
                    self.stale.insert(opened.uri.clone());
                    self.documents.insert(opened.uri, Document::new(opened.text, opened.version));
                }
            }
            DidChangeTextDocument::METHOD => {
                let Some(DidChangeTextDocumentParams { text_document, content_changes }) = read(told.params) else { return };
                if let Some(document) = self.documents.get_mut(&text_document.uri) {
                    content_changes.into_iter().for_each(|change| document.change(change));
                    document.version = text_document.version;
                    self.stale.insert(text_document.uri);
                }
            }
            DidCloseTextDocument::METHOD => {
                if let Some(DidCloseTextDocumentParams { text_document }) = read(told.params) {
                    self.documents.remove(&text_document.uri);
                    self.stale.insert(text_document.uri);
                }
            }
            // What is not known need not be answered.
            _ => {}
        }
    }

    /// Tells what is wrong with the documents that changed.
    fn tell(&mut self, connection: &Connection) -> Option<()> {
        while let Some(uri) = self.stale.pop_first() {
            let version = self.documents.get(&uri).map(|document| document.version);
            let found = catch_unwind(AssertUnwindSafe(|| self.about(&uri, |question| question.diagnostics())));
            let diagnostics = found.ok().flatten().unwrap_or_default();
            let told = PublishDiagnosticsParams { uri, diagnostics, version };
            let told = Notification::new(PublishDiagnostics::METHOD.to_owned(), told);
            connection.sender.send(told.into()).ok()?;
        }
        Some(())
    }

    fn reply(&mut self, asked: Request) -> Response {
        let (id, method) = (asked.id, asked.method);
        if self.down {
            return Response::new_err(id, ErrorCode::InvalidRequest as i32, "the server was shut down".into());
        }
        if method == Shutdown::METHOD {
            self.down = true;
            return Response::new_ok(id, ());
        }
        let answer = catch_unwind(AssertUnwindSafe(|| self.answer(&method, asked.params)));
        match answer.unwrap_or_else(|_| Err((ErrorCode::InternalError, format!("{method} failed")))) {
            Ok(value) => Response::new_ok(id, value),
            Err((code, why)) => Response::new_err(id, code as i32, why),
        }
    }

    fn answer(&self, method: &str, params: serde_json::Value) -> Answer {
        match method {
            Completion::METHOD => self.at(params, |question, at| CompletionResponse::Array(question.completion(at))),
            ResolveCompletionItem::METHOD => parse(params).map(|item| value(&resolve(item))),
            HoverRequest::METHOD => self.at(params, |question, at| question.hover(at)),
            GotoDefinition::METHOD => self.at(params, |question, at| question.definition(at).map(GotoDefinitionResponse::Scalar)),
            SignatureHelpRequest::METHOD => self.at(params, |question, at| question.signatures(at)),
            DocumentSymbolRequest::METHOD => {
                let asked: lsp_types::DocumentSymbolParams = parse(params)?;
                let symbols = |question: &Question| DocumentSymbolResponse::Nested(question.symbols());
                Ok(value(&self.about(&asked.text_document.uri, symbols)))
            }
            "initialize" => Err((ErrorCode::InvalidRequest, "the server is initialized already".into())),
            other => Err((ErrorCode::MethodNotFound, format!("{other} is not known here"))),
        }
    }

    /// A question about a place.
    fn at<T: Serialize>(&self, params: serde_json::Value, ask: impl Fn(&Question, Position) -> T) -> Answer {
        let TextDocumentPositionParams { text_document, position } = parse(params)?;
        Ok(value(&self.about(&text_document.uri, |question| ask(question, position))))
    }

    /// `None` for a document that is not open, or too long to be a script.
    fn about<T>(&self, uri: &Uri, ask: impl Fn(&Question) -> T) -> Option<T> {
        let document = self.documents.get(uri).filter(|document| document.text.len() <= MAX)?;
        let open = |path: &Path| Some(self.documents.get(&uri::uri(path)?)?.text.clone());
        Some(ask(&Question { document, uri, roots: &self.roots, open: &open }))
    }
}

fn read<T: DeserializeOwned>(params: serde_json::Value) -> Option<T> {
    serde_json::from_value(params).ok()
}

fn parse<T: DeserializeOwned>(params: serde_json::Value) -> Result<T, (ErrorCode, String)> {
    serde_json::from_value(params).map_err(|error| (ErrorCode::InvalidParams, error.to_string()))
}

fn value(answer: &impl Serialize) -> serde_json::Value {
    serde_json::to_value(answer).unwrap_or_default()
}

fn hello() -> InitializeResult {
    let words = |list: &[&str]| Some(list.iter().map(|word| (*word).to_owned()).collect());
    let sync = TextDocumentSyncOptions {
        open_close: Some(true),
        change: Some(TextDocumentSyncKind::INCREMENTAL),
        ..TextDocumentSyncOptions::default()
    };
    InitializeResult {
        capabilities: ServerCapabilities {
            text_document_sync: Some(TextDocumentSyncCapability::Options(sync)),
            completion_provider: Some(CompletionOptions {
                trigger_characters: words(&[".", ":", "\"", "/"]),
                resolve_provider: Some(true),
                ..CompletionOptions::default()
            }),
            hover_provider: Some(HoverProviderCapability::Simple(true)),
            definition_provider: Some(OneOf::Left(true)),
            document_symbol_provider: Some(OneOf::Left(true)),
            signature_help_provider: Some(SignatureHelpOptions {
                trigger_characters: words(&["(", ","]),
                ..SignatureHelpOptions::default()
            }),
            ..ServerCapabilities::default()
        },
        server_info: Some(ServerInfo { name: "jailsh".into(), version: Some(env!("CARGO_PKG_VERSION").into()) }),
    }
}
