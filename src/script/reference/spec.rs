//! The keys of a jail's spec, for scripts and for jail.toml. A test compares them with those that the parser takes.

use super::item::Type::{Bool, Integer, List, Map, Text};
use super::shape::{Key, Shape, key};
use crate::jail::spec::{Facility, LogLevel, Restart};
use crate::kernel::{Level, Right};

/// `jail(name, #{...})`, `create(name, #{...})`, jail.toml.
pub const SPEC: Shape = Shape {
    name: "spec",
    summary: "what a jail is to be, in a script and in jail.toml",
    keys: &[
        key(
            "command",
            List,
            "texts, the program's path first; no shell reads them",
            "no service",
            "what the jail runs and the supervisor watches",
        ),
        key(
            "services",
            List,
            "maps, at most 32; not together with command, ready and health",
            "[]",
            "several services in place of command",
        )
        .shape(&SERVICE),
        key("profile", Text, "low, medium, high, a Profile, or a map", "high", "the rights that the jail has")
            .words(levels)
            .shape(&PROFILE),
        key("base", Text, "host, NAME, NAME@VERSION, dir:PATH or tar:PATH", "host", "where its programs come from"),
        key(
            "ports",
            List,
            "numbers, or texts as \"53/udp\", \"127.0.0.2:53\", \"[::1]:53/tcp\", \"5000-5010\"",
            "[]",
            "ports that only this jail may bind: of every protocol and address where none is named",
        ),
        key(
            "connect",
            List,
            "ADDRESS[/PREFIX][:PORT[-PORT]][/tcp or /udp], with any for every address and brackets around IPv6; at most 32",
            "anywhere",
            "where alone it may connect and send to; [] for nowhere",
        ),
        key("limits", Map, "see spec.limits", "none", "what the jail as a whole may take of the machine").shape(&LIMITS),
        key("log", Map, "see spec.log", "daemon, notice, err, jail-NAME", "where the lines of its service go in syslog")
            .shape(&LOG),
        key("autostart", Bool, "true or false", "false", "started by `jailmgr start --all` and at boot"),
        key("depends_on", List, "names of other jails", "[]", "jails that are started before it and stopped after it"),
        RESTART,
        MAX_RESTARTS,
        RESTART_WINDOW,
        key("user", Text, "a name of the jail's /etc/passwd, or a number", "root", "whom the service runs as"),
        key("env", Map, "texts by name", "#{}", "variables of the service, beside the clean ones"),
        key("stop_signal", Text, "TERM, INT, QUIT, HUP, USR1, USR2 or KILL", "TERM", "what asks the service to end")
            .words(stop_signals),
        key("stop_grace", Integer, "0 to 3600 seconds", "5", "time between that signal and SIGKILL"),
        READY,
        HEALTH,
    ],
};

const RESTART: Key = key(
    "restart",
    Text,
    "always, on-failure or never",
    "always",
    "whether a service that ended is started again, after 1, 2, 4, 8, 10, 10... s",
)
.words(restarts);
const MAX_RESTARTS: Key = key(
    "max_restarts",
    Integer,
    "0 to 1000",
    "no limit",
    "more restarts than this within restart_window and the service is given up",
);
const RESTART_WINDOW: Key =
    key("restart_window", Text, "seconds, or a text as \"500ms\", \"2m\", \"1h\"", "300", "time in which restarts are counted");
const READY: Key =
    key("ready", Map, "see spec.ready", "once it was executed and lasted a moment", "when the service counts as started")
        .shape(&READINESS);
const HEALTH: Key =
    key("health", Map, "see spec.health", "not checked", "a check that restarts the service when it fails").shape(&CHECK);

pub const LIMITS: Shape = Shape {
    name: "spec.limits",
    summary: "what the jail as a whole may take of the machine; what is absent is not limited",
    keys: &[
        key(
            "cpu",
            Text,
            "a share of one processor as \"50%\" or \"200%\", or time and period as \"20ms/1s\"",
            "no limit",
            "processor time",
        ),
        key("cpu_weight", Integer, "1 to 10000", "100", "share of the processors where several jails want them"),
        key("memory", Text, "a size as \"512M\", or bytes", "no limit", "memory in use, page cache included"),
        key("memory_soft", Text, "a size, at most memory", "no limit", "above this the jail's memory is taken back first"),
        key("swap", Text, "a size; 0: none", "no limit", "swap beside memory"),
        key("processes", Integer, "1 to 4194304, threads included", "no limit", "processes at a time"),
        key("files", Integer, "16 or more", "no limit", "open files at a time"),
        key("socket_buffers", Text, "a size", "no limit", "memory of TCP sockets"),
        key("io_read", Text, "a size", "no limit", "reading from the disk of the data directory, in a second"),
        key("io_write", Text, "a size", "no limit", "writing to it, in a second"),
        key(
            "disk",
            Text,
            "a size, 1M or more",
            "no limit",
            "space that the jail's own files take, where the file system has project quotas",
        ),
    ],
};

/// Also what `profile(...)` takes.
pub const PROFILE: Shape = Shape {
    name: "spec.profile",
    summary: "a built-in profile with rights added and taken away, for reasons, and with its proof",
    keys: &[
        NAME,
        key("base", Text, "low, medium or high", "high", "the profile to start from").words(levels),
        GRANT,
        DENY,
        AUDIT,
        REASONS,
        MUST_ALLOW,
        MUST_DENY,
    ],
};

/// What `extend` takes.
pub const EXTENSION: Shape = Shape {
    name: "spec.extension",
    summary: "what a profile is extended by",
    keys: &[NAME, GRANT, DENY, AUDIT, REASONS, MUST_ALLOW, MUST_DENY],
};

