//! The examples, and what each is good for once it runs.

use std::process::Command;

use crate::body;
use crate::drift::life;
use crate::stage::{Stage, http, say};

/// An example, and a file of it whose content is the script's.
pub struct Case {
    pub name: &'static str,
    /// In the order of their start.
    pub jails: &'static [&'static str],
    /// Jail and path.
    pub file: (&'static str, &'static str),
    /// A change of that file is taken up by a restart.
    pub restarts: bool,
    /// Does the service answer?
    pub answers: fn(&Stage),
}

pub const WEB: Case = Case {
    name: "web",
    jails: &["web"],
    file: ("web", "/var/www/mysite/index.html"),
    restarts: false,
    answers: |_| assert!(http(8080, "GET", "/", "").contains("Hello from a jail!")),
};

pub const API_GATEWAY: Case = Case {
    name: "api-gateway",
    jails: &["orders", "stock", "users", "gateway"],
    file: ("gateway", "/etc/nginx/nginx.conf"),
    restarts: true,
    answers: |_| {
        for name in ["orders", "stock", "users"] {
            let answer = http(8090, "GET", &format!("/{name}/"), "");
            assert!(answer.contains(&format!("{{\"service\": \"{name}\"}}")), "{answer}");
        }
    },
};

pub const GIT: Case = Case {
    name: "git",
    jails: &["git"],
    file: ("git", "/etc/group"),
    restarts: false,
    answers: |stage| {
        let clone = stage.path("clone");
        let _ = std::fs::remove_dir_all(&clone);
        let output = Command::new("git").args(["clone", "git://127.0.0.1/hello.git"]).arg(&clone).output().expect("git");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    },
};

pub const NGINX: Case = Case {
    name: "nginx",
    jails: &["nginx"],
    file: ("nginx", "/etc/nginx/nginx.conf"),
    restarts: true,
    answers: |_| assert!(http(8081, "GET", "/", "").contains("Hello from nginx in a jail!")),
};

const BLUE_GREEN: Case = Case {
    name: "blue-green",
    jails: &["blue", "green", "front"],
    file: ("green", "/srv/site/index.html"),
    restarts: false,
    answers: |_| assert!(http(8100, "GET", "/", "").contains("the blue version")),
};

const GAME: Case = Case {
    name: "game",
    jails: &["game"],
    file: ("game", "/opt/game/server.py"),
    restarts: true,
    answers: |_| assert_eq!(say(7777, "build tower\ndance\n"), "built tower\nsay: build THING, or look\n"),
};

const POSTGRESQL: Case = Case {
    name: "postgresql",
    jails: &["db"],
    file: ("db", "/etc/postgresql/server.conf"),
    restarts: true,
    answers: |stage| {
        let ask = "create table if not exists t as select generate_series(1, 1000) as n; select sum(n) from t";
        let psql = ["/var/lib/postgresql/bin/psql", "-h", "/tmp", "-p", "5433", "-d", "postgres", "-XAtc", ask];
        let said = stage.run("jailctl", &[&["exec", "-u", "postgres", "db", "--"], &psql[..]].concat()).must_be(0);
        assert!(said.text.contains("500500"), "{}", said.text);
    },
};

const CRON: Case = Case {
    name: "cron",
    jails: &["clock"],
    file: ("clock", "/etc/crontabs/root"),
    restarts: true,
    answers: |stage| {
        let said = stage.run("jailctl", &["exec", "clock", "ps", "ax"]).must_be(0);
        assert!(said.text.contains("crond -f"), "{}", said.text);
    },
};

const PHP: Case = Case {
    name: "php",
    jails: &["php"],
    file: ("php", "/srv/api/api.php"),
    restarts: false,
    answers: |_| {
        let answer = http(8120, "GET", "/api.php?name=you", "");
        assert!(answer.ends_with("{\"hello\":\"you\"}\n"), "{answer}");
    },
};

const WEBDAV: Case = Case {
    name: "webdav",
    jails: &["webdav"],
    file: ("webdav", "/etc/nginx/nginx.conf"),
    restarts: true,
    answers: |_| {
        for (method, body, expected) in [("PUT", "hello\n", "HTTP/1.1 20"), ("GET", "", "hello\n"), ("DELETE", "", "204")] {
            let answer = http(8140, method, "/a/note.txt", body);
            assert!(answer.contains(expected), "{method}: {answer}");
        }
    },
};

const TICKETS: Case = Case {
    name: "tickets",
    jails: &["tickets"],
    file: ("tickets", "/opt/tickets/daemon.py"),
    restarts: true,
    answers: |_| {
        let answer = http(8150, "POST", "/", "the printer is on fire");
        assert!(answer.contains(" 201 "), "{answer}");
        assert!(http(8150, "GET", "/", "").contains("the printer is on fire"));
    },
};

const SHOP: Case = Case {
    name: "shop",
    jails: &["shop-db", "shop-app", "shop-proxy"],
    file: ("shop-app", "/opt/shop/app.py"),
    restarts: true,
    answers: |_| {
        let answer = http(8110, "GET", "/", "");
        assert!(answer.contains("{\"visits\": "), "{answer}");
    },
};

const PLAYGROUND: Case = Case {
    name: "playground",
    jails: &["playground"],
    file: ("playground", "/srv/site/index.html"),
    restarts: false,
    answers: |_| {
        let page = http(8160, "GET", "/", "");
        assert!(page.contains("<h1>playground on port 8160</h1>") && page.contains("{{braces}}"), "{page}");
        assert!(http(8160, "GET", "/latest/style.css", "").contains("color"), "through a link");
        assert!(http(8160, "GET", "/report.txt", "").contains("greetings to you and to everybody"), "by a script");
    },
};

