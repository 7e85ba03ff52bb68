//! The verbs for a jail that is up, which need no jail of their own: against a body that calls itself real, and with the
//! test program as the monitor. What brings jails up and down is tested where there are jails.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::rc::Rc;
use std::sync::mpsc;
use std::time::Instant;

use super::*;
use crate::jail::Config;
use crate::kernel::sim::Sim;
use crate::kernel::{
    Denial, Description, Gate, JailDef, JailInfo, JailStats, Kernel, KernelError, Limits, Member, Policy, Usage,
};

/// [`Sim`], but for its name.
#[derive(Default)]
struct NotSim(Sim);

impl Kernel for NotSim {
    fn body(&self) -> &'static str {
        "lsm"
    }
    fn describe(&self) -> Description {
        Description { body: self.body(), ..self.0.describe() }
    }
    fn create(&self, def: &JailDef) -> Result<Jid, KernelError> {
        self.0.create(def)
    }
    fn update(&self, jid: Jid, policy: &Policy) -> Result<(), KernelError> {
        self.0.update(jid, policy)
    }
    fn destroy(&self, jid: Jid) -> Result<(), KernelError> {
        self.0.destroy(jid)
    }
    fn gate(&self, jid: Jid) -> Result<Box<dyn Gate>, KernelError> {
        self.0.gate(jid)
    }
    fn members(&self, jid: Jid) -> Result<Vec<Member>, KernelError> {
        self.0.members(jid)
    }
    fn signal_all(&self, jid: Jid, signal: i32) -> Result<usize, KernelError> {
        self.0.signal_all(jid, signal)
    }
    fn kill_all(&self, jid: Jid, timeout: Duration) -> Result<(), KernelError> {
        self.0.kill_all(jid, timeout)
    }
    fn freeze(&self, jid: Jid) -> Result<(), KernelError> {
        self.0.freeze(jid)
    }
    fn thaw(&self, jid: Jid) -> Result<(), KernelError> {
        self.0.thaw(jid)
    }
    fn list(&self) -> Result<Vec<JailInfo>, KernelError> {
        self.0.list()
    }
    fn stats(&self, jid: Option<Jid>) -> Result<Vec<JailStats>, KernelError> {
        self.0.stats(jid)
    }
    fn sample(&self, jid: Jid) -> Result<(), KernelError> {
        self.0.sample(jid)
    }
    fn hold(&self, jid: Jid, held: bool) -> Result<(), KernelError> {
        self.0.hold(jid, held)
    }
    fn admits_limits(&self, limits: &Limits, data: &Path) -> Result<(), KernelError> {
        self.0.admits_limits(limits, data)
    }
    fn limit(&self, jid: Jid, limits: &Limits) -> Result<(), KernelError> {
        self.0.limit(jid, limits)
    }
    fn limits(&self, jid: Jid) -> Result<Limits, KernelError> {
        self.0.limits(jid)
    }
    fn usage(&self, jid: Jid) -> Result<Usage, KernelError> {
        self.0.usage(jid)
    }
    fn denials(&self) -> Result<(Vec<Denial>, u64), KernelError> {
        self.0.denials()
    }
}

struct Bench {
    dir: tempfile::TempDir,
    host: Host,
    name: JailName,
    _syslog: UnixDatagram,
}

impl Bench {
    fn new() -> Self {
        Self::over(tempfile::tempdir().unwrap())
    }

    fn over(dir: tempfile::TempDir) -> Self {
        let config = Config { data_dir: dir.path().join("data"), run_dir: dir.path().join("run") };
        let syslog = UnixDatagram::bind(dir.path().join("log")).unwrap();
        let host = Host { kernel: Rc::new(NotSim::default()), config };
        Bench { host, name: "t".parse().unwrap(), _syslog: syslog, dir }
    }

    fn control(&self) -> Control<'_> {
        let mut control = Control::new(&self.host, &self.name);
        control.exe = std::env::current_exe().unwrap();
        control.syslog = self.dir.path().join("log");
        control
    }

    fn spec(&self, script: &str) -> Spec {
        let dir = self.dir.path().to_str().unwrap();
        let toml = format!("command = ['/bin/sh', '-c', '''{script}''']\nenv = {{ DIR = '{dir}' }}");
        Spec::from_toml(&self.name, &toml).unwrap()
    }

    fn supervise(&self, script: &str) -> Result<(), SuperviseError> {
        self.control().supervise(jid(), &self.spec(script), false)
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.control().end_monitor();
    }
}

fn jid() -> Jid {
    Jid::new(7).unwrap()
}

#[test]
fn a_supervised_jail_has_a_status_and_takes_no_second_supervisor() {
    let bench = Bench::new();
    assert_eq!(bench.control().status(), None);
    bench.supervise("exec sleep 1000").unwrap();
    let status = bench.control().status().unwrap();
    assert_eq!((status.state.as_str(), status.restarts), ("running", 0));
    let again = bench.supervise("exec sleep 1000").unwrap_err();
    assert_eq!(again.to_string(), format!("jail t is already supervised by pid {}", status.pid));
    bench.control().end_monitor();
    assert_eq!(bench.control().status(), None);
    assert!(bench.control().last_status().unwrap().last_exit.unwrap().contains("; stopped by a request of pid "));
}

#[test]
fn a_failed_start_tells_the_reason_and_the_last_words() {
    let error = Bench::new().supervise("echo no such site >&2; echo giving up >&2; exit 7").unwrap_err();
    assert_eq!(
        error.to_string(),
        "jail t did not start: the service exited with status 7 at once; its last words on stderr:\n  no such site\n  giving up"
    );
}

