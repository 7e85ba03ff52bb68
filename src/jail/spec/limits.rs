//! The map `limits` of a spec. Pure.

use serde_json::Value;

use super::SpecError;
use super::parse::{join, optional, table, text, value, wrong};
use crate::kernel::{Bytes, CpuQuota, CpuWeight, Limits};

pub const KEYS: [&str; 11] =
    ["cpu", "cpu_weight", "memory", "memory_soft", "swap", "processes", "files", "socket_buffers", "io_read", "io_write", "disk"];

/// Most processes that a kernel numbers (PID_MAX_LIMIT, include/linux/threads.h).
const MOST_PROCESSES: u64 = 4_194_304;
/// With less no program starts.
const LEAST_FILES: u64 = 16;
/// With less nothing that a disk gives comes through in a second.
const LEAST_RATE: Bytes = Bytes(4096);
/// Less than what a jail is made with.
const LEAST_DISK: Bytes = Bytes(1 << 20);
/// Less, and no program starts.
const LEAST_MEMORY: Bytes = Bytes(1 << 20);

impl Limits {
    /// A map with the keys of a spec's `limits`. `key` is what messages call it.
    ///
    /// # Errors
    /// The first thing wrong, with its key.
    pub fn parse(key: &str, tree: &Value) -> Result<Limits, SpecError> {
        limits(key, tree)
    }
}

pub fn limits(key: &str, tree: &Value) -> Result<Limits, SpecError> {
    let map = table(key, tree, &KEYS)?;
    let under = |part: &'static str| join(key, part);
    let read = Limits {
        cpu: optional(map, "cpu", |_, tree| cpu(&under("cpu"), tree))?,
        cpu_weight: optional(map, "cpu_weight", |_, tree| weight(&under("cpu_weight"), tree))?,
        memory: optional(map, "memory", |_, tree| memory(&under("memory"), tree))?,
        memory_soft: optional(map, "memory_soft", |_, tree| memory(&under("memory_soft"), tree))?,
        swap: optional(map, "swap", |_, tree| bytes(&under("swap"), tree))?,
        processes: optional(map, "processes", |_, tree| processes(&under("processes"), tree))?,
        files: optional(map, "files", |_, tree| files(&under("files"), tree))?,
        socket_buffers: optional(map, "socket_buffers", |_, tree| bytes(&under("socket_buffers"), tree))?,
        io_read: optional(map, "io_read", |_, tree| rate(&under("io_read"), tree))?,
        io_write: optional(map, "io_write", |_, tree| rate(&under("io_write"), tree))?,
        disk: optional(map, "disk", |_, tree| disk(&under("disk"), tree))?,
    };
    match (read.memory, read.memory_soft) {
        (Some(hard), Some(soft)) if soft > hard => {
            Err(value(&under("memory_soft"), format!("{soft} is more than memory, {hard}; make it less, or leave it out")))
        }
        _ => Ok(read),
    }
}

/// A number of bytes, or a text with a unit.
fn bytes(key: &str, tree: &Value) -> Result<Bytes, SpecError> {
    if let Some(number) = tree.as_u64() {
        return number.to_string().parse().map_err(|error| value(key, format!("{error}")));
    }
    if !tree.is_string() {
        return Err(wrong(key, "a size as \"512M\", or a number of bytes", tree));
    }
    text(key, tree)?.parse().map_err(|error| value(key, format!("{error}")))
}

fn memory(key: &str, tree: &Value) -> Result<Bytes, SpecError> {
    let size = bytes(key, tree)?;
    if size < LEAST_MEMORY {
        return Err(value(key, format!("{size} is less than {LEAST_MEMORY}, with which no program starts")));
    }
    Ok(size)
}

fn rate(key: &str, tree: &Value) -> Result<Bytes, SpecError> {
    let rate = bytes(key, tree)?;
    if rate < LEAST_RATE {
        return Err(value(key, format!("{rate} bytes a second is less than {LEAST_RATE}, a block of a disk")));
    }
    Ok(rate)
}

fn disk(key: &str, tree: &Value) -> Result<Bytes, SpecError> {
    let size = bytes(key, tree)?;
    if size < LEAST_DISK {
        return Err(value(key, format!("{size} is less than {LEAST_DISK}, with which no jail starts")));
    }
    Ok(size)
}

fn cpu(key: &str, tree: &Value) -> Result<CpuQuota, SpecError> {
    if !tree.is_string() {
        return Err(wrong(key, "a text as \"50%\" or \"20ms/100ms\"", tree));
    }
    text(key, tree)?.parse().map_err(|error| value(key, format!("{error}")))
}

fn weight(key: &str, tree: &Value) -> Result<CpuWeight, SpecError> {
    let number = tree.as_u64().and_then(|number| u32::try_from(number).ok());
    number.and_then(CpuWeight::new).ok_or_else(|| wrong(key, "a number from 1 to 10000 (100 is what others have)", tree))
}

fn files(key: &str, tree: &Value) -> Result<u32, SpecError> {
    let number = tree.as_u64().filter(|number| *number >= LEAST_FILES).and_then(|number| u32::try_from(number).ok());
    number.ok_or_else(|| wrong(key, "a number of open files, 16 or more", tree))
}

fn processes(key: &str, tree: &Value) -> Result<u32, SpecError> {
    let number = tree.as_u64().filter(|number| (1..=MOST_PROCESSES).contains(number));
    let number = number.and_then(|number| u32::try_from(number).ok());
    number.ok_or_else(|| wrong(key, "a number of processes from 1 to 4194304", tree))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Spec;

    #[test]
    fn a_limit_of_disk_space_beside_a_right_that_goes_past_it_is_wrong() {
        let parse = |profile| Spec::parse(&"web".parse().unwrap(), &json!({ "profile": profile, "limits": { "disk": "1G" } }));
        assert!(parse(json!("low")).is_ok());
        for right in ["quota", "immutable", "resource"] {
            for how in ["grant", "audit"] {
                let said = parse(json!({ "base": "high", how: [right] })).unwrap_err().to_string();
                assert!(said.starts_with("limits.disk: ") && said.contains(right), "{said}");
            }
        }
    }
}
