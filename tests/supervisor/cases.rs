use std::fs;
use std::time::{Duration, Instant};

use jailsh::jail::{self, JailError};
use jailsh::kernel::Kernel;
use jailsh::supervise::{Started, Status, Stopped, SuperviseError, last_status, start, status, stop, supervise};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::bench::{Bench, name, own_mounts, spec};

macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        pub const CASES: &[(&str, fn())] = &[$((stringify!($name), $name as fn())),*];
    };
}

cases![
    start_runs_the_service_under_its_supervisor_and_stop_leaves_nothing,
    a_failed_start_is_undone_and_says_why,
    a_program_that_is_not_there_is_named,
    stop_kills_all_members_whoever_started_them,
    a_restart_spares_sessions_that_entered_by_exec,
    start_after_a_killed_supervisor_starts_anew,
    stop_after_a_killed_supervisor_cleans_up,
    start_replaces_a_supervisor_whose_jail_was_destroyed,
    a_jail_that_is_supervised_only_stays_up,
    a_supervisor_is_small,
    an_unknown_jail_and_a_jail_without_command_are_told,
    stop_and_start_again_many_times_leaks_nothing,
    a_start_returns_when_the_service_has_notified,
    a_start_that_is_broken_off_is_taken_up_by_the_next,
    a_check_runs_in_the_jail_and_what_it_left_is_killed,
    several_services_start_in_order_and_one_can_be_restarted,
    a_killed_supervisor_is_noticed_at_once_and_nothing_of_it_stays,
];

/// A bench with a jail whose service runs `script`. Its supervisor is gone when this is dropped, before the bench.
struct Service(Bench);

impl Service {
    fn new(script: &str) -> Self {
        Service::of(&format!("command = ['/bin/sh', '-c', '''{script}''']"))
    }

    fn of(toml: &str) -> Self {
        let bench = Bench::new();
        jail::create(&bench.host, &name(), &spec(toml)).unwrap();
        Service(bench)
    }

    fn started(script: &str) -> Self {
        let service = Service::new(script);
        assert!(matches!(start(&service.0.host, &name()).unwrap(), Started::Started(_)));
        service
    }

    fn status(&self) -> Status {
        status(&self.0.host, &name()).expect("a live supervisor")
    }

    fn pid(&self) -> i32 {
        self.status().service.expect("a running service")
    }

    fn stop(&self) -> Stopped {
        stop(&self.0.host, &name()).unwrap()
    }

    fn members(&self) -> usize {
        let jails = self.0.kernel.list().unwrap();
        jails.iter().map(|jail| self.0.kernel.members(jail.jid).unwrap().len()).sum()
    }

    fn assert_down(&self) {
        assert!(self.0.kernel.list().unwrap().is_empty());
        assert_eq!(status(&self.0.host, &name()), None);
        assert!(!self.0.config.run_of(&name()).exists());
        let pins = own_mounts(&self.0).into_iter().filter(|mount| mount.ends_with("/mnt")).count();
        assert_eq!(pins, 0);
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = stop(&self.0.host, &name());
    }
}

fn lives(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['Z', 'X']))
}

