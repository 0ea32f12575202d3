//! Bazel: `ERROR: /q/BUILD:3:10: Compiling q.cc failed: (Exit 1): gcc failed: …`.
//!
//! The message ends after `(from target //q:q)`: the rest is the command line.
//!
//! Source: com/google/devtools/build/lib/runtime/UiEventHandler.java, SpawnExecException.java.

use super::parse;
use super::{Sink, ToolReader};
use crate::diagnostic::{Diagnostic, Location, Severity, Tool};
use crate::line::Line;
use crate::text::split_location;

/// How errors without a place begin.
const PLAIN: &[&str] = &[
    "Analysis of target ",
    "Skipping '",
    "no such package ",
    "no such target ",
    "Build did NOT complete successfully",
    "command succeeded, but not all targets were analyzed",
    "An error occurred during the fetch of repository ",
    "Error computing the main repository mapping",
    "Unable to find package for ",
    "The 'build' command is only supported from within a workspace",
    "While resolving toolchains for target ",
    "Unrecognized option: -",
    "cycles detected during ",
];

/// How long a message may get.
const TEXT_MAX: usize = 1000;

/// The reader of Bazel's messages.
#[derive(Debug, Default)]
pub struct Bazel;

impl ToolReader for Bazel {
    fn line(&mut self, line: &Line<'_>, sink: &mut Sink) -> bool {
        let text = stamp(line.text.trim());
        let (severity, rest) = if let Some(rest) = text.strip_prefix("ERROR: ") {
            (Severity::Error, rest)
        } else if let Some(rest) = text.strip_prefix("FAILED: ") {
            return rest.starts_with("Build did NOT complete successfully");
        } else if text.starts_with("FAILURE: ") || text.starts_with("WARNING: ") {
            return false;
        } else {
            return text.starts_with("Use --verbose_failures to see")
                || text.starts_with("Use --sandbox_debug to see")
                || text.starts_with("Target //") && text.ends_with(" failed to build");
        };
        let (location, message) = match split_location(rest) {
            Some(prefix) if is_build_file(prefix.file) => {
                (Some(Location::new(prefix.file, Some(prefix.line), prefix.column)), prefix.rest)
            }
            _ if PLAIN.iter().any(|start| rest.starts_with(start)) => (None, rest),
            _ => return false,
        };
        let end = message
            .find(" (from target ")
            .and_then(|at| message.get(at..).and_then(|rest| rest.find(')')).map(|close| at + close + 1));
        let message = end.and_then(|end| message.get(..end)).unwrap_or(message);
        let message: String = parse::message(message).chars().take(TEXT_MAX).collect();
        let mut diagnostic = Diagnostic::new(Tool::Bazel, severity, message);
        diagnostic.objects.extend(label(&diagnostic.message).map(str::to_owned));
        diagnostic.location = location;
        sink.open(line, diagnostic);
        true
    }
}

/// The text without `(12:01:02) ` in front.
fn stamp(text: &str) -> &str {
    match text.strip_prefix('(').and_then(|rest| rest.split_once(") ")) {
        Some((time, rest)) if time.len() == 8 && time.bytes().all(|b| b.is_ascii_digit() || b == b':') => rest,
        _ => text,
    }
}

fn is_build_file(path: &str) -> bool {
    let name = parse::basename(path);
    matches!(name, "BUILD" | "BUILD.bazel" | "WORKSPACE" | "WORKSPACE.bazel" | "MODULE.bazel" | ".bazelrc")
        || name.ends_with(".bzl")
        || name.ends_with(".bazel")
}

/// The first label: `//q:q`, `@repo//q`.
fn label(message: &str) -> Option<&str> {
    message
        .split([' ', '\'', '(', ')', ','])
        .map(|word| word.trim_end_matches([':', '.']))
        .find(|word| word.starts_with("//") || word.starts_with('@') && word.contains("//"))
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[track_caller]
    fn check(log: &str, expect: &[&str]) {
        testing::check(&mut Bazel, log, expect);
    }

    #[test]
    fn messages() {
        check(
            "ERROR: /q/lib/BUILD:3:10: Compiling lib/q.cc failed: (Exit 1): gcc failed: error executing CppCompile command (from target //lib:q) /usr/bin/gcc -U_FORTIFY_SOURCE",
            &[
                "error /q/lib/BUILD:3:10: Compiling lib/q.cc failed: (Exit 1): gcc failed: error executing CppCompile command (from target //lib:q) obj=//lib:q",
            ],
        );
        check(
            "(12:01:02) ERROR: /q/BUILD.bazel:3:1: C++ compilation of rule '//q:q' failed (Exit 1)",
            &["error /q/BUILD.bazel:3:1: C++ compilation of rule '//q:q' failed (Exit 1) obj=//q:q"],
        );
        check(
            "ERROR: Analysis of target '//q:q' failed; build aborted: no such package 'r'",
            &["error Analysis of target '//q:q' failed; build aborted: no such package 'r' obj=//q:q"],
        );
        check(
            "ERROR: Build did NOT complete successfully\nFAILED: Build did NOT complete successfully (0 packages loaded)",
            &["error Build did NOT complete successfully"],
        );
    }

    #[test]
    fn near_misses() {
        for log in
            ["ERROR: x", "ERROR: a.c:3:1: x", "WARNING: /q/BUILD:3:1: x", "INFO: Build completed", "(x) ERROR: y"]
        {
            check(log, &[]);
        }
        testing::survives(|| Box::new(Bazel), "ERROR: ä/BUILD:3:1: ‘ü’ (from target //ö\n(12:01:02) ERROR: é");
    }
}
