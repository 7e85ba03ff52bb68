//! newest: what a process calls itself, what it does and what it says moves no cursor and forges no line of whoever looks.

#[path = "support/body.rs"]
mod body;
#[path = "support/jail.rs"]
mod jail;
#[path = "support/program.rs"]
mod program;
#[path = "support/stage.rs"]
mod stage;

use std::time::{Duration, Instant};

use jailsh::kernel::Level;

use body::Body;
use jail::{TestJail, output_of, tool};
use program::Program;
use stage::{BAIT, Stage};

/// Of CVE-2023-28101's kind.
#[test]
fn nothing_that_a_member_calls_itself_names_or_says_reaches_a_screen_as_it_is() {
    let Some(body) = body::here() else { return };
    let stage = Stage::set(Program::build());
    let wait_and_say = format!("/bin/sh -c 'until test -x {BAIT}/attacks; do sleep 0.2; done; exec {BAIT}/attacks named'");
    let jail = TestJail::with_service(&stage, "words-named", Level::Medium, &[], &wait_and_say);
    let look = |tool_name: &str, arguments: &[&str]| {
        let mut command = tool(tool_name, &stage);
        command.args(arguments);
        let output = output_of(command);
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        assert!(!text.chars().any(|c| c.is_control() && !"\n\t".contains(c)), "{tool_name} {arguments:?}: {text:?}");
        assert!(!text.lines().any(|line| line.trim_start().starts_with("forged")), "{tool_name} {arguments:?}: {text:?}");
        text
    };
    let name = jail.name.as_str();
    let limit = Instant::now() + Duration::from_secs(60);
    while !look("jailctl", &["logs", name]).contains("done") {
        assert!(Instant::now() < limit, "the service never spoke");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(look("jailctl", &["logs", name]).contains("forged line"), "what it said is shown, escaped");
    // Only one body tells denials; how the others are shown has nothing to do with the kernel.
    let verbs: &[&str] = if body == Body::Lsm { &["denials"] } else { &["status", "stats", "info"] };
    for shape in [&[][..], &["-o", "json"], &["-o", "tsv"]] {
        for verb in verbs {
            let text = look("jailctl", &[&[*verb, name], shape].concat());
            assert!(*verb != "denials" || text.contains("forged"), "what was denied is shown, escaped: {text}");
        }
    }
    look("jailctl", &["top", "-n", "1"]);
}
