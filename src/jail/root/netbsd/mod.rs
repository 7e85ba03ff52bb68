//! A jail's root: null mounts, tmpfs and ptyfs on its mount point. There are no mount namespaces, so that a root is the host's to
//! see, and is entered by chroot(2). It is composed while the jail has no members: nobody but root changes what is below.
//!
//! mount(2) takes paths. Each leads through directories of root's alone, and none is gone along before that was seen.

mod args;
mod mounts;
mod plan;
pub mod seed;
mod terminal;

use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::stat::{FchmodatFlags, Mode, SFlag, fchmodat, fstat, mknodat, stat};
use nix::unistd::{UnlinkatFlags, chroot, fchdir, unlinkat};

use crate::jail::base::{self, Base, Pin};
use crate::jail::store::{Directory, Lock, jail, remove_tree};
use crate::jail::{Config, JailError, uptime};
use crate::kernel::system::walk;
use crate::kernel::{JailName, RightSet, WayIn};
use plan::{DEV, DEVICES, Mount};
pub use terminal::open_pty;

/// In a jail's directory: its data holds a whole base, programs and all, for the jail to change.
pub const OWN_PROGRAMS: &str = "own-programs";
/// Holds the run directories of jails.
const JAILS: &str = "jails";
/// In a jail's run directory: its root is whole.
const WHOLE: &str = "whole";
/// Beside it: which base the root is made of.
const BASE: &str = "base";
/// Names at a root's top, at most.
const MAX_TOP: usize = 4096;

/// Makes the run directory.
pub fn prepare_run_dir(config: &Config) -> Result<(), JailError> {
    jails(config).map(drop)
}

/// Nothing is mounted there.
pub fn forget(_run_dir: &Path) {}

/// Shielding a program's file by a mount of its own, which cannot be had here.
///
/// # Errors
/// `EOPNOTSUPP`.
pub fn read_only_copy(_file: BorrowedFd<'_>) -> nix::Result<OwnedFd> {
    Err(Errno::EOPNOTSUPP)
}

/// Takes this process into a root that is [`pinned`]: its root and working directory become that.
pub fn go_in(root: BorrowedFd<'_>) -> nix::Result<()> {
    fchdir(root)?;
    chroot(".")
}

fn jails(config: &Config) -> Result<Directory, JailError> {
    let run = Directory::open_or_make(&config.run_dir)?.vetted()?;
    match run.find(JAILS)? {
        Some(jails) => jails.vetted(),
        None => {
            let _lock = Lock::run_dir(config)?;
            run.ensure(JAILS, 0o700)?.vetted()
        }
    }
}

/// The jail's run directory, if it has one.
pub fn run_of(config: &Config, name: &JailName) -> Result<Option<Directory>, JailError> {
    match Directory::open(&config.run_dir) {
        Err(JailError::System { errno: Errno::ENOENT, .. }) => Ok(None),
        found => found?.vetted()?.find(Path::new(JAILS).join(name.as_str())),
    }
}

/// The top of a root that is whole; `None` when the jail has none.
pub fn pinned(config: &Config, name: &JailName) -> Result<Option<OwnedFd>, JailError> {
    let Some(run) = run_of(config, name)? else { return Ok(None) };
    if run.status(WHOLE)?.is_none() {
        return Ok(None);
    }
    let files = jail(config, name)?;
    let top = files.sub("root")?;
    Ok(is_mounted(&files, &top)?.then(|| top.into()))
}

/// The base of a root that is whole, or is being composed.
pub fn base_in_use(config: &Config, name: &JailName) -> Result<Option<Pin>, JailError> {
    let Some(run) = run_of(config, name)? else { return Ok(None) };
    if run.status(BASE)?.is_none() {
        return Ok(None);
    }
    Ok(std::str::from_utf8(&run.read(BASE, 1024)?).ok().and_then(|text| text.parse().ok()))
}

/// Removes a file of the run directory that a crash may have left.
pub fn unlink_stale(run: &Directory, name: &str) -> Result<(), JailError> {
    match unlinkat(run.fd(), name, UnlinkatFlags::NoRemoveDir) {
        Ok(()) | Err(Errno::ENOENT) => Ok(()),
        Err(errno) => Err(JailError::System { doing: format!("remove {}", run.path_of(name).display()), errno }),
    }
}

/// Composes the jail's root. The caller holds the jail's lock and saw that there is none. On an error nothing is left.
pub fn pin(config: &Config, name: &JailName, base: &Base, _way_in: WayIn, _rights: RightSet) -> Result<(), JailError> {
    let files = jail(config, name)?;
    files.sub("root")?.vetted()?;
    let data = files.sub("data")?.vetted()?;
    let run = jails(config)?.ensure(name.as_str(), 0o700)?.vetted()?;
    // Before anything is mounted: from here on the version is in use, whatever becomes of jail.toml.
    run.replace(BASE, 0o600, base.to_string().as_bytes())?;
    uptime::begin(&run)?;
    let own = files.status(OWN_PROGRAMS)?.is_some();
    let programs = match base {
        _ if own => data.path().to_owned(),
        Base::Pinned(pin) => base::tree(config, pin)?.path().to_owned(),
        _ => PathBuf::from("/"),
    };
    let made = compose(&files, &programs, own).and_then(|()| run.replace(WHOLE, 0o600, b""));
    if made.is_err() {
        // The first error is the one to tell; what stays is taken down by the next verb.
        let _ = unpin(config, name);
    }
    made
}

