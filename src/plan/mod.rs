//! What a script means to do, and what it knew when it said so. Pure: values in, values out.
//!
//! A verb gives [`decide`] what is wanted; that looks through [`Observe`] at what is, and answers with [`Action`]s. They are
//! performed, or recorded and told to a [`Shadow`], which then is what later verbs of a plan look at.

mod accounts;
mod action;
mod content;
pub mod decide;
mod difference;
mod document;
mod inverse;
mod mask;
mod observed;
mod packages;
mod path;
mod provenance;
mod shadow;
mod show;
pub mod template;
mod witness;
mod words;

pub use crate::jail::{Digest, Entry};
pub use accounts::{AccountError, AccountName, Accounts, GroupRef, GroupWish, UserWish};
pub use action::{Action, Archive, Attributes, Command, Line, Place, Program, Step, Written, shown};
pub use content::{Bytes, Content, Part};
pub use decide::DecideError;
pub use difference::difference;
pub use document::{Document, DocumentError, Source};
pub use inverse::{Inverse, Trace, inverse, trace};
pub use mask::{Mask, stand_in, without_hashes, without_passwords};
pub use observed::{JailSeen, Kind, MAX_READ, Observe, ObserveError, Seed, Service};
pub use packages::{PackageName, Packages};
pub use path::{JailPath, PathError};
pub use provenance::{Provenance, Stale};
pub use shadow::Shadow;
pub use show::{Counts, listing};
pub use witness::{Fact, Witness, stale_facts};
