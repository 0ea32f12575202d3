//! The words of one compiler line: severity, option, program.

use crate::diagnostic::{Diagnostic, Flavor, Severity};
use crate::tools::parse;

/// What follows a location.
pub(super) enum Head<'a> {
    /// A message of its own.
    Message(Severity, &'a str),
    /// A note to the message before.
    Note(&'a str),
    /// Something else.
    None,
}

/// Severity words, English first, then those of gcc's translations.
const WORDS: &[(&str, Severity)] = &[
    ("error:", Severity::Error),
    ("warning:", Severity::Warning),
    ("note:", Severity::Note),
    ("fatal error:", Severity::Fatal),
    ("sorry, unimplemented:", Severity::Error),
    ("pedwarn:", Severity::Warning),
    ("permerror:", Severity::Error),
    ("remark:", Severity::Note),
    ("Fehler:", Severity::Error),
    ("Warnung:", Severity::Warning),
    ("Anmerkung:", Severity::Note),
    ("schwerwiegender Fehler:", Severity::Fatal),
    ("erreur:", Severity::Error),
    ("erreur fatale:", Severity::Fatal),
    ("attention:", Severity::Warning),
    ("aviso:", Severity::Warning),
    ("nota:", Severity::Note),
    ("エラー:", Severity::Error),
    ("致命的エラー:", Severity::Fatal),
    ("警告:", Severity::Warning),
    ("備考:", Severity::Note),
    ("错误:", Severity::Error),
    ("错误：", Severity::Error),
    ("致命错误:", Severity::Fatal),
    ("致命错误：", Severity::Fatal),
    ("警告：", Severity::Warning),
    ("附注:", Severity::Note),
    ("附注：", Severity::Note),
    ("錯誤:", Severity::Error),
    ("錯誤：", Severity::Error),
    ("ошибка:", Severity::Error),
    ("фатальная ошибка:", Severity::Fatal),
    ("предупреждение:", Severity::Warning),
    ("замечание:", Severity::Note),
    ("chyba:", Severity::Error),
    ("varování:", Severity::Warning),
    ("błąd:", Severity::Error),
    ("ostrzeżenie:", Severity::Warning),
    ("fel:", Severity::Error),
    ("varning:", Severity::Warning),
];

/// Reads the severity word after a location.
pub(super) fn located(rest: &str) -> Head<'_> {
    if let Some(message) = internal(rest) {
        return Head::Message(Severity::Fatal, message);
    }
    match word(rest) {
        Some((Severity::Note, text)) => Head::Note(text),
        Some((severity, text)) => Head::Message(severity, text),
        None => Head::None,
    }
}

fn word(rest: &str) -> Option<(Severity, &str)> {
    WORDS.iter().find_map(|(word, severity)| rest.strip_prefix(word).map(|text| (*severity, text.trim_start())))
}

/// Internal compiler errors keep their words: they are the message.
fn internal(rest: &str) -> Option<&str> {
    let rest = rest.strip_prefix("error: ").filter(|r| r.starts_with("internal compiler error")).unwrap_or(rest);
    (rest.starts_with("internal compiler error:")
        || rest.starts_with("interner Compiler-Fehler")
        || rest.starts_with("erreur interne du compilateur"))
    .then_some(rest)
}

/// The lines of a template or include backtrace that carry no severity.
pub(super) fn is_backtrace(rest: &str) -> bool {
    [
        "required from",
        "required by",
        "recursively required",
        "instantiated from",
        "in instantiation of",
        "in 'constexpr' expansion",
        "in ‘constexpr’ expansion",
    ]
    .iter()
    .any(|start| rest.trim_start().starts_with(start))
}

/// The option at a message's end.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct OptionSuffix {
    pub name: Option<String>,
    pub werror: bool,
    pub flavor: Option<Flavor>,
}

/// Takes ` [-Wfoo]`, ` [-Werror=foo]`, ` [-Werror,-Wfoo]`, ` [-Wfoo,category]` off a message's end.
///
/// gcc's trailing `=` (`-Wformat=`) and levels (`-Wimplicit-fallthrough=3`) are dropped, so that the name is the same for
/// both compilers.
pub(super) fn split_option(text: &str) -> (&str, OptionSuffix) {
    let none = (text, OptionSuffix::default());
    let trimmed = text.trim_end();
    let Some(body) = trimmed.strip_suffix(']') else { return none };
    let Some(open) = memchr::memrchr_iter(b'[', body.as_bytes()).find(|at| body[..*at].ends_with(' ')) else {
        return none;
    };
    let open = open - 1;
    let inside = &body[open + 2..];
    if !inside.starts_with('-') || inside.contains(' ') {
        return if inside == "enabled by default" { (&trimmed[..open], OptionSuffix::default()) } else { none };
    }
    let mut suffix = OptionSuffix::default();
    for part in inside.split(',') {
        if part == "-Werror" {
            suffix.werror = true;
            if inside.len() > part.len() {
                suffix.flavor = Some(Flavor::Llvm);
            }
        } else if let Some(name) = part.strip_prefix("-Werror=") {
            suffix.werror = true;
            suffix.flavor = Some(Flavor::Gnu);
            suffix.name = Some(format!("-W{}", plain(name)));
        } else if part.starts_with('-') && suffix.name.is_none() {
            suffix.name = Some(plain(part).to_owned());
        }
    }
    (&trimmed[..open], suffix)
}

