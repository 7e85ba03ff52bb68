//! Which control groups of a host hold what: the one hierarchy of version 2, and beside it or in its place those of version
//! 1, each with controllers of its own. Reads /proc/self/mountinfo.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// The controllers that a jail's limits and accounts take.
pub const CONTROLLERS: [Controller; 4] = [Controller::Cpu, Controller::Memory, Controller::Pids, Controller::Io];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Controller {
    Cpu,
    Memory,
    Pids,
    Io,
}

impl Controller {
    pub fn name(self) -> &'static str {
        match self {
            Controller::Cpu => "cpu",
            Controller::Memory => "memory",
            Controller::Pids => "pids",
            Controller::Io => "io",
        }
    }

    /// What version 1 calls it.
    fn old_name(self) -> &'static str {
        if self == Controller::Io { "blkio" } else { self.name() }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    V1,
    V2,
}

/// Where a controller's files are: the top of its hierarchy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hierarchy {
    pub version: Version,
    pub top: PathBuf,
}

/// As much of the list of mounts as it takes to see the hierarchies in: each jail has a mount, and theirs come last.
pub fn mountinfo() -> std::io::Result<String> {
    /// The kernel hands out no more at a time.
    const CHUNK: usize = 4096;
    let mut file = File::open("/proc/self/mountinfo")?;
    let mut bytes = Vec::new();
    let mut groups = None;
    for chunk in 1.. {
        let length = bytes.len();
        bytes.resize(length + CHUNK, 0);
        let read = file.read(&mut bytes[length..])?;
        bytes.truncate(length + read);
        if read == 0 {
            break;
        }
        // With a few mounts the end comes sooner than that is known.
        if chunk > 1 {
            let groups: &String = groups.get_or_insert_with(|| fs::read_to_string("/proc/self/cgroup").unwrap_or_default());
            if !groups.is_empty() && shows_all(&String::from_utf8_lossy(&bytes), groups) {
                break;
            }
        }
    }
    // What is cut off in the middle of a line is none of ours.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Is every hierarchy that a process is in (cgroups(7), /proc/PID/cgroup) and that we use among these mounts?
fn shows_all(mountinfo: &str, groups: &str) -> bool {
    let whole = mountinfo.rfind('\n').map_or("", |end| &mountinfo[..end]);
    groups.lines().filter_map(|line| line.split_once(':')?.1.split_once(':')).all(|(controllers, _)| match controllers {
        "" => version_2(whole).is_some(),
        some => CONTROLLERS
            .iter()
            .filter(|controller| some.split(',').any(|name| name == controller.old_name()))
            .all(|controller| mounts(whole).any(|mount| mount.kind == "cgroup" && mount.has(*controller))),
    })
}

/// Where cgroup2 is mounted.
pub fn version_2(mountinfo: &str) -> Option<PathBuf> {
    mounts(mountinfo).find(|mount| mount.kind == "cgroup2").map(|mount| mount.place)
}

/// The tops of version 1's hierarchies that have controllers we use, each once.
pub fn version_1(mountinfo: &str) -> Vec<PathBuf> {
    let mut tops: Vec<PathBuf> = Vec::new();
    for mount in mounts(mountinfo).filter(|mount| mount.kind == "cgroup") {
        if CONTROLLERS.iter().any(|controller| mount.has(*controller)) && !tops.contains(&mount.place) {
            tops.push(mount.place);
        }
    }
    tops
}

/// The hierarchy that has the controller on this host.
pub fn of(controller: Controller, mountinfo: &str) -> Option<Hierarchy> {
    let first = mounts(mountinfo).find(|mount| mount.kind == "cgroup" && mount.has(controller));
    if let Some(mount) = first {
        return Some(Hierarchy { version: Version::V1, top: mount.place });
    }
    let top = version_2(mountinfo)?;
    offers(&top, controller).then_some(Hierarchy { version: Version::V2, top })
}

/// Does a group of version 2 have the controller for its children?
fn offers(group: &Path, controller: Controller) -> bool {
    let offered = fs::read_to_string(group.join("cgroup.controllers")).unwrap_or_default();
    offered.split_whitespace().any(|name| name == controller.name())
}

struct Mount<'a> {
    place: PathBuf,
    kind: &'a str,
    options: &'a str,
}

