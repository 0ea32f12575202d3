//! The rule book: what a diagnostic means.
//!
//! A rule is one YAML file (`config/rules/<tool>/<id>.yaml`). [`raw`] is what may be written in it,
//! [`compiled`] what is matched with, [`book`] the set of all rules, [`check`] what a rule is held
//! to, its own examples included. Rules are data: a new one needs no change here.

pub mod book;
pub mod check;
pub mod compiled;
pub mod error;
mod literal;
pub mod raw;
mod search;

pub use book::{Finding, RuleBook};
pub use compiled::Rule;
pub use error::RuleError;
