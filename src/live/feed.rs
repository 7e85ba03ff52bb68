//! Where samples come from: this thread, or one of its own, so that no key waits for a host of many jails.

use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;

use nix::sys::signal::SigSet;

use super::glance::Glance;
use super::sample::Sample;
use crate::kernel::JailName;

/// A sample, or why there is none.
pub type Seen = Result<Sample, String>;

pub trait Feed {
    /// Asks for a sample, with more of this jail. One at a time.
    fn ask(&mut self, wanted: Option<JailName>);

    /// The sample that was asked for, once it is there.
    fn take(&mut self) -> Option<Seen>;
}

/// Looks when asked, here.
pub struct Here {
    glance: Glance,
    seen: Option<Seen>,
}

impl Here {
    pub fn new(glance: Glance) -> Here {
        Here { glance, seen: None }
    }
}

impl Feed for Here {
    fn ask(&mut self, wanted: Option<JailName>) {
        self.seen = Some(self.glance.look(wanted.as_ref()).map_err(|error| error.to_string()));
    }

    fn take(&mut self) -> Option<Seen> {
        self.seen.take()
    }
}

/// Looks in a thread that opens the host for itself, and ends with this value.
pub struct Threaded {
    asked: Option<Sender<Option<JailName>>>,
    seen: Receiver<Seen>,
    thread: Option<JoinHandle<()>>,
}

impl Threaded {
    /// `open` runs in the thread; what it returns lives there. Why it failed is the answer to the first question.
    pub fn new<K>(open: impl FnOnce() -> Result<(Glance, K), String> + Send + 'static) -> std::io::Result<Threaded> {
        let (asked, questions) = channel::<Option<JailName>>();
        let (answers, seen) = channel();
        let look = move || {
            // Signals are for the thread that waits for keys.
            let _ = SigSet::all().thread_block();
            let mut opened = open();
            for wanted in questions {
                let answer = match &mut opened {
                    Ok((glance, _)) => glance.look(wanted.as_ref()).map_err(|error| error.to_string()),
                    Err(why) => Err(why.clone()),
                };
                if answers.send(answer).is_err() {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("live".into()).spawn(look)?;
        Ok(Threaded { asked: Some(asked), seen, thread: Some(thread) })
    }
}

impl Feed for Threaded {
    fn ask(&mut self, wanted: Option<JailName>) {
        // A thread that ended is told of by `take`.
        let _ = self.asked.as_ref().map(|asked| asked.send(wanted));
    }

    fn take(&mut self) -> Option<Seen> {
        match self.seen.try_recv() {
            Ok(seen) => Some(seen),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Err("the thread that looks at the host ended".into())),
        }
    }
}

impl Drop for Threaded {
    fn drop(&mut self) {
        self.asked = None;
        if let Some(thread) = self.thread.take() {
            // Its panic was told when it came.
            let _ = thread.join();
        }
    }
}