const NAME: Key =
    key("name", Text, "1 to 31 lower-case letters, digits and \"_\"", "the level's, with +, - or ~", "what listings call it");
const GRANT: Key = key(
    "grant",
    List,
    "names of rights and parts of rights (device:kvm, netlink:audit), fences excepted, or a map from these to reasons",
    "[]",
    "rights to add",
)
.words(rights);
const DENY: Key =
    key("deny", List, "names of rights, or a map from right to reason", "[]", "rights to take away").words(all_rights);
const AUDIT: Key = key(
    "audit",
    List,
    "names of rights, or a map from right to reason; no fences, and no right of which one use can end the host or the walls",
    "[]",
    "rights that are not held, but let through and told; the lsm body can",
)
.words(rights);
const REASONS: Key = key(
    "reasons",
    Map,
    "texts of one line by right, at most 200 bytes",
    "#{}",
    "why the rights of grant, deny and audit are there",
);
const MUST_ALLOW: Key = key(
    "must_allow",
    List,
    "rights, or probes as \"bind 80\" and \"ping\"",
    "[]",
    "what must get through, checked by `jailsh test`",
);
const MUST_DENY: Key = key(
    "must_deny",
    List,
    "rights, or probes as \"mount\" and \"open /dev/sda\"",
    "[]",
    "what must be refused, checked by `jailsh test`",
);

const LOG: Shape = Shape {
    name: "spec.log",
    summary: "facility, levels and tag of syslog(3)",
    keys: &[
        key("facility", Text, "a facility of syslog(3)", "daemon", "of every line").words(facilities),
        key("stdout", Text, "a level of syslog(3), or its number", "notice", "level of lines from standard output")
            .words(log_levels),
        key("stderr", Text, "a level of syslog(3), or its number", "err", "level of lines from standard error").words(log_levels),
        TAG,
    ],
};

const TAG: Key =
    key("tag", Text, "1 to 63 printable characters without spaces and %", "jail-NAME", "what each line is marked with");

const READINESS: Shape = Shape {
    name: "spec.ready",
    summary: "what tells that a service is ready: one of fd, port and command",
    keys: &[
        key("fd", Bool, "true", "false", "a newline on the descriptor that the variable NOTIFY_FD names"),
        key("port", Integer, "1 to 65535", "none", "a TCP port of the loopback address that accepts"),
        key("command", List, "texts, the program first", "none", "run inside the jail, ends with 0"),
        key("timeout", Text, "seconds, or a text with a unit", "30", "not ready by then, and the start has failed"),
        key("interval", Text, "seconds, or a text with a unit", "\"500ms\"", "time between two tries"),
    ],
};

const CHECK: Shape = Shape {
    name: "spec.health",
    summary: "a check that is repeated while the service runs: one of port and command",
    keys: &[
        key("port", Integer, "1 to 65535", "none", "a TCP port of the loopback address that accepts"),
        key("command", List, "texts, the program first", "none", "ends with 0"),
        key("inside", Bool, "true or false; for a command", "true", "false: the command runs on the host as root"),
        key("interval", Text, "seconds, or a text with a unit", "30", "time between two checks"),
        key("timeout", Text, "seconds, or a text with a unit", "5", "a check that takes longer has failed"),
        key("failures", Integer, "1 to 1000", "3", "so many in a row restart the service"),
    ],
};

const SERVICE: Shape = Shape {
    name: "spec.services",
    summary: "one of several services; what it does not set is as for the jail",
    keys: &[
        key("name", Text, "1 to 32 letters, digits, \"_\", \"-\" and \".\"", "", "unique in the jail"),
        key("command", List, "texts, the program's path first", "", "what it runs"),
        key("user", Text, "a name of the jail's /etc/passwd, or a number", "the jail's", "whom it runs as"),
        key("env", Map, "texts by name", "#{}", "variables beside the jail's"),
        RESTART,
        MAX_RESTARTS,
        RESTART_WINDOW,
        key("stop_signal", Text, "TERM, INT, QUIT, HUP, USR1, USR2 or KILL", "the jail's", "what asks it to end")
            .words(stop_signals),
        key("stop_grace", Integer, "0 to 3600 seconds", "the jail's", "time between that signal and SIGKILL"),
        READY,
        HEALTH,
        key(
            "tag",
            Text,
            "1 to 63 printable characters without spaces and %",
            "jail-JAIL-NAME",
            "what each of its lines is marked with",
        ),
        key("depends_on", List, "names of other services", "[]", "those that must be ready before it starts"),
    ],
};

/// Every map of a spec.
pub const SHAPES: [&Shape; 8] = [&SPEC, &LIMITS, &SERVICE, &PROFILE, &EXTENSION, &LOG, &READINESS, &CHECK];

fn levels() -> Vec<&'static str> {
    Level::ALL.iter().map(|level| level.name()).collect()
}

fn all_rights() -> Vec<&'static str> {
    Right::all().map(Right::name).collect()
}

fn rights() -> Vec<&'static str> {
    Right::all().filter(|right| !right.is_fence()).chain(Right::parts()).map(Right::name).collect()
}

fn facilities() -> Vec<&'static str> {
    Facility::names().collect()
}

fn log_levels() -> Vec<&'static str> {
    LogLevel::names().collect()
}

pub(super) fn restarts() -> Vec<&'static str> {
    Restart::ALL.iter().map(|(name, _)| *name).collect()
}

fn stop_signals() -> Vec<&'static str> {
    crate::jail::spec::STOP_SIGNALS.iter().map(|signal| signal.as_str().trim_start_matches("SIG")).collect()
}
