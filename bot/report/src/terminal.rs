//! For a person at a terminal: what, where, why and how to repair it, in the look of rustc.

use std::io;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use anstyle::{AnsiColor, Style};
use triage_causes::report::{Cause, Report};

use crate::matrix::table;
use crate::snippet::{self, Excerpt};
use crate::summary::{self, Fact, Label, Voice};
use crate::wrap::{width, wrap};
use crate::{Options, paths, safe, words};

/// Causes that are shown in full; those after them get a line each.
pub const SHOWN: usize = 20;

/// How a terminal shows text from a log: as it is, without what a terminal obeys.
pub const VOICE: Voice = Voice { name: safe::line, prose: safe::line };

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// Writes the report.
pub fn render(report: &Report, options: &Options<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    Screen { report, options, patch_hint: true }.render(out)
}

/// A report on its way to the screen, or to a file that looks like one.
pub(crate) struct Screen<'a> {
    pub(crate) report: &'a Report,
    pub(crate) options: &'a Options<'a>,
    /// Say how to get the patch.
    pub(crate) patch_hint: bool,
}

impl Screen<'_> {
    pub(crate) fn render(&self, out: &mut dyn io::Write) -> io::Result<()> {
        if self.options.quiet {
            for (label, cause) in summary::labelled(self.report) {
                writeln!(out, "{}{}", summary::mark(cause, None), self.one_line(label, cause))?;
            }
            return Ok(());
        }
        if self.options.matrix {
            table::grid(self.report, self.options.width, out)?;
        }
        table::baseline(self.report, self.options.width, out)?;
        self.list(&self.report.causes, Label::of_cause, out)?;
        self.list(&self.report.warnings, Label::of_warning, out)?;
        table::times(self.report, self.options.width, out)?;
        for problem in &self.report.problems {
            let text = safe::line(&words::problem(&problem.name, &problem.message));
            let head = format!("{}: ", words::NOTE);
            for (number, line) in wrap(&text, self.columns(head.len())).into_iter().enumerate() {
                let head = if number == 0 { self.paint(color(Label::Note), &head) } else { " ".repeat(head.len()) };
                writeln!(out, "{head}{line}")?;
            }
        }
        if !self.report.problems.is_empty() {
            writeln!(out)?;
        }
        for line in self.footer() {
            writeln!(out, "{line}")?;
        }
        Ok(())
    }

    fn list(&self, causes: &[Cause], label: fn(&Cause) -> Label, out: &mut dyn io::Write) -> io::Result<()> {
        // A list of one more would take as much room as that one.
        let full = if causes.len() == SHOWN + 1 { SHOWN + 1 } else { SHOWN };
        let numbered =
            self.options.matrix && self.report.builds.len() > 1 && std::ptr::eq(causes, &*self.report.causes);
        let mark = |at: usize, cause| summary::mark(cause, numbered.then_some(at + 1));
        for (at, cause) in causes.iter().enumerate().take(full) {
            writeln!(out, "{}", self.block(&mark(at, cause), label(cause), cause))?;
        }
        if let Some(rest) = causes.get(full..).filter(|rest| !rest.is_empty()) {
            writeln!(out, "{}", words::more_causes(rest.len() as u64))?;
            for (at, cause) in rest.iter().enumerate() {
                writeln!(out, "  {}{}", mark(full + at, cause), self.one_line(label(cause), cause))?;
            }
            writeln!(out)?;
        }
        Ok(())
    }

    /// `file:line:column: error: title [rule]`, as compilers print it, so that editors can jump.
    fn one_line(&self, label: Label, cause: &Cause) -> String {
        let (level, word) = label.level();
        let place = match (&cause.location, summary::log_name(cause)) {
            (Some(location), _) => format!("{}: ", summary::place(location)),
            (None, Some(log)) if cause.log.line > 0 => format!("{log}:{}: ", cause.log.line),
            _ => String::new(),
        };
        let word = word.map(|word| format!("{word}: ")).unwrap_or_default();
        format!(
            "{}{} {}{} [{}]",
            safe::line(&place),
            self.paint(color(label), &format!("{level}:")),
            word,
            safe::line(&summary::title(cause)),
            safe::line(&cause.rule),
        )
    }

    /// A cause in full, with the line end of its last line.
    fn block(&self, mark: &str, label: Label, cause: &Cause) -> String {
        let mut out = self.heading(mark, label, cause);
        out.push_str(&self.body(label, cause));
        if let Some(patch) = cause.fixes.first().and_then(|fix| fix.patch.as_deref()) {
            out.push('\n');
            out.push_str(&self.patch(patch));
        }
        out
    }

    /// The title, and the rule at the right margin.
    fn heading(&self, mark: &str, label: Label, cause: &Cause) -> String {
        let (title, rule) = (safe::line(&summary::title(cause)), safe::line(&cause.rule));
        let head = format!("{mark}{}:", label.word());
        // On a wide screen the rule would be far away from its title.
        let margin = self.options.width.clamp(40, 100);
        let indent = head.len() + 1;
        let mut lines = wrap(&title, margin.saturating_sub(indent));
        let last = width(lines.last().map_or("", String::as_str));
        let padding = match margin.checked_sub(indent + last + width(&rule)) {
            Some(padding) if padding >= 2 => padding,
            _ => {
                lines.push(String::new());
                margin.saturating_sub(indent + width(&rule))
            }
        };
        let mut out = self.paint(color(label), &head);
        let count = lines.len();
        for (number, line) in lines.into_iter().enumerate() {
            out.push_str(&" ".repeat(if number == 0 { 1 } else { indent }));
            if !line.is_empty() {
                out.push_str(&self.paint(BOLD, &line));
            }
            if number + 1 == count {
                out.push_str(&" ".repeat(padding));
                out.push_str(&self.paint(DIM, &rule));
            }
            out.push('\n');
        }
        out
    }

    /// The place, the source line and the facts.
    fn body(&self, label: Label, cause: &Cause) -> String {
        let around = if self.options.verbose > 0 { 2 } else { 0 };
        let excerpt = snippet::excerpt(cause, self.options.source, around);
        let macro_label = excerpt.as_ref().and_then(|excerpt| snippet::label(cause, excerpt));
        let facts = summary::facts(cause, self.report, VOICE, self.options.verbose, macro_label.as_deref());
        let place = self.place(cause);

        let mut group = Group::with_level(level(label));
        let mut gutter = 1;
        if let Some(excerpt) = &excerpt {
            gutter = last_number(excerpt).to_string().len();
            group = group.element(source_lines(excerpt, macro_label.as_deref()));
        } else if place.is_some() {
            group = group.element(Origin::path(PLACEHOLDER));
        } else if facts.is_empty() {
            return String::new();
        }
        let columns = self.columns(gutter + 3);
        group = group.elements(facts.iter().map(|fact| Level::NOTE.no_name().message(self.fact(fact, columns))));

        let decor = if self.options.unicode { DecorStyle::Unicode } else { DecorStyle::Ascii };
        let renderer = if self.options.color { Renderer::styled() } else { Renderer::plain() };
        let renderer = renderer.decor_style(decor).term_width(self.options.width.max(40)).hyperlink(false);
        let drawn = safe::break_commands(renderer.render(&[group]));
        let indent = if excerpt.is_some() { "" } else { " " };
        let mut out = String::with_capacity(drawn.len() + 80);
        for (number, line) in drawn.lines().enumerate() {
            out.push_str(indent);
            match line.find(PLACEHOLDER) {
                Some(at) if number == 0 => {
                    out.push_str(&line[..at]);
                    out.push_str(place.as_deref().unwrap_or_default());
                }
                _ => out.push_str(line.trim_end()),
            }
            out.push('\n');
        }
        out
    }

    /// The location, with its link, and the function; where the log names none, the place in the
    /// log.
    fn place(&self, cause: &Cause) -> Option<String> {
        let Some(location) = &cause.location else {
            return (cause.log.line > 0).then(|| summary::log_place(cause, safe::line));
        };
        let mut out = safe::line(&summary::place(location));
        if let Some(address) = self.address(&location.file) {
            out = format!("\x1b]8;;{address}\x1b\\{out}\x1b]8;;\x1b\\");
        }
        if let Some(function) = &cause.function {
            out.push_str(&words::in_function(&safe::line(&words::call(function))));
        }
        Some(out)
    }

    fn address(&self, file: &str) -> Option<String> {
        if !self.options.hyperlinks {
            return None;
        }
        let known = self.options.source.and_then(|source| source.path(file));
        let path = known.map(|path| path.to_string_lossy().into_owned()).unwrap_or_else(|| file.to_owned());
        path.starts_with('/').then(|| paths::uri(&path))
    }

    fn fact(&self, fact: &Fact, columns: usize) -> String {
        let whole = if fact.head.is_empty() { fact.text.clone() } else { format!("{}: {}", fact.head, fact.text) };
        let text = wrap(&whole, columns).join("\n");
        let style = match fact.head {
            words::VERIFIED_FIX | words::FIX => AnsiColor::Green.on_default().bold(),
            words::HELP => AnsiColor::Cyan.on_default().bold(),
            _ => BOLD,
        };
        match text.strip_prefix(fact.head) {
            Some(rest) if !fact.head.is_empty() => format!("{}{rest}", self.paint(style, fact.head)),
            _ => text,
        }
    }

    fn patch(&self, patch: &str) -> String {
        let mut out = String::new();
        for line in safe::block(patch).lines() {
            let style = match line.as_bytes().first() {
                _ if line.starts_with("+++ ") || line.starts_with("--- ") => BOLD,
                Some(b'+') => AnsiColor::Green.on_default(),
                Some(b'-') => AnsiColor::Red.on_default(),
                Some(b'@') => AnsiColor::Cyan.on_default(),
                _ => Style::new(),
            };
            out.push_str(&self.paint(style, line));
            out.push('\n');
        }
        out
    }

    fn footer(&self) -> Vec<String> {
        let separator = if self.options.unicode { " · " } else { "; " };
        let report = self.report;
        if report.causes.is_empty() {
            let mut text = summary::verdict(report);
            if report.summary.warnings > 0 && report.warnings.is_empty() {
                text.push(' ');
                text.push_str(&words::hidden_warnings(report.summary.warnings));
            }
            return wrap(&text, self.columns(0));
        }
        let parts = [
            summary::totals(report),
            safe::line(&summary::builds(report)),
            summary::effort(report, self.options.elapsed),
        ];
        let mut lines: Vec<String> = Vec::new();
        let mut add = |part: &str, separator: &str| match lines.last_mut() {
            Some(line) if width(line) + width(separator) + width(part) <= self.columns(0) => {
                line.push_str(separator);
                line.push_str(part);
            }
            _ => lines.push(part.to_owned()),
        };
        for part in parts.iter().filter(|part| !part.is_empty()) {
            add(part, separator);
        }
        if self.patch_hint && report.patch.is_some() {
            add(words::PATCH_HINT, "     ");
        }
        lines
    }

    /// Columns that are left beside an indentation.
    fn columns(&self, indent: usize) -> usize {
        self.options.width.max(40) - indent.min(20)
    }

    fn paint(&self, style: Style, text: &str) -> String {
        if self.options.color { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

/// Stands for the place while the block is drawn, which is then written in its full form.
const PLACEHOLDER: &str = "@";

fn source_lines<'a>(excerpt: &'a Excerpt, label: Option<&str>) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let mut lines = Snippet::source(excerpt.text.as_str()).path(PLACEHOLDER).fold(false);
    lines = match excerpt.first_line {
        Some(line) => lines.line_start(usize::try_from(line).unwrap_or(1)),
        None => lines.line_numbering(false),
    };
    if let Some(primary) = &excerpt.primary {
        let mark = AnnotationKind::Primary.span(primary.clone());
        lines = lines.annotation(mark.label(label.map(words::through_macro)));
    }
    lines.annotations(excerpt.others.iter().map(|range| AnnotationKind::Context.span(range.clone())))
}

