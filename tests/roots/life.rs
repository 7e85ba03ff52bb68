//! create, bring up, tear down, destroy: what is there afterwards, also after kill -9.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, Instant};

use jailsh::jail::{self, Change, JailError};
use jailsh::kernel::{JailName, Kernel, KernelError};
use nix::mount::MsFlags;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork};

use crate::bench::{Bench, children, descriptors, name, own_mounts, spec};
use crate::cases;

cases![
    create_says_created_unchanged_or_what_changed,
    a_jail_goes_up_and_down_and_leaves_the_private_run_directory_alone,
    pins_below_a_shared_mount_work_and_the_modules_mount_stays_visible,
    a_policy_that_the_kernel_cannot_hold_is_refused_by_create_and_by_configure_alike,
    bringing_up_twice_and_taking_down_twice_is_fine,
    what_changed_is_remembered_until_the_jail_is_taken_down,
    fifty_cycles_leak_no_mount_no_descriptor_and_no_process,
    a_taken_port_leaves_nothing_behind,
    a_sim_jail_is_refused_before_anything_is_mounted,
    half_jails_are_cleaned_and_brought_up,
    a_verb_killed_at_any_moment_leaves_what_the_next_one_cleans,
    create_killed_at_any_moment_leaves_a_whole_jail_or_none,
    destroy_refuses_a_running_jail_and_removes_a_stopped_one,
    what_a_killed_destroy_left_goes_with_the_next_verb,
    members_are_killed_when_the_jail_goes_down,
    listing_survives_a_broken_spec_and_hints_at_the_nearest_name,
    two_at_once_bring_up_one_jail,
    a_lock_that_is_kept_is_waited_for_and_freed_by_a_kill,
];

fn create_says_created_unchanged_or_what_changed() {
    let bench = Bench::new();
    let create = |toml| jail::create(&bench.host, &name(), &spec(toml)).unwrap();
    assert_eq!(create("profile = 'medium'"), Change::Created);
    assert_eq!(create("profile = 'medium'"), Change::Unchanged);
    let diff = vec!["profile: \"medium\" -> \"low\"".to_owned()];
    assert_eq!(create("profile = 'low'"), Change::Changed { diff });
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&bench.config.jail_dir(&name())), 0o700);
    assert_eq!(mode(&bench.data().join("tmp")), 0o1777);
}

fn a_jail_goes_up_and_down_and_leaves_the_private_run_directory_alone() {
    let bench = Bench::up();
    assert!(jail::observe(&bench.host, &name()).unwrap().is_up());
    let run = bench.config.run_dir.join("jails").display().to_string();
    assert_eq!(own_mounts(&bench), [run.clone(), format!("{run}/web/mnt")]);
    assert!(jail::tear_down(&bench.host, &name()).unwrap());
    assert!(!bench.config.run_of(&name()).exists());
    assert_eq!(own_mounts(&bench), [run]);
    assert!(bench.kernel.list().unwrap().is_empty());
}

fn pins_below_a_shared_mount_work_and_the_modules_mount_stays_visible() {
    let bench = Bench::new();
    // As /run is on a machine with systemd, with the module's own mount there already.
    let run = &bench.config.run_dir;
    let kmod = run.join("kmod");
    fs::create_dir_all(&kmod).unwrap();
    let mount = |source: &str, target: &Path, kind: Option<&str>, flags| {
        nix::mount::mount(Some(source), target, kind, flags, None::<&str>).unwrap();
    };
    mount(run.to_str().unwrap(), run, None, MsFlags::MS_BIND);
    mount("none", run, None, MsFlags::MS_SHARED);
    mount("tmpfs", &kmod, Some("tmpfs"), MsFlags::empty());
    fs::write(kmod.join("pin"), "").unwrap();
    jail::create(&bench.host, &name(), &spec("")).unwrap();
    jail::bring_up(&bench.host, &name()).unwrap();
    assert_eq!(bench.exec(&["true"]).status, 0);
    assert!(kmod.join("pin").exists());
    let mountinfo = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let jails = run.join("jails").display().to_string();
    let line = mountinfo.lines().find(|line| line.split(' ').nth(4) == Some(&jails)).unwrap();
    assert!(!line.contains("shared:"), "{line}");
    jail::prepare_run_dir(&bench.config).unwrap();
    jail::prepare_run_dir(&bench.config).unwrap();
    assert_eq!(own_mounts(&bench).len(), 4, "{:?}", own_mounts(&bench));
    jail::tear_down(&bench.host, &name()).unwrap();
    assert!(kmod.join("pin").exists());
}

