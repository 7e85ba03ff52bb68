//! The call that a place is inside of: its forms, and which parameter is next.

use super::live::Held;
use super::meaning::module_of;
use super::{Modules, Sheet, infer};
use crate::script::reference::{self, Item, Key, Shape, Type, standard};
use crate::script::text::{Kind, Named, Outline};

/// Ways to write a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calls {
    pub forms: Vec<Form>,
    /// Counted from 0.
    pub parameter: usize,
}

/// One of them: what is shown of it, and the parameters in that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    pub shown: String,
    pub parameters: Vec<String>,
    pub summary: String,
}

/// What somebody who types at the end of a text wants to know.
#[derive(Debug, Clone)]
pub enum AtHand {
    /// The key whose value is next, or is being typed.
    Key(&'static Key),
    /// The map whose key is next, and what of it is typed.
    Keys(&'static Shape, String),
    /// The parameter that is next, or is being typed.
    Call(Calls),
    /// A function's name is typed to its end.
    Function(Vec<Form>),
}

/// At a place behind which nothing stands.
pub fn at_hand(sheet: &Sheet, at: usize, modules: &dyn Modules) -> Option<AtHand> {
    let tokens = &sheet.outline.tokens;
    let next = tokens.partition_point(|token| token.start < at);
    let touching = next.checked_sub(1).filter(|last| tokens[*last].end == at && tokens[*last].kind != Kind::Symbol);
    let here = touching.unwrap_or(next);
    if tokens.get(here).is_some_and(|token| token.kind == Kind::Comment) {
        return None;
    }
    if let Some(key) = sheet.key_of_value(here) {
        return Some(AtHand::Key(key));
    }
    if let Some(shape) = sheet.is_key(here) {
        let typed = touching.map_or("", |token| sheet.key_name(token));
        return Some(AtHand::Keys(shape, typed.to_owned()));
    }
    if let Some(name) = touching.filter(|name| tokens[*name].kind == Kind::Word) {
        let forms = forms(sheet, name, modules).unwrap_or_default();
        if !forms.is_empty() {
            return Some(AtHand::Function(forms));
        }
    }
    // In a list or map of its own the call around is not what is asked for.
    let around = sheet.enclosure(here).filter(|around| sheet.word(around.open) == "(")?;
    let called = sheet.before(around.open).filter(|called| tokens[*called].kind == Kind::Word)?;
    let forms = forms(sheet, called, modules).filter(|forms| !forms.is_empty())?;
    Some(AtHand::Call(Calls { forms, parameter: around.index }))
}

/// The call around a place.
pub fn calls(sheet: &Sheet, at: usize, modules: &dyn Modules) -> Option<Calls> {
    let next = sheet.outline.tokens.partition_point(|token| token.start < at);
    // Inside of a map or list in a call, too.
    let mut around = sheet.enclosure(next)?;
    while sheet.word(around.open) != "(" {
        if !matches!(sheet.word(around.open), "#{" | "[") {
            return None;
        }
        around = sheet.enclosure(around.open)?;
    }
    let called = sheet.before(around.open).filter(|called| sheet.outline.tokens[*called].kind == Kind::Word)?;
    let forms = forms(sheet, called, modules).filter(|forms| !forms.is_empty())?;
    Some(Calls { forms, parameter: around.index })
}

/// The ways to call the name at a token.
fn forms(sheet: &Sheet, called: usize, modules: &dyn Modules) -> Option<Vec<Form>> {
    let name = sheet.word(called);
    let before = sheet.before(called);
    Some(match before.map_or("", |before| sheet.word(before)) {
        "." | "?." => of_reference(name, Some(infer::before_dot(sheet, before?))),
        "::" => {
            let module = module_of(sheet, sheet.before(before?)?, modules)?;
            of_outline(&Outline::of(&module.text), name)
        }
        "fn" => return None,
        _ => match of_outline(&sheet.outline, name) {
            own if own.is_empty() => match sheet.live.and_then(|live| live.held(name)) {
                Some(Held::Function(parameters)) => {
                    vec![Form { shown: format!("{name}({})", parameters.join(", ")), parameters, summary: String::new() }]
                }
                _ => match sheet.implied().map_or(Vec::new(), |on| of_reference(name, Some(on))) {
                    narrowed if narrowed.is_empty() => of_reference(name, None),
                    narrowed => narrowed,
                },
            },
            own => own,
        },
    })
}

fn of_outline(outline: &Outline, name: &str) -> Vec<Form> {
    let Some(found) = outline.function(name) else { return Vec::new() };
    let Named::Function { parameters, .. } = &found.what else { return Vec::new() };
    let summary = reference::Words::of(&found.documentation).summary;
    vec![Form { shown: format!("{name}({})", parameters.join(", ")), parameters: parameters.clone(), summary }]
}

fn of_reference(name: &str, on: Option<Type>) -> Vec<Form> {
    let fits = |found: Option<&str>| match (found, on) {
        (None, None) => true,
        (Some(_), Some(Type::Any)) => true,
        (Some(reference::ANY_VALUE), Some(on)) => reference::type_named(on.name()).is_some(),
        (Some(found), Some(on)) => found == on.name(),
        _ => false,
    };
    let ours = |item: &'static Item| {
        item.signatures().into_iter().filter(|call| fits(call.on)).map(|call| Form {
            shown: call.to_string(),
            parameters: call.parameters.iter().map(|parameter| format!("{}: {}", parameter.name, parameter.kind)).collect(),
            summary: item.summary.to_owned(),
        })
    };
    let mut forms: Vec<Form> = reference::items_named(name).flat_map(ours).collect();
    if forms.is_empty() {
        let own = standard().iter().filter(|item| item.name == name && !item.property && fits(item.on));
        forms.extend(own.map(|item| Form {
            shown: item.to_string(),
            parameters: item.parameters.iter().map(|(name, kind)| format!("{name}: {kind}")).collect(),
            summary: item.summary().to_owned(),
        }));
    }
    forms
}
