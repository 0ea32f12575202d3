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
