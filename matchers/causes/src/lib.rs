//! Findings to causes: what one human change would repair.
//!
//! ```text
//! diagnostics ──group──► groups ──cascade──► roots and consequences ──merge──► causes ──► report
//! ```
//!
//! [`Analyzer`] takes the diagnostics of one build after the other and keeps one [`group`] for all
//! that say the same of the same place; memory is bounded by the number of groups. At the end
//! [`cascade`] tells consequences from roots, [`merge`] joins roots that one change repairs,
//! [`diagnosis`] says what they come from, and [`fingerprint`] names them so that another build's
//! are recognised. [`matrix`] says what the builds that have a cause share.

mod analyzer;
mod cascade;
mod diagnosis;
mod fingerprint;
mod group;
pub mod headers;
pub mod matrix;
mod merge;
pub mod packages;
pub mod place;
pub mod project;
pub mod report;

pub use analyzer::{Analyzer, Options};
pub use report::Report;
