//! A loaded module, jails that clean up after themselves, and processes in them.

use std::os::fd::OwnedFd;
use std::os::unix::io::AsRawFd;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jailsh::kernel::lsm::Lsm;
use jailsh::kernel::{Gate, JailDef, JailInfo, Jid, Kernel, Level, Policy, Reservation, Right};
use nix::errno::Errno;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};

use super::body::{self, Body};

/// One test at a time: the module is one for the whole machine, and some tests replace it.
static TURN: Mutex<()> = Mutex::new(());

/// The exit status of a child that could not enter its jail.
const NOT_ENTERED: i32 = 250;

pub struct Module {
    pub lsm: Lsm,
    _turn: MutexGuard<'static, ()>,
}

/// The module, loaded; or the reason why the test is skipped.
pub fn module() -> Option<Module> {
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    match Lsm::open_or_load() {
        Ok(lsm) => Some(Module { lsm, _turn: turn }),
        Err(error) if body::chosen() == Some(Body::Lsm) => panic!("the module is required: {error}"),
        Err(error) => {
            eprintln!("skipped: {error}");
            None
        }
    }
}

pub fn port(number: u16) -> Reservation {
    reservation(&number.to_string())
}

pub fn reservation(text: &str) -> Reservation {
    text.parse().unwrap()
}

pub fn right(name: &str) -> Right {
    name.parse().unwrap()
}

pub fn def(name: &str, ports: &[u16]) -> JailDef {
    JailDef {
        name: name.parse().unwrap(),
        root: format!("/var/jailmgr/jails/{name}/root"),
        profile: "medium".into(),
        policy: Policy::new(Level::Medium.rights(), ports.iter().map(|number| port(*number)).collect()),
    }
}

/// A jail that is emptied and destroyed at the end of the test, also of one that failed.
pub struct Jail<'a> {
    lsm: &'a Lsm,
    pub jid: Jid,
}

impl Module {
    pub fn jail(&self, name: &str, ports: &[u16]) -> Jail<'_> {
        self.jail_of(&def(name, ports))
    }

    pub fn jail_of(&self, def: &JailDef) -> Jail<'_> {
        Jail { lsm: &self.lsm, jid: self.lsm.create(def).unwrap() }
    }
}

impl Jail<'_> {
    pub fn info(&self) -> JailInfo {
        self.lsm.list().unwrap().into_iter().find(|jail| jail.jid == self.jid).expect("the jail is listed")
    }

    pub fn denied(&self, name: &str) -> u64 {
        self.lsm.stats(Some(self.jid)).unwrap()[0].denials.as_ref().unwrap().get(&right(name)).copied().unwrap_or(0)
    }

    /// Runs `action` as a member and answers its exit status.
    pub fn run(&self, action: impl FnOnce() -> i32) -> i32 {
        self.start(action).end()
    }

    pub fn start(&self, action: impl FnOnce() -> i32) -> Process {
        let gate = self.lsm.gate(self.jid).unwrap();
        child(|| match enter(&*gate) {
            Ok(()) => action(),
            Err(_) => NOT_ENTERED,
        })
    }

    /// A member that lives on as another program: until its first exec a member is the host's alone to act on.
    pub fn sleeper(&self) -> Process {
        let process = self.start(|| {
            let _ = nix::unistd::execv(c"/bin/sleep", &[c"sleep", c"600"]);
            127
        });
        let comm = format!("/proc/{}/comm", process.pid);
        assert!(eventually(|| std::fs::read_to_string(&comm).is_ok_and(|comm| comm == "sleep\n")));
        process
    }

    /// Waits until the kernel counts this many processes.
    pub fn settles_at(&self, processes: u64) -> bool {
        eventually(|| self.info().processes == processes)
    }
}

impl Drop for Jail<'_> {
    fn drop(&mut self) {
        let killed = self.lsm.kill_all(self.jid, Duration::from_secs(20));
        reap_all();
        let empty = eventually(|| self.lsm.destroy(self.jid).is_ok());
        if !std::thread::panicking() {
            killed.unwrap();
            assert!(empty, "jail {} could not be destroyed", self.jid);
        }
    }
}

