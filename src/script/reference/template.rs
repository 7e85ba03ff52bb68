//! template: a text with values in it, as a file inside a jail.

use super::files::FILE;
use super::item::{Group, Item, Needs, Type, example, map, method, of, text};
use super::lifecycle::CHANGE;
use crate::script::Kind;

const VALUES: super::Parameter = of("values", Type::Map);

pub const ITEMS: &[Item] = &[Item {
    name: "template",
    group: Group::Files,
    forms: &[
        method("Jail", &[of("source", Type::Any), text("path"), VALUES], CHANGE),
        method("Jail", &[of("source", Type::Any), text("path"), VALUES, map("options", &FILE)], CHANGE),
    ],
    summary: "sees to it that a file inside the jail holds a text in which each {{name}} is a value",
    details: "The source is a file of the host, beside the script if relative, or `#{ text: \"...\" }`. Values are texts, numbers, \
              true and false, and secrets; `jail_name` and `hostname` are there without being given. A name without a value, a value without \
              a name, and braces that hold no name are errors that tell line and column. `{{\"{{\"}}` stands for two braces. \
              Values are not looked through for names again.",
    errors: &[Kind::Path, Kind::Value],
    example: example(
        Needs::Host,
        r#"let web = jail("web", #{});
web.create();
let source = #{ text: "of {{jail_name}}\nlisten {{port}};\n" };
print(web.template(source, "/etc/site.conf", #{ port: 8080 }, #{ mode: "0640" }).diff);
if web.template(source, "/etc/site.conf", #{ port: 8080 }).changed { throw "written twice"; }"#,
    ),
}];
