//! A new policy for a jail that is up, without touching its spec.

use serde_json::{Value, json};

use super::spec::SpecError;
use super::{Host, JailError, Spec};
use crate::kernel::{JailInfo, Level, Policy, Port, RightSet};

/// What is to change; `None` leaves it as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    rights: Option<RightSet>,
    ports: Option<Vec<Port>>,
}

impl Wanted {
    /// Checked as a spec is.
    pub fn parse(level: Option<&str>, ports: Option<&[Port]>) -> Result<Wanted, SpecError> {
        let numbers: Option<Vec<u16>> = ports.map(|ports| ports.iter().map(|port| port.get()).collect());
        Wanted::from_tree(&level.into(), &json!(numbers))
    }

    /// From the values that the keys of the same names have in a spec; null leaves it as it is.
    pub fn from_tree(profile: &Value, ports: &Value) -> Result<Wanted, SpecError> {
        // The name is for the tag of a log, which is not asked for here.
        let name = "update".parse().expect("a jail's name");
        let policy = Spec::parse(&name, &json!({ "profile": profile, "ports": ports }))?.policy();
        Ok(Wanted { rights: (!profile.is_null()).then_some(policy.rights), ports: (!ports.is_null()).then_some(policy.ports) })
    }
}

/// A policy before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyChange {
    pub before: Policy,
    pub after: Policy,
}

impl PolicyChange {
    /// What differs, a line each: `key: old -> new`. Empty when nothing does.
    pub fn lines(&self) -> Vec<String> {
        let (before, after) = (&self.before, &self.after);
        let mut lines = Vec::new();
        if before.rights != after.rights {
            lines.push(format!("profile: {} -> {}", level(before.rights), level(after.rights)));
            for (what, one, other) in [("granted", after.rights, before.rights), ("denied", before.rights, after.rights)] {
                let names: Vec<&str> = one.iter().filter(|right| !other.holds(*right)).map(|right| right.name()).collect();
                if !names.is_empty() {
                    lines.push(format!("{what}: {}", names.join(", ")));
                }
            }
        }
        if before.ports != after.ports {
            lines.push(format!("ports: {} -> {}", list(&before.ports), list(&after.ports)));
        }
        lines
    }
}

fn level(rights: RightSet) -> &'static str {
    Level::ALL.into_iter().find(|level| level.rights() == rights).map_or("custom", Level::name)
}

fn list(ports: &[Port]) -> String {
    match ports {
        [] => "none".into(),
        ports => ports.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
    }
}

/// Changes the policy of a live jail, until it is taken down. Nothing is changed on an error: a body that cannot do it
/// says so.
pub fn update(host: &Host, jail: &JailInfo, wanted: &Wanted) -> Result<PolicyChange, JailError> {
    let before = jail.policy.clone();
    let after = Policy {
        rights: wanted.rights.unwrap_or(before.rights),
        ports: wanted.ports.clone().unwrap_or_else(|| before.ports.clone()),
    };
    if after != before {
        host.kernel.update(jail.jid, &after)?;
    }
    Ok(PolicyChange { before, after })
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::jail::Config;
    use crate::kernel::{JailDef, Kernel, KernelError, sim::Sim};

    fn port(number: i64) -> Port {
        Port::try_from(number).unwrap()
    }

    fn host(jails: &[(&str, i64)]) -> Host {
        let kernel = Sim::new();
        for (name, number) in jails {
            let policy = Policy { rights: Level::High.rights(), ports: vec![port(*number)] };
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
        assert_eq!(jail(&host, "web").policy, Policy { rights: Level::Low.rights(), ports: vec![port(80)] });
        assert_eq!(update(&host, &jail(&host, "web"), &wanted).unwrap().lines(), [""; 0]);
        let wanted = Wanted::parse(None, Some(&[port(443), port(80)])).unwrap();
        assert_eq!(update(&host, &jail(&host, "web"), &wanted).unwrap().lines(), ["ports: 80 -> 443,80"]);
        let wanted = Wanted::parse(None, Some(&[])).unwrap();
        assert_eq!(update(&host, &jail(&host, "web"), &wanted).unwrap().lines(), ["ports: 443,80 -> none"]);
    }

    #[test]
    fn a_port_of_another_jail_is_refused_and_nothing_changes() {
        let host = host(&[("web", 80), ("db", 5432)]);
        let wanted = Wanted::parse(Some("low"), Some(&[port(5432)])).unwrap();
        let error = update(&host, &jail(&host, "web"), &wanted).unwrap_err();
        assert!(matches!(error, JailError::Kernel(KernelError::PortTaken { .. })), "{error}");
        assert_eq!(jail(&host, "web").policy, Policy { rights: Level::High.rights(), ports: vec![port(80)] });
    }

    #[test]
    fn a_wrong_policy_is_told_as_in_a_spec() {
        assert!(Wanted::parse(Some("hgih"), None).unwrap_err().to_string().contains("did you mean \"high\""));
        let many: Vec<Port> = (1..=33).map(port).collect();
        assert!(Wanted::parse(None, Some(&many)).unwrap_err().to_string().contains("at most 32"));
        assert!(Wanted::parse(None, Some(&[port(80), port(80)])).unwrap_err().to_string().contains("named twice"));
    }
}
