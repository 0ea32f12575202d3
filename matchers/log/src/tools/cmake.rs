//! CMake at configure time.
//!
//! ```text
//! CMake Error at CMakeLists.txt:12 (find_package):
//!   Could not find a package configuration file provided by "Ring" with any of
//!   the following names:
//!
//!     RingConfig.cmake
//! Call Stack (most recent call first):
//!   cmake/deps.cmake:3 (include)
//! ```
//!
//! Source: Source/cmMessenger.cxx, cmSystemTools.cxx.

use super::parse;
use super::{Sink, ToolReader};
use crate::diagnostic::{Diagnostic, Location, Note, Severity, Tool};
use crate::line::Line;

/// How long a message may get.
const TEXT_MAX: usize = 2000;

/// The reader of CMake's messages.
#[derive(Debug, Default)]
pub struct Cmake {
    /// The number of the newest line of the message that is open; 0 when none is.
    last: u64,
    /// True below `Call Stack`.
    stack: bool,
    /// Blank lines since the text.
    blank: u32,
    /// Unindented lines that still belong to a `CMake Error: …` message.
    plain: u32,
    errors: bool,
}

impl ToolReader for Cmake {
    fn line(&mut self, line: &Line<'_>, sink: &mut Sink) -> bool {
        let text = line.text.trim_end();
        if text.starts_with("CMake ") {
            return self.first(line, sink, text);
        }
        if self.last != 0 && line.number == self.last + 1 && self.goes_on(line, sink, text) {
            self.last = line.number;
            return true;
        }
        self.last = 0;
        if text.starts_with("-- Configuring incomplete, errors occurred!") {
            if !std::mem::replace(&mut self.errors, true) {
                sink.open(
                    line,
                    Diagnostic::new(Tool::Cmake, Severity::Error, "Configuring incomplete, errors occurred!"),
                );
            }
            return true;
        }
        text.starts_with("See also \"") && text.contains("CMakeFiles")
    }
}

impl Cmake {
    fn first(&mut self, line: &Line<'_>, sink: &mut Sink, text: &str) -> bool {
        if text.starts_with("CMake Generate step failed") {
            if !std::mem::replace(&mut self.errors, true) {
                sink.open(line, Diagnostic::new(Tool::Cmake, Severity::Error, text));
            }
            return true;
        }
        let rest = text.strip_prefix("CMake ").unwrap_or(text);
        const HEADS: &[(&str, Severity)] = &[
            ("Error (dev)", Severity::Error),
            ("Error", Severity::Error),
            ("Internal Error (Please report a bug)", Severity::Fatal),
            ("Deprecation Error", Severity::Error),
            ("Deprecation Warning", Severity::Warning),
            ("Warning (dev)", Severity::Warning),
            ("Warning", Severity::Warning),
        ];
        let Some((severity, rest)) =
            HEADS.iter().find_map(|(head, severity)| rest.strip_prefix(*head).map(|rest| (*severity, rest)))
        else {
            return false;
        };
        let mut diagnostic = Diagnostic::new(Tool::Cmake, severity, String::new());
        self.plain = 0;
        if let Some(place) = rest.strip_prefix(" at ").or_else(|| rest.strip_prefix(" in ")) {
            let Some(place) = place.strip_suffix(':') else { return false };
            let (location, command) = call(place);
            diagnostic.location = Some(location);
            diagnostic.function = command;
        } else if let Some(message) = rest.strip_prefix(": ") {
            diagnostic.message = parse::message(message);
            // Some messages go on without indentation.
            if message.ends_with("NOTFOUND.") || message.ends_with("cmake code at") || message.ends_with(':') {
                self.plain = 2;
            }
        } else if rest != ":" {
            return false;
        }
        self.errors |= severity >= Severity::Error;
        sink.open(line, diagnostic);
        (self.last, self.stack, self.blank) = (line.number, false, 0);
        true
    }

