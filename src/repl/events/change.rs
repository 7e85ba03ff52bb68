//! What two looks at a jail differ by, and a denial, as events. Pure.

use crate::kernel::{Denial, JailName};
use crate::supervise::{ServiceStatus, Status};
use crate::telemetry::{object, printable};

/// How much it matters, which is its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    Good,
    Notice,
    Bad,
}

/// Something that happened to a jail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub jail: String,
    pub weight: Weight,
    /// What is the same for all that are told as one.
    pub text: String,
    /// What differs, shown of the first.
    pub detail: String,
    /// Somebody asked for it: whoever runs a script that does knows already.
    pub asked: bool,
}

impl Event {
    fn new(jail: &JailName, weight: Weight, text: impl Into<String>) -> Event {
        Event { jail: jail.to_string(), weight, text: text.into(), detail: String::new(), asked: false }
    }

    fn asked(self) -> Event {
        Event { asked: true, ..self }
    }

    pub fn denied(jail: &str, denial: &Denial) -> Event {
        let about = object(denial).map_or(String::new(), |object| format!(" ({})", printable(&object)));
        let (right, command) = (denial.right, printable(&denial.command));
        let (weight, text) = match denial.audited {
            true => (Weight::Notice, format!("let through {right}{about} for {command}")),
            false => (Weight::Bad, format!("denied {right}{about} to {command}")),
        };
        Event { jail: jail.to_owned(), weight, text, detail: format!(", pid {}", denial.pid), asked: false }
    }

    pub fn lost(count: u64) -> Event {
        let text = format!("{count} denial{} went by too fast to be told", if count == 1 { "" } else { "s" });
        Event { jail: "kernel".to_owned(), weight: Weight::Notice, text, detail: String::new(), asked: false }
    }

    /// `web: denied ping (family inet) to ping, pid 812`.
    pub fn line(&self) -> String {
        format!("{}: {}{}", self.jail, self.text, self.detail)
    }
}

/// A jail's supervisor, as it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub status: Status,
    pub alive: bool,
}

/// What happened between two looks, the first that matters first.
pub fn changes(jail: &JailName, before: Option<&Seen>, after: Option<&Seen>) -> Vec<Event> {
    let event = |weight, text: String| Event::new(jail, weight, text);
    let (before, after) = match (before, after) {
        (None, None) => return Vec::new(),
        (None, Some(after)) => {
            let started = after.alive && matches!(after.status.state.as_str(), "starting" | "running");
            return started.then(|| event(Weight::Good, "started".into()).asked()).into_iter().collect();
        }
        (Some(_), None) => return vec![event(Weight::Notice, "stopped and taken down".into()).asked()],
        (Some(before), Some(after)) => (before, after),
    };
    if before.status.pid != after.status.pid {
        let (old, new) = (before.status.pid, after.status.pid);
        return vec![event(Weight::Notice, format!("has a new supervisor, pid {new} after {old}")).asked()];
    }
    if before.alive && !after.alive && !after.status.has_ended() {
        let pid = after.status.pid;
        return vec![event(Weight::Bad, format!("orphaned: its supervisor, pid {pid}, was killed; jailmgr restart takes over"))];
    }
    let several = after.status.services.len() > 1;
    let mut events = Vec::new();
    for now in &after.status.services {
        let Some(then) = before.status.services.iter().find(|then| then.name == now.name) else { continue };
        let who = if several { format!("service {} ", now.name) } else { String::new() };
        let told = of_service(then, now);
        events.extend(told.map(|(weight, text, detail)| Event { detail, ..event(weight, format!("{who}{text}")) }));
    }
    let why = after.status.last_exit.as_deref().map_or(String::new(), |why| format!(": {}", printable(why)));
    if before.status.state != after.status.state {
        match after.status.state.as_str() {
            "failed" => events.push(event(Weight::Bad, format!("gave up{why}"))),
            "stopped" => events.push(event(Weight::Notice, format!("stopped{why}"))),
            "degraded" => events.push(event(Weight::Bad, format!("goes on without some of its services{why}"))),
            _ => {}
        }
    }
    events
}

