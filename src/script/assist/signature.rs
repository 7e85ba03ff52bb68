//! The call that a place is inside of: its forms, and which parameter is next.

use super::meaning::module_of;
use super::{Modules, Sheet, infer};
use crate::script::reference::{self, Item, Type, standard};
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
    let name = sheet.word(called);
    let before = sheet.before(called);
    let forms = match before.map_or("", |before| sheet.word(before)) {
        "." | "?." => of_reference(name, Some(infer::before_dot(sheet, before?))),
        "::" => {
            let module = module_of(sheet, sheet.before(before?)?, modules)?;
            of_outline(&Outline::of(&module.text), name)
        }
        "fn" => return None,
        _ => match of_outline(&sheet.outline, name) {
            own if own.is_empty() => of_reference(name, None),
            own => own,
        },
    };
    (!forms.is_empty()).then_some(Calls { forms, parameter: around.index })
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
