//! Manual pages and completions, as packages ship them and shells run them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::Place;

const TOOLS: [&str; 3] = ["jailsh", "jailctl", "jailmgr"];

fn generated(place: &Place, what: &str) -> PathBuf {
    let directory = place.work().join("made").join(what);
    let outcome = place.run("jailsh", &["generate", what, directory.to_str().unwrap()]).bare().go();
    assert_eq!((outcome.status, outcome.stderr.as_str()), (Some(0), ""), "{outcome}");
    assert_eq!(outcome.stdout.lines().count(), fs::read_dir(&directory).unwrap().count(), "{outcome}");
    directory
}

fn is_installed(program: &str) -> bool {
    std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).any(|path| path.join(program).exists())
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Fails if the program complains about the file.
fn checked(program: &str, arguments: &[&str], file: &Path) {
    let output = Command::new(program).args(arguments).arg(file).output().expect("it is installed");
    let text = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && text.is_empty(), "{program} {}: {}", file.display(), String::from_utf8_lossy(&text));
}

#[test]
fn every_verb_has_a_page_with_its_options_an_example_and_its_exit_status() {
    let place = Place::new();
    let pages = generated(&place, "man");
    let mut expected = Vec::new();
    for tool in TOOLS {
        let whole = fs::read_to_string(pages.join(format!("{tool}.8"))).unwrap();
        expected.push(format!("{tool}.8"));
        for verb in place.verbs(tool) {
            let name = format!("{tool}-{verb}");
            let page = fs::read_to_string(pages.join(format!("{name}.8"))).unwrap_or_else(|error| panic!("{name}.8: {error}"));
            for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXAMPLES", "\"EXIT STATUS\"", "\"SEE ALSO\""] {
                assert!(page.contains(&format!(".SH {section}\n")), "{name}.8 lacks {section}:\n{page}");
            }
            assert!(whole.contains(&format!("{tool}\\-{}(8)", verb.replace('-', "\\-"))), "{tool}.8 does not name {name}");
            expected.push(format!("{name}.8"));
        }
    }
    expected.sort();
    let names: Vec<String> = files(&pages).iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    assert_eq!(names, expected);
    insta::assert_snapshot!(fs::read_to_string(pages.join("jailctl-kill.8")).unwrap());
}

#[test]
fn no_formatter_complains_about_a_page() {
    let place = Place::new();
    for page in files(&generated(&place, "man")) {
        if is_installed("groff") {
            checked("groff", &["-ww", "-man", "-Tutf8", "-z"], &page);
        }
        if is_installed("mandoc") {
            checked("mandoc", &["-Tlint", "-Werror"], &page);
        }
    }
}

#[test]
fn no_shell_complains_about_a_completion() {
    let place = Place::new();
    let scripts = files(&generated(&place, "completions"));
    assert_eq!(scripts.len(), 9);
    for script in scripts {
        let name = script.file_name().unwrap().to_str().unwrap();
        let shell = match name.rsplit_once('.') {
            Some((_, "bash")) => "bash",
            Some((_, "fish")) => "fish",
            _ => "zsh",
        };
        if is_installed(shell) {
            checked(shell, &["-n"], &script);
        }
    }
}

