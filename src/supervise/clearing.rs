//! Killing until nothing is left, in rounds: what died may leave children, who become the monitor's and are met next time.

use std::time::{Duration, Instant};

use super::children::{self, Owner};

/// Between two rounds of killing.
const ROUND: Duration = Duration::from_millis(20);
/// After this, what will not die (a process in a system call that does not end) is left.
const GIVE_UP: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Everything of one service.
    Service(usize),
    /// What a check started.
    Check,
    /// All children but the keeper.
    Leftovers,
    /// Every member of the jail.
    Jail,
}

#[derive(Debug)]
pub struct Clearing {
    pub what: What,
    /// Whose children are meant; all, without one.
    pub owner: Option<Owner>,
    give_up: Instant,
    pub next: Instant,
}

impl Clearing {
    pub fn new(what: What, owner: Option<Owner>) -> Clearing {
        let now = Instant::now();
        Clearing { what, owner, give_up: now + GIVE_UP, next: now }
    }

    /// One round, when it is due: what there is of it was reaped as far as it died. With the number of those that live
    /// elsewhere in the jail. The outcome, once there is one: how many would not die.
    pub fn round(&mut self, elsewhere: usize, spared: &[i32]) -> Option<usize> {
        let left = children::kill_children(self.owner.as_ref(), spared).max(elsewhere);
        let now = Instant::now();
        if left == 0 || now >= self.give_up {
            return Some(left);
        }
        self.next = now + ROUND;
        None
    }
}
