//! Secrets: files that root alone reads, named by scripts and plans, read where they are used and kept nowhere.

use std::io::Read;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::{FileStat, Mode, SFlag, fstat};
use nix::unistd::Uid;

use super::{Fault, Kind};
use crate::kernel::system::{Bounds, TO_GO_THROUGH, open_below};

/// Where they are, unless the service manager passes its own (systemd.exec(5), LoadCredential=).
const DIRECTORY: &str = "/etc/jailsh/secrets";
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";
/// Longest one, in bytes.
const MAX: u64 = 1 << 20;

/// Reads a secret. One newline at its end is not part of it.
///
/// # Errors
/// [`Kind::Name`]: not a name of one; [`Kind::Secret`]: not there; [`Kind::NotPermitted`]: others could read it.
pub fn read(name: &str) -> Result<Vec<u8>, Fault> {
    let passed = std::env::var_os(CREDENTIALS).filter(|directory| !directory.is_empty()).map(PathBuf::from);
    read_from(passed.into_iter().chain([PathBuf::from(DIRECTORY)]), name)
}

fn read_from(directories: impl IntoIterator<Item = PathBuf>, name: &str) -> Result<Vec<u8>, Fault> {
    let sound = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)) && !name.starts_with('.');
    if name.is_empty() || name.len() > 255 || !sound {
        return Err(Fault::new(Kind::Name, format!("{name:?} is no name of a secret; use letters, digits, dots, - and _")));
    }
    let mut searched = Vec::new();
    for directory in directories {
        if let Some(secret) = read_in(&directory, name)? {
            return Ok(secret);
        }
        searched.push(directory.display().to_string());
    }
    let why = format!("there is no secret {name:?}; put it into {}/{name}, with mode 0600", searched.join(" or "));
    Err(Fault::new(Kind::Secret, why))
}

fn read_in(directory: &Path, name: &str) -> Result<Option<Vec<u8>>, Fault> {
    let path = directory.join(name);
    let failed = |errno: Errno| Fault::file(&path, &errno.into());
    let holder = match nix::fcntl::open(directory, TO_GO_THROUGH, Mode::empty()) {
        Err(Errno::ENOENT | Errno::ENOTDIR) => return Ok(None),
        other => other.map_err(failed)?,
    };
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let fd = match open_below(holder.as_fd(), Path::new(name), flags, Mode::empty(), Bounds::Beneath) {
        Err(Errno::ENOENT) => return Ok(None),
        other => other.map_err(failed)?,
    };
    trust(&fstat(&fd).map_err(failed)?, Uid::effective().as_raw(), &path)?;
    let mut secret = Vec::new();
    std::fs::File::from(fd).take(MAX + 1).read_to_end(&mut secret).map_err(|error| Fault::file(&path, &error))?;
    if secret.len() as u64 > MAX {
        return Err(Fault::new(Kind::Secret, format!("{} is longer than {} MiB", path.display(), MAX >> 20)));
    }
    if secret.last() == Some(&b'\n') {
        secret.pop();
    }
    Ok(Some(secret))
}

fn trust(stat: &FileStat, caller: u32, path: &Path) -> Result<(), Fault> {
    if SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT != SFlag::S_IFREG {
        return Err(Fault::new(Kind::Secret, format!("{} is no regular file", path.display())));
    }
    let refuse = |why: &str| Err(Fault::new(Kind::NotPermitted, format!("{} {why}", path.display())));
    if stat.st_uid != 0 && stat.st_uid != caller {
        return refuse("belongs to somebody else; have root own it");
    }
    if Mode::from_bits_truncate(stat.st_mode).intersects(Mode::S_IRWXG | Mode::S_IRWXO) {
        return refuse("can be read by others, so it is no secret; take that away with chmod 0600, and change it");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{OpenOptionsExt, symlink};

    use super::*;

    fn put(directory: &Path, name: &str, mode: u32, content: &[u8]) {
        let mut file = std::fs::OpenOptions::new().create_new(true).write(true).mode(mode).open(directory.join(name)).unwrap();
        std::io::Write::write_all(&mut file, content).unwrap();
        nix::sys::stat::fchmod(&file, Mode::from_bits_truncate(mode)).unwrap();
    }

    #[test]
    fn the_first_directory_that_has_it_wins_and_one_newline_goes() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        put(two.path(), "db", 0o600, b"two\n\n");
        put(two.path(), "key", 0o400, b"raw");
        let read = |name| read_from([one.path().to_owned(), two.path().to_owned()], name);
        assert_eq!(read("db").unwrap(), b"two\n");
        put(one.path(), "db", 0o600, b"one");
        assert_eq!((read("db").unwrap(), read("key").unwrap()), (b"one".to_vec(), b"raw".to_vec()));
        let fault = read("none").unwrap_err();
        assert_eq!(fault.kind, Kind::Secret);
        assert!(fault.to_string().starts_with("there is no secret \"none\"; put it into "), "{fault}");
    }

    #[test]
    fn what_others_read_leads_elsewhere_or_is_no_file_is_no_secret() {
        let place = tempfile::tempdir().unwrap();
        for (name, mode) in [("group", 0o640), ("world", 0o604), ("writable", 0o620)] {
            put(place.path(), name, mode, b"x");
        }
        put(place.path(), "real", 0o600, b"x");
        symlink("real", place.path().join("link")).unwrap();
        std::fs::create_dir(place.path().join("directory")).unwrap();
        let read = |name: &str| read_from([place.path().to_owned()], name).map_err(|fault| fault.kind);
        assert_eq!(["group", "world", "writable"].map(read), [const { Err(Kind::NotPermitted) }; 3]);
        assert_eq!(["link", "directory"].map(read), [Err(Kind::Path), Err(Kind::Secret)]);
        for name in ["", ".", "..", "../real", "a/b", ".hidden", "a b", "a\n", "real\0"] {
            assert_eq!(read(name), Err(Kind::Name), "{name:?}");
        }
        let mut stat = nix::sys::stat::stat(&place.path().join("real")).unwrap();
        stat.st_uid = 1234;
        assert_eq!(trust(&stat, 1235, Path::new("real")).unwrap_err().kind, Kind::NotPermitted);
        assert!(trust(&stat, 1234, Path::new("real")).is_ok());
    }
}
