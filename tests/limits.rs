//! body: a jail's limits hold for the jail as a whole, change while it runs, and hurt nobody else.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

/// The kernel body that scripts/test has chosen.
fn body() -> Option<String> {
    let body = std::env::var("JAILSH_BODY").ok().filter(|body| !body.is_empty());
    if body.is_none() {
        eprintln!("skipped: no kernel body was chosen; run scripts/test, which sets JAILSH_BODY");
    }
    body
}

/// A jail that runs; gone at the end of the test however that ends.
struct Limited {
    name: &'static str,
    body: String,
    data: tempfile::TempDir,
}

impl Limited {
    fn new(body: String, name: &'static str) -> Limited {
        Limited { name, body, data: tempfile::tempdir().unwrap() }
    }

    /// A started jail with these options of create, whose service is this shell text.
    fn start(body: String, name: &'static str, options: &[&str], service: &str) -> Limited {
        let jail = Limited::new(body, name);
        let service = shlex::try_join(["/bin/sh", "-c", service]).unwrap();
        jail.must("jailmgr", &[&["create", "-x", &service], options].concat());
        jail.must("jailmgr", &["start"]);
        jail
    }

    /// A verb with its options, on the jail.
    fn run(&self, tool: &str, arguments: &[&str]) -> Output {
        self.run_with(tool, arguments, &[])
    }

    fn run_with(&self, tool: &str, arguments: &[&str], rest: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jailsh"));
        command.arg0(tool).args(["--kernel", &self.body, "--data-dir"]).arg(self.data.path());
        command.args(arguments).arg(self.name).args(rest).stdin(Stdio::null()).output().unwrap()
    }

