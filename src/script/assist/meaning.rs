//! What a name in a script is, and where it is from.

use std::ops::Range;

use super::{ModuleText, Modules, Origin, Sheet, infer};
use crate::script::reference::render::markdown;
use crate::script::reference::{self, Item, Page, Type, Words, find};
use crate::script::text::{Kind, Name, Named, Outline};

/// Rows of a table in an editor's window.
const ROWS: usize = 20;

/// What is meant.
#[derive(Debug, Clone)]
pub enum Meaning {
    /// A name that the script itself gives; with the type of its value.
    Local {
        name: Name,
        kind: Type,
    },
    /// Something of the reference.
    Known(Vec<Page>),
    /// A function of a module.
    Function {
        module: ModuleText,
        name: Name,
    },
    Module {
        module: ModuleText,
    },
}

/// A place in this script or in a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// `None`: this script.
    pub origin: Option<Origin>,
    /// Text of the module, to count lines in.
    pub text: Option<String>,
    pub range: Range<usize>,
}

/// What stands at a place, and from where to where.
pub fn meaning(sheet: &Sheet, at: usize, modules: &dyn Modules) -> Option<(Range<usize>, Meaning)> {
    let index = sheet.outline.token_at(at)?;
    let token = sheet.outline.tokens[index];
    let range = token.start..token.end;
    if token.is_text() {
        let before = sheet.before(index)?;
        if sheet.word(before) == "import" {
            let module = modules.find(token.content(&sheet.text))?;
            return Some((range, Meaning::Module { module }));
        }
        return key(sheet, index).map(|page| (range, Meaning::Known(vec![page])));
    }
    if token.kind != Kind::Word {
        return None;
    }
    let name = token.of(&sheet.text);
    let before = sheet.before(index);
    let found = match before.map_or("", |before| sheet.word(before)) {
        "." | "?." => member(infer::before_dot(sheet, before?), name).map(Meaning::Known),
        "::" => function(sheet, sheet.before(before?)?, name, modules),
        _ => match key(sheet, index) {
            Some(page) => Some(Meaning::Known(vec![page])),
            None => local(sheet, name, token.start, modules).or_else(|| known(name).map(Meaning::Known)),
        },
    };
    Some((range, found?))
}

fn key(sheet: &Sheet, index: usize) -> Option<Page> {
    let colon = sheet.after(index).filter(|after| sheet.word(*after) == ":")?;
    let _ = colon;
    let shape = sheet.is_key(index)?;
    find(&format!("{}.{}", shape.name, shape.key(sheet.key_name(index))?.name)).into_iter().next()
}

fn local(sheet: &Sheet, name: &str, at: usize, modules: &dyn Modules) -> Option<Meaning> {
    let found = sheet.outline.resolve(name, at)?;
    if let Named::Module { path } = &found.what
        && !found.at.contains(&at)
        && let Some(module) = modules.find(path)
    {
        return Some(Meaning::Module { module });
    }
    Some(Meaning::Local { name: found.clone(), kind: infer::name(sheet, found) })
}

fn known(name: &str) -> Option<Vec<Page>> {
    let free = |item: &&'static Item| item.name == name && item.is_free();
    let mut pages: Vec<Page> = reference::items().filter(free).map(|item| item.page()).collect();
    if pages.is_empty() {
        pages = find(name).into_iter().filter(|page| matches!(page.kind, "variable" | "Rhai's own")).collect();
    }
    Some(pages).filter(|pages| !pages.is_empty())
}

/// A method or property of a type; where that is not known, of any.
fn member(kind: Type, name: &str) -> Option<Vec<Page>> {
    let mut pages: Vec<Page> = if kind == Type::Any {
        let is_method = |item: &&'static Item| item.name == name && item.signatures().iter().any(|call| call.on.is_some());
        let own = find(name).into_iter().filter(|page| page.kind == "Rhai's own");
        reference::items().filter(is_method).map(|item| item.page()).chain(own).collect()
    } else {
        let kind_item = reference::type_named(kind.name());
        let property = reference::properties(kind).find(|property| property.name == name);
        match kind_item.zip(property) {
            // A record has only the columns of its listing.
            Some((item, property)) => vec![reference::property_page(item, property)],
            None => find(&format!("{}.{name}", kind.name())).into_iter().filter(|page| page.kind != "property").collect(),
        }
    };
    pages.dedup();
    Some(pages).filter(|pages| !pages.is_empty())
}

