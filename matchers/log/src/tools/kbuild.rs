//! Scripts and small programs of the kernel's own build: kallsyms, header checks, tool checks,
//! depmod, recordmcount, signing, module names.
//!
//! ```text
//! Inconsistent kallsyms data
//! ./usr/include/linux/q.h:12: found __[us]{8,16,32,64} type without #include <linux/types.h>
//! ERROR: Kernel configuration is invalid.
//! ***
//! *** C compiler is too old.
//! ***   Your GCC version:    4.9.4
//! depmod: ERROR: Cycle detected: a -> b -> a
//! ```
//!
//! Sources: scripts/ of the kernel (link-vmlinux.sh, kallsyms.c, cc-version.sh, rust_is_available.sh,
//! modules-check.sh, headers_install.sh, recordmcount.c, sign-file.c), usr/include/headers_check.pl,
//! kmod's tools/depmod.c.

use super::parse;
use super::{Sink, ToolReader};
use crate::diagnostic::{Diagnostic, Location, Note, Severity, Tool};
use crate::line::Line;
use crate::text::split_location;

/// How statements without a severity word begin.
const STARTS: &[&str] = &[
    "Inconsistent kallsyms data",
    "kallsyms failure: ",
    "Cannot find symbol for section ",
    "Cannot use CONFIG_",
    "Failed to sort kernel tables",
    "Invalid absolute R_",
    "error, forbidden warning: ",
    "error, forbidden warning:",
    "sorttable: ",
    "insn_decoder_test: ",
    "FIPS 140",
    "Kernel image bigger than",
];

/// What stands after `error: `, `ERROR: ` and `Error: ` and is a script's of the kernel.
const ERRORS: &[&str] = &[
    "Kernel configuration is invalid",
    "the following would cause module name conflict:",
    "kernelrelease not valid",
    "include/uapi/",
    "start_text address is ",
    "CONFIG_",
    "Cannot generate ",
    "modinst:",
    "INSTALL_",
    "gelf.h not present",
    "no symbols found in",
];

/// What stands after `WARNING: ` or `warning: `.
const WARNINGS: &[&str] = &[
    "Symbol version dump ",
    "vmlinux.o is missing",
    "the compiler differs from the one used to build the kernel",
    "missing symbol table",
    "$(",
    "'make ",
];

/// What stands after `*** ` at the start of a line (make's own stars have its name in front).
const STARS: &[&str] = &[
    "is too old",
    "could not be found",
    "is not clean, please run",
    "unknown C compiler",
    "unknown compiler",
    "unknown assembler",
    "unknown linker",
    "Compiler lacks ",
    "cannot be found",
    "ERROR: Kernel configuration is invalid",
    "Please install ",
    "does not point to the right place",
    "should be installed",
    "did not return an expected output",
    "requires at least",
    "command not found",
    "Source tree contains spaces",
    "main directory cannot contain spaces",
];

/// What headers_check says of a line of an exported header.
const HEADERS: &[&str] = &[
    "found __[us]{8,16,32,64} type without",
    "userspace cannot reference function",
    "extern's make no sense in userspace",
    "included file '",
    "leaks CONFIG_",
    "asm-generic/",
];

/// The reader of the build scripts' messages.
#[derive(Debug, Default)]
pub struct Kbuild {
    /// Number of the next line that may go on with the statement that is open.
    more: u64,
    stars: bool,
}

