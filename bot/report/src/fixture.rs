//! Small reports for the tests.

use triage_causes::report::{
    Applicability, Attribution, Build, Cause, Counts, FORMAT_VERSION, Fix, Kind, Problem, Report, Status, Summary,
};
use triage_log::diagnostic::{Flavor, Location, LogSpan, Note, Severity, Snippet, Tool};

use crate::{Format, Options, render};

/// A missing include with a verified fix.
pub fn cause() -> Cause {
    Cause {
        rule: "implicit-declaration".into(),
        class: "implicit-declaration".into(),
        diagnosis: Some("missing-include".into()),
        kind: Kind::Code,
        title: "'task_stack_base' is used but not declared".into(),
        message: "implicit declaration of function 'task_stack_base'".into(),
        tool: Tool::Cc,
        flavor: Some(Flavor::Gnu),
        severity: Severity::Error,
        location: Some(Location::new("include/linux/stackinfo.h", Some(26), Some(13))),
        function: Some("stack_reset".into()),
        symbols: vec!["task_stack_base".into()],
        option: Some("-Wimplicit-function-declaration".into()),
        werror: true,
        fingerprint: "0123456789abcdef".into(),
        builds: vec!["build.log".into()],
        counts: Counts { findings: 12, files: 12, consequences: 14 },
        places: vec![Location::new("include/linux/stackinfo.h", Some(40), Some(9))],
        includes: vec![
            Location::new("include/linux/stack.h", Some(8), None),
            Location::new("kernel/sched/stack.c", Some(3), None),
        ],
        objects: vec![],
        notes: vec![Note {
            location: Some(Location::new("include/linux/stackinfo.h", Some(5), Some(1))),
            message: "in expansion of macro 'stack_top'".into(),
        }],
        snippet: Some(Snippet {
            line: Some(26),
            text: "        if (stack_top(tsk) == base)".into(),
            marks: "            ^~~~~~~~~".into(),
        }),
        hint: None,
        explanation: "The function is called before any declaration of it was seen.".into(),
        fixes: vec![Fix {
            applicability: Applicability::Verified,
            kind: "add_include".into(),
            title: "include <linux/sched.h> in include/linux/stackinfo.h (12 of 12 objects now compile)".into(),
            header: Some("linux/sched.h".into()),
            file: Some("include/linux/stackinfo.h".into()),
            line: Some(9),
            package: None,
            patch: Some(PATCH.into()),
        }],
        log: LogSpan { line: 118, start: 9000, end: 9400 },
        references: vec!["https://example.org/declarations".into()],
        units: vec!["kernel/sched/stack.c".into()],
        attribution: Attribution::default(),
        guards: vec![],
        state: None,
        suspects: vec![],
        proved: None,
        bisection: None,
        maintainers: vec![],
        history: String::new(),
    }
}

const PATCH: &str = "--- a/include/linux/stackinfo.h\n+++ b/include/linux/stackinfo.h\n@@ -9,3 +9,4 @@\n \
                     #include <linux/kernel.h>\n+#include <linux/sched.h>\n #include <linux/types.h>\n \n";

/// The builder ran out of memory: no location, advice only.
pub fn infrastructure() -> Cause {
    Cause {
        rule: "out-of-memory".into(),
        class: "out-of-memory".into(),
        diagnosis: None,
        kind: Kind::Infrastructure,
        title: "the compiler was killed, most likely for want of memory".into(),
        message: "Killed signal terminated program cc1plus".into(),
        severity: Severity::Fatal,
        location: None,
        function: None,
        symbols: vec![],
        option: None,
        werror: false,
        fingerprint: "fedcba9876543210".into(),
        counts: Counts { findings: 1, files: 1, consequences: 2 },
        places: vec![],
        includes: vec![],
        notes: vec![],
        snippet: None,
        explanation: "The kernel ended the compiler. Nothing is known to be wrong with the source.".into(),
        fixes: vec![advice("give the machine more memory, or build with fewer jobs")],
        log: LogSpan { line: 1530, start: 0, end: 0 },
        references: vec![],
        ..cause()
    }
}

/// An unused variable.
pub fn warning() -> Cause {
    Cause {
        rule: "unused-variable".into(),
        class: "unused".into(),
        diagnosis: None,
        title: "the variable 'left' is never used".into(),
        message: "unused variable 'left'".into(),
        severity: Severity::Warning,
        location: Some(Location::new("./src/main.c", Some(7), Some(9))),
        function: Some("main".into()),
        symbols: vec!["left".into()],
        option: Some("-Wunused-variable".into()),
        werror: false,
        fingerprint: "00000000000000aa".into(),
        counts: Counts { findings: 1, files: 1, consequences: 0 },
        places: vec![],
        includes: vec![],
        notes: vec![],
        snippet: Some(Snippet { line: Some(7), text: "    int left;".into(), marks: "        ^~~~".into() }),
        fixes: vec![advice("remove the variable, or use it")],
        references: vec![],
        ..cause()
    }
}

