//! A new policy for a jail that is up, without touching its spec.

use serde_json::{Map, Value, json};

use super::spec::profile::{auditable_right, grantable_right, whole_right};
use super::spec::{SpecError, connect_anywhere, way_past, way_past_disk};
use super::{Host, JailError, Lock, Spec, disk};
use crate::kernel::{ConnectRule, JailInfo, Level, Limits, Policy, Reservation, Right, RightSet, Verdict};

/// What is to change; `None` leaves it as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// What is held, and what is audited.
    rights: Option<(RightSet, RightSet)>,
    ports: Option<Vec<Reservation>>,
    connect: Option<Vec<ConnectRule>>,
    audit: Choice,
    enforce: Choice,
    /// The keys of a spec's limits that change; null lifts one.
    limits: Map<String, Value>,
}

/// Some rights, or all that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    These(RightSet),
    All,
}

impl Choice {
    const NONE: Choice = Choice::These(RightSet::EMPTY);

    /// Names of rights, or `all`. `key` is what messages call them.
    fn parse(key: &str, names: &[String], right: fn(&str, &str) -> Result<Right, SpecError>) -> Result<Choice, SpecError> {
        if names == [ALL] {
            return Ok(Choice::All);
        }
        let named = |set: RightSet, name: &String| Ok(set.with(right(key, name)?));
        names.iter().try_fold(RightSet::EMPTY, named).map(Choice::These)
    }
}

fn enforceable_right(key: &str, name: &str) -> Result<Right, SpecError> {
    whole_right(key, name)?;
    grantable_right(key, name)
}

/// Stands for every right that can be meant.
const ALL: &str = "all";

impl Wanted {
    /// Checked as a spec is.
    pub fn parse(level: Option<&str>, ports: Option<&[Reservation]>) -> Result<Wanted, SpecError> {
        Wanted::connecting(level, ports, &Value::Null)
    }

    /// The same, with destinations as a spec's `connect` has them.
    pub fn connecting(level: Option<&str>, ports: Option<&[Reservation]>, connect: &Value) -> Result<Wanted, SpecError> {
        Wanted::from_tree(&level.into(), &json!(ports), connect)
    }

    /// From the values that the keys of the same names have in a spec; null leaves it as it is.
    pub fn from_tree(profile: &Value, ports: &Value, connect: &Value) -> Result<Wanted, SpecError> {
        // The name is for the tag of a log, which is not asked for here.
        let name = "update".parse().expect("a jail's name");
        let policy = Spec::parse(&name, &json!({ "profile": profile, "ports": ports, "connect": connect }))?.policy();
        Ok(Wanted {
            rights: (!profile.is_null()).then_some((policy.rights, policy.audited)),
            ports: (!ports.is_null()).then_some(policy.ports),
            connect: (!connect.is_null()).then_some(policy.connect),
            audit: Choice::NONE,
            enforce: Choice::NONE,
            limits: Map::new(),
        })
    }

    /// Besides, rights whose use is let through and told from now on, or no longer. `all` audits what is not held, and
    /// enforces what is audited.
    pub fn switching(self, audit: &[String], enforce: &[String]) -> Result<Wanted, SpecError> {
        let audit = Choice::parse("audit", audit, auditable_right)?;
        Ok(Wanted { audit, enforce: Choice::parse("enforce", enforce, enforceable_right)?, ..self })
    }

    /// Besides, limits: those of a spec's that are named change; `none` or null lifts one, and null alone changes none.
    pub fn limiting(self, limits: &Value) -> Result<Wanted, SpecError> {
        let limits = match limits {
            Value::Object(map) => {
                let lifted = |value: &Value| if value.as_str() == Some("none") { Value::Null } else { value.clone() };
                map.iter().map(|(key, value)| (key.clone(), lifted(value))).collect()
            }
            Value::Null => Map::new(),
            other => Limits::parse("limits", other).map(|_| Map::new())?,
        };
        Limits::parse("limits", &Value::Object(limits.clone()))?;
        Ok(Wanted { limits, ..self })
    }

