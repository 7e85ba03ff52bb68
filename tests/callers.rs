//! newest: whoever runs the tools, from wherever and however wrongly: what comes with the caller reaches no jail, what lies in
//! a jail reaches nobody on the host.

#[path = "support/body.rs"]
mod body;
#[path = "support/jail.rs"]
mod jail;
#[path = "support/program.rs"]
mod program;
#[path = "support/running.rs"]
mod running;
#[path = "support/stage.rs"]
mod stage;
#[path = "support/terminal.rs"]
mod terminal;

use std::collections::BTreeSet;
use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use jailsh::kernel::Level;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, umask};

use jail::{TestJail, output_of, tool};
use program::Program;
use running::Running;
use stage::{BAIT, Stage};
use terminal::Terminal;

/// What lies outside of every root, and must never be seen inside.
const MARK: &str = "out of every root";
/// An ordinary user: nobody.
const NOBODY: u32 = 65_534;

fn stage() -> Stage {
    Stage::set(Program::build())
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn shell(jail: &TestJail<'_>, script: &str) -> Command {
    let mut command = jail.exec("/bin/sh");
    command.args(["-c", script]);
    command
}

/// CVE-2018-15664, CVE-2021-30465, CVE-2024-45310, CVE-2025-31133, CVE-2025-52565: between the look at a path and its use a
/// member puts a link to the host in its place.
#[test]
fn no_verb_leaves_the_jail_by_a_name_that_is_swapped_for_a_link_while_it_works() {
    let Some(_body) = body::here() else { return };
    // An emulated machine takes its time, and what resolves the paths is the same in every kernel.
    let enough = if body::in_guest() { 2 } else { 10 };
    let stage = stage();
    let jail = TestJail::start(&stage, "caller-swap", Level::Medium, &[]);
    let host = stage.path("host");
    fs::create_dir_all(host.join("in")).expect("a directory of the host");
    for file in ["outside", "in/outside"] {
        fs::write(host.join(file), MARK).expect("a file of the host");
    }
    let tree = stage.path("tree");
    fs::create_dir_all(tree.join("below")).expect("a tree to copy");
    fs::write(tree.join("below/file"), "copied").expect("a file to copy");
    let archive = stage.path("archive.tar");
    let mut tar = Command::new("tar");
    tar.arg("-cf").arg(&archive).arg("-C").arg(&tree).arg(".");
    assert!(output_of(tar).status.success());

    let plant = format!("mkdir -p /srv/way/in && ln -s {} /srv/trap", host.display());
    assert!(output_of(shell(&jail, &plant)).status.success());
    let mut swap = jail.attacks(&["swap", "/srv/way", "/srv/trap"]);
    let _swapping = Running::start({
        swap.stderr(Stdio::null());
        swap
    });

    let script = format!(
        r#"
        let web = jail("caller-swap", #{{}});
        let done = 0;
        let missed = 0;
        let round = 0;
        while (done < {enough} || missed < {enough}) && round < 500 {{
            round += 1;
            try {{ web.file("/srv/way/in/file", `${{round}}`); done += 1 }} catch {{ missed += 1 }}
            try {{ web.template(#{{ text: "{{{{n}}}}" }}, "/srv/way/in/template", #{{ n: round }}); done += 1 }} catch {{ missed += 1 }}
            try {{ web.copy("{tree}", "/srv/way/in/tree", #{{ delete: true }}); done += 1 }} catch {{ missed += 1 }}
            try {{ web.unpack("{archive}", `/srv/way/in/archive${{round}}`); done += 1 }} catch {{ missed += 1 }}
            try {{ print(web.exec(["cat", "outside", "in/outside"], #{{ workdir: "/srv/way" }}).stdout); done += 1 }} catch {{ missed += 1 }}
        }}
        print(`both ways: ${{done >= {enough} && missed >= {enough}}}, ${{done}} done, ${{missed}} missed`);
        "#,
        tree = tree.display(),
        archive = archive.display(),
    );
    let mut run = tool("jailsh", &stage);
    run.args(["-e", &script]);
    let output = output_of(run);
    let said = text(&output);
    assert!(output.status.success(), "{said}");
    assert!(!said.contains(MARK), "a file of the host was read: {said}");
    let both = said.contains("both ways: true");
    assert!(both, "each name has to lead both ways to prove something: {said}");

    let left: BTreeSet<String> = ["", "in"]
        .iter()
        .flat_map(|below| fs::read_dir(host.join(below)).expect("it is there").flatten())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(left, BTreeSet::from(["in".to_owned(), "outside".to_owned()]), "something was made on the host");
    assert_eq!(fs::read_to_string(host.join("in/outside")).expect("it is there"), MARK);
}

/// The life of a jail by a caller that something is wrong with; each step must do as ever.
fn life(stage: &Stage, name: &str, spoil: &dyn Fn(&mut Command)) {
    let step = |tool_name: &str, arguments: &[&str]| {
        let mut command = tool(tool_name, stage);
        command.args(arguments);
        spoil(&mut command);
        let output = output_of(command);
        assert!(output.status.success(), "{tool_name} {arguments:?}: {}", text(&output));
    };
    step("jailmgr", &["create", "-l", "medium", "-x", "/usr/bin/sleep 100000", name]);
    step("jailmgr", &["start", name]);
    step("jailctl", &["exec", name, "--", "/bin/sh", "-c", "echo said; echo kept > /srv/file"]);
    step("jailmgr", &["snapshot", "--live", name, "one"]);
    step("jailctl", &["status", name]);
    let open = writable_by_others(stage, name);
    assert!(open.is_empty(), "{open:?}");
    step("jailmgr", &["stop", name]);
    step("jailmgr", &["destroy", name]);
    jail::assert_gone(name);
}

/// Files of a jail that somebody but root could write, or could have written: on the host, and in the jail but for what is
/// meant for everybody.
fn writable_by_others(stage: &Stage, name: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut stack = vec![stage.path("jails"), Path::new("/run/jailsh/jails").join(name)];
    while let Some(path) = stack.pop() {
        let Ok(status) = fs::symlink_metadata(&path) else { continue };
        if status.is_dir() {
            stack.extend(fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path()));
        }
        let (sticky, open) = (status.mode() & 0o1000 != 0, status.mode() & 0o022 != 0);
        if open && !sticky && !status.is_symlink() && !path.ends_with("srv/file") {
            found.push(path);
        }
    }
    found
}

#[test]
fn no_umask_of_the_caller_opens_a_file_or_closes_one() {
    let Some(_body) = body::here() else { return };
    let stage = stage();
    for mask in [0, 0o777] {
        life(&stage, "caller-umask", &|command| {
            // SAFETY: umask(2) is async-signal-safe.
            unsafe {
                command.pre_exec(move || {
                    umask(Mode::from_bits_truncate(mask));
                    Ok(())
                })
            };
        });
    }
}

/// A file that is opened would be number 0, 1 or 2, and what is said would be written into it.
#[test]
fn closed_standard_descriptors_let_nothing_be_written_into_files() {
    let Some(_body) = body::here() else { return };
    let stage = stage();
    life(&stage, "caller-closed", &|command| {
        // SAFETY: close(2) is async-signal-safe, and the descriptors are the program's to be.
        unsafe {
            command.pre_exec(|| {
                for descriptor in 0..3 {
                    libc::close(descriptor);
                }
                Ok(())
            })
        };
    });
}

/// CVE-2022-31214 and its like: a helper that is found by a name that the caller chose.
#[test]
fn no_program_of_the_callers_path_is_run() {
    let Some(_body) = body::here() else { return };
    let stage = stage();
    let (planted, proof) = (stage.path("planted"), stage.path("proof"));
    fs::create_dir(&planted).expect("a directory");
    let names: BTreeSet<_> =
        ["/usr/bin", "/usr/sbin"].iter().flat_map(fs::read_dir).flatten().flatten().map(|e| e.file_name()).collect();
    assert!(names.len() > 100);
    let trap = planted.join("trap");
    fs::write(&trap, format!("#!/bin/sh\necho \"$0\" >> {}\n", proof.display())).expect("a trap");
    fs::set_permissions(&trap, fs::Permissions::from_mode(0o755)).expect("chmod");
    for name in names {
        fs::hard_link(&trap, planted.join(name)).expect("a trap");
    }
    life(&stage, "caller-path", &|command| {
        command.env("PATH", &planted).env("SHELL", &trap).env("EDITOR", &trap).env("PAGER", &trap);
        command.env("TMPDIR", "/nowhere").env("HOME", "/nowhere").env("ENV", &trap).env("BASH_ENV", &trap).current_dir(&planted);
    });
    assert!(!proof.exists(), "{}", fs::read_to_string(&proof).unwrap_or_default());
}

/// Raises every capability in the inheritable and the ambient set.
fn hand_down_everything() -> std::io::Result<()> {
    const VERSION_3: u32 = 0x2008_0522;
    let (mut header, mut sets) = ([VERSION_3, 0], [[0_u32; 3]; 2]);
    // SAFETY: a header and two sets of version 3 (capget(2)) that outlive both calls.
    unsafe {
        libc::syscall(libc::SYS_capget, header.as_mut_ptr(), sets.as_mut_ptr());
        for set in &mut sets {
            set[2] = set[1];
        }
        if libc::syscall(libc::SYS_capset, header.as_mut_ptr(), sets.as_mut_ptr()) < 0 {
            return Err(std::io::Error::last_os_error());
        }
        for capability in 0..64 {
            libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_RAISE, capability, 0, 0);
        }
    }
    Ok(())
}

/// CVE-2022-29162: what the caller made inheritable came along, and gave an ordinary user's programs capabilities.
#[test]
fn no_capability_that_the_caller_hands_down_comes_along() {
    let Some(_body) = body::here() else { return };
    let stage = stage();
    let jail = TestJail::start(&stage, "caller-caps", Level::Medium, &[]);
    let sets = |user: &str, handing_down: bool| {
        let mut command = tool("jailctl", &stage);
        command.args(["exec", "-u", user, jail.name.as_str(), "--", "/bin/grep", "^Cap", "/proc/self/status"]);
        if handing_down {
            // SAFETY: capset(2) and prctl(2) are async-signal-safe.
            unsafe { command.pre_exec(hand_down_everything) };
        }
        text(&output_of(command))
    };
    for user in ["root", &NOBODY.to_string()] {
        let (usual, handed_down) = (sets(user, false), sets(user, true));
        assert_eq!(handed_down, usual, "of {user}");
        assert!(usual.contains("CapInh:\t0000000000000000\n"), "of {user}: {usual}");
        assert!(usual.contains("CapAmb:\t0000000000000000\n"), "of {user}: {usual}");
        let none = usual.contains("CapPrm:\t0000000000000000\n") && usual.contains("CapEff:\t0000000000000000\n");
        assert_eq!(none, user != "root", "of {user}: {usual}");
    }
}

/// CVE-2026-30892, CVE-2024-32462: what a laxer parser takes for a number, an option or root.
#[test]
fn a_user_or_a_directory_that_is_written_oddly_is_refused_and_never_taken_for_root() {
    let Some(_body) = body::here() else { return };
    let stage = stage();
    let jail = TestJail::start(&stage, "caller-odd", Level::Medium, &[]);
    const ODD: &str = "-1 +0 +1000 4294967295 4294967296 18446744073709551616 0x0 1e1 0. 0:0 1000:0 nobody:root : %u %0 =0 -u -- --user \
                       root, .. ٠ １";
    let odd = ODD.split(' ').chain([" 0", "0 ", "root\n", "root\u{7f}", ""]);
    // How they are read has nothing to do with the kernel, and an emulated machine is slow.
    for user in odd.take(if body::in_guest() { 3 } else { usize::MAX }) {
        let mut command = tool("jailctl", &stage);
        command.arg("exec").arg(format!("--user={user}")).args([jail.name.as_str(), "--", "/usr/bin/id"]);
        let output = output_of(command);
        assert!(output.stdout.is_empty(), "{user:?} ran as {}", text(&output));
        assert_eq!(output.status.code(), Some(64), "{user:?}: {}", text(&output));
        assert_eq!(text(&output).trim_end().lines().count(), 1, "{user:?}: {}", text(&output));
    }
    let script = format!(
        r#"let web = jail("{name}", #{{}});
           for odd in ["a\x00b", "\x00", "root\x00", "/\x00"] {{
               for attempt in [|| web.exec(["/bin/echo", odd]), || web.exec([odd]), || web.exec(["/bin/id"], #{{ user: odd }}),
                            || web.exec(["/bin/id"], #{{ workdir: odd }}), || web.exec(["/usr/bin/env"], #{{ env: #{{ X: odd }} }}),
                            || web.file("/srv/" + odd, "x"), || jail(odd, #{{}}).create()] {{
                   let ran = true;
                   try {{ attempt.call() }} catch {{ ran = false }}
                   if ran {{ throw "a NUL was taken: " + odd.len() }}
               }}
           }}"#,
        name = jail.name.as_str(),
    );
    let mut command = tool("jailsh", &stage);
    command.args(["-e", &script]);
    let output = output_of(command);
    assert!(output.status.success(), "{}", text(&output));
}

/// CVE-2021-41091: root of a jail makes a program setuid; a user of the host who reaches it is root there.
#[test]
fn a_setuid_program_of_a_jail_makes_nobody_on_the_host_root() {
    let Some(_body) = body::here() else { return };
    let stage = stage();
    let jail = TestJail::start(&stage, "caller-suid", Level::Low, &[]);
    let plant = format!("cp {BAIT}/attacks /srv/setuid && chmod 4755 /srv/setuid && ls -l /srv/setuid");
    assert!(text(&output_of(shell(&jail, &plant))).starts_with("-rwsr-xr-x"), "a jail's root may do that among its own");
    // A process of the jail with the same number as the user of the host, who may look through its /proc/PID/root.
    let mut sleep = tool("jailctl", &stage);
    sleep.args(["exec", "-u", &NOBODY.to_string(), jail.name.as_str(), "--", "/usr/bin/sleep", "1000"]);
    let _sleeper = Running::start(sleep);
    let of_user = |pid: &i32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        status.contains(&format!("Uid:\t{NOBODY}\t")) && status.starts_with("Name:\tsleep")
    };
    let limit = std::time::Instant::now() + std::time::Duration::from_secs(60);
    let pid = loop {
        match jail.members().into_iter().find(of_user) {
            Some(pid) => break pid,
            None => assert!(std::time::Instant::now() < limit, "the sleeper never slept"),
        }
    };
    let becomes_root = |program: &Path| {
        // As "setuid" it says by its status whether it is root.
        let run = format!("exec -a setuid '{}' 'root?'", program.display());
        let mut command = Command::new("/bin/bash");
        command.args(["-c", &run]).uid(NOBODY).gid(NOBODY);
        output_of(command).status.success()
    };
    assert!(becomes_root(&stage.bait().join("setuid")), "else this proves nothing");
    let data = stage.path("jails").join("jails").join(jail.name.as_str()).join("data/srv/setuid");
    assert!(data.exists(), "the program is where the host keeps the jail's files");
    for path in [data, PathBuf::from(format!("/proc/{pid}/root/srv/setuid"))] {
        assert!(!becomes_root(&path), "{} made a user of the host root", path.display());
    }
}

/// CVE-2017-5226: what a command pushes into its terminal is not typed to the shell that the caller goes back to.
#[test]
fn nothing_that_a_command_pushes_into_its_terminal_is_typed_to_the_caller() {
    let Some(_body) = body::here() else { return };
    let stage = stage();
    let jail = TestJail::start(&stage, "caller-tty", Level::Low, &[]);
    let mut command = tool("jailctl", &stage);
    command.args(["exec", "--pty", jail.name.as_str(), "--", &format!("{BAIT}/attacks"), "paste", "touch /pwned"]);
    let mut terminal = Terminal::start(command, (24, 80));
    terminal.see("pasted");
    assert!(terminal.end().success());
    assert_eq!(terminal.waiting(), 0, "bytes that the caller's shell would read");
}

/// CVE-2024-21626 with every number, and the ways around it.
#[test]
fn no_number_of_a_descriptor_is_a_directory_to_start_in() {
    let Some(_body) = body::here() else { return };
    let stage = stage();
    let jail = TestJail::start(&stage, "caller-number", Level::Medium, &[]);
    let leaked = open(&stage.path("."), OFlag::O_RDONLY | OFlag::O_DIRECTORY, Mode::empty()).expect("a directory opens");
    // Everywhere that a runtime might have looked, without close-on-exec.
    let copies: Vec<i32> = (40..64)
        // SAFETY: dup2(2) onto numbers that nothing here uses; closed below.
        .map(|number| unsafe { libc::dup2(leaked.as_raw_fd(), number) })
        .collect();
    let own = std::process::id();
    let numbers = [3, 4, 5, 6, 7, 8, 9, 10, 40, 52, 63].into_iter();
    let mut ways: Vec<String> = numbers.map(|number| format!("/proc/self/fd/{number}")).collect();
    ways.extend(["/proc/thread-self/fd/40".into(), "/dev/fd/40".into(), "/proc/self/cwd".into(), "/proc/1/cwd".into()]);
    ways.extend([format!("/proc/{own}/cwd"), format!("/proc/{own}/fd/40"), "/proc/self/fd/40/../../..".into()]);
    for way in ways.into_iter().step_by(if body::in_guest() { 3 } else { 1 }) {
        let mut command = tool("jailctl", &stage);
        command.args(["exec", "-w", &way, jail.name.as_str(), "--", "/bin/cat", "outside"]).current_dir(stage.path("."));
        command.stdin(Stdio::null());
        let output = output_of(command);
        assert!(!output.status.success() && output.stdout.is_empty(), "{way}: {}", text(&output));
    }
    for copy in copies {
        // SAFETY: the numbers were made above.
        unsafe { libc::close(copy) };
    }
}
