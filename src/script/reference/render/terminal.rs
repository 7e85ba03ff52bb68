//! For a terminal: wrapped to its width, bold and dim where it can show that.

use unicode_width::UnicodeWidthStr;

use crate::script::reference::{Block, Group, Page, Row, VARIABLES, items, modules, shapes, standard, types};

/// What is written on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paper {
    /// Columns.
    pub width: usize,
    pub colour: bool,
}

/// Narrower than this nothing can be laid out.
const NARROWEST: usize = 40;
/// Wider than this nobody reads.
const WIDEST: usize = 100;
const INDENT: &str = "    ";
/// A name longer than this gets a line of its own.
const NAME_COLUMN: usize = 24;

impl Paper {
    fn width(self) -> usize {
        self.width.clamp(NARROWEST, WIDEST)
    }

    fn bold(self, text: &str) -> String {
        if self.colour { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn dim(self, text: &str) -> String {
        if self.colour { format!("\x1b[2m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn heading(self, text: &str) -> String {
        format!("\n{}\n", self.bold(text))
    }

    /// Words in lines, each with the indent.
    fn wrapped(self, text: &str, indent: usize) -> String {
        let room = self.width().saturating_sub(indent).max(20);
        let pad = " ".repeat(indent);
        let mut lines = String::new();
        for line in wrap(text, room) {
            lines += &format!("{pad}{line}\n");
        }
        lines
    }
}

fn wrap(text: &str, room: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// One page.
pub fn page(page: &Page, paper: Paper) -> String {
    let mut text = paper.wrapped(&format!("{}: {}", page.name, page.summary), 0);
    if paper.colour {
        text = text.replacen(&page.name, &paper.bold(&page.name), 1);
    }
    if !page.signatures.is_empty() {
        text.push('\n');
    }
    for signature in &page.signatures {
        text += &format!("{INDENT}{signature}\n");
    }
    for block in &page.blocks {
        text += &match block {
            Block::Text { text } => format!("\n{}", paper.wrapped(text, 0)),
            Block::Rows { heading, rows: all } => paper.heading(heading) + rows(all, paper).as_str(),
            Block::Code { heading, code } => paper.heading(heading) + indented(code).as_str(),
        };
    }
    text
}

fn indented(code: &str) -> String {
    code.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("{INDENT}{line}\n") }).collect()
}

fn rows(all: &[Row], paper: Paper) -> String {
    let widest = |of: fn(&Row) -> &str| all.iter().map(|row| of(row).width()).max().unwrap_or(0);
    let name_width = widest(|row| &row.name).min(NAME_COLUMN);
    let kind_width = widest(|row| &row.kind);
    let left = INDENT.len() + name_width + 2 + kind_width + if kind_width > 0 { 2 } else { 0 };
    let mut text = String::new();
    for row in all {
        let kind = format!("{:kind_width$}", row.kind);
        let mut head = format!("{INDENT}{}{}", paper.bold(&row.name), " ".repeat(name_width.saturating_sub(row.name.width())));
        if row.name.width() > name_width {
            head += &format!("\n{}", " ".repeat(INDENT.len() + name_width));
        }
        head += &format!("  {}", if kind_width > 0 { paper.dim(&kind) + "  " } else { String::new() });
        let said = paper.wrapped(&row.text, left);
        text += &format!("{head}{}", said.trim_start_matches(' '));
        if row.text.is_empty() {
            text.truncate(text.trim_end_matches(' ').len());
            text.push('\n');
        }
        if !row.note.is_empty() {
            text += &paper.dim(&paper.wrapped(&row.note, left));
        }
    }
    text
}

/// All names, by chapter.
pub fn overview(paper: Paper) -> String {
    let mut text =
        String::from("What scripts can use. `jailsh doc NAME` tells all of one: exec, Jail.exec, spec.ports, Output, trim.\n");
    let one = |name: &str, summary: &str| Row {
        name: name.to_owned(),
        kind: String::new(),
        text: summary.to_owned(),
        note: String::new(),
        more: None,
    };
    let mut chapter = |heading: &str, all: Vec<Row>| {
        if !all.is_empty() {
            text += &paper.heading(heading);
            text += &rows(&all, paper);
        }
    };
    for group in Group::ALL {
        chapter(group.title(), items().filter(|item| item.group == group).map(|item| one(item.name, item.summary)).collect());
    }
    chapter("Variables", VARIABLES.iter().map(|variable| one(variable.name, variable.summary)).collect());
    chapter("Types of values", types().map(|kind| one(kind.name, kind.summary)).collect());
    chapter("Maps", shapes().into_iter().map(|shape| one(shape.name, shape.summary)).collect());
    chapter("The standard library", modules().iter().map(|module| one(&module.name, &module.words.summary)).collect());
    let mut own: Vec<&str> = standard().iter().map(|item| item.name.as_str()).collect();
    own.dedup();
    text += &paper.heading("Rhai's own");
    text += &paper.wrapped(&own.join(" "), INDENT.len());
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::reference::{find, names};

    const PLAIN: Paper = Paper { width: 80, colour: false };

    fn shown(name: &str) -> String {
        find(name).iter().map(|found| page(found, PLAIN)).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_page_reads_well() {
        insta::assert_snapshot!(["exec", "Output", "spec.log", "spec.profile", "text.split"].map(shown).join("\n-----\n"));
    }

    #[test]
    fn no_page_is_wider_than_its_paper_but_for_code() {
        for name in names() {
            for found in find(&name) {
                let code = found.signatures.iter().map(String::as_str).chain(found.blocks.iter().flat_map(|block| match block {
                    Block::Code { code, .. } => code.lines().collect::<Vec<_>>(),
                    _ => Vec::new(),
                }));
                let code: Vec<&str> = code.collect();
                for line in page(&found, PLAIN).lines().filter(|line| line.width() > 80) {
                    assert!(code.contains(&line.strip_prefix(INDENT).unwrap_or(line)), "{name}: {line}");
                }
            }
        }
        assert!(overview(PLAIN).lines().skip(1).all(|line| line.width() <= 80));
    }

    #[test]
    fn colours_change_no_word() {
        let bare = |text: &str| text.replace("\x1b[0m", "").replace("\x1b[1m", "").replace("\x1b[2m", "");
        for found in find("exec") {
            assert_eq!(bare(&page(&found, Paper { colour: true, ..PLAIN })), page(&found, PLAIN));
        }
    }
}
