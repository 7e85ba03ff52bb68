//! The first steps of a keeper: from a fresh copy of this program on the host to the first member of a jail.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::process::ExitCode;

use nix::errno::Errno;
use nix::sys::signal::{SigSet, SigmaskHow, sigprocmask};
use nix::sys::stat::{Mode, umask};
use nix::unistd::chdir;
use serde::{Deserialize, Serialize};

use super::message::decode;
use super::serve::Keeper;
use crate::jail::enter::program::close_all_but;
use crate::jail::relaunch::{FIRST, inherited, unsealed};
use crate::jail::{Config, JailError, root};
use crate::kernel::system::{self, Signals, reset};
use crate::kernel::{JailName, Jid, keepers_body};

/// Descriptors of a keeper: its task, where it reports to, where it is asked, and whose it is.
const TASK_FD: RawFd = FIRST;
const REPORT_FD: RawFd = FIRST + 1;
const LISTENER_FD: RawFd = FIRST + 2;
const LINK_FD: RawFd = FIRST + 3;
/// Longest description of a task.
const MAX_TASK: usize = 64 << 10;

/// What a keeper is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    pub name: JailName,
    pub jid: Jid,
    pub config: Config,
}

/// The word of a keeper that is ready; anything else it reports is why it is not.
pub const READY: &[u8] = b"+";

/// Runs the keeper that [`super::launch`] started.
pub fn main() -> ExitCode {
    let [task, report, listener, link] = [TASK_FD, REPORT_FD, LISTENER_FD, LINK_FD].map(inherited);
    let task = task.and_then(|task| unsealed(task, MAX_TASK)).and_then(|task| decode::<Task>(&task).ok());
    let (Some(task), Some(report), Some(listener)) = (task, report, listener) else {
        eprintln!("jailctl: this is not how a keeper is started; use `jailctl exec` or `jailmgr start`");
        return ExitCode::from(64);
    };
    let mut report = File::from(report);
    let kept = [report.as_raw_fd(), listener.as_raw_fd()].into_iter().chain(link.as_ref().map(AsRawFd::as_raw_fd)).collect();
    let prepared = enter(&task, kept);
    let word = prepared.as_ref().map_or_else(|error| error.to_string().into_bytes(), |_| READY.to_vec());
    // Nobody to hear it: then the first who asks will.
    let _ = report.write_all(&word);
    drop(report);
    match prepared {
        Ok(signals) => {
            Keeper::new(listener, link, signals).run();
            ExitCode::SUCCESS
        }
        Err(_) => ExitCode::FAILURE,
    }
}

/// Becomes a member, with no descriptor but those `kept`, and what all its children are to inherit.
fn enter(task: &Task, mut kept: Vec<RawFd>) -> Result<Signals, JailError> {
    let failed = |step: &'static str| {
        let name = task.name.clone();
        move |errno: Errno| JailError::Enter { name, step, errno }
    };
    // What `ps -o comm` and top show; `ps ax` shows argv.
    system::name_process(c"jailctl").map_err(failed("name the keeper"))?;
    system::adopt_orphans(true).map_err(failed("adopt orphans"))?;
    // All of them: members may send it any, and only SIGKILL is to end it.
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::all()), None).map_err(failed("block signals"))?;
    let mut wanted = SigSet::empty();
    wanted.add(nix::sys::signal::Signal::SIGCHLD);
    let signals = Signals::of(&wanted).map_err(failed("receive signals"))?;
    reset::oom_score();
    reset::limits().map_err(failed("reset the resource limits"))?;
    reset::scheduling().map_err(failed("reset the scheduling"))?;
    reset::keyring();

    let gate = keepers_body()?.gate(task.jid)?;
    let namespace = root::pinned(&task.config, &task.name)?.ok_or_else(|| JailError::NotRunning(task.name.clone()))?;
    gate.join_cgroup(false).map_err(failed("join the control group"))?;
    root::go_in(namespace.as_fd()).map_err(failed("go to the jail's mounts"))?;
    drop(namespace);
    chdir("/").map_err(failed("go to the jail's mounts"))?;
    umask(Mode::from_bits_truncate(0o022));
    kept.push(signals.as_fd().as_raw_fd());
    kept.extend(gate.descriptors());
    close_all_but(&mut kept).map_err(failed("close the host's descriptors"))?;
    gate.enter().map_err(failed("become a member"))?;
    Ok(signals)
}
