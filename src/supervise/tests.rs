//! The monitor with real processes, pipes, signals and syslog datagrams, but without a jail: the test program executes
//! itself as the monitor, whose members are its own descendants.

mod host_processes;
mod logging;
mod running;
mod services;
mod stopping;

use std::collections::BTreeMap;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::files::Files;
use super::launch::{LaunchError, Launched, launch};
use super::service::{Report, Service};
use super::{Status, TITLE, entry, pidfd};
use crate::jail::{Config, Spec};
use crate::kernel::Jid;
use host_processes::HostProcesses;

/// Runs before the test harness, in the main thread, with nothing but what a monitor is given.
#[used]
#[unsafe(link_section = ".init_array")]
static BE_THE_MONITOR: extern "C" fn() = {
    extern "C" fn be_the_monitor() {
        if std::env::args().next().is_some_and(|name| name.starts_with(TITLE)) {
            let code = entry::main(|service| Ok(Box::new(HostProcesses::of(service))));
            std::process::exit(i32::from(code != std::process::ExitCode::SUCCESS));
        }
    }
    be_the_monitor
};

/// A service named t in jail 7 with everything below `dir`.
pub fn service(dir: &Path, argv: &[&str]) -> Service {
    let name = "t".parse().unwrap();
    let toml = "command = ['/bin/true']\nlog = { facility = 'local3', stdout = 'info', tag = 'jail-t' }";
    let spec = Spec::from_toml(&name, toml).unwrap();
    let config = Config { data_dir: dir.join("data"), run_dir: dir.join("run") };
    let mut service = Service::of(&config, "lsm", dir.join("log"), &name, Jid::new(7).unwrap(), &spec);
    service.units[0].argv = argv.iter().map(|arg| (*arg).to_owned()).collect();
    service.units[0].env = BTreeMap::from([("DIR".into(), dir.to_str().unwrap().into())]);
    service
}

/// One monitor in a directory of its own, with a syslog daemon. Gone, with all it ran, when dropped.
struct Bench {
    dir: tempfile::TempDir,
    syslog: UnixDatagram,
    service: Service,
    lines: Vec<String>,
}

impl Bench {
    /// A service that runs `script` with sh; `$DIR` is the bench's directory.
    fn new(script: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let syslog = UnixDatagram::bind(dir.path().join("log")).unwrap();
        let service = service(dir.path(), &["/bin/sh", "-c", script]);
        Bench { syslog, service, dir, lines: Vec::new() }
    }

    fn with(mut self, change: impl FnOnce(&mut Service)) -> Self {
        change(&mut self.service);
        self
    }

    fn launch(&self) -> Result<Report, LaunchError> {
        let verb = self.files().lock_verbs(Duration::from_secs(20)).unwrap();
        launch(&std::env::current_exe().unwrap(), &self.service, &verb).and_then(Launched::report)
    }

    fn started(self) -> Self {
        assert_eq!(self.launch().unwrap(), Report::Ready);
        self
    }

    fn files(&self) -> Files {
        Files::of(&self.service.config(), &self.service.name)
    }

    fn status(&self) -> Status {
        self.files().state().unwrap()
    }

    fn monitor(&self) -> Option<i32> {
        self.files().holder().map(|holder| holder.pid)
    }

    /// Asks the monitor to stop and waits for its end.
    fn stop(&self) -> Duration {
        let begun = Instant::now();
        let fd = pidfd::open(self.monitor().expect("a live monitor")).unwrap();
        pidfd::signal(&fd, Signal::SIGTERM).unwrap();
        assert!(pidfd::wait(&fd, Duration::from_secs(20)), "the monitor did not end");
        begun.elapsed()
    }

    fn until(&self, what: &str, mut test: impl FnMut(&Self) -> bool) {
        let until = Instant::now() + Duration::from_secs(20);
        while !test(self) {
            assert!(Instant::now() < until, "{what}: did not happen; state {:?}", self.files().state());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits for a log line that holds `text`; returns it without time and priority.
    fn line(&mut self, text: &str) -> String {
        self.syslog.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut buffer = vec![0; 1 << 16];
        loop {
            let Ok(length) = self.syslog.recv(&mut buffer) else {
                panic!("no line with {text:?}; there were {:#?}", self.lines);
            };
            let line = String::from_utf8(buffer[..length].to_vec()).expect("a log line is text");
            assert!(!line.chars().any(char::is_control), "{line:?}");
            let line = line.split_once("]: ").expect("a tag with a pid").1.to_owned();
            self.lines.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
    }

    fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.dir.path().join(name)).unwrap_or_default()
    }

    /// A pid that a process of the service wrote to a file.
    fn pid(&self, name: &str) -> i32 {
        // Read once: the next run writes it anew.
        let read = |bench: &Self| bench.file(name).strip_suffix('\n').and_then(|text| text.parse().ok());
        let mut pid = None;
        self.until("a pid file", |bench| {
            pid = read(bench);
            pid.is_some()
        });
        pid.unwrap()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let Some(fd) = self.monitor().and_then(|pid| pidfd::open(pid).ok()) else { return };
        let _ = pidfd::signal(&fd, Signal::SIGTERM);
        pidfd::wait(&fd, Duration::from_secs(20));
    }
}

/// Alive, and not a zombie that pid 1 has yet to reap.
fn lives(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['Z', 'X']))
}

fn ps(pid: i32, column: &str) -> String {
    let output = Command::new("ps").args(["-o", &format!("{column}="), "-p", &pid.to_string()]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