#[test]
fn no_command_and_no_kernel_are_told_before_anything_is_started() {
    let mut bench = Bench::new();
    let spec = Spec::from_toml(&bench.name, "").unwrap();
    let error = bench.control().supervise(jid(), &spec, false).unwrap_err();
    assert_eq!(error.to_string(), "jail t has no command to supervise; set `command`, or name one");
    bench.host.kernel = Rc::new(Sim::new());
    let error = bench.supervise("true").unwrap_err();
    assert!(matches!(error, SuperviseError::Jail(JailError::Kernel(KernelError::Simulated))), "{error}");
    assert!(!bench.dir.path().join("run").exists());
}

#[test]
fn a_program_that_is_no_monitor_is_a_failed_start() {
    let bench = Bench::new();
    for (exe, why) in [
        ("/bin/true", "the supervisor ended without a word; see the system's log"),
        ("/no/such/jailctl", "open this program's file: No such file or directory"),
    ] {
        let mut control = bench.control();
        control.exe = exe.into();
        let error = control.supervise(jid(), &bench.spec("true"), false).unwrap_err();
        assert_eq!(error.to_string(), format!("jail t did not start: {why}"), "{exe}");
    }
}

#[test]
fn two_supervise_at_once_make_one_supervisor() {
    let bench = Bench::new();
    let (dir, spec) = (bench.dir.path().to_owned(), bench.spec("exec sleep 1000"));
    let outcomes: Vec<bool> = std::thread::scope(|scope| {
        let attempts: Vec<_> = (0..6)
            .map(|_| {
                let (dir, spec) = (dir.clone(), spec.clone());
                scope.spawn(move || {
                    let config = Config { data_dir: dir.join("data"), run_dir: dir.join("run") };
                    let host = Host { kernel: Rc::new(NotSim::default()), config };
                    let name = "t".parse().unwrap();
                    let mut control = Control::new(&host, &name);
                    control.exe = std::env::current_exe().unwrap();
                    control.syslog = dir.join("log");
                    match control.supervise(jid(), &spec, false) {
                        Ok(()) => true,
                        Err(SuperviseError::AlreadySupervised { .. }) => false,
                        Err(other) => panic!("{other}"),
                    }
                })
            })
            .collect();
        attempts.into_iter().map(|attempt| attempt.join().unwrap()).collect()
    });
    assert_eq!(outcomes.iter().filter(|supervised| **supervised).count(), 1);
}

/// Runs a foreground supervisor in a thread of its own and returns its thread id and its outcome.
fn in_the_foreground(bench: &Bench, script: &str) -> (i32, mpsc::Receiver<Result<(), String>>) {
    let (send_tid, tid) = mpsc::channel();
    let (send_outcome, outcome) = mpsc::channel();
    let (dir, spec) = (bench.dir.path().to_owned(), bench.spec(script));
    std::thread::spawn(move || {
        // SAFETY: gettid(2) has no arguments and cannot fail.
        send_tid.send(unsafe { libc::gettid() }).unwrap();
        let config = Config { data_dir: dir.join("data"), run_dir: dir.join("run") };
        let host = Host { kernel: Rc::new(NotSim::default()), config };
        let name = "t".parse().unwrap();
        let mut control = Control::new(&host, &name);
        control.exe = std::env::current_exe().unwrap();
        control.syslog = dir.join("log");
        send_outcome.send(control.supervise(jid(), &spec, true).map_err(|error| error.to_string())).unwrap();
    });
    (tid.recv().unwrap(), outcome)
}

fn until_running(bench: &Bench) -> Status {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        match bench.control().status() {
            Some(status) if status.state == "running" => return status,
            _ => assert!(Instant::now() < until, "it does not run"),
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_foreground_supervisor_lasts_until_it_is_interrupted() {
    let bench = Bench::new();
    let (tid, outcome) = in_the_foreground(&bench, "exec sleep 1000");
    let status = until_running(&bench);
    let service = pidfd::open(status.service.unwrap()).unwrap();
    assert!(outcome.try_recv().is_err(), "it returned while the service runs");
    // SAFETY: tgkill(2) takes integers only. To that thread alone, as if it were a program of its own.
    unsafe { libc::syscall(libc::SYS_tgkill, std::process::id(), tid, libc::SIGINT) };
    assert_eq!(outcome.recv_timeout(Duration::from_secs(10)).unwrap(), Ok(()));
    assert!(pidfd::wait(&service, Duration::ZERO), "the service outlives its foreground supervisor");
}

#[test]
fn a_foreground_supervisor_ends_with_a_service_that_is_not_restarted_and_says_how() {
    let bench = Bench::new();
    let mut spec = bench.spec("sleep 0.3; exit 4");
    spec.restart = crate::jail::Restart::Never;
    let error = bench.control().supervise(jid(), &spec, true).unwrap_err().to_string();
    assert_eq!(error, "supervision of jail t ended: exited with status 4; not to be restarted");
    spec.command[2] = "sleep 0.3".into();
    bench.control().supervise(jid(), &spec, true).unwrap();
}

#[test]
fn a_foreground_supervisor_whose_monitor_dies_says_so() {
    let bench = Bench::new();
    let (_, outcome) = in_the_foreground(&bench, "exec sleep 1000");
    let status = until_running(&bench);
    let (monitor, service) = (pidfd::open(status.pid).unwrap(), pidfd::open(status.service.unwrap()).unwrap());
    pidfd::signal(&monitor, Signal::SIGKILL).unwrap();
    let error = outcome.recv_timeout(Duration::from_secs(10)).unwrap().unwrap_err();
    assert_eq!(error, "supervision of jail t ended: the supervisor was killed by SIGKILL");
    pidfd::signal(&service, Signal::SIGKILL).unwrap();
}