const SSHD: Case = Case {
    name: "sshd",
    jails: &["ssh"],
    file: ("ssh", "/etc/ssh/server.conf"),
    restarts: true,
    answers: |stage| {
        let key = stage.jail("ssh").join("data/root/.ssh/id_ed25519");
        let options =
            ["-p", "2222", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes"];
        let mut ssh = Command::new("ssh");
        ssh.args(options).arg("-i").arg(key).args(["guest@127.0.0.1", "id -un; cat /proc/1/status"]);
        let output = ssh.output().expect("ssh is installed");
        let said = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(said.0.trim(), "guest", "a shell in the jail, which sees nothing of the host: {}", said.1);
    },
};

const DNS: Case = Case {
    name: "dns",
    jails: &["dns"],
    file: ("dns", "/etc/dnsmasq.conf"),
    restarts: true,
    answers: |_| {
        // RFC 1035: a query for the address of printer.home.arpa, and its answer's last four bytes.
        let query = b"\0\x07\x01\0\0\x01\0\0\0\0\0\0\x07printer\x04home\x04arpa\0\0\x01\0\x01";
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.set_read_timeout(Some(std::time::Duration::from_secs(20))).expect("a timeout");
        socket.send_to(query, "127.0.0.1:5353").expect("it is sent");
        let mut answer = [0; 512];
        let length = socket.recv(&mut answer).expect("an answer");
        assert_eq!(answer[length - 4..length], [192, 0, 2, 7], "{:?}", &answer[..length]);
    },
};

/// Guests are slow: those that start several jails or big programs are for this machine.
fn native(case: &Case) {
    if body::in_guest() {
        return eprintln!("skipped: {} takes long on an emulated machine", case.name);
    }
    life(case);
}

#[test]
fn web_comes_up_is_repaired_and_goes() {
    life(&WEB);
}

#[test]
fn git_comes_up_is_repaired_and_goes() {
    life(&GIT);
}

#[test]
fn nginx_comes_up_is_repaired_and_goes() {
    native(&NGINX);
}

#[test]
fn api_gateway_comes_up_is_repaired_and_goes() {
    native(&API_GATEWAY);
}

#[test]
fn blue_green_comes_up_is_repaired_and_goes() {
    native(&BLUE_GREEN);
}

#[test]
fn game_comes_up_is_repaired_and_goes() {
    native(&GAME);
}

#[test]
fn postgresql_comes_up_is_repaired_and_goes() {
    native(&POSTGRESQL);
}

#[test]
fn cron_comes_up_is_repaired_and_goes() {
    native(&CRON);
}

#[test]
fn php_comes_up_is_repaired_and_goes() {
    native(&PHP);
}

#[test]
fn webdav_comes_up_is_repaired_and_goes() {
    native(&WEBDAV);
}

#[test]
fn tickets_comes_up_is_repaired_and_goes() {
    native(&TICKETS);
}

#[test]
fn shop_comes_up_is_repaired_and_goes() {
    native(&SHOP);
}

#[test]
fn sshd_comes_up_is_repaired_and_goes() {
    native(&SSHD);
}

#[test]
fn dns_comes_up_is_repaired_and_goes() {
    native(&DNS);
}

/// A machine with the module counts what it refuses: of a service that is left alone and asked what it is for, nothing.
#[test]
fn services_under_their_profiles_are_denied_nothing() {
    let Some(stage) = Stage::set() else { return };
    if !stage.counts() {
        return eprintln!("skipped: only the module counts denials");
    }
    let release = nix::sys::utsname::uname().unwrap().release().to_string_lossy().into_owned();
    if release.starts_with("6.1.") {
        return eprintln!("skipped: what services ask for is the same on the newest kernel, and a guest takes long");
    }
    // sshd asks once to be spared when memory runs out (oom_score_adj, proc(5)), which is not a jail's to ask.
    let cases = [
        (&NGINX, "web_server", "{}"),
        (&POSTGRESQL, "database", "{}"),
        (&SSHD, "ssh_server", "{\"resource\":1}"),
        (&DNS, "dns_server", "{}"),
    ];
    for (case, profile, expected) in cases {
        let run = stage.jailsh("run", case.name, &[]).must_be(0);
        assert!(run.text.contains(", 0 failed, 0 skipped"), "{}", run.text);
        (case.answers)(&stage);
        for jail in case.jails {
            let spec = std::fs::read_to_string(stage.jail(jail).join("jail.toml")).expect("its spec");
            assert!(spec.contains(&format!("\nname = \"{profile}\"\n")), "{} has another profile: {spec}", case.name);
            assert_eq!(stage.denials(jail), expected, "denied to {}", case.name);
        }
        stage.jailsh("run", case.name, &["down"]).must_be(0);
    }
}

#[test]
fn playground_comes_up_is_repaired_and_goes() {
    native(&PLAYGROUND);
}

#[test]
fn every_example_has_its_test() {
    let known =
        [WEB, GIT, NGINX, API_GATEWAY, BLUE_GREEN, GAME, POSTGRESQL, CRON, PHP, WEBDAV, TICKETS, SHOP, PLAYGROUND, SSHD, DNS]
            .map(|case| case.name);
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(name) = name.strip_suffix(".rhai") else { continue };
        // The tour is a show, which the README's test runs; a library's tests are run by tests/cli/testing.rs.
        assert!(known.contains(&name) || name == "tour" || name.ends_with("_test"), "examples/{name}.rhai has no test here");
    }
}
