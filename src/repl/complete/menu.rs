//! Candidates as a menu shows them: the name, and on the side what it is. Pure.

use rustyline::completion::Pair;
use unicode_width::UnicodeWidthStr;

use crate::script::assist::Word;
use crate::telemetry::{printable, shortened};

/// With more of them than this a menu is names alone, many on a line.
const SIDES: usize = 60;
/// Columns of names beside which something stands.
const NAMES: usize = 28;
/// Menus narrower than this have no room beside the names.
const NARROW: usize = 30;
/// Between a name and what it is.
pub const GAP: &str = "  ";

/// A candidate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offer {
    pub label: String,
    /// Type, parameters.
    pub detail: String,
    pub summary: String,
    pub insert: String,
}

impl Offer {
    pub fn plain(name: &str) -> Offer {
        Offer { label: name.to_owned(), insert: name.to_owned(), ..Offer::default() }
    }

    pub fn word(word: &Word) -> Offer {
        let Word { text, label, detail } = word.clone();
        Offer { label, detail, summary: String::new(), insert: text }
    }
}

/// For a screen of so many columns.
pub fn menu(offers: Vec<Offer>, width: usize) -> Vec<Pair> {
    let with_sides = offers.len() <= SIDES && width >= NARROW && offers.iter().any(|offer| !offer.detail.is_empty());
    let column = offers.iter().map(|offer| offer.label.width()).max().unwrap_or(0).min(NAMES);
    let display = |offer: &Offer| {
        let label = printable(&offer.label).into_owned();
        if !with_sides {
            return shortened(&label, width.saturating_sub(1));
        }
        let side = [&offer.detail, &offer.summary].into_iter().filter(|text| !text.is_empty());
        let side = printable(&side.cloned().collect::<Vec<_>>().join(GAP)).into_owned();
        let blank = " ".repeat(column.saturating_sub(label.width()));
        shortened(format!("{label}{blank}{GAP}{side}").trim_end(), width.saturating_sub(1))
    };
    offers.iter().map(|offer| Pair { display: display(offer), replacement: offer.insert.clone() }).collect()
}
