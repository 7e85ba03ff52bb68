//! The REPL as a person meets it: sessions on a terminal, typed key by key, and what is then on the screen.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::sys::termios::LocalFlags;

use crate::harness::Place;
use crate::terminal::Terminal;

/// Arrow keys (ECMA-48, as xterm sends them).
const UP: &str = "\x1b[A";
const CTRL_C: &str = "\x03";
const CTRL_D: &str = "\x04";

pub struct Session<'a> {
    pub place: &'a Place,
    pub terminal: Terminal,
}

impl Session<'_> {
    pub fn open_with<'a>(place: &'a Place, size: (u16, u16), variables: &[(&'static str, &str)]) -> Session<'a> {
        let state = place.work().join("state").display().to_string();
        let mut run = place.run("jailsh", &[]).with("XDG_STATE_HOME", &state).with("PAGER", "cat");
        for (key, value) in [("TERM", "xterm"), ("NO_COLOR", "1")].iter().chain(variables) {
            run = run.with(key, value);
        }
        let mut session = Session { place, terminal: Terminal::start(run.command(), size) };
        session.prompt("jailsh>");
        session
    }

    pub fn open(place: &Place) -> Session<'_> {
        Session::open_with(place, (24, 80), &[])
    }

    /// Waits until the last line is the prompt alone.
    pub fn prompt(&mut self, prompt: &str) {
        self.terminal.wait(prompt, |screen| screen.lines().last() == Some(prompt));
    }

    /// A Ctrl-C that the terminal takes late discards what was written and not shown yet (isig of Linux's n_tty.c), which may
    /// be the prompt: a person presses Enter then.
    fn prompt_after_interrupts(&mut self) {
        for _ in 0..30 {
            let until = Instant::now() + Duration::from_secs(5);
            while Instant::now() < until {
                if self.terminal.screen().lines().last() == Some("jailsh>") {
                    return;
                }
                std::thread::sleep(Duration::from_millis(10));
            }
            self.terminal.press("\r");
        }
        panic!("no prompt after Ctrl-C:\n{}", self.terminal.screen());
    }

    /// Types until it is on the screen, as a person looks at what they type.
    pub fn keys(&mut self, text: &str) {
        self.terminal.press(text);
        let tail = text.trim();
        self.terminal.wait(tail, |screen| screen.lines().last().is_some_and(|line| line.trim_end().ends_with(tail)));
    }

    /// Types a line, of several rows, and waits for the prompt behind its answer.
    fn line_at(&mut self, text: &str, prompt: &str) -> String {
        let mut rows = text.split('\n').peekable();
        while let Some(row) = rows.next() {
            self.keys(row);
            self.terminal.press("\r");
            if rows.peek().is_some() {
                self.terminal.wait("a row below", |screen| screen.lines().last().map(str::trim) == Some("...>"));
            }
        }
        self.prompt(prompt);
        self.screen()
    }

    pub fn line(&mut self, text: &str) -> String {
        self.line_at(text, "jailsh>")
    }

    pub fn screen(&mut self) -> String {
        let root = self.place.data().parent().expect("a place").display().to_string();
        self.terminal.screen().replace(&root, "[place]")
    }

    pub fn leave(mut self) {
        self.terminal.press(CTRL_D);
        assert_eq!(self.terminal.end().code(), Some(0));
    }
}

#[test]
fn first_contact_shows_where_help_is_and_what_there_is() {
    let place = Place::new();
    let mut session = Session::open(&place);
    session.line("list()");
    session.line(":jails");
    session.line("let help = 1");
    session.line("help");
    session.line(":hlep");
    session.line("lst()");
    session.line("jail(\"web\").start()");
    insta::assert_snapshot!("first_contact", session.line("1 + 1"));
    session.leave();
}

#[test]
fn help_tells_of_each_command() {
    let place = Place::new();
    let mut session = Session::open_with(&place, (60, 80), &[]);
    insta::assert_snapshot!("help", session.line("help"));
    insta::assert_snapshot!("help_of_use", session.line(":help use").split("jailsh> :help use").nth(1).unwrap());
    session.keys("quit");
    session.terminal.press("\r");
    assert_eq!(session.terminal.end().code(), Some(0));
}

#[test]
fn a_mistake_in_a_map_of_several_rows_is_corrected_in_place() {
    let place = Place::new();
    let mut session = Session::open(&place);
    session.line("create(\"web\", #{\ncomand: [\"/bin/sleep\", \"1\"],\nports: [8080],\n})");
    insta::assert_snapshot!("a_mistake", session.screen());
    session.terminal.press(UP);
    session.terminal.wait("the line again", |screen| screen.matches("comand:").count() == 2);
    // Up into the row with the mistake: the cursor keeps its column, behind "co".
    session.terminal.press(&format!("{UP}{UP}m"));
    session.terminal.see("command:");
    session.terminal.press("\r");
    session.terminal.see("created");
    session.prompt("jailsh>");
    insta::assert_snapshot!("a_mistake_corrected", session.screen());
    session.leave();
}

