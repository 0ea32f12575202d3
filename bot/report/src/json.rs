//! The report as data: whole, or one line a cause.

use std::io;

use serde::Serialize;
use serde_json::ser::{CompactFormatter, PrettyFormatter, Serializer};
use triage_causes::report::{Build, Problem, Report, Summary};

use crate::Options;
use crate::safe::SafeJson;

/// Writes the report as one indented document.
pub fn render(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    pretty(report, out)
}

/// Writes one line for each cause and warning, and at last one for the summary. Each has a `type`.
pub fn render_lines(report: &Report, options: &Options<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    for cause in &report.causes {
        line(&Tagged { kind: "cause", value: cause }, out)?;
    }
    for warning in &report.warnings {
        line(&Tagged { kind: "warning", value: warning }, out)?;
    }
    let last = LastLine {
        version: report.version,
        builds: &report.builds,
        problems: &report.problems,
        summary: &report.summary,
        elapsed_ms: options.elapsed.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
    };
    line(&Tagged { kind: "summary", value: &last }, out)
}

/// An object with its type in front.
#[derive(Serialize)]
struct Tagged<'a, T> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    value: &'a T,
}

/// The line that closes JSON Lines.
#[derive(Serialize)]
struct LastLine<'a> {
    version: u32,
    builds: &'a [Build],
    problems: &'a [Problem],
    summary: &'a Summary,
    #[serde(skip_serializing_if = "Option::is_none")]
    elapsed_ms: Option<u64>,
}

/// Writes a value indented, and a line end.
pub(crate) fn pretty<T: Serialize>(value: &T, out: &mut dyn io::Write) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(&mut *out, SafeJson(PrettyFormatter::new())))?;
    writeln!(out)
}

/// Writes a value in one line.
fn line<T: Serialize>(value: &T, out: &mut dyn io::Write) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(&mut *out, SafeJson(CompactFormatter)))?;
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Format;
    use crate::fixture::{self, rendered};
    use serde_json::Value;

    #[test]
    fn the_report_comes_back() {
        for report in [fixture::mixed(), fixture::hostile_report()] {
            let text = rendered(&report, Format::Json, &fixture::options());
            assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
        }
    }

    #[test]
    fn lines_have_types() {
        let text = rendered(&fixture::mixed(), Format::JsonLines, &fixture::options());
        let values: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let types: Vec<&str> = values.iter().map(|value| value["type"].as_str().unwrap()).collect();
        assert_eq!(types, ["cause", "cause", "warning", "summary"]);
        assert_eq!(values[0]["builds"][0], "build.log");
        insta::assert_snapshot!(text.lines().last().unwrap());
    }

    #[test]
    fn an_empty_report_has_its_summary() {
        let text = rendered(&fixture::report(vec![]), Format::JsonLines, &Options::default());
        assert_eq!(text.lines().count(), 1);
        assert!(text.starts_with(r#"{"type":"summary","version":1,"#), "{text}");
    }
}
