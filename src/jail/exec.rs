//! Running commands and scripts in a jail and passing their status through.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd::pipe2;

use super::descendants::{self, Adoption};
use super::enter::{Command, Stdio, spawn};
use super::inside::Inside;
use super::relay::{Ended, Flow, Signals, Sink, relay};
use super::script_file::ScriptFile;
use super::terminal::RawMode;
use super::{Child, Host, JailError, lifecycle, root, store};
use crate::kernel::system::pidfd;
use crate::kernel::{JailName, Jid};

/// Collected at most, from stdout and from stderr each.
const OUTPUT_LIMIT: usize = 64 << 20;
/// Exit statuses of env(1).
const NOT_EXECUTABLE: i32 = 126;
const NOT_FOUND: i32 = 127;
/// When someone else reaped the command, as only a caller that ignores SIGCHLD does.
const STATUS_LOST: i32 = 125;

/// A command to run to its end.
#[derive(Debug, Clone, Default)]
pub struct ExecRequest {
    /// Empty: an interactive shell (the user's, from the jail's /etc/passwd).
    pub argv: Vec<String>,
    /// Run by this: `argv` then holds its arguments.
    pub program: Option<Text>,
    pub env: BTreeMap<String, String>,
    pub user: Option<String>,
    pub workdir: Option<String>,
    /// Collect stdout and stderr (stdin is `input`, or empty) instead of passing the caller's through.
    pub capture: bool,
    pub input: Option<Vec<u8>>,
    /// Kill it, and all it started, after this long.
    pub timeout: Option<Duration>,
    /// Whether it gets a pty of its own; `None`: if the caller's stdin is a terminal. Never when capturing.
    pub pty: Option<bool>,
}

/// A program as text. It lies in the jail's /tmp while it runs, for its user alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    pub text: Vec<u8>,
    /// What runs it; the file's name comes behind.
    pub interpreter: Vec<String>,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Exit status, or 128+n for signal n.
    pub status: i32,
    /// Empty unless captured; bytes that are no UTF-8 are replaced.
    pub stdout: String,
    pub stderr: String,
}

/// Runs a command in a jail that is up. With the caller on a terminal (and not capturing) the process gets a fresh pty,
/// relayed here. 127: not found, 126: not executable, as env(1); the reason goes where stderr goes.
///
/// # Errors
/// [`JailError::NotRunning`], [`JailError::TimedOut`], [`JailError::TooMuchOutput`], and those of [`spawn`].
pub fn exec(host: &Host, name: &JailName, request: &ExecRequest) -> Result<Output, JailError> {
    match lifecycle::up(host, name)? {
        Some(jid) => run_request(host, name, jid, request),
        None => {
            store::jail(&host.config, name)?;
            Err(JailError::NotRunning(name.clone()))
        }
    }
}

/// The same for a command whose output is collected and whose standard input is this.
pub(super) fn exec_over(host: &Host, name: &JailName, request: &ExecRequest, stdin: OwnedFd) -> Result<Output, JailError> {
    let jid = lifecycle::up(host, name)?.ok_or_else(|| JailError::NotRunning(name.clone()))?;
    run_over(host, name, jid, &ExecRequest { capture: true, ..request.clone() }, Some(stdin))
}

/// The same in a jail that may be down: it is brought up for the command, without its service, and torn down again.
pub fn exec_ephemeral(host: &Host, name: &JailName, request: &ExecRequest) -> Result<Output, JailError> {
    let running = lifecycle::bring_up(host, name)?;
    let done = run_request(host, name, running.jid, request);
    if !running.brought_up {
        return done;
    }
    // The command's own failure is the one to tell.
    let undone = lifecycle::tear_down_unless_held(host, name);
    done.and_then(|output| undone.map(|()| output))
}

