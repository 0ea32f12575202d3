//! Causes and a source tree to patches, and the proof that they build.
//!
//! ```text
//! cause + tree ──fixers──► candidates ──edit::diff──► unified diffs ──verify──► what builds
//! ```
//!
//! [`Tree`] is a source tree that is only read; [`fixers`] propose changes to it, best first;
//! [`edit`] makes unified diffs of them.

mod calls;
mod code;
mod definition;
pub mod edit;
pub mod fixers;
mod index;
mod lexer;
mod linking;
mod makefile;
mod placement;
mod site;
pub mod source;
pub mod symbols;
#[cfg(test)]
mod testing;
pub mod tree;
mod units;
pub mod verify;

pub use edit::Edit;
pub use fixers::{Candidate, Context, Fixer, candidates};
pub use source::SourceFile;
pub use tree::Tree;