impl ToolReader for Kbuild {
    fn line(&mut self, line: &Line<'_>, sink: &mut Sink) -> bool {
        let text = line.text.trim_end();
        if self.more == line.number && self.goes_on(line, sink, text) {
            return true;
        }
        let trimmed = text.trim_start();
        match trimmed.as_bytes().first() {
            Some(b'*') => return self.stars(line, sink, trimmed),
            Some(b's' | b'e' | b'.' | b'/')
                if trimmed.contains("sign-file: ") || trimmed.contains("extract-cert: ") =>
            {
                return signing(line, sink, trimmed);
            }
            Some(b'E' | b'W' | b'e' | b'w') => {
                if let (Some(severity), rest) = parse::severity(trimmed) {
                    let known = if severity == Severity::Warning { WARNINGS } else { ERRORS };
                    let leak = rest.contains(": leak CONFIG_");
                    if leak || known.iter().any(|start| rest.starts_with(start) && (*start != "include/uapi/" || leak))
                    {
                        self.open(line, sink, severity, None, rest);
                        return true;
                    }
                    return false;
                }
            }
            Some(b'd') => return depmod(line, sink, trimmed),
            _ => {}
        }
        if trimmed.starts_with("Try make KALLSYMS_EXTRA_PASS=1") {
            return true;
        }
        if STARTS.iter().any(|start| trimmed.starts_with(start)) {
            let place = trimmed.strip_prefix("error, forbidden warning:").and_then(|rest| forbidden(rest.trim()));
            self.open(line, sink, Severity::Error, place, trimmed);
            return true;
        }
        if let Some(prefix) = split_location(trimmed)
            && prefix.column.is_none()
            && HEADERS.iter().any(|start| prefix.rest.starts_with(start))
        {
            let place = Location::new(prefix.file, Some(prefix.line), None);
            self.open(line, sink, Severity::Error, Some(place), prefix.rest);
            return true;
        }
        false
    }
}

impl Kbuild {
    fn open(&mut self, line: &Line<'_>, sink: &mut Sink, severity: Severity, location: Option<Location>, text: &str) {
        let mut diagnostic = Diagnostic::new(Tool::Kbuild, severity, parse::message(text));
        diagnostic.location = location;
        sink.open(line, diagnostic);
        self.more = line.number + 1;
        self.stars = false;
    }

    /// `*** C compiler is too old.` and the starred lines around it.
    fn stars(&mut self, line: &Line<'_>, sink: &mut Sink, text: &str) -> bool {
        let Some(rest) = text.strip_prefix("***") else { return false };
        let rest = rest.trim();
        if rest.is_empty() {
            return false;
        }
        if !STARS.iter().any(|words| rest.contains(words)) || rest.starts_with('[') || rest.ends_with("***") {
            return false;
        }
        let rest = parse::severity(rest).1;
        self.open(line, sink, Severity::Error, None, rest);
        self.stars = true;
        true
    }

    /// Starred or indented lines below a statement are its notes.
    fn goes_on(&mut self, line: &Line<'_>, sink: &mut Sink, text: &str) -> bool {
        let rest = if self.stars {
            match text.trim_start().strip_prefix("***") {
                Some(rest) => rest,
                None => return false,
            }
        } else if text.starts_with("   ")
            || text.starts_with("  ") && (text.contains(": ") || text.contains(".ko")) && !is_quiet_command(text)
        {
            text
        } else {
            return false;
        };
        let Some(open) = sink.last(line, Tool::Kbuild) else { return false };
        self.more = line.number + 1;
        let note = parse::message(rest);
        if !note.is_empty() && open.notes.len() < 16 {
            open.notes.push(Note { location: None, message: note });
        }
        true
    }
}

/// `  CC      a.o`: what make prints for a command.
fn is_quiet_command(text: &str) -> bool {
    text.strip_prefix("  ").is_some_and(|text| text.bytes().take_while(u8::is_ascii_uppercase).count() >= 2)
}

/// `depmod: ERROR: text`, `depmod: WARNING: text`.
fn depmod(line: &Line<'_>, sink: &mut Sink, text: &str) -> bool {
    let Some(rest) = text.strip_prefix("depmod: ") else { return false };
    let (severity, rest) = parse::severity(rest);
    let Some(severity) = severity else { return false };
    sink.open(line, Diagnostic::new(Tool::Kbuild, severity, parse::message(rest)));
    true
}

/// `sign-file: certs/signing_key.pem: No such file or directory`, also with a path in front.
fn signing(line: &Line<'_>, sink: &mut Sink, text: &str) -> bool {
    let Some((name, rest)) = parse::program(text) else { return false };
    if !matches!(name, "sign-file" | "extract-cert") || rest.is_empty() {
        return false;
    }
    sink.open(line, Diagnostic::new(Tool::Kbuild, Severity::Error, format!("{name}: {}", parse::message(rest))));
    true
}

