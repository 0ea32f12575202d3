//! The report as one page of HTML that needs nothing else: no network, no server, no other file.
//!
//! It is read in a browser from a disk or an artefact of CI. Without JavaScript all of it is there;
//! the script only filters and opens. Colour is never the only sign, the page follows the light or
//! dark of the system, and a policy in its head forbids whatever a log could smuggle in.

use std::collections::HashMap;
use std::io;

use triage_causes::report::{Cause, Report, Status};

use crate::matrix::grid::{Cell, Grid};
use crate::safe::{xml_attribute as attribute, xml_text as text};
use crate::summary::{self, Label, Voice};
use crate::{Excerpt, Options, snippet, words};

const CSS: &str = include_str!("page.css");
const JS: &str = include_str!("page.js");
/// Causes that are shown in full.
const SHOWN: usize = 200;
/// Logs that are shown.
const LOGS: usize = 10_000;

const VOICE: Voice = Voice { name: code, prose };

/// Writes the page.
pub fn render(report: &Report, options: &Options<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let title = if report.causes.is_empty() { summary::verdict(report) } else { summary::totals(report) };
    write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{0}: {1}</title>\n<style>\n{CSS}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#causes\">Skip to the causes</a>\n<header>\n<h1>{1}</h1>\n",
        words::PROGRAM,
        text(&title),
    )?;
    let effort = [summary::builds(report), summary::effort(report, options.elapsed)];
    let effort: Vec<String> = effort.into_iter().filter(|part| !part.is_empty()).collect();
    writeln!(out, "<p class=\"dim\">{}</p>", text(&effort.join(", ")))?;
    if let Some(baseline) = &report.baseline {
        writeln!(out, "<p>{}</p>", text(&words::since(baseline)))?;
    }
    writeln!(out, "</header>\n<main>")?;
    let grid = Grid::new(report);
    if let Some(grid) = &grid {
        filters(report, grid, out)?;
        table(report, grid, out)?;
    }
    causes(report, options, out)?;
    past(report, out)?;
    times(report, out)?;
    problems(report, out)?;
    logs(report, options.excerpts, out)?;
    writeln!(out, "</main>\n<script>\n{JS}</script>\n</body>\n</html>")
}

fn code(name: &str) -> String {
    format!("<code>{}</code>", text(name))
}

fn prose(words: &str) -> String {
    text(words)
}

fn filters(report: &Report, grid: &Grid, out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(out, "<form id=\"filters\" hidden aria-label=\"Filters\">")?;
    let list = |values: Vec<&str>| {
        let mut values = values;
        values.sort_unstable();
        values.dedup();
        values.into_iter().filter(|value| !value.is_empty()).map(|value| option(value, value)).collect::<String>()
    };
    let (arches, tools) = (
        list(grid.rows.iter().map(|row| row.arch.as_str()).collect()),
        list(grid.rows.iter().map(|row| row.toolchain.as_str()).collect()),
    );
    let columns: String = grid.columns.iter().enumerate().map(|(n, name)| option(&n.to_string(), name)).collect();
    let axis = text(grid.axis.as_deref().unwrap_or("column"));
    let numbers: String = (1..=report.causes.len().min(SHOWN))
        .map(|n| {
            option(&n.to_string(), &format!("{n}: {}", report.causes[n - 1].title.chars().take(60).collect::<String>()))
        })
        .collect();
    for (name, label, options) in [
        ("arch", "arch", arches),
        ("toolchain", "toolchain", tools),
        ("column", axis.as_str(), columns),
        ("cause", "cause", numbers),
    ] {
        writeln!(
            out,
            "<label>{label}<select name=\"{name}\"><option value=\"\">all</option>{options}</select></label>"
        )?;
    }
    writeln!(
        out,
        "<label>text<input type=\"search\" name=\"text\"></label>\n\
         <label class=\"check\"><input type=\"checkbox\" name=\"only\">failing rows only</label>\n\
         <button type=\"reset\">Show all</button> <span id=\"said\" class=\"dim\" role=\"status\"></span>\n</form>"
    )
}

fn option(value: &str, shown: &str) -> String {
    format!("<option value=\"{}\">{}</option>", attribute(value), text(shown))
}

