//! What a base says of its Debian packages. Reads dpkg's record of them, nothing else.

use std::path::Path;

use super::catalog;
use super::reference::Base;
use crate::jail::store::Directory;
use crate::jail::{Config, JailError};

/// dpkg(1), FILES.
const STATUS: &str = "var/lib/dpkg/status";
/// Bytes of it; that of a whole desktop has ten million.
const LIMIT: usize = 256 << 20;

/// The text of dpkg's `status` of a base; `None` where there is none, or the base is not imported yet.
pub fn package_status(config: &Config, base: &Base) -> Result<Option<String>, JailError> {
    let root = match base {
        Base::Host => Directory::open(Path::new("/"))?,
        Base::Directory(path) => Directory::open(path)?,
        Base::Archive { .. } => return Ok(None),
        Base::Pinned(pin) => catalog::tree(config, pin)?,
        Base::Newest(name) => return package_status(config, &Base::Pinned(catalog::newest(config, name)?)),
    };
    let (above, name) = STATUS.rsplit_once('/').expect("a path with directories");
    let Some(above) = root.find(above)? else { return Ok(None) };
    if above.status(name)?.is_none() {
        return Ok(None);
    }
    Ok(Some(String::from_utf8_lossy(&above.read(name, LIMIT)?).into_owned()))
}
