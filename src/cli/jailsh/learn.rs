//! `jailsh learn`: watches what a jail does while all of it but what would end the host is let through, and proposes the smallest profile.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use clap::Args;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::Pid;

use crate::cli::Outcome;
use crate::cli::failure::{Exit, Failure};
use crate::cli::input;
use crate::cli::options::Common;
use crate::cli::output;
use crate::cli::site::Site;
use crate::cli::target::Target;
use crate::cli::watch::Watch;
use crate::kernel::system;
use crate::kernel::{JailInfo, Jid, Kernel, Right, RightSet};
use crate::script::duration;
use crate::telemetry::Format;
use crate::telemetry::trail::{self, Entry, Lines, Outcome as Fate, Proposal, propose, replay};

/// How long the kernel goes on without hearing from us.
const LEASE: Duration = Duration::from_secs(5);
const STEP: Duration = Duration::from_millis(250);
const USUAL: Duration = Duration::from_secs(60);

/// Propose the smallest profile for a jail, as a script with its reasons.
///
/// For a while rights are let through to the jail, held or not, and each use is
/// told: watch its service at work, or give a COMMAND to run in it. What high
/// does not hold and was used is granted, with who used it on what. A right
/// that opens much of the host is flagged and left to you. Walls between jails
/// stay, and so do denials of rights of which one use can end the host or the
/// walls (bpf, device, file_handle, kernel_fs_write, kernel_module, mount,
/// namespaces, raw_io, reboot, swap, sysctl_write): they are told, and what a
/// program would do next is seen once you granted them. The policy is as before
/// at the end, however that comes: the kernel ends it by itself 5 seconds after
/// it last heard from this tool.
/// Needs the lsm body; with --from a trail is read instead, here or elsewhere.
///
/// Examples: jailsh learn web --for 10m --output web.rhai
///           jailsh learn web -- /usr/sbin/nginx -t
///           jailsh learn --from trail
///
/// Exit status: 0 done, 1 failed, or the body has no audit mode, 64 wrong use,
/// 65 no trail, 66 no such file, 69 the kernel cannot do it, 73 the file is
/// there, 77 not root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Learn {
    /// End after TIME (30s, 10m, 2h) [default: 60s; with a COMMAND, its end].
    /// Ctrl-C ends it too
    #[arg(long = "for", value_name = "TIME", value_parser = duration::parse, conflicts_with = "from")]
    lasting: Option<Duration>,
    /// Learn from this trail of jailctl denials -o json; - is standard input
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// Write the script to FILE, which must not be there yet
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Keep what was seen in FILE, for jailsh why --replay
    #[arg(long, value_name = "FILE", conflicts_with = "from")]
    trail: Option<PathBuf>,
    /// Print the proposal as JSON instead of the script
    #[arg(long, conflicts_with = "output")]
    json: bool,
    /// Name or jid; with --from only that jail's uses count
    #[arg(value_name = "NAME|JID", required_unless_present = "from")]
    jail: Option<Target>,
    /// Program and arguments to run in the jail meanwhile
    #[arg(value_name = "COMMAND", last = true, conflicts_with = "from")]
    command: Vec<String>,
}

impl Learn {
    pub fn run(self, common: &Common) -> Outcome {
        for file in [&self.output, &self.trail].into_iter().flatten() {
            if file.exists() {
                return Err(Failure::new(Exit::CANNOT_CREATE, format!("{} is there already; name another file", file.display())));
            }
        }
        match (&self.from, &self.jail) {
            (Some(file), _) => self.read(file),
            (None, Some(jail)) => self.live(common, jail),
            (None, None) => Err(Failure::new(Exit::USAGE, "name a jail, or a trail with --from")),
        }
    }

