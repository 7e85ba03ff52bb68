//! One entry of the reference as a page: the same for the terminal, for editors and for a browser. Pure.

use serde::Serialize;

use super::item::{Item, Type, TypeItem};
use super::library::{LibraryFunction, Module};
use super::script::Variable;
use super::shape::{Key, Shape};
use super::standard::StandardItem;
use super::{EVERYWHERE, Receiver, View, items, methods, properties};

/// A part of a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "block", rename_all = "snake_case")]
pub enum Block {
    Text {
        text: String,
    },
    /// A line each: a name, what sort it is, what it is for, and small print.
    Rows {
        heading: String,
        rows: Vec<Row>,
    },
    Code {
        heading: String,
        code: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub text: String,
    pub note: String,
    /// Name of the page that tells more.
    pub more: Option<String>,
}

/// What there is to know of one name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Page {
    /// Unique: `exec`, `Output`, `spec.log`, `std/profiles::web`.
    pub name: String,
    /// `function`, `type`, `map`, `key`, `property`, `variable`, `Rhai's own`, `module`.
    pub kind: &'static str,
    pub signatures: Vec<String>,
    pub summary: String,
    pub blocks: Vec<Block>,
}

fn row(name: impl Into<String>, kind: impl Into<String>, text: impl Into<String>) -> Row {
    Row { name: name.into(), kind: kind.into(), text: text.into(), note: String::new(), more: None }
}

fn text(text: &str) -> Option<Block> {
    (!text.is_empty()).then(|| Block::Text { text: text.to_owned() })
}

fn rows(heading: impl Into<String>, rows: Vec<Row>) -> Option<Block> {
    (!rows.is_empty()).then(|| Block::Rows { heading: heading.into(), rows })
}

fn code(heading: &str, code: &str) -> Option<Block> {
    (!code.is_empty()).then(|| Block::Code { heading: heading.to_owned(), code: code.to_owned() })
}

fn paragraphs(details: &str) -> impl Iterator<Item = Option<Block>> {
    details.split("\n\n").map(text)
}

impl Key {
    /// What may stand there, and what holds without it.
    pub fn note(&self) -> String {
        let default = match self.default {
            "" => "; needed".to_owned(),
            "none" => String::new(),
            default => format!("; without it {default}"),
        };
        format!("{}{default}", self.values)
    }

    fn row(&self) -> Row {
        let more = self.shape.map(|shape| shape.name.to_owned());
        Row { note: self.note(), more, ..row(self.name, self.kind.name(), self.summary) }
    }
}

impl Shape {
    fn rows(&self, heading: impl Into<String>) -> Option<Block> {
        rows(heading, self.keys.iter().map(Key::row).collect())
    }

    pub fn page(&self) -> Page {
        let blocks = self.rows("Keys").into_iter().collect();
        Page { name: self.name.to_owned(), kind: "map", signatures: Vec::new(), summary: self.summary.to_owned(), blocks }
    }
}

impl Item {
    pub fn page(&self) -> Page {
        let mut blocks: Vec<Option<Block>> = paragraphs(self.details).collect();
        for shape in self.shapes() {
            blocks.push(match shape.name.starts_with("spec") {
                true => rows("See", vec![Row { more: Some(shape.name.into()), ..row(shape.name, "map", shape.summary) }]),
                false => shape.rows("Options"),
            });
        }
        let on_jail = self.forms.iter().any(|form| form.on == Receiver::JailOrName);
        let kinds = self.errors.iter().chain(EVERYWHERE.iter().filter(|kind| on_jail && !self.errors.contains(kind)));
        let kinds: Vec<String> = kinds.map(|kind| kind.name()).collect();
        if !kinds.is_empty() {
            let more = Some("Error".to_owned());
            blocks.push(rows("Errors", vec![Row { more, ..row("kind", "", kinds.join(", ")) }]));
        }
        blocks.push(code("Example", self.example.script));
        Page {
            name: self.name.to_owned(),
            kind: "function",
            signatures: self.signatures().iter().map(ToString::to_string).collect(),
            summary: self.summary.to_owned(),
            blocks: blocks.into_iter().flatten().collect(),
        }
    }
}

/// What rows of this sort come from: `list()`.
fn source(view: View) -> String {
    let gives = |item: &&Item| {
        item.forms.iter().any(|form| matches!(form.result, Type::Listing(given) | Type::Record(given) if given == view))
    };
    items().filter(gives).map(|item| format!("{}()", item.name)).collect::<Vec<_>>().join(" and ")
}

impl TypeItem {
    fn kind(&self) -> Type {
        Type::Value(self.name)
    }

