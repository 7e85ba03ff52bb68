//! For an editor's windows: Markdown.

use crate::script::reference::{Block, Page, Row};

/// A page, its signatures first. At most `rows` rows of a table, for a window that is small.
pub fn markdown(page: &Page, rows: usize) -> String {
    let mut text = String::new();
    if !page.signatures.is_empty() {
        text += &format!("```rhai\n{}\n```\n", page.signatures.join("\n"));
    }
    text += &sentence(&page.summary);
    for block in &page.blocks {
        text += &match block {
            Block::Text { text } => format!("\n\n{text}"),
            Block::Rows { heading, rows: all } => format!("\n\n**{heading}**\n{}", table(all, rows)),
            Block::Code { heading, code } => format!("\n\n**{heading}**\n```rhai\n{code}\n```"),
        };
    }
    text
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().collect::<String>()).unwrap_or_default();
    if text.is_empty() { String::new() } else { format!("{first}{}.", letters.as_str()) }
}

fn table(all: &[Row], most: usize) -> String {
    let one = |row: &Row| {
        let kind = if row.kind.is_empty() { String::new() } else { format!(" *{}*", row.kind) };
        let note = if row.note.is_empty() { String::new() } else { format!(" ({})", row.note) };
        format!("\n- `{}`{kind}: {}{note}", row.name, row.text)
    };
    let mut text: String = all.iter().take(most).map(one).collect();
    if all.len() > most {
        text += &format!("\n- and {} more", all.len() - most);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::reference::find;

    #[test]
    fn a_page_is_markdown_that_editors_show() {
        insta::assert_snapshot!(markdown(&find("exec")[0], 3));
    }
}
