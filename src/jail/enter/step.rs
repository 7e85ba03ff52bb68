//! The steps of entering, and how the child tells which one failed.

use nix::errno::Errno;

macro_rules! steps {
    ($($step:ident $text:literal,)*) => {
        /// A step on the way in.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Step { $($step,)* }

        impl Step {
            const ALL: &[Step] = &[$(Step::$step,)*];

            /// For messages: what could not be done.
            pub fn text(self) -> &'static str {
                match self { $(Step::$step => $text,)* }
            }
        }
    };
}

steps! {
    Report "hear from the new process",
    Session "start a session",
    Terminal "take the terminal",
    Stdio "set up standard input and output",
    Cgroup "join the control group",
    Namespace "go to the jail's mounts",
    Descriptors "close the caller's descriptors",
    User "look up the user",
    Limits "reset the resource limits",
    Scheduling "reset the scheduling",
    Capabilities "drop capabilities",
    Groups "set the groups",
    Enter "become a member",
    Uid "set the user",
    Workdir "go to the working directory",
    Exec "run the program",
}

/// What the child writes to its pipe when a step failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    pub step: Step,
    pub errno: Errno,
}

impl Failure {
    /// Bytes of its written form.
    pub const SIZE: usize = 5;

    pub fn encode(self) -> [u8; Failure::SIZE] {
        let errno = (self.errno as i32).to_ne_bytes();
        [self.step as u8, errno[0], errno[1], errno[2], errno[3]]
    }

    /// A report that is none says so itself.
    pub fn decode(bytes: &[u8]) -> Failure {
        let torn = Failure { step: Step::Report, errno: Errno::EPROTO };
        let [step, errno @ ..] = bytes else { return torn };
        let (Some(step), Ok(errno)) = (Step::ALL.get(usize::from(*step)), <[u8; 4]>::try_from(errno)) else { return torn };
        Failure { step: *step, errno: Errno::from_raw(i32::from_ne_bytes(errno)) }
    }
}

/// For `map_err`: the step a call belongs to.
pub fn at(step: Step) -> impl FnOnce(Errno) -> Failure {
    move |errno| Failure { step, errno }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_survives_the_pipe() {
        for step in Step::ALL {
            let failure = Failure { step: *step, errno: Errno::EACCES };
            assert_eq!(Failure::decode(&failure.encode()), failure);
        }
    }

    #[test]
    fn a_torn_report_is_no_success() {
        for bytes in [&[][..], &[1], &[200, 0, 0, 0, 0], &[1, 2, 3]] {
            assert_eq!(Failure::decode(bytes).step, Step::Report);
        }
    }
}