/// Runs shell text in the jail with /bin/sh. A jail that is down is brought up for it, without its service, and with
/// `ephemeral` torn down again.
pub fn apply(host: &Host, name: &JailName, script: &[u8], ephemeral: bool, capture: bool) -> Result<Output, JailError> {
    apply_with(host, name, script, &[], ephemeral, capture, None)
}

/// The same, with arguments for the script: its `$1` and so on; `timeout` as in [`ExecRequest`].
pub fn apply_with(
    host: &Host,
    name: &JailName,
    script: &[u8],
    arguments: &[String],
    ephemeral: bool,
    capture: bool,
    timeout: Option<Duration>,
) -> Result<Output, JailError> {
    let running = lifecycle::bring_up(host, name)?;
    let done = run_script(host, name, running.jid, script, arguments, capture, timeout);
    if running.brought_up && (ephemeral || done.is_err()) {
        let undone = lifecycle::tear_down_unless_held(host, name);
        // The script's own failure is the one to tell.
        return done.and_then(|output| undone.map(|()| output));
    }
    done
}

fn run_request(host: &Host, name: &JailName, jid: Jid, request: &ExecRequest) -> Result<Output, JailError> {
    let Some(program) = &request.program else { return run(host, name, jid, request) };
    let jail = store::jail(&host.config, name)?;
    let owner = match request.user.as_deref() {
        None => 0,
        Some(user) => match user.parse() {
            Ok(uid) => Some(uid),
            Err(_) => Inside::open(host, name)?.user(user)?,
        }
        .ok_or_else(|| JailError::NoSuchUser { name: name.clone(), user: user.to_owned() })?,
    };
    let file = ScriptFile::write(&jail, &program.text, owner)?;
    let argv = [program.interpreter.as_slice(), &[file.path()], &request.argv].concat();
    run(host, name, jid, &ExecRequest { argv, program: None, ..request.clone() })
}

fn run_script(
    host: &Host,
    name: &JailName,
    jid: Jid,
    script: &[u8],
    arguments: &[String],
    capture: bool,
    timeout: Option<Duration>,
) -> Result<Output, JailError> {
    let file = ScriptFile::write(&store::jail(&host.config, name)?, script, 0)?;
    let argv = [&["/bin/sh".into(), file.path()], arguments].concat();
    let request = ExecRequest { argv, capture, timeout, ..ExecRequest::default() };
    run(host, name, jid, &request)
}

fn run(host: &Host, name: &JailName, jid: Jid, request: &ExecRequest) -> Result<Output, JailError> {
    run_over(host, name, jid, request, None)
}

fn run_over(host: &Host, name: &JailName, jid: Jid, request: &ExecRequest, stdin: Option<OwnedFd>) -> Result<Output, JailError> {
    let signals = Signals::hold()?;
    let adoption = request.timeout.map(|_| Adoption::begin()).transpose()?;
    let (stdio, mut wires) = connect(host, name, request, stdin)?;
    let command = Command {
        argv: request.argv.clone(),
        env: request.env.clone(),
        user: request.user.clone(),
        workdir: request.workdir.clone(),
        stdio,
        adopts: request.timeout.is_some(),
    };
    let child = match spawn(host, name, jid, command) {
        Ok(child) => child,
        Err(error @ JailError::NotFound { .. }) => return refused(request, &error, NOT_FOUND),
        Err(error @ JailError::NotExecutable { .. }) => return refused(request, &error, NOT_EXECUTABLE),
        Err(error) => return Err(error),
    };
    let deadline = request.timeout.map(|timeout| Instant::now() + timeout);
    let terminal = wires.terminal.as_ref().map(|(raw, master)| (raw, master.as_fd()));
    let ended = relay(&child, &signals, &mut wires.flows, deadline, terminal);
    if !matches!(ended, Ok(Ended::Exited)) {
        end(host, jid, &child, adoption.as_ref());
    }
    // The terminal is the caller's again before anything else is said.
    drop(wires.terminal);
    let status = child.wait().unwrap_or(STATUS_LOST);
    match ended? {
        Ended::Exited => {
            let mut kept = wires.flows.into_iter().filter(|_| request.capture).map(Flow::into_bytes);
            let text = |bytes: Option<Vec<u8>>| String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned();
            Ok(Output { status, stdout: text(kept.next()), stderr: text(kept.next()) })
        }
        Ended::Deadline => Err(JailError::TimedOut { name: name.clone(), after: request.timeout.unwrap_or_default() }),
        Ended::TooMuch(limit) => Err(JailError::TooMuchOutput { name: name.clone(), limit }),
    }
}

