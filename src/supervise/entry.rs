//! The first steps of a monitor process: who it is, what it takes care of, that it is the only one.

use std::fs::File;
use std::io::Write;
use std::process::ExitCode;

use nix::errno::Errno;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::stat::{Mode, umask};

use super::files::{Files, Held, NotTaken};
use super::launch::Inherited;
use super::monitor::Monitor;
use super::service::{Report, Service};
use super::workload::Workload;
use super::{children, launch};
use crate::kernel::KernelError;
use crate::kernel::system::Signals;

/// Runs the monitor that [`launch::launch`] started. `open` finds the workload of the service.
pub fn main(open: impl FnOnce(&Service) -> Result<Box<dyn Workload>, KernelError>) -> ExitCode {
    let Inherited { service, mut report, verb } = match launch::taken_over() {
        Ok(inherited) => inherited,
        Err(error) => {
            eprintln!("jailctl: {error}");
            return ExitCode::from(64);
        }
    };
    let prepared = prepare(&service);
    // From here on the next verb sees it.
    drop(verb);
    let prepared = prepared.and_then(|(signals, held)| match open(&service) {
        Ok(workload) => Ok((signals, held, workload)),
        Err(error) => Err(failed(error.to_string())),
    });
    match prepared {
        Ok((signals, _held, mut workload)) => {
            let end = Monitor::new(&service, workload.as_mut(), report).run(&signals);
            if end.failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
        }
        Err(word) => {
            say(&mut report, &word);
            ExitCode::FAILURE
        }
    }
}

fn prepare(service: &Service) -> Result<(Signals, Held), Report> {
    let system = |doing: &'static str| move |errno: Errno| failed(format!("{doing}: {}", errno.desc()));
    crate::kernel::system::name_process(c"jailctl").map_err(system("prctl"))?;
    umask(Mode::from_bits_truncate(0o077));
    children::adopt_orphans().map_err(system("prctl"))?;
    let signals: SigSet = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGHUP, Signal::SIGCHLD, Signal::SIGPIPE]
        .into_iter()
        .collect();
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&signals), None).map_err(system("sigprocmask"))?;
    let signals = Signals::of(&signals).map_err(system("signalfd"))?;
    if service.foreground {
        signals.and_end_of_parent().map_err(system("wait for the caller's end"))?;
    }
    let files = Files::of(&service.config(), &service.name);
    files.make_dir().map_err(|error| failed(format!("the run directory: {error}")))?;
    match files.hold(service.grace()) {
        Ok(held) => Ok((signals, held)),
        Err(NotTaken::Held(pid)) => Err(Report::Held { pid }),
        Err(NotTaken::Failed(errno)) => Err(system("the supervisor's pid file")(errno)),
    }
}

fn failed(why: String) -> Report {
    Report::Failed { why, stderr: Vec::new() }
}

/// Says the one thing that is said to whoever started the monitor.
pub fn say(pipe: &mut File, report: &Report) {
    // Whoever asked may be gone; the service runs for itself.
    let _ = pipe.write_all(serde_json::to_string(report).unwrap_or_default().as_bytes());
}
