//! Manual pages from the definitions that `--help` is made of. Pure.

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, roman};

/// Of administration commands, man(1).
const SECTION: &str = "8";

/// A page for the tool and one for each of its verbs: file name and text.
pub fn pages(mut tool: Command) -> Vec<(String, String)> {
    tool.build();
    let name = tool.get_name().to_owned();
    let verbs: Vec<Command> = tool.get_subcommands().filter(|verb| !verb.is_hide_set()).cloned().collect();
    let titles: Vec<String> = verbs.iter().map(|verb| format!("{name}-{}", verb.get_name())).collect();
    let mut pages = vec![page(tool, &name, &titles)];
    for (verb, title) in verbs.into_iter().zip(&titles) {
        pages.push(page(verb, title, std::slice::from_ref(&name)));
    }
    pages
}

/// The parts of a help text.
struct Parts {
    about: String,
    description: Vec<String>,
    examples: Vec<String>,
    status: Option<String>,
}

impl Parts {
    fn of(command: &Command) -> Parts {
        let text = command.get_long_about().or_else(|| command.get_about()).map(ToString::to_string).unwrap_or_default();
        let mut parts = Parts { about: String::new(), description: Vec::new(), examples: Vec::new(), status: None };
        for paragraph in text.split("\n\n") {
            if let Some(examples) = paragraph.strip_prefix("Examples:").or_else(|| paragraph.strip_prefix("Example:")) {
                parts.examples = examples.lines().map(|line| line.trim().to_owned()).collect();
            } else if let Some(status) = paragraph.strip_prefix("Exit status:") {
                parts.status = Some(one_line(status));
            } else {
                parts.description.push(paragraph.to_owned());
            }
        }
        let first = one_line(parts.description.first().map_or("", String::as_str));
        parts.about = first.split_once(". ").map_or(first.as_str(), |(sentence, _)| sentence).trim_end_matches('.').to_owned();
        parts
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn page(command: Command, title: &str, others: &[String]) -> (String, String) {
    let Parts { about, description, examples, status } = Parts::of(&command);
    let command = command.display_name(title.to_owned()).about(about).long_about(description.join("\n\n"));
    let has_verbs = command.get_subcommands().any(|verb| !verb.is_hide_set());
    let man = Man::new(command).section(SECTION);
    let mut text = Roff::new().render();
    // By hand: the date is left empty, which roff's own writing of the line loses.
    text += &format!(".TH {} {SECTION} \"\" \"jailsh {}\" Jails\n", title.to_uppercase(), env!("CARGO_PKG_VERSION"));
    text += &section(&man, Man::render_name_section);
    text += &section(&man, Man::render_synopsis_section);
    text += &section(&man, Man::render_description_section);
    text += &section(&man, Man::render_options_section);
    if has_verbs {
        text += &section(&man, Man::render_subcommands_section);
    }
    let mut rest = Roff::new();
    if !examples.is_empty() {
        rest.control("SH", ["EXAMPLES"]).control("nf", []);
        for example in &examples {
            rest.text([roman(example.as_str())]);
        }
        rest.control("fi", []);
    }
    if let Some(status) = status {
        rest.control("SH", ["EXIT STATUS"]).text([roman(status)]);
    }
    rest.control("SH", ["SEE ALSO"]).text(references(others));
    text += bare(&rest.render());
    (format!("{title}.{SECTION}"), text)
}

/// One section, as clap's definitions have it.
fn section(man: &Man, render: fn(&Man, &mut dyn std::io::Write) -> std::io::Result<()>) -> String {
    let mut text = Vec::new();
    render(man, &mut text).expect("memory takes all");
    bare(&String::from_utf8_lossy(&text)).to_owned()
}

/// Without the preamble that every rendering begins with.
fn bare(text: &str) -> &str {
    text.strip_prefix(&Roff::new().render()).unwrap_or(text)
}

/// `NAME(8), NAME(8)`
fn references(names: &[String]) -> Vec<Inline> {
    let mut line = Vec::new();
    for (at, name) in names.iter().enumerate() {
        line.push(bold(name.as_str()));
        line.push(roman(format!("({SECTION}){}", if at + 1 == names.len() { "" } else { ", " })));
    }
    line
}
