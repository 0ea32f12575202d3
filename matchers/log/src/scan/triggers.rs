//! The literals that a log is searched for.

use crate::search::Search;

/// Literals, one of which the first line of every message has (make's directory lines too).
///
/// This list decides how fast a log without messages is read. The vectorised search takes 32
/// literals at its full speed, at half of it beyond, and looks at the first four bytes of each: so
/// they are few, none is shorter than four, and they begin where bytes are rare. What is printed
/// only together with a word of make's or of a driver's needs none: see `look_back` in the scanner.
/// Words of other languages are those of gcc's own translations.
///
/// The order is for speed too. Every eighth literal is in the same bucket of the search, and those
/// that begin alike are in one; a text is compared with a bucket's literals when each of its four
/// bytes could be of any of them. Neighbours in a bucket are such that this is rare in build logs:
/// it happens less than half as often as with the list in an order for people.
const TRIGGERS: &[&str] = &[
    "rror:",
    "RROR",
    "tiple definition",
    "Kconfig:",
    "エラー",
    "d reference to",
    "fatal:",
    "\"kind\": \"",
    "rror[",
    " [-W",
    "FAILED",
    "No such file",
    "erreur",
    "Traceback (most",
    "ld: ",
    "WARN: ",
    "rrors generated",
    "arning:",
    "() warn: ",
    "Could not resolve",
    "\"runs\":",
    "ошибка",
    "*** ",
    "CMake Error",
    "No space left",
    " not found",
    "错误",
    "Killed",
    "ory '",
    "k dump:",
    "RNING:",
    "Fehler:",
];

/// More literals, for the end of a log: what stops a machine or a script also ends the log. A log
/// that fits into one block is its own end, so a small one is searched for all of them.
const TAIL_TRIGGERS: &[&str] = &[
    // compilers, linkers, assemblers
    "Warning",
    "WARN",
    "FATAL",
    "internal compiler",
    "rror generated",
    "Assembler messages",
    "elocation ",
    ".lds:",
    "Undefined symbols",
    "chyba:",
    "błąd:",
    "fel:",
    "錯誤",
    "ld.lld",
    "ld.gold",
    "mold:",
    "undefined symbol",
    // build systems
    "ory `",
    "cipe for target",
    "inja: ",
    "ninja",
    "CMake ",
    "No package '",
    "missing on your",
    "make: ",
    "make[",
    "dependency dropped",
    "Kconfig",
    "Console input/output",
    "rror in reading",
    "BTF",
    "btf_",
    "libbpf",
    "kallsyms",
    "[us]{8",
    ".dtb: ",
    ": sparse: ",
    "warn: ",
    "userspace cannot",
    "panicked at",
    "rustc",
    "checksum",
    "hash mismatch",
    "not found in modules",
    // scripts and shells
    "annot ",
    "an't ",
    "sed: ",
    "awk: ",
    ".pl line",
    "ermission denied",
    "yntax error",
    "unexpected",
    "rgument list",
    "xec format",
    "ext file busy",
    "ln: ",
    "tar: ",
    "xz: ",
    "gzip: ",
    "failed",
    // machines and services
    "Terminated",
    "Illegal instruction",
    "Segmentation fault",
    "Bus error",
    "Aborted",
    "core dumped",
    "Hangup",
    "oom-kill",
    "of memory",
    "emory exhausted",
    "Disk quota",
    "Read-only file",
    "Stale ",
    "Too many open",
    "unavailable",
    "Input/output error",
    "name resolution",
    "imed out",
    "time out",
    "timeout",
    "curl: ",
    "E: ",
    "wget: ",
    "##[error]",
    "The job ",
    "runner",
    "anceled",
    "ancelled",
    "Connection",
    "resolve host",
    "ertificate",
];

/// The search for [`TRIGGERS`].
pub(super) fn search() -> Search {
    Search::of(TRIGGERS)
}

/// The search for the end of a log: all literals.
pub(super) fn tail() -> Search {
    Search::many(TRIGGERS.iter().chain(TAIL_TRIGGERS))
}

#[cfg(test)]
mod tests {
    use super::TRIGGERS;

    #[test]
    fn the_search_keeps_to_its_fast_form() {
        assert!(TRIGGERS.len() <= 32, "{} literals", TRIGGERS.len());
        assert!(TRIGGERS.iter().all(|literal| literal.len() >= 4));
    }
}