    pub fn page(&self) -> Page {
        let mut blocks: Vec<Option<Block>> = paragraphs(self.details).collect();
        let one = |property: &super::Property| row(property.name, property.kind.name(), property.summary);
        blocks.push(rows("Properties", properties(self.kind()).map(one).collect()));
        let mut views: Vec<View> = self.properties.iter().filter_map(|property| property.of).collect();
        views.dedup();
        for view in views {
            let columns = self.properties.iter().filter(|property| property.of == Some(view)).map(one).collect();
            blocks.push(rows(format!("Properties of a row of {}", source(view)), columns));
        }
        let called = |item: &'static Item| {
            let on = item.signatures().into_iter().find(|call| call.on.is_some()).map(|call| call.result);
            let more = Some(item.name.to_owned());
            Row { more, ..row(item.name, on.map_or("", Type::name), item.summary) }
        };
        blocks.push(rows("Methods", methods(self.kind()).map(called).collect()));
        blocks.push(code("Example", self.example.script));
        Page {
            name: self.name.to_owned(),
            kind: "type",
            signatures: Vec::new(),
            summary: self.summary.to_owned(),
            blocks: blocks.into_iter().flatten().collect(),
        }
    }
}

impl Variable {
    pub fn page(&self) -> Page {
        let signatures = vec![format!("{}: {}", self.name, self.kind)];
        Page { name: self.name.into(), kind: "variable", signatures, summary: self.summary.into(), blocks: Vec::new() }
    }
}

/// All functions of Rhai's that have the name.
pub fn standard_page(name: &str, found: &[&StandardItem]) -> Page {
    let mut blocks: Vec<Option<Block>> = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for item in found {
        if !seen.contains(&item.documentation.as_str()) {
            seen.push(&item.documentation);
            blocks.extend(markdown(&item.documentation));
        }
    }
    let summary = found.first().map_or("", |item| item.summary()).to_owned();
    let mut blocks: Vec<Block> = blocks.into_iter().flatten().collect();
    let is_summary = |block: &Block| matches!(block, Block::Text { text } if text.trim_end_matches('.') == summary);
    if blocks.first().is_some_and(is_summary) {
        blocks.remove(0);
    }
    Page {
        name: name.to_owned(),
        kind: "Rhai's own",
        signatures: found.iter().map(ToString::to_string).collect(),
        summary,
        blocks,
    }
}

/// Rhai's comments: paragraphs, headings and fenced code.
fn markdown(words: &str) -> Vec<Option<Block>> {
    let mut blocks = Vec::new();
    for (at, part) in words.split("```").enumerate() {
        if at % 2 == 1 {
            let (_, lines) = part.split_once('\n').unwrap_or(("", part));
            blocks.push(code("Example", lines.trim_end()));
        } else {
            let is_heading = |paragraph: &&str| paragraph.trim_start().starts_with('#');
            let kept = part.split("\n\n").filter(|paragraph| !is_heading(paragraph));
            blocks.extend(kept.map(|paragraph| text(paragraph.trim().replace('\n', " ").as_str())));
        }
    }
    blocks
}

impl LibraryFunction {
    /// As it is named in the reference: `std/profiles::web`.
    pub fn full_name(&self) -> String {
        format!("{}::{}", self.module, self.name)
    }

    pub fn page(&self) -> Page {
        let words = &self.words;
        let mut blocks: Vec<Option<Block>> = paragraphs(&words.details).collect();
        blocks.push(rows("Parameters", words.parameters.iter().map(|(name, what)| row(name, "", what)).collect()));
        blocks.push(code("Example", words.example.as_deref().unwrap_or_default()));
        Page {
            name: self.full_name(),
            kind: "function",
            signatures: vec![self.to_string()],
            summary: words.summary.clone(),
            blocks: blocks.into_iter().flatten().collect(),
        }
    }
}

impl Module {
    pub fn page(&self) -> Page {
        let mut blocks: Vec<Option<Block>> = paragraphs(&self.words.details).collect();
        let one = |function: &LibraryFunction| Row {
            more: Some(function.full_name()),
            ..row(format!("{}({})", function.name, function.parameters.join(", ")), "", &function.words.summary)
        };
        blocks.push(rows("Functions", self.functions.iter().map(one).collect()));
        blocks.push(code("Example", self.words.example.as_deref().unwrap_or_default()));
        let alias = self.name.rsplit('/').next().unwrap_or(&self.name);
        Page {
            name: self.name.clone(),
            kind: "module",
            signatures: vec![format!("import {:?} as {alias};", self.name)],
            summary: self.words.summary.clone(),
            blocks: blocks.into_iter().flatten().collect(),
        }
    }
}

/// A key of a map on its own.
pub fn key_page(shape: &Shape, key: &Key) -> Page {
    let mut blocks = vec![text(&key.note())];
    if let Some(words) = key.words {
        blocks.push(text(&format!("One of: {}.", words().join(", "))));
    }
    if let Some(inner) = key.shape {
        blocks.push(inner.rows(format!("Keys of {}", inner.name)));
    }
    Page {
        name: format!("{}.{}", shape.name, key.name),
        kind: "key",
        signatures: vec![format!("{}: {}", key.name, key.kind)],
        summary: key.summary.to_owned(),
        blocks: blocks.into_iter().flatten().collect(),
    }
}

/// A property of a type on its own.
pub fn property_page(kind: &TypeItem, property: &super::Property) -> Page {
    Page {
        name: format!("{}.{}", kind.name, property.name),
        kind: "property",
        signatures: vec![format!("{}.{}: {}", kind.name, property.name, property.kind)],
        summary: property.summary.to_owned(),
        blocks: property.of.and_then(|view| text(&format!("Of a row of {}.", source(view)))).into_iter().collect(),
    }
}
