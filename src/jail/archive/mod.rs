//! Tar archives as trees of files. What is read may be hostile: every number is bounded, every name checked, and nothing
//! is made but strictly below the directory it is for. Taken: tar as of ustar, pax and GNU, plain or compressed with gzip
//! or zstd.

mod compression;
mod error;
mod member;
mod name;
mod pack;
mod pax;
mod unpack;

pub use compression::{Compression, Packed, Source};
pub use error::ArchiveError;
pub use member::{Limits, MemberKind, Members};
pub use name::parts;
pub use pack::Packer;
pub use unpack::{Rules, Unpacker};
