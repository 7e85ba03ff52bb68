//! What the reference system (its newest kernel model, `secmodel_cell`) decides of each question of kauth(9), and why
//! this module decides some of them otherwise. docs/netbsd.md has the table that comes of it.

/// One line that `table.c` printed.
pub struct Row {
    pub scope: String,
    pub action: String,
    pub right: String,
    /// May a member, at low, medium, high?
    pub may: [bool; 3],
}

impl Row {
    pub fn parse(line: &str) -> Row {
        let words: Vec<&str> = line.split(' ').collect();
        let [scope, action, right, low, medium, high] = words[..] else { panic!("six words: {line}") };
        Row {
            scope: scope.into(),
            action: action.into(),
            right: right.into(),
            may: [low, medium, high].map(|word| word == "yes"),
        }
    }

    fn key(&self) -> (&str, &str) {
        (&self.scope, &self.action)
    }
}

const NEVER: [bool; 3] = [true; 3];
const ALL: [bool; 3] = [false; 3];
const BUT_LOW: [bool; 3] = [true, false, false];

/// May a member of the reference's, at low, medium, high?
pub fn reference(row: &Row) -> [bool; 3] {
    match row.key() {
        ("OTHERS", "FORK") => NEVER,
        ("OTHERS", _) => ALL,
        ("OWN", _) | ("SYSTEM", "MOUNT/GET") | ("NETWORK", "BIND/PORT" | "BIND/PRIVPORT" | "SOCKET/CANSEE") => NEVER,
        ("SYSTEM", "SYSCTL/PRVT") => ALL,
        ("SYSTEM", "SYSVIPC") => [true, true, false],
        (
            "SYSTEM",
            "CHSYSFLAGS" | "DEBUG" | "SETIDCORE" | "FS_RESERVEDSPACE" | "FS_QUOTA" | "VERIEXEC" | "MAP_VA_ZERO" | "LFS"
            | "FS_EXTATTR" | "FS_SNAPSHOT",
        ) => NEVER,
        ("NETWORK", "SOCKET/OPEN/route" | "SOCKET/RAWSOCK") => BUT_LOW,
        ("NETWORK", action) if action.starts_with("SOCKET/OPEN") => NEVER,
        _ => BUT_LOW,
    }
}

/// Why this module decides otherwise; nothing where it does not.
pub fn reason(row: &Row) -> Option<&'static str> {
    if row.may == reference(row) {
        return None;
    }
    Some(match row.key() {
        ("OTHERS", "FORK") => "never asked of another process",
        ("OWN", "FORK/closed") => "a jail that is being stopped forks no more",
        ("OWN", "PTRACE" | "KTRACE" | "PROCFS/memory") => "high has no debuggers, on no kernel",
        ("OWN", "CANSEE/KPTR") => "kernel addresses tell of the whole host",
        ("OWN", _) => "raising priorities and limits takes from the host",
        (
            "DEVICE",
            "RAWIO_SPEC" | "RAWIO_SPEC/null" | "RAWIO_SPEC/tty" | "RAWIO_SPEC/urandom" | "RAWIO_SPEC/ptmx" | "RAWIO_SPEC/pts",
        ) => "denying it would deny /dev/null: an allow-list instead",
        ("DEVICE", "TTY_OPEN") => "asked at every open of a terminal; the node was judged before",
        ("NETWORK", "INTERFACE/GET" | "SOCKET/OPEN/route") => "resolvers and servers read addresses; changes are asked as ROUTE",
        ("NETWORK", "SOCKET/OPEN/raw") => "IPv4 asks this instead of RAWSOCK, so that the reference never denies it",
        ("NETWORK", "SOCKET/OPEN/sctp" | "SOCKET/OPEN/key" | "SOCKET/OPEN/link") => "rarely used kernel code, or a whole link",
        ("SYSTEM", "SEMAPHORE" | "MQUEUE") => "names are shared with the host, and no level parts them",
        ("SYSTEM", _) if reference(row) == NEVER => "the reference has no rule for it",
        _ if row.may == ALL && reference(row) == BUT_LOW => "low grants what its profile names, and nothing besides",
        _ => return None,
    })
}

/// As docs/netbsd.md has it.
pub fn markdown(rows: &[Row]) -> String {
    let mark = |may: [bool; 3]| {
        let letters = ["L", "M", "H"].iter().zip(may).filter(|(_, may)| *may).map(|(letter, _)| *letter);
        let granted: String = letters.collect();
        if granted.is_empty() { "-".to_owned() } else { granted }
    };
    let mut table = String::from("\n| question | right | granted at | reference | why otherwise |\n|---|---|---|---|---|\n");
    for row in rows {
        let why = reason(row).unwrap_or("");
        let (question, ours, theirs) = (format!("{} {}", row.scope, row.action), mark(row.may), mark(reference(row)));
        table += &format!("| {question} | {} | {ours} | {theirs} | {why} |\n", row.right);
    }
    table
}