fn what_changed_is_remembered_until_the_jail_is_taken_down() {
    let bench = Bench::new();
    let stale = || jail::stale(&bench.host, &name()).unwrap();
    jail::create(&bench.host, &name(), &spec("")).unwrap();
    jail::create(&bench.host, &name(), &spec("profile = 'medium'")).unwrap();
    assert!(stale().is_empty(), "what is down takes up everything when it is brought up");
    jail::bring_up(&bench.host, &name()).unwrap();
    jail::create(&bench.host, &name(), &spec("profile = 'low'")).unwrap();
    jail::configure(&bench.host, &name(), "profile = 'high'").unwrap();
    jail::wear(&bench.host, &name(), "/etc/conf changed").unwrap();
    jail::wear(&bench.host, &name(), "/etc/conf changed").unwrap();
    assert_eq!(stale(), ["its spec changed", "/etc/conf changed"]);
    jail::tear_down(&bench.host, &name()).unwrap();
    assert!(stale().is_empty());
    jail::bring_up(&bench.host, &name()).unwrap();
    assert!(stale().is_empty());
}

fn a_policy_that_the_kernel_cannot_hold_is_refused_by_create_and_by_configure_alike() {
    let bench = Bench::new();
    let audits = "profile = { base = 'high', audit = ['chroot'] }";
    let refused = jail::create(&bench.host, &name(), &spec(audits)).unwrap_err();
    assert!(matches!(refused, JailError::Kernel(KernelError::NoAudit { .. })), "{refused}");
    assert!(!bench.config.jail_dir(&name()).exists());
    jail::create(&bench.host, &name(), &spec("")).unwrap();
    let before = jail::spec_text(&bench.host, &name()).unwrap();
    let again = jail::configure(&bench.host, &name(), audits).unwrap_err();
    assert_eq!(again.to_string(), refused.to_string());
    assert_eq!(jail::spec_text(&bench.host, &name()).unwrap(), before);
}

fn bringing_up_twice_and_taking_down_twice_is_fine() {
    let bench = Bench::up();
    let again = jail::bring_up(&bench.host, &name()).unwrap();
    assert!(!again.brought_up);
    assert_eq!(own_mounts(&bench).len(), 2);
    assert!(jail::tear_down(&bench.host, &name()).unwrap());
    assert!(!jail::tear_down(&bench.host, &name()).unwrap());
    assert!(matches!(bench.try_exec(bench.request(&["true"])), Err(JailError::NotRunning(_))));
}

fn fifty_cycles_leak_no_mount_no_descriptor_and_no_process() {
    let bench = Bench::up();
    jail::tear_down(&bench.host, &name()).unwrap();
    let before = (own_mounts(&bench), descriptors(), children());
    for _ in 0..50 {
        jail::bring_up(&bench.host, &name()).unwrap();
        assert_eq!(bench.exec(&["true"]).status, 0);
        jail::tear_down(&bench.host, &name()).unwrap();
    }
    assert_eq!((own_mounts(&bench), descriptors(), children()), before);
}

fn a_taken_port_leaves_nothing_behind() {
    let bench = Bench::new();
    let other: JailName = "other".parse().unwrap();
    jail::create(&bench.host, &other, &spec("ports = [8080]")).unwrap();
    jail::create(&bench.host, &name(), &spec("ports = [8080]")).unwrap();
    jail::bring_up(&bench.host, &other).unwrap();
    let before = own_mounts(&bench);
    let error = jail::bring_up(&bench.host, &name()).unwrap_err();
    assert!(matches!(error, JailError::Kernel(KernelError::PortTaken { .. })), "{error}");
    assert_eq!(own_mounts(&bench), before);
    assert!(!bench.config.run_of(&name()).exists() && children().is_empty());
}

fn a_sim_jail_is_refused_before_anything_is_mounted() {
    let bench = Bench::new();
    let sim = std::rc::Rc::new(jailsh::kernel::sim::Sim::new());
    let host = jail::Host { kernel: sim.clone(), config: bench.config.clone() };
    jail::create(&host, &name(), &spec("")).unwrap();
    let error = jail::bring_up(&host, &name()).unwrap_err();
    assert!(matches!(error, JailError::Kernel(KernelError::Simulated)), "{error}");
    assert!(own_mounts(&bench).is_empty() && sim.list().unwrap().is_empty());
}

