//! Writes a report to where it was asked for.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use triage_causes::Report;
use triage_report::{Excerpt, Options, Source, render};

use crate::error::Error;
use crate::inputs::Unreadable;
use crate::plan::OutputPlan;

/// Files that are open for a report, opened before the work that it takes.
#[derive(Debug)]
pub struct Outputs<'p> {
    plan: &'p OutputPlan,
    files: Vec<Option<File>>,
}

/// What the report of a matrix has besides.
#[derive(Debug, Clone, Copy, Default)]
pub struct Extra<'e> {
    /// Show the builds by their axes.
    pub matrix: bool,
    /// Lines of the logs.
    pub excerpts: &'e [Excerpt],
}

impl<'p> Outputs<'p> {
    /// Opens all files. What is in them stays until there is a report.
    pub fn open(plan: &'p OutputPlan) -> Result<Self, Error> {
        let open = |path: &Path| {
            let file = OpenOptions::new().create(true).write(true).truncate(false).open(path);
            file.map_err(|error| Error::Write(path.to_owned(), error))
        };
        let files = plan.outputs.iter().map(|output| output.path.as_deref().map(open).transpose());
        Ok(Self { plan, files: files.collect::<Result<_, _>>()? })
    }

    /// Writes the report in all forms; `standard` is where it goes by itself.
    pub fn write(
        self,
        report: &Report,
        source: Option<&dyn Source>,
        elapsed: Duration,
        standard: &mut dyn Write,
    ) -> Result<(), Error> {
        self.write_with(report, source, Extra::default(), elapsed, standard)
    }

    /// The same with what a matrix has besides.
    pub fn write_with(
        self,
        report: &Report,
        source: Option<&dyn Source>,
        extra: Extra<'_>,
        elapsed: Duration,
        standard: &mut dyn Write,
    ) -> Result<(), Error> {
        let plan = self.plan;
        for (output, file) in plan.outputs.iter().zip(self.files) {
            let options = Options {
                color: if file.is_some() { plan.color_in_files } else { plan.color },
                width: plan.width,
                unicode: plan.unicode,
                hyperlinks: plan.hyperlinks && file.is_none(),
                verbose: plan.verbose,
                quiet: plan.quiet,
                source,
                elapsed: Some(elapsed),
                matrix: extra.matrix,
                excerpts: extra.excerpts,
            };
            match (file, &output.path) {
                (Some(file), Some(path)) => {
                    let written = replace(&file, |out| render(report, output.format, &options, out));
                    written.map_err(|error| Error::Write(path.clone(), error))?;
                }
                _ => buffered(&mut *standard, |out| render(report, output.format, &options, out))?,
            }
        }
        Ok(())
    }
}

/// Writes a file from its start. What is no plain file (`/dev/stderr`, a pipe) has no length to set.
fn replace(file: &File, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    if file.metadata()?.is_file() {
        file.set_len(0)?;
    }
    buffered(file, write)
}

/// Writes in large pieces.
pub fn buffered(out: impl Write, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(64 << 10, out);
    write(&mut out)?;
    out.flush()
}

/// Says on standard error what could not be read, unless the report on the terminal says it.
pub fn name_unreadable(faults: &[Unreadable], seen: bool) {
    if seen {
        return;
    }
    for fault in faults {
        complain(&format!("{}: {}", fault.name, fault.reason));
    }
}

/// A line on standard error. When that is closed nobody is there to be told.
pub fn complain(message: &str) {
    let plain: String = message.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect();
    let _ = writeln!(io::stderr(), "triage: {plain}");
}
