//! The standard library as files, so that an editor can open what a name leads to. Touches the user's cache directory.

use std::path::PathBuf;

use crate::script::stdlib;

/// The file of `std/NAME`, written if it is not there as it should be. `None` without a place for it.
pub fn file_of(module: &str) -> Option<PathBuf> {
    let name = module.strip_prefix("std/")?;
    let text = stdlib::text(name)?;
    let given = |variable: &str| std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    // XDG Base Directory Specification.
    let cache = given("XDG_CACHE_HOME").or_else(|| given("HOME").map(|home| home.join(".cache")))?;
    let directory = cache.join("jailsh").join(env!("CARGO_PKG_VERSION")).join("std");
    let path = directory.join(format!("{name}.rhai"));
    if std::fs::read_to_string(&path).ok().as_deref() != Some(text) {
        std::fs::create_dir_all(&directory).ok()?;
        std::fs::write(&path, text).ok()?;
    }
    Some(path)
}