    /// The limits after it.
    fn limited(&self, before: &Limits) -> Result<Limits, SpecError> {
        let mut tree = serde_json::to_value(before).expect("limits hold only texts and numbers");
        if let Value::Object(map) = &mut tree {
            map.extend(self.limits.clone());
        }
        Limits::parse("limits", &tree).map(|limits| limits.as_kept())
    }

    /// The policy after it.
    pub fn applied(&self, before: &Policy) -> Policy {
        let (mut rights, mut audited) = self.rights.unwrap_or((before.rights, before.audited));
        match self.audit {
            Choice::These(named) => {
                rights = named.iter().fold(rights, RightSet::without);
                audited = named.iter().fold(audited, RightSet::with);
            }
            Choice::All => audited = RightSet::auditable().iter().filter(|right| !rights.holds(*right)).collect(),
        }
        match self.enforce {
            Choice::These(named) => audited = named.iter().fold(audited, RightSet::without),
            Choice::All => audited = RightSet::EMPTY,
        }
        // A jail that was limited stays so under another profile: only a list, be it of "any", opens it.
        if self.connect.is_some() || !before.rights.holds(connect_anywhere()) {
            rights = rights.without(connect_anywhere());
        }
        let ports = self.ports.clone().unwrap_or_else(|| before.ports.clone());
        let connect = self.connect.clone().unwrap_or_else(|| before.connect.clone());
        Policy { rights, audited, ports, connect }
    }
}

/// A policy before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyChange {
    pub before: Policy,
    pub after: Policy,
    /// The limits before and after.
    pub limits: (Limits, Limits),
}

impl PolicyChange {
    /// What differs, a line each: `key: old -> new`. Empty when nothing does.
    pub fn lines(&self) -> Vec<String> {
        let (before, after) = (&self.before, &self.after);
        let mut lines = Vec::new();
        if level(before.rights) != level(after.rights) {
            lines.push(format!("profile: {} -> {}", level(before.rights), level(after.rights)));
        }
        for (what, verdict) in [("granted", Verdict::Allowed), ("denied", Verdict::Refused), ("audited", Verdict::Told)] {
            let turned = |right: &Right| after.judge(*right) == verdict && before.judge(*right) != verdict;
            // Parts that go with a right as a whole are no news of their own.
            let is_named = |part: &Right| before.rights.contains(*part) || after.rights.contains(*part);
            let all = Right::all().chain(Right::parts().filter(is_named));
            let names: Vec<&str> = all.filter(turned).map(Right::name).collect();
            if !names.is_empty() {
                lines.push(format!("{what}: {}", names.join(", ")));
            }
        }
        if before.ports != after.ports {
            lines.push(format!("ports: {} -> {}", list(&before.ports), list(&after.ports)));
        }
        let limits = |policy: &Policy| (!policy.rights.holds(connect_anywhere())).then(|| policy.connect.clone());
        if limits(before) != limits(after) {
            lines.push(format!("connect: {} -> {}", destinations(limits(before)), destinations(limits(after))));
        }
        let (before, after) = &self.limits;
        lines.extend(after.diff(before));
        lines
    }
}

fn destinations(limits: Option<Vec<ConnectRule>>) -> String {
    match limits.as_deref() {
        None => "anywhere".into(),
        Some([]) => "nowhere".into(),
        Some(rules) => rules.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
    }
}

fn level(rights: RightSet) -> &'static str {
    Level::ALL.into_iter().find(|level| level.rights() == rights).map_or("custom", Level::name)
}

fn list(ports: &[Reservation]) -> String {
    match ports {
        [] => "none".into(),
        ports => ports.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
    }
}

