//! Running programs that give more than their caller has.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use jailsh::kernel::{Kernel, Policy};
use nix::mount::{MntFlags, MsFlags, mount, umount2};

use super::fixture::{module, right};

/// Who a copy of id(1) is that was run by nobody: nobody, ...
const SAME: i32 = 200;
/// ... or root.
const ROOT: i32 = 0;

/// One of these, or the errno of exec.
fn run_by_nobody(program: &Path) -> i32 {
    const NOBODY: u32 = 65_534;
    match Command::new(program).arg("-u").uid(NOBODY).gid(NOBODY).output() {
        Ok(output) => {
            if output.stdout == b"0\n" {
                ROOT
            } else {
                SAME
            }
        }
        Err(error) => error.raw_os_error().unwrap_or(255),
    }
}

/// A file system on which setuid bits count, whatever /tmp is mounted with.
struct Place(tempfile::TempDir);

impl Place {
    fn make() -> Place {
        let place = Place(tempfile::tempdir().unwrap());
        mount(Some("none"), place.0.path(), Some("tmpfs"), MsFlags::empty(), Some("mode=0755")).unwrap();
        place
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = umount2(self.0.path(), MntFlags::MNT_DETACH);
    }
}

#[test]
fn a_setuid_program_runs_for_who_may_gain_by_it_and_an_ordinary_one_for_everybody() {
    let Some(module) = module() else { return };
    let jail = module.jail("gaining", &[]);
    let place = Place::make();
    let programs = [("setuid", 0o4755), ("setgid", 0o2755), ("plain", 0o755)].map(|(name, mode)| {
        let path = place.0.path().join(name);
        fs::copy("/usr/bin/id", &path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    });
    let endings = || programs.each_ref().map(|program| jail.run(|| run_by_nobody(program)));
    assert_eq!(endings(), [ROOT, SAME, SAME], "with the right");
    let policy = jail.info().policy;
    module.lsm.update(jail.jid, &Policy { rights: policy.rights.without(right("setuid_exec")), ..policy }).unwrap();
    let before = jail.denied("setuid_exec");
    assert_eq!(endings(), [libc::EPERM, libc::EPERM, SAME], "without it");
    assert_eq!(jail.denied("setuid_exec"), before + 2);
    let by_root = || i32::from(!Command::new(&programs[0]).status().is_ok_and(|status| status.success()));
    assert_eq!(jail.run(by_root), 0, "root gains nothing by it");
}
