//! Reports for the tests of this module.

use triage_causes::report::{
    Applicability, Attribution, AttributionCounts, Build, Cause, Counts, Explains, FORMAT_VERSION, Fix, How, Kind,
    Proved, Report, Status, Summary,
};
use triage_log::diagnostic::{Flavor, Location, LogSpan, Note, Severity, Snippet, Tool};

use super::facts::{Blame, Certainty};
use crate::message::Message;

/// A patch that applies to a file of nine lines and more.
pub const PATCH: &str = "--- a/include/linux/valve.h\n+++ b/include/linux/valve.h\n@@ -6,6 +6,7 @@\n \
                         #define _LINUX_VALVE_H\n \n #include <linux/kernel.h>\n+#include <linux/sched.h>\n \
                         #include <linux/types.h>\n \n struct pump;\n";

/// A missing include in a header, through a macro, with a verified fix.
pub fn cause() -> Cause {
    Cause {
        rule: "implicit-function-declaration".into(),
        class: "implicit-function-declaration".into(),
        diagnosis: Some("missing-include".into()),
        kind: Kind::Code,
        title: "'task_valve_info' is used but not declared".into(),
        message: "implicit declaration of function 'task_valve_info'".into(),
        tool: Tool::Cc,
        flavor: Some(Flavor::Llvm),
        severity: Severity::Error,
        location: Some(Location::new("./include/linux/valve.h", Some(26), Some(13))),
        function: Some("valve_task_reset".into()),
        symbols: vec!["task_valve_info".into()],
        option: Some("-Wimplicit-function-declaration".into()),
        werror: true,
        fingerprint: "0123456789abcdef".into(),
        builds: vec!["arm64-clang.log".into(), "arm64-allmod-clang.log".into()],
        counts: Counts { findings: 24, files: 12, consequences: 14 },
        places: vec![],
        includes: vec![Location::new("kernel/valve.c", Some(15), None)],
        objects: vec!["kernel/valve.o".into()],
        notes: vec![Note { location: None, message: "in expansion of macro 'task_valve'".into() }],
        snippet: Some(Snippet {
            line: Some(26),
            text: "        if (task_valve(tsk) == NULL)".into(),
            marks: "            ^~~~~~~~~~".into(),
        }),
        hint: None,
        explanation: "A function is called that no header which the file includes declares.".into(),
        fixes: vec![Fix {
            applicability: Applicability::Verified,
            kind: "add_include".into(),
            title: "include <linux/sched.h> in include/linux/valve.h (12 of 12 objects now compile)".into(),
            header: Some("linux/sched.h".into()),
            file: Some("include/linux/valve.h".into()),
            line: Some(9),
            package: None,
            patch: Some(PATCH.into()),
        }],
        log: LogSpan { line: 118, start: 9000, end: 9400 },
        references: vec![],
        units: vec!["kernel/valve.c".into()],
        attribution: Attribution {
            axes: [("toolchain".to_owned(), vec!["clang".to_owned()])].into(),
            explains: Explains::All,
            statement: "arm64 with clang".into(),
            counts: AttributionCounts { failing: 2, passing: 2, not_reached: 0 },
            ..Attribution::default()
        },
        guards: vec!["CONFIG_VALVE".into()],
        state: None,
        suspects: vec![],
        proved: None,
        bisection: None,
        maintainers: vec![],
        history: String::new(),
    }
}

/// Another cause, with advice only.
pub fn second() -> Cause {
    Cause {
        rule: "undefined-reference".into(),
        class: "undefined-reference".into(),
        diagnosis: None,
        title: "'pump_average' is used but defined in no linked object".into(),
        message: "undefined reference to 'pump_average'".into(),
        tool: Tool::Ld,
        location: Some(Location::new("tools/audit.c", None, None)),
        function: Some("report".into()),
        symbols: vec!["pump_average".into()],
        option: None,
        fingerprint: "fedcba9876543210".into(),
        counts: Counts { findings: 1, files: 1, consequences: 0 },
        includes: vec![],
        notes: vec![],
        snippet: None,
        fixes: vec![Fix {
            applicability: Applicability::Advice,
            kind: "advice".into(),
            title: "link the object or library that defines pump_average".into(),
            header: None,
            file: None,
            line: None,
            package: None,
            patch: None,
        }],
        attribution: Attribution::default(),
        guards: vec![],
        units: vec![],
        ..cause()
    }
}

/// The machine's fault.
pub fn infrastructure() -> Cause {
    Cause {
        kind: Kind::Infrastructure,
        class: "out-of-memory".into(),
        title: "the compiler was killed, most likely for want of memory".into(),
        fingerprint: "00000000000000bb".into(),
        location: None,
        ..second()
    }
}

/// A build.
pub fn build(id: &str, failed: bool) -> Build {
    let toolchain = if id.contains("clang") { ("clang", "19.1") } else { ("gcc", "12.2") };
    let config = if id.contains("allmod") { "allmodconfig" } else { "defconfig" };
    let axes = [("arch", "arm64"), ("config", config), ("toolchain", toolchain.0), ("version", toolchain.1)];
    Build {
        id: id.into(),
        axes: axes.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        status: if failed { Status::Fail } else { Status::Pass },
        lines: 2412,
        bytes: 190_000,
        diagnostics: 26,
    }
}

/// A report on one failing build.
pub fn report(causes: Vec<Cause>) -> Report {
    let mut report = matrix(causes);
    report.builds.truncate(1);
    for cause in &mut report.causes {
        cause.builds.truncate(1);
        cause.attribution = Attribution::default();
    }
    report
}

/// A report on four builds, two of which fail.
pub fn matrix(causes: Vec<Cause>) -> Report {
    Report {
        version: FORMAT_VERSION,
        summary: Summary { causes: causes.len() as u64, errors: 24, warnings: 0, lines: 9000, bytes: 700_000 },
        causes,
        builds: vec![
            build("arm64-clang.log", true),
            build("arm64-allmod-clang.log", true),
            build("arm64-gcc.log", false),
            build("arm64-allmod-gcc.log", false),
        ],
        ..Report::default()
    }
}

/// The blame for the first of two patches.
pub fn blame(certainty: Certainty) -> Blame {
    Blame {
        number: 1,
        total: 2,
        title: "valve: reset the state of tasks".into(),
        certainty,
        reason: "it changes include/linux/valve.h".into(),
    }
}

/// A commit that was proved.
pub fn proved() -> Proved {
    Proved {
        how: How::Bisect,
        commit: "1234abcd5678".into(),
        title: "valve: reset the state of tasks".into(),
        author: "Alice Dev <alice@example.org>".into(),
        fixes: Some("Fixes: 1234abcd5678 (\"valve: reset the state of tasks\")".into()),
    }
}

/// The patch that is answered.
pub fn patch() -> Message {
    Message::parse(
        b"From: Alice Dev <alice@example.org>\nTo: linux-valves@lists.example.org\nCc: Bob <bob@example.org>\n\
          Subject: [PATCH v2 1/2] valve: reset the state of tasks\nMessage-ID: <20261126.1-alice@example.org>\n\
          In-Reply-To: <20261126.0-alice@example.org>\nReferences: <20261126.0-alice@example.org>\n\
          Date: Thu, 26 Nov 2026 10:00:00 +0000\n\nReset it.\n\nSigned-off-by: Alice Dev <alice@example.org>\n",
    )
}
