//! The data that reading a log gives: one [`Diagnostic`] for each message of one tool.
//!
//! Everything here is plain data. Text is UTF-8 (bytes that were not are shown as U+FFFD), without
//! terminal escapes, and with every quotation mark that a compiler uses around a name (`‘x’`,
//! `` `x' ``, `“x”`) turned into `'x'`, so that one rule serves all locales and versions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The program that printed a diagnostic.
///
/// `Cc` is any C or C++ compiler front end: gcc and clang word most messages so alike that a
/// single line does not tell them apart; [`Diagnostic::flavor`] says which one where it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Tool {
    /// gcc, g++, clang, clang++ and compatible front ends, preprocessor included.
    Cc,
    /// GNU ld, gold, lld, mold and the `collect2`/driver lines about them.
    Ld,
    /// GNU as and clang's integrated assembler.
    As,
    /// GNU make, old and new forms.
    Make,
    /// ninja and samurai.
    Ninja,
    /// CMake at configure time.
    Cmake,
    /// `configure` scripts, autoconf, automake, libtool, pkg-config.
    Autoconf,
    /// Meson at configure time.
    Meson,
    /// Bazel.
    Bazel,
    /// The kernel's Kconfig (`scripts/kconfig`).
    Kconfig,
    /// The kernel's modpost.
    Modpost,
    /// The kernel's objtool.
    Objtool,
    /// pahole and resolve_btfids.
    Btf,
    /// The device tree compiler and its schema checker.
    Dtc,
    /// Other scripts and programs of the kernel's build: kallsyms, headers_check, checksyscalls, …
    Kbuild,
    /// sparse.
    Sparse,
    /// smatch.
    Smatch,
    /// rustc, bindgen and cargo.
    Rustc,
    /// The shell that runs the commands: command not found, permission denied, …
    Shell,
    /// The machine: killed processes, full disks, time-outs, the network.
    System,
}

/// How bad a tool says it is. Ordered: a later one is worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Additional information that stands alone (a note that belongs to a diagnostic is in
    /// [`Diagnostic::notes`]).
    Note,
    /// A warning: the build goes on.
    Warning,
    /// An error, also a warning that `-Werror` turned into one.
    Error,
    /// An error after which the tool stopped at once (`fatal error:`, internal compiler errors).
    Fatal,
}

/// Which compiler family a [`Tool::Cc`], [`Tool::As`] or [`Tool::Ld`] message is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Flavor {
    /// gcc, GNU as, GNU ld, gold.
    Gnu,
    /// clang, its assembler, lld.
    Llvm,
}

/// A place in a source file as the log has it. The path is not checked and not mapped to a tree.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Location {
    /// Path as printed, without surrounding quotes.
    pub file: String,
    /// Line, counted from 1; none when the tool names only the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Column, counted from 1 in the tool's own unit (bytes for most); none when not printed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
}

impl Location {
    /// A location with a file and a line, as most tools print it.
    pub fn new(file: impl Into<String>, line: Option<u32>, column: Option<u32>) -> Self {
        Self { file: file.into(), line, column }
    }
}

/// A note, or another message that a tool printed as a part of a diagnostic.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Note {
    /// Where it points, if anywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    /// Its text, quotes normalised.
    pub message: String,
}

/// One level of macro expansion: gcc's `in expansion of macro 'X'`, clang's `expanded from macro 'X'`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Expansion {
    /// The macro's name.
    pub name: String,
    /// gcc: where the macro was used; clang: where it is defined.
    pub location: Location,
    /// True for gcc's form, in which `location` is the place of use.
    pub is_use: bool,
}

/// The source line that the compiler printed below its message, with its marks.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Snippet {
    /// Number of the line, counted from 1, when the compiler printed one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The source text as printed.
    pub text: String,
    /// The line of `^` and `~` below it, aligned with `text`; empty when there was none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub marks: String,
}

/// An edit that the compiler itself proposes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct FixIt {
    /// Where the new text goes; the column is that of its first byte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    /// The text to insert, or to put in the place of what is marked.
    pub text: String,
}

/// Where a diagnostic stands in its log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct LogSpan {
    /// Number of the diagnostic's own line (the one with its severity), counted from 1.
    pub line: u64,
    /// Byte offset of that line's start in the log (after decompression).
    pub start: u64,
    /// Byte offset just past the last line that belongs to the diagnostic.
    pub end: u64,
}

/// One message of one tool, put together from all the lines that belong to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Diagnostic {
    /// Who printed it.
    pub tool: Tool,
    /// Which family, where it can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flavor: Option<Flavor>,
    /// How bad it is.
    pub severity: Severity,
    /// The message, one line, without location, severity and option.
    pub message: String,
    /// The option that controls it, in its warning form (`-Wunused-variable`), also when it came as
    /// `-Werror=unused-variable` or `-Werror,-Wunused-variable`. For rustc the lint or `E0599`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub option: Option<String>,
    /// True when a warning was turned into this error by `-Werror`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub werror: bool,
    /// Where it points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    /// The function that the compiler or linker named as context (`In function 'f':`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// The file that the `In function` line named, where that is another one than `location`'s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function_file: Option<String>,
    /// The include stack: the file that includes `location`'s file first, the source file last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub includes: Vec<Location>,
    /// Macro expansions, in the order printed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expansions: Vec<Expansion>,
    /// Notes, in the order printed. For linkers: one note for each place that the message names
    /// (`first defined here`, `referenced by …`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
    /// The source line printed with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snippet: Option<Snippet>,
    /// What the compiler proposes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fixits: Vec<FixIt>,
    /// Object files, archives, modules or targets that the message names, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<String>,
    /// The directory that make said it was in, when it said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
    /// Where it stands in the log.
    pub span: LogSpan,
}

impl Diagnostic {
    /// A diagnostic with its message and nothing else.
    pub fn new(tool: Tool, severity: Severity, message: impl Into<String>) -> Self {
        Self {
            tool,
            flavor: None,
            severity,
            message: message.into(),
            option: None,
            werror: false,
            location: None,
            function: None,
            function_file: None,
            includes: Vec::new(),
            expansions: Vec::new(),
            notes: Vec::new(),
            snippet: None,
            fixits: Vec::new(),
            objects: Vec::new(),
            directory: None,
            span: LogSpan::default(),
        }
    }
}
