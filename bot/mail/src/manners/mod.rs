//! When to keep quiet.
//!
//! [`incoming`] judges a mail that came in: whether anyone wants an answer to it at all (RFC 3834,
//! and what lists and mailers do beyond it). [`times`] says when is no time to send, [`authentic`] whether
//! a mail is from whom it says.

pub mod authentic;
pub mod incoming;
pub mod times;

pub use incoming::{Judge, Silence};
pub use times::{QuietHours, backoff};
