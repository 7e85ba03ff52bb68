//! The module's pins stay while a jail has a member, and go with unload.

use std::ffi::CString;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use jailsh::kernel::lsm::Lsm;
use jailsh::kernel::{Enforcement, Kernel, KernelError, Policy, RightStatus};
use nix::errno::Errno;
use nix::mount::{MntFlags, umount2};

use super::fixture::{child, module, pipe, right, wait_for_close};

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

/// The numbers of the module's maps, programs and links, by what is pinned.
fn numbers() -> [Vec<u32>; 3] {
    let mut numbers = [const { Vec::new() }; 3];
    for pin in std::fs::read_dir(home()).unwrap() {
        let path = CString::new(pin.unwrap().path().into_os_string().into_vec()).unwrap();
        // SAFETY: a NUL-terminated path.
        let raw = unsafe { libbpf_sys::bpf_obj_get(path.as_ptr()) };
        assert!(raw >= 0, "{path:?}: {raw}");
        // SAFETY: a descriptor just made, owned by nobody else.
        let opened = unsafe { OwnedFd::from_raw_fd(raw) };
        let known = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", opened.as_raw_fd())).unwrap();
        let number = |key: &str| {
            let line = known.lines().find_map(|line| line.strip_prefix(key))?;
            line.trim().parse::<u32>().ok()
        };
        let is_link = number("link_id:").is_some();
        for (kind, key) in ["map_id:", "prog_id:", "link_id:"].into_iter().enumerate() {
            numbers[kind].extend(number(key).filter(|_| kind != 0 || !is_link));
        }
    }
    numbers
}

#[test]
fn a_member_that_holds_bpf_makes_maps_of_its_own_and_gets_none_of_the_modules_objects() {
    let Some(module) = module() else { return };
    let jail = module.jail("prying", &[]);
    let before = jail.info().policy;
    let rights = ["bpf", "namespaces", "perf", "net_admin"].into_iter().fold(before.rights, |set, name| set.with(right(name)));
    module.lsm.update(jail.jid, &Policy { rights, ..before }).unwrap();
    let [maps, programs, links] = numbers();
    assert!(maps.len() >= 16 && programs.len() > 60 && links.len() > 50, "{maps:?} {programs:?} {links:?}");
    let pin = CString::new(home().join("module_state").into_os_string().into_vec()).unwrap();
    let make = || {
        // SAFETY: a NUL-terminated name, and no options.
        unsafe { libbpf_sys::bpf_map_create(libbpf_sys::BPF_MAP_TYPE_ARRAY, c"own".as_ptr(), 4, 4, 1, std::ptr::null()) }
    };
    assert_eq!(jail.run(|| i32::from(make() < 0)), 0, "a map of its own");
    let refused = |answer: i32| answer == -libc::EPERM;
    let opened = jail.run(|| {
        // SAFETY: take only numbers.
        let map = maps.iter().filter(|id| !refused(unsafe { libbpf_sys::bpf_map_get_fd_by_id(**id) })).count();
        // SAFETY: likewise.
        let program = programs.iter().filter(|id| !refused(unsafe { libbpf_sys::bpf_prog_get_fd_by_id(**id) })).count();
        // SAFETY: likewise.
        let link = links.iter().filter(|id| !refused(unsafe { libbpf_sys::bpf_link_get_fd_by_id(**id) })).count();
        // SAFETY: a NUL-terminated path.
        let by_path = usize::from(!refused(unsafe { libbpf_sys::bpf_obj_get(pin.as_ptr()) }));
        (map + program + link + by_path).min(200) as i32
    });
    assert_eq!(opened, 0, "so many of the module's objects were opened");
    assert_eq!(jail.denied("module_tamper"), (maps.len() + programs.len() + links.len() + 1) as u64);
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
    let whole = |status: &&RightStatus| matches!(status.enforcement, Enforcement::Enforced { .. });
    let rest: Vec<&RightStatus> = description.rights.iter().filter(|status| !whole(status)).collect();
    assert!(rest.iter().all(|status| status.enforcement.is_held()), "{rest:?}");
    assert_eq!(rest.iter().map(|status| status.right.name()).collect::<Vec<_>>(), ["process_see", "ipc_foreign", "keyring"]);
    let status = Lsm::status().unwrap();
    assert!(status.loaded && status.programs > 60);
}
