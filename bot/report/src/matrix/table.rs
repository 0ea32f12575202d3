//! The grid, the baseline and the build times as text of a width.

use std::io;

use triage_causes::report::{Report, TimePair};

use super::grid::Grid;
use crate::wrap::{width, wrap};
use crate::{safe, words};

/// Rows that are shown.
const ROWS: usize = 100;
/// Columns of one heading.
const HEADING: usize = 28;
/// Pairs of build times that are shown.
const TIMES: usize = 40;
/// Causes of the baseline that are shown.
const PAST: usize = 20;

/// Writes the grid; nothing for a single build.
pub fn grid(report: &Report, columns: usize, out: &mut dyn io::Write) -> io::Result<()> {
    let Some(grid) = Grid::new(report) else { return Ok(()) };
    let columns = columns.max(40);
    let labels: Vec<String> =
        grid.rows.iter().map(|row| cut(&format!("{} {}", row.arch, row.toolchain), columns / 2)).collect();
    let label = labels.iter().map(|label| width(label)).max().unwrap_or(0);
    let heads: Vec<String> = grid.columns.iter().map(|head| cut(head, HEADING)).collect();
    let cell = |row: usize, column: usize| grid.rows[row].cells[column].text();
    let widths: Vec<usize> = (0..heads.len())
        .map(|column| {
            (0..grid.rows.len())
                .map(|row| width(&cell(row, column)))
                .max()
                .unwrap_or(0)
                .max(width(&heads[column]))
                .max(4)
        })
        .collect();
    // As many columns as fit, then the rest below.
    let mut from = 0;
    while from < heads.len() {
        let mut used = label;
        let mut upto = from;
        while upto < heads.len() && (upto == from || used + 2 + widths[upto] <= columns) {
            used += 2 + widths[upto];
            upto += 1;
        }
        if grid.axis.is_some() {
            line(&" ".repeat(label), &heads[from..upto], &widths[from..upto], out)?;
        }
        for (row, label_text) in labels.iter().enumerate().take(ROWS) {
            let cells: Vec<String> = (from..upto).map(|column| cell(row, column)).collect();
            if cells.iter().any(|cell| !cell.is_empty()) {
                let padded = format!("{label_text}{}", " ".repeat(label - width(label_text)));
                line(&padded, &cells, &widths[from..upto], out)?;
            }
        }
        writeln!(out)?;
        from = upto;
    }
    if labels.len() > ROWS {
        writeln!(out, "{}\n", words::more_rows((labels.len() - ROWS) as u64))?;
    }
    Ok(())
}

fn line(label: &str, cells: &[String], widths: &[usize], out: &mut dyn io::Write) -> io::Result<()> {
    let mut text = label.to_owned();
    for (cell, columns) in cells.iter().zip(widths) {
        text.push_str("  ");
        text.push_str(cell);
        text.push_str(&" ".repeat(columns.saturating_sub(width(cell))));
    }
    writeln!(out, "{}", safe::break_commands(text.trim_end().to_owned()))
}

fn cut(text: &str, columns: usize) -> String {
    let text = safe::line(text);
    let text = text.trim();
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut out = String::new();
    for c in text.chars() {
        if width(&out) + width(c.encode_utf8(&mut [0; 4])) + 2 > columns {
            break;
        }
        out.push(c);
    }
    out + ".."
}

/// Writes what became of the baseline.
pub fn baseline(report: &Report, columns: usize, out: &mut dyn io::Write) -> io::Result<()> {
    let Some(baseline) = &report.baseline else { return Ok(()) };
    for text in wrap(&safe::line(&words::since(baseline)), columns.max(40)) {
        writeln!(out, "{text}")?;
    }
    for (head, list) in [(words::FIXED, &baseline.fixed), (words::NOT_REACHED, &baseline.unknown)] {
        for past in list.iter().take(PAST) {
            let place = past.place.as_deref().map(|place| format!("{place}: ")).unwrap_or_default();
            let text = safe::line(&format!("{head}: {place}{}", past.title));
            for (number, part) in wrap(&text, columns.max(40) - 4).into_iter().enumerate() {
                writeln!(out, "{}{part}", if number == 0 { "  " } else { "    " })?;
            }
        }
        if list.len() > PAST {
            writeln!(out, "  {head}: {}", words::and_more((list.len() - PAST) as u64))?;
        }
    }
    writeln!(out)
}

/// Writes the pairs of build times.
pub fn times(report: &Report, columns: usize, out: &mut dyn io::Write) -> io::Result<()> {
    if report.times.is_empty() {
        return Ok(());
    }
    let room = columns.clamp(60, 100) - 45;
    writeln!(out, "{:room$} {:>10} {:>10} {:>8} {:>8}", words::TIMES, "before", "after", "faster", "in CPU")?;
    for pair in report.times.iter().take(TIMES) {
        let label = cut(&words::pair_label(pair), room);
        let padding = " ".repeat(room.saturating_sub(width(&label)));
        writeln!(
            out,
            "{label}{padding} {:>10} {:>10} {:>8} {:>8}{}",
            words::seconds(pair.base.elapsed),
            words::seconds(pair.new.elapsed),
            words::percent(pair.elapsed_ratio),
            pair.cpu_ratio.map(words::percent).unwrap_or_default(),
            noise(pair),
        )?;
    }
    if report.times.len() > TIMES {
        writeln!(out, "{}", words::and_more((report.times.len() - TIMES) as u64))?;
    }
    writeln!(out)
}

/// What is no difference is marked.
fn noise(pair: &TimePair) -> &'static str {
    if pair.exceeds_noise == Some(false) { " ~" } else { "" }
}
