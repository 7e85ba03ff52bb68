//! landlock: the past of jails, in a terminal and as a page in a real browser.

#[path = "support/body.rs"]
mod body;
#[path = "support/subject.rs"]
mod subject;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use subject::{Subject, wait_until};

/// Asks the page, once it is laid out, and leaves the answers as its title.
const PROBE: &str = r#"<script>
const answers = [];
const charts = [...document.querySelectorAll("svg")];
answers.push("charts " + charts.length);
answers.push("drawn " + charts.filter((svg) => svg.querySelector(".line").getTotalLength() > 0).length);
const inside = (svg) => [...svg.querySelectorAll("path,text")].every((part) => {
  const box = part.getBBox(), view = svg.viewBox.baseVal;
  return box.x >= 0 && box.y >= 0 && box.x + box.width <= view.width + 1 && box.y + box.height <= view.height + 1;
});
answers.push("inside " + charts.filter(inside).length);
answers.push("wide " + (document.documentElement.scrollWidth > document.documentElement.clientWidth));
const bounds = charts[0].getBoundingClientRect();
const values = charts[0].dataset.values.split(",");
const { left, right } = charts[0].dataset;
const share = (values.findIndex((value) => value) + 0.5) / values.length;
const place = (Number(left) + share * (520 - left - right)) / 520;
charts[0].dispatchEvent(new PointerEvent("pointermove", { clientX: bounds.left + bounds.width * place, clientY: bounds.top + 9 }));
answers.push("told " + charts[0].closest("figure").querySelector("output").textContent);
document.title = answers.join("; ");
</script>"#;

fn chromium() -> Option<PathBuf> {
    let path = PathBuf::from("/usr/bin/chromium");
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: chromium is missing; apt-get install chromium");
    None
}

/// What the browser makes of the page, after its scripts ran; `width` of the window.
fn seen(browser: &Path, profile: &Path, page: &Path, width: u32) -> String {
    let output = Command::new("timeout")
        .arg("60")
        .arg(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync", "--dump-dom"])
        .arg(format!("--window-size={width},900"))
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (_, rest) = text.split_once("<title>").unwrap_or_else(|| panic!("{text}"));
    rest.split("</title>").next().unwrap().to_owned()
}

#[test]
fn a_page_of_a_running_jail_is_drawn_by_a_real_browser_on_wide_and_narrow_screens() {
    let Some(_body) = body::here() else { return };
    let subject = Subject::new("rep-page");
    subject.create("/usr/bin/busybox sh -c 'while :; do :; done'");
    subject.must("jailmgr", &["start"]);
    let graph = || subject.must("jailctl", &["stats", "--graph", "--since", "1m"]);
    wait_until("the supervisor saw the jail at work", || graph().contains("% most"));
    let text = graph();
    assert!(text.contains("rep-page (jid "), "{text}");
    let cpu = text.lines().find(|line| line.trim_start().starts_with("CPU")).unwrap();
    assert!(cpu.contains('#') || cpu.contains('█'), "{text}");
    let json: serde_json::Value = serde_json::from_str(&subject.must("jailctl", &["stats", "--graph", "--json"])).unwrap();
    assert!(json[0]["points"].as_array().unwrap().len() > 1, "{json}");

    let page = subject.data.path().join("jails.html");
    let printed = subject.must("jailsh", &["report", subject.data.path().to_str().unwrap()]);
    assert_eq!(printed.trim(), page.to_str().unwrap());
    let Some(browser) = chromium() else { return };
    let text = fs::read_to_string(&page).unwrap();
    let probed = subject.data.path().join("probed.html");
    fs::write(&probed, text.replace("</body>", &format!("{PROBE}</body>"))).unwrap();
    for width in [1200, 500] {
        let profile = tempfile::tempdir().unwrap();
        let told = seen(&browser, profile.path(), &probed, width);
        assert!(told.starts_with("charts 3; drawn 3; inside 3; wide false; told "), "at {width}: {told}");
        let value = told.split("told ").nth(1).unwrap();
        assert!(value.contains("% at "), "at {width}: {told}");
    }
}
