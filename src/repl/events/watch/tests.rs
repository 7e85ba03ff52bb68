use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::super::Events;
use super::*;
use crate::jail::Config;
use crate::kernel::sim::Sim;

struct Told(Sender<String>);

impl ExternalPrinter for Told {
    fn print(&mut self, text: String) -> rustyline::Result<()> {
        let _ = self.0.send(text);
        Ok(())
    }
}

/// As a supervisor replaces its state.
fn write(dir: &Path, state: &str, restarts: u64) {
    let service = format!(
        r#"{{"name":"main","state":"{state}","since":1,"restarts":{restarts},"last_exit":"exited with status 3; restart after 1.0 s","pid":null,"ready":true}}"#
    );
    let text = format!(
        r#"{{"pid":7,"state":"{state}","since":1,"restarts":{restarts},"last_exit":null,"service":null,"services":[{service}]}}"#
    );
    fs::create_dir_all(dir).unwrap();
    fs::write(dir.join("new"), text).unwrap();
    fs::rename(dir.join("new"), dir.join(STATE)).unwrap();
}

/// What is told before a look that is seldom would have found it.
fn soon(told: &Receiver<String>) -> String {
    told.recv_timeout(SELDOM - OFTEN).expect("something is told at once")
}

#[test]
fn a_change_is_told_at_once_also_of_jails_that_came_later() {
    let place = tempfile::tempdir().unwrap();
    let config = Config { data_dir: place.path().join("data"), run_dir: place.path().join("run") };
    let jails = config.run_dir.join("jails");
    write(&jails.join("web"), "running", 0);
    let board = Board::default();
    let (sender, told) = channel();
    let open: Open = Arc::new(move || Ok(Host { kernel: Rc::new(Sim::new()), config: config.clone() }));
    let mut events = Events::new(Told(sender), &board, open, false);
    events.begin();
    while !board.known().begun {
        std::thread::sleep(Duration::from_millis(1));
    }
    for jail in ["web", "mail"] {
        write(&jails.join(jail), "running", 0);
        std::thread::sleep(10 * SETTLE);
        write(&jails.join(jail), "backoff", 0);
        assert_eq!(soon(&told), format!("* {jail}: ended: exited with status 3; restart after 1.0 s\n"));
    }
    write(&jails.join("web"), "running", 1);
    assert_eq!(soon(&told), "* web: restarted, 1 so far\n");
    write(&jails.join("db"), "running", 0);
    std::thread::sleep(10 * SETTLE);
    write(&jails.join("db"), "failed", 0);
    assert!(soon(&told).starts_with("* db: gave up"));
    events.end();
    write(&jails.join("db"), "stopped", 0);
    assert!(told.recv_timeout(5 * CALM).is_err(), "told while no line is typed");
    events.begin();
    assert!(soon(&told).starts_with("* db: stopped"));
    events.end();
    assert!(board.report(9).contains("Z db: stopped"), "{}", board.report(9));
}
