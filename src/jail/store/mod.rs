//! A jail's files on the host: its directory, `jail.toml`, and the names set aside while one is made or removed. Touches
//! the data directory and the locks of the run directory, nothing else.

mod directory;
mod exchange;
mod lock;
mod removal;

use std::os::fd::OwnedFd;

pub(crate) use directory::Directory;
pub(super) use directory::read_regular;
pub use exchange::exchange;
pub use lock::{Lock, Turn, TurnName};
pub(super) use removal::remove_tree;

use super::spec::nearest;
use super::{Config, JailError, Spec, snapshot, tree};
use crate::kernel::JailName;
use crate::kernel::system::rename_new;

/// Ends the name of a jail's directory that another one is to replace, or has replaced.
const REPLACED: &str = ".replaced";
pub(super) const SPEC_FILE: &str = "jail.toml";
/// A `jail.toml` longer than this was not written by us.
pub(super) const SPEC_LIMIT: usize = 1 << 20;
/// Jails listed at most.
const MAX_JAILS: usize = 65536;

/// The directory that holds all jails; `None` before the first was created.
pub fn jails(config: &Config) -> Result<Option<Directory>, JailError> {
    match Directory::open(&config.data_dir) {
        Err(JailError::System { errno: nix::errno::Errno::ENOENT, .. }) => Ok(None),
        found => found?.vetted()?.find("jails")?.map(Directory::vetted).transpose(),
    }
}

/// The same, made if missing.
pub fn jails_or_make(config: &Config) -> Result<Directory, JailError> {
    Directory::open_or_make(&config.data_dir)?.vetted()?.ensure("jails", 0o700)?.vetted()
}

/// A jail's directory.
///
/// # Errors
/// [`JailError::NoSuchJail`] with the nearest name that exists.
pub fn jail(config: &Config, name: &JailName) -> Result<Directory, JailError> {
    let jails = jails(config)?;
    match jails.as_ref().map(|jails| jails.find(name.as_str())).transpose()?.flatten() {
        Some(found) => found.vetted(),
        None => Err(no_such_jail(config, name)),
    }
}

/// The directory that a rollback is to exchange, or has exchanged, for the jail's own.
pub fn replaced(config: &Config, name: &JailName) -> Result<Option<Directory>, JailError> {
    jails(config)?.map(|jails| jails.find(format!(".{name}{REPLACED}"))).transpose().map(Option::flatten)
}

pub fn no_such_jail(config: &Config, name: &JailName) -> JailError {
    // Without a list there is no hint; the error is the same.
    let known = names(config).unwrap_or_default();
    let hint = nearest(name.as_str(), known.iter().map(JailName::as_str)).and_then(|near| near.parse().ok());
    JailError::NoSuchJail { name: name.clone(), hint }
}

/// Every jail that has a directory, by name. Names we did not give are passed over.
pub fn names(config: &Config) -> Result<Vec<JailName>, JailError> {
    let Some(jails) = jails(config)? else { return Ok(Vec::new()) };
    let found = jails.names(MAX_JAILS)?;
    let mut names: Vec<JailName> = found.iter().filter_map(|name| name.to_str()?.parse().ok()).collect();
    names.sort();
    Ok(names)
}

/// What `jail.toml` says; `None` if there is none.
pub fn read_spec(jail: &Directory, name: &JailName) -> Result<Option<Spec>, JailError> {
    if jail.status(SPEC_FILE)?.is_none() {
        return Ok(None);
    }
    let path = jail.path_of(SPEC_FILE);
    let bytes = jail.read(SPEC_FILE, SPEC_LIMIT)?;
    let text = String::from_utf8(bytes).map_err(|_| JailError::Path {
        path: path.clone(),
        why: "is not UTF-8".into(),
        remedy: "write it again with create".into(),
    })?;
    Spec::from_toml(name, &text).map(Some).map_err(|error| JailError::Spec { path: path.display().to_string(), error })
}

pub fn write_spec(jail: &Directory, spec: &Spec) -> Result<(), JailError> {
    jail.replace(SPEC_FILE, 0o600, spec.to_toml().as_bytes())
}

/// The same in a directory that nobody sees yet. The caller brings it to disk with [`nix::unistd::fsync`], after all else:
/// the first such wait pays for everything.
pub fn write_first_spec(jail: &Directory, spec: &Spec) -> Result<OwnedFd, JailError> {
    jail.write_new(SPEC_FILE, 0o600, spec.to_toml().as_bytes())
}

