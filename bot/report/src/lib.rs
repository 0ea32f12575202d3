//! A report, rendered for a channel: one file a format.
//!
//! All formats say the same from the same data. The words are in [`words`], what several formats
//! work out of a cause is in [`summary`], and every text that comes from a log goes through
//! [`safe`] on its way out.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use triage_causes::report::Report;

use crate::secrets::Masked;

pub mod codequality;
pub mod comment;
pub mod github;
pub mod html;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod matrix;
pub mod patch;
pub mod paths;
pub mod safe;
pub mod sarif;
pub mod secrets;
pub mod snippet;
pub mod summary;
pub mod terminal;
pub mod text;
pub mod words;
pub mod wrap;

#[cfg(test)]
mod fixture;

/// A form of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// For a person at a terminal.
    Terminal,
    /// The same without colour, in 80 columns, for files and mail.
    Text,
    /// For comments on forges.
    Markdown,
    /// The report as it is.
    Json,
    /// The report, one line a cause.
    JsonLines,
    /// SARIF 2.1.0.
    Sarif,
    /// JUnit's XML as CI systems read it.
    Junit,
    /// GitLab's Code Quality.
    CodeQuality,
    /// Workflow commands of GitHub Actions, and the text.
    Github,
    /// One page that needs nothing else.
    Html,
}

impl Format {
    /// All formats, in the order of the documentation.
    pub const ALL: [Self; 10] = [
        Self::Terminal,
        Self::Text,
        Self::Markdown,
        Self::Json,
        Self::JsonLines,
        Self::Sarif,
        Self::Junit,
        Self::CodeQuality,
        Self::Github,
        Self::Html,
    ];

    /// The name that [`FromStr`] takes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Terminal => "terminal",
            Self::Text => "text",
            Self::Markdown => "markdown",
            Self::Json => "json",
            Self::JsonLines => "jsonl",
            Self::Sarif => "sarif",
            Self::Junit => "junit",
            Self::CodeQuality => "codequality",
            Self::Github => "github",
            Self::Html => "html",
        }
    }

    /// It is made to be shown to others than those who have the log, so that secrets are masked in it. A terminal,
    /// plain text and JSON go to whoever has the log, or to a program that needs it as it is.
    pub fn is_published(self) -> bool {
        !matches!(self, Self::Terminal | Self::Text | Self::Json | Self::JsonLines)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that is no format's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown format '{0}'; known are {names}", names = Format::ALL.map(Format::name).join(", "))]
pub struct UnknownFormat(pub String);

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        Self::ALL.into_iter().find(|format| format.name() == name).ok_or_else(|| UnknownFormat(name.to_owned()))
    }
}

/// The source tree, when there is one: snippets and links come from it.
pub trait Source {
    /// The line with up to `around` lines before and after it, and the number of the first one.
    fn line_window(&self, file: &str, line: u32, around: u32) -> Option<(u32, String)>;

    /// The absolute path of a file that the log names, for links.
    fn path(&self, _file: &str) -> Option<PathBuf> {
        None
    }
}

/// How to render. What a format has no use for, it ignores.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// ANSI colours.
    pub color: bool,
    /// Columns.
    pub width: usize,
    /// Lines and marks of Unicode; else ASCII.
    pub unicode: bool,
    /// Links on locations (OSC 8).
    pub hyperlinks: bool,
    /// 0: brief; 1: with explanations, notes and places; 2: all.
    pub verbose: u8,
    /// One line a cause.
    pub quiet: bool,
    /// The tree, for snippets.
    pub source: Option<&'a dyn Source>,
    /// How long the reading took.
    pub elapsed: Option<Duration>,
    /// Show the builds by their axes.
    pub matrix: bool,
    /// Lines of the logs, for forms that have room for them.
    pub excerpts: &'a [Excerpt],
}

/// Lines of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// The log ([`triage_causes::report::Build::id`]).
    pub build: String,
    /// The number of the first line.
    pub line: u64,
    /// The lines.
    pub text: String,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self {
            color: false,
            width: 80,
            unicode: false,
            hyperlinks: false,
            verbose: 0,
            quiet: false,
            source: None,
            elapsed: None,
            matrix: false,
            excerpts: &[],
        }
    }
}

