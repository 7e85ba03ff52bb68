//! Below which group those of jails are. Where systemd is the first process, the hierarchy is its own, and others may make groups
//! only below a unit that it gave away (Delegate= in systemd.resource-control(5)): `jailmgr bootstrap --install-boot`
//! writes one. Without it, and under any other init, they are below the top. Looks into the hierarchies' directories.

use std::fs;
use std::path::{Path, PathBuf};

/// Below the top of each hierarchy.
const PLAIN: &str = "jailsh";
/// What the unit has, once it was started.
const GIVEN: &str = "jailsh.slice/jailsh-groups.service";

/// No jail's name begins so.
const HOLD: &str = ".hold/cgroup.procs";

/// Every place that jails' groups may be in.
pub const ALL: [&str; 2] = [PLAIN, GIVEN];

/// That of new groups.
pub fn current(top: &Path) -> &'static str {
    if is_given(top) { GIVEN } else { PLAIN }
}

/// Somebody sleeps in a group beside those of jails, lest systemd removes what is empty. Before that a jail's controllers could
/// not be handed down.
pub fn is_given(top: &Path) -> bool {
    fs::read_to_string(top.join(GIVEN).join(HOLD)).is_ok_and(|held| !held.is_empty())
}

/// Where a jail's group is, or is to be made: that of a jail that is up when the unit is started stays where it is.
pub fn group(top: &Path, name: &str) -> PathBuf {
    let group = |parent: &str| top.join(parent).join(name);
    if !is_given(top) || group(PLAIN).exists() { group(PLAIN) } else { group(GIVEN) }
}

/// The groups whose children get controllers by our hand; above what systemd gave away that is its own affair.
pub fn to_hand_down(top: &Path) -> Vec<PathBuf> {
    match current(top) {
        GIVEN => vec![top.join(GIVEN)],
        parent => vec![top.to_owned(), top.join(parent)],
    }
}

/// Does a line of /proc/PID/cgroup name the group of this jail in cgroup2?
pub fn names(line: &str, name: &str) -> bool {
    let below = |parent: &str| line.strip_prefix("0::/")?.strip_prefix(parent)?.strip_prefix('/');
    ALL.iter().any(|parent| below(parent) == Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hierarchy in which systemd started the unit.
    fn give(top: &Path) {
        fs::create_dir_all(top.join(GIVEN).join(".hold")).unwrap();
        fs::write(top.join(GIVEN).join(HOLD), "4711\n").unwrap();
    }

    #[test]
    fn groups_are_below_the_top_until_systemd_gives_one_away_and_none_moves_then() {
        let scratch = tempfile::tempdir().unwrap();
        let top = scratch.path();
        let group = |name: &str| group(top, name).strip_prefix(top).unwrap().to_owned();
        assert_eq!(group("web"), Path::new("jailsh/web"));
        assert_eq!(to_hand_down(top), [top.to_owned(), top.join("jailsh")]);
        fs::create_dir_all(top.join("jailsh/web")).unwrap();
        fs::create_dir_all(top.join(GIVEN)).unwrap();
        assert_eq!(group("db"), Path::new("jailsh/db"), "it is not ready");
        give(top);
        assert_eq!(group("web"), Path::new("jailsh/web"));
        assert_eq!(group("db"), Path::new("jailsh.slice/jailsh-groups.service/db"));
        assert_eq!(to_hand_down(top), [top.join(GIVEN)]);
        fs::remove_dir(top.join("jailsh/web")).unwrap();
        assert_eq!(group("web"), Path::new("jailsh.slice/jailsh-groups.service/web"));
    }

    #[test]
    fn a_process_is_in_a_jails_group_in_either_place_and_in_no_other() {
        for line in ["0::/jailsh/web", "0::/jailsh.slice/jailsh-groups.service/web"] {
            assert!(names(line, "web") && !names(line, "we") && !names(line, "db"), "{line}");
        }
        for line in ["0::/jailsh/web/below", "0::/jailsh.slice/web", "4:memory:/jailsh/web", "0::/user/jailsh/web", ""] {
            assert!(!names(line, "web"), "{line}");
        }
    }
}
