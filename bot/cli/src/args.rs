//! What was typed. What it means is worked out in [`crate::plan`].
//!
//! The doc comments are the text of `--help`, of the man page and of the completions.

use std::path::PathBuf;
use std::str::FromStr;

pub use crate::matrix::MatrixArgs;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgAction, Parser, Subcommand, ValueEnum, ValueHint};
use triage_report::Format;

const EXIT_STATUS: &str = "\
Exit status:
  0  nothing failed in the logs
  1  causes of failure were found
  2  wrong usage, a faulty rule file, or input that could not be read (what could be read is reported)";

const EXAMPLES: &str = "\
Examples:
  make -j8 2>&1 | triage                     why the build failed
  triage run -- make -j8                     the same, with the build's output and exit status
  triage build.log ci-logs.zip logs/         several logs: files, archives, folders
  triage --format sarif build.log > triage.sarif
  triage -o text:- -o junit:triage.xml build.log";

/// Reads build logs of C and C++ and names every cause of failure, the first to repair first.
#[derive(Debug, Parser)]
#[command(name = "triage", version, max_term_width = 100, args_conflicts_with_subcommands = true)]
#[command(after_help = EXIT_STATUS, after_long_help = format!("{EXAMPLES}\n\n{EXIT_STATUS}"))]
#[command(subcommand_help_heading = "Commands")]
pub struct Args {
    /// A command, or none to read logs.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// What to read and how to say it.
    #[command(flatten)]
    pub read: ReadArgs,
}

/// Everything apart from reading logs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs a build command, shows its output as it comes, and reports at the end
    Run(RunArgs),
    /// Makes patches of the causes, and proves them by building in a scratch copy
    Fix(Box<FixArgs>),
    /// Compares many builds: which axis breaks it, since when, by whom
    Matrix(Box<MatrixArgs>),
    /// Lists, explains, checks, tests and makes rules
    #[command(subcommand)]
    Rules(RulesCommand),
    /// Prints the JSON Schema of what triage writes or reads
    Schema {
        /// Of what
        #[arg(value_enum)]
        of: SchemaOf,
    },
    /// Lives in the scratch copy of `triage fix --verify`
    #[command(hide = true)]
    ScratchCopy,
    /// Prints the completions of a shell
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Prints the manual page (roff), or writes one page per command
    Man {
        /// Write all pages into this folder
        #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
        dir: Option<PathBuf>,
    },
}

/// `triage [OPTIONS] [PATH…]`.
#[derive(Debug, clap::Args)]
pub struct ReadArgs {
    /// Logs to read: files, folders, or globs in quotes; `-` or nothing for standard input
    ///
    /// Logs may be compressed (gzip, xz, zstd), archives (zip, tar) or mails; the content tells.
    /// Each log that is found is one build.
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,

    /// Prints an intermediate form as JSON Lines instead of the report
    #[arg(long, value_enum, value_name = "STAGE", help_heading = "Output")]
    #[arg(conflicts_with_all = ["format", "output", "patch"])]
    pub stage: Option<Stage>,

    /// Prints only the combined patch of all fixes, for `git apply`
    #[arg(long, help_heading = "Output", conflicts_with_all = ["format", "output"])]
    pub patch: bool,

    /// How to judge.
    #[command(flatten)]
    pub judge: JudgeArgs,
    /// How to say it.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `triage run [OPTIONS] -- CMD ARG…`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The report goes to standard error, after the output of the command. Exit status: that of the
command; 128 and the signal's number when a signal ended it; 127 or 126 when it could not be run.")]
pub struct RunArgs {
    /// How to judge.
    #[command(flatten)]
    pub judge: JudgeArgs,
    /// How to say it.
    #[command(flatten)]
    pub output: OutputArgs,

    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND", value_hint = ValueHint::CommandWithArguments)]
    pub command: Vec<std::ffi::OsString>,
}

/// `triage fix --tree DIR [OPTIONS] [PATH…]`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Commands are taken from --build-command, else from the build's folder (Kbuild's .cmd files,
compile_commands.json, build.ninja); never from a log. They run in a scratch copy: overlays over the
tree and the build's folder in a mount namespace of their own, or a plain copy where that is not
allowed. The tree itself is written only by --apply.

Exit status: 0 nothing failed, or every cause has a verified fix; 1 causes are left; 2 wrong usage,
or something could not be read, built or written; 130 stopped by Ctrl-C.")]
pub struct FixArgs {
    /// Logs to read, as without a command
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,