fn compose(files: &Directory, programs: &Path, own: bool) -> Result<(), JailError> {
    let point = files.path_of("root");
    for way in [files.path(), programs] {
        walk::vetted(way).map_err(|errno| JailError::Path {
            path: way.to_owned(),
            why: format!("cannot be mounted from or on: {}", errno.desc()),
            remedy: "name it from / without links, and let nobody but root change it or what is above it".into(),
        })?;
    }
    if let Some(source) = plan::overlap(programs, &point) {
        let why = format!("lies in {}, which every jail has", source.display());
        return Err(JailError::Path { path: point, why, remedy: "use a --data-dir outside of it".into() });
    }
    let has = |source: &Path| std::fs::symlink_metadata(source).is_ok_and(|found| found.is_dir());
    for mount in plan::mounts(programs, !own, &files.path_of("data"), has) {
        let at = if mount.place.as_os_str().is_empty() { point.clone() } else { point.join(&mount.place) };
        put(files, &mount, &at)?;
    }
    Ok(())
}

/// One mount, seen to be there before the next is made.
fn put(files: &Directory, mount: &Mount, at: &Path) -> Result<(), JailError> {
    // Opened anew each time: what was opened before lies below what is mounted now.
    let place = Path::new("root").join(&mount.place);
    let above = place.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let above = files.sub(above)?;
    let name = place.file_name().and_then(|name| name.to_str()).unwrap_or("root");
    let below = above.ensure(name, 0o755)?;
    let refuse =
        |why: &str| JailError::Path { path: at.to_owned(), why: why.into(), remedy: "look at mount(8), and umount(8) it".into() };
    if is_mounted(&above, &below)? {
        return Err(refuse("something is mounted there"));
    }
    mounts::mount(mount, at).map_err(JailError::system(format!("mount {}", at.display())))?;
    let mounted = above.sub(name)?;
    if !is_mounted(&above, &mounted)? {
        return Err(refuse("what was mounted there is not to be seen"));
    }
    if mount.place == Path::new(DEV) { devices(&mounted) } else { Ok(()) }
}

fn is_mounted(above: &Directory, directory: &Directory) -> Result<bool, JailError> {
    let device = |one: &Directory| {
        fstat(one.fd()).map(|status| status.st_dev).map_err(JailError::system(format!("look at {}", one.path().display())))
    };
    Ok(device(above)? != device(directory)?)
}

/// The host's own nodes again, numbers and all: they differ from port to port.
fn devices(dev: &Directory) -> Result<(), JailError> {
    for name in DEVICES {
        // A port without one of them has none for the jail either.
        let Ok(host) = stat(&Path::new("/dev").join(name)) else { continue };
        if SFlag::from_bits_truncate(host.st_mode & SFlag::S_IFMT.bits()) != SFlag::S_IFCHR {
            continue;
        }
        let doing = || JailError::system(format!("make {}", dev.path_of(name).display()));
        mknodat(dev.fd(), name, SFlag::S_IFCHR, Mode::from_bits_truncate(0o600), host.st_rdev).map_err(doing())?;
        let everyone = Mode::from_bits_truncate(0o666);
        fchmodat(dev.fd(), name, everyone, FchmodatFlags::NoFollowSymlink).map_err(doing())?;
    }
    Ok(())
}

/// Takes the root away, and the jail's run directory. The jail has no members, and is not in the kernel. Says whether there was
/// anything; with nothing there it is done.
pub fn unpin(config: &Config, name: &JailName) -> Result<bool, JailError> {
    let files = jail(config, name)?;
    let taken = take_down(&files)?;
    let Some(run) = run_of(config, name)? else { return Ok(taken) };
    drop(run);
    remove_tree(&jails(config)?, name.as_str())?;
    Ok(true)
}

/// Unmounts what lies in the root, then the root itself; never by force: what is in use stays.
fn take_down(files: &Directory) -> Result<bool, JailError> {
    let Some(top) = files.find("root")? else { return Ok(false) };
    if !is_mounted(files, &top)? {
        return Ok(false);
    }
    let mut places = Vec::new();
    for name in top.names(MAX_TOP)? {
        // What is not there by now, or is no directory, or a link that a jail made, is no mount of ours.
        let Ok(Some(inner)) = top.find(&name) else { continue };
        if name == DEV && inner.find("pts").ok().flatten().is_some_and(|pts| is_mounted(&inner, &pts).unwrap_or(false)) {
            places.push(Path::new(DEV).join("pts"));
        }
        if is_mounted(&top, &inner)? {
            places.push(PathBuf::from(name));
        }
    }
    drop(top);
    let root = files.path_of("root");
    for at in places.iter().map(|place| root.join(place)).chain([root.clone()]) {
        mounts::unmount(&at).map_err(JailError::system(format!("unmount {}; see fstat(1) for who uses it", at.display())))?;
    }
    Ok(true)
}
