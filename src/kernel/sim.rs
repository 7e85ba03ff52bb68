//! No kernel at all: state in memory, decisions by the policy source that the real bodies compile. For plans, script
//! tests and editors. It never runs a command: [`Kernel::gate`] refuses.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use super::connect::destination;
use super::policy::Action;
use super::{
    Denial, Description, Enforcement, Gate, JailDef, JailInfo, JailStats, Jid, Kernel, KernelError, Limits, Member, Object,
    Policy, Protocol, Reservation, Right, RightSet, RightStatus, Usage, Verdict, conflict, policy,
};

/// A simulated kernel. Empty at first; forgotten when dropped.
#[derive(Debug, Default)]
pub struct Sim {
    state: RefCell<State>,
}

#[derive(Debug, Default)]
struct State {
    last_jid: u32,
    jails: BTreeMap<Jid, JailInfo>,
    denied: BTreeMap<(Jid, Right), u64>,
    audited: BTreeMap<(Jid, Right), u64>,
    denials: Vec<Denial>,
    learning: BTreeSet<Jid>,
    frozen: BTreeSet<Jid>,
    limits: BTreeMap<Jid, Limits>,
}

/// Whom or what a simulated process acts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// On a process of this jail (0: the host); a denial counts under the given fence.
    Process { target: u32, fence: Right },
    /// Binding this; without a protocol by one that is neither TCP nor UDP.
    Bind(SocketAddr, Option<Protocol>),
    /// Connecting or sending to there.
    Connect(SocketAddr, Protocol),
    /// Anything the policy judges by right alone.
    Act(Action),
    /// What hooks ask a right about as such: mounting, tracing, a user namespace.
    Use(Right),
}

impl Deed {
    /// The right, or the fence, that it turns on; `None`: free to every jail.
    pub fn right(self) -> Option<Right> {
        match self {
            Deed::Process { fence, .. } => Some(fence),
            Deed::Bind(..) => Some(named("port_foreign")),
            Deed::Connect(..) => Some(named("connect")),
            Deed::Act(action) => policy::right_of(action),
            Deed::Use(right) => Some(right),
        }
    }

    /// What the module would tell that it was about.
    fn object(self) -> Object {
        match self {
            Deed::Process { target, .. } => Object::Process(target),
            Deed::Bind(at, protocol) => Object::Port { address: at.ip(), port: at.port(), protocol },
            Deed::Connect(to, protocol) => Object::Destination { address: to.ip(), port: to.port(), protocol: Some(protocol) },
            Deed::Act(Action::Capability(cap)) => Object::Capability(cap),
            Deed::Act(Action::Device { major, minor, .. }) => Object::Device { major, minor },
            Deed::Act(Action::Socket { family, kind, protocol }) => {
                Object::Socket { family: family as u16, kind: kind as u16, protocol: protocol as u16 }
            }
            Deed::Act(_) | Deed::Use(_) => Object::Nothing,
        }
    }
}

impl Sim {
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on the jail is said to have so many processes.
    pub fn populate(&self, jid: Jid, processes: u64) {
        if let Some(jail) = self.state.borrow_mut().jails.get_mut(&jid) {
            jail.processes = processes;
        }
    }

    /// Judges a deed of a process in jail `actor` (0: the host) as the module would, counting and telling what it is denied and
    /// what only an audited right lets through.
    ///
    /// # Errors
    /// The right whose absence (or the fence that) denied it.
    pub fn judge(&self, actor: u32, deed: Deed) -> Result<(), Right> {
        let mut state = self.state.borrow_mut();
        let (verdict, right) = state.verdict(actor, deed);
        if let (Some(right), Some(jid)) = (right.filter(|_| verdict != Verdict::Allowed), Jid::new(actor)) {
            let audited = verdict == Verdict::Told;
            let counts = if audited { &mut state.audited } else { &mut state.denied };
            *counts.entry((jid, right)).or_default() += 1;
            let (pid, command, object) = (0, "sim".into(), deed.object());
            state.denials.push(Denial { jid, right, audited, pid, command, object, subject: None, when_ns: 0 });
        }
        right.filter(|_| verdict == Verdict::Refused).map_or(Ok(()), Err)
    }
}

impl State {
    fn jail(&mut self, jid: Jid) -> Result<&mut JailInfo, KernelError> {
        self.jails.get_mut(&jid).ok_or(KernelError::NoSuchJail(jid))
    }

    /// Whose it is, if it is not the actor's; 0: nobody else's.
    fn other_owner(&self, actor: u32, at: SocketAddr, protocol: Option<Protocol>) -> u32 {
        let others = self.jails.values().filter(|jail| jail.jid.get() != actor);
        let mut owners = others.filter(|jail| jail.policy.ports.iter().any(|theirs| theirs.reserves(at, protocol)));
        owners.next().map_or(0, |jail| jail.jid.get())
    }