/// What happened to a service: how much it matters, what is the same each time, what is not.
fn of_service(then: &ServiceStatus, now: &ServiceStatus) -> Option<(Weight, String, String)> {
    let nothing = String::new;
    let is_over = matches!(now.state.as_str(), "failed" | "stopped");
    // "exited with status 1; restart after 1.8 s": how long differs each time.
    let why = now.last_exit.as_deref().map(printable).unwrap_or_default();
    let (how, then_what) = why.split_at(why.find(';').unwrap_or(why.len()));
    // One that fell again before it was looked at differs by how it ended alone.
    let has_fallen = now.state == "backoff" && (then.state != "backoff" || now.last_exit != then.last_exit);
    let times = now.restarts.saturating_sub(then.restarts);
    if has_fallen {
        return Some((Weight::Bad, format!("ended: {how}"), then_what.to_owned()));
    }
    if times > 0 {
        // Whoever saw it end was told how.
        let seen = then.state == "backoff" && times == 1;
        let how = if seen || how.is_empty() { nothing() } else { format!(": {how}") };
        return Some((Weight::Notice, format!("restarted{how}"), format!(", {} so far", now.restarts)));
    }
    if now.ill > 0 && then.ill == 0 && !is_over {
        return Some((Weight::Bad, "unhealthy: a check failed; :logs tells which".into(), nothing()));
    }
    if now.ill == 0 && then.ill > 0 && now.state == "running" && then.state == "running" {
        return Some((Weight::Good, "healthy again".into(), nothing()));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{Jid, Object};

    fn service(state: &str, restarts: u64, ill: u32, last_exit: Option<&str>) -> ServiceStatus {
        let last_exit = last_exit.map(str::to_owned);
        ServiceStatus { name: "main".into(), state: state.into(), since: 1, restarts, last_exit, pid: None, ready: true, ill }
    }

    fn seen(service: ServiceStatus) -> Seen {
        let (state, restarts, last_exit) = (service.state.clone(), service.restarts, service.last_exit.clone());
        let status = Status { pid: 7, state, since: 1, restarts, last_exit, service: None, services: vec![service] };
        Seen { status, alive: true }
    }

    fn told(before: Option<&Seen>, after: Option<&Seen>) -> String {
        let lines: Vec<String> = changes(&"web".parse().unwrap(), before, after).iter().map(Event::line).collect();
        lines.join(" / ")
    }

    #[test]
    fn each_change_that_matters_has_its_line() {
        let exit = Some("the service exited with status 1; restart after 1.2 s");
        let well = seen(service("running", 0, 0, None));
        let ill = seen(service("running", 0, 2, None));
        let fell = seen(service("backoff", 0, 0, exit));
        let again = seen(service("running", 1, 0, exit));
        let often = seen(service("running", 9, 0, exit));
        let gave_up = seen(service("failed", 9, 0, Some("the service exited with status 1; more than 8 restarts in 300 s")));
        let ended = seen(service("stopped", 0, 0, Some("the service exited with status 0")));
        let killed = Seen { alive: false, ..well.clone() };
        let mut other = well.clone();
        other.status.pid = 8;
        let mut again_and_fell = again.clone();
        again_and_fell.status.services[0].state = "backoff".into();
        let mut fell_again = again_and_fell.clone();
        fell_again.status.services[0].last_exit = Some("the service exited with status 1; restart after 2.1 s".into());
        let steps = [
            (Some(&again_and_fell), Some(&fell_again)),
            (None, Some(&well)),
            (Some(&well), Some(&well)),
            (Some(&well), Some(&ill)),
            (Some(&ill), Some(&well)),
            (Some(&well), Some(&fell)),
            (Some(&fell), Some(&again)),
            (Some(&again), Some(&often)),
            (Some(&often), Some(&gave_up)),
            (Some(&well), Some(&ended)),
            (Some(&well), Some(&killed)),
            (Some(&well), Some(&other)),
            (Some(&well), None),
            (None, None),
        ];
        insta::assert_snapshot!(steps.map(|(before, after)| told(before, after)).join("\n"));
    }

    #[test]
    fn of_several_services_the_one_is_named() {
        let mut before = seen(service("running", 0, 0, None));
        before.status.services.push(ServiceStatus { name: "db".into(), ..service("running", 0, 0, None) });
        let mut after = before.clone();
        after.status.services[1].restarts = 1;
        assert_eq!(told(Some(&before), Some(&after)), "web: service db restarted, 1 so far");
    }

    #[test]
    fn a_denial_names_right_object_and_process_and_moves_no_cursor() {
        let right = "ping".parse().unwrap();
        let command = "pi\u{1b}[2Jng".into();
        let object = Object::Socket { family: 2, kind: 3, protocol: 1 };
        let jid = Jid::new(3).unwrap();
        let denial = Denial { jid, right, audited: false, pid: 812, command, object, subject: None, when_ns: 0 };
        let line = |denial: &Denial| Event::denied("web", denial).line();
        assert_eq!(line(&denial), "web: denied ping (socket inet raw icmp) to pi\\u{1b}[2Jng, pid 812");
        let let_through = Denial { audited: true, subject: Some("/a\u{1b}".into()), object: Object::Nothing, ..denial };
        assert_eq!(line(&let_through), "web: let through ping (/a\\u{1b}) for pi\\u{1b}[2Jng, pid 812");
    }
}
