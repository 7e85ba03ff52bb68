//! The answers: what [`crate::script::assist`] says of a document, in the protocol's words.

use std::path::{Path, PathBuf};

use lsp_types::{
    CompletionItem, CompletionItemKind, CompletionTextEdit, Diagnostic, DiagnosticSeverity, DocumentSymbol, Documentation, Hover,
    HoverContents, Location, MarkupContent, MarkupKind, NumberOrString, ParameterInformation, ParameterLabel, Position,
    SignatureHelp, SignatureInformation, SymbolKind, TextEdit, Uri,
};

use super::document::Document;
use super::{cache, uri};
use crate::script::Kind;
use crate::script::assist::{self, Candidate, Files, Origin, Sheet, Sort};
use crate::script::check::{Checker, Finding};
use crate::script::reference::{find, render::markdown};
use crate::script::text::{Name, Named};

/// Rows of a table in a window beside a candidate.
const ROWS: usize = 12;

/// One question about one document.
pub struct Question<'a> {
    pub document: &'a Document,
    pub uri: &'a Uri,
    /// The module path.
    pub roots: &'a [PathBuf],
    /// Texts of files that are open.
    pub open: &'a dyn Fn(&Path) -> Option<String>,
}

impl Question<'_> {
    /// The document by itself.
    fn sheet(&self) -> Sheet<'static> {
        Sheet::new(self.document.text.as_str())
    }

    /// And with what it imports.
    fn asked<T>(&self, ask: impl FnOnce(&Sheet, &Files) -> T) -> T {
        let files = Files::new(uri::path(self.uri), self.roots, self.open);
        ask(&Sheet::importing(self.document.text.as_str(), &files), &files)
    }

    pub fn completion(&self, position: Position) -> Vec<CompletionItem> {
        let found = self.asked(|sheet, files| assist::complete(sheet, self.document.offset(position), files));
        found.into_iter().map(|candidate| self.item(candidate)).collect()
    }

    fn item(&self, candidate: Candidate) -> CompletionItem {
        let kind = match candidate.sort {
            Sort::Function => CompletionItemKind::FUNCTION,
            Sort::Method => CompletionItemKind::METHOD,
            Sort::Property => CompletionItemKind::PROPERTY,
            Sort::Key => CompletionItemKind::FIELD,
            Sort::Word => CompletionItemKind::ENUM_MEMBER,
            Sort::Module => CompletionItemKind::MODULE,
            Sort::Variable => CompletionItemKind::VARIABLE,
            Sort::Keyword => CompletionItemKind::KEYWORD,
        };
        let plain = (!candidate.summary.is_empty()).then(|| Documentation::String(candidate.summary.clone()));
        CompletionItem {
            kind: Some(kind),
            detail: (!candidate.detail.is_empty()).then_some(candidate.detail),
            documentation: plain,
            // What belongs here goes before what can stand anywhere.
            sort_text: Some(format!("{}{}", if candidate.sort == Sort::Keyword { 'z' } else { 'a' }, candidate.label)),
            text_edit: Some(CompletionTextEdit::Edit(TextEdit::new(self.document.range(candidate.replaces), candidate.insert))),
            data: candidate.page.map(Into::into),
            label: candidate.label,
            ..CompletionItem::default()
        }
    }

    pub fn hover(&self, position: Position) -> Option<Hover> {
        let (range, value) = self.asked(|sheet, files| assist::hover(sheet, self.document.offset(position), files))?;
        Some(Hover { contents: HoverContents::Markup(text(value)), range: Some(self.document.range(range)) })
    }

    pub fn definition(&self, position: Position) -> Option<Location> {
        let target = self.asked(|sheet, files| assist::definition(sheet, self.document.offset(position), files))?;
        let Some(origin) = target.origin else {
            return Some(Location::new(self.uri.clone(), self.document.range(target.range)));
        };
        let path = match origin {
            Origin::Standard(name) => cache::file_of(&name)?,
            Origin::File(path) => path,
        };
        let module = Document::new(target.text.unwrap_or_default(), 0);
        Some(Location::new(uri::uri(&path)?, module.range(target.range)))
    }

    pub fn symbols(&self) -> Vec<DocumentSymbol> {
        let sheet = self.sheet();
        sheet.outline.names.iter().filter(|name| name.is_global).filter_map(|name| self.symbol(name)).collect()
    }

    fn symbol(&self, name: &Name) -> Option<DocumentSymbol> {
        let (kind, detail) = match &name.what {
            Named::Function { parameters, .. } => (SymbolKind::FUNCTION, Some(format!("({})", parameters.join(", ")))),
            Named::Constant { .. } => (SymbolKind::CONSTANT, None),
            Named::Variable { .. } => (SymbolKind::VARIABLE, None),
            Named::Module { path } => (SymbolKind::MODULE, Some(path.clone())),
            _ => return None,
        };
        #[expect(deprecated, reason = "the field has to be filled; clients read tags")]
        Some(DocumentSymbol {
            name: name.name.clone(),
            detail,
            kind,
            tags: None,
            deprecated: None,
            range: self.document.range(name.whole.clone()),
            selection_range: self.document.range(name.at.clone()),
            children: None,
        })
    }

    pub fn signatures(&self, position: Position) -> Option<SignatureHelp> {
        let found = self.asked(|sheet, files| assist::calls(sheet, self.document.offset(position), files))?;
        let fits = found.forms.iter().position(|form| form.parameters.len() > found.parameter);
        let signatures = found.forms.into_iter().map(|form| SignatureInformation {
            label: form.shown,
            documentation: (!form.summary.is_empty()).then_some(Documentation::String(form.summary)),
            parameters: Some(form.parameters.into_iter().map(parameter).collect()),
            active_parameter: None,
        });
        Some(SignatureHelp {
            signatures: signatures.collect(),
            active_signature: Some(fits.unwrap_or(0) as u32),
            active_parameter: Some(found.parameter as u32),
        })
    }

    /// What `jailsh check` finds. In a script that does not parse yet, also what can be told without.
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        let path = uri::path(self.uri).filter(|path| path.is_file());
        let name = path.as_ref().map_or(self.uri.as_str().into(), |path| path.to_string_lossy());
        let mut checker = Checker::new(self.roots.to_vec());
        checker.script(&name, path.as_deref(), self.document.text.clone());
        let mut found: Vec<Finding> = checker.finish();
        found.retain(|finding| finding.file == name);
        if path.is_none() {
            // From beside what lies nowhere yet nothing can be imported.
            let standard = |finding: &Finding| self.document.text[self.place(finding)].contains("std/");
            found.retain(|finding| finding.code != Kind::Module.into() || standard(finding));
        }
        let parses = found.iter().all(|finding| !finding.code.is_of_parsing());
        let mistakes = if parses { Vec::new() } else { assist::mistakes(&self.sheet()) };
        let mistakes = mistakes.into_iter().map(|mistake| self.error(mistake.range, mistake.message));
        found.into_iter().map(|finding| self.diagnostic(finding)).chain(mistakes).collect()
    }

    fn error(&self, range: std::ops::Range<usize>, message: String) -> Diagnostic {
        let (range, source) = (self.document.range(range), Some("jailsh".to_owned()));
        Diagnostic { range, severity: Some(DiagnosticSeverity::ERROR), source, message, ..Diagnostic::default() }
    }

    /// What a finding points at.
    fn place(&self, finding: &Finding) -> std::ops::Range<usize> {
        let byte = match (finding.line, finding.column) {
            (Some(line), Some(column)) => self.document.byte(line, column),
            (Some(line), None) => self.document.byte(line, 1),
            (None, _) => self.document.text.len(),
        };
        self.pointed_at(byte)
    }

    fn diagnostic(&self, finding: Finding) -> Diagnostic {
        let place = self.place(&finding);
        let message = match finding.hint {
            Some(hint) => format!("{}; {hint}", finding.message),
            None => finding.message,
        };
        let code = Some(NumberOrString::String(finding.code.to_string()));
        Diagnostic { code, ..self.error(place, message) }
    }

    /// The token at a byte, or the one before, so that there is something to underline.
    fn pointed_at(&self, byte: usize) -> std::ops::Range<usize> {
        let sheet = self.sheet();
        let tokens = &sheet.outline.tokens;
        let at = tokens.partition_point(|token| token.end <= byte);
        let here = tokens.get(at).filter(|token| token.start <= byte);
        match here.or(at.checked_sub(1).and_then(|before| tokens.get(before))) {
            Some(token) => token.start..token.end,
            None => byte..byte,
        }
    }
}

fn parameter(label: String) -> ParameterInformation {
    ParameterInformation { label: ParameterLabel::Simple(label), documentation: None }
}

fn text(value: String) -> MarkupContent {
    MarkupContent { kind: MarkupKind::Markdown, value }
}

/// A candidate with all that the reference says of it.
pub fn resolve(mut item: CompletionItem) -> CompletionItem {
    let pages = item.data.as_ref().and_then(|data| data.as_str()).map(find).unwrap_or_default();
    if let Some(page) = pages.first() {
        item.documentation = Some(Documentation::MarkupContent(text(markdown(page, ROWS))));
    }
    item
}
