//! For a browser: one page that needs nothing else, can be read without JavaScript, and searched with it.

use std::fmt::Write;

use crate::script::reference::{Block, Group, Page, Row, StandardItem, VARIABLES, find, items, modules, shapes, standard, types};

const STYLE: &str = include_str!("reference.css");
const SCRIPT: &str = include_str!("reference.js");

/// The whole reference.
pub fn html() -> String {
    let chapters = chapters();
    let mut menu = String::new();
    let mut body = String::new();
    for (title, pages) in &chapters {
        let _ = write!(menu, "<h2>{}</h2>\n<ul>\n", escape(title));
        let _ = writeln!(body, "<h2>{}</h2>", escape(title));
        for page in pages {
            let (id, name) = (anchor(&page.name), escape(&page.name));
            let _ = writeln!(menu, "<li><a href=\"#{id}\">{name}</a></li>");
            body += &section(page, &id);
        }
        menu += "</ul>\n";
    }
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>jailsh {version}: what scripts can use</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <nav aria-label=\"Contents\">\n<p class=\"title\"><a href=\"#top\">jailsh {version}</a></p>\n\
         <p id=\"search\" hidden><input type=\"search\" placeholder=\"Search (press /)\" aria-label=\"Search\"></p>\n{menu}</nav>\n\
         <main id=\"top\">\n<h1>What scripts can use</h1>\n\
         <p>Every function, type and key of the script API of jailsh {version}. A verb that takes a jail is a method of it, and a \
         function that takes the jail's name first. In a terminal: <code>jailsh doc NAME</code>.</p>\n\
         <p id=\"nothing\" hidden>Nothing has that name.</p>\n{body}</main>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n",
        version = env!("CARGO_PKG_VERSION"),
    )
}

fn chapters() -> Vec<(String, Vec<Page>)> {
    let mut all: Vec<(String, Vec<Page>)> = Vec::new();
    for group in Group::ALL {
        all.push((group.title().into(), items().filter(|item| item.group == group).map(|item| item.page()).collect()));
    }
    all.push(("Variables".into(), VARIABLES.iter().map(|variable| variable.page()).collect()));
    all.push(("Types of values".into(), types().map(|kind| kind.page()).collect()));
    all.push(("Maps".into(), shapes().into_iter().map(|shape| shape.page()).collect()));
    for module in modules() {
        let pages = std::iter::once(module.page()).chain(module.functions.iter().map(|function| function.page()));
        all.push((module.name.clone(), pages.collect()));
    }
    let mut own: Vec<&str> = standard().iter().map(|item: &StandardItem| item.name.as_str()).collect();
    own.dedup();
    let only_standard = |name: &&str| find(name).into_iter().find(|page| page.kind == "Rhai's own");
    all.push(("Rhai's own".into(), own.iter().filter_map(only_standard).map(renamed).collect()));
    all.retain(|(_, pages)| !pages.is_empty());
    all
}

/// Rhai has functions of the names of ours; their places in the page must differ.
fn renamed(page: Page) -> Page {
    if items().any(|item| item.name == page.name) { Page { name: format!("{} (Rhai)", page.name), ..page } } else { page }
}

fn section(page: &Page, id: &str) -> String {
    let mut text = format!("<section id=\"{id}\">\n<h3><a href=\"#{id}\">{}</a></h3>\n", escape(&page.name));
    let _ = writeln!(text, "<p class=\"summary\">{}</p>", inline(&page.summary));
    if !page.signatures.is_empty() {
        let _ = writeln!(text, "<pre class=\"signatures\">{}</pre>", escape(&page.signatures.join("\n")));
    }
    for block in &page.blocks {
        let _ = match block {
            Block::Text { text: words } => writeln!(text, "<p>{}</p>", inline(words)),
            Block::Rows { heading, rows } => writeln!(text, "<h4>{}</h4>\n<table>\n{}</table>", escape(heading), table(rows)),
            Block::Code { heading, code } => writeln!(text, "<h4>{}</h4>\n<pre>{}</pre>", escape(heading), escape(code)),
        };
    }
    text + "</section>\n"
}

fn table(rows: &[Row]) -> String {
    let mut text = String::new();
    for row in rows {
        let name = match &row.more {
            Some(more) => format!("<a href=\"#{}\"><code>{}</code></a>", anchor(more), escape(&row.name)),
            None => format!("<code>{}</code>", escape(&row.name)),
        };
        let note = if row.note.is_empty() { String::new() } else { format!("<br><small>{}</small>", inline(&row.note)) };
        let _ = writeln!(text, "<tr><td>{name}<td>{}<td>{}{note}", escape(&row.kind), inline(&row.text));
    }
    text
}

/// Unique for each page: what no address may hold becomes `-`.
fn anchor(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_') { c } else { '-' }).collect()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// What stands in backticks is code.
fn inline(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return escape(text);
    }
    let one = |(at, part): (usize, &&str)| if at % 2 == 1 { format!("<code>{}</code>", escape(part)) } else { escape(part) };
    parts.iter().enumerate().map(one).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_link_of_the_page_leads_to_one_place_in_it() {
        let page = html();
        let values = |mark: &str| page.split(mark).skip(1).filter_map(|rest| rest.split('"').next()).collect::<Vec<_>>();
        let places = values(" id=\"");
        let unique: BTreeSet<&str> = places.iter().copied().collect();
        let twice: Vec<&&str> = places.iter().filter(|id| places.iter().filter(|other| other == id).count() > 1).collect();
        assert!(twice.is_empty(), "{twice:?}");
        let lost: Vec<&str> = values("href=\"#").into_iter().filter(|target| !unique.contains(target)).collect();
        assert!(lost.is_empty(), "{lost:?}");
    }

    #[test]
    fn nothing_comes_from_elsewhere_and_no_text_is_markup() {
        let page = html();
        assert!(!page.contains("http-equiv") && !page.contains("src=") && !page.contains("@import") && !page.contains("url("));
        assert_eq!(escape("<a & \"b\">"), "&lt;a &amp; &quot;b&quot;&gt;");
        assert_eq!(inline("`a<b` or `c`"), "<code>a&lt;b</code> or <code>c</code>");
        assert_eq!(inline("one ` alone"), "one ` alone");
    }
}
