//! The report that systems which run tests for others collect: JUnit's XML, as Jenkins and GitLab read it.

use std::collections::BTreeMap;
use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesText, Event};

use super::{Case, Summary};
use crate::script::testing::Verdict;

/// A suite for each file.
pub fn report(summary: &Summary) -> io::Result<Vec<u8>> {
    let mut files: BTreeMap<&str, Vec<&Case>> = BTreeMap::new();
    for case in &summary.tests {
        files.entry(&case.file).or_default().push(case);
    }
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    writer.write_event(Event::Decl(quick_xml::events::BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let count = |count: usize| count.to_string();
    let of = |cases: &[&Case], wanted: fn(Verdict) -> bool| count(cases.iter().filter(|case| wanted(case.verdict)).count());
    writer
        .create_element("testsuites")
        .with_attribute(("tests", count(summary.tests.len()).as_str()))
        .with_attribute(("failures", count(summary.failed).as_str()))
        .write_inner_content(|writer| {
            for (file, cases) in &files {
                let seconds: f64 = cases.iter().map(|case| case.seconds).sum();
                writer
                    .create_element("testsuite")
                    .with_attribute(("name", plain(file).as_str()))
                    .with_attribute(("tests", count(cases.len()).as_str()))
                    .with_attribute(("failures", of(cases, |verdict| verdict != Verdict::Passed).as_str()))
                    .with_attribute(("time", format!("{seconds:.3}").as_str()))
                    .write_inner_content(|writer| cases.iter().try_for_each(|case| one(writer, case)))?;
            }
            Ok(())
        })?;
    let mut text = writer.into_inner();
    text.push(b'\n');
    Ok(text)
}

fn one(writer: &mut Writer<Vec<u8>>, case: &Case) -> io::Result<()> {
    let seconds = format!("{:.3}", case.seconds);
    let (class, name) = (plain(&case.file), plain(&case.name));
    let element = writer.create_element("testcase");
    let element = element.with_attribute(("classname", class.as_str())).with_attribute(("name", name.as_str()));
    let element = element.with_attribute(("time", seconds.as_str()));
    if case.verdict == Verdict::Passed {
        return element.write_empty().map(drop);
    }
    let report = plain(&case.report);
    let first = report.lines().next().unwrap_or_default();
    let failure = |writer: &mut Writer<Vec<u8>>| {
        let failure = writer.create_element("failure").with_attribute(("message", first));
        failure.write_text_content(BytesText::new(&report)).map(drop)
    };
    element.write_inner_content(failure).map(drop)
}

/// Without the characters that XML 1.0 has no way to write (its section 2.2).
fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() && !matches!(c, '\n' | '\t') || matches!(c, '\u{fffe}' | '\u{ffff}') { '\u{fffd}' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use quick_xml::Reader;

    use super::*;

    #[test]
    fn a_report_is_well_formed_whatever_a_test_printed() {
        let case = |name: &str, verdict, report: &str| Case {
            file: "a&b \"c\".rhai".into(),
            name: name.into(),
            verdict,
            seconds: 0.5,
            report: report.into(),
        };
        let tests = vec![
            case("test_a", Verdict::Passed, ""),
            case("test_b", Verdict::Failed, "a.rhai:1:1: error: <x> & ]]> \u{1b}[31m \0\n  more\n"),
        ];
        let summary = Summary { passed: 1, failed: 1, wrong: Vec::new(), tests };
        let text = String::from_utf8(report(&summary).unwrap()).unwrap();
        let mut reader = Reader::from_str(&text);
        let mut names = Vec::new();
        loop {
            match reader.read_event().unwrap() {
                Event::Eof => break,
                Event::Start(start) | Event::Empty(start) => {
                    start.attributes().for_each(|attribute| drop(attribute.unwrap()));
                    names.push(start.name().as_ref().to_owned());
                }
                _ => {}
            }
        }
        assert_eq!(names, ["testsuites", "testsuite", "testcase", "testcase", "failure"]);
        assert!(!text.contains('\u{1b}') && text.contains("failures=\"1\""), "{text}");
    }
}