    fn read(&self, file: &Path) -> Outcome {
        let data = |why: String| Failure::new(Exit::DATA, format!("{}: {why}", file.display()));
        let mut entries = trail::read(&input::read_text(file)?).map_err(|error| data(error.to_string()))?;
        match &self.jail {
            Some(Target::Name(name)) => entries.retain(|entry| entry.jail == name.as_str()),
            Some(Target::Jid(jid)) => entries.retain(|entry| entry.jid == *jid),
            None => {}
        }
        let Some(jail) = entries.first().map(|entry| entry.jail.clone()) else {
            return Err(data("nothing in it is of that jail".into()));
        };
        if let Some(other) = entries.iter().find(|entry| entry.jail != jail) {
            return Err(data(format!("it is of {jail} and {}; name one of them", other.jail)));
        }
        self.tell(&jail, &entries, RightSet::EMPTY, "read from a trail")
    }

    fn live(&self, common: &Common, jail: &Target) -> Outcome {
        let site = Site::open(common)?;
        let jail = jail.resolve(&site)?;
        let begun = Instant::now();
        let entries = self.watch(&site, common, &jail)?;
        if let Some(file) = &self.trail {
            write_new(file, &Lines::new(Format::Json, false).render(&entries))?;
        }
        let how = match self.command.first() {
            Some(program) => format!("{program} ran"),
            None => format!("watched for {} s", begun.elapsed().as_secs()),
        };
        self.tell(jail.name.as_str(), &entries, jail.policy.rights, &how)
    }

    /// Lets everything through and takes down what is used, until the time is up, the command ended or somebody wants it to end.
    fn watch(&self, site: &Site, common: &Common, jail: &JailInfo) -> Result<Vec<Entry>, Failure> {
        let signals = Signals::hold()?;
        let mut watch = Watch::new(site, Some(jail.jid));
        // What was before is not learned from.
        site.kernel.denials()?;
        let before = Counts::of(site, jail.jid)?;
        site.kernel.learn(jail.jid, LEASE)?;
        let _end = Ending { kernel: &*site.kernel, jid: jail.jid };
        let mut child = if self.command.is_empty() { None } else { Some(exec(site, common, jail, &self.command)?) };
        let lasting = self.lasting.or(self.command.is_empty().then_some(USUAL));
        let until = lasting.map(|lasting| Instant::now() + lasting);
        let mut entries = Vec::new();
        loop {
            let is_asked = signals.wait(STEP);
            site.kernel.learn(jail.jid, LEASE)?;
            watch.take(0)?;
            entries.extend(watch.told());
            let is_over = until.is_some_and(|until| Instant::now() >= until);
            if let Some(running) = &mut child
                && running.try_wait().map_err(|error| cannot("wait for the command", &error))?.is_some()
            {
                child = None;
                break;
            }
            if is_asked || is_over {
                break;
            }
        }
        if let Some(running) = &mut child {
            // Passed on to the command. It is a child that was not waited for, so the number is its own.
            let _ = kill(Pid::from_raw(running.id() as i32), Signal::SIGTERM);
            running.wait().map_err(|error| cannot("wait for the command", &error))?;
        }
        watch.take(0)?;
        entries.extend(watch.rest());
        let after = Counts::of(site, jail.jid)?;
        let untold = [
            untold(jail, &entries, Fate::Audited, &before.audits, &after.audits),
            untold(jail, &entries, Fate::Denied, &before.denials, &after.denials),
        ];
        entries.extend(untold.into_iter().flatten());
        Ok(entries)
    }

    fn tell(&self, jail: &str, entries: &[Entry], held: RightSet, how: &str) -> Outcome {
        let proposal = propose(jail, entries, held);
        check(&proposal, entries)?;
        let script = proposal.script(jail, how);
        match &self.output {
            Some(file) => write_new(file, &script)?,
            None if self.json => output::json(&proposal)?,
            None => output::print(&script)?,
        }
        let Proposal { grant, flagged, fences, score, .. } = &proposal;
        let uses: u64 = entries.iter().map(|entry| entry.count).sum();
        let count = |what: usize, one: &str| format!("{what} {one}{}", if what == 1 { "" } else { "s" });
        output::complain(&format!(
            "jailsh: {uses} uses: {} granted, {} flagged, {} kept; exposure {score}; replayed: nothing else is denied\n",
            count(grant.len(), "right"),
            flagged.len(),
            count(fences.len(), "wall"),
        ));
        Ok(Exit::DONE)
    }
}

