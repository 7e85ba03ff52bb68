//! One control group per jail, `jailsh/NAME` below the cgroup2 mount. It needs no controller: killing, freezing and CPU
//! time come with every cgroup2. A host without one does without.

use std::fs::{self, OpenOptions};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::Duration;

use super::KernelError;

const PARENT: &str = "jailsh";

/// Where cgroup2 is mounted: /sys/fs/cgroup, or /sys/fs/cgroup/unified on a host that also has version 1. Once found it
/// stays: a supervisor outlives a mount in between, and every verb would read the list of mounts many times.
pub fn mount() -> Option<PathBuf> {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    if let Some(found) = FOUND.get() {
        return Some(found.clone());
    }
    let found = fs::read_to_string("/proc/self/mountinfo").ok()?.lines().find_map(mount_in_mountinfo)?;
    Some(FOUND.get_or_init(|| found).clone())
}

/// Is this process in the jail's group?
pub fn holds(name: &str, pid: i32) -> bool {
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    groups
        .lines()
        .any(|line| line.strip_prefix("0::/").and_then(|path| path.strip_prefix(PARENT)?.strip_prefix('/')) == Some(name))
}

fn mount_in_mountinfo(line: &str) -> Option<PathBuf> {
    let (mount, filesystem) = line.split_once(" - ")?;
    let mut fields = mount.split(' ').skip(3);
    let (root, place) = (fields.next()?, fields.next()?);
    let is_whole = root == "/" && place.starts_with("/sys/fs/cgroup");
    (filesystem.split(' ').next() == Some("cgroup2") && is_whole).then(|| PathBuf::from(place))
}

/// The directory of a jail's group.
pub fn group(name: &str) -> Option<PathBuf> {
    Some(mount()?.join(PARENT).join(name))
}

fn write(file: &Path, text: &str) -> std::io::Result<()> {
    fs::write(file, text)
}

/// Makes the jail's group, or takes over one that a crash left empty.
pub fn create(name: &str) -> Result<(), KernelError> {
    let Some(group) = group(name) else { return Ok(()) };
    let doing = format!("make the control group {}", group.display());
    fs::create_dir_all(&group).map_err(KernelError::io(doing.clone()))?;
    let members = fs::read_to_string(group.join("cgroup.procs")).map_err(KernelError::io(doing.clone()))?;
    if members.is_empty() {
        return Ok(());
    }
    Err(KernelError::Other { doing, why: "it exists and holds processes; move or end them first".into() })
}

/// Removes the group. The kernel keeps it busy for a moment after the last member is gone.
pub fn remove(name: &str) -> Result<(), KernelError> {
    const TRIES: u32 = 100;
    let Some(group) = group(name) else { return Ok(()) };
    for attempt in 1.. {
        match fs::remove_dir(&group) {
            Err(error) if error.raw_os_error() == Some(libc::EBUSY) && attempt < TRIES => sleep(Duration::from_millis(5)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => break,
            Err(error) => return Err(KernelError::io(format!("remove the control group {}", group.display()))(error)),
            Ok(()) => break,
        }
    }
    Ok(())
}

/// Removes the groups that a crash left: those of no living jail, if empty.
pub fn prune(living: &[String]) {
    let Some(parent) = mount().map(|mount| mount.join(PARENT)) else { return };
    let Ok(entries) = fs::read_dir(&parent) else { return };
    for entry in entries.flatten() {
        let is_living = entry.file_name().to_str().is_some_and(|name| living.iter().any(|other| other == name));
        if !is_living && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            // one that still holds processes stays, and is tried again next time
            let _ = fs::remove_dir(entry.path());
        }
    }
}

/// The file that a process writes itself into to join.
pub fn open_members(name: &str) -> Result<Option<OwnedFd>, KernelError> {
    let Some(group) = group(name) else { return Ok(None) };
    let file = group.join("cgroup.procs");
    let opened = OpenOptions::new().write(true).custom_flags(libc::O_CLOEXEC).open(&file);
    opened.map(|file| Some(file.into())).map_err(KernelError::io(format!("open {}", file.display())))
}

/// Kills the members at once, where the kernel can (5.14). The caller makes sure by other means.
pub fn kill(name: &str) {
    if let Some(group) = group(name) {
        let _ = write(&group.join("cgroup.kill"), "1");
    }
}

/// Stops the members, or lets them go on. Returns when all stand still: a copy of their files may be made next.
pub fn freeze(name: &str, frozen: bool) -> Result<(), KernelError> {
    const TRIES: u32 = 400;
    let Some(group) = group(name) else { return Ok(()) };
    let file = group.join("cgroup.freeze");
    write(&file, if frozen { "1" } else { "0" }).map_err(KernelError::io(format!("write {}", file.display())))?;
    for _ in 0..TRIES {
        if !frozen || stands_still(&group) {
            return Ok(());
        }
        sleep(Duration::from_millis(5));
    }
    Err(KernelError::Other {
        doing: format!("freeze the control group {}", group.display()),
        why: "a member is in a system call that does not end; those that could be are stopped, `thaw` lets them go on".into(),
    })
}

/// Do all members stand still?
pub fn is_frozen(name: &str) -> bool {
    group(name).is_some_and(|group| stands_still(&group))
}

fn stands_still(group: &Path) -> bool {
    fs::read_to_string(group.join("cgroup.events")).is_ok_and(|events| events.lines().any(|line| line == "frozen 1"))
}

/// CPU time of all members that ever were, in microseconds.
pub fn usage_usec(name: &str) -> Option<u64> {
    let text = fs::read_to_string(group(name)?.join("cpu.stat")).ok()?;
    text.lines().find_map(|line| line.strip_prefix("usage_usec ")?.trim().parse().ok())
}

/// Bytes that the group is charged for, and how many it may be, both only where the host gives its groups the memory
/// controller (cgroup-v2.rst, "Memory").
pub fn memory(name: &str) -> Option<(u64, Option<u64>)> {
    let group = group(name)?;
    let number = |file: &str| fs::read_to_string(group.join(file)).ok()?.trim().parse().ok();
    Some((number("memory.current")?, number("memory.max")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cgroup2_is_found_alone_and_beside_version_1() {
        let found = |line| mount_in_mountinfo(line).map(|path| path.display().to_string());
        let alone = "35 24 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw";
        let beside = "36 35 0:31 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw";
        assert_eq!(found(alone).as_deref(), Some("/sys/fs/cgroup"));
        assert_eq!(found(beside).as_deref(), Some("/sys/fs/cgroup/unified"));
        assert_eq!(found("37 35 0:32 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu"), None);
        assert_eq!(found("38 35 0:31 /web /var/jailmgr/cg rw - cgroup2 cgroup2 rw"), None);
    }
}
