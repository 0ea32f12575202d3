//! The grid, the baseline and the build times as Markdown.

use std::io;

use triage_causes::report::Report;

use super::grid::Grid;
use crate::{safe, words};

/// Rows of a table.
const ROWS: usize = 100;

/// Writes all of it.
pub fn render(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    if let Some(grid) = Grid::new(report) {
        let heads: Vec<String> = grid.columns.iter().map(|head| safe::markdown(head)).collect();
        writeln!(out, "| arch | toolchain | {} |", heads.join(" | "))?;
        writeln!(out, "| --- | --- |{}", " --- |".repeat(heads.len()))?;
        for row in grid.rows.iter().take(ROWS) {
            let cells: Vec<String> = row
                .cells
                .iter()
                .map(|cell| if cell.failed > 0 { format!("**{}**", cell.text()) } else { cell.text() })
                .collect();
            let (arch, toolchain) = (safe::markdown(&row.arch), safe::markdown(&row.toolchain));
            writeln!(out, "| {arch} | {toolchain} | {} |", cells.join(" | "))?;
        }
        writeln!(out)?;
    }
    if let Some(baseline) = &report.baseline {
        writeln!(out, "{}\n", safe::markdown(&words::since(baseline)))?;
        for (head, list) in [(words::FIXED, &baseline.fixed), (words::NOT_REACHED, &baseline.unknown)] {
            for past in list {
                let place =
                    past.place.as_deref().map(|at| format!(", {}", safe::markdown_code(at))).unwrap_or_default();
                writeln!(out, "- {head}: {}{place}", safe::markdown_prose(&past.title))?;
            }
        }
        writeln!(out)?;
    }
    if !report.times.is_empty() {
        writeln!(out, "| {} | before | after | faster | in CPU |", words::TIMES)?;
        writeln!(out, "| --- | ---: | ---: | ---: | ---: |")?;
        for pair in &report.times {
            let label = safe::markdown(&words::pair_label(pair));
            let cpu = pair.cpu_ratio.map(words::percent).unwrap_or_default();
            let (base, new) = (words::seconds(pair.base.elapsed), words::seconds(pair.new.elapsed));
            let noise = if pair.exceeds_noise == Some(false) { words::NOISE } else { "" };
            writeln!(out, "| {label} | {base} | {new} | {}{noise} | {cpu} |", words::percent(pair.elapsed_ratio))?;
        }
        writeln!(out)?;
    }
    Ok(())
}
