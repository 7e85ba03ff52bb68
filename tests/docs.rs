//! The documents keep up with the tree: promises name tests that exist, links and commands lead somewhere.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The texts between backticks.
fn code_spans(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// A test by its file and name.
fn exists(test: &str) {
    let (file, name) = test.split_once("::").expect("FILE.rs::NAME");
    let name = name.rsplit("::").next().expect("at least one part");
    let source = read(file);
    assert!(source.contains(&format!("fn {name}(")), "{file} has no test {name}");
}

/// The numbers of holes that a text names.
fn holes(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_digit() || c == '-';
    let numbers = text.split("CVE-").skip(1).map(|rest| rest.split(|c| !is_part(c)).next().unwrap_or_default());
    numbers.map(|number| format!("CVE-{}", number.trim_end_matches('-'))).collect()
}

#[test]
fn every_known_hole_is_met_by_tests_and_attacks_that_exist() {
    let (text, attacks) = (read("docs/cve.md"), read("docs/attacks.md"));
    let mut seen = BTreeSet::new();
    for row in text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| number |")) {
        let number = row.split_whitespace().nth(1).expect("a number");
        assert!(seen.insert(number.to_owned()), "{number} comes twice");
        let spans: Vec<&str> = code_spans(row).filter(|span| span.contains(".rs::") || span.starts_with("row: ")).collect();
        assert!(!spans.is_empty(), "nothing tries {number}");
        for span in spans {
            match span.strip_prefix("row: ") {
                Some(name) => assert!(attacks.contains(&format!("\n| {name} | ")), "docs/attacks.md has no row {name}"),
                None => exists(span),
            }
        }
    }
    assert!(seen.len() > 50, "the tables were not found");
}

#[test]
fn a_hole_that_the_sources_name_is_in_the_list_of_known_ones() {
    let known = holes(&read("docs/cve.md"));
    let mut stack: Vec<PathBuf> = ["src", "kmod", "tests"].iter().map(|folder| root().join(folder)).collect();
    let mut named = BTreeSet::new();
    while let Some(path) = stack.pop() {
        if path.is_dir() {
            stack.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|end| ["rs", "c", "h"].iter().any(|one| end == *one))
            && !path.ends_with("tests/docs.rs")
        {
            named.extend(holes(&fs::read_to_string(&path).unwrap()));
        }
    }
    assert!(named.len() > 10, "{named:?}");
    assert_eq!(named.difference(&known).collect::<Vec<_>>(), Vec::<&String>::new());
}

#[test]
fn every_promise_names_a_test_that_exists_or_says_it_is_pending() {
    let specification = read("SPECIFICATION.md");
    let rows = specification.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| promise"));
    let mut promises = 0;
    for row in rows {
        promises += 1;
        let tests: Vec<&str> = code_spans(row).filter(|span| span.contains(".rs::")).collect();
        assert!(!tests.is_empty() || row.contains("[test pending]"), "no test and not pending: {row}");
        tests.into_iter().for_each(exists);
    }
    assert!(promises > 20, "the table of promises was not found");
}

#[test]
fn every_link_of_a_document_leads_to_a_file() {
    for document in [
        "README.md",
        "SPECIFICATION.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "docs/module.md",
        "docs/landlock.md",
        "docs/enforcement.md",
        "docs/attacks.md",
        "docs/cve.md",
        "docs/security.md",
        "docs/hardening-the-host.md",
        "docs/json.md",
        "docs/editors.md",
        "docs/testing.md",
        "docs/repl.md",
        "docs/netbsd.md",
    ] {
        let text = read(document);
        let folder = root().join(document).parent().map(Path::to_owned).expect("a folder");
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.starts_with("https://")) {
            assert!(folder.join(target).exists(), "{document} links to {target}, which is not there");
        }
    }
}

#[test]
fn every_script_the_documents_name_is_there_and_can_be_run() {
    for document in ["README.md", "CONTRIBUTING.md"] {
        let text = read(document);
        for word in text.split(|c: char| c.is_whitespace() || "`()|;,".contains(c)).filter(|word| word.starts_with("scripts/")) {
            let path = root().join(word);
            let mode = fs::metadata(&path).unwrap_or_else(|error| panic!("{document}: {word}: {error}")).permissions().mode();
            assert!(mode & 0o111 != 0, "{word} cannot be executed");
        }
        for example in
            text.split(|c: char| c.is_whitespace() || "`()|;,".contains(c)).filter(|word| word.starts_with("examples/"))
        {
            assert!(root().join(example).exists(), "{document} names {example}, which is not there");
        }
    }
}

