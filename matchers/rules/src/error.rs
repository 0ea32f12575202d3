//! What can be wrong with a rule file.

use std::fmt;

/// A fault in a rule file, with its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct RuleError {
    /// The file as it was given.
    pub file: String,
    /// Line, counted from 1; 0 when the fault has no place.
    pub line: u64,
    /// Column, counted from 1; 0 when the fault has no place.
    pub column: u64,
    /// What is wrong and what would be right.
    pub message: String,
}

impl RuleError {
    /// A fault at a place that the YAML reader knows.
    pub fn at(file: &str, location: serde_yaml::Location, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line: location.line(), column: location.column(), message: message.into() }
    }
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        write!(f, ": {}", self.message)
    }
}

/// Where a YAML file is wrong and what about it: line and column, counted from 1 (1 and 1 when the
/// parser does not say), and the message without them.
pub fn place_of(error: &serde_yaml::Error) -> (u64, u64, String) {
    let (line, column) = error.location().map_or((1, 1), |at| (at.line(), at.column()));
    let message = error.without_snippet().to_string();
    // The place is said once, in front.
    let message = message.split(" at line ").next().unwrap_or(&message);
    let message = message.strip_prefix("error: ").unwrap_or(message);
    let message =
        message.split_once(": ").filter(|(head, _)| head.starts_with("line ")).map_or(message, |(_, rest)| rest);
    (line, column, message.to_owned())
}