    /// Tries the patches, best first, until one builds
    #[arg(long, help_heading = "Proof")]
    pub verify: bool,

    /// How to build.
    #[command(flatten)]
    pub proof: ProofArgs,

    /// Patches that are tried for a cause
    #[arg(long, value_name = "N", help_heading = "Proof", default_value = "8")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..))]
    pub tries: u16,

    /// Changes the tree: makes the verified fixes
    #[arg(long, help_heading = "Proof", requires = "verify")]
    pub apply: bool,

    /// With --apply: also in files with changes that are not committed
    #[arg(long, help_heading = "Proof", requires = "apply")]
    pub force: bool,

    /// Prints only the combined patch, with a message when the tree is a git tree, for `git am`
    #[arg(long, help_heading = "Output", conflicts_with_all = ["format", "output"])]
    pub patch: bool,

    /// How to judge.
    #[command(flatten)]
    pub judge: JudgeArgs,
    /// How to say it.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Options of what proves something by building it in a scratch copy.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Proof")]
pub struct ProofArgs {
    /// A command that fails and must not; repeatable, run by `sh -c` in the current folder
    #[arg(long, value_name = "COMMAND", value_hint = ValueHint::CommandString)]
    pub build_command: Vec<String>,

    /// The folder of the build, when it is not the tree
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub build: Option<PathBuf>,

    /// How many commands run at the same time [default: one for each processor; for make its own]
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,

    /// Seconds that a command may take
    #[arg(long, value_name = "SECONDS", default_value = "600")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub timeout: u32,

    /// Seconds that all of it may take
    #[arg(long, value_name = "SECONDS", default_value = "3600")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub budget: u32,

    /// Where to keep what the commands write [default: memory when there is plenty, else TMPDIR]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub scratch: Option<PathBuf>,
}

/// Options that change what is found.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Judging")]
pub struct JudgeArgs {
    /// Reports warnings too
    #[arg(long)]
    pub warnings: bool,

    /// The source tree: snippets come from it, and places are given relative to it
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub tree: Option<PathBuf>,

    /// Adds the rules below a folder (or one rule file); one with a known id replaces it
    #[arg(long, value_name = "DIR", value_hint = ValueHint::AnyPath)]
    pub rules: Vec<PathBuf>,
}

/// Options that change how it is said.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// The form of the report [default: terminal on a terminal, else text]
    #[arg(long, short, value_name = "FORMAT", value_parser = format_parser())]
    pub format: Option<Format>,

    /// Writes the report to a file instead; repeatable, each with its own format
    ///
    /// `-o junit:triage.xml -o text:-` writes JUnit to a file and text to where the report goes
    /// otherwise. Without a format, that of `--format`.
    #[arg(long, short, value_name = "[FORMAT:]FILE", value_hint = ValueHint::FilePath)]
    pub output: Vec<OutputFile>,

    /// When to use colours [env: NO_COLOR, CLICOLOR_FORCE]
    #[arg(long, value_enum, value_name = "WHEN", default_value_t)]
    pub color: When,

    /// Columns of the report [default: those of the terminal]
    #[arg(long, value_name = "COLUMNS", value_parser = clap::value_parser!(u16).range(20..))]
    pub width: Option<u16>,

    /// When to make places clickable
    #[arg(long, value_enum, value_name = "WHEN", default_value_t)]
    pub hyperlinks: When,

    /// Draws with ASCII only
    #[arg(long)]
    pub ascii: bool,

    /// One line for each cause, nothing else
    #[arg(long, short, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Explanations, notes and places too; twice: everything
    #[arg(long, short, action = ArgAction::Count)]
    pub verbose: u8,
}