/// `a.c:12` at the end of `error, forbidden warning: a.c:12`.
fn forbidden(rest: &str) -> Option<Location> {
    let (file, number) = rest.rsplit_once(':')?;
    Some(Location::new(file, Some(number.parse().ok()?), None))
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[track_caller]
    fn check(log: &str, expect: &[&str]) {
        testing::check(&mut Kbuild::default(), log, expect);
    }

    #[test]
    fn kallsyms_and_headers() {
        check(
            "Inconsistent kallsyms data\nTry make KALLSYMS_EXTRA_PASS=1 as a workaround",
            &["error Inconsistent kallsyms data"],
        );
        check(
            "kallsyms failure: absolute symbol value 0xffff out of range in relative mode",
            &["error kallsyms failure: absolute symbol value 0xffff out of range in relative mode"],
        );
        check(
            "./usr/include/linux/q.h:12: found __[us]{8,16,32,64} type without #include <linux/types.h>",
            &["error ./usr/include/linux/q.h:12: found __[us]{8,16,32,64} type without #include <linux/types.h>"],
        );
        check(
            "error: include/uapi/linux/q.h: leak CONFIG_Q to user-space",
            &["error include/uapi/linux/q.h: leak CONFIG_Q to user-space"],
        );
        check("error, forbidden warning: q.c:12", &["error q.c:12: error, forbidden warning: q.c:12"]);
        check(
            "Cannot find symbol for section 8: .text.unlikely.",
            &["error Cannot find symbol for section 8: .text.unlikely."],
        );
    }

    #[test]
    fn configuration_and_tools() {
        check(
            "  ERROR: Kernel configuration is invalid.\n         include/generated/autoconf.h or include/config/auto.conf are missing.\n         Run 'make oldconfig && make prepare' on kernel src to fix it.",
            &[
                "error Kernel configuration is invalid. | include/generated/autoconf.h or include/config/auto.conf are missing. | Run 'make oldconfig && make prepare' on kernel src to fix it.",
            ],
        );
        check(
            "***\n*** C compiler is too old.\n***   Your GCC version:    4.9.4\n***   Minimum GCC version: 5.1.0\n***",
            &["error C compiler is too old. | Your GCC version:    4.9.4 | Minimum GCC version: 5.1.0"],
        );
        check(
            "***\n*** The source tree is not clean, please run 'make mrproper'\n*** in /q/linux\n***",
            &["error The source tree is not clean, please run 'make mrproper' | in /q/linux"],
        );
        check(
            "WARNING: Symbol version dump \"Module.symvers\" is missing.\n         Modules may not have dependencies or modversions.",
            &[
                "warning Symbol version dump \"Module.symvers\" is missing. | Modules may not have dependencies or modversions.",
            ],
        );
    }

    #[test]
    fn modules() {
        check(
            "depmod: ERROR: Cycle detected: a -> b -> a\ndepmod: WARNING: could not open modules.builtin",
            &["error Cycle detected: a -> b -> a", "warning could not open modules.builtin"],
        );
        check(
            "error: the following would cause module name conflict:\n  drivers/a/q.ko\n  drivers/b/q.ko",
            &["error the following would cause module name conflict: | drivers/a/q.ko | drivers/b/q.ko"],
        );
        check(
            "sign-file: certs/signing_key.pem: No such file or directory",
            &["error sign-file: certs/signing_key.pem: No such file or directory"],
        );
    }

    #[test]
    fn near_misses() {
        for log in [
            "*** BUILD OK ***",
            "*** [q.o] Error code 1",
            "***",
            "  KSYMS   .tmp_vmlinux.kallsyms1.S",
            "fs/error: handling.o",
            "depmod: loading",
            "error: something else",
            "  CC      error.o",
            "include/uapi/linux/q.h:3: x",
            "error: include/uapi/linux/q.h: y",
        ] {
            check(log, &[]);
        }
    }

    #[test]
    fn never_panics() {
        testing::survives(
            || Box::<Kbuild>::default(),
            "*** ä is too old\n*** ‘ü’\nerror, forbidden warning: ä:1\nsign-file: ö\ndepmod: ERROR: é\nERROR: Kernel configuration is invalid\n   ä",
        );
    }
}
