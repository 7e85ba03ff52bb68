//! What can be wrong with an archive.

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    #[error("ends too early; it is damaged or was not written to its end")]
    Truncated,
    #[error("cannot be read: {0}; it is damaged")]
    Damaged(String),
    #[error("is no tar archive (block {block}: {why}); give a tar archive, plain or compressed with gzip or zstd")]
    Header { block: u64, why: &'static str },
    #[error(
        "is compressed with {0}, which is not read here; decompress it first and give the tar archive, or - for standard input"
    )]
    Compression(&'static str),
    #[error("holds more than {limit} {what}; it is damaged or hostile, use another one")]
    TooMuch { what: &'static str, limit: u64 },
    #[error("entry {name:?} {why}; it was not unpacked")]
    Entry { name: String, why: String },
    #[error("its sha256 is {found}, not {wanted}; fetch it again, or find out who changed it")]
    Sum { wanted: String, found: String },
    #[error("{0}; make it with jailmgr export")]
    NoExport(String),
}

impl ArchiveError {
    pub fn entry(name: &[u8], why: impl Into<String>) -> ArchiveError {
        let name = String::from_utf8_lossy(name).chars().take(200).collect();
        ArchiveError::Entry { name, why: why.into() }
    }

    pub fn reading(error: &std::io::Error) -> ArchiveError {
        match error.kind() {
            std::io::ErrorKind::UnexpectedEof => ArchiveError::Truncated,
            _ => ArchiveError::Damaged(error.to_string()),
        }
    }
}
