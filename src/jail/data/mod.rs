//! The data layer: what a jail may write. Seeded once, with the least that programs need, from texts of ours and from
//! such files of the host's /etc as any user may read. No secret is copied: what others cannot read stays where it is.

mod copy;

use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::renameat;

use super::JailError;
use super::root::seed::{CONTENTS, ETC, FILES, HOSTS, LINKS, MORE_FILES, TEXTS, VAR};
use super::store::{Directory, appear, remove_tree};
use super::tree;
use copy::Seeder;

pub use super::root::seed::DIRECTORIES;

/// The mode of a directory that every data layer of the host's own base has; `None` for what is not made there.
pub fn seeded_directory(path: &str) -> Option<u32> {
    let (top, below) = path.split_once('/').map_or((path, None), |(top, below)| (top, Some(below)));
    let (table, name): (&[(&str, u32)], &str) = match (top, below) {
        (top, None) => (&DIRECTORIES, top),
        ("var", Some(below)) => (&VAR, below),
        _ => return None,
    };
    table.iter().find(|(known, _)| *known == name).map(|(_, mode)| *mode)
}

/// Every directory that a data layer for programs of the host has, with its mode; those above come first.
pub fn seeded_directories() -> impl Iterator<Item = (String, u32)> {
    let top = DIRECTORIES.into_iter().map(|(name, mode)| (name.to_owned(), mode));
    let etc = ETC.map(|name| (format!("etc/{name}"), 0o755));
    top.chain(etc).chain(VAR.into_iter().map(|(name, mode)| (format!("var/{name}"), mode)))
}

/// Its files whose text is ours.
pub fn seeded_files() -> impl Iterator<Item = (String, &'static str)> {
    TEXTS.into_iter().chain([("hosts", HOSTS)]).map(|(name, text)| (format!("etc/{name}"), text))
}

/// Its links, with their targets.
pub fn seeded_links() -> impl Iterator<Item = (&'static str, &'static str)> {
    LINKS.into_iter()
}

/// The host's configuration.
const HOST_ETC: &str = "/etc";

/// Makes and seeds `data` in a jail's directory that nobody sees yet: from a base's tree, or for programs of the host.
pub fn make(jail: &Directory, tree: Option<&Directory>) -> Result<(), JailError> {
    fill(&jail.make("data", 0o755)?, tree)
}

/// The same in one that is in use: it appears complete or not at all.
pub fn seed(jail: &Directory, tree: Option<&Directory>) -> Result<(), JailError> {
    appear(jail, "data", 0o755, |data| fill(data, tree)).map(drop)
}

fn fill(data: &Directory, tree: Option<&Directory>) -> Result<(), JailError> {
    match tree {
        Some(tree) => from_base(data, tree, Path::new(HOST_ETC)),
        None => from_host(data, Path::new(HOST_ETC)),
    }
}

/// What a base has of its own in the directories that a jail may write, and the host's way to resolve names.
fn from_base(data: &Directory, tree: &Directory, host_etc: &Path) -> Result<(), JailError> {
    for (name, mode) in DIRECTORIES {
        let made = data.make(name, mode)?;
        let is_directory = tree.status(name)?.is_some_and(|found| found.st_mode & libc::S_IFMT == libc::S_IFDIR);
        // What a base has in /tmp is left over from its making.
        if is_directory && name != "tmp" {
            tree::copy(&tree.sub(name)?, &made, &|_| false, &mut |_| ())?;
        }
    }
    let mut seeder = Seeder::new(host_etc);
    let etc = data.sub("etc")?;
    for name in CONTENTS {
        if is_hosts_to_give(&etc, name)? {
            remove_tree(&etc, name)?;
            seeder.contents(&etc, name)?;
        }
    }
    let accounts = TEXTS.into_iter().filter(|(name, _)| matches!(*name, "passwd" | "group"));
    for (name, text) in accounts.chain([("hosts", HOSTS)]) {
        if etc.status(name)?.is_none() {
            seeder.write(&etc, name, text.as_bytes())?;
        }
    }
    tree::to_disk(data)
}

/// A link there belongs to a service of the base's that no jail runs (systemd-resolved).
fn is_hosts_to_give(etc: &Directory, name: &str) -> Result<bool, JailError> {
    Ok(etc.status(name)?.is_none_or(|found| found.st_mode & libc::S_IFMT == libc::S_IFLNK || found.st_size == 0))
}

/// Lends a base's /etc what a jail made of it gets of the host to resolve names; what was there is put aside under `aside`
/// and its name. Says what was lent.
pub fn lend_names(etc: &Directory, aside: &str) -> Result<Vec<&'static str>, JailError> {
    let mut seeder = Seeder::new(Path::new(HOST_ETC));
    let mut lent = Vec::new();
    for name in CONTENTS {
        if !is_hosts_to_give(etc, name)? {
            continue;
        }
        move_within(etc, name, &format!("{aside}{name}"))?;
        seeder.contents(etc, name)?;
        lent.push(name);
    }
    Ok(lent)
}

