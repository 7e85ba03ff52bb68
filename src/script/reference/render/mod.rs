//! Pages of the reference as a terminal, an editor or a browser shows them. Pure.

pub mod definitions;
mod html;
mod markdown;
mod terminal;

pub use html::html;
pub use markdown::markdown;
pub use terminal::{Paper, overview, page};
