//! `kmod/netbsd`, the kauth(9) module, through its sysctl nodes. This side states what is wanted and shows what is; the
//! module decides. Touches what [`Nodes`] touches.

pub mod abi;
mod describe;
mod nodes;
#[cfg(target_os = "netbsd")]
mod sysctl;

use std::path::Path;
use std::rc::Rc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::errno::Errno;

use self::abi::{ABI, Create, Info, MemberRecord, Record, Signal, Update, errno};
use super::{
    Denial, Description, Enforcement, Gate, JailDef, JailInfo, JailStats, Jid, Kernel, KernelError, Limits, Member, Policy, Port,
    Reservation, Right, RightSet, Usage,
};
pub use nodes::Nodes;
#[cfg(target_os = "netbsd")]
pub use sysctl::Sysctl;

const BODY: &str = "netbsd";
const POLL: Duration = Duration::from_millis(10);
/// A member that ended is a zombie until its parent, or init(8), has seen it, and the module keeps its jail as long.
const REAPED_WITHIN: Duration = Duration::from_secs(5);

/// The loaded module.
pub struct Netbsd<N> {
    nodes: Rc<N>,
}

impl<N: Nodes> Netbsd<N> {
    /// [`KernelError::Abi`] if the module speaks another version, [`KernelError::NotLoaded`] if there is none.
    pub fn open(nodes: N) -> Result<Self, KernelError> {
        let version = nodes.read("version").map_err(|_| KernelError::NotLoaded)?;
        let found = version.try_into().map(u32::from_ne_bytes).unwrap_or(0);
        if found != ABI {
            return Err(KernelError::Abi { found, ours: ABI });
        }
        Ok(Netbsd { nodes: Rc::new(nodes) })
    }

    fn infos(&self) -> Result<Vec<Info>, KernelError> {
        self.nodes.read("list").map(|bytes| Info::read_all(&bytes)).map_err(|number| failed("listing jails", number))
    }

    fn info(&self, jid: Jid) -> Result<Info, KernelError> {
        self.infos()?.into_iter().find(|info| info.jid == jid.get()).ok_or(KernelError::NoSuchJail(jid))
    }

    fn change(&self, mut call: Update) -> Result<(), KernelError> {
        let jid = Jid::new(call.jid).ok_or_else(|| failed("changing a jail", errno::ENOENT))?;
        call.version = ABI;
        let (answer, result) = self.nodes.exchange("update", call.bytes());
        result.map_err(|number| match (number, Update::read_all(&answer).first()) {
            (errno::ENOENT, _) => KernelError::NoSuchJail(jid),
            (errno::EADDRINUSE, Some(told)) => taken(told.taken_port, &told.owner),
            _ => failed("changing a jail", number),
        })
    }

    fn records(&self, jid: Jid) -> Result<Vec<MemberRecord>, KernelError> {
        let bytes = self.nodes.read("members").map_err(|number| failed("listing members", number))?;
        let mut members: Vec<MemberRecord> =
            MemberRecord::read_all(&bytes).into_iter().filter(|member| member.jid == jid.get()).collect();
        members.sort_by_key(|member| member.pid);
        Ok(members)
    }
}

fn failed(doing: &str, number: i32) -> KernelError {
    match number {
        errno::EPERM => KernelError::NotPermitted,
        _ => KernelError::Other { doing: doing.into(), why: format!("NetBSD's error {number}") },
    }
}

fn taken(port: u32, owner: &[u8]) -> KernelError {
    match Port::try_from(i64::from(port)) {
        Ok(port) => KernelError::PortTaken { port: port.into(), theirs: port.into(), owner: abi::text(owner) },
        Err(_) => failed("reserving ports", errno::EADDRINUSE),
    }
}

/// The module keeps numbers: a narrower reservation would take more from others than was said.
fn plain(wanted: Reservation) -> Result<Port, KernelError> {
    wanted.plain().ok_or_else(|| KernelError::NotEnforceable {
        what: format!("port {wanted}"),
        body: BODY,
        why: "its module keeps numbers, each of every address and protocol; name them one by one, as 80,443".into(),
    })
}

fn ports(policy: &Policy) -> Result<(u32, [u16; abi::PORTS]), KernelError> {
    let mut ports = [0; abi::PORTS];
    let too_many = || KernelError::Other { doing: "reserving ports".into(), why: format!("more than {}", abi::PORTS) };
    let places = ports.get_mut(..policy.ports.len()).ok_or_else(too_many)?;
    for (place, wanted) in places.iter_mut().zip(&policy.ports) {
        *place = plain(*wanted)?.get();
    }
    Ok((policy.ports.len() as u32, ports))
}