/// Makes a directory that appears under `name` only when `fill` is done and its content is on disk. What a crash or an
/// error leaves has a hidden name and goes with the next call or with [`sweep`].
pub fn appear(
    parent: &Directory,
    name: &str,
    mode: u32,
    fill: impl FnOnce(&Directory) -> Result<(), JailError>,
) -> Result<Directory, JailError> {
    let aside = format!(".{name}.new");
    remove_tree(parent, &aside)?;
    let made = parent.make(&aside, mode).and_then(|made| {
        fill(&made)?;
        made.sync()?;
        rename_new(parent.fd(), aside.as_str(), parent.fd(), name)
            .map_err(JailError::system(format!("rename to {}", parent.path_of(name).display())))?;
        parent.sync()?;
        parent.sub(name)
    });
    if made.is_err() {
        // The first error is the one to tell; what cannot be removed now is removed by the next call.
        let _ = remove_tree(parent, &aside);
    }
    made
}

/// A name that nobody can foresee, behind a prefix.
pub fn random_name(prefix: &str) -> Result<String, JailError> {
    let doing = || JailError::io("read /dev/urandom");
    let mut bytes = [0; 8];
    let mut source = std::fs::File::open("/dev/urandom").map_err(doing())?;
    std::io::Read::read_exact(&mut source, &mut bytes).map_err(doing())?;
    Ok(format!("{prefix}{:016x}", u64::from_ne_bytes(bytes)))
}

/// What a jail's directory is called while it is removed.
fn trash_of(name: &JailName) -> String {
    format!(".{name}.trash")
}

/// Removes a jail's directory: first out of sight in one step, then for good.
pub fn remove_jail(jails: &Directory, name: &JailName) -> Result<(), JailError> {
    let trash = trash_of(name);
    remove_tree(jails, &trash)?;
    rename_new(jails.fd(), name.as_str(), jails.fd(), trash.as_str())
        .map_err(JailError::system(format!("set {} aside", jails.path_of(name.as_str()).display())))?;
    jails.sync()?;
    remove_tree(jails, &trash)
}

/// Removes what crashed verbs left of other jails. Those that someone works on are left alone.
pub fn sweep(config: &Config, held: &JailName) -> Result<(), JailError> {
    let Some(jails) = jails(config)? else { return Ok(()) };
    for name in jails.names(MAX_JAILS)? {
        let Some(name) = name.to_str() else { continue };
        let Some(owner) = owner_of_leftover(name) else { continue };
        if &owner == held {
            remove_leftover(&jails, name, &owner)?;
        } else if let Some(_lock) = Lock::try_jail(config, &owner)? {
            remove_leftover(&jails, name, &owner)?;
        }
    }
    Ok(())
}

/// The same for every jail that nobody works on, among their snapshots, too. Says how many bytes that were.
pub fn sweep_all(config: &Config) -> Result<u64, JailError> {
    let Some(jails) = jails(config)? else { return Ok(0) };
    let mut bytes = 0;
    for name in jails.names(MAX_JAILS)? {
        let Some(name) = name.to_str() else { continue };
        if let Some(owner) = owner_of_leftover(name) {
            let Some(_lock) = Lock::try_jail(config, &owner)? else { continue };
            bytes += jails.find(name)?.map(|left| tree::measure(&left)).transpose()?.unwrap_or_default().bytes;
            remove_leftover(&jails, name, &owner)?;
        } else if let Ok(owner) = name.parse::<JailName>() {
            let Some(_lock) = Lock::try_jail(config, &owner)? else { continue };
            // Destroyed since it was listed.
            let Some(jail) = jails.find(name)? else { continue };
            bytes += snapshot::sweep_of(&jail)?;
        }
    }
    Ok(bytes)
}

fn remove_leftover(jails: &Directory, name: &str, owner: &JailName) -> Result<(), JailError> {
    if name.ends_with(REPLACED) {
        exchange::carry_over(jails, owner)?;
        return remove_tree(jails, &trash_of(owner));
    }
    remove_tree(jails, name)
}

/// The jail whose half-made or half-removed directory this is.
fn owner_of_leftover(name: &str) -> Option<JailName> {
    let inner = name.strip_prefix('.')?;
    [".new", ".trash", REPLACED].iter().find_map(|end| inner.strip_suffix(end))?.parse().ok()
}

#[cfg(test)]
mod tests;
