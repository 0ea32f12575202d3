//! Meson at configure time: `meson.build:3:0: ERROR: Dependency "x" not found, tried pkgconfig`.
//!
//! Source: mesonbuild/mlog.py, mesonmain.py.

use super::parse;
use super::{Sink, ToolReader};
use crate::diagnostic::{Diagnostic, Location, Severity, Tool};
use crate::line::Line;
use crate::text::{has, split_location};

/// Errors without a place.
const PLAIN: &[&str] = &[
    "Neither directory contains a build file",
    "Neither source directory ",
    "Unknown compiler(s): ",
    "Compiler ",
    "Could not find Python3",
    "Value \"",
    "Could not detect Ninja",
    "Pkg-config binary",
    "Subproject ",
];

/// The reader of Meson's messages.
#[derive(Debug, Default)]
pub struct Meson;

impl ToolReader for Meson {
    fn line(&mut self, line: &Line<'_>, sink: &mut Sink) -> bool {
        let text = line.text.trim();
        if text.starts_with("A full log can be found at ") {
            return true;
        }
        if !has(text, b':') || !text.contains("ERROR: ") && !text.contains("WARNING: ") {
            return false;
        }
        if let Some(prefix) = split_location(text) {
            let name = parse::basename(prefix.file);
            if !matches!(name, "meson.build" | "meson_options.txt" | "meson.options") {
                return false;
            }
            let (Some(severity), message) = parse::severity(prefix.rest) else { return false };
            let mut diagnostic = Diagnostic::new(Tool::Meson, severity, parse::message(message));
            // Meson counts columns from 0.
            diagnostic.location = Some(Location::new(
                prefix.file,
                Some(prefix.line),
                prefix.column.map(|column| column.saturating_add(1)),
            ));
            sink.open(line, diagnostic);
            return true;
        }
        let Some(rest) = text.strip_prefix("ERROR: ") else { return false };
        let known =
            rest.contains("meson.build") || PLAIN.iter().any(|start| rest.starts_with(start)) && !rest.contains("//");
        if known {
            sink.open(line, Diagnostic::new(Tool::Meson, Severity::Error, parse::message(rest)));
        }
        known
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[track_caller]
    fn check(log: &str, expect: &[&str]) {
        testing::check(&mut Meson, log, expect);
    }

    #[test]
    fn messages() {
        check(
            "meson.build:3:0: ERROR: Dependency \"ring\" not found, tried pkgconfig and cmake",
            &["error meson.build:3:1: Dependency \"ring\" not found, tried pkgconfig and cmake"],
        );
        check(
            "subprojects/q/meson.build:14:4: ERROR: C shared or static library 'ring' not found",
            &["error subprojects/q/meson.build:14:5: C shared or static library 'ring' not found"],
        );
        check(
            "meson.build:9: WARNING: Project targets '>= 0.50'",
            &["warning meson.build:9: Project targets '>= 0.50'"],
        );
        check(
            "ERROR: Neither directory contains a build file meson.build.",
            &["error Neither directory contains a build file meson.build."],
        );
    }

    #[test]
    fn near_misses() {
        for log in ["ERROR: x", "a.c:3:0: ERROR: x", "Run-time dependency ring found: NO", "meson.build:3:0: x"] {
            check(log, &[]);
        }
        testing::survives(|| Box::new(Meson), "ä/meson.build:3:0: ERROR: ‘ü’\nERROR: ö");
    }
}