    /// What of these is another jail's.
    fn expect_free(&self, wanted: &[Reservation], of: Option<Jid>) -> Result<(), KernelError> {
        let others = self.jails.values().filter(|jail| Some(jail.jid) != of);
        let found = conflict(wanted, others.map(|jail| (&jail.name, jail.policy.ports.as_slice())));
        found.map_or(Ok(()), |found| Err(found.into()))
    }

    /// A destination: what `connect` says of it, or else what the wall around other jails' ports does.
    fn reaches(&self, actor: u32, to: SocketAddr, protocol: Protocol) -> (Verdict, Option<Right>) {
        let connect = named("connect");
        let jail = Jid::new(actor).and_then(|jid| self.jails.get(&jid));
        let is_listed = jail.is_some_and(|jail| jail.policy.connect.iter().any(|rule| rule.covers(to, Some(protocol))));
        let verdict = if is_listed { Verdict::Allowed } else { self.asks(actor, connect, None) };
        let owner = self.other_owner(actor, to, Some(protocol));
        let here = policy::is_here(&destination(to, Some(protocol)));
        match policy::right_of_reaching(actor, owner).filter(|_| here) {
            Some(right) if verdict == Verdict::Allowed => (self.asks(actor, right, None), Some(right)),
            _ => (verdict, Some(connect)),
        }
    }

    /// And the right or fence it turns on.
    fn verdict(&self, actor: u32, deed: Deed) -> (Verdict, Option<Right>) {
        if let Deed::Connect(to, protocol) = deed {
            return self.reaches(actor, to, protocol);
        }
        let right = match deed {
            Deed::Act(action) => {
                let (held, audited) = self.masks(actor);
                policy::right_asked(action, held, audited)
            }
            deed => deed.right(),
        };
        let walled = |may: bool| if may { Verdict::Allowed } else { Verdict::Refused };
        let verdict = match (deed, right) {
            (Deed::Process { target, .. }, _) => walled(policy::may_act(actor, target)),
            (Deed::Bind(at, protocol), _) => walled(policy::may_bind(actor, self.other_owner(actor, at, protocol))),
            (Deed::Act(action), Some(right)) => self.asks(actor, right, policy::part_of(action)),
            (Deed::Connect(..) | Deed::Use(_), Some(right)) => self.asks(actor, right, None),
            (Deed::Connect(..) | Deed::Act(_) | Deed::Use(_), None) => Verdict::Allowed,
        };
        (verdict, right)
    }

    /// `part`: what of the right would do.
    fn asks(&self, actor: u32, right: Right, part: Option<Right>) -> Verdict {
        let Some(jid) = Jid::new(actor) else { return Verdict::Allowed };
        if let Some(jail) = self.jails.get(&jid).filter(|_| self.learning.contains(&jid)) {
            return policy::judge_learned(jail.policy.rights, right, part);
        }
        let (held, audited) = self.masks(actor);
        policy::judge(held, audited, right)
    }

    /// What a jail holds, and what is audited; nothing of one that is not there.
    fn masks(&self, actor: u32) -> (RightSet, RightSet) {
        match Jid::new(actor).and_then(|jid| self.jails.get(&jid)) {
            Some(jail) if self.learning.contains(&jail.jid) => (RightSet::EMPTY, RightSet::auditable()),
            Some(jail) => (jail.policy.rights, jail.policy.audited),
            None => (RightSet::EMPTY, RightSet::EMPTY),
        }
    }
}

fn named(name: &str) -> Right {
    name.parse().expect("a name of the rights table")
}