fn until(what: &str, mut test: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !test() {
        assert!(Instant::now() < deadline, "{what}: did not happen");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn start_runs_the_service_under_its_supervisor_and_stop_leaves_nothing() {
    let service = Service::started("exec sleep 1000");
    let status = service.status();
    let title = fs::read(format!("/proc/{}/cmdline", status.pid)).unwrap();
    assert_eq!(title, b"jailctl: supervise jail=web jid=1\0");
    let stat = fs::read_to_string(format!("/proc/{}/stat", service.pid())).unwrap();
    assert_eq!(stat.split(' ').nth(3), Some(status.pid.to_string().as_str()), "the service is the supervisor's child");
    assert_eq!(service.members(), 1);
    assert!(matches!(start(&service.0.host, &name()).unwrap(), Started::AlreadyRunning(_)));
    assert_eq!(service.status(), status);
    assert_eq!(service.stop(), Stopped::Stopped);
    assert!(!lives(status.pid) && !lives(status.service.unwrap()));
    service.assert_down();
    assert_eq!(service.stop(), Stopped::WasDown);
}

fn a_failed_start_is_undone_and_says_why() {
    let service = Service::new("echo port 80 is taken >&2; exit 3");
    let error = start(&service.0.host, &name()).unwrap_err().to_string();
    assert_eq!(
        error,
        "jail web did not start: the service exited with status 3 at once; its last words on stderr:\n  port 80 is taken"
    );
    service.assert_down();
}

fn a_program_that_is_not_there_is_named() {
    let service = Service::new("");
    jail::create(&service.0.host, &name(), &spec("command = ['httpdx']")).unwrap();
    let error = start(&service.0.host, &name()).unwrap_err().to_string();
    assert!(error.starts_with("jail web did not start: httpdx: not found in jail web; its PATH is /"), "{error}");
    service.assert_down();
}

fn stop_kills_all_members_whoever_started_them() {
    let service = Service::started("setsid sh -c \"trap : TERM HUP; while :; do sleep 0.1; done\" & exec sleep 1000");
    service.0.exec(&["sh", "-c", "setsid sleep 1000 >/dev/null 2>&1 & exit 0"]);
    until("all members", || service.members() >= 3);
    assert_eq!(service.stop(), Stopped::Stopped);
    service.assert_down();
}

fn a_restart_spares_sessions_that_entered_by_exec() {
    let service = Service::started("sleep 1000 & sleep 0.4; exit 1");
    service.0.exec(&["sh", "-c", "setsid sleep 2000 >/dev/null 2>&1 & exit 0"]);
    until("a restart", || service.status().restarts == 1);
    let command = |pid: i32| fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default().replace('\0', " ");
    let jid = service.0.kernel.list().unwrap()[0].jid;
    let commands: Vec<String> = service.0.kernel.members(jid).unwrap().iter().map(|member| command(member.pid)).collect();
    assert_eq!(commands.iter().filter(|command| *command == "sleep 2000 ").count(), 1, "{commands:?}");
    assert!(commands.iter().filter(|command| *command == "sleep 1000 ").count() <= 1, "{commands:?}");
}

fn start_after_a_killed_supervisor_starts_anew() {
    let service = Service::started("exec sleep 1000");
    let (supervisor, old) = (service.status().pid, service.pid());
    kill(Pid::from_raw(supervisor), Signal::SIGKILL).unwrap();
    until("its end", || status(&service.0.host, &name()).is_none());
    assert!(lives(old));
    assert!(matches!(start(&service.0.host, &name()).unwrap(), Started::Recovered(_)));
    assert!(!lives(old), "two services at once");
    assert_eq!(service.members(), 1);
}

fn stop_after_a_killed_supervisor_cleans_up() {
    let service = Service::started("exec sleep 1000");
    let (supervisor, old) = (service.status().pid, service.pid());
    kill(Pid::from_raw(supervisor), Signal::SIGKILL).unwrap();
    until("its end", || status(&service.0.host, &name()).is_none());
    assert_eq!(service.stop(), Stopped::Stopped);
    assert!(!lives(old));
    service.assert_down();
}

fn start_replaces_a_supervisor_whose_jail_was_destroyed() {
    let service = Service::started("exec sleep 1000");
    let (supervisor, old) = (service.status().pid, service.pid());
    let jid = service.0.kernel.list().unwrap()[0].jid;
    kill(Pid::from_raw(supervisor), Signal::SIGSTOP).unwrap();
    service.0.kernel.destroy(jid).unwrap();
    kill(Pid::from_raw(supervisor), Signal::SIGCONT).unwrap();
    assert!(matches!(start(&service.0.host, &name()).unwrap(), Started::Started(_)));
    assert!(!lives(supervisor) && !lives(old));
    assert_ne!(service.status().pid, supervisor);
}

fn a_jail_that_is_supervised_only_stays_up() {
    let bench = Bench::up();
    let jid = bench.kernel.list().unwrap()[0].jid;
    let service = Service(bench);
    let command = spec("command = ['/bin/sh', '-c', 'setsid sleep 1000 & exec sleep 1000']");
    supervise(&service.0.host, &name(), jid, &command, false).unwrap();
    let again = supervise(&service.0.host, &name(), jid, &command, false).unwrap_err();
    assert!(matches!(again, SuperviseError::AlreadySupervised { pid, .. } if pid == service.status().pid), "{again}");
    until("both members", || service.members() == 2);
    kill(Pid::from_raw(service.status().pid), Signal::SIGTERM).unwrap();
    until("the end", || status(&service.0.host, &name()).is_none());
    assert_eq!(service.members(), 0);
    let last = last_status(&service.0.host, &name()).unwrap();
    assert_eq!(last.state, "stopped");
    assert!(last.last_exit.unwrap().starts_with("killed by SIGTERM; stopped by SIGTERM from pid "));
    let jail = &service.0.kernel.list().unwrap()[0];
    assert!(jail.jid == jid && !jail.closing);
    assert_eq!(service.0.sh("echo it still takes commands"), "it still takes commands\n");
}

fn a_supervisor_is_small() {
    let service = Service::started("exec sleep 1000");
    let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", service.status().pid)).unwrap();
    let kib = |key: &str| -> u64 {
        let line = rollup.lines().find(|line| line.starts_with(key)).unwrap();
        line.split_ascii_whitespace().nth(1).unwrap().parse().unwrap()
    };
    let private = kib("Private_Clean:") + kib("Private_Dirty:");
    println!("private memory of a supervisor: {private} KiB, {} KiB of it dirty", kib("Private_Dirty:"));
    // The promise is for the release build; pages of the program count as private while only one process maps them.
    assert!(kib("Private_Dirty:") < 1024, "{rollup}");
}

fn an_unknown_jail_and_a_jail_without_command_are_told() {
    let service = Service::new("");
    let unknown = "wep".parse().unwrap();
    for error in [start(&service.0.host, &unknown).unwrap_err(), stop(&service.0.host, &unknown).unwrap_err()] {
        assert!(matches!(error, SuperviseError::Jail(JailError::NoSuchJail { .. })), "{error}");
    }
    jail::create(&service.0.host, &name(), &spec("")).unwrap();
    let error = start(&service.0.host, &name()).unwrap_err();
    assert_eq!(error.to_string(), "jail web has no command to supervise; set `command`, or name one");
    service.assert_down();
}

fn stop_and_start_again_many_times_leaks_nothing() {
    let service = Service::started("exec sleep 1000");
    service.stop();
    let before = crate::bench::descriptors();
    for _ in 0..10 {
        assert!(matches!(start(&service.0.host, &name()).unwrap(), Started::Started(_)));
        assert_eq!(service.stop(), Stopped::Stopped);
    }
    service.assert_down();
    assert_eq!(crate::bench::descriptors(), before);
    assert_eq!(crate::bench::children(), [""; 0]);
}

fn a_start_returns_when_the_service_has_notified() {
    let service =
        Service::of("command = ['/bin/sh', '-c', 'sleep 0.4; echo ready >&$NOTIFY_FD; exec sleep 1000']\nready = { fd = true }");
    let begun = Instant::now();
    assert!(matches!(start(&service.0.host, &name()).unwrap(), Started::Started(_)));
    assert!(begun.elapsed() >= Duration::from_millis(400), "{:?}", begun.elapsed());
    let status = service.status();
    assert!(status.services[0].ready && status.services[0].name == "web");
    let late = Service::of(
        "command = ['/bin/sh', '-c', 'echo still loading >&2; exec sleep 1000']\nready = { fd = true, timeout = '300ms' }",
    );
    let error = start(&late.0.host, &name()).unwrap_err().to_string();
    assert_eq!(error, "jail web did not start: it was not ready within 0.3 s; its last words on stderr:\n  still loading");
    late.assert_down();
}

fn a_start_that_is_broken_off_is_taken_up_by_the_next() {
    let service =
        Service::of("command = ['/bin/sh', '-c', 'sleep 1; echo >&$NOTIFY_FD; exec sleep 1000']\nready = { fd = true }");
    // SAFETY: this process has one thread.
    let starter = match unsafe { nix::unistd::fork() }.unwrap() {
        nix::unistd::ForkResult::Parent { child } => child,
        nix::unistd::ForkResult::Child => {
            let _ = start(&service.0.host, &name());
            // SAFETY: ends the process that this case forked, without its drops.
            unsafe { libc::_exit(0) }
        }
    };
    until("a supervisor", || status(&service.0.host, &name()).is_some_and(|status| status.state == "starting"));
    let supervisor = service.status().pid;
    kill(starter, Signal::SIGKILL).unwrap();
    nix::sys::wait::waitpid(starter, None).unwrap();
    assert!(matches!(start(&service.0.host, &name()).unwrap(), Started::AlreadyRunning(_)));
    let status = service.status();
    assert_eq!((status.pid, status.state.as_str()), (supervisor, "running"));
}

fn a_check_runs_in_the_jail_and_what_it_left_is_killed() {
    let service = Service::of(
        "command = ['/bin/sh', '-c', 'sleep 0.3; : > /tmp/up; exec sleep 1000']\n\
         ready = { command = ['/bin/sh', '-c', 'setsid sleep 2000 >/dev/null 2>&1 & test -e /tmp/up'], interval = '50ms' }\n\
         health = { command = ['/bin/sh', '-c', 'echo no heartbeat; sleep 3000'], interval = '200ms', timeout = '300ms', failures = 2 }",
    );
    assert!(matches!(start(&service.0.host, &name()).unwrap(), Started::Started(_)));
    until("an unhealthy end", || service.status().last_exit.is_some_and(|last| last.contains("unhealthy")));
    let last = service.status().last_exit.unwrap();
    assert!(
        last.starts_with("it was unhealthy 2 time(s) in a row: the check took too long: no heartbeat; restart after"),
        "{last}"
    );
    until("the next run", || service.status().restarts == 1 && service.status().state == "running");
    let jid = service.0.kernel.list().unwrap()[0].jid;
    let commands = || -> Vec<String> {
        let members = service.0.kernel.members(jid).unwrap();
        members.iter().map(|member| fs::read_to_string(format!("/proc/{}/cmdline", member.pid)).unwrap_or_default()).collect()
    };
    until("the end of what checks left", || !commands().iter().any(|command| command.contains("2000")));
}

fn several_services_start_in_order_and_one_can_be_restarted() {
    let service = Service::of(
        "[[services]]\nname = 'site'\ndepends_on = ['db']\ncommand = ['/bin/sh', '-c', 'test -e /tmp/db || exit 9; exec sleep 1000']\n\
         [[services]]\nname = 'db'\nready = { fd = true }\n\
         command = ['/bin/sh', '-c', 'sleep 0.3; : > /tmp/db; echo >&$NOTIFY_FD; setsid sleep 2000 & sleep 1000']",
    );
    assert!(matches!(start(&service.0.host, &name()).unwrap(), Started::Started(_)));
    let before = service.status();
    let names: Vec<_> = before.services.iter().map(|one| (one.name.as_str(), one.state.as_str(), one.ready)).collect();
    assert_eq!(names, [("site", "running", true), ("db", "running", true)]);
    until("all members", || service.members() == 4);
    jailsh::supervise::restart_service(&service.0.host, &name(), Some("db")).unwrap();
    let after = service.status();
    assert_eq!((after.services[0].pid, after.services[0].restarts), (before.services[0].pid, 0));
    assert_ne!(after.services[1].pid, before.services[1].pid);
    until("the old child's end", || service.members() == 4);
    let error = jailsh::supervise::restart_service(&service.0.host, &name(), Some("dbb")).unwrap_err().to_string();
    assert_eq!(error, "the supervisor of jail web refused: no service named dbb; use site, db");
    jailsh::supervise::restart_service(&service.0.host, &name(), None).unwrap();
    assert!(service.status().services.iter().all(|one| one.ready && one.restarts > 0));
    assert_eq!(service.stop(), Stopped::Stopped);
    service.assert_down();
}

fn a_killed_supervisor_is_noticed_at_once_and_nothing_of_it_stays() {
    let service = Service::started("setsid sleep 1000 & exec sleep 1000");
    until("both members", || service.members() == 2);
    kill(Pid::from_raw(service.status().pid), Signal::SIGKILL).unwrap();
    until("its end", || status(&service.0.host, &name()).is_none());
    assert_eq!(last_status(&service.0.host, &name()).unwrap().state, "running", "what it wrote last stays to be read");
    assert!(matches!(start(&service.0.host, &name()).unwrap(), Started::Recovered(_)));
    until("the new members alone", || service.members() == 2);
    assert_eq!(service.stop(), Stopped::Stopped);
    service.assert_down();
}
