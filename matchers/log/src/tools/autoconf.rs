//! `configure` scripts and what makes them: autoconf, automake, aclocal, libtool, pkg-config.
//!
//! ```text
//! configure: error: Package requirements (ring >= 1.0) were not met:
//!
//! No package 'ring' found
//! configure.ac:3: error: possibly undefined macro: AC_RING
//! ./configure: line 123: syntax error near unexpected token `RING,'
//! WARNING: 'makeinfo' is missing on your system.
//! ```
//!
//! `checking for x... no` is never an error. Sources: lib/autoconf/general.m4, automake's missing,
//! libtool's build-aux/ltmain.in, pkg-config's main.c, pkgconf's cli.

use super::parse;
use super::{Sink, ToolReader};
use crate::diagnostic::{Diagnostic, Location, Note, Severity, Tool};
use crate::line::Line;
use crate::text::{normalise_quotes, split_location};

/// Programs of the family.
const PROGRAMS: &[&str] = &[
    "configure",
    "config.status",
    "autoconf",
    "autoheader",
    "autom4te",
    "autoreconf",
    "automake",
    "aclocal",
    "libtool",
    "libtoolize",
    "autopoint",
    "ltmain.sh",
    "glibtool",
    "glibtoolize",
    "pkg-config",
    "pkgconf",
    "intltoolize",
    "gtkdocize",
];

/// The reader of messages of configure scripts and their tools.
#[derive(Debug, Default)]
pub struct Autoconf {
    /// Number of the newest line of an error whose text may go on.
    last: u64,
}

impl ToolReader for Autoconf {
    fn line(&mut self, line: &Line<'_>, sink: &mut Sink) -> bool {
        let text = line.text.trim_end();
        if text.is_empty() {
            // The text of a configure error goes on after a blank line.
            let belongs = self.last != 0 && line.number == self.last + 1;
            self.last = if belongs { line.number } else { 0 };
            return belongs;
        }
        if text.starts_with("checking ") {
            return false;
        }
        if let Some(message) = pkg_config(text) {
            return self.package(line, sink, message);
        }
        if let Some(found) = missing(text) {
            return open(line, sink, found.0, None, found.1);
        }
        if let Some((name, rest)) = parse::program(text) {
            let name = name
                .split_once('-')
                .filter(|(_, version)| version.starts_with(|c: char| c.is_ascii_digit()))
                .map_or(name, |(name, _)| name);
            if PROGRAMS.contains(&name) {
                return self.program(line, sink, text, name, rest);
            }
        }
        if let Some(prefix) = split_location(text)
            && is_autotools_file(prefix.file)
        {
            let rest = prefix.rest;
            let (severity, message) = parse::severity(rest);
            let known = severity.is_some()
                || rest.contains("does not appear in AM_CONDITIONAL")
                || rest.contains("was already defined")
                || rest.contains("not found in library");
            let location = Location::new(prefix.file, Some(prefix.line), prefix.column);
            return known && open(line, sink, severity.unwrap_or(Severity::Error), Some(location), message);
        }
        false
    }
}

impl Autoconf {
    fn program(&mut self, line: &Line<'_>, sink: &mut Sink, text: &str, name: &str, rest: &str) -> bool {
        // `./configure: line 123: syntax error near …`, `configure: 123: Syntax error: …`
        let (number, after) = match rest.strip_prefix("line ").unwrap_or(rest).split_once(": ") {
            Some((number, after)) => (number.parse::<u32>().ok(), after),
            None => (None, rest),
        };
        if let Some(number) = number {
            if after.starts_with('`') && after.ends_with('\'') {
                return true;
            }
            let syntax = after.starts_with("syntax error") || after.starts_with("Syntax error");
            let file = text.split(": ").next().unwrap_or(name);
            return syntax && open(line, sink, Severity::Error, Some(Location::new(file, Some(number), None)), after);
        }
        let (severity, message) = parse::severity(rest);
        if severity.is_none() {
            // libtool prints its commands so, pkg-config its own prose.
            let known = match name {
                "libtool" | "glibtool" => rest.starts_with("Version mismatch error"),
                "autoreconf" => rest.contains("failed with exit status"),
                "pkg-config" | "pkgconf" => rest.starts_with("command not found"),
                _ => false,
            };
            return known && open(line, sink, Severity::Error, None, rest);
        }
        // `error: in '/q':` is the first half of a statement.
        if message.starts_with("in `") || message.starts_with("in '") {
            return true;
        }
        self.last = if severity >= Some(Severity::Error) && matches!(name, "configure") { line.number } else { 0 };
        open(line, sink, severity.unwrap_or(Severity::Error), None, message)
    }

    /// What pkg-config says of a package: part of the configure error above, or a statement.
    fn package(&mut self, line: &Line<'_>, sink: &mut Sink, message: Package<'_>) -> bool {
        let below = self.last != 0 && line.number <= self.last + 1;
        match message {
            Package::Missing(text) => {
                let text = parse::message(text);
                if below && let Some(last) = sink.last(line, Tool::Autoconf) {
                    last.message.push(' ');
                    last.message.push_str(&text);
                    self.last = line.number;
                    return true;
                }
                // Makefiles ask for optional packages too: what fails later says more.
                open(line, sink, Severity::Warning, None, &text)
            }
            Package::Prose(text) => {
                if below && let Some(last) = sink.last(line, Tool::Autoconf) {
                    last.notes.push(Note { location: None, message: parse::message(text) });
                    self.last = line.number;
                }
                true
            }
        }
    }
}