fn half_jails_are_cleaned_and_brought_up() {
    let bench = Bench::up();
    // A pin without a jail, as after `kmod unload`.
    let jid = bench.kernel.find(&name()).unwrap().unwrap().jid;
    bench.kernel.destroy(jid).unwrap();
    assert!(!jail::observe(&bench.host, &name()).unwrap().is_up());
    assert!(jail::bring_up(&bench.host, &name()).unwrap().brought_up);
    assert_eq!(bench.exec(&["true"]).status, 0);
    // A jail without a pin.
    nix::mount::umount(&bench.config.run_of(&name()).join("mnt")).unwrap();
    assert!(!jail::observe(&bench.host, &name()).unwrap().is_up());
    assert!(jail::bring_up(&bench.host, &name()).unwrap().brought_up);
    // A jail that somebody began to stop.
    let jid = bench.kernel.find(&name()).unwrap().unwrap().jid;
    bench.kernel.kill_all(jid, Duration::from_secs(5)).unwrap();
    assert!(jail::bring_up(&bench.host, &name()).unwrap().brought_up);
    assert_eq!((bench.exec(&["true"]).status, own_mounts(&bench).len()), (0, 2));
}

/// Runs `verb` in a child and kills it after `delay`.
pub fn kill_during(delay: Duration, verb: impl FnOnce()) {
    // SAFETY: a case's process has one thread.
    match unsafe { fork() }.unwrap() {
        ForkResult::Child => {
            verb();
            // SAFETY: ends the child at once.
            unsafe { libc::_exit(0) }
        }
        ForkResult::Parent { child } => {
            std::thread::sleep(delay);
            let _ = kill(child, Signal::SIGKILL);
            waitpid(child, None).unwrap();
        }
    }
}

fn a_verb_killed_at_any_moment_leaves_what_the_next_one_cleans() {
    let bench = Bench::up();
    jail::tear_down(&bench.host, &name()).unwrap();
    let began = Instant::now();
    jail::bring_up(&bench.host, &name()).unwrap();
    let whole = began.elapsed();
    jail::tear_down(&bench.host, &name()).unwrap();
    let clean = own_mounts(&bench);
    for step in 0..30 {
        let delay = whole * step / 20;
        kill_during(delay, || {
            let _ = jail::bring_up(&bench.host, &name());
            let _ = jail::tear_down(&bench.host, &name());
        });
        let running = jail::bring_up(&bench.host, &name()).unwrap();
        assert_eq!(bench.exec(&["true"]).status, 0, "after {delay:?}: {running:?}");
        jail::tear_down(&bench.host, &name()).unwrap();
        assert_eq!(own_mounts(&bench), clean, "after {delay:?}");
        assert!(bench.kernel.list().unwrap().is_empty());
    }
}

fn create_killed_at_any_moment_leaves_a_whole_jail_or_none() {
    let bench = Bench::new();
    let began = Instant::now();
    jail::create(&bench.host, &name(), &spec("")).unwrap();
    let whole = began.elapsed();
    jail::destroy(&bench.host, &name()).unwrap();
    for step in 0..15 {
        kill_during(whole * step / 10, || drop(jail::create(&bench.host, &name(), &spec(""))));
        match jail::observe(&bench.host, &name()) {
            Ok(found) => assert!(found.spec.is_ok() && bench.data().join("etc/passwd").exists()),
            Err(error) => assert!(matches!(error, JailError::NoSuchJail { .. }), "{error}"),
        }
        jail::create(&bench.host, &name(), &spec("")).unwrap();
        jail::destroy(&bench.host, &name()).unwrap();
        let left: Vec<_> = fs::read_dir(bench.config.data_dir.join("jails")).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

fn destroy_refuses_a_running_jail_and_removes_a_stopped_one() {
    let bench = Bench::up();
    // A tree that a jail makes to annoy: deep, wide, and with ways out.
    let outside = bench.config.run_dir.join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("kept"), "x").unwrap();
    symlink(&outside, bench.data().join("tmp/link")).unwrap();
    bench.sh("cd /tmp && i=0; while [ $i -lt 3000 ]; do mkdir d && cd d; i=$((i+1)); done; touch x; mkfifo f");
    bench.sh("mkdir -p /var/w && cd /var/w && seq 5000 | xargs touch && mkdir locked && touch locked/x && chmod 0 locked");
    assert!(matches!(jail::destroy(&bench.host, &name()), Err(JailError::Running(_))));
    assert!(bench.data().exists());
    jail::tear_down(&bench.host, &name()).unwrap();
    jail::destroy(&bench.host, &name()).unwrap();
    assert_eq!(fs::read_dir(bench.config.data_dir.join("jails")).unwrap().count(), 0);
    assert_eq!(fs::read_to_string(outside.join("kept")).unwrap(), "x");
    assert!(matches!(jail::destroy(&bench.host, &name()), Err(JailError::NoSuchJail { .. })));
}

fn what_a_killed_destroy_left_goes_with_the_next_verb() {
    let bench = Bench::new();
    let jails = bench.config.data_dir.join("jails");
    jail::create(&bench.host, &name(), &spec("")).unwrap();
    fs::rename(jails.join("web"), jails.join(".web.trash")).unwrap();
    fs::create_dir(jails.join(".api.new")).unwrap();
    jail::create(&bench.host, &"other".parse().unwrap(), &spec("")).unwrap();
    let mut left: Vec<_> = fs::read_dir(&jails).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["other"]);
}

