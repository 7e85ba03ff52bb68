//! Completions from the same definitions, with the names of jails asked for when they are needed. Pure.

use clap::{Arg, ArgAction, Command};
use clap_complete::{Shell, generate};

/// The verbs of jailctl that take a jail which is down, too.
const ANY_STATE: [&str; 4] = ["status", "logs", "wait", "info"];

/// A script for each shell: file name and text.
pub fn scripts(mut tool: Command) -> Vec<(String, String)> {
    tool.build();
    let name = tool.get_name().to_owned();
    let verbs: Vec<Verb> = tool.get_subcommands().filter_map(|verb| Verb::of(&name, verb)).collect();
    let script = |shell: Shell| {
        let mut text = Vec::new();
        generate(shell, &mut tool.clone(), name.as_str(), &mut text);
        String::from_utf8_lossy(&text).into_owned()
    };
    vec![
        (format!("{name}.bash"), [script(Shell::Bash), bash(&name, &verbs)].concat()),
        (format!("_{name}"), zsh(&name, &script(Shell::Zsh), &verbs)),
        (format!("{name}.fish"), [script(Shell::Fish), fish(&name, &verbs)].concat()),
    ]
}

/// A verb that takes jails.
struct Verb {
    name: String,
    /// What prints their names.
    ask: &'static str,
    /// It takes more than one.
    many: bool,
    /// The options that take a value.
    options: Vec<String>,
}

impl Verb {
    fn of(tool: &str, verb: &Command) -> Option<Verb> {
        let operand = verb.get_positionals().find(|arg| is_jail(arg))?;
        let makes_one = verb.get_name() == "create";
        let running = tool == "jailctl" && !ANY_STATE.contains(&verb.get_name());
        let valued = verb.get_opts().filter(|option| matches!(option.get_action(), ArgAction::Set | ArgAction::Append));
        (!makes_one).then(|| Verb {
            name: verb.get_name().to_owned(),
            ask: if running { "jailctl list -o name" } else { "jailmgr list -o name" },
            many: matches!(operand.get_action(), ArgAction::Append),
            options: valued.flat_map(spellings).collect(),
        })
    }
}

/// The operands that name a jail are called so everywhere.
fn is_jail(arg: &Arg) -> bool {
    matches!(arg.get_id().as_str(), "jail" | "jails" | "name" | "names")
}

fn spellings(option: &Arg) -> impl Iterator<Item = String> {
    let short = option.get_short_and_visible_aliases().unwrap_or_default().into_iter().map(|short| format!("-{short}"));
    let long = option.get_long_and_visible_aliases().unwrap_or_default().into_iter().map(|long| format!("--{long}"));
    short.chain(long).collect::<Vec<_>>().into_iter()
}

/// Runs the generated function, takes the placeholders out of its answer, and adds the jails.
fn bash(name: &str, verbs: &[Verb]) -> String {
    let mut cases = String::new();
    for Verb { name, ask, many, options } in verbs {
        let options = options.join(" ");
        cases += &format!("            {name}) ask=\"{ask}\" many={many} options=\"{options}\" ;;\n");
    }
    if verbs.is_empty() {
        return String::new();
    }
    format!(
        r#"
_{name}_with_jails() {{
    _{name} "$@"
    local cur="$2" ask="" many=false options="" verb="" given=0 before="" word
    local -a kept=()
    for word in "${{COMPREPLY[@]}}"; do
        case "$word" in
            "<"*|"["*) ;;
            *) kept+=("$word") ;;
        esac
    done
    COMPREPLY=("${{kept[@]}}")
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        if [ -z "$verb" ]; then
            case "$word" in
{cases}            *) continue ;;
            esac
            verb="$word"
            continue
        fi
        case " $options " in
            *" $before "*) ;;
            *) case "$word" in -*) ;; *) given=$((given + 1)) ;; esac ;;
        esac
        before="$word"
    done
    case "$verb,$cur" in ,*|*,-*) return 0 ;; esac
    case " $options " in *" $before "*) [ -n "$before" ] && return 0 ;; esac
    if [ "$many" = true ] || [ "$given" -eq 0 ]; then
        COMPREPLY+=( $(compgen -W "$($ask 2>/dev/null)" -- "$cur") )
    fi
}}
complete -F _{name}_with_jails -o bashdefault -o default {name}
"#
    )
}

/// Lets the operands that name jails be completed by a function of our own, which stands above the generated ones. The
/// blank before its name keeps _arguments from giving it options of its own (zshcompsys(1)).
fn zsh(name: &str, script: &str, verbs: &[Verb]) -> String {
    let mut text = String::new();
    let mut verb = String::new();
    for line in script.lines() {
        if let Some(label) = line.trim().strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
            verb = label.to_owned();
        }
        let takes_jails = ["jail", "jails", "name", "names"]
            .iter()
            .any(|id| [":", "::", "*:", "*::"].iter().any(|kind| line.starts_with(&format!("'{kind}{id} -- "))));
        match verbs.iter().find(|known| takes_jails && known.name == verb) {
            Some(known) => text += &line.replace(":_default'", &format!(": _{name}_jails \"{}\"'", known.ask)),
            None => text += line,
        }
        text.push('\n');
        if line.starts_with("#compdef") && !verbs.is_empty() {
            text += &format!(
                "\n_{name}_jails() {{\n    local -a names\n    names=(${{(f)\"$(${{(z)1}} 2>/dev/null)\"}})\n    compadd -a names\n}}\n"
            );
        }
    }
    text
}

fn fish(name: &str, verbs: &[Verb]) -> String {
    let mut text = String::new();
    for Verb { name: verb, ask, .. } in verbs {
        text += &format!("complete -c {name} -n \"__fish_seen_subcommand_from {verb}\" -f -a \"({ask} 2>/dev/null)\"\n");
    }
    text
}
