//! GitHub and GitLab.
//!
//! [`answer`] is what is to be said about a change, as plain data; a folder a forge says it there. [`http`] is how both are
//! asked. [`webhook`] is what forges tell us, [`commands`] what people do.

pub mod answer;
pub mod commands;
pub mod github;
pub mod gitlab;
pub mod http;
mod hunks;
pub mod webhook;
