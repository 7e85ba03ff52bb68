//! The live view of all jails, for `jailctl top` and for `:top`: what is seen ([`Sample`]), what is shown of it ([`View`],
//! changed by events alone), and how that looks ([`draw`]). All of that is pure. [`Feed`] asks the host and [`run`] the
//! terminal.

mod columns;
mod draw;
mod feed;
mod glance;
mod key;
mod order;
mod run;
mod sample;
mod screen;
mod track;
mod view;

pub use draw::{Look, draw};
pub use feed::{Feed, Here, Threaded};
pub use glance::{Glance, clocks};
pub use key::Key;
pub use order::Order;
pub use run::{Ended, LiveError, run};
pub use sample::{Detail, Head, Health, Jail, Memory, Sample};
pub use screen::is_unicode;
pub use view::View;
