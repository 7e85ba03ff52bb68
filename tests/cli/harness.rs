//! A run of a tool that reads as a sentence: arguments and input in, output and status out, nothing left behind.

use std::fmt;
use std::fs;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A place of its own for one test: directories of the tools, and files of the test.
pub struct Place {
    root: TempDir,
}

impl Place {
    pub fn new() -> Place {
        // The length of the path is part of some tables.
        let root = tempfile::Builder::new().prefix("jailsh-").tempdir_in("/tmp").expect("a temporary directory");
        for name in ["tmp", "work"] {
            fs::create_dir(root.path().join(name)).expect("a directory of the test");
        }
        fs::write(root.path().join("config.toml"), "").expect("an empty configuration");
        Place { root }
    }

    /// A file in the directory that the tools run in.
    pub fn file(self, name: &str, text: impl AsRef<[u8]>) -> Place {
        let path = self.work().join(name);
        fs::create_dir_all(path.parent().expect("a path below the directory")).expect("a directory of the test");
        fs::write(path, text).expect("a file of the test");
        self
    }

    /// A file in the working directory.
    pub fn put(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.work().join(name), text).unwrap();
    }

    pub fn work(&self) -> PathBuf {
        self.root.path().join("work")
    }

    pub fn data(&self) -> PathBuf {
        self.root.path().join("data")
    }

    /// Starts describing a run.
    pub fn run<'a>(&'a self, tool: &'a str, arguments: &[&str]) -> Test<'a> {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        Test { place: self, tool, arguments, options: true, input: None, environment: Vec::new() }
    }

    /// The verbs that a tool's help names, in order.
    pub fn verbs(&self, tool: &str) -> Vec<String> {
        let help = self.run(tool, &["--help"]).bare().go().stdout;
        let listed = help.split("Commands:\n").nth(1).unwrap_or_default().lines().take_while(|line| !line.is_empty());
        // What a verb does goes on in lines that are indented deeper.
        let verbs = listed.filter_map(|line| line.strip_prefix("  ").filter(|rest| !rest.starts_with(' ')));
        verbs.filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
    }

    /// A jail's spec, written by hand.
    pub fn write_spec(&self, jail: &str, text: &str) {
        fs::write(self.data().join("jails").join(jail).join("jail.toml"), text).expect("the jail exists");
    }

    /// What a supervisor would have kept of its service's lines.
    pub fn write_log(&self, jail: &str, text: &str) {
        let run = self.root.path().join("run/jails").join(jail);
        fs::create_dir_all(&run).expect("a run directory");
        fs::write(run.join("log"), text).expect("a log");
    }

    /// The run directory goes, as when a jail is taken down.
    pub fn take_down(&self, jail: &str) {
        fs::remove_dir_all(self.root.path().join("run/jails").join(jail)).expect("a run directory");
    }

    /// Everything below the tools' directories but empty ones and locks.
    pub fn leftovers(&self) -> Vec<String> {
        let mut found = Vec::new();
        for name in ["data", "run", "tmp"] {
            collect(&self.root.path().join(name), &mut found);
        }
        let locks = self.root.path().join("run/locks");
        found.into_iter().filter(|path| !path.starts_with(&locks)).map(|path| self.plain(&path.display().to_string())).collect()
    }

    fn plain(&self, text: &str) -> String {
        text.replace(&self.root.path().display().to_string(), "[place]")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // A verb may have made the run directory a mount of its own.
        let _ = nix::mount::umount2(&self.root.path().join("run/jails"), nix::mount::MntFlags::MNT_DETACH);
    }
}

fn collect(path: &Path, found: &mut Vec<PathBuf>) {
    match fs::read_dir(path) {
        Ok(entries) => entries.flatten().for_each(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => collect(&entry.path(), found),
            _ => found.push(entry.path()),
        }),
        Err(_) if path.exists() => found.push(path.to_owned()),
        Err(_) => {}
    }
}

/// A run, described.
pub struct Test<'a> {
    place: &'a Place,
    tool: &'a str,
    arguments: Vec<String>,
    options: bool,
    input: Option<Vec<u8>>,
    environment: Vec<(&'static str, String)>,
}

impl Test<'_> {
    /// Standard input; without it, `/dev/null`.
    pub fn input(mut self, text: impl AsRef<[u8]>) -> Self {
        self.input = Some(text.as_ref().to_vec());
        self
    }

    /// A variable of the environment.
    pub fn with(mut self, key: &'static str, value: &str) -> Self {
        self.environment.push((key, value.to_owned()));
        self
    }

    /// Only the arguments as given: without the options that choose the simulation and the test's directories.
    pub fn bare(mut self) -> Self {
        self.options = false;
        self
    }

    /// Runs it, for what it writes rather than says.
    pub fn bytes(self) -> Vec<u8> {
        let output = self.output();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// Runs it.
    pub fn go(self) -> Outcome {
        let output = self.output();
        let text = |bytes: &[u8]| self.place.plain(&String::from_utf8_lossy(bytes));
        let line: Vec<String> = std::iter::once(self.tool.to_owned())
            .chain(self.arguments.iter().map(|word| shown(&self.place.plain(word))))
            .collect();
        Outcome { line: line.join(" "), status: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// The environment is the test's own, standard input is never a terminal.
    fn output(&self) -> Output {
        let mut command = self.command();
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.stdin(if self.input.is_some() { Stdio::piped() } else { Stdio::null() });
        let mut child = command.spawn().expect("the tool starts");
        if let Some(input) = &self.input {
            // A tool that ends before it read everything closes the pipe.
            let _ = child.stdin.take().expect("a pipe").write_all(input);
        }
        child.wait_with_output().expect("the tool ends")
    }

    /// The same, not started yet.
    pub fn command(&self) -> Command {
        let root = self.place.root.path();
        let mut command = Command::new(env!("CARGO_BIN_EXE_jailsh"));
        command.arg0(self.tool).current_dir(self.place.work()).env_clear();
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("TMPDIR", root.join("tmp")).env("LANG", "C.UTF-8");
        if self.options {
            let option = |name: &str, value: &str| [format!("--{name}"), root.join(value).display().to_string()];
            command.args(["--kernel", "sim"]);
            command.args(option("data-dir", "data")).args(option("run-dir", "run")).args(option("config", "config.toml"));
        }
        command.args(&self.arguments).envs(self.environment.iter().map(|(key, value)| (key, value)));
        command
    }
}

fn shown(word: &str) -> String {
    let plain = !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./,=:+".contains(&b));
    if plain { word.to_owned() } else { format!("{word:?}") }
}

/// What a user sees.
pub struct Outcome {
    line: String,
    /// `None`: killed by a signal.
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// For snapshots.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "$ {}", self.line)?;
        f.write_str(&self.stdout)?;
        f.write_str(&self.stderr)?;
        match self.status {
            Some(0) => Ok(()),
            Some(status) => writeln!(f, "[status {status}]"),
            None => writeln!(f, "[killed by a signal]"),
        }
    }
}