/// Kills a command that must not run on: its session's first group, and with adoption everything below it.
fn end(host: &Host, jid: Jid, child: &Child, adoption: Option<&Adoption>) {
    if adoption.is_some() && !child.is_own() {
        // While it lives its orphans are its children; so first what is below it.
        descendants::kill_below(child.pid, || host.kernel.members(jid).unwrap_or_default());
    }
    // Gone already is as good.
    let _ = child.signal_group(libc::SIGKILL);
    let _ = pidfd::signal(&child.pidfd, libc::SIGKILL);
    if let Some(adoption) = adoption.filter(|_| child.is_own()) {
        adoption.kill_all(child.pid);
    }
}

/// As env(1): a status, and the reason where the program's errors would have gone.
fn refused(request: &ExecRequest, error: &JailError, status: i32) -> Result<Output, JailError> {
    let mut output = Output { status, stdout: String::new(), stderr: String::new() };
    if request.capture {
        output.stderr = format!("{error}\n");
    } else {
        // A closed stderr leaves the status.
        let _ = writeln!(std::io::stderr(), "{error}");
    }
    Ok(output)
}

/// Our ends of a command's standard descriptors.
struct Wires {
    /// When capturing: stdout and stderr first.
    flows: Vec<Flow>,
    /// The caller's terminal and the master of the jail's pty.
    terminal: Option<(RawMode, OwnedFd)>,
}

fn connect(host: &Host, name: &JailName, request: &ExecRequest, stdin: Option<OwnedFd>) -> Result<(Stdio, Wires), JailError> {
    if request.capture {
        return connect_memory(request, stdin);
    }
    let on_terminal = std::io::stdin().is_terminal();
    match request.pty {
        _ if request.input.is_some() => {}
        None | Some(true) if on_terminal => return connect_terminal(host, name),
        Some(true) => return connect_pty(host, name),
        None | Some(false) => {}
    }
    let mut flows = Vec::new();
    let stdin = match &request.input {
        Some(input) => fed(input, &mut flows)?,
        None if on_terminal => {
            let (from, to) = pipe()?;
            flows.push(Flow::input(own(std::io::stdin().as_fd())?, unblocked(to)?));
            from
        }
        None => own(std::io::stdin().as_fd())?,
    };
    let stdout = passed(std::io::stdout().as_fd(), &mut flows)?;
    let stderr = passed(std::io::stderr().as_fd(), &mut flows)?;
    Ok((Stdio::Given { stdin, stdout, stderr }, Wires { flows, terminal: None }))
}

fn connect_memory(request: &ExecRequest, stdin: Option<OwnedFd>) -> Result<(Stdio, Wires), JailError> {
    let (from_stdout, stdout) = pipe()?;
    let (from_stderr, stderr) = pipe()?;
    let mut flows = Vec::new();
    for from in [from_stdout, from_stderr] {
        flows.push(Flow::output(unblocked(from)?, Sink::Memory(OUTPUT_LIMIT)));
    }
    let stdin = match (stdin, &request.input) {
        (Some(stdin), _) => stdin,
        (None, Some(input)) => fed(input, &mut flows)?,
        (None, None) => std::fs::File::open("/dev/null").map_err(JailError::io("open /dev/null"))?.into(),
    };
    Ok((Stdio::Given { stdin, stdout, stderr }, Wires { flows, terminal: None }))
}