/// `triage rules …`.
#[derive(Debug, Subcommand)]
pub enum RulesCommand {
    /// Lists the rules: id, class, tool, title
    List {
        /// Rules below this folder too
        #[arg(long, value_name = "DIR", value_hint = ValueHint::AnyPath)]
        rules: Vec<PathBuf>,
        /// `text` or `json`
        #[arg(long, short, value_enum, default_value_t)]
        format: ListFormat,
    },
    /// Shows what a rule says, why it happens, and what to do
    Explain {
        /// The rule's id
        id: String,
        /// Rules below this folder too
        #[arg(long, value_name = "DIR", value_hint = ValueHint::AnyPath)]
        rules: Vec<PathBuf>,
    },
    /// Lists the classes that a rule may have
    Classes,
    /// Checks rule files: their form, their names, their patterns
    Check {
        /// Rule files or folders of them; without any, the rules that come with triage
        #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
        paths: Vec<PathBuf>,
    },
    /// Runs the examples of rules
    Test {
        /// Rule files or folders of them; without any, the rules that come with triage
        #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
        paths: Vec<PathBuf>,
        /// Rules below this folder too
        #[arg(long, value_name = "DIR", value_hint = ValueHint::AnyPath)]
        rules: Vec<PathBuf>,
    },
    /// Makes the file of a new rule, with the piped log excerpt as its first example
    New {
        /// Tool and id, e.g. `cc/unknown-type-name`
        #[arg(value_name = "TOOL/ID")]
        name: RuleName,
        /// Take the first example from this file instead of standard input
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        from: Option<PathBuf>,
        /// The folder of the tools' folders
        #[arg(long, value_name = "DIR", default_value = "config/rules", value_hint = ValueHint::DirPath)]
        dir: PathBuf,
    },
    /// Prints the JSON Schema of a rule file
    Schema,
}

/// How far to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Stage {
    /// The lines of the logs, without what CI, mail or a terminal put around them
    Lines,
    /// The messages of all tools
    Diagnostics,
    /// The messages with the rule that each falls under
    Findings,
    /// The causes
    Causes,
    /// The whole report
    Report,
}

/// When to do something that depends on the terminal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// When the terminal can
    #[default]
    Auto,
    /// In any case
    Always,
    /// In no case
    Never,
}

/// The form of a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// A table
    #[default]
    Text,
    /// An array of objects
    Json,
}

/// What has a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// What `--format json` writes
    Report,
    /// A rule file
    Rule,
    /// A line of `--stage diagnostics`, without its log's name
    Diagnostic,
    /// A manifest of `triage matrix`
    Matrix,
}

/// Where a report is written, and in which form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputFile {
    /// The form, when one was given.
    pub format: Option<Format>,
    /// The file; none for `-`.
    pub path: Option<PathBuf>,
}

impl FromStr for OutputFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (format, path) = match text.split_once(':') {
            // What could only be meant as a format is not taken for a part of a name.
            Some((head, path)) if head.len() > 1 && head.bytes().all(|b| b.is_ascii_lowercase()) => {
                let unknown = |e| format!("{e} (write ./{text} if that is the file's name)");
                (Some(Format::from_str(head).map_err(unknown)?), path)
            }
            _ => (None, text),
        };
        if path.is_empty() {
            return Err("the name of the file is missing".into());
        }
        Ok(Self { format, path: (path != "-").then(|| PathBuf::from(path)) })
    }
}

/// Tool and id of a new rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleName {
    /// The tool's name, which is that of the folder.
    pub tool: String,
    /// The id, which is that of the file.
    pub id: String,
}

impl FromStr for RuleName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let word = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        match text.split_once('/') {
            Some((tool, id)) if word(tool) && id.split('-').all(word) => {
                Ok(Self { tool: tool.to_owned(), id: id.to_owned() })
            }
            _ => Err("must be a tool and an id of lower case words joined by '-', as in cc/unknown-type-name".into()),
        }
    }
}

fn format_parser() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(Format::ALL.map(Format::name)).try_map(|name| name.parse::<Format>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn output_files() {
        let parsed = |text: &str| text.parse::<OutputFile>();
        let file = |format, path: &str| Ok(OutputFile { format, path: Some(PathBuf::from(path)) });
        assert_eq!(parsed("out.json"), file(None, "out.json"));
        assert_eq!(parsed("sarif:a/b.sarif"), file(Some(Format::Sarif), "a/b.sarif"));
        assert_eq!(parsed("C:\\out.txt"), file(None, "C:\\out.txt"));
        assert_eq!(parsed("./sarfi:x"), file(None, "./sarfi:x"));
        assert_eq!(parsed("text:-"), Ok(OutputFile { format: Some(Format::Text), path: None }));
        assert!(parsed("sarfi:x").unwrap_err().contains("known are terminal, text"));
        assert!(parsed("json:").is_err());
    }

    #[test]
    fn rule_names() {
        assert_eq!("ld/lost-symbol".parse(), Ok(RuleName { tool: "ld".into(), id: "lost-symbol".into() }));
        for bad in ["ld", "ld/", "/x", "ld/X", "ld/a--b", "../etc/x", "ld/a/b", "ld/a.yaml"] {
            assert!(bad.parse::<RuleName>().is_err(), "{bad}");
        }
    }
}