#[test]
fn the_readme_names_every_path_and_name_the_program_uses() {
    let readme = read("README.md");
    let config = jailsh::jail::Config::default();
    for path in [config.data_dir, config.run_dir, jailsh::kernel::lsm::Lsm::DIRECTORY.into()] {
        assert!(readme.contains(&format!("`{}", path.display())), "the README does not mention {}", path.display());
    }
}

#[test]
fn no_file_of_the_module_lacks_its_license() {
    let mut stack = vec![root().join("kmod")];
    let mut files = 0;
    while let Some(folder) = stack.pop() {
        for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                stack.push(entry.path());
                continue;
            }
            files += 1;
            let text = fs::read_to_string(entry.path()).unwrap();
            let head: String = text.lines().take(3).collect();
            assert!(head.contains("SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only"), "{}", entry.path().display());
        }
    }
    assert!(files > 3);
}

/// Where a file may ask which system it is for; all else calls what stands there on each.
const SYSTEMS: [&str; 3] = ["src/kernel/", "src/jail/root/", "src/supervise/"];

#[test]
fn no_source_asks_which_system_it_is_for_but_where_systems_differ() {
    let mut stack = vec![root().join("src")];
    let mut askers = 0;
    while let Some(folder) = stack.pop() {
        for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                stack.push(entry.path());
                continue;
            }
            let Ok(text) = fs::read_to_string(entry.path()) else { continue };
            let path = entry.path().strip_prefix(root()).unwrap().display().to_string();
            let asks =
                ["target_os", "cfg(linux", "target_family", "target_vendor", "cfg(unix"].iter().any(|word| text.contains(word));
            askers += u32::from(asks);
            assert!(!asks || SYSTEMS.iter().any(|place| path.starts_with(place)), "{path} asks which system it is for");
        }
    }
    assert!(askers > 3, "somebody has to");
}

/// What docs/benchmarks.md measured to miss its aim: in rows whose last cell is an aim, the ratios are the cells before it.
fn missed(page: &str) -> BTreeSet<String> {
    let mut missed = BTreeSet::new();
    let rows: Vec<Vec<&str>> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix('|'))
        .map(|line| line.split('|').map(str::trim).collect())
        .collect();
    for row in rows.iter().filter(|row| row.last().is_some_and(|aim| aim.starts_with("at most "))) {
        let aim = row.last().unwrap();
        let most: Vec<f64> = aim.split([' ', ',']).filter_map(|word| word.parse().ok()).collect();
        let ratio = |cell: &str| cell.parse::<f64>().unwrap_or_else(|_| panic!("no ratio in {row:?}"));
        let ratios: Vec<f64> = row[row.len() - 1 - most.len()..row.len() - 1].iter().map(|cell| ratio(cell)).collect();
        let slower = aim.split_once("less than ").is_some_and(|(_, peer)| {
            let peer = rows.iter().find(|row| row[0].starts_with(peer)).unwrap_or_else(|| panic!("no {peer} beside {row:?}"));
            ratios[0] >= ratio(peer[peer.len() - 2])
        });
        if slower || ratios.iter().zip(&most).any(|(ratio, most)| ratio > most) {
            missed.insert(row[0].to_owned());
        }
    }
    assert!(!rows.is_empty());
    missed
}

#[test]
fn every_measurement_that_misses_its_aim_is_explained_and_no_other_is() {
    let page = read("docs/benchmarks.md");
    let reasons = page.split("\n## ").find(|part| part.starts_with("What is missed, and why")).expect("that part");
    let reasons = reasons.split("\n<!--").next().unwrap().split("\n- **").skip(1);
    let explained: BTreeSet<String> =
        reasons.map(|reason| reason.split_once("**: ").expect("- **WHAT**: WHY").0.to_owned()).collect();
    assert_eq!(explained, missed(&page));
}

#[test]
fn a_ratio_above_its_aim_or_that_of_the_peer_to_beat_is_missed() {
    let page = "| a table | ratio | aim |\n|---|---|---|\n| base | 1.00 |  |\n| slow | 2.00 | at most 1.5 |\n| fast | 1.40 | at most 1.5 |\n\
                | behind | 1.40 | at most 1.5, and less than peer |\n| peer of it | 1.30 |  |\n| two | 1.00 | 1.20 | at most 1.01 beside, 1.05 jailed |\n";
    assert_eq!(missed(page), ["slow", "behind", "two"].map(str::to_owned).into());
}
