//! What the arguments mean here: on this terminal, with this environment.

use std::env;
use std::io::{self, IsTerminal};

use terminal_size::{Width, terminal_size_of};
use triage_report::Format;

use crate::args::{OutputArgs, OutputFile, When};

/// What of the world outside decides about the look of a report.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// The report goes to a terminal.
    pub terminal: bool,
    /// Its columns.
    pub columns: Option<u16>,
    /// `NO_COLOR` is set and not empty.
    pub no_color: bool,
    /// `CLICOLOR_FORCE` is set and not `0`.
    pub force_color: bool,
    /// The terminal has no abilities (`TERM=dumb`).
    pub dumb: bool,
    /// The locale's encoding is UTF-8.
    pub utf8: bool,
    /// The terminal is known to have links.
    pub links: bool,
}

impl Surroundings {
    /// Those of this process, for a report on standard output.
    pub fn of_stdout() -> Self {
        Self::of(io::stdout().is_terminal(), terminal_size_of(io::stdout()))
    }

    /// Those of this process, for a report on standard error.
    pub fn of_stderr() -> Self {
        Self::of(io::stderr().is_terminal(), terminal_size_of(io::stderr()))
    }

    fn of(terminal: bool, size: Option<(Width, terminal_size::Height)>) -> Self {
        let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
        let text = |name: &str| set(name).map(|value| value.to_string_lossy().into_owned());
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(text).unwrap_or_default().to_lowercase();
        let term = text("TERM").unwrap_or_default();
        let by_program = text("TERM_PROGRAM")
            .is_some_and(|name| ["iTerm.app", "WezTerm", "vscode", "ghostty", "Hyper"].contains(&name.as_str()));
        let by_version = text("VTE_VERSION").and_then(|v| v.parse::<u32>().ok()).is_some_and(|v| v >= 5000);
        let by_term = ["kitty", "alacritty", "foot", "ghostty"].iter().any(|name| term.contains(name));
        let by_other = ["WT_SESSION", "KONSOLE_VERSION", "DOMTERM"].into_iter().any(|name| set(name).is_some());
        Self {
            terminal,
            columns: size.map(|(Width(columns), _)| columns).filter(|&columns| columns > 0),
            no_color: set("NO_COLOR").is_some(),
            force_color: set("CLICOLOR_FORCE").is_some_and(|value| value != "0"),
            dumb: term == "dumb" || (term.is_empty() && cfg!(unix)),
            utf8: locale.contains("utf-8") || locale.contains("utf8"),
            links: by_program || by_version || by_term || by_other,
        }
    }
}

/// Where to write which form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The form.
    pub format: Format,
    /// The file; none for where a report goes by itself.
    pub path: Option<std::path::PathBuf>,
}

/// How reports are written.
#[derive(Debug, Clone)]
pub struct OutputPlan {
    /// All forms and places.
    pub outputs: Vec<Output>,
    /// Colours where a report goes by itself.
    pub color: bool,
    /// Colours in files.
    pub color_in_files: bool,
    /// Columns.
    pub width: usize,
    /// Lines and marks of Unicode.
    pub unicode: bool,
    /// Links.
    pub hyperlinks: bool,
    /// How much.
    pub verbose: u8,
    /// How little.
    pub quiet: bool,
    /// The report goes to a terminal, in a form that people read: it says by itself what could not
    /// be read.
    pub seen: bool,
}

impl OutputPlan {
    /// What the options mean there.
    pub fn new(args: &OutputArgs, around: &Surroundings) -> Self {
        let color = match args.color {
            When::Always => true,
            When::Never => false,
            When::Auto if around.no_color => false,
            When::Auto => around.force_color || (around.terminal && !around.dumb),
        };
        let hyperlinks = match args.hyperlinks {
            When::Always => true,
            When::Never => false,
            When::Auto => around.terminal && around.links && !around.dumb,
        };
        // With colours asked for, plain text is not what is meant.
        let usual = if around.terminal || color { Format::Terminal } else { Format::Text };
        let output = |file: &OutputFile| Output {
            format: file.format.or(args.format).unwrap_or(if file.path.is_some() { Format::Text } else { usual }),
            path: file.path.clone(),
        };
        let outputs: Vec<Output> = if args.output.is_empty() {
            vec![Output { format: args.format.unwrap_or(usual), path: None }]
        } else {
            args.output.iter().map(output).collect()
        };
        let for_people =
            |o: &Output| o.path.is_none() && matches!(o.format, Format::Terminal | Format::Text | Format::Markdown);
        Self {
            color,
            color_in_files: args.color == When::Always,
            width: args.width.or(around.columns).map_or(80, usize::from),
            unicode: around.utf8 && !args.ascii,
            hyperlinks,
            verbose: args.verbose,
            quiet: args.quiet,
            seen: around.terminal && !args.quiet && outputs.iter().any(for_people),
            outputs,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(args: OutputArgs, around: Surroundings) -> OutputPlan {
        OutputPlan::new(&args, &around)
    }

    fn terminal() -> Surroundings {
        Surroundings { terminal: true, columns: Some(120), utf8: true, ..Surroundings::default() }
    }

    #[test]
    fn a_terminal_gets_colours_and_its_width() {
        let plan = plan(OutputArgs::default(), terminal());
        assert_eq!(plan.outputs, [Output { format: Format::Terminal, path: None }]);
        assert_eq!((plan.color, plan.width, plan.unicode, plan.hyperlinks), (true, 120, true, false));
    }

    #[test]
    fn a_pipe_gets_plain_text() {
        let plan = plan(OutputArgs::default(), Surroundings::default());
        assert_eq!(plan.outputs[0].format, Format::Text);
        assert_eq!((plan.color, plan.width, plan.unicode), (false, 80, false));
    }

    #[test]
    fn who_decides_about_colour() {
        let with = |color, no_color, force_color, dumb, terminal| {
            let around = Surroundings { terminal, no_color, force_color, dumb, ..Surroundings::default() };
            plan(OutputArgs { color, ..OutputArgs::default() }, around).color
        };
        assert!(!with(When::Auto, true, false, false, true), "NO_COLOR");
        assert!(!with(When::Auto, true, true, false, true), "NO_COLOR before CLICOLOR_FORCE");
        assert!(with(When::Auto, false, true, false, false), "CLICOLOR_FORCE");
        assert!(!with(When::Auto, false, false, true, true), "a dumb terminal");
        assert!(with(When::Always, true, false, false, false), "the option before the environment");
        assert!(!with(When::Never, false, true, false, true), "the option before the environment");
    }

    #[test]
    fn files_have_their_own_format() {
        let output = ["sarif:x.sarif", "plain.txt", "-"].map(|text| text.parse().unwrap()).to_vec();
        let formats: Vec<Format> =
            plan(OutputArgs { output, ..OutputArgs::default() }, terminal()).outputs.iter().map(|o| o.format).collect();
        assert_eq!(formats, [Format::Sarif, Format::Text, Format::Terminal]);
    }
}