impl Kernel for Sim {
    fn body(&self) -> &'static str {
        "sim"
    }

    fn describe(&self) -> Description {
        let simulated = |right| RightStatus {
            right,
            enforcement: Enforcement::NotEnforceable { why: "simulated: answers as the module would, enforces nothing".into() },
        };
        Description {
            body: self.body(),
            abi: 0,
            kernel: "none".into(),
            rights: Right::all().map(simulated).collect(),
            notes: vec!["nothing is enforced: this body exists for plans and tests and never runs a command".into()],
        }
    }

    fn create(&self, def: &JailDef) -> Result<Jid, KernelError> {
        let mut state = self.state.borrow_mut();
        if state.jails.values().any(|jail| jail.name == def.name) {
            return Err(KernelError::NameTaken(def.name.clone()));
        }
        state.expect_free(&def.policy.ports, None)?;
        state.last_jid += 1;
        let jid = Jid::new(state.last_jid).expect("counts from 1");
        let info = JailInfo {
            jid,
            name: def.name.clone(),
            root: def.root.clone(),
            profile: def.profile.clone(),
            policy: def.policy.clone(),
            processes: 0,
            held: false,
            closing: false,
        };
        state.jails.insert(jid, info);
        Ok(jid)
    }

    fn update(&self, jid: Jid, policy: &Policy) -> Result<(), KernelError> {
        let mut state = self.state.borrow_mut();
        state.expect_free(&policy.ports, Some(jid))?;
        state.jail(jid)?.policy = policy.clone();
        Ok(())
    }

    fn destroy(&self, jid: Jid) -> Result<(), KernelError> {
        let mut state = self.state.borrow_mut();
        state.jail(jid)?;
        state.jails.remove(&jid);
        state.frozen.remove(&jid);
        state.learning.remove(&jid);
        state.denied.retain(|(of, _), _| *of != jid);
        state.audited.retain(|(of, _), _| *of != jid);
        Ok(())
    }

    fn gate(&self, _jid: Jid) -> Result<Box<dyn Gate>, KernelError> {
        Err(KernelError::Simulated)
    }

    fn members(&self, jid: Jid) -> Result<Vec<Member>, KernelError> {
        self.state.borrow_mut().jail(jid)?;
        Ok(Vec::new())
    }

    fn signal_all(&self, jid: Jid, _signal: i32) -> Result<usize, KernelError> {
        self.state.borrow_mut().jail(jid)?;
        Ok(0)
    }

    fn kill_all(&self, jid: Jid, _timeout: Duration) -> Result<(), KernelError> {
        self.state.borrow_mut().jail(jid)?.closing = true;
        Ok(())
    }

    fn freeze(&self, jid: Jid) -> Result<(), KernelError> {
        let mut state = self.state.borrow_mut();
        state.jail(jid)?;
        state.frozen.insert(jid);
        Ok(())
    }

    fn is_frozen(&self, jid: Jid) -> Result<bool, KernelError> {
        Ok(self.state.borrow().frozen.contains(&jid))
    }

    fn thaw(&self, jid: Jid) -> Result<(), KernelError> {
        let mut state = self.state.borrow_mut();
        state.jail(jid)?;
        state.frozen.remove(&jid);
        Ok(())
    }

    fn list(&self) -> Result<Vec<JailInfo>, KernelError> {
        Ok(self.state.borrow().jails.values().cloned().collect())
    }

    fn stats(&self, jid: Option<Jid>) -> Result<Vec<JailStats>, KernelError> {
        let mut state = self.state.borrow_mut();
        if let Some(jid) = jid {
            state.jail(jid)?;
        }
        let counted = |counts: &BTreeMap<(Jid, Right), u64>, of: Jid| {
            counts.iter().filter(|((jid, _), _)| *jid == of).map(|((_, right), count)| (*right, *count)).collect()
        };
        let stats = |jail: &JailInfo| JailStats {
            jid: jail.jid,
            name: jail.name.clone(),
            root: jail.root.clone(),
            cpu_ticks_1s: 0,
            cpu_ticks_10s: 0.0,
            processes: jail.processes,
            references: u64::from(jail.held),
            vmem_bytes: 0,
            cpu_usec: 0,
            denials: Some(counted(&state.denied, jail.jid)),
            audits: Some(counted(&state.audited, jail.jid)),
            learning: state.learning.contains(&jail.jid),
        };
        Ok(state.jails.values().filter(|jail| jid.is_none_or(|jid| jid == jail.jid)).map(stats).collect())
    }

    fn sample(&self, jid: Jid) -> Result<(), KernelError> {
        self.state.borrow_mut().jail(jid).map(|_| ())
    }

    fn hold(&self, jid: Jid, held: bool) -> Result<(), KernelError> {
        self.state.borrow_mut().jail(jid)?.held = held;
        Ok(())
    }

    /// Without a clock: until it is ended.
    fn learn(&self, jid: Jid, lease: Duration) -> Result<(), KernelError> {
        let mut state = self.state.borrow_mut();
        state.jail(jid)?;
        if lease.is_zero() {
            state.learning.remove(&jid)
        } else {
            state.learning.insert(jid)
        };
        Ok(())
    }

    fn admits_limits(&self, _limits: &Limits, _data: &Path) -> Result<(), KernelError> {
        Ok(())
    }

    fn limit(&self, jid: Jid, limits: &Limits) -> Result<(), KernelError> {
        let mut state = self.state.borrow_mut();
        state.jail(jid)?;
        state.limits.insert(jid, limits.as_kept());
        Ok(())
    }

    fn limits(&self, jid: Jid) -> Result<Limits, KernelError> {
        let mut state = self.state.borrow_mut();
        state.jail(jid)?;
        Ok(state.limits.get(&jid).cloned().unwrap_or_default())
    }

    fn usage(&self, jid: Jid) -> Result<Usage, KernelError> {
        self.state.borrow_mut().jail(jid).map(|_| Usage::default())
    }

    fn denials(&self) -> Result<(Vec<Denial>, u64), KernelError> {
        Ok((std::mem::take(&mut self.state.borrow_mut().denials), 0))
    }
}
