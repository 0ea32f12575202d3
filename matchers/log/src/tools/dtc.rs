//! The device tree compiler, and dt-validate, which checks its output against schemas.
//!
//! ```text
//! Error: q.dts:12.3-4 syntax error
//! q.dts:1.2-3.4: ERROR (phandle_references): /x: Reference to non-existent node or label "y"
//! FATAL ERROR: Unable to parse input tree
//! q.dtb: node@0: 'reg' is a required property
//!     from schema $id: http://devicetree.org/schemas/q.yaml#
//! ```
//!
//! Sources: dtc's checks.c, srcpos.c, treesource.c; dtschema's dtb_validate.

use super::parse;
use super::{Sink, ToolReader};
use crate::diagnostic::{Diagnostic, Location, Note, Severity, Tool};
use crate::line::Line;
use crate::text::{has, split_colon, split_location};

/// The reader of messages about device trees.
#[derive(Debug, Default)]
pub struct Dtc;

impl ToolReader for Dtc {
    fn line(&mut self, line: &Line<'_>, sink: &mut Sink) -> bool {
        let raw = line.text;
        let text = raw.trim();
        if let Some(rest) = text.strip_prefix("Error: ").or_else(|| text.strip_prefix("Lexical error: ")) {
            // A place with a dot in its position is dtc's alone.
            let Some((location, message)) = place(rest) else { return false };
            return open(line, sink, Severity::Error, Some(location), message);
        }
        if let Some(rest) = text.strip_prefix("FATAL ERROR: ") {
            return (is_fatal(rest)) && open(line, sink, Severity::Fatal, None, rest);
        }
        if let Some(rest) = text.strip_prefix("ERROR: ") {
            return rest.starts_with("Input tree has errors") && open(line, sink, Severity::Error, None, rest);
        }
        if let Some((severity, at, after)) = has(text, b'(').then(|| named_check(text)).flatten() {
            let head = text.get(..at).unwrap_or("").trim_end().trim_end_matches(':');
            let location = match place(head) {
                Some((location, "")) => Some(location),
                _ if head.is_empty() => None,
                // Old: the output's name.
                _ if !head.contains(' ') => Some(Location::new(head, None, None)),
                _ => return false,
            };
            let message = after.replacen("): ", ": ", 1);
            return open(line, sink, severity, location, &message);
        }
        if text.starts_with("also defined at ") || text.starts_with("from schema $id: ") {
            let Some(last) = sink.last(line, Tool::Dtc) else { return false };
            if last.notes.len() < 32 {
                let location = text.strip_prefix("also defined at ").and_then(place).map(|(location, _)| location);
                last.notes.push(Note { location, message: parse::message(text) });
            }
            return true;
        }
        validate(line, sink, text) || yaml(line, sink, text)
    }
}

/// `q.dtb: node@0: 'reg' is a required property`.
fn validate(line: &Line<'_>, sink: &mut Sink, text: &str) -> bool {
    let Some((file, rest)) = split_colon(text) else { return false };
    if !(file.ends_with(".dtb") || file.ends_with(".dtbo")) || file.contains(' ') || rest.is_empty() {
        return false;
    }
    let known = rest.contains("failed to match any schema")
        || [
            "is a required property",
            "does not match",
            "is not one of",
            "is not of type",
            "were unexpected",
            "was unexpected",
            "is too long",
            "is too short",
            "is not valid under",
            "was expected",
            "is greater than",
            "is less than",
            "not in range",
            "is not allowed",
            "is a dependency of",
            "are required",
            "is not a multiple of",
            "should not be valid under",
            "do not match any of the regexes",
            "does not contain",
            "is valid under each of",
            "has non-unique elements",
            "Unevaluated properties",
            "Additional properties",
            "False schema",
        ]
        .iter()
        .any(|words| rest.contains(words));
    if !known {
        return false;
    }
    open(line, sink, Severity::Warning, Some(Location::new(file, None, None)), rest);
    if let Some(last) = sink.last(line, Tool::Dtc) {
        last.objects.push(file.to_owned());
    }
    true
}

/// yamllint on a schema: `Documentation/devicetree/bindings/q.yaml:12:3: [error] text`.
fn yaml(line: &Line<'_>, sink: &mut Sink, text: &str) -> bool {
    if !has(text, b'[') || !text.contains(": [") {
        return false;
    }
    let Some(prefix) = split_location(text) else { return false };
    if !prefix.file.ends_with(".yaml") {
        return false;
    }
    let (severity, rest) = if let Some(rest) = prefix.rest.strip_prefix("[error] ") {
        (Severity::Error, rest)
    } else if let Some(rest) = prefix.rest.strip_prefix("[warning] ") {
        (Severity::Warning, rest)
    } else {
        return false;
    };
    open(line, sink, severity, Some(Location::new(prefix.file, Some(prefix.line), prefix.column)), rest)
}

fn is_fatal(rest: &str) -> bool {
    const STARTS: &[&str] = &[
        "Unable to parse input tree",
        "Syntax error parsing input tree",
        "Couldn't ",
        "Unknown ",
        "Unrecognized ",
        "Can't ",
        "Don't know ",
        "Error ",
        "Input tree",
        "No boot cpu",
        "Premature end of data",
        "Blob has incorrect magic",
        "Mysteriously ",
        "Could not ",
        "Can only ",
        "Invalid ",
    ];
    STARTS.iter().any(|start| rest.starts_with(start))
}

