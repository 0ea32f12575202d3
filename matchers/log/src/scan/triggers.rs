//! The literals that a log is searched for, and the search.

/// Literals, one of which the first line of every message has (make's directory lines too).
///
/// This list decides how fast a log without messages is read. The vectorised search takes 32
/// literals at its full speed, at half of it beyond, and looks at the first four bytes of each: so
/// they are few, none is shorter than four, and they begin where bytes are rare. What is printed
/// only together with a word of make's or of a driver's needs none: see `look_back` in the scanner.
/// Words of other languages are those of gcc's own translations.
const TRIGGERS: &[&str] = &[
    // compilers, linkers, assemblers and most tools
    "rror:",
    "RROR",
    "rror[",
    "arning:",
    "WARN: ",
    "RNING:",
    "fatal:",
    "FAILED",
    " [-W",
    "rrors generated",
    "k dump:",
    "Fehler:",
    "erreur",
    "エラー",
    "错误",
    "ошибка",
    "\"kind\": \"",
    "\"runs\":",
    "d reference to",
    "tiple definition",
    "ld: ",
    "Kconfig:",
    "CMake Error",
    // make, shells, the machine
    "*** ",
    "ory '",
    " not found",
    "No such file",
    "Traceback (most",
    "Killed",
    "No space left",
    "Could not resolve",
    "() warn: ",
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

/// The vectorised search, with the automaton as its stand-in where the processor has no vectors.
#[derive(Debug)]
pub(super) enum Search {
    Packed(aho_corasick::packed::Searcher),
    Automaton(aho_corasick::AhoCorasick),
}

impl Search {
    pub(super) fn new() -> Self {
        Self::of(TRIGGERS)
    }

    /// The search for a short list of literals.
    pub(super) fn of(literals: &[&str]) -> Self {
        match aho_corasick::packed::Config::new().builder().extend(literals).build() {
            Some(packed) => Self::Packed(packed),
            None => Self::Automaton(
                aho_corasick::AhoCorasick::new(literals).expect("a fixed list of short literals always compiles"),
            ),
        }
    }

    /// The search for the end of a log: all literals.
    pub(super) fn tail() -> Self {
        let all = TRIGGERS.iter().chain(TAIL_TRIGGERS);
        Self::Automaton(aho_corasick::AhoCorasick::new(all).expect("a fixed list of short literals always compiles"))
    }

    /// Offset of the next literal at or after `from`.
    pub(super) fn find(&self, haystack: &[u8], from: usize) -> Option<usize> {
        if from >= haystack.len() {
            return None;
        }
        let found = match self {
            Self::Packed(packed) => {
                packed.find_in(haystack, aho_corasick::Span { start: from, end: haystack.len() })?
            }
            Self::Automaton(automaton) => automaton.find(aho_corasick::Input::new(haystack).range(from..))?,
        };
        Some(found.start())
    }
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