/// Both ends of a pty of the jail's: the master, and the slave.
fn open_pty(host: &Host, name: &JailName) -> Result<(OwnedFd, OwnedFd), JailError> {
    let namespace = root::pinned(&host.config, name)?.ok_or_else(|| JailError::NotRunning(name.clone()))?;
    root::open_pty(&namespace)
}

/// A pty of the jail's though the caller has no terminal: what it shows goes to the caller's stdout, what the caller's
/// stdin holds is typed into it.
fn connect_pty(host: &Host, name: &JailName) -> Result<(Stdio, Wires), JailError> {
    let (master, terminal) = open_pty(host, name)?;
    let copy = master.try_clone().map_err(JailError::io("keep the jail's terminal"))?;
    let (stdin, stdout) = (own(std::io::stdin().as_fd())?, own(std::io::stdout().as_fd())?);
    let flows = vec![Flow::output(copy, Sink::Fd(stdout)), Flow::typed(stdin, master)];
    Ok((Stdio::TerminalWith { terminal, stdout: None, stderr: None }, Wires { flows, terminal: None }))
}

/// A pty of the jail's for whatever of the caller's is a terminal; files and pipes are passed through as they are.
fn connect_terminal(host: &Host, name: &JailName) -> Result<(Stdio, Wires), JailError> {
    let (master, terminal) = open_pty(host, name)?;
    let (stdin, out, err) = (std::io::stdin(), std::io::stdout(), std::io::stderr());
    let given = |fd: BorrowedFd<'_>| if fd.is_terminal() { Ok(None) } else { own(fd).map(Some) };
    let (stdout, stderr) = (given(out.as_fd())?, given(err.as_fd())?);
    // What the pty shows goes to a terminal, whichever of ours is one.
    let screen = match (&stdout, &stderr) {
        (None, _) => out.as_fd(),
        (_, None) => err.as_fd(),
        _ => stdin.as_fd(),
    };
    let copy = || master.try_clone().map_err(JailError::io("keep the jail's terminal"));
    let flows = vec![Flow::output(copy()?, Sink::Fd(own(screen)?)), Flow::input(own(stdin.as_fd())?, copy()?)];
    let raw = RawMode::enter(stdin.as_fd())?;
    raw.copy_size(master.as_fd()).map_err(JailError::system("give the jail's terminal its size"))?;
    Ok((Stdio::TerminalWith { terminal, stdout, stderr }, Wires { flows, terminal: Some((raw, master)) }))
}

/// The caller's descriptor, or a pipe in front of it if it is a terminal: a jail is never given that.
fn passed(fd: BorrowedFd<'_>, flows: &mut Vec<Flow>) -> Result<OwnedFd, JailError> {
    if !fd.is_terminal() {
        return own(fd);
    }
    let (from, to) = pipe()?;
    flows.push(Flow::output(unblocked(from)?, Sink::Fd(own(fd)?)));
    Ok(to)
}

/// A standard input with this content.
fn fed(input: &[u8], flows: &mut Vec<Flow>) -> Result<OwnedFd, JailError> {
    let (from, to) = pipe()?;
    flows.push(Flow::bytes(input.to_vec(), unblocked(to)?));
    Ok(from)
}

fn pipe() -> Result<(OwnedFd, OwnedFd), JailError> {
    pipe2(OFlag::O_CLOEXEC).map_err(JailError::system("make a pipe"))
}

fn own(fd: BorrowedFd<'_>) -> Result<OwnedFd, JailError> {
    fd.try_clone_to_owned().map_err(JailError::io("keep a standard descriptor"))
}

/// Our end of a pipe; the other end has its own flags.
fn unblocked(fd: OwnedFd) -> Result<OwnedFd, JailError> {
    fcntl(&fd, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map_err(JailError::system("set up a pipe"))?;
    Ok(fd)
}
