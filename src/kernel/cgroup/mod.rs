//! One control group per jail, `jailsh/NAME` below the cgroup2 mount, or in what systemd gave away there. It needs no controller: killing, freezing and CPU
//! time come with every cgroup2. A host without one does without. For limits there is a group of the same name in each
//! hierarchy of version 1 that has a controller we use.

mod hierarchy;
mod io;
mod limits;
mod parent;
mod traffic;

use std::fs::{self, OpenOptions};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::Duration;

use hierarchy::{CONTROLLERS, Controller, Hierarchy, Version};

use super::{KernelError, plain};

pub use limits::{apply, check, read, usage};

/// The hierarchies of this host.
#[derive(Debug, Default)]
struct Layout {
    /// cgroup2: /sys/fs/cgroup, or /sys/fs/cgroup/unified on a host that also has version 1.
    unified: Option<PathBuf>,
    /// Those of version 1 that have a controller we use.
    others: Vec<PathBuf>,
    controllers: Vec<(Controller, Hierarchy)>,
}

impl Layout {
    fn of(&self, controller: Controller) -> Option<&Hierarchy> {
        self.controllers.iter().find(|(known, _)| *known == controller).map(|(_, found)| found)
    }

    fn read() -> Option<Layout> {
        let mountinfo = hierarchy::mountinfo().ok()?;
        let find = |controller| Some((controller, hierarchy::of(controller, &mountinfo)?));
        Some(Layout {
            unified: hierarchy::version_2(&mountinfo),
            others: hierarchy::version_1(&mountinfo),
            controllers: CONTROLLERS.into_iter().filter_map(find).collect(),
        })
    }

    /// The tops of all hierarchies that a jail has a group in.
    fn tops(&self) -> impl Iterator<Item = &PathBuf> {
        self.unified.iter().chain(&self.others)
    }
}

/// Found once, and then it stays: a supervisor outlives a mount in between, and every verb would read the list of mounts
/// many times. A host without cgroup2 may get one.
fn layout() -> &'static Layout {
    static FOUND: OnceLock<Layout> = OnceLock::new();
    static NONE: Layout = Layout { unified: None, others: Vec::new(), controllers: Vec::new() };
    if let Some(found) = FOUND.get() {
        return found;
    }
    match Layout::read() {
        Some(found) if found.unified.is_some() || !found.others.is_empty() => FOUND.get_or_init(|| found),
        _ => &NONE,
    }
}

/// Where cgroup2 is mounted.
pub fn mount() -> Option<PathBuf> {
    layout().unified.clone()
}

/// Did systemd give jails a group of their own below that?
pub fn is_given_away() -> bool {
    mount().is_some_and(|top| parent::is_given(&top))
}