fn info_of(info: &Info) -> Option<JailInfo> {
    let count = (info.port_count as usize).min(abi::PORTS);
    Some(JailInfo {
        jid: Jid::new(info.jid)?,
        name: abi::text(&info.name).parse().ok()?,
        root: abi::text(&info.root),
        profile: abi::text(&info.profile),
        policy: Policy {
            rights: RightSet::from_mask(info.rights),
            audited: RightSet::EMPTY,
            ports: info.ports[..count].iter().filter_map(|port| Some(Port::try_from(i64::from(*port)).ok()?.into())).collect(),
            connect: Vec::new(),
        },
        processes: info.processes,
        held: false,
        closing: info.state != abi::ACTIVE,
    })
}

fn not_here<T>(what: &str, why: &str) -> Result<T, KernelError> {
    Err(KernelError::NotEnforceable { what: what.into(), body: BODY, why: why.into() })
}

/// Writes the `id` node: no descriptor has to be kept for that.
struct NodeGate<N> {
    nodes: Rc<N>,
    jid: Jid,
}

impl<N: Nodes> Gate for NodeGate<N> {
    fn descriptors(&self) -> Vec<i32> {
        Vec::new()
    }

    fn join_cgroup(&self, _born: bool) -> Result<(), Errno> {
        Ok(())
    }

    /// The caller's root must be the jail's already.
    fn enter(&self) -> Result<(), Errno> {
        self.nodes.write("id", &self.jid.get().to_ne_bytes()).map_err(|number| match number {
            errno::ENOENT => Errno::ESRCH,
            _ => Errno::from_raw(number),
        })
    }
}

