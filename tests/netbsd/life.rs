//! A jail's life as the verbs make it, over the program's NetBSD body over the module over the double: its files, its root
//! (Linux's own, for there is no other), its place in the module.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::rc::Rc;

use jailsh::jail::{self, Config, Host, JailError, Spec};
use jailsh::kernel::netbsd::Netbsd;
use jailsh::kernel::{JailName, KernelError};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};
use serde_json::{Value, json};

use crate::body::{Served, Wire};

struct Ground {
    served: Rc<Served>,
    host: Host,
    dir: tempfile::TempDir,
}

impl Ground {
    fn new() -> Ground {
        assert!(nix::unistd::geteuid().is_root(), "this test needs root, as jails do");
        let (served, dir) = (Rc::new(Served::start()), tempfile::tempdir().unwrap());
        let kernel = Rc::new(Netbsd::open(Wire::over(&served)).unwrap());
        let config = Config { data_dir: dir.path().join("data"), run_dir: dir.path().join("run") };
        Ground { served, host: Host { kernel, config }, dir }
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        for jail in jail::jail_names(&self.host.config).unwrap_or_default() {
            // What a test that failed has left.
            let _ = jail::tear_down(&self.host, &jail);
        }
        jail::forget_run_dir(&self.dir.path().join("run"));
    }
}

fn name(text: &str) -> JailName {
    text.parse().unwrap()
}

fn spec(of: &JailName, tree: Value) -> Spec {
    Spec::parse(of, &tree).unwrap()
}

/// In a process of its own, which has one thread, as who forks must; the harness has several.
fn alone(test: impl FnOnce()) {
    // SAFETY: the child touches nothing that another thread of the harness could have locked, but the allocator, which the C
    // library makes safe.
    match unsafe { fork() }.unwrap() {
        ForkResult::Parent { child } => assert_eq!(waitpid(child, None), Ok(WaitStatus::Exited(child, 0)), "see above"),
        ForkResult::Child => {
            let status = i32::from(catch_unwind(AssertUnwindSafe(test)).is_err());
            // SAFETY: ends the process at once; the harness's exit handlers are its own.
            unsafe { libc::_exit(status) }
        }
    }
}

#[test]
fn a_jail_lives_over_the_module_from_its_spec_to_its_end() {
    alone(life);
}

fn life() {
    let ground = Ground::new();
    let (host, web, db) = (&ground.host, name("a"), name("b"));
    jail::create(host, &web, &spec(&web, json!({ "profile": "medium", "ports": [80, 443] }))).unwrap();
    jail::create(host, &db, &spec(&db, json!({ "profile": "high", "ports": [443] }))).unwrap();
    let up = jail::bring_up(host, &web).unwrap();
    assert!(up.brought_up && jail::observe(host, &web).unwrap().is_up());
    assert!(!jail::bring_up(host, &web).unwrap().brought_up, "a jail that is up is found");
    let listed = host.kernel.list().unwrap();
    assert_eq!((listed.len(), listed[0].name.as_str(), listed[0].profile.as_str()), (1, "a", "medium"));
    assert_eq!(Path::new(&listed[0].root), host.config.root_dir(&web));

    let taken = jail::bring_up(host, &db).unwrap_err();
    assert!(matches!(taken, JailError::Kernel(KernelError::PortTaken { .. })), "{taken}");
    let seen = jail::observe(host, &db).unwrap();
    assert!(!seen.pinned && seen.kernel.is_none(), "a root that was composed first goes with the jail that was not made");

    // Whoever is in it when it is taken down.
    ground.served.ask("become /jails/a").1.unwrap();
    ground.served.ask("write id 01000000").1.unwrap();
    ground.served.ask("host").1.unwrap();
    assert_eq!(host.kernel.list().unwrap()[0].processes, 1);
    assert!(jail::tear_down(host, &web).unwrap());
    assert!(host.kernel.list().unwrap().is_empty());
    let seen = jail::observe(host, &web).unwrap();
    assert!(!seen.pinned && seen.kernel.is_none());
    jail::bring_up(host, &db).unwrap();
    for jail in [&web, &db] {
        jail::tear_down(host, jail).unwrap();
        jail::destroy(host, jail).unwrap();
    }
    assert!(jail::jail_names(&host.config).unwrap().is_empty());
}

#[test]
fn what_the_system_cannot_hold_is_refused_before_anything_is_made() {
    let ground = Ground::new();
    let (host, web) = (&ground.host, name("web"));
    for (tree, why) in [
        (json!({ "limits": { "memory": "64M" } }), "NetBSD has no control groups"),
        (json!({ "limits": { "processes": 10 } }), "NetBSD has no control groups"),
        (
            json!({ "profile": { "base": "high", "deny": ["connect"] } }),
            "right connect cannot be kept from a jail by the netbsd body",
        ),
        (json!({ "profile": { "base": "high", "audit": ["chroot"] } }), "keeps one mask of rights"),
    ] {
        let said = jail::create(host, &web, &spec(&web, tree.clone())).unwrap_err().to_string();
        assert!(said.contains(why), "{tree}: {said}");
    }
    assert!(jail::jail_names(&host.config).unwrap().is_empty());
    assert!(host.kernel.freeze(jailsh::kernel::Jid::new(1).unwrap()).is_err());
}
