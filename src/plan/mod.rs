//! What a script means to do, and what it knew when it said so. Pure: values in, values out.

mod provenance;

pub use provenance::{Digest, Provenance, Stale};
