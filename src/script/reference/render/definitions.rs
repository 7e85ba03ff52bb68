//! Definition files, `.d.rhai`: what editors that know Rhai read to tell of functions they cannot see. Functions without
//! bodies, with their documentation before them.

use std::fmt::Write;

use crate::script::reference::{
    ANY_VALUE, Block, Page, Signature, StandardItem, Type, VARIABLES, items, modules, properties, standard, types,
};

/// Names and texts of the files.
pub fn definitions() -> Vec<(String, String)> {
    let mut files = vec![("jailsh.d.rhai".to_owned(), jailsh()), ("rhai.d.rhai".to_owned(), rhai())];
    for module in modules() {
        let mut text = header(&format!("module {}", module.name.replace('/', "_")), &module.words.summary);
        for function in &module.functions {
            text += &comment(&function.page());
            let _ = writeln!(text, "fn {}({});\n", function.name, function.parameters.join(", "));
        }
        files.push((format!("{}.d.rhai", module.name.replace('/', "_")), text));
    }
    files
}

fn header(kind: &str, summary: &str) -> String {
    format!("{kind};\n\n// {summary}. Written by jailsh definitions, version {}.\n\n", env!("CARGO_PKG_VERSION"))
}

fn jailsh() -> String {
    let mut text = header("module static", "The script API of jailsh");
    for variable in VARIABLES {
        let _ = writeln!(text, "/// {}\nconst {}: {};\n", variable.summary, variable.name, word(variable.kind));
    }
    for kind in types() {
        let about =
            if kind.details.is_empty() { kind.summary.to_owned() } else { format!("{}\n\n{}", kind.summary, kind.details) };
        text += &slashes(&about);
        let _ = writeln!(text, "type {};\n", kind.name);
        for property in properties(Type::Value(kind.name)) {
            text += &slashes(property.summary);
            let _ = writeln!(text, "fn get {}(this: {}) -> {};\n", property.name, kind.name, word(property.kind));
        }
    }
    for item in items() {
        let about = comment(&item.page());
        for call in item.signatures() {
            let _ = writeln!(text, "{about}fn {};\n", signature(&call));
        }
    }
    text
}

/// A method is a function of its value.
fn signature(call: &Signature) -> String {
    let on = call.on.map(|on| if on == ANY_VALUE { "value: ?".to_owned() } else { format!("this: {on}") });
    let rest = call.parameters.iter().map(|parameter| format!("{}: {}", parameter.name, word(parameter.kind)));
    let parameters: Vec<String> = on.into_iter().chain(rest).collect();
    let result = if call.result == Type::Nothing { "()" } else { word(call.result) };
    format!("{}({}) -> {result}", call.name, parameters.join(", "))
}

fn rhai() -> String {
    let mut text = header("module static", "Rhai's own functions");
    let one = |item: &StandardItem| {
        let on = item.on.map(|on| format!("this: {}", bare(on)));
        let rest = item.parameters.iter().map(|(name, kind)| format!("{name}: {}", bare(kind)));
        let parameters: Vec<String> = on.into_iter().chain(rest).collect();
        let get = if item.property { "get " } else { "" };
        format!("fn {get}{}({}) -> {};\n\n", item.name, parameters.join(", "), bare(item.result))
    };
    for item in standard() {
        text += &slashes(&item.documentation);
        text += &one(item);
    }
    text
}

/// In Rhai's words.
fn word(kind: Type) -> &'static str {
    bare(kind.name())
}

fn bare(kind: &'static str) -> &'static str {
    match kind {
        "nothing" => "()",
        "integer" => "int",
        "text" => "String",
        "list" => "Array",
        "map" => "Map",
        "function" => "Fn",
        "any" => "?",
        other => other,
    }
}

fn slashes(text: &str) -> String {
    text.lines().map(|line| format!("/// {line}").trim_end().to_owned() + "\n").collect()
}

/// A page as the comment before a function.
fn comment(page: &Page) -> String {
    let mut text = slashes(&page.summary);
    for block in &page.blocks {
        text += "///\n";
        text += &match block {
            Block::Text { text } => slashes(text),
            Block::Rows { heading, rows } => {
                let one = |row: &crate::script::reference::Row| format!("- `{}`: {}", row.name, row.text);
                slashes(&format!("{heading}:\n\n{}", rows.iter().map(one).collect::<Vec<_>>().join("\n")))
            }
            Block::Code { heading, code } => slashes(&format!("{heading}:\n\n```\n{code}\n```")),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_of_a_verb_is_a_function_with_its_documentation() {
        let files = definitions();
        let text = &files[0].1;
        let at = text.find("/// runs a command in a jail that is up").expect("exec");
        let first = text[at..].split("\n\n/// ").next().unwrap_or_default();
        insta::assert_snapshot!(first);
        assert!(text.contains("\nfn exec(jail: String, argv: Array, options: Map) -> Output;\n"));
    }
}
