//! What is made from the code's own definitions: schemas, completions, manual pages.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use clap::CommandFactory;
use clap_complete::Shell;
use schemars::schema_for;
use triage_causes::Report;
use triage_log::Diagnostic;
use triage_rules::raw::RawRule;

use crate::args::{Args, SchemaOf};
use crate::error::Error;
use crate::matrix::Manifest;

/// Prints a JSON Schema.
pub fn schema(of: SchemaOf, out: &mut dyn Write) -> Result<(), Error> {
    let schema = match of {
        SchemaOf::Report => schema_for!(Report),
        SchemaOf::Rule => schema_for!(RawRule),
        SchemaOf::Diagnostic => schema_for!(Diagnostic),
        SchemaOf::Matrix => schema_for!(Manifest),
    };
    serde_json::to_writer_pretty(&mut *out, &schema).map_err(io::Error::from)?;
    Ok(writeln!(out)?)
}

/// Prints the completions of a shell.
pub fn completions(shell: Shell, out: &mut dyn Write) -> Result<(), Error> {
    // The generator does not expect a reader that goes away: give it memory.
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "triage", &mut text);
    Ok(out.write_all(&text)?)
}

/// Prints the manual page, or writes the pages of all commands into a folder.
pub fn man(folder: Option<&Path>, out: &mut dyn Write) -> Result<(), Error> {
    let Some(folder) = folder else {
        return Ok(clap_mangen::Man::new(Args::command()).render(out)?);
    };
    let failed = |error| Error::Write(folder.to_owned(), error);
    fs::create_dir_all(folder).map_err(failed)?;
    clap_mangen::generate_to(Args::command(), folder).map_err(failed)
}
