//! Build logs to diagnostics.
//!
//! ```text
//! bytes ──container──► plain logs ──scan──► lines ──frame──► own text ──tools──► diagnostics
//! ```
//!
//! A log is never invalid: whatever the bytes, reading gives the diagnostics that were understood.
//! Only the reader underneath can fail. Nothing here opens files, looks at a clock or at the
//! environment, or talks to a network.
//!
//! Speed comes from not looking: [`scan`] searches the raw bytes for the few literals that every
//! message has one of (vectorised), and only the neighbourhood of a hit is split into lines and
//! shown to the readers in [`tools`].

pub mod container;
pub mod diagnostic;
pub mod facts;
pub mod frame;
pub mod line;
pub mod scan;
mod search;
pub mod text;
pub mod tools;

pub use diagnostic::{Diagnostic, Flavor, Location, Severity, Tool};
pub use scan::{LogSummary, read_log};