/// A PATH whose tools work on the jails of this place, and the directory of the completions.
fn shell_of(place: &Place) -> (String, PathBuf) {
    let bin = place.work().join("bin");
    fs::create_dir_all(&bin).unwrap();
    for tool in ["jailctl", "jailmgr"] {
        let options = format!("--kernel sim --data-dir {}", place.data().display());
        let text = format!("#!/bin/bash\nexec -a {tool} {} {options} \"$@\"\n", env!("CARGO_BIN_EXE_jailsh"));
        fs::write(bin.join(tool), text).unwrap();
        fs::set_permissions(bin.join(tool), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let scripts = place.work().join("made/completions");
    if !scripts.exists() {
        generated(place, "completions");
    }
    (format!("{}:{}", bin.display(), std::env::var("PATH").unwrap()), scripts)
}

/// What bash offers after these words, the last of which is being typed.
fn offered(place: &Place, words: &[&str]) -> Vec<String> {
    let (path, scripts) = shell_of(place);
    // As bash itself calls a function that `complete -F` names: command, word, word before.
    let ask = r#"
        source "$1"; shift
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
        function=$(complete -p "$1" | sed 's/.*-F \([^ ]*\).*/\1/')
        "$function" "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let output = Command::new("bash")
        .args(["--norc", "-c", ask, "bash"])
        .arg(scripts.join(format!("{}.bash", words[0])))
        .args(words)
        .env("PATH", path)
        .output()
        .expect("bash is installed");
    assert!(output.stderr.is_empty(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn bash_completes_verbs_options_and_the_names_of_jails_that_exist_now() {
    let place = Place::new();
    for name in ["web-1", "web-2", "db"] {
        place.run("jailmgr", &["create", "-x", "/bin/true", name]).go();
    }
    assert_eq!(offered(&place, &["jailmgr", "res"]), ["restart"]);
    assert_eq!(offered(&place, &["jailctl", "st"]), ["stats", "status"]);
    assert_eq!(offered(&place, &["jailctl", "logs", "--fol"]), ["--follow"]);
    assert_eq!(offered(&place, &["jailmgr", "start", "we"]), ["web-1", "web-2"]);
    assert_eq!(offered(&place, &["jailmgr", "start", "web-1", "d"]), ["db"]);
    assert_eq!(offered(&place, &["jailctl", "logs", "-n", "5", "d"]), ["db"]);
    assert_eq!(offered(&place, &["jailmgr", "config", "db", "we"]), [""; 0], "it takes one jail");
    assert_eq!(offered(&place, &["jailctl", "kill", "we"]), [""; 0], "none of them runs");
    assert_eq!(offered(&place, &["jailctl", "status", "-o", ""]), ["table", "tsv", "json", "name"]);
    assert_eq!(offered(&place, &["jailsh", "explain", "web"]), ["web_server"], "what has a meaning, and no jail");
    assert_eq!(offered(&place, &["jailsh", "explain", "med"]), ["medium"]);
    assert_eq!(offered(&place, &["jailsh", "explain", "modu"]), ["module", "module_tamper", "modules"]);
    assert_eq!(offered(&place, &["jailsh", "doc", "web"]), [""; 0], "a page is no jail");
    let all = offered(&place, &["jailmgr", "stop", ""]);
    assert!(["db", "web-1", "web-2", "--all"].iter().all(|word| all.iter().any(|offered| offered == word)), "{all:?}");
    assert!(!all.iter().any(|word| word.starts_with(['<', '['])), "{all:?}");
    place.run("jailmgr", &["destroy", "web-1"]).go();
    assert_eq!(offered(&place, &["jailmgr", "start", "we"]), ["web-2"]);
}

#[test]
fn fish_and_zsh_know_the_jails_too() {
    let place = Place::new();
    for name in ["web-1", "web-2", "db"] {
        place.run("jailmgr", &["create", "-x", "/bin/true", name]).go();
    }
    let (path, scripts) = shell_of(&place);
    let run = |shell: &str, arguments: &[&str]| {
        let output = Command::new("timeout").args(["30", shell]).args(arguments).arg(&scripts).env("PATH", &path).output();
        let output = output.expect("timeout is installed");
        assert!(output.status.success(), "{shell}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    if is_installed("fish") {
        let ask = "source $argv[1]/jailmgr.fish; complete -C 'jailmgr start we'";
        assert_eq!(run("fish", &["--no-config", "-c", ask]), "web-1\nweb-2\n");
    }
    if is_installed("zsh") {
        // A zsh on a terminal of its own, which is typed into.
        let ask = r#"
            zmodload zsh/zpty
            zpty -b shell zsh -f -i
            zpty -w shell "PS1=; fpath=($1 \$fpath); autoload -U compinit; compinit -u -D; print READ''Y"
            zpty -r shell seen '*READY*'
            zpty -w -n shell $'jailmgr start we\t\t'
            zpty -r shell seen '*web-1*web-2*'
            zpty -d shell
        "#;
        run("zsh", &["-f", "-c", ask, "zsh"]);
    }
}