#[test]
fn ctrl_c_cancels_a_loop_and_a_line_and_never_the_shell() {
    let place = Place::new();
    let mut session = Session::open(&place);
    session.line("let a = 1");
    for round in 0..3 {
        session.keys(&format!("loop {{ }} // {round}"));
        session.terminal.press("\r");
        std::thread::sleep(Duration::from_millis(50));
        session.terminal.press(&CTRL_C.repeat(20));
        session.prompt_after_interrupts();
    }
    session.terminal.press("let b = [1,\r");
    session.terminal.see("...>");
    session.terminal.press(CTRL_C);
    session.prompt("jailsh>");
    session.keys("try { sleep(60) } catch { } 1");
    session.terminal.press("\r");
    session.terminal.wait("no prompt", |screen| screen.lines().last() != Some("jailsh>"));
    std::thread::sleep(Duration::from_millis(50));
    session.terminal.press(CTRL_C);
    session.prompt("jailsh>");
    let screen = session.line("a + 1");
    let told: Vec<&str> = screen.lines().filter(|line| *line != "jailsh>").collect();
    insta::assert_snapshot!("ctrl_c", told.join("\n"));
    session.keys("exit(3)");
    session.terminal.press("\r");
    assert_eq!(session.terminal.end().code(), Some(3));
}

#[test]
fn what_lines_define_stays_and_the_last_value_has_a_name() {
    let place = Place::new().file("lib/greet.rhai", "fn hello(name) { `hello ${name}` }");
    let mut session = Session::open_with(&place, (60, 80), &[("JAILSH_MODULE_PATH", "lib")]);
    session.line("fn twice(x) { x * 2 }");
    session.line("let add = |x| x + 1");
    session.line("twice(add.call(4))");
    session.line("_ + 1");
    session.line("switch _ { 11 => \"eleven\", _ => \"other\" }");
    session.line("import \"greet\" as greet");
    session.line("greet::hello(\"you\")");
    fs::write(place.work().join("lib/greet.rhai"), "fn hello(name) { `hi ${name}` }").unwrap();
    session.line("import \"greet\" as greet");
    session.line("greet::hello(\"you\")");
    session.line("for _ in 0..2 { }");
    session.line("fn broken() { throw \"oh\" }");
    session.line("broken()");
    session.line("const X = 5");
    session.line("fn x() { global::X }");
    session.line("x()");
    session.line("let stop = 1");
    session.line("twoce(1)");
    insta::assert_snapshot!("lines", session.line("adf"));
    session.leave();
}