impl<N: Nodes + 'static> Kernel for Netbsd<N> {
    fn body(&self) -> &'static str {
        BODY
    }

    fn describe(&self) -> Description {
        describe::describe(self.nodes.release())
    }

    fn holds_root(&self) -> bool {
        true
    }

    fn admits(&self, policy: &Policy) -> Result<(), KernelError> {
        let why = "its module keeps one mask of rights for a jail";
        let refused = |right| KernelError::NoAudit { right, body: BODY, why: why.into() };
        if let Some(right) = policy.audited.iter().next() {
            return Err(refused(right));
        }
        if let Some(part) = policy.rights.iter().find(|right| right.is_part()) {
            return not_here(&format!("granting {part}"), "it is about Linux's devices and netlink");
        }
        let lacking = self.describe().rights.into_iter().filter(|status| !status.right.is_fence());
        for status in lacking.filter(|status| !policy.rights.holds(status.right)) {
            if let Enforcement::NotEnforceable { why } = status.enforcement {
                return Err(KernelError::RightNotEnforceable { right: status.right, body: BODY, why });
            }
        }
        Ok(())
    }

    fn create(&self, def: &JailDef) -> Result<Jid, KernelError> {
        self.admits(&def.policy)?;
        let too_long =
            |what: &str| KernelError::Other { doing: format!("creating jail {}", def.name), why: format!("{what} is too long") };
        let (port_count, ports) = ports(&def.policy)?;
        let call = Create {
            version: ABI,
            rights: def.policy.rights.mask(),
            port_count,
            ports,
            name: abi::fill(def.name.as_str()).ok_or_else(|| too_long("the name"))?,
            root: abi::fill(&def.root).ok_or_else(|| too_long("the root"))?,
            profile: abi::fill(&def.profile).ok_or_else(|| too_long("the profile"))?,
            ..Create::zeroed()
        };
        let (answer, result) = self.nodes.exchange("create", call.bytes());
        let answer = Create::read_all(&answer);
        match (result, answer.first()) {
            (Ok(()), Some(made)) => Jid::new(made.jid).ok_or_else(|| failed("creating a jail", 0)),
            (Err(errno::EEXIST), _) => Err(KernelError::NameTaken(def.name.clone())),
            (Err(errno::EADDRINUSE), Some(told)) => Err(taken(told.taken_port, &told.owner)),
            (result, _) => Err(failed(&format!("creating jail {}", def.name), result.err().unwrap_or(0))),
        }
    }

    fn update(&self, jid: Jid, policy: &Policy) -> Result<(), KernelError> {
        self.admits(policy)?;
        let (port_count, ports) = ports(policy)?;
        let changes = abi::UPDATE_RIGHTS | abi::UPDATE_PORTS;
        self.change(Update { jid: jid.get(), rights: policy.rights.mask(), changes, port_count, ports, ..Update::zeroed() })
    }

    fn destroy(&self, jid: Jid) -> Result<(), KernelError> {
        let deadline = Instant::now() + REAPED_WITHIN;
        loop {
            match self.nodes.write("destroy", &jid.get().to_ne_bytes()) {
                Err(errno::EBUSY) => {}
                Err(errno::ENOENT) => return Err(KernelError::NoSuchJail(jid)),
                result => return result.map_err(|number| failed("destroying a jail", number)),
            }
            let members = self.info(jid)?.processes;
            if members != 0 || Instant::now() >= deadline {
                return Err(KernelError::Busy { jid, members });
            }
            sleep(POLL);
        }
    }

    fn gate(&self, jid: Jid) -> Result<Box<dyn Gate>, KernelError> {
        self.info(jid)?;
        Ok(Box::new(NodeGate { nodes: Rc::clone(&self.nodes), jid }))
    }

    fn members(&self, jid: Jid) -> Result<Vec<Member>, KernelError> {
        self.info(jid)?;
        let member = |record: &MemberRecord| Member { pid: record.pid, command: abi::text(&record.command) };
        Ok(self.records(jid)?.iter().map(member).collect())
    }

    fn signal_all(&self, jid: Jid, signal: i32) -> Result<usize, KernelError> {
        let call = Signal { version: ABI, jid: jid.get(), signal, count: 0 };
        let (answer, result) = self.nodes.exchange("signal", call.bytes());
        match (result, Signal::read_all(&answer).first()) {
            (Ok(()), Some(told)) => Ok(told.count as usize),
            (Err(errno::ENOENT), _) => Err(KernelError::NoSuchJail(jid)),
            (result, _) => Err(failed("signalling a jail", result.err().unwrap_or(0))),
        }
    }

    fn kill_all(&self, jid: Jid, timeout: Duration) -> Result<(), KernelError> {
        let deadline = Instant::now() + timeout;
        self.change(Update { jid: jid.get(), changes: abi::UPDATE_CLOSE, ..Update::zeroed() })?;
        loop {
            self.signal_all(jid, libc::SIGKILL)?;
            let members = self.info(jid)?.processes;
            if members == 0 {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(KernelError::Busy { jid, members });
            }
            sleep(POLL);
        }
    }

    /// SIGSTOP would not do: a member can send SIGCONT.
    fn freeze(&self, _jid: Jid) -> Result<(), KernelError> {
        not_here("freezing", "kauth(9) has no way to stop a process for good")
    }

    fn thaw(&self, _jid: Jid) -> Result<(), KernelError> {
        not_here("thawing", "nothing is ever frozen")
    }

    fn list(&self) -> Result<Vec<JailInfo>, KernelError> {
        Ok(self.infos()?.iter().filter_map(info_of).collect())
    }

    fn stats(&self, jid: Option<Jid>) -> Result<Vec<JailStats>, KernelError> {
        let infos = match jid {
            Some(jid) => vec![self.info(jid)?],
            None => self.infos()?,
        };
        let hz = self.nodes.ticks_per_second().max(1);
        let stats = |info: &Info| {
            let denials = Right::all().map(|right| (right, info.denials[right.index() as usize])).filter(|(_, count)| *count > 0);
            Some(JailStats {
                jid: Jid::new(info.jid)?,
                name: abi::text(&info.name).parse().ok()?,
                root: abi::text(&info.root),
                cpu_ticks_1s: info.cpu_ticks_1s,
                cpu_ticks_10s: info.cpu_ticks_10s as f64,
                processes: info.processes,
                references: info.references,
                vmem_bytes: info.memory_bytes,
                cpu_usec: info.cpu_ticks.saturating_mul(1_000_000) / hz,
                denials: Some(denials.collect()),
                audits: None,
                learning: false,
            })
        };
        Ok(infos.iter().filter_map(stats).collect())
    }

    /// The module takes its samples by itself.
    fn sample(&self, jid: Jid) -> Result<(), KernelError> {
        self.info(jid).map(drop)
    }

    /// The module keeps no such mark: its references are credentials.
    fn hold(&self, jid: Jid, _held: bool) -> Result<(), KernelError> {
        self.info(jid).map(drop)
    }

    fn admits_limits(&self, limits: &Limits, _data: &Path) -> Result<(), KernelError> {
        match limits.entries().first() {
            None => Ok(()),
            Some((key, _)) => {
                not_here(&format!("the limit {key}"), "NetBSD has no control groups, and limits of its own are a process's")
            }
        }
    }

    fn limit(&self, jid: Jid, limits: &Limits) -> Result<(), KernelError> {
        self.info(jid)?;
        self.admits_limits(limits, Path::new(""))
    }

    fn limits(&self, jid: Jid) -> Result<Limits, KernelError> {
        self.info(jid).map(|_| Limits::default())
    }

    fn usage(&self, jid: Jid) -> Result<Usage, KernelError> {
        self.info(jid).map(|_| Usage::default())
    }

    fn denials(&self) -> Result<(Vec<Denial>, u64), KernelError> {
        not_here("telling denials", "the module counts them, and the kernel's log names the right; see stats")
    }
}
