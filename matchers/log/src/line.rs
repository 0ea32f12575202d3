//! One line of a log, with its frame taken off and its place in the original kept.

/// A line as the tool readers see it.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// The text without frame (stamps, quoting), terminal escapes and line ending; names are
    /// still quoted as the tool printed them (see [`crate::text::normalise_quotes`]). UTF-8, with
    /// U+FFFD for bytes that were not.
    pub text: &'a str,
    /// Number of the line in the log, counted from 1.
    pub number: u64,
    /// Byte offset of the line's start in the log.
    pub start: u64,
    /// Byte offset just past its line ending.
    pub end: u64,
}
