//! What a base says of its Debian packages. Reads dpkg's record of them, nothing else.

use std::path::Path;

use super::catalog;
use super::reference::Base;
use crate::jail::store::Directory;
use crate::jail::{Config, JailError};

/// dpkg(1), FILES.
const STATUS: &str = "var/lib/dpkg/status";
/// Bytes of it; that of a whole desktop has ten million.
pub const STATUS_LIMIT: usize = 256 << 20;

/// The files of a base that is no host's; `None`: they lie in an archive.
pub fn files(config: &Config, base: &Base) -> Result<Option<Directory>, JailError> {
    Ok(match base {
        Base::Host | Base::Archive { .. } => None,
        Base::Directory(path) => Some(Directory::open(path)?),
        Base::Pinned(pin) => Some(catalog::tree(config, pin)?),
        Base::Newest(name) => Some(catalog::tree(config, &catalog::newest(config, name)?)?),
    })
}

/// The text of dpkg's `status` of a base; `None` where there is none, or the base is not imported yet.
pub fn package_status(config: &Config, base: &Base) -> Result<Option<String>, JailError> {
    let root = match base {
        Base::Host => Directory::open(Path::new("/"))?,
        other => match files(config, other)? {
            Some(root) => root,
            None => return Ok(None),
        },
    };
    let (above, name) = STATUS.rsplit_once('/').expect("a path with directories");
    let Some(above) = root.find(above)? else { return Ok(None) };
    if above.status(name)?.is_none() {
        return Ok(None);
    }
    Ok(Some(String::from_utf8_lossy(&above.read(name, STATUS_LIMIT)?).into_owned()))
}
