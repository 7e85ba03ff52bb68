//! Jails of one data directory, gone at the end of the test however that ends.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::body::{self, Body};
use crate::subject::{entries, traces};

const JAILSH: &str = env!("CARGO_BIN_EXE_jailsh");

/// A data directory whose jails all have names that begin alike, so that what they leave is known from others'.
pub struct Stage {
    pub prefix: &'static str,
    pub data: tempfile::TempDir,
    body: Body,
}

/// What a program said and how it ended.
pub struct Said {
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Said {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Said { status: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }
}

impl Stage {
    /// `None` after saying why the test is skipped.
    pub fn new(prefix: &'static str) -> Option<Stage> {
        let body = body::here()?;
        Some(Stage { prefix, data: tempfile::tempdir().unwrap(), body })
    }

    /// The same in memory, where there is such a file system: a hundred jails are many small files.
    pub fn in_memory(prefix: &'static str) -> Option<Stage> {
        let mut stage = Stage::new(prefix)?;
        if let Ok(data) = tempfile::tempdir_in("/dev/shm") {
            stage.data = data;
        }
        Some(stage)
    }

    pub fn command(&self, tool: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(JAILSH);
        command.arg0(tool).args(["--kernel", self.body.name()]).arg("--data-dir").arg(self.data.path());
        command.args(arguments).stdin(Stdio::null());
        command
    }

    pub fn body_name(&self) -> &'static str {
        self.body.name()
    }

    pub fn run(&self, tool: &str, arguments: &[&str]) -> Said {
        self.command(tool, arguments).output().unwrap().into()
    }

    /// The output, which must be a success's.
    pub fn must(&self, tool: &str, arguments: &[&str]) -> String {
        let said = self.run(tool, arguments);
        assert_eq!(said.status, Some(0), "{tool} {arguments:?}: {}{}", said.stdout, said.stderr);
        said.stdout
    }

    pub fn create(&self, name: &str, options: &[&str]) {
        self.must("jailmgr", &[&["create", "-l", "medium"], options, &[name]].concat());
    }

    /// Writes a line into a jail's spec, before its tables.
    pub fn set(&self, name: &str, line: &str) {
        let file = self.data.path().join("jails").join(name).join("jail.toml");
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, format!("{line}\n{text}")).unwrap();
    }

    pub fn jails(&self) -> Vec<String> {
        entries(&self.data.path().join("jails")).into_iter().filter(|name| !name.starts_with('.')).collect()
    }

    /// What is left of them outside of the data directory.
    pub fn left(&self) -> Vec<String> {
        traces().into_iter().filter(|trace| trace.contains(self.prefix)).collect()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.run("jailmgr", &["stop", "--all"]);
        for name in self.jails() {
            self.run("jailmgr", &["destroy", &name]);
        }
    }
}

/// A directory with the three names of the binary.
pub fn names(at: &Path) {
    fs::create_dir_all(at).unwrap();
    for name in ["jailsh", "jailctl", "jailmgr"] {
        std::os::unix::fs::symlink(JAILSH, at.join(name)).unwrap();
    }
}
