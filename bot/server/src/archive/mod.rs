//! `triage-bot export` and `triage-bot import`: all that is remembered as JSON Lines.
//!
//! Each line is a document of its own in the form of KCIDB (the kernel community's database of test
//! results), version 5.3: checkouts, builds, issues, incidents. What that form has no field for stands in
//! `misc`, below `triage`, so that an import gives the same memory again.

mod export;
mod import;
mod kcidb;

pub use export::export;
pub use import::import;