/// Finds `ERROR (name): ` or `Warning (name): `: severity, where it starts, and what stands after
/// the opening bracket.
fn named_check(text: &str) -> Option<(Severity, usize, &str)> {
    for (word, severity) in [("ERROR (", Severity::Error), ("Warning (", Severity::Warning)] {
        if let Some(at) = text.find(word) {
            let after = text.get(at + word.len()..)?;
            let (name, _) = after.split_once("): ")?;
            let head = text.get(..at)?.trim_end();
            let own = name.bytes().any(|b| b.is_ascii_lowercase())
                && (head.is_empty() || head.ends_with(':'))
                && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
            return own.then_some((severity, at, after));
        }
    }
    None
}

/// `file:12.3-4 text`, `file:5.6-7.8`: the place, and the text after it.
fn place(text: &str) -> Option<(Location, &str)> {
    // The first colon that a number and a dot follow.
    for at in memchr::memchr_iter(b':', text.as_bytes()) {
        let after = text.get(at + 1..)?;
        let Some((line, rest)) = parse::number(after) else { continue };
        let Some((column, rest)) = rest.strip_prefix('.').and_then(parse::number) else { continue };
        let file = text.get(..at)?;
        if file.is_empty() {
            return None;
        }
        let rest = rest.trim_start_matches(|c: char| c == '-' || c == '.' || c.is_ascii_digit());
        return Some((Location::new(file, Some(line), Some(column)), rest.trim_start_matches(':').trim_start()));
    }
    None
}

fn open(line: &Line<'_>, sink: &mut Sink, severity: Severity, location: Option<Location>, text: &str) -> bool {
    let mut diagnostic = Diagnostic::new(Tool::Dtc, severity, parse::message(text));
    diagnostic.location = location;
    sink.open(line, diagnostic);
    true
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[track_caller]
    fn check(log: &str, expect: &[&str]) {
        testing::check(&mut Dtc, log, expect);
    }

    #[test]
    fn syntax() {
        check(
            "Error: arch/arm64/boot/dts/q/q.dts:12.3-4 syntax error\nFATAL ERROR: Unable to parse input tree",
            &["error arch/arm64/boot/dts/q/q.dts:12:3: syntax error", "fatal Unable to parse input tree"],
        );
        check("Lexical error: q.dts:5.1-6 Unexpected 'ring'", &["error q.dts:5:1: Unexpected 'ring'"]);
        check(
            "FATAL ERROR: Couldn't open \"q.dtsi\": No such file or directory",
            &["fatal Couldn't open \"q.dtsi\": No such file or directory"],
        );
    }

    #[test]
    fn checks() {
        check(
            "q.dts:1.2-3.4: ERROR (phandle_references): /x: Reference to non-existent node or label \"y\"\nERROR: Input tree has errors, aborting (use -f to force output)",
            &[
                "error q.dts:1:2: phandle_references: /x: Reference to non-existent node or label \"y\"",
                "error Input tree has errors, aborting (use -f to force output)",
            ],
        );
        check(
            "q.dtsi:5.6-7.8: Warning (unit_address_vs_reg): /n@1: node has a unit name, but no reg or ranges property",
            &["warning q.dtsi:5:6: unit_address_vs_reg: /n@1: node has a unit name, but no reg or ranges property"],
        );
        check(
            "ERROR (duplicate_label): Duplicate label 'y' on /a and /b",
            &["error duplicate_label: Duplicate label 'y' on /a and /b"],
        );
        check(
            "q.dtb: Warning (reg_format): \"reg\" property in /n has invalid length",
            &["warning q.dtb: reg_format: \"reg\" property in /n has invalid length"],
        );
        check(
            "q.dts:1.2-3: Warning (x_y): /n: a\n  also defined at q.dtsi:9.1-10.2",
            &["warning q.dts:1:2: x_y: /n: a | q.dtsi:9:1: also defined at q.dtsi:9.1-10.2"],
        );
    }

    #[test]
    fn schemas() {
        check(
            "arch/arm/boot/dts/q.dtb: node@0: 'reg' is a required property\n\tfrom schema $id: http://devicetree.org/schemas/q.yaml#",
            &[
                "warning arch/arm/boot/dts/q.dtb: node@0: 'reg' is a required property obj=arch/arm/boot/dts/q.dtb | from schema $id: http://devicetree.org/schemas/q.yaml#",
            ],
        );
        check(
            "Documentation/devicetree/bindings/q.yaml:12:3: [error] syntax error: expected <block end>",
            &["error Documentation/devicetree/bindings/q.yaml:12:3: syntax error: expected <block end>"],
        );
    }

    #[test]
    fn near_misses() {
        for log in [
            "Error: can't open q.s for reading: x",
            "FATAL ERROR: in v8",
            "  DTC     arch/q.dtb",
            "Error: q:12 x",
            "ERROR (3): x",
            "q.dtb: a file",
            "from schema $id: x",
        ] {
            check(log, &[]);
        }
    }

    #[test]
    fn never_panics() {
        testing::survives(
            || Box::new(Dtc),
            "Error: ä.dts:1.2-3 ü\nä.dts:1.2-3.4: ERROR (a): ö\nä.dtb: ‘x’ is a required property\n:1.2",
        );
    }
}