/// Is this process in the jail's group of cgroup2?
pub fn holds(name: &str, pid: i32) -> bool {
    let groups = plain::text(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    groups.lines().any(|line| parent::names(line, name))
}

/// The directory of a jail's group.
pub fn group(name: &str) -> Option<PathBuf> {
    Some(group_in(&mount()?, name))
}

/// Where the data of a jail with this root lies: beside it.
pub fn data_of(root: &str) -> &Path {
    Path::new(root).parent().unwrap_or(Path::new("/"))
}

fn group_in(top: &Path, name: &str) -> PathBuf {
    parent::group(top, name)
}

fn write(file: &Path, text: &str) -> std::io::Result<()> {
    fs::write(file, text)
}

/// Makes the jail's groups anew: what a crash left has limits, and may have been killed, which a kernel remembers.
pub fn create(name: &str) -> Result<(), KernelError> {
    let mut limits = false;
    for top in layout().tops() {
        let group = group_in(top, name);
        let doing = format!("make the control group {}", group.display());
        // One that is not empty stays, and is told below.
        let _ = fs::remove_dir(&group);
        fs::create_dir_all(&group).map_err(KernelError::io(doing.clone()))?;
        let members = plain::text(group.join("cgroup.procs")).map_err(KernelError::io(doing.clone()))?;
        if !members.is_empty() {
            return Err(KernelError::Other { doing, why: "it exists and holds processes; move or end them first".into() });
        }
        limits |= layout().unified.as_ref() == Some(top);
    }
    if limits {
        hand_down_controllers();
    }
    if let Some(group) = group(name)
        && let Err(why) = traffic::count(&group)
    {
        tracing::debug!("what jail {name} receives and sends is not counted: {why}");
    }
    // What a crash left may have limits.
    apply(name, &Default::default(), Path::new("/"))
}

/// Gives jails' groups the controllers that version 2 has on this host. Who owns the top may not let us: then limits that
/// take one are refused, by name.
fn hand_down_controllers() {
    let Some(top) = &layout().unified else { return };
    let used = CONTROLLERS.into_iter().filter(|wanted| layout().of(*wanted).is_some_and(|found| found.version == Version::V2));
    for controller in used {
        for group in parent::to_hand_down(top) {
            let file = group.join("cgroup.subtree_control");
            let has = plain::text(&file).is_ok_and(|text| text.split_whitespace().any(|name| name == controller.name()));
            if !has {
                let _ = write(&file, &format!("+{}", controller.name()));
            }
        }
    }
}

/// Removes the groups. The kernel keeps one busy for a moment after the last member is gone.
pub fn remove(name: &str) -> Result<(), KernelError> {
    layout().tops().try_for_each(|top| remove_group(&group_in(top, name)))
}

fn remove_group(group: &Path) -> Result<(), KernelError> {
    const TRIES: u32 = 100;
    for attempt in 1.. {
        match fs::remove_dir(group) {
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
    let parents = layout().tops().flat_map(|top| parent::ALL.map(|parent| top.join(parent)));
    for parent in parents {
        let Ok(entries) = fs::read_dir(parent) else { continue };
        for entry in entries.flatten() {
            let is_living = entry.file_name().to_str().is_some_and(|name| living.iter().any(|other| other == name));
            if !is_living && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                // one that still holds processes stays, and is tried again next time
                let _ = fs::remove_dir(entry.path());
            }
        }
    }
}

/// The jail's group of cgroup2, for a process to be born there.
pub fn open(name: &str) -> Option<OwnedFd> {
    let flags = libc::O_DIRECTORY | libc::O_NOFOLLOW | libc::O_CLOEXEC;
    OpenOptions::new().read(true).custom_flags(flags).open(group(name)?).ok().map(OwnedFd::from)
}

/// The files that a process of one thread writes itself into to join, one a hierarchy. That of cgroup2 comes first.
///
/// In version 1 it is `tasks`, which takes the writing thread: for it the kernel need not hold up all forks of the host, for
/// which a write of `cgroup.procs` waits some 5 to 12 ms (cgroup_procs_write_start in kernel/cgroup/cgroup.c, 5.6).
pub fn open_members(name: &str) -> Result<Vec<OwnedFd>, KernelError> {
    let layout = layout();
    let open = |(top, file): (&PathBuf, &str)| {
        let file = group_in(top, name).join(file);
        let opened = OpenOptions::new().write(true).custom_flags(libc::O_CLOEXEC).open(&file);
        opened.map(OwnedFd::from).map_err(KernelError::io(format!("open {}", file.display())))
    };
    let unified = layout.unified.iter().map(|top| (top, "cgroup.procs"));
    unified.chain(layout.others.iter().map(|top| (top, "tasks"))).map(open).collect()
}

/// The path of an opened group, which never leads to a later one of the same name.
pub fn path_of(group: &OwnedFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", group.as_raw_fd()))
}

/// Kills the members at once, where the kernel can (5.14). The caller makes sure by other means. Takes an opened group: by
/// its name, who is slow would kill the next jail of that name.
pub fn kill(group: &OwnedFd) {
    let _ = write(&path_of(group).join("cgroup.kill"), "1");
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
    plain::text(group.join("cgroup.events")).is_ok_and(|events| events.lines().any(|line| line == "frozen 1"))
}

/// CPU time of all members that ever were, in microseconds.
pub fn usage_usec(name: &str) -> Option<u64> {
    let text = plain::text(group(name)?.join("cpu.stat")).ok()?;
    text.lines().find_map(|line| line.strip_prefix("usage_usec ")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::fd::AsFd;

    use super::*;
    use crate::kernel::system;

    /// Removed when dropped.
    struct Made(PathBuf);

    impl Drop for Made {
        fn drop(&mut self) {
            let _ = remove_group(&self.0);
        }
    }

    #[test]
    fn a_child_for_a_group_that_was_killed_lives() {
        let top = mount().expect("cgroup2 is mounted");
        for killed in [false, true] {
            let group = Made(top.join(format!("jailsh-test-{}-{killed}", std::process::id())));
            fs::create_dir(&group.0).unwrap();
            if killed {
                write(&group.0.join("cgroup.kill"), "1").unwrap();
            }
            let opened = File::open(&group.0).unwrap();
            // SAFETY: the child calls nothing but _exit(2).
            let (child, born) = unsafe { system::split(Some(opened.as_fd())) };
            if child == 0 {
                // SAFETY: ends the child.
                unsafe { libc::_exit(if born { 7 } else { 8 }) };
            }
            let mut status = 0;
            // SAFETY: writes one integer.
            assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
            assert!(libc::WIFEXITED(status), "it died of signal {}", libc::WTERMSIG(status));
            assert_eq!(libc::WEXITSTATUS(status), if born { 7 } else { 8 });
            assert!(born || killed, "an ordinary group has its children born in it");
        }
    }
}