/// How many files a new jail has is the machine's: they are copied from its /etc.
fn uncounted(screen: &str) -> String {
    let line = |line: &str| match line.split_once(": ") {
        Some((name, size)) if size.contains(" files, ") => format!("{name}: N files, N KiB"),
        _ => line.to_owned(),
    };
    screen.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn verbs_apply_to_the_jail_in_use_until_it_is_gone() {
    let place = Place::new();
    let mut session = Session::open_with(&place, (50, 80), &[]);
    session.line("create(\"web\", #{ command: [\"/bin/true\"] })");
    session.line("create(\"api\", #{ command: [\"/bin/true\"] })");
    session.line("stop()");
    session.line(":use nobody");
    session.line_at(":use web", "web>");
    session.line_at("stop()", "web>");
    session.line_at("file(\"/etc/motd\", \"hi\\n\").changed", "web>");
    session.line_at("snapshot(\"one\")", "web>");
    session.line_at("snapshots().len()", "web>");
    session.line_at("stop(\"api\")", "web>");
    session.line_at("stats()", "web>");
    session.line_at("list().len()", "web>");
    place.run("jailmgr", &["destroy", "web"]).go();
    insta::assert_snapshot!("in_use", uncounted(&session.line("1")));
    session.leave();
}

#[test]
fn a_saved_session_is_a_script_that_does_the_same() {
    let place = Place::new();
    let mut session = Session::open_with(&place, (50, 80), &[]);
    session.line("create(\"web\", #{\ncommand: [\"/bin/true\"],\n})");
    session.line_at(":use web", "web>");
    session.line_at("file(\"/etc/motd\", \"hi\\n\")", "web>");
    session.line_at("oops()", "web>");
    session.line(":use");
    session.line("40 + 2");
    session.line("let answer = _");
    session.line("let password = \"hunter2\"");
    session.line("print(answer)");
    session.line(":save done.rhai");
    session.line(":save done.rhai");
    insta::assert_snapshot!("save", session.line(":save! done.rhai"));
    session.leave();
    let file = place.work().join("done.rhai");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let script = fs::read_to_string(&file).unwrap();
    insta::assert_snapshot!("saved_script", script);
    place.run("jailmgr", &["destroy", "web"]).go();
    let run = place.run("jailsh", &["done.rhai"]).go();
    assert_eq!((run.status, run.stdout.as_str(), run.stderr.as_str()), (Some(0), "42\n", ""));
    assert_eq!(fs::read_to_string(place.data().join("jails/web/data/etc/motd")).unwrap(), "hi\n");
}

#[test]
fn undo_takes_back_a_line_or_nothing() {
    let place = Place::new();
    let mut session = Session::open_with(&place, (60, 80), &[]);
    session.line("let web = jail(\"web\", #{ command: [\"/bin/true\"] })");
    session.line("web.create()");
    session.line("web.file(\"/etc/motd\", \"one\\n\", #{ mode: 0o600 }); web.symlink(\"/etc/m\", \"motd\")");
    session.line("web.file(\"/etc/motd\", \"two\\n\"); web.dir(\"/srv/www\"); web.line(\"/etc/motd\", \"more\")");
    session.line("web.remove(\"/etc/m\")");
    session.line("web.snapshot(\"kept\")");
    session.line(":undo");
    session.line(":undo");
    session.line(":undo");
    let motd = place.data().join("jails/web/data/etc/motd");
    assert_eq!(fs::read_to_string(&motd).unwrap(), "one\n");
    assert_eq!(motd.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_link(motd.with_file_name("m")).unwrap().to_str(), Some("motd"));
    assert!(!place.data().join("jails/web/data/srv/www").exists());
    fs::write(&motd, "by somebody else\n").unwrap();
    session.line(":undo");
    session.line(":undo");
    insta::assert_snapshot!("undo", uncounted(&session.line(":undo")));
    assert!(place.data().join("jails/web").exists(), "it holds somebody's change");
    session.line("create(\"api\", #{ command: [\"/bin/true\"] })");
    session.line(":undo");
    assert!(!place.data().join("jails/api").exists());
    session.leave();
}

#[test]
fn a_plan_does_nothing_and_leaves_nothing_behind() {
    let place = Place::new().file("site.rhai", "create(\"db\", #{ command: [\"/bin/true\"] })");
    let mut session = Session::open_with(&place, (40, 80), &[]);
    session.line("let web = jail(\"web\", #{ command: [\"/bin/true\"] })");
    session.line(":plan web.create(); web.file(\"/etc/motd\", \"hi\\n\"); let x = 1");
    session.line("list()");
    session.line("x");
    session.line(":plan site.rhai");
    session.line(":plan web.snapshot(\"a\")");
    session.line(":load site.rhai");
    insta::assert_snapshot!("plan", session.line(":plan site.rhai"));
    session.leave();
}

#[test]
fn history_outlives_the_session_is_private_and_holds_no_secret() {
    let place = Place::new();
    let mut first = Session::open(&place);
    first.line("let kept = [1,\n2]");
    first.line(" let spaced = 1");
    first.line("let s = secret(\"db\")");
    first.leave();
    let file = place.work().join("state/jailsh/history");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_to_string(&file).unwrap(), "let kept = [1,\\n            2]\n");
    let mut second = Session::open(&place);
    second.terminal.press(UP);
    second.terminal.see("2]");
    second.terminal.press("\r");
    second.prompt("jailsh>");
    second.line("kept");
    second.leave();
}

#[test]
fn narrow_and_dumb_terminals_and_a_resize_do() {
    let place = Place::new();
    let mut narrow = Session::open_with(&place, (20, 40), &[]);
    narrow.line("create(\"web\", #{\ncommand: [\"/bin/true\"],\n})");
    insta::assert_snapshot!("narrow", narrow.line(":jails"));
    narrow.terminal.resize(20, 100);
    narrow.line("list().len()");
    insta::assert_snapshot!("resized", narrow.line(":jails"));
    narrow.leave();
    let mut dumb = Session::open_with(&place, (20, 40), &[("TERM", "dumb")]);
    dumb.line("let a = [1,\n2]");
    dumb.line("a.len()");
    dumb.keys("let b = [");
    dumb.terminal.press(CTRL_C);
    dumb.prompt("jailsh>");
    insta::assert_snapshot!("dumb", dumb.line("b"));
    assert!(!dumb.terminal.raw.contains(&b'\x1b'), "a dumb terminal gets no escape sequence");
    dumb.leave();
}