    fn goes_on(&mut self, line: &Line<'_>, sink: &mut Sink, text: &str) -> bool {
        let Some(open) = sink.last(line, Tool::Cmake) else { return false };
        let trimmed = text.trim_start();
        if trimmed.is_empty() {
            self.blank += 1;
            // Two blank lines end a message.
            return self.blank < 2;
        }
        if text.starts_with("Call Stack (most recent call first):") {
            (self.stack, self.blank) = (true, 0);
            return true;
        }
        let indented = text.starts_with("  ");
        if !indented {
            if text.starts_with("This warning is for project developers")
                || text.starts_with("This error is for project developers")
            {
                return true;
            }
            if self.plain == 0 || text.starts_with("-- ") {
                return false;
            }
            self.plain -= 1;
        }
        self.blank = 0;
        if self.stack {
            if open.notes.len() < 16 {
                let (location, command) = call(trimmed);
                open.notes.push(Note {
                    location: Some(location),
                    message: format!("called by {}", command.as_deref().unwrap_or("a file")),
                });
            }
            return true;
        }
        if open.message.len() < TEXT_MAX {
            let part = parse::message(trimmed);
            if !open.message.is_empty() {
                open.message.push(' ');
            }
            let room = TEXT_MAX - open.message.len().min(TEXT_MAX);
            open.message.extend(part.chars().take(room));
        }
        true
    }
}

/// `CMakeLists.txt:12 (find_package)`: place and command.
fn call(text: &str) -> (Location, Option<String>) {
    let (place, command) = match text.rsplit_once(" (") {
        Some((place, command)) => (place, command.strip_suffix(')').map(str::to_owned)),
        None => (text, None),
    };
    match place.rsplit_once(':') {
        Some((file, number)) if number.parse::<u32>().is_ok() => {
            (Location::new(file, number.parse().ok(), None), command)
        }
        _ => (Location::new(place, None, None), command),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[track_caller]
    fn check(log: &str, expect: &[&str]) {
        testing::check(&mut Cmake::default(), log, expect);
    }

    #[test]
    fn with_place_and_stack() {
        check(
            "CMake Error at CMakeLists.txt:12 (find_package):\n  Could not find a package configuration file provided by \"Ring\" with any of\n  the following names:\n\n    RingConfig.cmake\n    ring-config.cmake\n\nCall Stack (most recent call first):\n  cmake/deps.cmake:3 (include)\n\n\n-- Configuring incomplete, errors occurred!\nSee also \"/q/CMakeFiles/CMakeOutput.log\".",
            &[
                "error CMakeLists.txt:12: Could not find a package configuration file provided by \"Ring\" with any of the following names: RingConfig.cmake ring-config.cmake fn=find_package | cmake/deps.cmake:3: called by include",
            ],
        );
        check(
            "CMake Warning (dev) at CMakeLists.txt:3 (set):\n  Policy CMP0126 is not set\nThis warning is for project developers.  Use -Wno-dev to suppress it.",
            &["warning CMakeLists.txt:3: Policy CMP0126 is not set fn=set"],
        );
        check(
            "CMake Error in src/CMakeLists.txt:\n  Imported target \"R::R\" includes non-existent path",
            &["error src/CMakeLists.txt: Imported target \"R::R\" includes non-existent path"],
        );
    }

    #[test]
    fn without_place() {
        check(
            "CMake Error: The source directory \"/q\" does not exist.",
            &["error The source directory \"/q\" does not exist."],
        );
        check(
            "CMake Error: The following variables are used in this project, but they are set to NOTFOUND.\nPlease set them or make sure they are set and tested correctly in the CMake files:\nRING_LIB (ADVANCED)\n-- done",
            &[
                "error The following variables are used in this project, but they are set to NOTFOUND. Please set them or make sure they are set and tested correctly in the CMake files: RING_LIB (ADVANCED)",
            ],
        );
        check("-- Configuring incomplete, errors occurred!", &["error Configuring incomplete, errors occurred!"]);
    }

    #[test]
    fn near_misses() {
        for log in ["-- Found CMake Error handler", "CMake Errors", "CMake version 3.2", "See also \"x\""] {
            check(log, &[]);
        }
        testing::survives(
            || Box::<Cmake>::default(),
            "CMake Error at ä:1 (ü):\n  ‘ö’\nCall Stack (most recent call first):\n  é (\nCMake Error: ä:\nü",
        );
    }
}
