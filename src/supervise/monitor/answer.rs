//! What the monitor says of itself, and to whom.

use std::time::Instant;

use super::super::desk::{Asked, Wish};
use super::super::group::Event;
use super::super::message::{Reply, Request};
use super::super::{ServiceStatus, Status};
use super::Monitor;

/// Longest reason in a status, in characters.
const MAX_REASON: usize = 400;

impl Monitor<'_> {
    /// Its state now, without the times.
    pub(super) fn observe(&self) -> Status {
        let pid = |unit: usize| self.runners[unit].child.as_ref().map(|child| child.pid.as_raw());
        let services = self.service.units.iter().enumerate().map(|(index, unit)| {
            let machine = self.group.machine(index);
            ServiceStatus {
                name: unit.name.clone(),
                state: machine.state().into(),
                since: 0,
                restarts: machine.restarts(),
                last_exit: machine.last_exit().map(bounded),
                pid: pid(index),
                ready: machine.is_up(),
                ill: machine.ill(),
            }
        });
        Status {
            pid: self.status.pid,
            state: self.group.state().into(),
            since: 0,
            restarts: self.group.restarts(),
            last_exit: self.group.last_exit().as_deref().map(bounded),
            service: pid(0),
            services: services.collect(),
        }
    }

    /// Takes what was asked on the control socket.
    pub(super) fn serve(&mut self) {
        let asked = self.desk.as_mut().map(|desk| desk.hear(Instant::now())).unwrap_or_default();
        for asked in asked {
            let by = format!("a request of pid {}", asked.pid);
            match asked.request.clone() {
                Request::Status => asked.answer(&Reply::Status(self.status.clone())),
                Request::Stop => {
                    asked.answer(&Reply::Stopping);
                    self.tell(Event::StopRequested(by));
                }
                Request::Attach => self.keep(asked, Wish::Ready),
                Request::Restart { service } => self.restart(asked, service, by),
            }
        }
    }

    fn restart(&mut self, asked: Asked, service: Option<String>, by: String) {
        let units = &self.service.units;
        let which = match &service {
            None => None,
            Some(name) => match units.iter().position(|unit| unit.name == *name) {
                Some(index) => Some(index),
                None => {
                    let known: Vec<&str> = units.iter().map(|unit| unit.name.as_str()).collect();
                    return asked.answer(&Reply::refused(&format!("no service named {name}; use {}", known.join(", "))));
                }
            },
        };
        let runs = which.map_or_else(|| (0..units.len()).collect::<Vec<_>>(), |index| vec![index]);
        let wish = Wish::Renewed(runs.into_iter().map(|index| (index, self.group.machine(index).run())).collect());
        self.keep(asked, wish);
        self.tell(Event::RestartRequested(which, by));
    }

    fn keep(&mut self, asked: Asked, wish: Wish) {
        if let Some(desk) = &mut self.desk {
            desk.keep(asked, wish);
        }
    }

    /// Answers those who wait for what has come true, or cannot any more.
    pub(super) fn settle_wishes(&mut self) {
        let Some(mut desk) = self.desk.take() else { return };
        desk.expire(Instant::now());
        desk.settle(|wish| self.fate(wish));
        self.desk = Some(desk).filter(|_| !self.ended);
    }

    fn fate(&self, wish: &Wish) -> Option<Reply> {
        if self.ended {
            let why = self.group.end().map_or("it ended", |end| end.reason.as_str());
            return Some(Reply::failed(why, self.last_words()));
        }
        let renewed = match wish {
            Wish::Ready => return self.group.is_ready().then_some(Reply::Done),
            Wish::Renewed(runs) => runs,
        };
        let failed =
            renewed.iter().map(|(index, _)| self.group.machine(*index)).find(|machine| machine.has_ended() && !machine.is_up());
        if let Some(end) = failed.and_then(|machine| machine.end()) {
            return Some(Reply::failed(&end.reason, Vec::new()));
        }
        let is_new = |(index, before): &(usize, u64)| {
            let machine = self.group.machine(*index);
            machine.run() > *before && machine.is_up()
        };
        renewed.iter().all(is_new).then_some(Reply::Done)
    }

    /// What the services wrote last on stderr before the first start failed: those of the one that failed, first.
    pub(super) fn last_words(&self) -> Vec<String> {
        let failed = (0..self.runners.len()).find(|index| self.group.machine(*index).end().is_some_and(|end| end.failed));
        failed.map(|index| self.runners[index].last_words()).unwrap_or_default()
    }
}

fn bounded(reason: &str) -> String {
    reason.chars().take(MAX_REASON).collect()
}