enum Package<'a> {
    /// The statement: which package is missing.
    Missing(&'a str),
    /// What is said about it besides.
    Prose(&'a str),
}

fn pkg_config(text: &str) -> Option<Package<'_>> {
    match text.as_bytes().first()? {
        b'N' if text.starts_with("No package '") && text.ends_with("' found") => Some(Package::Missing(text)),
        b'P' if text.starts_with("Package '") && (text.ends_with(", not found") || text.contains("required by")) => {
            Some(Package::Missing(text))
        }
        b'P' if text.starts_with("Package dependency requirement '") => Some(Package::Missing(text)),
        b'P' if text.starts_with("Package ") && text.contains(" was not found in the pkg-config search path") => {
            Some(Package::Prose(text))
        }
        b'P' if text.starts_with("Perhaps you should add the directory containing ") => Some(Package::Prose(text)),
        b't' if text.starts_with("to the PKG_CONFIG_PATH environment variable") => Some(Package::Prose(text)),
        b'R' if text.starts_with("Requested '") && text.contains("but version of ") => Some(Package::Missing(text)),
        _ => None,
    }
}

/// automake's `WARNING: 'makeinfo' is missing on your system.` Before 1.13 the wrapper went on
/// without the program, and said more on the same line.
fn missing(text: &str) -> Option<(Severity, &str)> {
    let rest = text.trim_start().strip_prefix("WARNING: ")?;
    let at = rest.find(" is missing on your system.")?;
    let whole = rest.len() == at + " is missing on your system.".len();
    Some((if whole { Severity::Error } else { Severity::Warning }, rest))
}

/// True for the files that autoconf and automake read.
pub fn is_autotools_file(path: &str) -> bool {
    let name = parse::basename(path);
    name.starts_with("configure.ac")
        || name.starts_with("configure.in")
        || name.ends_with(".am")
        || name.ends_with(".m4")
}

fn open(line: &Line<'_>, sink: &mut Sink, severity: Severity, location: Option<Location>, text: &str) -> bool {
    let mut diagnostic = Diagnostic::new(Tool::Autoconf, severity, normalise_quotes(text.trim()).into_owned());
    diagnostic.location = location;
    sink.open(line, diagnostic);
    true
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[track_caller]
    fn check(log: &str, expect: &[&str]) {
        testing::check(&mut Autoconf::default(), log, expect);
    }

    #[test]
    fn configure() {
        check(
            "configure: error: libring is required\nconfigure: WARNING: unrecognized options: --with-ring",
            &["error libring is required", "warning unrecognized options: --with-ring"],
        );
        check(
            "configure: error: in `/q':\nconfigure: error: C compiler cannot create executables\nSee `config.log' for more details",
            &["error C compiler cannot create executables"],
        );
        check(
            "./configure: line 123: syntax error near unexpected token `RING,'\n./configure: line 123: `PKG_CHECK_MODULES(RING, ring)'",
            &["error ./configure:123: syntax error near unexpected token 'RING,'"],
        );
        check(
            "./configure: 12: Syntax error: \"(\" unexpected",
            &["error ./configure:12: Syntax error: \"(\" unexpected"],
        );
    }

    #[test]
    fn packages() {
        check(
            "configure: error: Package requirements (ring >= 1.0) were not met:\n\nNo package 'ring' found\n\nConsider adjusting the PKG_CONFIG_PATH environment variable",
            &["error Package requirements (ring >= 1.0) were not met: No package 'ring' found"],
        );
        check(
            "Package ring was not found in the pkg-config search path.\nPerhaps you should add the directory containing `ring.pc'\nto the PKG_CONFIG_PATH environment variable\nNo package 'ring' found",
            &["warning No package 'ring' found"],
        );
        check(
            "Package 'ring', required by 'virtual:world', not found",
            &["warning Package 'ring', required by 'virtual:world', not found"],
        );
    }

    #[test]
    fn tools() {
        check(
            "configure.ac:3: error: possibly undefined macro: AC_RING\nlib/Makefile.am:7: error: RING does not appear in AM_CONDITIONAL",
            &[
                "error configure.ac:3: possibly undefined macro: AC_RING",
                "error lib/Makefile.am:7: RING does not appear in AM_CONDITIONAL",
            ],
        );
        check(
            "libtool:   error: cannot find the library 'libring.la'\nlibtool: Version mismatch error.  This is libtool 2.4.6",
            &["error cannot find the library 'libring.la'", "error Version mismatch error.  This is libtool 2.4.6"],
        );
        check(
            "aclocal-1.16: error: couldn't open directory 'm4': No such file or directory\nautoreconf: automake failed with exit status: 1",
            &[
                "error couldn't open directory 'm4': No such file or directory",
                "error automake failed with exit status: 1",
            ],
        );
        check("WARNING: 'makeinfo' is missing on your system.", &["error 'makeinfo' is missing on your system."]);
        check(
            "WARNING: `bison' is missing on your system.  You should only need it if",
            &["warning 'bison' is missing on your system.  You should only need it if"],
        );
    }

    #[test]
    fn near_misses() {
        for log in [
            "checking for ring... not found",
            "checking for ring... no",
            "libtool: link: gcc -o q q.o",
            "configure: creating ./config.status",
            "configure: loading site script",
            "-- No package 'ring' found",
            "  WARNING: something",
            "./configure: line 3: bison: command not found",
        ] {
            check(log, &[]);
        }
    }

    #[test]
    fn never_panics() {
        testing::survives(
            || Box::<Autoconf>::default(),
            "configure: error: ‘ä’\n\nNo package 'ü' found\n./configure: line 3: syntax error ö\nä.m4:3: warning: é\nWARNING: ä is missing on your system.",
        );
    }
}