/// Changes the policy of a live jail, until it is taken down. Nothing is changed on an error: a body that cannot do it
/// says so.
pub fn update(host: &Host, jail: &JailInfo, wanted: &Wanted) -> Result<PolicyChange, JailError> {
    let before = jail.policy.clone();
    let after = wanted.applied(&before);
    if let Some(right) = way_past(after.rights) {
        return Err(JailError::Conflict {
            what: format!("jail {} may connect only to some places, and {right} sends anywhere all the same", jail.name),
            remedy: format!("use a profile that denies {right}"),
        });
    }
    if let Some((part, (name, ..))) = Right::parts()
        .filter_map(|part| Some((part, part.device()?)))
        .find(|(part, _)| after.rights.contains(*part) && !before.rights.contains(*part))
    {
        return Err(JailError::Conflict {
            what: format!("jail {} has no /dev/{name}, which is made when it starts, so {part} would open nothing", jail.name),
            remedy: "grant it in the jail's spec, and restart the jail".into(),
        });
    }
    let limits_before = host.kernel.limits(jail.jid)?;
    let limits =
        wanted.limited(&limits_before).map_err(|error| JailError::Spec { path: format!("jail {}", jail.name), error })?;
    host.kernel.admits_limits(&limits, &host.config.data_dir)?;
    if let (Some(_), Some(right)) = (limits.disk, way_past_disk(after.open())) {
        return Err(JailError::Conflict {
            what: format!("jail {} has a limit of disk space, and with {right} takes more all the same", jail.name),
            remedy: format!("use a profile that denies {right}, or lift the limit (--disk none)"),
        });
    }
    if limits.disk != limits_before.disk {
        let _lock = Lock::jail(host, &jail.name)?;
        disk::prepare(host, &jail.name, &limits)?;
    }
    if after != before {
        host.kernel.update(jail.jid, &after)?;
    }
    if limits != limits_before
        && let Err(error) = host.kernel.limit(jail.jid, &limits)
    {
        // The first error is the one to tell.
        let _ = host.kernel.limit(jail.jid, &limits_before);
        if after != before {
            let _ = host.kernel.update(jail.jid, &before);
        }
        return Err(error.into());
    }
    Ok(PolicyChange { before, after, limits: (limits_before, limits) })
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::jail::Config;
    use crate::kernel::{JailDef, Kernel, KernelError, sim::Sim};

    fn port(number: i64) -> Reservation {
        number.to_string().parse().unwrap()
    }

    fn host(jails: &[(&str, i64)]) -> Host {
        let kernel = Sim::new();
        for (name, number) in jails {
            let policy = Policy::new(Level::High.rights(), vec![port(*number)]);
            let def = JailDef { name: name.parse().unwrap(), root: "/".into(), profile: "high".into(), policy };
            kernel.create(&def).unwrap();
        }
        Host { kernel: Rc::new(kernel), config: Config::default() }
    }

    fn jail(host: &Host, name: &str) -> JailInfo {
        host.kernel.find(&name.parse().unwrap()).unwrap().unwrap()
    }

    #[test]
    fn the_change_is_told_and_made_and_what_was_not_named_stays() {
        let host = host(&[("web", 80)]);
        let wanted = Wanted::parse(Some("low"), None).unwrap();
        let change = update(&host, &jail(&host, "web"), &wanted).unwrap();
        insta::assert_snapshot!(change.lines().join("\n"));
        assert_eq!(jail(&host, "web").policy, Policy::new(Level::Low.rights(), vec![port(80)]));
        assert_eq!(update(&host, &jail(&host, "web"), &wanted).unwrap().lines(), [""; 0]);
        let wanted = Wanted::parse(None, Some(&[port(443), port(80)])).unwrap();
        assert_eq!(update(&host, &jail(&host, "web"), &wanted).unwrap().lines(), ["ports: 80 -> 443,80"]);
        let wanted = Wanted::parse(None, Some(&[])).unwrap();
        assert_eq!(update(&host, &jail(&host, "web"), &wanted).unwrap().lines(), ["ports: 443,80 -> none"]);
    }

    #[test]
    fn rights_are_switched_to_audit_and_back_while_the_jail_is_up() {
        let host = host(&[("web", 80)]);
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let mut told = Vec::new();
        let steps: [(&[&str], &[&str]); 5] =
            [(&["chroot", "privileged_port"], &[]), (&[], &["chroot"]), (&["all"], &[]), (&["all"], &["perf"]), (&[], &["all"])];
        for (audit, enforce) in steps {
            let wanted = Wanted::parse(None, None).unwrap().switching(&names(audit), &names(enforce)).unwrap();
            told.push(update(&host, &jail(&host, "web"), &wanted).unwrap().lines().join("\n"));
        }
        insta::assert_snapshot!(told.join("\n---\n"));
        let after = jail(&host, "web").policy;
        assert_eq!(after.rights.iter().count() + 1, Level::High.rights().iter().count(), "what was audited is held no more");
        assert_eq!(after.audited, RightSet::EMPTY);
        let fence = Wanted::parse(None, None).unwrap().switching(&names(&["process_see"]), &[]).unwrap_err();
        assert!(fence.to_string().contains("keeps jails apart"), "{fence}");
        let grave = Wanted::parse(None, None).unwrap().switching(&names(&["bpf"]), &[]).unwrap_err();
        assert!(grave.to_string().contains("bpf is never let through to be observed"), "{grave}");
    }

    #[test]
    fn a_netlink_family_is_given_to_a_live_jail_and_a_device_whose_node_it_lacks_is_not() {
        let host = host(&[("web", 80)]);
        let granting = |part: &str| {
            let profile = json!({ "base": "high", "grant": [part] });
            let wanted = Wanted::from_tree(&profile, &Value::Null, &Value::Null).unwrap();
            update(&host, &jail(&host, "web"), &wanted).map(|change| change.lines().join("\n")).map_err(|error| error.to_string())
        };
        let told = ["netlink:audit", "device:kvm", "netlink:generic"].map(granting);
        insta::assert_snapshot!(told.map(|told| told.unwrap_or_else(|error| format!("error: {error}"))).join("\n"));
        let audited = Wanted::parse(None, None).unwrap().switching(&["netlink:audit".to_owned()], &[]).unwrap_err();
        assert!(audited.to_string().contains("is a part of netlink"), "{audited}");
    }

    #[test]
    fn limits_that_are_named_change_and_the_others_stay() {
        let host = host(&[("web", 80)]);
        let change = |limits: Value| {
            let wanted =
                Wanted::parse(None, None).and_then(|wanted| wanted.limiting(&limits)).map_err(|error| error.to_string())?;
            update(&host, &jail(&host, "web"), &wanted).map(|change| change.lines()).map_err(|error| error.to_string())
        };
        let told = change(json!({ "memory": "512M", "cpu": "50%" })).unwrap();
        assert_eq!(told, ["cpu: no limit -> 50%", "memory: no limit -> 512M"]);
        assert_eq!(change(json!({ "memory": "1G" })).unwrap(), ["memory: 512M -> 1G"]);
        assert_eq!(change(json!({ "memory": 1 << 30 })).unwrap(), [""; 0]);
        assert_eq!(change(json!({ "cpu": "none" })).unwrap(), ["cpu: 50% -> no limit"]);
        assert_eq!(
            change(json!({ "memory_soft": "2G" })).unwrap_err(),
            "jail web: limits.memory_soft: 2G is more than memory, 1G; make it less, or leave it out"
        );
        assert!(change(json!({ "memroy": "2G" })).unwrap_err().contains("did you mean \"limits.memory\"?"));
        assert!(change(json!("1G")).unwrap_err().contains("expected a map"));
    }

    #[test]
    fn a_port_of_another_jail_is_refused_and_nothing_changes() {
        let host = host(&[("web", 80), ("db", 5432)]);
        let wanted = Wanted::parse(Some("low"), Some(&[port(5432)])).unwrap();
        let error = update(&host, &jail(&host, "web"), &wanted).unwrap_err();
        assert!(matches!(error, JailError::Kernel(KernelError::PortTaken { .. })), "{error}");
        assert_eq!(jail(&host, "web").policy, Policy::new(Level::High.rights(), vec![port(80)]));
    }

    #[test]
    fn a_wrong_policy_is_told_as_in_a_spec() {
        assert!(Wanted::parse(Some("hgih"), None).unwrap_err().to_string().contains("did you mean \"high\""));
        let many: Vec<Reservation> = (1..=33).map(port).collect();
        assert!(Wanted::parse(None, Some(&many)).unwrap_err().to_string().contains("at most 32"));
        assert!(Wanted::parse(None, Some(&[port(80), port(80)])).unwrap_err().to_string().contains("named twice"));
    }
}