impl Mount<'_> {
    fn has(&self, controller: Controller) -> bool {
        self.options.split(',').any(|option| option == controller.old_name())
    }
}

/// The mounts of whole hierarchies where they usually are.
fn mounts(mountinfo: &str) -> impl Iterator<Item = Mount<'_>> {
    mountinfo.lines().filter_map(|line| {
        let (mount, filesystem) = line.split_once(" - ")?;
        let mut fields = mount.split(' ').skip(3);
        let (root, place) = (fields.next()?, fields.next()?);
        let mut rest = filesystem.split(' ');
        let (kind, options) = (rest.next()?, rest.nth(1).unwrap_or_default());
        let is_whole = root == "/" && place.starts_with("/sys/fs/cgroup");
        (is_whole && kind.starts_with("cgroup")).then(|| Mount { place: PathBuf::from(place), kind, options })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "\
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
38 31 0:35 / /sys/fs/cgroup/blkio rw,relatime - cgroup cgroup rw,blkio
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
42 31 0:38 /web /var/jailmgr/cg rw - cgroup2 cgroup2 rw
43 31 0:32 /web /sys/fs/cgroup/own rw,relatime - cgroup cgroup rw,memory";

    #[test]
    fn version_2_is_found_alone_and_beside_version_1() {
        let alone = "35 24 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw";
        assert_eq!(version_2(alone), Some("/sys/fs/cgroup".into()));
        assert_eq!(version_2(HYBRID), Some("/sys/fs/cgroup/unified".into()));
        assert_eq!(version_2("38 35 0:31 /web /var/jailmgr/cg rw - cgroup2 cgroup2 rw"), None);
        assert!(version_1(alone).is_empty());
    }

    #[test]
    fn a_list_of_mounts_is_read_until_all_hierarchies_were_seen() {
        let groups = "5:name=systemd:/\n4:blkio:/\n3:memory:/a\n2:cpu,cpuacct:/\n1:freezer:/\n0::/\n";
        let whole = format!("{HYBRID}\n");
        assert!(shows_all(&whole, groups));
        for kind in ["blkio", "cpu,cpuacct", "cgroup2"] {
            let less: String = whole.lines().filter(|line| !line.contains(kind)).map(|line| format!("{line}\n")).collect();
            assert!(!shows_all(&less, groups), "{kind}");
        }
        let alone = "35 24 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw";
        assert!(shows_all(&format!("{alone}\n36 2"), "0::/user.slice\n"));
        // Not yet a whole line.
        assert!(!shows_all(alone, "0::/\n"));
        let here = mountinfo().unwrap();
        let all = fs::read_to_string("/proc/self/mountinfo").unwrap();
        assert_eq!((version_2(&here), version_1(&here)), (version_2(&all), version_1(&all)));
    }

    #[test]
    fn a_controller_of_version_1_is_where_it_is_mounted() {
        assert_eq!(
            version_1(HYBRID),
            ["/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/memory", "/sys/fs/cgroup/blkio"].map(PathBuf::from)
        );
        let found = |controller| of(controller, HYBRID).map(|found| (found.version, found.top));
        assert_eq!(found(Controller::Cpu), Some((Version::V1, "/sys/fs/cgroup/cpu,cpuacct".into())));
        assert_eq!(found(Controller::Io), Some((Version::V1, "/sys/fs/cgroup/blkio".into())));
        assert_eq!(found(Controller::Memory), Some((Version::V1, "/sys/fs/cgroup/memory".into())));
        assert_eq!(of(Controller::Pids, "40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd"), None);
    }
}
