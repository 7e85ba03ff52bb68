//! landlock: metrics as real programs serve and read them: inetd, promtool, Prometheus.

#[path = "support/body.rs"]
mod body;
#[path = "support/subject.rs"]
mod subject;

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use subject::{Subject, wait_until};

/// A program of the host, or `None` after saying that it is missing.
fn program(name: &str, package: &str) -> Option<PathBuf> {
    let found = ["/usr/sbin", "/usr/bin"].iter().map(|dir| Path::new(dir).join(name)).find(|path| path.exists());
    if found.is_none() {
        eprintln!("skipped: {name} is missing; apt-get install {package}");
    }
    found
}

/// A port that nobody has at this moment.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A daemon of the test's own.
struct Daemon(Child);

impl Daemon {
    fn start(command: &mut Command) -> Daemon {
        Daemon(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // One that ended by itself is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn get(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n").ok()?;
    let mut text = String::new();
    // A server that does not read the request resets the connection after its answer.
    match stream.read_to_string(&mut text) {
        Err(_) if text.is_empty() => None,
        _ => Some(text),
    }
}

/// A running jail, and its metrics on a port by inetd.
fn served(name: &'static str) -> Option<(Subject, Daemon, u16)> {
    let body = body::here()?;
    let inetd = program("inetd", "openbsd-inetd")?;
    let subject = Subject::new(name);
    subject.create("/bin/sleep 1000");
    subject.must("jailmgr", &["start"]);
    let port = free_port();
    let config = subject.data.path().join("inetd.conf");
    let line = format!(
        "127.0.0.1:{port} stream tcp nowait root {} jailctl --kernel {} --data-dir {} stats -P -h {name}\n",
        env!("CARGO_BIN_EXE_jailsh"),
        body.name(),
        subject.data.path().display(),
    );
    fs::write(&config, line).unwrap();
    let daemon = Daemon::start(Command::new(inetd).arg("-i").arg(&config));
    wait_until("inetd answers", || get(port, "/metrics").is_some());
    Some((subject, daemon, port))
}

#[test]
fn inetd_serves_the_metrics_with_a_head_that_http_clients_take() {
    let Some((_subject, _daemon, port)) = served("fl-inetd") else { return };
    let text = get(port, "/metrics").unwrap();
    let (head, metrics) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/plain"), "{head}");
    assert!(metrics.contains("# TYPE jail_processes gauge\n"), "{metrics}");
    assert!(metrics.contains("name=\"fl-inetd\""), "{metrics}");
}

#[test]
fn the_endpoint_answers_prometheus_itself_on_a_port_and_on_a_socket() {
    if body::here().is_none() {
        return;
    }
    let subject = Subject::new("fl-endpoint");
    subject.must("jailmgr", &["create", "-x", "/bin/sleep 1000", "-m", "100M"]);
    subject.must("jailmgr", &["start"]);
    let port = free_port();
    let _served = Daemon::start(&mut subject.command("jailctl", &["metrics", "--listen", &format!("127.0.0.1:{port}")]));
    wait_until("the endpoint answers", || get(port, "/metrics").is_some());
    let text = get(port, "/metrics").unwrap();
    assert!(text.contains("jail_memory_limit_bytes{name=\"fl-endpoint\"} 104857600\n"), "{text}");
    assert!(text.contains("jail_restarts_total{name=\"fl-endpoint\"} 0\n"), "{text}");
    let started = text.lines().find_map(|line| line.strip_prefix("jail_start_time_seconds{name=\"fl-endpoint\"} "));
    let started: f64 = started.expect("when it was brought up").parse().unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    assert!(started <= now && now - started < 3600.0, "brought up at {started}, now it is {now}");
    let path = subject.data.path().join("metrics.sock");
    let _other = Daemon::start(&mut subject.command("jailctl", &["metrics", "--listen", &format!("unix:{}", path.display())]));
    wait_until("the socket is there", || path.exists());
    let mut stream = UnixStream::connect(&path).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && text.contains("jail_processes{"), "{text}");
}

#[test]
fn the_alert_rules_and_the_dashboard_ask_for_metrics_that_there_are() {
    if body::here().is_none() {
        return;
    }
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let source = fs::read_to_string(project.join("src/telemetry/prometheus.rs")).unwrap();
    let words = |text: &str| -> Vec<String> {
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        words.filter(|word| word.starts_with("jail_") || word.starts_with("jailsh_")).map(str::to_owned).collect()
    };
    let known = words(&source);
    for file in ["alerts.yml", "grafana-dashboard.json"] {
        let asked = words(&fs::read_to_string(project.join("examples/metrics").join(file)).unwrap());
        assert!(asked.len() >= 6, "{file}");
        let unknown: Vec<&String> = asked.iter().filter(|word| !known.contains(word)).collect();
        assert!(unknown.is_empty(), "{file}: {unknown:?}");
    }
    let Some(promtool) = program("promtool", "prometheus") else { return };
    let checked =
        Command::new(promtool).args(["check", "rules"]).arg(project.join("examples/metrics/alerts.yml")).output().unwrap();
    assert!(checked.status.success(), "{}{}", String::from_utf8_lossy(&checked.stdout), String::from_utf8_lossy(&checked.stderr));
}

#[test]
fn promtool_has_nothing_to_say_against_the_metrics() {
    if body::here().is_none() {
        return;
    }
    let Some(promtool) = program("promtool", "prometheus") else { return };
    let subject = Subject::new("fl-promtool");
    subject.create("/bin/sleep 1000");
    subject.must("jailmgr", &["start"]);
    let metrics = subject.must("jailctl", &["stats", "-P"]);
    assert!(metrics.contains("fl-promtool"), "{metrics}");
    let mut check = Command::new(promtool);
    check.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut check = check.spawn().unwrap();
    check.stdin.take().unwrap().write_all(metrics.as_bytes()).unwrap();
    let verdict = check.wait_with_output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&verdict.stdout), String::from_utf8_lossy(&verdict.stderr));
    assert!(verdict.status.success(), "{said}\n{metrics}");
}

#[test]
fn a_real_prometheus_scrapes_the_metrics_from_inetd() {
    let Some(prometheus) = program("prometheus", "prometheus") else { return };
    let Some((subject, _inetd, port)) = served("fl-scrape") else { return };
    let place = |name: &str| subject.data.path().join(name).display().to_string();
    let config = format!(
        "scrape_configs:\n- job_name: jails\n  scrape_interval: 1s\n  static_configs:\n  - targets: ['127.0.0.1:{port}']\n"
    );
    fs::write(place("prometheus.yml"), config).unwrap();
    let own = free_port();
    let mut command = Command::new(prometheus);
    command.arg(format!("--config.file={}", place("prometheus.yml"))).arg(format!("--storage.tsdb.path={}", place("tsdb")));
    command.arg(format!("--web.listen-address=127.0.0.1:{own}")).current_dir(subject.data.path());
    let _prometheus = Daemon::start(&mut command);
    let mut answer = String::new();
    wait_until("Prometheus has a sample", || {
        answer = get(own, "/api/v1/query?query=jail_processes").unwrap_or_default();
        answer.contains("fl-scrape")
    });
    assert!(answer.contains("\"status\":\"success\"") && answer.contains("\"job\":\"jails\""), "{answer}");
    let up = get(own, "/api/v1/query?query=up").unwrap();
    assert!(up.contains(",\"1\"]"), "the scrape failed: {up}");
}