/// Puts back what was there.
pub fn return_names(etc: &Directory, aside: &str, lent: &[&str]) -> Result<(), JailError> {
    for name in lent {
        remove_tree(etc, name)?;
        move_within(etc, &format!("{aside}{name}"), name)?;
    }
    Ok(())
}

/// What is not there need not be moved.
fn move_within(directory: &Directory, from: &str, to: &str) -> Result<(), JailError> {
    match renameat(directory.fd(), from, directory.fd(), to) {
        Ok(()) | Err(Errno::ENOENT) => Ok(()),
        Err(errno) => Err(JailError::System { doing: format!("move {}", directory.path_of(from).display()), errno }),
    }
}

fn from_host(data: &Directory, host_etc: &Path) -> Result<(), JailError> {
    let mut seeder = Seeder::new(host_etc);
    for (name, mode) in DIRECTORIES {
        data.make(name, mode)?;
    }
    let etc = data.sub("etc")?;
    for (name, text) in TEXTS {
        seeder.write(&etc, name, text.as_bytes())?;
    }
    for name in CONTENTS {
        seeder.contents(&etc, name)?;
    }
    if etc.status("hosts")?.is_none() {
        seeder.write(&etc, "hosts", HOSTS.as_bytes())?;
    }
    for name in ETC {
        etc.make(name, 0o755)?;
    }
    for name in FILES.iter().chain(&MORE_FILES) {
        seeder.entry(&etc, name)?;
    }
    let var = data.sub("var")?;
    for (name, mode) in VAR {
        var.make(name, mode)?;
    }
    for (path, target) in LINKS {
        let (directory, name) = path.split_once('/').unwrap_or(("", path));
        seeder.link(if directory == "var" { &var } else { &etc }, name, target)?;
    }
    seeder.made(etc);
    seeder.made(var);
    seeder.to_disk()?;
    data.sync()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    struct Scratch {
        _dir: tempfile::TempDir,
        jail: Directory,
        etc: std::path::PathBuf,
    }

    fn scratch() -> Scratch {
        let dir = tempfile::tempdir().unwrap();
        let etc = dir.path().join("etc");
        std::fs::create_dir(&etc).unwrap();
        std::fs::create_dir(dir.path().join("jail")).unwrap();
        let jail = Directory::open(&dir.path().join("jail")).unwrap();
        Scratch { _dir: dir, jail, etc }
    }

    #[test]
    fn the_hosts_files_are_copied_and_its_links_stay_links() {
        let scratch = scratch();
        std::fs::write(scratch.etc.join("services"), "http 80/tcp\n").unwrap();
        std::fs::create_dir(scratch.etc.join("alternatives")).unwrap();
        symlink("/usr/bin/mawk", scratch.etc.join("alternatives/awk")).unwrap();
        symlink("/usr/share/man/man1/mawk.1.gz", scratch.etc.join("alternatives/awk.1.gz")).unwrap();
        symlink(scratch.etc.join("services"), scratch.etc.join("resolv.conf")).unwrap();
        from_host(&scratch.jail, &scratch.etc).unwrap();
        let etc = scratch.jail.path().join("etc");
        assert_eq!(std::fs::read_to_string(etc.join("services")).unwrap(), "http 80/tcp\n");
        assert_eq!(std::fs::read_link(etc.join("alternatives/awk")).unwrap(), Path::new("/usr/bin/mawk"));
        assert!(!etc.join("alternatives/awk.1.gz").is_symlink(), "a page of the manual");
        assert_eq!(std::fs::read_to_string(etc.join("resolv.conf")).unwrap(), "http 80/tcp\n");
    }

    #[test]
    fn what_others_cannot_read_on_the_host_is_not_copied() {
        let scratch = scratch();
        std::fs::create_dir_all(scratch.etc.join("ssl/certs")).unwrap();
        let key = scratch.etc.join("ssl/certs/host.key");
        std::fs::write(&key, "secret").unwrap();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o640)).unwrap();
        std::fs::write(scratch.etc.join("ssl/certs/ca.pem"), "public").unwrap();
        std::fs::write(scratch.etc.join("shadow"), "root:hash").unwrap();
        from_host(&scratch.jail, &scratch.etc).unwrap();
        let etc = scratch.jail.path().join("etc");
        assert!(etc.join("ssl/certs/ca.pem").exists());
        assert!(!etc.join("ssl/certs/host.key").exists());
        assert!(!etc.join("shadow").exists());
    }

    #[test]
    fn a_seeded_layer_has_a_locked_root_and_a_sticky_tmp() {
        let scratch = scratch();
        seed(&scratch.jail, None).unwrap();
        let data = scratch.jail.path().join("data");
        assert!(std::fs::read_to_string(data.join("etc/passwd")).unwrap().starts_with("root:*:0:0:"));
        assert_eq!(std::fs::metadata(data.join("tmp")).unwrap().permissions().mode() & 0o7777, 0o1777);
        assert_eq!(std::fs::metadata(data.join("root")).unwrap().permissions().mode() & 0o7777, 0o700);
    }
}
