//! What a script means to do, and what it knew when it said so. Pure: values in, values out.
//!
//! A verb gives [`decide`] what is wanted; that looks through [`Observe`] at what is, and answers with [`Action`]s. They are
//! performed, or recorded and told to a [`Shadow`], which then is what later verbs of a plan look at.

mod action;
mod content;
pub mod decide;
mod difference;
mod document;
mod observed;
mod path;
mod provenance;
mod shadow;
mod show;
mod witness;

pub use action::{Action, Attributes, Command, Line, Place, Step, Written, shown};
pub use content::{Bytes, Content, Part};
pub use decide::DecideError;
pub use difference::difference;
pub use document::{Document, DocumentError, Source};
pub use observed::{Entry, JailSeen, Kind, MAX_READ, Observe, ObserveError, Service};
pub use path::{JailPath, PathError};
pub use provenance::{Digest, Provenance, Stale};
pub use shadow::Shadow;
pub use show::{Counts, listing};
pub use witness::{Fact, Witness, stale_facts};
