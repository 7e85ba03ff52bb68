//! What a process finds when it has entered.

use std::collections::BTreeMap;
use std::fs;

use jailsh::jail::{self, Command, JailError, Stdio};

use crate::bench::{Bench, name};
use crate::cases;

cases![
    a_command_runs_inside_and_its_output_comes_back,
    usr_is_read_only_and_tmp_lands_in_the_data_layer,
    the_environment_holds_nothing_of_the_callers,
    no_descriptor_above_the_standard_ones_is_open,
    the_hosts_tree_cannot_be_reached,
    proc_hides_nothing_of_the_jails_own_and_sys_is_absent,
    devices_are_the_harmless_ones,
    a_user_of_the_jail_gets_his_ids_groups_and_home,
    limits_umask_scheduling_and_signals_are_reset,
    capabilities_outside_the_profile_are_gone,
    the_skeleton_cannot_be_changed,
    a_directory_or_a_terminal_is_never_handed_in,
    a_busy_gate_is_tried_again,
    a_process_with_threads_is_refused,
];

fn a_command_runs_inside_and_its_output_comes_back() {
    let bench = Bench::up();
    let output = bench.exec(&["sh", "-c", "id -u; pwd; echo oops >&2; exit 3"]);
    assert_eq!((output.status, output.stdout.as_str(), output.stderr.as_str()), (3, "0\n/root\n", "oops\n"));
}

fn usr_is_read_only_and_tmp_lands_in_the_data_layer() {
    let bench = Bench::up();
    let refused = bench.exec(&["sh", "-c", "touch /usr/bin/x"]);
    assert!(refused.status != 0 && refused.stderr.contains("Read-only file system"), "{refused:?}");
    bench.sh("echo hello > /tmp/x; test -x /bin/ls; awk 'BEGIN { exit 0 }'");
    assert_eq!(fs::read_to_string(bench.data().join("tmp/x")).unwrap(), "hello\n");
}

fn the_environment_holds_nothing_of_the_callers() {
    let bench = Bench::up();
    // SAFETY: one thread.
    unsafe { std::env::set_var("SECRET", "x") };
    let environment = bench.sh("env | sort | grep -v '^_='");
    let expected = "HOME=/root\nLANG=C.UTF-8\nLOGNAME=root\nPATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nPWD=/root\nSHELL=/bin/sh\nUSER=root\n";
    assert_eq!(environment, expected);
    let mut request = bench.request(&["printenv", "A"]);
    request.env = BTreeMap::from([("A".into(), "b c".into())]);
    assert_eq!(bench.try_exec(request).unwrap().stdout, "b c\n");
}

fn no_descriptor_above_the_standard_ones_is_open() {
    let bench = Bench::up();
    // Without close-on-exec, as a careless caller would leave them.
    // SAFETY: plain duplicates of an open descriptor.
    let leaked: Vec<i32> = (0..20).map(|n| unsafe { libc::fcntl(1, libc::F_DUPFD, 3 + 7 * n) }).collect();
    let directory = fs::File::open("/").unwrap();
    // SAFETY: as above.
    unsafe { libc::fcntl(std::os::fd::AsRawFd::as_raw_fd(&directory), libc::F_DUPFD, 100) };
    // The shell's glob opens one descriptor of its own for the listing, which is gone when echo runs.
    let open = bench.sh("for fd in /proc/self/fd/*; do test -e $fd && echo ${fd##*/}; done; true");
    assert_eq!(open, "0\n1\n2\n", "{leaked:?}");
}