fn table(report: &Report, grid: &Grid, out: &mut dyn io::Write) -> io::Result<()> {
    let axis = grid.axis.as_deref().unwrap_or("builds");
    writeln!(
        out,
        "<h2 id=\"builds\">Builds</h2>\n<div class=\"scroll\" role=\"region\" aria-labelledby=\"builds\" tabindex=\"0\">\n\
         <table id=\"grid\"><caption class=\"dim\">arch and toolchain by {}; numbers are those of the causes below</caption>\n\
         <thead><tr><th scope=\"col\">arch</th><th scope=\"col\">toolchain</th>",
        text(axis)
    )?;
    for (number, column) in grid.columns.iter().enumerate() {
        let column = if column.is_empty() { "build" } else { column };
        write!(out, "<th scope=\"col\" data-column=\"{number}\">{}</th>", text(column))?;
    }
    writeln!(out, "</tr></thead>\n<tbody>")?;
    for row in &grid.rows {
        write!(
            out,
            "<tr data-arch=\"{}\" data-tool=\"{}\"><th scope=\"row\">{}</th><th scope=\"row\">{}</th>",
            attribute(&row.arch),
            attribute(&row.toolchain),
            text(&row.arch),
            text(&row.toolchain)
        )?;
        for (number, cell) in row.cells.iter().enumerate() {
            write!(out, "{}", self::cell(report, number, cell))?;
        }
        writeln!(out, "</tr>")?;
    }
    writeln!(out, "</tbody></table></div>")
}

/// A cell: what happened in words, linked to the log of the first build that failed.
fn cell(report: &Report, column: usize, cell: &Cell) -> String {
    let words = text(&cell.text());
    let Some(&first) = cell.builds.first() else { return format!("<td data-column=\"{column}\"></td>") };
    if cell.failed == 0 {
        let class = if cell.empty == cell.builds.len() { "empty" } else { "ok" };
        return format!("<td class=\"{class}\" data-column=\"{column}\">{words}</td>");
    }
    let failed =
        cell.builds.iter().copied().find(|&build| report.builds[build].status == Status::Fail).unwrap_or(first);
    let causes: Vec<String> = cell.causes.iter().map(ToString::to_string).collect();
    let new = if cell.new { " <span class=\"new\">new</span>" } else { "" };
    format!(
        "<td class=\"fail\" data-column=\"{column}\" data-causes=\"{}\"><a href=\"#b{failed}\">{words}</a>{new}</td>",
        causes.join(" ")
    )
}

fn causes(report: &Report, options: &Options<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(out, "<h2 id=\"causes\" tabindex=\"-1\">Causes</h2>")?;
    if report.causes.is_empty() {
        writeln!(out, "<p class=\"ok-word\">{}</p>", text(&summary::verdict(report)))?;
    }
    for (number, cause) in report.causes.iter().enumerate().take(SHOWN) {
        article(report, number + 1, Label::of_cause(cause), cause, options, out)?;
    }
    if report.causes.len() > SHOWN {
        writeln!(out, "<p>{}</p>", words::more_causes((report.causes.len() - SHOWN) as u64))?;
    }
    if !report.warnings.is_empty() {
        writeln!(out, "<h2>Warnings</h2>")?;
    }
    for warning in report.warnings.iter().take(SHOWN) {
        article(report, 0, Label::of_warning(warning), warning, options, out)?;
    }
    Ok(())
}

fn article(
    report: &Report,
    number: usize,
    label: Label,
    cause: &Cause,
    options: &Options<'_>,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let (id, shown) = if number > 0 {
        (format!(" id=\"c{number}\" data-number=\"{number}\""), format!("{number}. "))
    } else {
        Default::default()
    };
    let new = if summary::is_new(cause) { "<span class=\"new\">new</span> " } else { "" };
    writeln!(
        out,
        "<article{id}>\n<h3>{shown}{new}<span class=\"fail-word\">{}:</span> {}</h3>",
        label.word(),
        text(&summary::title(cause))
    )?;
    if let Some(location) = &cause.location {
        let function =
            cause.function.as_deref().map(|name| words::in_function(&code(&words::call(name)))).unwrap_or_default();
        writeln!(out, "<p>{}{function}</p>", code(&summary::place(location)))?;
    }
    if let Some(excerpt) = snippet::excerpt(cause, options.source, 0) {
        let mut lines = excerpt.text.lines().next().unwrap_or_default().to_owned();
        if let Some(marks) = snippet::marks(&excerpt) {
            lines.push('\n');
            lines.push_str(&marks);
        }
        writeln!(out, "<pre tabindex=\"0\">{}</pre>", text(&lines))?;
    }
    writeln!(out, "<p>{}</p>", text(&cause.explanation))?;
    let facts = summary::facts(cause, report, VOICE, 0, None);
    let (plain, headed): (Vec<_>, Vec<_>) = facts.iter().partition(|fact| fact.head.is_empty());
    for fact in plain {
        writeln!(out, "<p>{}</p>", fact.text)?;
    }
    if !headed.is_empty() {
        writeln!(out, "<dl>")?;
        for fact in headed {
            writeln!(out, "<dt>{}</dt><dd>{}</dd>", fact.head, fact.text)?;
        }
        writeln!(out, "</dl>")?;
    }
    if let Some(patch) = cause.fixes.first().and_then(|fix| fix.patch.as_deref()) {
        writeln!(out, "<pre tabindex=\"0\">{}</pre>", text(patch))?;
    }
    writeln!(out, "</article>")
}

