//! JUnit's XML as Jenkins, GitLab and others read it: a build is a test suite, a cause is a test
//! case that failed, and a build that passed has one test case that passed.

use std::fmt::Write as _;
use std::io;

use triage_causes::report::{Build, Cause, Report, Status};

use crate::summary::{self, Label, Voice};
use crate::{Options, safe, words};

/// The text is escaped as a whole, so that here it stays as it is.
const VOICE: Voice = Voice { name: str::to_owned, prose: str::to_owned };

/// Writes the report.
pub fn render(report: &Report, options: &Options<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let suites: Vec<Suite> = suites(report, options);
    let (tests, failures, errors) =
        suites.iter().fold((0, 0, 0), |sum, suite| (sum.0 + suite.tests, sum.1 + suite.failures, sum.2 + suite.errors));
    writeln!(out, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    let time = options.elapsed.map(|time| format!(r#" time="{:.3}""#, time.as_secs_f64())).unwrap_or_default();
    let name = words::PROGRAM;
    writeln!(out, r#"<testsuites name="{name}" tests="{tests}" failures="{failures}" errors="{errors}"{time}>"#)?;
    for suite in &suites {
        suite.write(out)?;
    }
    writeln!(out, "</testsuites>")
}

/// The test cases of one build.
#[derive(Default)]
struct Suite {
    name: String,
    properties: String,
    cases: String,
    /// Warnings, which JUnit has no place for, and problems.
    notes: String,
    tests: u64,
    failures: u64,
    errors: u64,
    skipped: u64,
}

fn suites(report: &Report, options: &Options<'_>) -> Vec<Suite> {
    let known = |name: &String| report.builds.iter().any(|build| build.id == *name);
    let mut suites = Vec::new();
    for build in &report.builds {
        let mine = |cause: &&Cause| {
            cause.builds.contains(&build.id) || (report.builds.len() == 1 && !cause.builds.iter().any(known))
        };
        let mut suite = Suite { name: build_name(build), ..Suite::default() };
        for (key, value) in &build.axes {
            let (key, value) = (safe::xml_attribute(key), safe::xml_attribute(value));
            let _ = writeln!(suite.properties, r#"      <property name="{key}" value="{value}"/>"#);
        }
        for cause in report.causes.iter().filter(mine) {
            suite.cause(report, cause, options);
        }
        for warning in report.warnings.iter().filter(mine) {
            suite.note(&format!("{}: {}", words::WARNING, compiler_line(warning)));
        }
        if suite.tests == 0 {
            suite.whole_build(build.status);
        }
        suites.push(suite);
    }
    let mut rest = Suite { name: words::PROGRAM.to_owned(), ..Suite::default() };
    if report.builds.len() != 1 {
        for cause in report.causes.iter().filter(|cause| !cause.builds.iter().any(known)) {
            rest.cause(report, cause, options);
        }
    }
    for problem in &report.problems {
        rest.note(&format!("{}: {}", words::NOTE, words::problem(&problem.name, &problem.message)));
    }
    if rest.tests == 0 && !suites.is_empty() {
        // Problems alone are no suite.
        if let Some(first) = suites.first_mut() {
            first.notes.push_str(&rest.notes);
        }
    } else {
        if rest.tests == 0 {
            rest.whole_build(Status::Empty);
        }
        suites.push(rest);
    }
    suites
}

fn build_name(build: &Build) -> String {
    if build.id.is_empty() || build.id == "-" { words::BUILD.to_owned() } else { build.id.clone() }
}

/// `place: title`.
fn compiler_line(cause: &Cause) -> String {
    match &cause.location {
        Some(location) => format!("{}: {}", summary::place(location), cause.title),
        None => cause.title.clone(),
    }
}

impl Suite {
    fn cause(&mut self, report: &Report, cause: &Cause, options: &Options<'_>) {
        self.tests += 1;
        let label = Label::of_cause(cause);
        // Only the author's failures are failures of the test.
        let element = if label == Label::Infrastructure { "error" } else { "failure" };
        if label == Label::Infrastructure {
            self.errors += 1
        } else {
            self.failures += 1
        }
        let mut text = compiler_line(cause);
        if let Some(function) = cause.function.as_ref().filter(|_| cause.location.is_some()) {
            text =
                format!("{}{}: {}", summary::place_of(cause), words::in_function(&words::call(function)), cause.title);
        }
        if let Some(snippet) = &cause.snippet {
            let _ = write!(text, "\n{}\n{}", snippet.text, snippet.marks);
        }
        for fact in summary::facts(cause, report, VOICE, options.verbose.max(1), None) {
            text.push('\n');
            if !fact.head.is_empty() {
                let _ = write!(text, "{}: ", fact.head);
            }
            text.push_str(&fact.text);
        }
        if let Some(patch) = cause.fixes.first().and_then(|fix| fix.patch.as_deref()) {
            let _ = write!(text, "\n\n{patch}");
        }
        let attribute = safe::xml_attribute;
        let mut place = String::new();
        if let Some(location) = &cause.location {
            let file = crate::paths::relative(&location.file).unwrap_or_else(|| location.file.clone());
            let _ = write!(place, r#" file="{}""#, attribute(&file));
            if let Some(line) = location.line {
                let _ = write!(place, r#" line="{line}""#);
            }
        }
        // The name tells the case from others, and stays when lines move.
        let name = match &cause.location {
            Some(location) => format!("{} ({})", cause.title, location.file),
            None => cause.title.clone(),
        };
        let _ = writeln!(
            self.cases,
            "    <testcase classname=\"{}\" name=\"{}\"{place} time=\"0\">\n      \
             <{element} type=\"{}\" message=\"{}\">{}</{element}>\n    </testcase>",
            attribute(&cause.rule),
            attribute(&name),
            attribute(&cause.class),
            attribute(&cause.title),
            safe::xml_text(&text),
        );
    }

    /// The one test case of a build without causes.
    fn whole_build(&mut self, status: Status) {
        self.tests += 1;
        let inner = match status {
            Status::Pass => String::new(),
            Status::Empty => {
                self.skipped += 1;
                format!(r#"<skipped message="{}"/>"#, words::EMPTY_LOG)
            }
            Status::Fail => {
                self.errors += 1;
                format!(r#"<error type="{}" message="{}"/>"#, words::BUILD, words::NO_CAUSE)
            }
        };
        let name = if status == Status::Pass { words::PASSED } else { words::BUILD };
        let _ = writeln!(
            self.cases,
            r#"    <testcase classname="{}" name="{name}" time="0">{inner}</testcase>"#,
            words::PROGRAM
        );
    }

    fn note(&mut self, text: &str) {
        self.notes.push_str(&safe::xml_text(&safe::line(text)));
        self.notes.push('\n');
    }

    fn write(&self, out: &mut dyn io::Write) -> io::Result<()> {
        let Self { tests, failures, errors, skipped, .. } = self;
        let name = safe::xml_attribute(&self.name);
        writeln!(
            out,
            r#"  <testsuite name="{name}" tests="{tests}" failures="{failures}" errors="{errors}" skipped="{skipped}">"#
        )?;
        if !self.properties.is_empty() {
            writeln!(out, "    <properties>\n{}    </properties>", self.properties)?;
        }
        out.write_all(self.cases.as_bytes())?;
        if !self.notes.is_empty() {
            writeln!(out, "    <system-out>{}</system-out>", self.notes)?;
        }
        writeln!(out, "  </testsuite>")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Format;
    use crate::fixture::{self, rendered};
    use roxmltree::Document;

    fn xml(report: &Report) -> String {
        rendered(report, Format::Junit, &fixture::options())
    }

    #[test]
    fn builds_are_suites() {
        insta::assert_snapshot!(xml(&fixture::mixed()));
    }

    #[test]
    fn hostile_text_stays_text() {
        let text = xml(&fixture::hostile_report());
        let document = Document::parse(&text).unwrap();
        let count = |name: &str| document.descendants().filter(|node| node.has_tag_name(name)).count();
        assert_eq!((count("testsuite"), count("testcase"), count("failure"), count("error")), (2, 3, 1, 1));
        assert_eq!(count("img"), 0);
        let failure = document.descendants().find(|node| node.has_tag_name("failure")).unwrap();
        assert!(failure.text().unwrap().contains("</testcase>]]>"));
    }

    #[test]
    fn builds_without_causes() {
        let mut report = fixture::report(vec![]);
        report.builds.push(fixture::build("-", Status::Fail));
        report.builds.push(fixture::build("c.log", Status::Empty));
        let text = xml(&report);
        let document = Document::parse(&text).unwrap();
        let root = document.root_element();
        assert_eq!((root.attribute("tests"), root.attribute("errors")), (Some("3"), Some("1")));
        let names: Vec<_> = root.children().filter_map(|node| node.attribute("name")).collect();
        assert_eq!(names, ["build.log", "build", "c.log"]);
    }

    #[test]
    fn no_builds() {
        let mut report = fixture::report(vec![fixture::cause()]);
        report.builds.clear();
        assert!(xml(&report).contains(r#"failures="1""#));
        report.causes.clear();
        assert!(Document::parse(&xml(&report)).is_ok());
    }
}
