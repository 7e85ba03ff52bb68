//! A language server for scripts, over standard input and output (Language Server Protocol 3.17). What it answers comes
//! from [`crate::script::assist`] and [`crate::script::Parser`]; here are the protocol, the open documents, and places in
//! them.

mod answer;
mod cache;
mod document;
mod server;
mod uri;

pub use server::{End, serve};