#[test]
fn a_signal_that_ends_it_while_a_line_is_typed_leaves_the_terminal_as_it_was() {
    let place = Place::new();
    let mut session = Session::open(&place);
    session.keys("1 + 1");
    assert!(!session.terminal.modes().local_flags.contains(LocalFlags::ICANON), "it takes each key by itself");
    session.terminal.signal(Signal::SIGTERM);
    let status = session.terminal.end();
    assert_eq!(status.signal(), Some(libc::SIGTERM), "{status}");
    let modes = session.terminal.modes().local_flags;
    assert!(modes.contains(LocalFlags::ICANON | LocalFlags::ECHO | LocalFlags::ISIG), "{modes:?}");
}

#[test]
fn a_pipe_is_a_script_and_gets_no_prompt() {
    let place = Place::new();
    let run = place.run("jailsh", &[]).input("print(1 + 1)").go();
    assert_eq!((run.status, run.stdout.as_str(), run.stderr.as_str()), (Some(0), "2\n", ""));
}

#[test]
fn huge_output_ends_and_ctrl_c_ends_it_sooner() {
    let place = Place::new();
    let mut session = Session::open(&place);
    session.keys("for i in 0..100000 { print(i) }");
    session.terminal.press("\r");
    session.terminal.wait("output", |screen| screen.lines().count() > 20);
    session.terminal.press(CTRL_C);
    session.terminal.see("interrupted");
    session.prompt("jailsh>");
    session.line("(0..5000).collect().len()");
    session.leave();
}

#[test]
fn without_a_host_it_opens_and_says_what_is_missing() {
    let place = Place::new();
    let mut command = place.run("jailsh", &["--kernel", "lsm"]).bare().with("TERM", "xterm").with("NO_COLOR", "1").command();
    let nobody = nix::unistd::User::from_name("nobody").unwrap().expect("a user nobody");
    if !nix::unistd::geteuid().is_root() {
        eprintln!("not root: the tool runs as who runs the test");
    } else {
        use std::os::unix::process::CommandExt;
        command.uid(nobody.uid.as_raw()).gid(nobody.gid.as_raw());
    }
    command.env("HOME", "/nonexistent").current_dir("/");
    let mut terminal = Terminal::start(command, (24, 80));
    terminal.wait("a prompt", |screen| screen.lines().last() == Some("jailsh>"));
    terminal.press("list()\r");
    let at_prompt = |screen: &str| screen.lines().last() == Some("jailsh>");
    terminal.wait("an error and a prompt", |screen| screen.contains("repl:1:1:1") && at_prompt(screen));
    terminal.press("1 + 1\r");
    terminal.wait("2 and a prompt", |screen| screen.lines().any(|line| line == "2") && at_prompt(screen));
    insta::assert_snapshot!("without_a_host", terminal.screen());
    terminal.press(CTRL_D);
    assert_eq!(terminal.end().code(), Some(0));
}

/// Resident memory in KiB.
fn resident(pid: i32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a size");
    line.split_whitespace().nth(1).and_then(|size| size.parse().ok()).expect("a number")
}

#[test]
fn memory_stays_flat_over_ten_thousand_lines() {
    let place = Place::new();
    // Without a cursor lines come as fast as they are evaluated.
    let mut session = Session::open_with(&place, (24, 80), &[("TERM", "dumb")]);
    let mut lines = |from: usize, to: usize| {
        for at in (from..to).step_by(50) {
            let all: String = (at..at + 50)
                .map(|at| match at % 5 {
                    0 => format!("let x{} = [{at}, {at}].map(|x| x + {at})\n", at % 10),
                    1 => format!("fn f{}(x) {{ x + {at} }}\n", at % 7),
                    2 => "no_such_thing\n".to_owned(),
                    3 => "`${_}`.len()\n".to_owned(),
                    _ if at % 50 == 49 => format!("print(\"done {at}\")\n"),
                    _ => format!("// {at}\n"),
                })
                .collect();
            session.terminal.press(&all);
            let last = format!("done {}", at + 49);
            session.terminal.wait(&last, |screen| screen.lines().any(|line| line.ends_with(&last)));
        }
        resident(session.terminal.pid())
    };
    let (early, late) = (lines(0, 2_000), lines(2_000, 10_000));
    // The lines that went well are kept to be saved: some hundred bytes each.
    assert!(late < early + 8 * 1024, "{early} KiB after 2000 lines, {late} KiB after 10000");
}
