//! Many builds, one answer: which of them have a cause, what these share, since when, by whom.
//!
//! A farm builds one tree for many architectures, configurations and compilers. [`crate::Analyzer`]
//! makes one cause of what all of them report; here is what can be said beyond one log, as functions
//! over plain data: [`axes`] names what a build is a build of, [`attribution`] finds the smallest
//! statement about the axes that tells the failing builds from the others, [`reach`] which builds
//! compiled the file at all, [`baseline`] what is new, and [`times`] which build became slower.
//! [`data`] is how all of it stands in the report. Nothing is read here.

pub mod attribution;
pub mod axes;
pub mod baseline;
pub mod data;
pub mod reach;
mod statement;
pub mod times;
pub mod version;
