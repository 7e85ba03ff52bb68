//! The limit of a jail's disk space: its data is a project of the file system's, which counts what the files of one take.
//! That a jail's data is one, and which, is written nowhere but on the directory `data` itself, and there last of all: a
//! project that is on it is on everything below. It goes with the directory; only its limit has to be lifted.

use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::{Mode, SFlag, fstat};

use super::snapshot::still;
use super::store::{self, Directory, Lock};
use super::tree::{self, Found, Place, Visitor, blocked};
use super::{Host, JailError};
use crate::kernel::{JailName, Limits, quota};

const DATA: &str = "data";

/// Has the jail's data counted as one project, if these limits need that and it is not yet; whoever runs in it stands still
/// meanwhile. The caller holds the jail's lock, and sets the limit next.
pub(super) fn prepare(host: &Host, name: &JailName, limits: &Limits) -> Result<(), JailError> {
    if limits.disk.is_none() {
        return Ok(());
    }
    host.kernel.admits_limits(limits, &host.config.data_dir)?;
    let jail = store::jail(&host.config, name)?;
    let data = jail.sub(DATA)?.vetted()?;
    if quota::is_ours(project_of(&data)?) {
        return Ok(());
    }
    if project_of(&jail)? != 0 {
        return Err(JailError::Path {
            path: jail.path().to_owned(),
            why: "belongs to a project of the host's, out of which its data cannot be taken".into(),
            remedy: "take the directory out of it (chattr -R -P -p 0), or leave out limits.disk".into(),
        });
    }
    let project = {
        let _lock = Lock::projects(&host.config)?;
        let doing = || format!("find a project for {}", data.path().display());
        quota::take(data.fd(), limits.disk).map_err(JailError::system(doing()))?
    };
    still(host, name, true, |_| {
        tree::walk(&data, &mut Joining(project))?;
        join(&data, project)
    })
}

/// Lifts the limit of a jail whose data goes away: then its project is free for others.
pub(super) fn release(jail: &Directory) -> Result<(), JailError> {
    let Some(data) = jail.find(DATA)? else { return Ok(()) };
    match project_of(&data)? {
        project if quota::is_ours(project) => {
            let doing = || format!("lift the disk limit of {}", data.path().display());
            quota::set(data.fd(), project, None).map_err(JailError::system(doing()))
        }
        _ => Ok(()),
    }
}

/// Makes an empty directory beside the jail's data part of its project: what is made there can be moved in, and counts.
pub(super) fn follow(jail: &Directory, made: &Directory) -> Result<(), JailError> {
    match jail.find(DATA)?.map(|data| project_of(&data)).transpose()? {
        Some(project) if quota::is_ours(project) => join(made, project),
        _ => Ok(()),
    }
}

fn project_of(directory: &Directory) -> Result<u32, JailError> {
    let doing = || format!("ask for the project of {}", directory.path().display());
    quota::project_of(directory.fd()).map_err(JailError::system(doing()))
}

fn join(directory: &Directory, project: u32) -> Result<(), JailError> {
    quota::join(directory.fd(), project, true).map_err(|errno| blocked(directory.path().to_owned(), "count", errno))
}

/// Puts all that it sees into a project. What is neither file nor directory takes no space, and cannot be put into one.
struct Joining(u32);

impl Visitor for Joining {
    fn enter(&mut self, _place: &Place) -> Result<(), JailError> {
        Ok(())
    }

    fn entry(&mut self, found: &Found<'_>) -> Result<bool, JailError> {
        let is_directory = found.kind == SFlag::S_IFDIR;
        if !is_directory && found.kind != SFlag::S_IFREG {
            return Ok(false);
        }
        let doing = |errno| blocked(found.parent.path_of(found.name), "count", errno);
        let kind = if is_directory { OFlag::O_DIRECTORY } else { OFlag::O_NONBLOCK | OFlag::O_NOCTTY };
        let file = found.parent.open_in_mount(found.name, OFlag::O_RDONLY | OFlag::O_NOFOLLOW | kind, Mode::empty());
        let file = file.map_err(doing)?;
        // The host may have put another in its place.
        let same = fstat(&file).map_err(doing)?;
        if (same.st_dev, same.st_ino) != (found.status.st_dev, found.status.st_ino) {
            return Err(doing(Errno::EAGAIN));
        }
        quota::join(file.as_fd(), self.0, is_directory).map_err(doing)?;
        Ok(is_directory)
    }
}