fn past(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    let Some(baseline) = &report.baseline else { return Ok(()) };
    if baseline.fixed.is_empty() && baseline.unknown.is_empty() {
        return Ok(());
    }
    writeln!(out, "<h2>No longer seen</h2>\n<ul>")?;
    for (head, list) in [(words::FIXED, &baseline.fixed), (words::NOT_REACHED, &baseline.unknown)] {
        for cause in list {
            let place = cause.place.as_deref().map(|place| format!(" {}", code(place))).unwrap_or_default();
            writeln!(out, "<li>{head}: {}{place}</li>", text(&cause.title))?;
        }
    }
    writeln!(out, "</ul>")
}

fn times(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    if report.times.is_empty() {
        return Ok(());
    }
    let longest = report.times.iter().map(|pair| pair.base.elapsed.max(pair.new.elapsed)).fold(0.0, f64::max);
    writeln!(
        out,
        "<h2 id=\"times\">Build times</h2>\n<div class=\"scroll\" role=\"region\" aria-labelledby=\"times\" tabindex=\"0\"><table>\n\
         <thead><tr><th scope=\"col\">build</th><th scope=\"col\">before</th><th scope=\"col\">after</th>\
         <th scope=\"col\">faster</th><th scope=\"col\">in CPU</th><th scope=\"col\">before (upper) and after</th></tr></thead>\n<tbody>"
    )?;
    for pair in &report.times {
        let noise = if pair.exceeds_noise == Some(false) { words::NOISE } else { "" };
        let part = |value: f64| if longest > 0.0 { value / longest * 100.0 } else { 0.0 };
        writeln!(
            out,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}{noise}</td><td>{}</td>\
             <td class=\"bars\"><span class=\"bar\" style=\"width:{:.1}%\"></span><span class=\"bar after\" style=\"width:{:.1}%\"></span></td></tr>",
            text(&words::pair_label(pair)),
            words::seconds(pair.base.elapsed),
            words::seconds(pair.new.elapsed),
            words::percent(pair.elapsed_ratio),
            pair.cpu_ratio.map(words::percent).unwrap_or_default(),
            part(pair.base.elapsed),
            part(pair.new.elapsed)
        )?;
    }
    writeln!(out, "</tbody></table></div>")
}

fn problems(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    if report.problems.is_empty() {
        return Ok(());
    }
    writeln!(out, "<h2>Notes</h2>\n<ul>")?;
    for problem in &report.problems {
        writeln!(out, "<li>{}</li>", text(&words::problem(&problem.name, &problem.message)))?;
    }
    writeln!(out, "</ul>")
}

/// The excerpts of failing builds; the same text is there once.
fn logs(report: &Report, excerpts: &[Excerpt], out: &mut dyn io::Write) -> io::Result<()> {
    let failing: Vec<usize> = (0..report.builds.len()).filter(|&n| report.builds[n].status == Status::Fail).collect();
    if failing.is_empty() || report.builds.len() < 2 {
        return Ok(());
    }
    let of: HashMap<&str, &Excerpt> = excerpts.iter().map(|excerpt| (excerpt.build.as_str(), excerpt)).collect();
    let mut causes: HashMap<&str, Vec<String>> = HashMap::new();
    for (number, cause) in report.causes.iter().enumerate() {
        for build in &cause.builds {
            causes.entry(build).or_default().push((number + 1).to_string());
        }
    }
    let mut known: HashMap<&str, usize> = HashMap::new();
    writeln!(out, "<section class=\"logs\">\n<h2>Logs</h2>")?;
    for &number in failing.iter().take(LOGS) {
        let build = &report.builds[number];
        let numbers = causes.get(build.id.as_str()).map(|list| list.join(" ")).unwrap_or_default();
        let links: Vec<String> = numbers
            .split(' ')
            .filter(|n| !n.is_empty())
            .take(20)
            .map(|n| format!("<a href=\"#c{n}\">{n}</a>"))
            .collect();
        writeln!(
            out,
            "<details class=\"log\" data-causes=\"{numbers}\"><summary>{} <span class=\"dim\">{}</span></summary>\
             <div id=\"b{number}\"><p>{}</p>",
            text(&build.id),
            text(&summary::axes(build)),
            match links.as_slice() {
                [] => "without a cause that is known".to_owned(),
                [only] => format!("cause {only}"),
                several => format!("causes {}", several.join(", ")),
            }
        )?;
        match of.get(build.id.as_str()) {
            Some(excerpt) => match known.get(excerpt.text.as_str()) {
                Some(first) => {
                    writeln!(out, "<p>line {}: the same as in <a href=\"#b{first}\">this log</a></p>", excerpt.line)?
                }
                None => {
                    known.insert(&excerpt.text, number);
                    writeln!(
                        out,
                        "<p>from line {}</p><pre tabindex=\"0\">{}</pre>",
                        excerpt.line,
                        text(&excerpt.text)
                    )?;
                }
            },
            None => writeln!(out, "<p>no excerpt</p>")?,
        }
        writeln!(out, "</div></details>")?;
    }
    writeln!(out, "</section>")
}
