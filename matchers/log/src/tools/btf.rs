//! BTF, the type information for BPF: pahole, resolve_btfids, libbpf and the script that links
//! vmlinux.
//!
//! ```text
//! WARN: multiple IDs found for 'inode': 123, 456 - using 123
//! FAILED unresolved symbol bpf_ring_get
//! BTF: .tmp_vmlinux1: pahole (pahole) is not available
//! ```
//!
//! Sources: tools/bpf/resolve_btfids/main.c, scripts/link-vmlinux.sh, tools/lib/bpf, pahole's
//! btf_encoder.c.

use super::parse;
use super::{Sink, ToolReader};
use crate::diagnostic::{Diagnostic, Severity, Tool};
use crate::line::Line;

/// What stands after `FAILED`.
const FAILED: &[&str] = &["unresolved symbol ", "load BTF from", "elf_update", "to ", "cannot ", "unexpected "];

/// The reader of messages about BTF.
#[derive(Debug, Default)]
pub struct Btf;

impl ToolReader for Btf {
    fn line(&mut self, line: &Line<'_>, sink: &mut Sink) -> bool {
        let text = line.text.trim();
        let Some((severity, message)) = message(text) else { return false };
        let message = parse::message(message);
        if text.starts_with("BTF: ") && message.contains("Try to disable ") {
            return true;
        }
        sink.open(line, Diagnostic::new(Tool::Btf, severity, message));
        true
    }
}

fn message(text: &str) -> Option<(Severity, &str)> {
    match text.as_bytes().first()? {
        b'F' => {
            if let Some(rest) = text.strip_prefix("FAILED") {
                let rest = rest.trim_start_matches([':', ' ']);
                let own = FAILED.iter().take(3).any(|start| rest.starts_with(start)) || rest.contains("BTF");
                return own.then_some((Severity::Error, rest));
            }
            (text.starts_with("Failed to ") && text.contains("BTF")).then_some((Severity::Error, text))
        }
        b'W' | b'E' => {
            let (severity, rest) = parse::severity(text);
            if let Some(severity) = severity
                && let Some(rest) = rest.strip_prefix("resolve_btfids: ")
            {
                return Some((severity, rest));
            }
            if severity == Some(Severity::Warning)
                && text.starts_with("WARN: ")
                && (rest.starts_with("multiple IDs found for ") || rest.starts_with("unresolved symbol "))
            {
                return Some((Severity::Warning, rest));
            }
            if let Some(rest) = text.strip_prefix("Error: ")
                && rest.contains(" BTF ")
                && rest.starts_with("failed to ")
            {
                return Some((Severity::Error, rest));
            }
            (text.starts_with("Encountered error while encoding BTF") || text.starts_with("Error emitting BTF"))
                .then_some((Severity::Error, text))
        }
        b'B' => {
            let bad =
                ["is not available", "is too old", "ailed", "rror", "nvalid"].iter().any(|part| text.contains(part));
            (text.starts_with("BTF: ") && bad).then_some((Severity::Error, text))
        }
        b'l' => {
            let bad = ["ailed", "rror", "can't", "corrupted", "nsupported", "nvalid", "not found"]
                .iter()
                .any(|part| text.contains(part));
            (text.starts_with("libbpf: ") && bad).then_some((Severity::Error, text))
        }
        b'[' => (text.contains("Error emitting BTF type")).then_some((Severity::Error, text)),
        b'b' => (text.starts_with("btf_encoder__")
            && (text.contains("ailed") || text.contains("rror") || text.contains("nvalid")))
        .then_some((Severity::Error, text)),
        b'p' => {
            let rest = text.strip_prefix("pahole: ")?;
            let bad = ["ailed", "rror", "nvalid", "No such", "not found", "unrecognized", "couldn't"]
                .iter()
                .any(|part| rest.contains(part));
            bad.then_some((Severity::Error, text))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[track_caller]
    fn check(log: &str, expect: &[&str]) {
        testing::check(&mut Btf, log, expect);
    }

    #[test]
    fn resolve_btfids() {
        check(
            "WARN: multiple IDs found for 'ring': 12, 45 - using 12\nFAILED unresolved symbol bpf_ring_get",
            &["warning multiple IDs found for 'ring': 12, 45 - using 12", "error unresolved symbol bpf_ring_get"],
        );
        check("WARN: resolve_btfids: unresolved symbol bpf_ring_get", &["warning unresolved symbol bpf_ring_get"]);
        check(
            "FAILED: load BTF from vmlinux: No such file or directory",
            &["error load BTF from vmlinux: No such file or directory"],
        );
    }

    #[test]
    fn pahole_and_libbpf() {
        check(
            "BTF: .tmp_vmlinux.btf: pahole (pahole) is not available\nFailed to generate BTF for vmlinux\nTry to disable CONFIG_DEBUG_INFO_BTF",
            &[
                "error BTF: .tmp_vmlinux.btf: pahole (pahole) is not available",
                "error Failed to generate BTF for vmlinux",
            ],
        );
        check(
            "libbpf: failed to find '.BTF' ELF section in vmlinux",
            &["error libbpf: failed to find '.BTF' ELF section in vmlinux"],
        );
        check("Encountered error while encoding BTF.", &["error Encountered error while encoding BTF."]);
        check("Failed to encode BTF", &["error Failed to encode BTF"]);
    }

    #[test]
    fn near_misses() {
        for log in [
            "FAILED: lib/q.o ",
            "FAILED (failures=1)",
            "FAILED tests/q.py::test_a",
            "  BTF     .btf.vmlinux.bin.o",
            "  BTFIDS  vmlinux",
            "libbpf: loaded q.o",
            "WARN: x",
            "[ FAILED ] BTF",
            "Failed to open q",
        ] {
            check(log, &[]);
        }
    }

    #[test]
    fn never_panics() {
        testing::survives(|| Box::new(Btf), "FAILED ä\nFAILED: load BTF from ü\nlibbpf: ‘failed’ ä\nBTF: ö is too old");
    }
}