/// Joins and enters as `exec` does: no descriptor but the gate's and the standard ones.
pub fn enter(gate: &dyn Gate) -> Result<(), Errno> {
    gate.join_cgroup(false)?;
    gate.enter()
}

/// A child process, killed and reaped when dropped.
pub struct Process {
    pub pid: Pid,
}

impl Process {
    pub fn lives(&mut self) -> bool {
        waitpid(self.pid, Some(nix::sys::wait::WaitPidFlag::WNOHANG)) == Ok(WaitStatus::StillAlive)
    }

    /// Its exit status, 128 plus the signal's number if one ended it.
    pub fn end(mut self) -> i32 {
        let status = status_of(self.pid);
        self.pid = Pid::from_raw(0);
        status
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.pid.as_raw() > 0 {
            let _ = nix::sys::signal::kill(self.pid, nix::sys::signal::Signal::SIGKILL);
            let _ = waitpid(self.pid, None);
        }
    }
}

fn status_of(pid: Pid) -> i32 {
    match waitpid(pid, None).unwrap() {
        WaitStatus::Exited(_, status) => status,
        WaitStatus::Signaled(_, signal, _) => 128 + signal as i32,
        other => panic!("unexpected {other:?}"),
    }
}

pub fn child(action: impl FnOnce() -> i32) -> Process {
    // SAFETY: one test runs at a time and no other thread of ours holds a lock across this; the child ends with _exit.
    match unsafe { fork() }.unwrap() {
        ForkResult::Parent { child } => Process { pid: child },
        ForkResult::Child => {
            let status = std::panic::catch_unwind(std::panic::AssertUnwindSafe(action)).unwrap_or(101);
            // SAFETY: ends the process without running the parent's destructors.
            unsafe { libc::_exit(status) }
        }
    }
}

fn reap_all() {
    while waitpid(Pid::from_raw(-1), Some(nix::sys::wait::WaitPidFlag::WNOHANG))
        .is_ok_and(|status| status != WaitStatus::StillAlive)
    {}
}

/// Waits up to ten seconds.
pub fn eventually(mut holds: impl FnMut() -> bool) -> bool {
    for _ in 0..2000 {
        if holds() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    holds()
}

/// The errno of a system call's answer, 0 if it succeeded: an exit status.
pub fn errno(answer: impl Into<i64>) -> i32 {
    if answer.into() < 0 { Errno::last_raw() } else { 0 }
}

/// A pipe whose closing tells a child to end.
pub fn pipe() -> (OwnedFd, OwnedFd) {
    nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC).unwrap()
}

/// In the child: waits for the other end to close.
pub fn wait_for_close(ends: &(OwnedFd, OwnedFd)) {
    // SAFETY: the child's own copy of the writing end, not used again.
    unsafe { libc::close(ends.1.as_raw_fd()) };
    let mut byte = [0];
    while matches!(nix::unistd::read(&ends.0, &mut byte), Ok(1) | Err(Errno::EINTR)) {}
}

/// Runs one of the module's control programs with a structure of four numbers, the first its version; its answer.
pub fn call(program: &str, mut numbers: [u32; 4]) -> u32 {
    let path = std::ffi::CString::new(format!("{}/current/{program}", Lsm::DIRECTORY)).unwrap();
    // SAFETY: a NUL-terminated path.
    let raw = unsafe { libbpf_sys::bpf_obj_get(path.as_ptr()) };
    assert!(raw >= 0, "{program}: {raw}");
    // SAFETY: a descriptor just made, owned by nobody else.
    let opened = unsafe { <OwnedFd as std::os::fd::FromRawFd>::from_raw_fd(raw) };
    let mut options = libbpf_sys::bpf_test_run_opts {
        sz: size_of::<libbpf_sys::bpf_test_run_opts>() as libbpf_sys::size_t,
        ctx_in: numbers.as_mut_ptr().cast(),
        ctx_size_in: size_of_val(&numbers) as u32,
        ..Default::default()
    };
    // SAFETY: the context is readable and writable for the size given.
    assert_eq!(unsafe { libbpf_sys::bpf_prog_test_run_opts(opened.as_raw_fd(), &raw mut options) }, 0);
    options.retval
}
