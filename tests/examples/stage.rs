//! A machine for one example.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use nix::sched::{CloneFlags, unshare};

use crate::body::{self, Body};
use crate::subject::{processes, traces};

const JAILSH: &str = env!("CARGO_BIN_EXE_jailsh");

/// What the scripts are run on; what they made is gone when it is dropped.
pub struct Stage {
    body: Body,
    directory: tempfile::TempDir,
    before: BTreeSet<String>,
}

/// A status, and what was written.
pub struct Said {
    pub status: Option<i32>,
    pub text: String,
    pub errors: String,
}

impl Said {
    fn of(output: Output) -> Said {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Said { status: output.status.code(), text: text(output.stdout), errors: text(output.stderr) }
    }

    #[track_caller]
    pub fn must_be(self, status: i32) -> Said {
        assert_eq!(self.status, Some(status), "\n{}{}", self.text, self.errors);
        self
    }

    /// What `run` did: `JAIL: ACTION`.
    pub fn done(&self) -> Vec<&str> {
        self.text.lines().filter_map(|line| Some(line.strip_prefix("ok ")?.trim_start())).collect()
    }
}

impl Stage {
    /// `None`: no body was chosen, which was said.
    pub fn set() -> Option<Stage> {
        let body = body::here()?;
        if !body::in_guest() {
            // Of this thread and what it starts.
            unshare(CloneFlags::CLONE_NEWNET).expect("a network of its own");
            let status = Command::new("ip").args(["link", "set", "lo", "up"]).status().expect("ip is installed");
            assert!(status.success(), "the loopback of a new network: {status}");
        }
        let directory = tempfile::tempdir().expect("a scratch directory");
        for (name, content) in [("secrets", None), ("secrets/shop-db", Some("correct horse battery staple\n"))] {
            let path = directory.path().join(name);
            match content {
                Some(content) => fs::write(&path, content).expect("a secret"),
                None => fs::create_dir(&path).expect("a directory"),
            }
            let mode = if content.is_some() { 0o600 } else { 0o700 };
            fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(mode)).expect("chmod");
        }
        let mut stage = Stage { body, directory, before: BTreeSet::new() };
        // What the kernel body itself keeps, once it was used, is no trace of a jail.
        stage.run("jailctl", &["list"]).must_be(0);
        stage.before = traces();
        Some(stage)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn jail(&self, jail: &str) -> PathBuf {
        self.path("data").join("jails").join(jail)
    }

    pub fn command(&self, tool: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(JAILSH);
        command.arg0(tool).args(["--kernel", self.body.name()]).arg("--data-dir").arg(self.path("data"));
        command.current_dir(env!("CARGO_MANIFEST_DIR")).env("CREDENTIALS_DIRECTORY", self.path("secrets"));
        command.args(arguments).stdin(Stdio::null());
        command
    }

    pub fn run(&self, tool: &str, arguments: &[&str]) -> Said {
        Said::of(self.command(tool, arguments).output().expect("the tool starts"))
    }

    /// A verb of jailsh over the example of that name.
    pub fn jailsh(&self, verb: &str, example: &str, arguments: &[&str]) -> Said {
        let script = format!("examples/{example}.rhai");
        self.run("jailsh", &[&[verb, script.as_str()], arguments].concat())
    }

    /// argv[0] of the jail's supervisor names it.
    pub fn supervisor(&self, jail: &str) -> Option<i32> {
        let title = format!("jailctl: supervise jail={jail} jid=");
        processes().into_iter().find(|process| process.command.starts_with(&title)).map(|process| process.pid)
    }

    fn status(&self, jail: &str) -> serde_json::Value {
        let listed = self.run("jailctl", &["status", "-o", "json", jail]).must_be(0).text;
        let listed: serde_json::Value = serde_json::from_str(&listed).expect("JSON");
        listed.get(0).unwrap_or(&listed).clone()
    }

    /// How often its services were started again.
    pub fn restarts(&self, jail: &str) -> u64 {
        self.status(jail)["restarts"].as_u64().unwrap_or(0)
    }

    /// Does the body count what it refuses?
    pub fn counts(&self) -> bool {
        self.body == Body::Lsm
    }

    /// What a jail was denied, by right, as JSON.
    pub fn denials(&self, jail: &str) -> String {
        let told = self.run("jailsh", &["-e", &format!("denials({jail:?}).to_json()")]).must_be(0).text;
        told.trim().to_owned()
    }

    /// What makes up the jails: their specs, each file with mode and owner, how their services are. Not what differs from
    /// run to run: pids, times, what services write of their own accord.
    pub fn state(&self, jails: &[&str]) -> BTreeMap<String, String> {
        let mut state = BTreeMap::new();
        for jail in jails {
            let place = self.jail(jail);
            state.insert(format!("{jail}/jail.toml"), fs::read_to_string(place.join("jail.toml")).unwrap_or_default());
            walk(&place.join("data"), &format!("{jail}/data"), &mut state);
            state.insert(format!("{jail}/state"), self.status(jail)["state"].to_string());
        }
        state
    }

    /// Nothing of it is left on the host.
    #[track_caller]
    pub fn must_be_bare(&self) {
        // The first jail on a machine makes the place of all jails, which stays.
        let is_shared =
            |trace: &str| trace == "/run/jailsh/jails" || trace.starts_with("/sys/fs/cgroup/") && Path::new(trace).is_file();
        let left: Vec<String> = traces().difference(&self.before).filter(|trace| !is_shared(trace)).cloned().collect();
        assert!(left.is_empty(), "left behind: {left:#?}");
        let jails: Vec<_> = fs::read_dir(self.path("data/jails")).into_iter().flatten().flatten().map(|e| e.path()).collect();
        assert!(jails.is_empty(), "left behind: {jails:?}");
    }
}

fn walk(directory: &Path, name: &str, state: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = format!("{name}/{}", entry.file_name().to_string_lossy());
        let status = fs::symlink_metadata(&path).expect("it was listed");
        let kind = status.file_type();
        let mut text = format!("{:o} {}:{}", status.mode(), status.uid(), status.gid());
        if kind.is_symlink() {
            let _ = write!(text, " -> {}", fs::read_link(&path).expect("a link").display());
        } else if kind.is_file() && !name.ends_with(".pid") {
            let _ = write!(text, " {:?}", String::from_utf8_lossy(&fs::read(&path).expect("it was listed")));
        }
        // A socket is there while its service is.
        if !kind.is_socket() {
            state.insert(name.clone(), text);
        }
        if kind.is_dir() {
            walk(&path, &name, state);
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let jails = fs::read_dir(self.path("data/jails")).into_iter().flatten().flatten();
        let names: Vec<String> = jails.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        for verb in ["stop", "destroy"] {
            for name in names.iter().filter(|name| !name.starts_with('.')) {
                self.run("jailmgr", &[verb, name]);
            }
        }
    }
}

/// Sends bytes to a port of the loopback address, and reads until the other side has said all.
#[track_caller]
pub fn say(port: u16, bytes: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap_or_else(|error| panic!("port {port}: {error}"));
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    stream.write_all(bytes.as_bytes()).expect("it listens");
    stream.shutdown(std::net::Shutdown::Write).expect("it is open");
    let mut answer = Vec::new();
    // What came before a reset counts.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// One request, HTTP/1.0.
#[track_caller]
pub fn http(port: u16, method: &str, path: &str, body: &str) -> String {
    let head = format!("{method} {path} HTTP/1.0\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", body.len());
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap_or_else(|error| panic!("port {port}: {error}"));
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    stream.write_all(format!("{head}{body}").as_bytes()).expect("it listens");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}
