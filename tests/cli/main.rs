//! The three tools as a user sees them: what they print, how they end, what they leave behind. Needs no module.

mod bad_input;
mod check;
mod completion;
mod config;
mod cron;
mod doc;
mod generated;
mod harness;
mod help;
mod host_verbs;
mod json;
mod layers;
mod learn;
mod library;
mod listings;
mod logs;
mod lsp;
mod modules;
mod plan;
mod profiles;
mod provision;
mod reference;
mod repl;
mod screen;
mod scripts;
#[path = "../support/terminal.rs"]
mod terminal;
mod testing;
mod top;
mod values;
mod verbs;
mod why;
