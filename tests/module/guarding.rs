//! The module's pins stay while a jail has a member, and go with unload.

use std::path::PathBuf;

use jailsh::kernel::lsm::Lsm;
use jailsh::kernel::{Kernel, KernelError};
use nix::errno::Errno;
use nix::mount::{MntFlags, umount2};

use super::fixture::{child, module, pipe, wait_for_close};

fn home() -> PathBuf {
    std::fs::canonicalize(PathBuf::from(Lsm::DIRECTORY).join("current")).unwrap()
}

#[test]
fn pins_and_their_mount_cannot_be_removed_while_a_jail_has_a_member() {
    let Some(module) = module() else { return };
    let jail = module.jail("guarded", &[]);
    let ends = pipe();
    let member = jail.start(|| {
        wait_for_close(&ends);
        0
    });
    assert!(jail.settles_at(1));
    let busy = |result: std::io::Result<()>| result.unwrap_err().raw_os_error() == Some(libc::EBUSY);
    let pin = home().join("on_task_kill");
    assert!(busy(std::fs::remove_file(&pin)));
    assert!(busy(std::fs::rename(&pin, home().join("elsewhere"))));
    assert!(busy(std::fs::rename(home().join("ctl_info"), &pin)));
    assert_eq!(umount2(&home(), MntFlags::MNT_DETACH), Err(Errno::EBUSY));
    assert_eq!(umount2(&home(), MntFlags::MNT_FORCE), Err(Errno::EBUSY));
    assert_eq!(umount2("/run", MntFlags::MNT_DETACH), Err(Errno::EBUSY), "the mount above would take it along");
    assert!(pin.exists());
    drop(ends);
    assert_eq!(member.end(), 0);
}

#[test]
fn a_copy_of_the_mount_in_another_namespace_may_go() {
    let Some(module) = module() else { return };
    let jail = module.jail("copied", &[]);
    let ends = pipe();
    let member = jail.start(|| {
        wait_for_close(&ends);
        0
    });
    assert!(jail.settles_at(1));
    let status = child(|| {
        nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNS).unwrap();
        let private = nix::mount::MsFlags::MS_REC | nix::mount::MsFlags::MS_PRIVATE;
        nix::mount::mount(None::<&str>, "/", None::<&str>, private, None::<&str>).unwrap();
        umount2(&home(), MntFlags::MNT_DETACH).map_or_else(|errno| errno as i32, |()| 0)
    });
    assert_eq!(status.end(), 0);
    assert!(home().join("on_task_kill").exists());
    drop(ends);
    assert_eq!(member.end(), 0);
}

#[test]
fn unload_is_refused_while_a_jail_exists_and_leaves_nothing_otherwise() {
    let Some(module) = module() else { return };
    {
        let _jail = module.jail("last", &[]);
        assert!(matches!(Lsm::unload(), Err(KernelError::Busy { members: 0, .. })));
        assert!(Lsm::open().is_ok());
    }
    Lsm::unload().unwrap();
    assert!(matches!(Lsm::open(), Err(KernelError::NotLoaded)));
    assert!(!PathBuf::from(Lsm::DIRECTORY).exists());
    assert!(!std::fs::read_to_string("/proc/self/mountinfo").unwrap().contains(Lsm::DIRECTORY));
    assert!(matches!(Lsm::unload(), Err(KernelError::NotLoaded)));
    assert!(!Lsm::status().unwrap().loaded);
    Lsm::load().unwrap();
}

#[test]
fn every_right_is_described_and_held_by_named_hooks() {
    let Some(module) = module() else { return };
    let description = module.lsm.describe();
    for status in &description.rights {
        assert!(matches!(status.enforcement, jailsh::kernel::Enforcement::Enforced { .. }), "{status:?}");
    }
    let status = Lsm::status().unwrap();
    assert!(status.loaded && status.programs > 60);
}