fn last_number(excerpt: &Excerpt) -> u64 {
    let lines = excerpt.text.lines().count().max(1) as u64;
    excerpt.first_line.map_or(0, |first| u64::from(first) + lines - 1)
}

fn level(label: Label) -> Level<'static> {
    match label {
        Label::Error | Label::Infrastructure => Level::ERROR,
        Label::Warning => Level::WARNING,
        Label::Note => Level::NOTE,
    }
}

fn color(label: Label) -> Style {
    let color = match label {
        Label::Error => AnsiColor::Red,
        Label::Infrastructure => AnsiColor::Magenta,
        Label::Warning => AnsiColor::Yellow,
        Label::Note => AnsiColor::Cyan,
    };
    color.on_default().bold()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{self, rendered};
    use crate::{Format, Source};
    use triage_causes::report::Status;

    fn screen(report: &Report, change: impl FnOnce(&mut Options<'_>)) -> String {
        let mut options = fixture::options();
        change(&mut options);
        rendered(report, Format::Terminal, &options)
    }

    #[test]
    fn one_cause() {
        insta::assert_snapshot!("one_cause", screen(&fixture::report(vec![fixture::cause()]), |_| {}));
    }

    #[test]
    fn all_kinds() {
        let report = fixture::mixed();
        insta::assert_snapshot!("all_kinds", screen(&report, |_| {}));
        insta::assert_snapshot!("all_kinds_verbose", screen(&report, |options| options.verbose = 1));
        insta::assert_snapshot!(
            "all_kinds_unicode",
            screen(&report, |options| {
                options.verbose = 2;
                options.unicode = true;
            })
        );
    }

    #[test]
    fn colors_and_links() {
        let mut cause = fixture::cause();
        cause.location.as_mut().unwrap().file = "/src/a b.h".into();
        let text = screen(&fixture::report(vec![cause]), |options| {
            options.color = true;
            options.hyperlinks = true;
        });
        insta::assert_snapshot!("colors_and_links", text.replace('\x1b', "␛"));
    }

    #[test]
    fn quiet() {
        insta::assert_snapshot!(screen(&fixture::mixed(), |options| options.quiet = true), @r"
        include/linux/stackinfo.h:26:13: error: 'task_stack_base' is used but not declared [implicit-declaration]
        build.log:1530: error: infrastructure: the compiler was killed, most likely for want of memory [out-of-memory]
        ./src/main.c:7:9: warning: the variable 'left' is never used [unused-variable]
        ");
        assert_eq!(screen(&fixture::report(vec![]), |options| options.quiet = true), "");
    }

    #[test]
    fn nothing_failed() {
        let mut report = fixture::report(vec![]);
        assert_eq!(screen(&report, |_| {}), "no failure found in 2 412 lines\n");
        report.summary.warnings = 3;
        assert_eq!(
            screen(&report, |_| {}),
            "no failure found in 2 412 lines (3 warnings; show them with --warnings)\n"
        );
        report.builds[0].status = Status::Fail;
        report.summary.warnings = 0;
        assert_eq!(screen(&report, |_| {}), "the build failed, but no cause was found in its log\n");
        report.builds[0].status = Status::Empty;
        report.summary.lines = 0;
        assert_eq!(screen(&report, |_| {}), "the log is empty\n");
    }

    #[test]
    fn many_causes() {
        let text = screen(&fixture::report(vec![fixture::warning(); 23]), |_| {});
        assert_eq!(text.matches("\nerror: ").count(), 19, "the first has no line before it");
        assert!(text.contains("\nand 3 more causes:\n  ./src/main.c:7:9: error: "), "{text}");
        let text = screen(&fixture::report(vec![fixture::warning(); 21]), |_| {});
        assert!(!text.contains("more cause"), "{text}");
    }

    #[test]
    fn narrow() {
        let text = screen(&fixture::report(vec![fixture::cause(), fixture::infrastructure()]), |options| {
            options.width = 44;
        });
        insta::assert_snapshot!("narrow", text);
    }

    struct Tree;

    impl Source for Tree {
        fn line_window(&self, _: &str, line: u32, around: u32) -> Option<(u32, String)> {
            let lines: Vec<String> =
                (line - around..=line + around).map(|line| format!("\tif (stack_top(tsk) == {line})")).collect();
            Some((line - around, lines.join("\n")))
        }

        fn path(&self, file: &str) -> Option<std::path::PathBuf> {
            Some(std::path::Path::new("/tree").join(file))
        }
    }

    #[test]
    fn lines_of_the_tree() {
        let mut cause = fixture::cause();
        cause.location = Some(triage_log::diagnostic::Location::new("a.h", Some(99), Some(6)));
        let text = screen(&fixture::report(vec![cause]), |options| {
            options.source = Some(&Tree);
            options.verbose = 1;
            options.hyperlinks = true;
        });
        assert!(text.contains(" --> \x1b]8;;file:///tree/a.h\x1b\\a.h:99:6\x1b]8;;\x1b\\, in stack_reset()\n"));
        insta::assert_snapshot!("lines_of_the_tree", text.lines().skip(2).take(7).collect::<Vec<_>>().join("\n"));
    }
}