/// Writes the report in the format, in many small pieces: `out` should have a buffer.
pub fn render(report: &Report, format: Format, options: &Options<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    if !format.is_published() {
        return write(report, format, options, out);
    }
    let report = Masked::of(report.clone());
    let source = options.source.map(secrets::MaskedSource);
    let excerpts: Vec<Excerpt> = options
        .excerpts
        .iter()
        .map(|excerpt| Excerpt { text: secrets::mask(&excerpt.text).into_owned(), ..excerpt.clone() })
        .collect();
    let source = source.as_ref().map(|source| source as &dyn Source);
    write(&report, format, &Options { source, excerpts: &excerpts, ..*options }, out)
}

fn write(report: &Report, format: Format, options: &Options<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    match format {
        Format::Terminal => terminal::render(report, options, out),
        Format::Text => text::render(report, options, out),
        Format::Markdown => markdown::render(report, options, out),
        Format::Json => json::render(report, out),
        Format::JsonLines => json::render_lines(report, options, out),
        Format::Sarif => sarif::render(report, out),
        Format::Junit => junit::render(report, options, out),
        Format::CodeQuality => codequality::render(report, out),
        Format::Github => github::render(report, options, out),
        Format::Html => html::render(report, options, out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_formats() {
        for format in Format::ALL {
            assert_eq!(format.to_string().parse(), Ok(format));
        }
        insta::assert_snapshot!(
            "xml".parse::<Format>().unwrap_err(),
            @"unknown format 'xml'; known are terminal, text, markdown, json, jsonl, sarif, junit, codequality, github, html"
        );
    }

    #[test]
    fn what_is_published_shows_no_secret() {
        let secret = "ghp_Q7xTz2LmP0aVb9RkYc4WnJ5dHs8GfE1uKo3i";
        let mut cause = fixture::cause();
        cause.message = format!("bad token '{secret}'");
        cause.snippet = None;
        struct Tree(String);
        impl Source for Tree {
            fn line_window(&self, _: &str, line: u32, _: u32) -> Option<(u32, String)> {
                Some((line, self.0.clone()))
            }
        }
        let tree = Tree(format!("push({secret});"));
        let excerpts = [Excerpt { build: "build.log".into(), line: 1, text: format!("$ push {secret}") }];
        let report = fixture::report(vec![cause]);
        for format in Format::ALL {
            let options = Options { verbose: 2, source: Some(&tree), excerpts: &excerpts, ..fixture::options() };
            let text = fixture::rendered(&report, format, &options);
            assert_eq!(text.contains(secret), !format.is_published(), "{format}: {text}");
        }
    }

    #[test]
    fn hostile_text_is_harmless_everywhere() {
        let report = fixture::hostile_report();
        for format in Format::ALL {
            for verbose in 0..3 {
                for (quiet, unicode, width) in [(false, true, 80), (true, false, 1), (false, false, 0)] {
                    let options = Options { verbose, quiet, unicode, width, ..fixture::options() };
                    let text = fixture::rendered(&report, format, &options);
                    fixture::assert_harmless(&text);
                }
            }
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::test_runner::Config { cases: 64, ..Default::default() })]
        #[test]
        fn any_text_is_rendered(
            text in "(\\PC|[\\x00-\\x20`'@#:/~^<]|::error|##\\[|日|\u{301}){0,60}",
            marks in "[\\^~ \\t|é]{0,70}",
            line in proptest::option::of(0..=u32::MAX),
            column in proptest::option::of(0..200_u32),
            verbose in 0..3_u8,
            width in 0..120_usize,
        ) {
            let mut cause = fixture::cause();
            cause.title.clone_from(&text);
            cause.message = format!("{text} '{text}'");
            cause.location = Some(triage_log::diagnostic::Location { file: text.clone(), line, column });
            cause.snippet = Some(triage_log::diagnostic::Snippet { line, text: text.clone(), marks });
            cause.fixes[0].patch = Some(format!("--- a/x\n+++ b/x\n@@ -1 +1 @@\n{text}"));
            let report = fixture::report(vec![cause]);
            struct Tree(String);
            impl Source for Tree {
                fn line_window(&self, _: &str, line: u32, around: u32) -> Option<(u32, String)> {
                    Some((line.saturating_sub(around), self.0.clone()))
                }
            }
            let tree = Tree(text);
            for format in Format::ALL {
                for source in [None, Some(&tree as &dyn Source)] {
                    let options =
                        Options { verbose, width, source, color: false, unicode: verbose > 0, ..Options::default() };
                    fixture::assert_harmless(&fixture::rendered(&report, format, &options));
                }
            }
        }
    }
}
