//! GitHub and GitLab.
//!
//! [`answer`] is what is to be said about a change, as plain data; a folder a forge says it there. [`http`] is how both are
//! asked.

pub mod answer;
pub mod github;
pub mod http;
