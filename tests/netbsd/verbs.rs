//! The verbs of jailctl for NetBSD, as they are, over the module over the double of the kernel. What they ask of mount(2), fork(2)
//! and kqueue(2) is written down here instead of done; what they ask of the module, it does.

use std::ffi::OsString;
use std::rc::Rc;

use insta::assert_snapshot;

use crate::body::{Served, Wire};
use crate::cli::{self, Exit};
use crate::kernel::netbsd::SERVED;
use crate::supervise::SUPERVISED;
use crate::told::told;

/// One call: its exit status, and what it complained of.
fn jailctl(words: &str) -> (u8, String) {
    call("jailctl", words)
}

fn call(tool: &str, words: &str) -> (u8, String) {
    let words: Vec<OsString> = [tool].into_iter().chain(words.split_whitespace()).map(OsString::from).collect();
    match cli::run(tool, words) {
        Ok(Exit(status)) => (status, String::new()),
        Err(failure) => (failure.exit.0, failure.message.unwrap_or_default()),
    }
}

const FINE: (u8, String) = (0, String::new());

fn fails(words: &str, exit: u8, says: &str) {
    let (status, said) = jailctl(words);
    assert!(status == exit && said.contains(says), "{words}: {status}: {said}");
}

#[test]
fn each_verb_does_to_the_module_what_it_says() {
    assert!(nix::unistd::geteuid().is_root(), "this test needs root, as jailctl does");
    let served = Rc::new(Served::start());
    SERVED.with_borrow_mut(|current| *current = Some(Wire::over(&served)));

    assert_eq!(jailctl("create -n web -l medium -r 80,443,80 /jails/a"), FINE);
    assert_eq!(told(), ["compose /jails/a of /"]);
    assert_eq!(jailctl("create --name db --base none --deny ptrace /jails/b"), FINE);
    assert_eq!(told(), ["compose /jails/b of nothing"]);
    fails("create -n web /jails/c", 1, "jail web is already in the kernel");
    assert_eq!(told(), ["compose /jails/c of /", "take down /jails/c"], "what was mounted is taken away again");
    fails("create -n third -r 443 /jails/c", 1, "port 443 is reserved by jail web");
    told();
    fails("create -n third --deny connect /jails/c", 69, "right connect cannot be kept from a jail by the netbsd body");
    assert!(told().is_empty(), "what the kernel would refuse is refused before anything is mounted");

    for verb in [
        "list",
        "list -o json",
        "stats -P -h",
        "stats -v",
        "stats web",
        "info web",
        "info -o json 2",
        "update -l high web",
        "update --no-ports web",
    ] {
        assert_eq!(jailctl(verb), FINE, "{verb}");
    }
    assert_eq!(jailctl("update -r 8080 db"), FINE);
    assert_eq!(jailctl("update -r 80 db"), FINE, "web gave its ports up");
    fails("update db", 64, "nothing to change");
    fails("update -r 80 web", 1, "port 80 is reserved by jail db");
    fails("info none", 1, "no jail none in the kernel");
    fails("stats 77", 1, "no jail with jid 77");

    assert_eq!(jailctl("exec -u www -E A=b -w /srv web id -u").0, 127);
    assert_eq!(told(), ["enter /jails/a as www in /srv on vt220 with [\"A=b\"]: [\"id\", \"-u\"]"]);
    assert_eq!(jailctl("supervise -f local3 -o info -e 3 -t tag web /bin/httpd -b"), FINE);
    assert_eq!(told(), ["supervise web: [\"/bin/httpd\", \"-b\"] to local3.info and err as tag"]);
    assert_eq!(jailctl("supervise -F db /bin/db"), FINE);
    assert_eq!(told(), ["supervise db: [\"/bin/db\"] to daemon.info and warning as jail-db, here"]);
    SUPERVISED.set(true);
    fails("destroy web", 1, "use jailctl destroy --stop web");
    SUPERVISED.set(false);

    served.ask("become /jails/a").1.unwrap();
    served.ask("write id 01000000").1.unwrap();
    served.ask("host").1.unwrap();
    fails("destroy web", 1, "jail 1 still has 1 member");
    assert_eq!(jailctl("kill -s HUP web"), FINE);
    assert_eq!(jailctl("destroy --stop web"), FINE);
    assert_eq!(told(), ["stop web", "take down /jails/a"]);
    assert_eq!(jailctl("destroy db"), FINE);
    assert_eq!(told(), ["take down /jails/b"]);
    assert_eq!(jailctl("list"), FINE);
}

#[test]
fn what_netbsd_lacks_is_refused_with_what_there_is_instead() {
    let mut text = String::new();
    for verb in ["denials", "freeze", "logs", "metrics", "status", "thaw", "top", "wait"] {
        let (status, said) = jailctl(&format!("{verb} web"));
        assert_eq!(status, 69, "{verb}");
        text += &format!("{said}\n");
    }
    for (tool, words) in
        [("jailsh", "doctor"), ("jailmgr", "list"), ("jailctl", "frobnicate"), ("jailctl", ""), ("jailctl", "list --tabel")]
    {
        let (status, said) = call(tool, words);
        text += &format!("{tool} {words} ({status}): {said}\n");
    }
    assert_snapshot!(text);
}

#[test]
fn the_help_of_each_verb_has_an_example_and_its_exit_statuses() {
    let mut tool = cli::command();
    tool.build();
    let mut text = tool.clone().term_width(80).render_long_help().to_string();
    for verb in tool.get_subcommands() {
        let help = verb.clone().term_width(80).render_long_help().to_string();
        assert!(help.contains("Example: jailctl ") && help.contains("Exit status: "), "{help}");
        text += &format!("\n=== {}\n\n{help}", verb.get_name());
    }
    assert_snapshot!(text);
}
