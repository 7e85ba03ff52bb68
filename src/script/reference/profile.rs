//! `profile(...)`, and what a profile value has.

use super::item::{
    Example, Form, Group, Item, Needs, Property, Type, TypeItem, View, example, free, map, map_or_value, method, of, property,
    text,
};
use super::shape::{Shape, key};
use super::spec::{EXTENSION, PROFILE};
use crate::script::Kind;

const VALUE: Type = Type::Value("Profile");
const PROOF: Type = Type::Value("Proof");

pub const CHECK: Shape = Shape {
    name: "check.options",
    summary: "options of check",
    keys: &[key("real", Type::Bool, "true or false", "false", "tries the examples in a jail that is thrown away")],
};

const fn item(
    name: &'static str,
    forms: &'static [Form],
    summary: &'static str,
    details: &'static str,
    script: &'static str,
) -> Item {
    let example: Example = example(Needs::Nothing, script);
    Item { name, group: Group::Profiles, forms, summary, details, errors: &[Kind::Spec], example }
}

pub const ITEMS: &[Item] = &[
    item(
        "profile",
        &[free(&[map_or_value("given", &PROFILE)], VALUE)],
        "a profile as a value: of a level's name, a map, or another profile",
        "Touches nothing. Use it where a spec has `profile:`.",
        r#"let probe = profile(#{
    name: "network_probe",
    base: "high",
    grant: #{ ping: "pings its peers" },
    must_allow: ["ping"],
    must_deny: ["mount"],
});
print(jail("probe", #{ profile: probe }).spec.profile.name);"#,
    ),
    item(
        "extend",
        &[method("Profile", &[map_or_value("by", &EXTENSION)], VALUE)],
        "the profile with what a map grants, denies and proves, or with all that another profile holds",
        "Where both speak of a right, the map has the last word. The result has no name unless the map gives one.",
        r#"let wide = profile("high").extend(#{ grant: ["ping"], must_allow: ["ping"] });
if !wide.holds("ping") { throw wide; }
if !profile("high").extend("low").holds("ptrace") { throw "no debuggers"; }"#,
    ),
    item(
        "restrict",
        &[method("Profile", &[map_or_value("to", &PROFILE)], VALUE)],
        "the profile without the rights that the other one does not hold",
        "Never adds a right.",
        r#"let strict = profile("low").restrict("high");
if strict.rights() != profile("high").rights() { throw strict; }"#,
    ),
    item(
        "grant",
        &[
            method("Profile", &[of("rights", Type::Any)], VALUE),
            method("Profile", &[of("rights", Type::Any), text("reason")], VALUE),
        ],
        "the profile with a right more, or a list of rights, for a reason",
        "Fences cannot be granted. A reason is one line of at most 200 bytes.",
        r#"let probe = profile("high").grant("ping", "pings its peers");
print(probe.grant(["ptrace", "chroot"]));"#,
    ),
    item(
        "deny",
        &[
            method("Profile", &[of("rights", Type::Any)], VALUE),
            method("Profile", &[of("rights", Type::Any), text("reason")], VALUE),
        ],
        "the profile with a right less, or a list of rights, for a reason",
        "",
        r#"let quiet = profile("medium").deny("privileged_port", "serves nobody");
if quiet.holds("privileged_port") { throw quiet; }"#,
    ),
    item(
        "audit",
        &[
            method("Profile", &[of("rights", Type::Any)], VALUE),
            method("Profile", &[of("rights", Type::Any), text("reason")], VALUE),
        ],
        "the profile with a right not held, but let through and told, or a list of rights, for a reason",
        "`jailctl denials` shows each use. Fences, and rights of which one use can end the host or the walls, are never let through. The lsm body can, the landlock body cannot.",
        r#"let trial = profile("high").audit(["ping", "chroot"], "does it need them?");
if trial.holds("chroot") || trial.score() <= profile("high").score() { throw trial; }"#,
    ),
    item(
        "diff",
        &[method("Profile", &[map_or_value("other", &PROFILE)], Type::Value("Difference"))],
        "what changes from this profile to the other, by effect",
        "",
        r#"print(profile("medium").diff("high"));
if !profile("low").diff("low").is_empty { throw "low differs from itself"; }"#,
    ),
    item(
        "why",
        &[method("Profile", &[text("action")], Type::Map)],
        "whether an action would be denied, what decides that, and the smallest change that allows it",
        "An action is a right, one of `jailsh profile probes`, or `connect ADDRESS:PORT`. The map has `verdict`, `steps` and `remedy`, as `jailsh why -o json`.",
        r#"let answer = profile("high").why("ping");
if answer.verdict != "denied" || answer.steps[0].right != "ping" { throw answer; }
print(answer.remedy.script);"#,
    ),
    item(
        "explain",
        &[method("Profile", &[], Type::Listing(View::Rights))],
        "each right: whether the profile holds it, what decides that, and why",
        "",
        r#"for row in profile("high").explain() {
    if row.held { print(`${row.right}: ${row.reason}`); }
}"#,
    ),
    item(
        "score",
        &[method("Profile", &[], Type::Float)],
        "how far the profile opens the host: 0.0 for nothing, 10.0 for all of it",
        "With one decimal. docs/exposure.md has the weights; `jailsh score` shows the parts.",
        r#"let probe = profile("high").grant("ping", "pings its peers");
if probe.score() <= profile("high").score() { throw "a right more opens more"; }"#,
    ),
    item(
        "rights",
        &[method("Profile", &[], Type::List)],
        "the names of the rights that the profile holds",
        "",
        r#"for right in profile("high").rights() { print(right); }"#,
    ),
    item(
        "holds",
        &[method("Profile", &[text("right")], Type::Bool)],
        "whether the profile holds the right",
        "",
        r#"if profile("high").holds("mount") { throw "high may mount"; }"#,
    ),
    Item {
        name: "check",
        group: Group::Profiles,
        forms: &[method("Profile", &[], PROOF), method("Profile", &[map("options", &CHECK)], PROOF)],
        summary: "whether the profile allows and denies what its must_allow and must_deny promise",
        details: "The policy judges it, without root. With `real` each example is tried in a jail that is made for it and thrown \
                  away. `jailsh profile probes` lists what can be promised besides rights.",
        errors: &[Kind::Spec, Kind::NotEnforceable],
        example: example(
            Needs::Nothing,
            r#"let probe = profile(#{
    grant: ["ping"],
    must_allow: ["ping"],
    must_deny: ["mount", "open /dev/sda"],
});
let proof = probe.check();
if !proof.ok { throw `${proof}`; }"#,
        ),
    },
    item(
        "failed",
        &[method("Proof", &[], Type::List)],
        "the findings that are not as promised, maps",
        "",
        r#"let broken = profile(#{ must_allow: ["mount"] }).check();
print(broken.failed().map(|finding| finding.example));"#,
    ),
    item(
        "to_toml",
        &[method("Profile", &[], Type::Text)],
        "the profile as a part of jail.toml",
        "",
        r#"print(profile("medium").grant("ping", "pings").to_toml());"#,
    ),
    item(
        "is_empty",
        &[method("Difference", &[], Type::Bool)],
        "nothing differs",
        "Also a property.",
        r#"if !profile("low").diff("low").is_empty() { throw "low differs from itself"; }"#,
    ),
    item(
        "lines",
        &[method("Difference", &[], Type::List)],
        "the differences as texts: + for what is new, - for what is gone, ~ for another reason",
        "",
        r#"for line in profile("low").diff("high").lines() { print(line); }"#,
    ),
];

