//! What a script may know of the host. Each fact is looked up when it is asked for, and noted in the ledger.

use serde_json::Value;

use super::Fault;
use crate::jail::{Host, JailError};
use crate::kernel::system::physical_memory;
use crate::plan::Digest;

/// How one fact is found; the host is opened only for those that are about it.
type Look = fn(&dyn Fn() -> Result<Host, Fault>) -> Result<Value, Fault>;

/// Name and finder, in the order they are shown.
pub const FACTS: [(&str, Look); 8] = [
    ("hostname", |_| {
        Ok(nix::unistd::gethostname().map_err(JailError::system("ask for the host's name"))?.to_string_lossy().into())
    }),
    ("kernel", |_| release()),
    ("architecture", |_| Ok(std::env::consts::ARCH.into())),
    ("cpus", |_| Ok(std::thread::available_parallelism().map_err(JailError::io("count the processors"))?.get().into())),
    ("memory", |_| memory()),
    ("version", |_| Ok(env!("CARGO_PKG_VERSION").into())),
    ("body", |host| Ok(host()?.kernel.describe().body.into())),
    ("data_dir", |host| Ok(host()?.config.data_dir.display().to_string().into())),
];

/// As `uname -r` has it.
fn release() -> Result<Value, Fault> {
    let uname = nix::sys::utsname::uname().map_err(JailError::system("ask for the kernel's release"))?;
    Ok(uname.release().to_string_lossy().into_owned().into())
}

/// Physical memory, in bytes.
fn memory() -> Result<Value, Fault> {
    let bytes = physical_memory().map_err(JailError::system("ask for the host's memory"))?;
    Ok(bytes.unwrap_or(0).into())
}

/// One fact as it is now; `None` if there is none of that name.
pub fn look(name: &str, host: &dyn Fn() -> Result<Host, Fault>) -> Option<Result<Value, Fault>> {
    FACTS.iter().find(|(known, _)| *known == name).map(|(_, look)| look(host))
}

/// Its digest as the ledger keeps it, for who compares.
pub fn digest(name: &str, host: &Host) -> Option<Digest> {
    look(name, &|| Ok(host.clone()))?.ok().map(|value| Digest::of_value(&value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_no_open_host_is_known_without_and_the_rest_says_why_not() {
        let none = || Err(Fault::new(crate::script::Kind::Unavailable, "no host in this test"));
        for (name, look) in FACTS {
            match look(&none) {
                Ok(value) => assert!(value.as_str().is_none_or(|text| !text.is_empty()), "{name}"),
                Err(fault) => assert!(matches!(name, "body" | "data_dir"), "{name}: {fault}"),
            }
        }
        assert!(look("memory", &none).unwrap().unwrap().as_i64().unwrap() > 1 << 20);
        assert!(look("cpus", &none).unwrap().unwrap().as_i64().unwrap() >= 1);
        assert!(look("colour", &none).is_none());
    }
}
