//! Limits as options: the same of `jailmgr create` and `jailctl update`.

use clap::Args;
use serde_json::{Map, Value};

/// What the jail as a whole may take of the machine; checked as the spec's `limits` are.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits of the jail as a whole")]
pub struct LimitOptions {
    /// Processor time: a share of one processor as 50% or 200%, or time and period as 20ms/1s
    #[arg(long, value_name = "SHARE")]
    cpu: Option<String>,
    /// Share of the processors where several jails want them, 1 to 10000; others have 100
    #[arg(long, value_name = "N")]
    cpu_weight: Option<String>,
    /// Memory in use, page cache included: bytes, or with K, M, G
    #[arg(long, value_name = "SIZE")]
    memory: Option<String>,
    /// Above this the jail's memory is taken back first
    #[arg(long, value_name = "SIZE")]
    memory_soft: Option<String>,
    /// Swap beside memory
    #[arg(long, value_name = "SIZE")]
    swap: Option<String>,
    /// Processes at a time, threads included
    #[arg(long, value_name = "N")]
    processes: Option<String>,
    /// Open files at a time
    #[arg(long, value_name = "N")]
    files: Option<String>,
    /// Memory of TCP sockets
    #[arg(long, value_name = "SIZE")]
    socket_buffers: Option<String>,
    /// Reading from the disk of the data directory, in a second
    #[arg(long, value_name = "SIZE")]
    io_read: Option<String>,
    /// Writing to it, in a second
    #[arg(long, value_name = "SIZE")]
    io_write: Option<String>,
    /// Space that its own files take; needs a file system with project quotas
    #[arg(long, value_name = "SIZE")]
    disk: Option<String>,
}

impl LimitOptions {
    /// As the keys of a spec's `limits`; what was not given is left out.
    pub fn tree(&self) -> Map<String, Value> {
        let texts = [
            ("cpu", &self.cpu),
            ("memory", &self.memory),
            ("memory_soft", &self.memory_soft),
            ("swap", &self.swap),
            ("socket_buffers", &self.socket_buffers),
            ("io_read", &self.io_read),
            ("io_write", &self.io_write),
            ("disk", &self.disk),
        ];
        let numbers = [("cpu_weight", &self.cpu_weight), ("processes", &self.processes), ("files", &self.files)];
        let texts = texts.into_iter().filter_map(|(key, text)| Some((key.to_owned(), text.clone()?.into())));
        let numbers = numbers.into_iter().filter_map(|(key, text)| Some((key.to_owned(), number(text.as_deref()?))));
        texts.chain(numbers).collect()
    }
}

/// What is no number is left to the parser of limits, which says what would be one.
fn number(text: &str) -> Value {
    text.parse::<u64>().map_or_else(|_| text.into(), Into::into)
}