fn plain(name: &str) -> &str {
    name.split('=').next().unwrap_or(name)
}

/// A message that a compiler program printed without a location.
pub(super) struct ProgramMessage<'a> {
    pub severity: Severity,
    pub rest: &'a str,
    pub flavor: Option<Flavor>,
}

/// The file of a message of LLVM's assembler or code generator that has no place (`SourceMgr`).
pub(super) const NOWHERE: &str = "<unknown>:0:";

/// What follows it: a column that means nothing, and the message.
fn nowhere(rest: &str) -> Option<(Severity, &str)> {
    word(rest.strip_prefix("0:").unwrap_or(rest).trim_start()).filter(|(severity, _)| *severity != Severity::Note)
}

/// `prog: severity: text`, where prog is a compiler by its name, or clang's bare driver errors.
pub(super) fn program_message(text: &str) -> Option<ProgramMessage<'_>> {
    if let Some((severity, rest)) = text.strip_prefix(NOWHERE).and_then(nowhere) {
        return Some(ProgramMessage { severity, rest, flavor: Some(Flavor::Llvm) });
    }
    if let Some(rest) = text.strip_prefix("error: ") {
        return BARE.iter().any(|start| rest.starts_with(start)).then_some(ProgramMessage {
            severity: Severity::Error,
            rest,
            flavor: Some(Flavor::Llvm),
        });
    }
    let at = parse::colon(text)?;
    let (program, rest) = (text.get(..at)?, text.get(at + 2..)?);
    let flavor = compiler(program)?;
    let rest = rest.trim_start();
    if let Some(message) = internal(rest) {
        return Some(ProgramMessage { severity: Severity::Fatal, rest: message, flavor });
    }
    let (severity, rest) = word(rest).or_else(|| old_driver(rest))?;
    (severity != Severity::Note && !rest.starts_with("linker command failed") && !rest.starts_with("ld returned"))
        .then_some(ProgramMessage { severity, rest, flavor })
}

/// gcc before 4.6 printed driver errors without a severity.
fn old_driver(rest: &str) -> Option<(Severity, &str)> {
    ["unrecognized option", "Internal error:", "installation problem", "error trying to exec"]
        .iter()
        .any(|start| rest.starts_with(start))
        .then_some((Severity::Error, rest))
}

/// How clang's cc1 begins errors that have neither location nor program.
const BARE: &[&str] = &[
    "unable to open output file",
    "unable to create target",
    "unable to execute command",
    "unable to make temporary file",
    "unable to handle compilation",
    "unknown target",
    "unknown argument",
    "unknown warning option",
    "unsupported option",
    "invalid value",
    "invalid target",
    "cannot specify",
    "no such file or directory: '",
    "error opening '",
    "error reading '",
    "PCH file",
    "file '",
];

/// The family of a compiler program; none when the name is no compiler's.
fn compiler(program: &str) -> Option<Option<Flavor>> {
    if program.len() > 256 || program.contains(['(', '"', '=']) {
        return None;
    }
    let name = program.rsplit(['/', '\\', ' ']).next()?;
    let name = name.strip_suffix(".exe").unwrap_or(name);
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.').trim_end_matches('-');
    let name = if name.contains("clang") { name } else { name.rsplit('-').next()? };
    match name {
        "cc1" | "cc1plus" | "cc1obj" | "gcc" | "g++" | "lto1" | "lto-wrapper" | "f951" | "gnat1" | "xgcc" | "xg++" => {
            Some(Some(Flavor::Gnu))
        }
        "cc" | "c++" | "cpp" | "wrapper" => Some(None),
        _ if name.ends_with("clang")
            || name.ends_with("clang++")
            || name.ends_with("clang-cpp")
            || name.ends_with("clang-cl") =>
        {
            Some(Some(Flavor::Llvm))
        }
        _ => None,
    }
}

/// What programs say to sum up: nothing of its own.
pub(super) fn is_summary(rest: &str) -> bool {
    rest.starts_with("all warnings being treated as errors")
        || rest.starts_with("some warnings being treated as errors")
        || rest.starts_with("warnings being treated as errors")
}

/// The number in `3 errors generated.` or `2 warnings and 1 error generated.`
pub(super) fn errors_generated(text: &str) -> Option<u64> {
    let body = text.strip_suffix(" generated.").or_else(|| text.strip_suffix(" generated when compiling for host."))?;
    let last = body.rsplit(" and ").next()?;
    let (number, what) = last.split_once(' ')?;
    let number: u64 = number.parse().ok()?;
    match what {
        "error" | "errors" => Some(number),
        "warning" | "warnings" => Some(0),
        _ => None,
    }
}

/// Files and messages that are the integrated assembler's, in clang's ordinary form.
pub(super) fn is_assembly(file: &str, diagnostic: &Diagnostic) -> bool {
    if file == "<instantiation>" || file == "<inline asm>" {
        return true;
    }
    if diagnostic.option.is_some()
        || diagnostic.severity == Severity::Fatal
        || !(file.ends_with(".S") || file.ends_with(".s") || file.ends_with(".asm"))
    {
        return false;
    }
    // The preprocessor's messages about an assembly file are the compiler's.
    ![
        "#",
        "unterminated",
        "macro",
        "missing binary operator",
        "function-like macro",
        "invalid token at start of a preprocessor",
    ]
    .iter()
    .any(|start| diagnostic.message.starts_with(start))
}