/// The proposal must let through all that was seen but what it says it does not.
fn check(proposal: &Proposal, entries: &[Entry]) -> Result<(), Failure> {
    let replay = replay(entries, &proposal.profile.policy(Vec::new()));
    let denied = replay.uses.iter().find(|one| one.now != Fate::Allowed && !proposal.is_flagged(one.right));
    denied.map_or(Ok(()), |one| Err(Failure::new(Exit::FAILED, format!("the proposal would deny {}, which was used", one.right))))
}

/// Uses by right, so far.
#[derive(Default)]
struct Counts {
    audits: BTreeMap<Right, u64>,
    denials: BTreeMap<Right, u64>,
}

impl Counts {
    fn of(site: &Site, jid: Jid) -> Result<Counts, Failure> {
        let Some(stats) = site.kernel.stats(Some(jid))?.pop() else { return Ok(Counts::default()) };
        Ok(Counts { audits: stats.audits.unwrap_or_default(), denials: stats.denials.unwrap_or_default() })
    }
}

/// Uses that were counted, of which none was told.
fn untold(
    jail: &JailInfo,
    told: &[Entry],
    verdict: Fate,
    before: &BTreeMap<Right, u64>,
    after: &BTreeMap<Right, u64>,
) -> Vec<Entry> {
    let is_told = |right: Right| told.iter().any(|entry| entry.right == right && entry.verdict == verdict);
    let counted = after.iter().map(|(right, count)| (*right, count - before.get(right).copied().unwrap_or(0).min(*count)));
    let entry = |(right, count): (Right, u64)| Entry {
        time: String::new(),
        jail: jail.name.to_string(),
        jid: jail.jid,
        verdict,
        right,
        object: None,
        pid: 0,
        command: "a program that was not told".into(),
        count,
        lost: count,
    };
    counted.filter(|(right, count)| *count > 0 && !is_told(*right)).map(entry).collect()
}

/// As `jailctl exec`, a process of its own: this one has to go on renewing.
fn exec(site: &Site, common: &Common, jail: &JailInfo, command: &[String]) -> Result<Child, Failure> {
    let mut run = Command::new(system::own_program());
    run.arg0("jailctl").arg("exec");
    run.arg("--kernel").arg(site.kernel.body());
    for (option, value) in [("--data-dir", &common.data_dir), ("--run-dir", &common.run_dir), ("--config", &common.config)] {
        if let Some(value) = value {
            run.arg(option).arg(value);
        }
    }
    run.arg("--no-pty").arg(jail.name.as_str()).arg("--").args(command);
    // Standard output is for the script.
    run.stdin(Stdio::null()).stdout(Stdio::from(std::io::stderr()));
    run.spawn().map_err(|error| cannot("run the command", &error))
}

fn write_new(file: &Path, text: &str) -> Result<(), Failure> {
    let made = OpenOptions::new().write(true).create_new(true).open(file);
    let failed = |error| Failure::new(Exit::CANNOT_CREATE, format!("cannot write {}: {error}", file.display()));
    made.and_then(|mut file| file.write_all(text.as_bytes())).map_err(failed)
}

fn cannot(doing: &str, error: &std::io::Error) -> Failure {
    Failure::new(Exit::FAILED, format!("cannot {doing}: {error}"))
}

/// Ends it at once; the kernel would within [`LEASE`].
struct Ending<'a> {
    kernel: &'a dyn Kernel,
    jid: Jid,
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        // A jail that is gone learns no more either.
        let _ = self.kernel.learn(self.jid, Duration::ZERO);
    }
}

/// SIGINT, SIGTERM and SIGHUP, which end the watch and not the process.
struct Signals(system::Signals);

impl Signals {
    fn hold() -> Result<Signals, Failure> {
        let mut set = SigSet::empty();
        [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP].into_iter().for_each(|signal| set.add(signal));
        let failed = |errno: nix::errno::Errno| Failure::new(Exit::FAILED, format!("cannot wait for signals: {errno}"));
        set.thread_block().map_err(failed)?;
        system::Signals::of(&set).map(Signals).map_err(failed)
    }

    /// Waits so long; did one come?
    fn wait(&self, time: Duration) -> bool {
        std::thread::sleep(time);
        self.0.next().is_some()
    }
}
