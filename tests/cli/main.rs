//! The three tools as a user sees them: what they print, how they end, what they leave behind. Needs no module.

mod bad_input;
mod harness;
mod help;
mod listings;
mod scripts;
