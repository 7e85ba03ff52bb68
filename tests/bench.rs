//! landlock: scripts/bench over the program as it is: whether its tables are whole and say what is missing, not how fast anything is.

#[path = "support/body.rs"]
mod body;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};

const TREE: &str = env!("CARGO_MANIFEST_DIR");
const PROGRAM: &str = env!("CARGO_BIN_EXE_jailsh");

/// Where `scripts/build` puts the programs, below `target`.
fn programs(target: &Path) {
    let release = target.join("release");
    fs::create_dir_all(&release).unwrap();
    for name in ["jailsh", "jailctl", "jailmgr"] {
        symlink(PROGRAM, release.join(name)).unwrap();
    }
}

fn text(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {errors}", output.status);
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The tables of a page, each with its head first. All lines of one have as many cells as that.
fn tables(page: &str) -> Vec<Vec<Vec<&str>>> {
    let mut tables: Vec<Vec<Vec<&str>>> = vec![Vec::new()];
    for line in page.lines() {
        let Some(cells) = line.strip_prefix("| ").and_then(|line| line.strip_suffix('|')) else {
            if !line.starts_with("|---") && !tables.last().unwrap().is_empty() {
                tables.push(Vec::new());
            }
            continue;
        };
        tables.last_mut().unwrap().push(cells.split('|').map(str::trim).collect());
    }
    tables.retain(|table| !table.is_empty());
    for table in &tables {
        assert!(table.len() > 1 && table.iter().all(|row| row.len() == table[0].len()), "{table:?}");
    }
    tables
}

fn table<'a>(tables: &'a [Vec<Vec<&'a str>>], head: &str) -> &'a [Vec<&'a str>] {
    tables.iter().find(|table| table[0][0].starts_with(head)).unwrap_or_else(|| panic!("no table of {head}: {tables:?}"))
}

#[test]
fn a_quick_bench_has_a_whole_table_for_each_group_and_leaves_no_jail() {
    let Some(_body) = body::here() else { return };
    let scratch = tempfile::tempdir().unwrap();
    programs(scratch.path());
    let groups = ["exec", "script", "memory", "scale"];
    let output = Command::new(Path::new(TREE).join("scripts/bench"))
        .arg("--quick")
        .args(groups.iter().flat_map(|group| ["--only", group]))
        .env("CARGO_TARGET_DIR", scratch.path())
        .env("JAILSH_BENCH_BUILT", "yes")
        .output()
        .unwrap();
    let page = text(&output);
    let tables = tables(&page);
    assert_eq!(tables.len(), groups.len(), "{page}");
    let number = |cell: &str| cell.parse::<f64>().is_ok_and(|number| number > 0.0);
    let exec = table(&tables, "a command in a jail");
    assert_eq!(exec[0][1..], ["median ms", "least ms", "middle half ms", "ratio", "aim"]);
    let [base, ours] = ["jailctl --version", "jailctl exec NAME true"]
        .map(|what| exec.iter().find(|row| row[0].starts_with(what)).unwrap_or_else(|| panic!("{page}")));
    assert_eq!(base[4], "1.00");
    assert!(number(ours[1]) && number(ours[4]) && ours[5].contains("at most 1.5"), "{ours:?}");
    assert!(table(&tables, "memory and size").iter().any(|row| row[0] == "supervisor of a jail" && number(row[1])), "{page}");
    let scale = table(&tables, "jails");
    assert_eq!(scale[1..].iter().map(|row| row[0]).collect::<Vec<_>>(), ["2", "4", "8"]);
    assert!(scale[1..].iter().all(|row| [1, 2, 3, 4, 5, 8, 9].iter().all(|at| number(row[*at]))), "{scale:?}");
    let (_, json) = page.split_once("```json\n").unwrap();
    let lines: Vec<serde_json::Value> =
        json.lines().take_while(|line| *line != "```").map(|line| serde_json::from_str(line).unwrap()).collect();
    for group in groups.iter().chain(&["machine"]) {
        assert!(lines.iter().any(|line| line["group"] == *group), "{group}: {page}");
    }
    let left = Command::new(scratch.path().join("release/jailctl")).args(["list", "--json"]).output().unwrap();
    assert!(!text(&left).contains("bench-"), "{}", text(&left));
}

#[test]
fn a_peer_that_is_missing_is_said_in_its_line() {
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name);
    programs(scratch.path());
    let driver = Path::new(TREE).join("benches/driver.c");
    text(&Command::new("cc").arg("-O1").arg("-o").arg(at("driver")).arg(driver).output().unwrap());
    fs::copy(at("driver"), at("true")).unwrap();
    // A machine that has python3 and nothing else.
    let python = ["/usr/bin/python3", "/usr/local/bin/python3"].into_iter().find(|path| Path::new(path).exists()).unwrap();
    fs::create_dir(at("path")).unwrap();
    symlink(python, at("path/python3")).unwrap();
    let suite = Command::new(python)
        .current_dir(TREE)
        .arg("benches/suite.py")
        .args([&at("release"), scratch.path()])
        .args(["2", "1", "1", "script"])
        .env("PATH", at("path"))
        .output()
        .unwrap();
    fs::write(at("results"), text(&suite)).unwrap();
    let page =
        Command::new(python).current_dir(TREE).arg("benches/page.py").args([at("results"), at("growth.svg")]).output().unwrap();
    let page = text(&page);
    let tables = tables(&page);
    let script = table(&tables, "the start of a script");
    let row = |what: &str| script.iter().find(|row| row[0] == what).unwrap_or_else(|| panic!("{page}"));
    assert_eq!(row("lua -e 1")[1], "not measured: not installed");
    assert!(row("jailsh -e 1")[1].parse::<f64>().is_ok() && row("python3 -c 1")[1].parse::<f64>().is_ok(), "{page}");
}
