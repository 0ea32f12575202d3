//! A reply: what is said, to whom, under which id.
//!
//! [`write`] makes a mail of a report. All of it is a function of its input: the same report about
//! the same series gives the same bytes, but for the date, and the same Message-ID.
//!
//! ```text
//!  report, patch, policy ──► facts (facts.rs) ──► text (template, text.rs) ──► guard.rs ──► mail.rs
//!                    └─────► recipients.rs ────────────────────────────────────────────────┘
//! ```

pub mod facts;
pub mod guard;
pub mod ids;
mod mail;
pub mod recipients;
pub mod reproduce;
mod text;

pub use facts::{Blame, Certainty, Facts};
pub use ids::About;
pub use mail::{Fault, Identity, Mail, Parent, write};
pub use recipients::{People, Recipients};
pub use text::{TemplateFault, Templates};

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