fn members_are_killed_when_the_jail_goes_down() {
    let bench = Bench::up();
    let pid: i32 = bench.sh("setsid sleep 1000 >/dev/null 2>&1 & echo $!").trim().parse().unwrap();
    jail::tear_down(&bench.host, &name()).unwrap();
    assert!(!Path::new(&format!("/proc/{pid}/exe")).exists(), "{pid} runs on");
}

fn listing_survives_a_broken_spec_and_hints_at_the_nearest_name() {
    let bench = Bench::new();
    jail::create(&bench.host, &name(), &spec("")).unwrap();
    jail::create(&bench.host, &"api".parse().unwrap(), &spec("")).unwrap();
    fs::write(bench.config.jail_dir(&name()).join("jail.toml"), "profil = 'low'").unwrap();
    let all = jail::observe_all(&bench.host).unwrap();
    let names: Vec<&str> = all.iter().map(|jail| jail.name.as_str()).collect();
    assert_eq!(names, ["api", "web"]);
    assert!(all[0].spec.is_ok());
    let reason = all[1].spec.as_ref().unwrap_err();
    assert!(reason.ends_with("jail.toml: unknown key \"profil\"; did you mean \"profile\"?"), "{reason}");
    let error = jail::observe(&bench.host, &"wob".parse().unwrap()).unwrap_err();
    assert_eq!(error.to_string(), "no jail named wob; did you mean web?");
}

fn two_at_once_bring_up_one_jail() {
    let bench = Bench::new();
    jail::create(&bench.host, &name(), &spec("")).unwrap();
    let verbs: Vec<Pid> = (0..4)
        .map(|_| {
            // SAFETY: a case's process has one thread.
            match unsafe { fork() }.unwrap() {
                ForkResult::Parent { child } => child,
                ForkResult::Child => {
                    let done = jail::bring_up(&bench.host, &name());
                    // SAFETY: ends the child at once.
                    unsafe { libc::_exit(if done.is_ok() { 0 } else { 1 }) }
                }
            }
        })
        .collect();
    for verb in verbs {
        assert_eq!(waitpid(verb, None).unwrap(), nix::sys::wait::WaitStatus::Exited(verb, 0));
    }
    assert_eq!((own_mounts(&bench).len(), bench.kernel.list().unwrap().len()), (2, 1));
}

fn a_lock_that_is_kept_is_waited_for_and_freed_by_a_kill() {
    let bench = Bench::new();
    jail::create(&bench.host, &name(), &spec("")).unwrap();
    // SAFETY: a case's process has one thread.
    let holder = match unsafe { fork() }.unwrap() {
        ForkResult::Parent { child } => child,
        ForkResult::Child => {
            let _lock = jail::Lock::jail(&bench.host, &name()).unwrap();
            fs::write(bench.config.run_dir.join("locked"), "").unwrap();
            loop {
                nix::unistd::pause();
            }
        }
    };
    while !bench.config.run_dir.join("locked").exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    // SAFETY: as above.
    let killer = match unsafe { fork() }.unwrap() {
        ForkResult::Parent { child } => child,
        ForkResult::Child => {
            std::thread::sleep(Duration::from_millis(300));
            let _ = kill(holder, Signal::SIGKILL);
            // SAFETY: ends the child at once.
            unsafe { libc::_exit(0) }
        }
    };
    let began = Instant::now();
    drop(jail::Lock::jail(&bench.host, &name()).unwrap());
    assert!(began.elapsed() >= Duration::from_millis(250), "{:?}", began.elapsed());
    for pid in [holder, killer] {
        waitpid(pid, None).unwrap();
    }
    let locks = fs::metadata(bench.config.run_dir.join("locks")).unwrap();
    assert_eq!(locks.mode() & 0o7777, 0o700);
}