fn function(sheet: &Sheet, alias: usize, name: &str, modules: &dyn Modules) -> Option<Meaning> {
    let module = module_of(sheet, alias, modules)?;
    let name = Outline::of(&module.text).functions().find(|function| function.name == name)?.clone();
    Some(Meaning::Function { module, name })
}

/// The module that a name before `::` stands for.
pub fn module_of(sheet: &Sheet, alias: usize, modules: &dyn Modules) -> Option<ModuleText> {
    let token = sheet.outline.tokens.get(alias)?;
    modules.find(&infer::module_path(sheet, token.of(&sheet.text), token.start)?)
}

impl Meaning {
    /// For an editor's window.
    pub fn markdown(&self) -> String {
        match self {
            Meaning::Known(pages) => pages.iter().map(|page| markdown(page, ROWS)).collect::<Vec<_>>().join("\n\n---\n\n"),
            Meaning::Local { name, kind } => {
                let shown = match &name.what {
                    Named::Function { parameters, .. } => format!("fn {}({})", name.name, parameters.join(", ")),
                    Named::Constant { .. } => format!("const {}: {kind}", name.name),
                    Named::Module { path } => format!("import {path:?} as {}", name.name),
                    _ => format!("let {}: {kind}", name.name),
                };
                described(&shown, &name.documentation)
            }
            Meaning::Function { module, name } => {
                let Named::Function { parameters, .. } = &name.what else { return String::new() };
                described(&format!("{}::{}({})", short(&module.origin), name.name, parameters.join(", ")), &name.documentation)
            }
            Meaning::Module { module } => {
                let outline = Outline::of(&module.text);
                let functions: Vec<String> = outline.functions().map(|function| format!("\n- `{}`", function.name)).collect();
                let functions =
                    if functions.is_empty() { String::new() } else { format!("\n\n**Functions**\n{}", functions.concat()) };
                described(&format!("module {}", shown(&module.origin)), &outline.documentation) + functions.as_str()
            }
        }
    }
}

fn described(code: &str, documentation: &str) -> String {
    let words = Words::of(documentation);
    let mut text = format!("```rhai\n{code}\n```\n");
    if !words.summary.is_empty() {
        text += &format!("{}.", words.summary);
    }
    if !words.details.is_empty() {
        text += &format!("\n\n{}", words.details);
    }
    for (at, (name, what)) in words.parameters.iter().enumerate() {
        text += &format!("{}- `{name}`: {what}", if at == 0 { "\n\n" } else { "\n" });
    }
    if let Some(example) = &words.example {
        text += &format!("\n\n**Example**\n```rhai\n{example}\n```");
    }
    text.trim_end().to_owned()
}

fn shown(origin: &Origin) -> String {
    match origin {
        Origin::Standard(name) => name.clone(),
        Origin::File(path) => path.display().to_string(),
    }
}

fn short(origin: &Origin) -> String {
    match origin {
        Origin::Standard(name) => name.rsplit('/').next().unwrap_or(name).to_owned(),
        Origin::File(path) => path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
    }
}

/// What an editor shows of a name, and from where to where the name is.
pub fn hover(sheet: &Sheet, at: usize, modules: &dyn Modules) -> Option<(Range<usize>, String)> {
    let (range, meaning) = meaning(sheet, at, modules)?;
    Some((range, meaning.markdown()))
}

/// Where a name was given.
pub fn definition(sheet: &Sheet, at: usize, modules: &dyn Modules) -> Option<Target> {
    let in_module = |module: ModuleText, range| Target { origin: Some(module.origin), text: Some(module.text), range };
    match meaning(sheet, at, modules)?.1 {
        Meaning::Local { name, .. } => Some(Target { origin: None, text: None, range: name.at }),
        Meaning::Function { module, name } => Some(in_module(module, name.at)),
        Meaning::Module { module } => Some(in_module(module, 0..0)),
        Meaning::Known(_) => None,
    }
}
