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
fn playground_comes_up_is_repaired_and_goes() {
    native(&PLAYGROUND);
}

#[test]
fn every_example_has_its_test() {
    let known = [WEB, GIT, NGINX, API_GATEWAY, BLUE_GREEN, GAME, POSTGRESQL, CRON, PHP, WEBDAV, TICKETS, SHOP, PLAYGROUND]
        .map(|case| case.name);
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(name) = name.strip_suffix(".rhai") else { continue };
        // The tour is a show, which the README's test runs; a library's tests are run by tests/cli/testing.rs.
        assert!(known.contains(&name) || name == "tour" || name.ends_with("_test"), "examples/{name}.rhai has no test here");
    }
}