/// Text that tries to break out of every channel.
pub const HOSTILE: &str = "\x1b[2J\u{9b}1m\u{202e}</testcase>]]></system-out>```\n::set-env name=PATH::x\n\
                           @all fixes #12 o/r#3 GH-4 !5 <img src=x onerror=y> ![i](https://evil.example) \
                           ##[add-mask]x | %0A::error::y\0\u{ffff}\r\n/close";

/// A cause with [`HOSTILE`] in every text.
pub fn hostile() -> Cause {
    let place = || Location::new(HOSTILE, Some(u32::MAX), Some(u32::MAX));
    Cause {
        rule: HOSTILE.into(),
        class: HOSTILE.into(),
        diagnosis: Some(HOSTILE.into()),
        title: format!("'{HOSTILE}' is bad {HOSTILE}"),
        message: HOSTILE.into(),
        location: Some(place()),
        function: Some(HOSTILE.into()),
        symbols: vec![HOSTILE.into()],
        option: Some(HOSTILE.into()),
        fingerprint: HOSTILE.into(),
        builds: vec![HOSTILE.into()],
        places: vec![place()],
        includes: vec![place()],
        objects: vec![HOSTILE.into()],
        notes: vec![
            Note { location: Some(place()), message: HOSTILE.into() },
            Note { location: None, message: format!("in expansion of macro '{HOSTILE}'") },
        ],
        snippet: Some(Snippet { line: None, text: HOSTILE.into(), marks: "^~~~  ~~^~ ".repeat(40) }),
        hint: Some(HOSTILE.into()),
        explanation: HOSTILE.into(),
        fixes: vec![Fix {
            applicability: Applicability::Unverified,
            kind: HOSTILE.into(),
            title: HOSTILE.into(),
            file: Some(HOSTILE.into()),
            patch: Some(format!("--- a/{HOSTILE}\n+++ b/x\n@@ -1 +1 @@\n-a\n+{HOSTILE}\n ::error::z\n")),
            ..advice("")
        }],
        references: vec![HOSTILE.into()],
        ..cause()
    }
}

/// Advice in words.
pub fn advice(title: &str) -> Fix {
    Fix {
        applicability: Applicability::Advice,
        kind: "advice".into(),
        title: title.into(),
        header: None,
        file: None,
        line: None,
        package: None,
        patch: None,
    }
}

/// A build of that name.
pub fn build(id: &str, status: Status) -> Build {
    let axes = [("arch", "arm64"), ("toolchain", "gcc"), ("version", "12.2")];
    Build {
        id: id.into(),
        axes: axes.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect(),
        status,
        lines: 2412,
        bytes: 190_000,
        diagnostics: 26,
    }
}

/// A report on one build with these causes.
pub fn report(causes: Vec<Cause>) -> Report {
    let status = if causes.is_empty() { Status::Pass } else { Status::Fail };
    Report {
        version: FORMAT_VERSION,
        summary: Summary { causes: causes.len() as u64, errors: 12, warnings: 0, lines: 2412, bytes: 190_000 },
        patch: causes.iter().flat_map(|cause| &cause.fixes).find_map(|fix| fix.patch.clone()),
        causes,
        warnings: vec![],
        builds: vec![build("build.log", status)],
        problems: vec![],
        baseline: None,
        times: vec![],
    }
}

/// A bit of everything, in two builds of which one passed.
pub fn mixed() -> Report {
    let mut report = report(vec![cause(), infrastructure()]);
    report.warnings = vec![warning()];
    report.builds.push(build("other.log", Status::Pass));
    report.problems = vec![Problem { name: "logs.zip/3.txt".into(), message: "the member is encrypted".into() }];
    report
}

/// Hostile text everywhere.
pub fn hostile_report() -> Report {
    let mut report = report(vec![hostile(), Cause { kind: Kind::Infrastructure, location: None, ..hostile() }]);
    report.warnings = vec![Cause { severity: Severity::Warning, ..hostile() }];
    report.builds = vec![
        Build { axes: [("arch".into(), HOSTILE.into())].into(), ..build(HOSTILE, Status::Fail) },
        build("b", Status::Pass),
    ];
    report.problems = vec![Problem { name: HOSTILE.into(), message: HOSTILE.into() }];
    report
}

/// The options of the tests.
pub fn options() -> Options<'static> {
    Options { elapsed: Some(std::time::Duration::from_millis(3)), ..Options::default() }
}

/// The report in a format.
pub fn rendered(report: &Report, format: Format, options: &Options<'_>) -> String {
    let mut out = Vec::new();
    render(report, format, options, &mut out).expect("writing to memory");
    String::from_utf8(out).expect("the output is UTF-8")
}

/// What must be in no output, whatever the channel.
pub fn assert_harmless(text: &str) {
    let bad = text.chars().find(|&c| crate::safe::is_hidden(c) && !matches!(c, '\n' | '\t' | '\u{200b}'));
    assert_eq!(bad, None, "a hidden character in {text}");
    assert!(!text.contains("##["), "{text}");
    for line in text.lines().map(str::trim_start) {
        assert!(!line.starts_with("::set-env"), "{line}");
        assert!(!line.starts_with("::error::z"), "{line}");
    }
}
