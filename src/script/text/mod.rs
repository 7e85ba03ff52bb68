//! A script as text: tokens, names and places, for who helps to write one. Works on what is half typed. Pure.

mod outline;
mod token;

pub use outline::{Name, Named, Outline, matching};
pub use token::{Kind, Token, tokens};
