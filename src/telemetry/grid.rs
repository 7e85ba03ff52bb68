//! Rows of cells for people: lined up, painted, fitted to a width. Pure; the cells hold nothing that moves a cursor.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// A column as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heading {
    pub name: String,
    /// Least width.
    pub width: usize,
    /// Numbers end where the column ends.
    pub right: bool,
    /// May be shortened; what may not is left out instead.
    pub elastic: bool,
    /// The column with the least is left out first; of several, the last of them.
    pub weight: u8,
}

/// One cell; its colour as SGR parameters (ECMA-48).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cell {
    pub text: String,
    pub colour: Option<&'static str>,
}

/// What was drawn, and which columns had no room.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fitted {
    pub text: String,
    pub left_out: Vec<String>,
}

/// Every row has a cell per heading.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grid {
    pub headings: Vec<Heading>,
    pub rows: Vec<Vec<Cell>>,
}

/// A column of this weight is not worth that others are shortened.
const LIGHT: u8 = 1;
/// Columns that may be shortened stay at least this wide.
const LEAST: usize = 12;
/// Between columns of a fitted grid.
const GAP: usize = 2;
const BOLD: &str = "1";

impl Grid {
    /// Lines as long as they come, the last one ended.
    pub fn lines(&self, headless: bool, colour: bool) -> String {
        let columns: Vec<usize> = (0..self.headings.len()).collect();
        let widths: Vec<usize> = columns.iter().map(|at| self.natural(*at).max(self.headings[*at].width)).collect();
        self.draw(&columns, &widths, 1, headless, colour)
    }

    /// Lines of at most `width` columns. Where not all fits, the lightest columns are left out, then texts are shortened, then more
    /// columns are left out.
    pub fn fitted(&self, width: usize, colour: bool) -> Fitted {
        let natural: Vec<usize> = (0..self.headings.len()).map(|at| self.natural(at)).collect();
        let least = |at: usize| match self.headings[at].elastic {
            true => natural[at].min(LEAST.max(self.headings[at].name.width())),
            false => natural[at],
        };
        let mut shown: Vec<usize> = (0..self.headings.len()).collect();
        let mut left_out = Vec::new();
        let room = |shown: &[usize]| width.saturating_sub(GAP * shown.len().saturating_sub(1));
        while shown.len() > 1 {
            let lightest = (0..shown.len()).rev().min_by_key(|at| self.headings[shown[*at]].weight).unwrap_or(0);
            let needed: usize = match self.headings[shown[lightest]].weight {
                ..=LIGHT => shown.iter().map(|at| natural[*at]).sum(),
                _ => shown.iter().map(|at| least(*at)).sum(),
            };
            if needed <= room(&shown) {
                break;
            }
            left_out.push(shown.remove(lightest));
        }
        left_out.sort_unstable();
        let widths = level(&shown.iter().map(|at| (least(*at), natural[*at])).collect::<Vec<_>>(), room(&shown));
        Fitted {
            text: self.draw(&shown, &widths, GAP, false, colour),
            left_out: left_out.into_iter().map(|at| self.headings[at].name.clone()).collect(),
        }
    }

    fn natural(&self, at: usize) -> usize {
        let cells = self.rows.iter().map(|row| row[at].text.width());
        cells.max().unwrap_or(0).max(self.headings[at].name.width())
    }

    fn draw(&self, columns: &[usize], widths: &[usize], gap: usize, headless: bool, colour: bool) -> String {
        let heading = |at: usize| Cell { text: self.headings[at].name.clone(), colour: Some(BOLD) };
        let headings: Vec<Cell> = (0..self.headings.len()).map(heading).collect();
        let mut text = String::new();
        for row in std::iter::once(&headings).chain(&self.rows).skip(usize::from(headless)) {
            for (nth, (at, width)) in columns.iter().zip(widths).enumerate() {
                let cell = &row[*at];
                let shown = shortened(&cell.text, *width);
                let blank = width.saturating_sub(shown.width());
                let (before, after) = if self.headings[*at].right { (blank, 0) } else { (0, blank) };
                text.extend(std::iter::repeat_n(' ', before));
                match cell.colour.filter(|_| colour && !shown.is_empty()) {
                    Some(colour) => text += &format!("\x1b[{colour}m{shown}\x1b[0m"),
                    None => text += &shown,
                }
                if nth + 1 < columns.len() {
                    text.extend(std::iter::repeat_n(' ', after + gap));
                }
            }
            text.push('\n');
        }
        text
    }
}

/// Widths between the least and the natural ones that need no more than `room`: the widest give way first.
fn level(wanted: &[(usize, usize)], room: usize) -> Vec<usize> {
    let at = |cap: usize| wanted.iter().map(move |(least, natural)| cap.clamp(*least, *natural));
    let widest = wanted.iter().map(|(_, natural)| *natural).max().unwrap_or(0);
    let fitting = (0..=widest).rev().find(|cap| at(*cap).sum::<usize>() <= room);
    match fitting {
        Some(cap) => at(cap).collect(),
        // One column is left, and the room is less than it needs.
        None => wanted.iter().map(|(_, natural)| (*natural).min(room)).collect(),
    }
}

/// A text of at most `width` columns; an ellipsis stands for what was cut off.
pub fn shortened(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let Some(room) = width.checked_sub(1) else { return String::new() };
    let mut used = 0;
    let mut kept: String = text
        .chars()
        .take_while(|c| {
            used += c.width().unwrap_or(0);
            used <= room
        })
        .collect();
    // A mark that widens what is before it counts only together with that.
    while kept.width() > room {
        kept.pop();
    }
    kept + "…"
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn grid(texts: &[[&str; 4]]) -> Grid {
        let heading = |name: &str, right, elastic, weight| Heading { name: name.into(), width: 0, right, elastic, weight };
        Grid {
            headings: vec![
                heading("NAME", false, true, 9),
                heading("N", true, false, 2),
                heading("ROOT", false, true, 1),
                heading("STATE", false, false, 3),
            ],
            rows: texts.iter().map(|row| row.iter().map(|text| Cell { text: (*text).into(), colour: None }).collect()).collect(),
        }
    }

    #[test]
    fn texts_are_shortened_before_columns_are_left_out_and_those_by_weight() {
        let grid = grid(&[["web", "7", "/var/jailmgr/jails/web/root", "running"], ["database", "512", "/x", "down"]]);
        let drawn = [80, 40, 30, 16, 8, 3].map(|width| {
            let fitted = grid.fitted(width, false);
            format!("{width}: without {}\n{}", fitted.left_out.join(", "), fitted.text)
        });
        insta::assert_snapshot!(drawn.join("\n"));
    }

    #[test]
    fn a_mark_that_widens_the_sign_before_it_is_cut_off_with_it() {
        assert_eq!(shortened("❤\u{fe0f}❤\u{fe0f}", 3), "❤\u{fe0f}…");
        assert_eq!(shortened("日本語", 4), "日…");
        assert_eq!(shortened("abc", 0), "");
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_the_room(cells in proptest::collection::vec("\\PC{0,30}", 8), width in 1_usize..90, colour: bool) {
            let row = |at: usize| [0, 1, 2, 3].map(|cell| cells[at * 4 + cell].as_str());
            let fitted = grid(&[row(0), row(1)]).fitted(width, colour);
            let bare = ["1", "0"].iter().fold(fitted.text, |text, sgr| text.replace(&format!("\x1b[{sgr}m"), ""));
            prop_assert_eq!(bare.lines().count(), 3);
            for line in bare.lines() {
                prop_assert!(line.width() <= width, "{:?} is {} wide, not {}", line, line.width(), width);
            }
        }
    }
}