    /// The same; it must succeed. What it says.
    fn must(&self, tool: &str, arguments: &[&str]) -> String {
        let output = self.run(tool, arguments);
        assert!(output.status.success(), "{tool} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// A verb that takes no jail; it must succeed.
    fn must_alone(&self, tool: &str, arguments: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jailsh"));
        command.arg0(tool).args(["--kernel", &self.body, "--data-dir"]).arg(self.data.path());
        let output = command.args(arguments).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{tool} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Shell text inside.
    fn shell(&self, text: &str) -> Output {
        self.run_with("jailctl", &["exec"], &["/bin/sh", "-c", text])
    }

    fn info(&self) -> Value {
        serde_json::from_str(&self.must("jailctl", &["info", "-o", "json"])).unwrap()
    }

    /// A number of `jailctl metrics`.
    fn metric(&self, name: &str) -> f64 {
        let text = self.must_alone("jailctl", &["metrics"]);
        let is_ours = |line: &&str| line.starts_with(&format!("{name}{{")) && line.contains(&format!("name=\"{}\"", self.name));
        let line = text.lines().find(is_ours).unwrap_or_else(|| panic!("no {name} in {text}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }

    fn service(&self) -> i64 {
        let status: Value = serde_json::from_str(&self.must("jailctl", &["status", "-o", "json"])).unwrap();
        status[0]["service"].as_i64().unwrap()
    }

    /// Microseconds of processor time that it took so far.
    fn cpu_usec(&self) -> u64 {
        let stat = fs::read_to_string(group(self.name).join("cpu.stat")).unwrap();
        let line = stat.lines().find_map(|line| line.strip_prefix("usage_usec "));
        line.unwrap().trim().parse().unwrap()
    }

    /// How much of one processor it took meanwhile, in percent.
    fn share(&self, time: Duration) -> f64 {
        let (begun, before) = (Instant::now(), self.cpu_usec());
        sleep(time);
        (self.cpu_usec() - before) as f64 / begun.elapsed().as_micros() as f64 * 100.0
    }
}

impl Drop for Limited {
    fn drop(&mut self) {
        self.run("jailmgr", &["stop"]);
    }
}

/// Where cgroup2 is.
fn top() -> PathBuf {
    let beside = PathBuf::from("/sys/fs/cgroup/unified");
    if beside.join("cgroup.procs").exists() { beside } else { PathBuf::from("/sys/fs/cgroup") }
}

fn group(name: &str) -> PathBuf {
    top().join("jailsh").join(name)
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A disk of its own whose file system holds projects to quotas; gone at the end of the test however that ends.
struct Disk {
    outer: tempfile::TempDir,
}

impl Disk {
    /// `None`, with the reason, where this kernel has no such file systems.
    fn new() -> Option<Disk> {
        let outer = tempfile::tempdir().unwrap();
        let (image, top) = (outer.path().join("image"), outer.path().join("top"));
        fs::File::create(&image).unwrap().set_len(64 << 20).unwrap();
        fs::create_dir(&top).unwrap();
        load_modules();
        let mut make = Command::new("mkfs.ext4");
        make.args(["-q", "-O", "quota,project", "-E", "nodiscard,lazy_itable_init=1"]).arg(&image);
        let mut mount = Command::new("mount");
        mount.args(["-o", "loop,prjquota"]).arg(&image).arg(&top);
        for mut command in [make, mount] {
            let output = command.output().unwrap();
            if !output.status.success() {
                eprintln!("skipped: no file system with project quotas here: {}", said(&output));
                return None;
            }
        }
        Some(Disk { outer })
    }

    fn top(&self) -> PathBuf {
        self.outer.path().join("top")
    }
}

/// What the disk takes of the kernel's modules, which in a guest lie in the tree and are loaded by nobody else.
fn load_modules() {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let kernels = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache/kernels"));
    let own = kernels.into_iter().flatten().flatten().map(|entry| entry.path());
    let own = own.into_iter().find(|kernel| kernel.join("lib/modules").join(release.trim()).exists());
    if let (Some(kernel), true) = (own, std::env::var_os("JAILSH_GUEST").is_some()) {
        let modules = ["crc32c_generic", "loop", "quota_v2", "ext4"];
        let _ = Command::new("modprobe").arg("-d").arg(kernel).arg("-a").args(modules).status();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.top()).status();
    }
}

#[test]
fn a_burner_gets_its_share_of_a_processor_and_more_as_soon_as_it_is_allowed() {
    let Some(body) = body() else { return };
    // Two that burn: the share is the jail's, not each one's.
    let burner = "while :; do :; done & while :; do :; done";
    let jail = Limited::start(body, "burner", &["--cpu", "10%"], burner);
    let held = jail.share(Duration::from_secs(2));
    assert!((1.0..=15.0).contains(&held), "{held} % of a processor with a limit of 10 %");
    assert!(jail.info()["limits_reached"]["throttled"].as_u64().unwrap() > 5, "{}", jail.info());
    let pid = jail.service();
    assert_eq!(jail.must("jailctl", &["update", "--cpu", "none"]), "Changed jail burner\n  cpu: 10% -> no limit\n");
    // On a machine that is busy with others a second may be theirs.
    let free: Vec<f64> = (0..10).map(|_| jail.share(Duration::from_secs(1))).take_while(|share| *share <= 20.0).collect();
    assert!(free.len() < 10, "{free:?} % of a processor without a limit");
    // The spec's limit is back with the spec, and nothing was restarted.
    assert_eq!(jail.must("jailmgr", &["create", "--cpu", "20%", "-x", &format!("/bin/sh -c '{burner}'")]).lines().count(), 2);
    let held = jail.share(Duration::from_secs(2));
    assert!((1.0..=27.0).contains(&held), "{held} % of a processor with a limit of 20 %");
    assert_eq!(jail.service(), pid);
    assert_eq!(jail.info()["restart_needed"], false);
}

#[test]
fn who_takes_more_memory_than_the_jail_may_is_killed_and_its_neighbours_are_not() {
    let Some(body) = body() else { return };
    let jail = Limited::start(body, "hog", &["-m", "64M", "--swap", "0"], "exec sleep 1000");
    let pid = jail.service();
    // All of a line is kept until it ends.
    let hog = jail.shell("head -c 300M /dev/zero | tail | wc -c");
    assert_ne!(said(&hog).trim(), (300 << 20).to_string(), "300 MiB in 64");
    let info = jail.info();
    assert!(info["limits_reached"]["oom_kills"].as_u64().unwrap() >= 1, "{info}");
    assert_eq!((info["limits"]["memory"].as_str(), info["limits"]["swap"].as_str()), (Some("64M"), Some("0")));
    assert!(info["memory"].as_u64().unwrap() <= 64 << 20, "{info}");
    assert_eq!(jail.service(), pid, "the service was not the one that took it");
    jail.must("jailctl", &["update", "--memory", "1G"]);
    assert_eq!(said(&jail.shell("head -c 100M /dev/zero | tail | wc -c")).trim(), (100 << 20).to_string());
}

#[test]
fn a_fork_bomb_stops_at_the_jails_limit_which_can_be_raised_while_it_runs() {
    let Some(body) = body() else { return };
    let jail = Limited::start(body, "forks", &["-p", "24"], "exec sleep 1000");
    let many = "for n in $(seq 40); do sleep 0.5 & done; wait; echo all";
    let refused = said(&jail.shell(many));
    assert!(!refused.contains("all\n") || refused.contains("ork"), "{refused}");
    assert!(jail.info()["limits_reached"]["forks_refused"].as_u64().unwrap() >= 1, "{}", jail.info());
    // The others of this machine fork as before.
    assert!(Command::new("true").status().unwrap().success());
    jail.must("jailctl", &["update", "--processes", "200"]);
    assert_eq!(said(&jail.shell(many)), "all\n");
}

#[test]
fn files_that_leak_stop_at_the_jails_limit_and_are_told() {
    let Some(body) = body().filter(|body| body == "lsm") else {
        eprintln!("skipped: the lsm body alone counts open files");
        return;
    };
    let jail = Limited::start(body, "leak", &["-d", "64"], "exec sleep 1000");
    let leak = "for n in $(seq 100); do exec {file}</etc/passwd || exit 3; done; echo all";
    let leaks = || said(&jail.run_with("jailctl", &["exec"], &["/bin/bash", "-c", leak]));
    let refused = leaks();
    assert!(refused.contains("Too many open files in system"), "{refused}");
    let info = jail.info();
    assert!(info["limits_reached"]["files_refused"].as_u64().unwrap() >= 1, "{info}");
    assert_eq!(info["limits"]["files"], 64);
    fs::File::open("/etc/passwd").unwrap();
    assert_eq!(jail.must("jailctl", &["update", "--files", "200"]), "Changed jail leak\n  files: 64 -> 200\n");
    assert_eq!(leaks(), "all\n");
}

#[test]
fn reading_from_the_disk_and_writing_to_it_keep_to_their_rates_until_they_are_lifted() {
    let Some(body) = body() else { return };
    // What /tmp lies on may be none.
    let disk;
    let mut jail = Limited::new(body, "reader");
    let create = |jail: &Limited| jail.run("jailmgr", &["create", "-x", "/bin/sleep 1000", "--io-read", "2M"]);
    let mut made = create(&jail);
    if said(&made).contains(" is on no disk that the kernel names") {
        disk = Disk::new();
        let Some(disk) = &disk else { return };
        jail.data = tempfile::tempdir_in(disk.top()).unwrap();
        made = create(&jail);
    }
    if said(&made).contains(" has the controller io; ") {
        eprintln!("skipped: {}", said(&made));
        return;
    }
    assert!(made.status.success(), "{}", said(&made));
    jail.must("jailmgr", &["start"]);
    let kept = jail.shell("head -c 5M /dev/zero > /srv/read && sync /srv/read");
    assert!(kept.status.success(), "{}", said(&kept));
    let time = || {
        let begun = Instant::now();
        let read = jail.shell("dd if=/srv/read of=/dev/null bs=256k iflag=direct");
        assert!(read.status.success(), "{}", said(&read));
        begun.elapsed()
    };
    let held = time();
    assert!(held > Duration::from_millis(1800), "5 MiB at 2 MiB/s in {held:?}");
    assert_eq!(jail.must("jailctl", &["update", "--io-read", "none"]), "Changed jail reader\n  io_read: 2M -> no limit\n");
    let free = time();
    assert!(free < held / 2, "without a limit {free:?}, with one {held:?}");
    let read = jail.metric("jail_io_read_bytes_total");
    assert!(read >= f64::from(10 << 20), "{read} bytes read");

    let limited = jail.run("jailctl", &["update", "--io-write", "2M"]);
    if !limited.status.success() {
        assert!(said(&limited).contains("version 1 of control groups does not see what is written"), "{}", said(&limited));
        return;
    }
    let begun = Instant::now();
    let written = jail.shell("dd if=/dev/zero of=/srv/written bs=256k count=20 oflag=direct");
    assert!(written.status.success(), "{}", said(&written));
    assert!(begun.elapsed() > Duration::from_millis(1800), "5 MiB at 2 MiB/s in {:?}", begun.elapsed());
    let written = jail.metric("jail_io_written_bytes_total");
    assert!(written >= f64::from(5 << 20), "{written} bytes written");
}

#[test]
fn what_a_jail_receives_and_sends_is_counted_for_it_and_for_nobody_else() {
    const DOWN: usize = 3 << 20;
    const UP: usize = 1 << 20;
    let Some(body) = body() else { return };
    let jail = Limited::start(body.clone(), "talker", &[], "exec sleep 1000");
    let other = Limited::start(body, "silent", &[], "exec sleep 1000");
    let before = jail.metric("jail_network_receive_bytes_total");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = std::thread::spawn(move || {
        let (mut caller, _) = listener.accept().unwrap();
        caller.write_all(&vec![7; DOWN]).unwrap();
        caller.shutdown(std::net::Shutdown::Write).unwrap();
        let mut heard = Vec::new();
        caller.read_to_end(&mut heard).unwrap();
        heard.len()
    });
    let talk = format!("exec 3<>/dev/tcp/127.0.0.1/{port}; wc -c <&3; head -c {UP} /dev/zero >&3");
    let talked = jail.run_with("jailctl", &["exec"], &["/bin/bash", "-c", &talk]);
    assert_eq!(said(&talked), format!("{DOWN}\n"));
    assert_eq!(served.join().unwrap(), UP);
    let received = jail.metric("jail_network_receive_bytes_total") - before;
    let sent = jail.metric("jail_network_transmit_bytes_total");
    // Headers and acknowledgements are counted too: far less than a tenth over loopback, of 64 KiB a packet.
    for (counted, passed) in [(received, DOWN), (sent, UP)] {
        assert!(counted >= passed as f64 && counted < passed as f64 * 1.1, "{counted} bytes counted of {passed}");
    }
    assert_eq!(other.metric("jail_network_receive_bytes_total"), 0.0);
    assert_eq!(other.metric("jail_network_transmit_bytes_total"), 0.0);
}

/// The number of the project that a directory belongs to.
fn project(directory: &Path) -> String {
    let listed = Command::new("lsattr").args(["-d", "-p"]).arg(directory).output().unwrap();
    said(&listed).split_whitespace().next().unwrap_or_default().to_owned()
}

#[test]
fn the_files_of_a_jail_take_no_more_of_the_disk_than_its_limit_and_cannot_leave_the_account() {
    let Some(body) = body() else { return };
    let Some(disk) = Disk::new() else { return };
    let mut jail = Limited::new(body, "filler");
    jail.data = tempfile::tempdir_in(disk.top()).unwrap();
    let outside = disk.top().join("outside");
    fs::write(&outside, "the host's").unwrap();
    jail.must("jailmgr", &["create", "-x", "/bin/sleep 1000"]);
    jail.must("jailmgr", &["start"]);
    let made = jail.shell(&format!(
        "mkdir -p /srv/deep/er && head -c 2M /dev/zero > /srv/deep/er/file && mkfifo /srv/pipe && ln -s {} /srv/link",
        outside.display()
    ));
    assert!(made.status.success(), "{}", said(&made));
    let service = jail.service();

    // It comes to a jail that runs and has files.
    assert_eq!(jail.must("jailctl", &["update", "--disk", "8M"]), "Changed jail filler\n  disk: no limit -> 8M\n");
    let data = jail.data.path().join("jails/filler/data");
    let number = project(&data);
    assert!(number.parse::<u32>().unwrap() > 0x4a60_0000 - 1, "{number}");
    assert_eq!(project(&data.join("srv/deep/er/file")), number);
    assert_eq!(project(&outside), "0", "a link leads the host nowhere");
    assert_eq!(jail.metric("jail_disk_limit_bytes"), f64::from(8 << 20));
    assert!(jail.metric("jail_disk_bytes") >= f64::from(2 << 20) && jail.metric("jail_disk_files") >= 10.0);
    let fill = |size: &str| jail.shell(&format!("head -c {size} /dev/zero > /var/tmp/full && sync /var/tmp/full"));
    let full = fill("20M");
    assert!(!full.status.success() && said(&full).contains("Disk quota exceeded"), "{}", said(&full));
    let used = jail.metric("jail_disk_bytes");
    assert!((f64::from(7 << 20)..=f64::from(8 << 20)).contains(&used), "{used}");
    // There is room, which is others'.
    fs::write(disk.top().join("others"), vec![0; 12 << 20]).unwrap();

    // An owner may take files elsewhere, but not one in a jail.
    let mine = disk.top().join("mine");
    fs::create_dir(&mine).unwrap();
    for change in [["-p", "77"].as_slice(), &["+P"], &["-P"]] {
        let host = Command::new("chattr").args(change).arg(&mine).output().unwrap();
        assert!(host.status.success(), "chattr {change:?} as the host: {}", said(&host));
        let inside = jail.run_with("jailctl", &["exec"], &[&["/usr/bin/chattr"], change, &["/var/tmp"]].concat());
        assert!(said(&inside).contains("Operation not permitted"), "chattr {change:?}: {}", said(&inside));
    }
    assert_eq!(project(&data.join("var/tmp")), number);

    assert_eq!(jail.must("jailctl", &["update", "--disk", "16M"]), "Changed jail filler\n  disk: 8M -> 16M\n");
    assert!(fill("10M").status.success(), "the limit was raised");
    assert_eq!(jail.info()["limits"]["disk"], "16M", "{}", jail.info());
    assert_eq!(jail.service(), service, "nothing was restarted");
    let refused = jail.run("jailctl", &["update", "--disk", "100K"]);
    assert!(said(&refused).contains("is less than 1M"), "{}", said(&refused));

    // That of its spec, over a restart and a snapshot that comes back; then the project is free for others.
    jail.must("jailmgr", &["config", "--set", "limits.disk=\"9M\""]);
    jail.must("jailmgr", &["restart"]);
    assert_eq!(jail.info()["limits"]["disk"], "9M", "{}", jail.info());
    assert_eq!(project(&data), number);
    assert!(jail.shell("rm /var/tmp/full").status.success());
    jail.must("jailmgr", &["stop"]);
    jail.run_with("jailmgr", &["snapshot"], &["once"]);
    let back = jail.run_with("jailmgr", &["rollback"], &["once"]);
    assert!(back.status.success(), "{}", said(&back));
    jail.must("jailmgr", &["start"]);
    assert_eq!((project(&data), jail.info()["limits"]["disk"].as_str()), (number.clone(), Some("9M")));
    assert!(!fill("20M").status.success());
    jail.must("jailmgr", &["stop"]);
    jail.must("jailmgr", &["destroy"]);
    jail.must("jailmgr", &["create", "-x", "/bin/sleep 1000", "--disk", "4M"]);
    jail.must("jailmgr", &["start"]);
    assert_eq!(project(&data), number, "the number was free again");
    assert!(!fill("5M").status.success());
}

#[test]
fn a_limit_of_disk_space_is_refused_where_no_projects_are_counted() {
    let Some(body) = body() else { return };
    let jail = Limited::new(body, "no-quota");
    let refused = jail.run("jailmgr", &["create", "--disk", "1G"]);
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    assert!(said(&refused).contains("the limit disk cannot be had from the "), "{}", said(&refused));
    assert!(said(&refused).contains("project quotas; ") && said(&refused).contains("prjquota"), "{}", said(&refused));
    assert!(!jail.data.path().join("jails/no-quota").exists());
}

/// What the children of a process took, and how much of it: each burns a little, and one in four runs a program.
const FORKS: &str = r"
import os, resource, sys, time
for n in range(int(sys.argv[1])):
    child = os.fork()
    if child == 0:
        if n % 4 == 0:
            os.execv('/bin/true', ['true'])
        until = time.process_time() + 0.016
        while time.process_time() < until:
            pass
        os._exit(0)
    os.waitpid(child, 0)
used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
print(sum(one.ru_utime + one.ru_stime for one in used))
";

#[test]
fn processor_time_agrees_with_the_account_of_who_waited_for_all_that_took_it() {
    let Some(body) = body() else { return };
    let jail = Limited::start(body, "account", &[], "exec sleep 1000");
    // An emulated machine takes ten times as long, and is stopped by its host in the midst of anything.
    let emulated = std::env::var_os("JAILSH_GUEST").is_some();
    let (few, part, beside) = if emulated { ("60", 0.05, 0.3) } else { ("120", 0.01, 0.03) };
    let forks = std::env::var("JAILSH_FORKS").unwrap_or_else(|_| few.into());
    let (before, processes) = (jail.metric("jail_cpu_seconds_total"), jail.metric("jail_processes"));
    let waited = jail.run_with("jailctl", &["exec"], &["/usr/bin/python3", "-c", FORKS, &forks]);
    let told = jail.metric("jail_cpu_seconds_total") - before;
    let waited: f64 = said(&waited).trim().parse().unwrap_or_else(|_| panic!("{}", said(&waited)));
    eprintln!("{forks} forks: {told:.3} s told, {waited:.3} s by who waited");
    // Who waits is not told what a process takes after its end was told; nor entering, nor the end of who tells it here.
    assert!((told - waited).abs() <= waited * part + beside, "{told} s told, {waited} s by who waited");
    assert_eq!(jail.metric("jail_processes"), processes, "after {forks} forks");
}

#[test]
fn a_limit_that_was_changed_past_the_spec_is_drift_which_a_run_mends_without_a_restart() {
    let Some(body) = body() else { return };
    let jail = Limited::new(body, "lim-drift");
    let script = jail.data.path().join("drift.rhai");
    let limits = r#"#{ memory: "64M", memory_soft: "40M", processes: 50, cpu: "75%", cpu_weight: 37 }"#;
    let text = format!(
        r#"let one = jail("lim-drift", #{{ command: ["/bin/sleep", "1000"], limits: {limits} }}); one.create(); one.start();"#
    );
    fs::write(&script, text).unwrap();
    let jailsh = |verb: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jailsh"));
        command.args(["--kernel", &jail.body, "--data-dir"]).arg(jail.data.path()).arg(verb).arg(&script);
        let output = command.stdin(Stdio::null()).output().unwrap();
        (output.status.code(), said(&output))
    };
    assert_eq!(jailsh("run").0, Some(0), "{:?}", jailsh("run"));
    assert_eq!(jailsh("plan").0, Some(0), "{:?}", jailsh("plan"));
    let service = jail.service();

    jail.must("jailctl", &["update", "--memory", "96M", "--cpu-weight", "none"]);
    let (code, told) = jailsh("plan");
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("96M") && told.contains("64M") && told.contains("cpu_weight"), "{told}");
    let (code, told) = jailsh("run");
    assert_eq!(code, Some(0), "{told}");
    assert_eq!(jailsh("plan").0, Some(0), "{:?}", jailsh("plan"));
    assert_eq!(jail.info()["limits"]["memory"], "64M", "{}", jail.info());
    assert_eq!(jail.service(), service, "no restart");

    // And what a hand wrote.
    let first = group(jail.name).join("memory.max");
    let hard = if first.exists() { first } else { PathBuf::from("/sys/fs/cgroup/memory/jailsh/lim-drift/memory.limit_in_bytes") };
    fs::write(&hard, "100M").unwrap();
    assert_eq!(jailsh("plan").0, Some(2), "{:?}", jailsh("plan"));
    assert_eq!(jailsh("run").0, Some(0));
    assert_eq!(fs::read_to_string(&hard).unwrap().trim(), (64 << 20).to_string());
}

#[test]
fn the_groups_of_a_jail_go_with_it_in_every_hierarchy() {
    let Some(body) = body() else { return };
    let jail = Limited::start(body, "gone", &["-m", "100M", "-q", "50", "-p", "100"], "exec sleep 1000");
    let tops = || {
        let inside = fs::read_dir("/sys/fs/cgroup").unwrap().flatten().map(|entry| entry.path());
        inside.chain([top()]).map(|top| top.join("jailsh/gone")).filter(|group| group.exists())
    };
    assert!(tops().count() >= 1);
    let member = jail.service().to_string();
    for group in tops() {
        let members = fs::read_to_string(group.join("cgroup.procs")).unwrap();
        assert!(members.lines().any(|pid| pid == member), "{}: {members:?}, without {member}", group.display());
    }
    jail.must("jailmgr", &["stop"]);
    assert_eq!(tops().next(), None);
}

#[test]
fn a_limit_that_this_host_cannot_hold_is_refused_before_anything_is_made() {
    let Some(body) = body() else { return };
    // Nothing below the module counts open files; version 2 of control groups counts no buffers by themselves.
    let (option, key) = if body == "lsm" { ("--socket-buffers", "socket_buffers") } else { ("--files", "files") };
    let jail = Limited::new(body, "files");
    let refused = jail.run("jailmgr", &["create", option, "8192"]);
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    assert!(said(&refused).contains(&format!("the limit {key} cannot be had from the ")), "{}", said(&refused));
    assert!(!jail.data.path().join("jails/files").exists());
}