fn the_hosts_tree_cannot_be_reached() {
    let bench = Bench::up();
    let marker = bench.config.run_dir.join("marker");
    fs::write(&marker, "host").unwrap();
    let path = marker.display();
    for attempt in [
        format!("cat {path}"),
        format!("cat /../../../../..{path}"),
        format!("cd / && cd ../../.. && cat .{path}"),
        format!("cat /proc/self/root{path} /proc/self/cwd/..{path}"),
        format!("ln -s /../../..{path} /tmp/l; cat /tmp/l"),
        // The classic way out of a chroot; here the root is the namespace's own.
        format!(
            "mkdir -p /tmp/in && python3 -c 'import os
os.chroot(\"/tmp/in\")
for _ in range(64): os.chdir(\"..\")
os.chroot(\".\")
print(open(\"{path}\").read())'"
        ),
    ] {
        let output = bench.exec(&["sh", "-c", &attempt]);
        assert!(output.status != 0 && !output.stdout.contains("host"), "{attempt}: {output:?}");
    }
    let mounts = bench.sh("cat /proc/self/mountinfo");
    let points: Vec<&str> = mounts.lines().map(|line| line.split(' ').nth(4).unwrap()).collect();
    assert!(!points.iter().any(|point| point.contains("jails") || point.starts_with("/sys")), "{mounts}");
}

fn proc_hides_nothing_of_the_jails_own_and_sys_is_absent() {
    let bench = Bench::up();
    bench.sh("test -r /proc/self/status && test ! -e /sys && grep -q 'proc /proc proc rw,nosuid,nodev,noexec' /proc/self/mounts");
    assert!(bench.sh("grep ' /proc ' /proc/self/mounts").contains("hidepid=ptraceable"));
}

fn devices_are_the_harmless_ones() {
    let bench = Bench::up();
    assert_eq!(bench.sh("cd /dev && echo *"), "fd full null ptmx pts random shm stderr stdin stdout tty urandom zero\n");
    bench.sh("echo x > /dev/null && head -c 4 /dev/urandom > /dev/shm/x && test -c /dev/ptmx && echo y > /dev/stdout");
    // Binds are nodev: a device that a jail could plant in its data does nothing.
    let planted = bench.exec(&["sh", "-c", "mknod /tmp/null c 1 3 && echo x > /tmp/null"]);
    assert!(planted.status != 0, "{planted:?}");
}

fn a_user_of_the_jail_gets_his_ids_groups_and_home() {
    let bench = Bench::up();
    let passwd = bench.data().join("etc/passwd");
    let text = fs::read_to_string(&passwd).unwrap() + "ann:*:1000:1001::/home/ann:/bin/sh\n";
    fs::write(passwd, text).unwrap();
    let group = bench.data().join("etc/group");
    fs::write(&group, fs::read_to_string(&group).unwrap() + "staff2:*:2000:ann\n").unwrap();
    let mut request = bench.request(&["sh", "-c", "id -u; id -g; id -G; pwd; echo $HOME $USER"]);
    request.user = Some("ann".into());
    let output = bench.try_exec(request.clone()).unwrap();
    assert_eq!(output.stdout, "1000\n1001\n1001 2000\n/\n/home/ann ann\n");
    request.user = Some("4711".into());
    request.workdir = Some("/tmp".into());
    assert_eq!(bench.try_exec(request.clone()).unwrap().stdout, "4711\n4711\n4711\n/tmp\n/ 4711\n");
    request.user = Some("nobody2".into());
    assert!(matches!(bench.try_exec(request.clone()), Err(JailError::NoSuchUser { .. })));
    request.user = Some("4294967295".into());
    assert!(matches!(bench.try_exec(request.clone()), Err(JailError::NoSuchUser { .. })));
    request.user = None;
    request.workdir = Some("/no".into());
    let error = bench.try_exec(request).unwrap_err();
    assert_eq!(error.to_string(), "cannot enter jail web: go to the working directory: No such file or directory");
}

fn limits_umask_scheduling_and_signals_are_reset() {
    let bench = Bench::up();
    nix::sys::stat::umask(nix::sys::stat::Mode::empty());
    // SAFETY: integers only.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 7) };
    let files = nix::sys::resource::Resource::RLIMIT_NOFILE;
    let (_, most) = nix::sys::resource::getrlimit(files).unwrap();
    nix::sys::resource::setrlimit(files, 99, most).unwrap();
    let found = bench.sh("umask; ulimit -n; ulimit -c; nice; grep -E '^Sig(Ign|Blk)' /proc/self/status; ps -o sid= -p $$ | tr -d ' ' > /tmp/sid; echo $$ > /tmp/pid; cat /proc/self/oom_score_adj");
    let zero = "0000000000000000";
    assert_eq!(found, format!("0022\n1024\n0\n0\nSigBlk:\t{zero}\nSigIgn:\t{zero}\n0\n"));
    let read = |name| fs::read_to_string(bench.data().join(name)).unwrap();
    assert_eq!(read("tmp/sid"), read("tmp/pid"), "a session of its own");
}

fn capabilities_outside_the_profile_are_gone() {
    let bench = Bench::up();
    let bounding = bench.sh("grep CapBnd /proc/self/status");
    let set = u64::from_str_radix(bounding.split_whitespace().nth(1).unwrap(), 16).unwrap();
    let holds = |cap: u32| set >> cap & 1 == 1;
    const CHOWN: u32 = 0;
    const SYS_MODULE: u32 = 16;
    const SYS_ADMIN: u32 = 21;
    assert!(holds(CHOWN) && !holds(SYS_MODULE) && !holds(SYS_ADMIN), "{set:x}");
    let refused = bench.exec(&["mount", "-t", "tmpfs", "x", "/tmp"]);
    assert!(refused.status != 0, "{refused:?}");
}

fn the_skeleton_cannot_be_changed() {
    let bench = Bench::up();
    for attempt in ["touch /x", "mv /etc /etc2", "rm -r /proc", "ln -s /tmp /y", "rmdir /dev/pts", "mv /dev/pts /dev/p"] {
        let output = bench.exec(&["sh", "-c", attempt]);
        assert!(output.status != 0, "{attempt}: {output:?}");
    }
}

fn a_directory_or_a_terminal_is_never_handed_in() {
    let bench = Bench::up();
    let jid = jail::observe(&bench.host, &name()).unwrap().kernel.unwrap().jid;
    let null = || fs::File::open("/dev/null").unwrap().into();
    let spawn = |stdin| {
        let stdio = Stdio::Given { stdin, stdout: null(), stderr: null() };
        let command =
            Command { argv: vec!["true".into()], env: BTreeMap::new(), user: None, workdir: None, stdio, adopts: false };
        jail::spawn(&bench.host, &name(), jid, command)
    };
    assert!(matches!(spawn(fs::File::open("/").unwrap().into()), Err(JailError::DirectoryGiven(_))));
    let pty = nix::pty::openpty(None, None).unwrap();
    assert!(matches!(spawn(pty.slave), Err(JailError::Terminal)));
    assert!(crate::bench::children().is_empty());
}

fn a_busy_gate_is_tried_again() {
    let bench = Bench::up();
    bench.kernel.busy.set(5);
    assert_eq!(bench.exec(&["true"]).status, 0);
    bench.kernel.busy.set(u32::MAX);
    let error = bench.try_exec(bench.request(&["true"])).unwrap_err();
    assert!(matches!(error, JailError::Enter { step: "become a member", .. }), "{error}");
}

fn a_process_with_threads_is_refused() {
    let bench = Bench::up();
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || stopped.recv());
    assert!(matches!(bench.try_exec(bench.request(&["true"])), Err(JailError::Threads)));
    drop(stop);
    let _ = thread.join();
}