const PROPERTIES: &[Property] = &[
    property("label", Type::Text, "its name, or the level with +, - or ~ where it was changed"),
    property("name", Type::Text, "nothing unless it was given one"),
    property("base", Type::Text, "low, medium or high"),
    property("grant", Type::Any, "rights added to the level: a list, or a map from right to reason; absent without any"),
    property("deny", Type::Any, "rights taken away: a list, or a map from right to reason; absent without any"),
    property("audit", Type::Any, "rights let through and told: a list, or a map from right to reason; absent without any"),
    property("must_allow", Type::List, "what it must allow, texts"),
    property("must_deny", Type::List, "what it must deny, texts"),
];

const DIFFERENCE: &[Property] = &[
    property("is_empty", Type::Bool, "nothing differs"),
    property("added", Type::List, "maps of right and reason: only the other profile holds them"),
    property("removed", Type::List, "the same: this profile holds or audits them, the other one neither"),
    property("audited", Type::List, "the same: only the other one audits them"),
    property("reworded", Type::List, "maps of right, before and after: the same in both, for another reason"),
    property("proofs_added", Type::List, "texts: what only the other one has to prove"),
    property("proofs_removed", Type::List, "texts: what only this one has to prove"),
];

const FINDINGS: &[Property] = &[
    property("ok", Type::Bool, "all is as promised"),
    property(
        "findings",
        Type::List,
        "maps of profile, example, expected and got (allowed or denied), right, result (ok or failed) and detail",
    ),
];

pub const TYPES: &[TypeItem] = &[
    TypeItem {
        name: "Proof",
        summary: "what became of a profile's examples; prints as a table",
        details: "",
        properties: FINDINGS,
        example: example(
            Needs::Nothing,
            r#"let proof = profile(#{ must_deny: ["mount"] }).check();
for finding in proof.findings { print(`${finding.example}: ${finding.got} by ${finding.right}`); }"#,
        ),
    },
    TypeItem {
        name: "Profile",
        summary: "what a jail may do, and why",
        details: "Two are equal if their levels, rights, reasons and proofs are; one that is nothing but a level equals its name. \
                  Its methods give other profiles and change nothing.",
        properties: PROPERTIES,
        example: example(
            Needs::Nothing,
            r#"let probe = profile("high").grant("ping", "pings its peers");
print(`${probe.label}: ${probe.grant.ping}`);
if profile("medium") != "medium" { throw "it is not medium"; }"#,
        ),
    },
    TypeItem {
        name: "Difference",
        summary: "what changes from one profile to another; prints a line each",
        details: "",
        properties: DIFFERENCE,
        example: example(
            Needs::Nothing,
            r#"let change = profile("medium").diff(profile("medium").grant("ping", "pings"));
if change.added[0].right != "ping" || change.len() != 1 { throw change; }"#,
        ),
    },
];
