//! sparse, the semantic checker that the kernel runs with `make C=1`.
//!
//! Its lines look like a compiler's (`file:line:column: warning: text`), so it is known by what it
//! says. Types follow on lines that repeat the place: `a.c:33:24:    void [noderef] __rcu *`.
//! Mailed reports of test robots write `a.c:3:4: sparse: sparse: text`.
//!
//! Source: evaluate.c, parse.c, expand.c, symbol.c and the checkers in sparse's repository.

use std::sync::LazyLock;

use super::parse;
use super::{Sink, ToolReader};
use crate::diagnostic::{Diagnostic, Location, Note, Severity, Tool};
use crate::line::Line;
use crate::search::Search;
use crate::text::split_location;

/// How messages of sparse begin, as far as no compiler begins one so: in the order of their bytes, none the
/// start of another, so that they can be looked up.
const STARTS: &[&str] = &[
    "Expected ",
    "Initializer entry defined twice",
    "Trying to use reserved word ",
    "Unrecognized branch",
    "Using plain integer as NULL pointer",
    "Variable length array is used",
    "address-of operator returns void",
    "advancing past deep designator",
    "arithmetics on pointers to functions",
    "attribute '",
    "bad assignment (",
    "bad constant expression",
    "bad integer constant expression",
    "call with no type",
    "cannot dereference this type",
    "cannot size expression",
    "cast adds address space",
    "cast between address spaces",
    "cast from restricted ",
    "cast from unknown type",
    "cast removes address space",
    "cast to restricted ",
    "cast truncates bits from constant value",
    "context imbalance in ",
    "context problem in ",
    "conversion of",
    "copy_from_user with byte count of",
    "copy_to_user with byte count of",
    "crazy programmer",
    "dereference of noderef expression",
    "directive in macro's argument list",
    "dropping constant",
    "dubious bitfield",
    "dubious one-bit signed bitfield",
    "dubious: ",
    "expression using sizeof",
    "function with external linkage has definition",
    "incompatible types for operation",
    "incompatible types in ",
    "incorrect type in ",
    "invalid access below ",
    "invalid access past the end of ",
    "invalid assignment: ",
    "marked inline, but without a definition",
    "memcpy with byte count of",
    "memset with byte count of",
    "mixing different enum types",
    "multiple address spaces given",
    "no generic selection for ",
    "no member '",
    "non size-preserving ",
    "non-ANSI definition of function",
    "non-ANSI function ",
    "not addressable",
    "obsolete array initializer",
    "obsolete struct initializer",
    "preprocessor token ",
    "shift by bigger than operand's width",
    "shift too big (",
    "subtraction of functions",
    "symbol-level attribute",
    "too long token expansion",
    "trying to concatenate",
    "trying to copy expression type",
    "typename in expression",
    "unable to open '",
    "undefined identifier ",
    "unexpected unlock in ",
    "unknown escape sequence: '\\%'",
    "unreplaced symbol ",
    "using member ",
    "wrong count at exit in ",
];

/// What stands somewhere in a message of sparse and in no compiler's.
const INSIDE: &[&str] = &[
    "was not declared. Should it be static?",
    " degrades to integer",
    "(different address spaces)",
    "(different base types)",
    "(different modifiers)",
    "with external linkage has definition",
    "redeclared with different type (",
    "marked inline, but without a definition",
    " is so big it is ",
    ": unknown attribute",
];

/// True for the text of a message (severity word taken off) that sparse prints and no compiler.
pub fn is_sparse_wording(message: &str) -> bool {
    if message.starts_with("got ") {
        // The second line of `Expected ; at end of declaration`.
        return !message.contains('\'') && message.len() < 80;
    }
    // Nothing stands between a start and the texts that begin with it.
    let after = STARTS.partition_point(|start| *start <= message);
    let Some(first) = after.checked_sub(1).and_then(|at| STARTS.get(at)).filter(|start| message.starts_with(**start))
    else {
        return INSIDE_SEARCH.is_in(message);
    };
    match *first {
        // clang: `incompatible types in initialization …`, icc; sparse has one of three words here.
        "incompatible types in " => message.contains("(different ") || message.starts_with("incompatible types in c"),
        "Expected " => {
            [" at end of ", " in ", " after ", " or ", " expression"].iter().any(|part| message.contains(part))
        }
        "using member " => message.contains("incomplete"),
        "attribute '" => message.ends_with("unknown attribute"),
        "preprocessor token " => message.ends_with("redefined"),
        "no member '" => message.contains("' in "),
        "conversion of" => message.contains("enum"),
        _ => true,
    }
}

/// [`INSIDE`], to be found in one pass.
static INSIDE_SEARCH: LazyLock<Search> = LazyLock::new(|| Search::of(INSIDE));

/// The reader of sparse's messages.
#[derive(Debug, Default)]
pub struct Sparse {
    /// True once a `  CHECK   file` line was seen.
    checking: bool,
}

impl ToolReader for Sparse {
    fn line(&mut self, line: &Line<'_>, sink: &mut Sink) -> bool {
        let text = line.text;
        if text.starts_with("  CHECK ") {
            self.checking = true;
            return false;
        }
        let Some(prefix) = split_location(text) else { return false };
        if prefix.column.is_none() {
            return false;
        }
        let (severity, rest) = parse::severity(prefix.rest);
        let location = Location::new(prefix.file, Some(prefix.line), prefix.column);
        if let Some(rest) = rest.strip_prefix("sparse: ") {
            let rest = rest.strip_prefix("sparse: ").unwrap_or(rest);
            let (inner, rest) = parse::severity(rest);
            let rest = rest.split(" @@").next().unwrap_or(rest);
            self.open(line, sink, inner.or(severity).unwrap_or(Severity::Warning), location, rest);
            return true;
        }
        match severity {
            Some(severity @ (Severity::Error | Severity::Warning)) if is_sparse_wording(rest) => {
                if rest.starts_with("got ")
                    && let Some(last) =
                        sink.find(line, |d| d.tool == Tool::Sparse && d.message.starts_with("Expected "))
                {
                    last.notes.push(Note { location: None, message: parse::message(rest) });
                } else {
                    self.open(line, sink, severity, location, rest);
                }
                true
            }
            None => self.type_line(line, sink, &location, prefix.rest),
            _ => false,
        }
    }
}

impl Sparse {
    fn open(&mut self, line: &Line<'_>, sink: &mut Sink, severity: Severity, location: Location, text: &str) {
        let mut diagnostic = Diagnostic::new(Tool::Sparse, severity, parse::message(text));
        diagnostic.location = Some(location);
        sink.open(line, diagnostic);
    }

    /// `a.c:33:24:    void *`: at least two blanks after the place, and a message open there.
    fn type_line(&mut self, line: &Line<'_>, sink: &mut Sink, location: &Location, rest: &str) -> bool {
        let head = line.text.len() - rest.len();
        if rest.is_empty() || !line.text.get(..head).is_some_and(|head| head.ends_with("  ")) {
            return false;
        }
        let found = sink.find(line, |d| {
            d.tool == Tool::Sparse
                && d.location.as_ref().is_some_and(|l| l.file == location.file && l.line == location.line)
        });
        let found = match found {
            Some(found) => Some(found),
            // `also defined here` points elsewhere.
            None if rest.starts_with("also defined here") || rest.starts_with("the previous ") => {
                sink.last(line, Tool::Sparse)
            }
            None => None,
        };
        let Some(found) = found else { return self.checking && rest.starts_with("expected ") };
        if found.notes.len() < 32 {
            found.notes.push(Note { location: Some(location.clone()), message: parse::message(rest) });
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[track_caller]
    fn check(log: &str, expect: &[&str]) {
        testing::check(&mut Sparse::default(), log, expect);
    }

    #[test]
    fn starts_can_be_looked_up() {
        for pair in STARTS.windows(2) {
            assert!(pair[0] < pair[1] && !pair[1].starts_with(pair[0]), "{pair:?}");
        }
    }

    #[test]
    fn types_follow_as_notes() {
        check(
            "  CHECK   net/core/ring.c\nnet/core/ring.c:33:24: error: incompatible types in comparison expression (different address spaces):\nnet/core/ring.c:33:24:    void [noderef] __rcu *\nnet/core/ring.c:33:24:    void *",
            &[
                "error net/core/ring.c:33:24: incompatible types in comparison expression (different address spaces): | net/core/ring.c:33:24: void [noderef] __rcu * | net/core/ring.c:33:24: void *",
            ],
        );
        check(
            "lib/q.c:9:17: warning: incorrect type in argument 1 (different base types)\nlib/q.c:9:17:    expected unsigned int\nlib/q.c:9:17:    got restricted __le32 [usertype] v",
            &[
                "warning lib/q.c:9:17: incorrect type in argument 1 (different base types) | lib/q.c:9:17: expected unsigned int | lib/q.c:9:17: got restricted __le32 [usertype] v",
            ],
        );
    }

    #[test]
    fn known_wordings() {
        check(
            "a.c:3:1: warning: symbol 'ring_ops' was not declared. Should it be static?\na.c:4:9: warning: context imbalance in 'ring_lock' - wrong count at exit\na.c:5:9: warning: cast to restricted __le32\na.c:6:9: warning: restricted __be16 degrades to integer\na.c:7:1: warning: Using plain integer as NULL pointer",
            &[
                "warning a.c:3:1: symbol 'ring_ops' was not declared. Should it be static?",
                "warning a.c:4:9: context imbalance in 'ring_lock' - wrong count at exit",
                "warning a.c:5:9: cast to restricted __le32",
                "warning a.c:6:9: restricted __be16 degrades to integer",
                "warning a.c:7:1: Using plain integer as NULL pointer",
            ],
        );
    }

    #[test]
    fn robot_mail() {
        check(
            "a.c:3:4: sparse: sparse: incorrect type in argument 2 (different address spaces) @@     expected void *from @@     got void __user * @@",
            &["warning a.c:3:4: incorrect type in argument 2 (different address spaces)"],
        );
    }

    #[test]
    fn expected_and_got() {
        check(
            "a.c:3:4: error: Expected ; at end of declaration\na.c:3:4: error: got ring",
            &["error a.c:3:4: Expected ; at end of declaration | got ring"],
        );
    }

    #[test]
    fn a_compiler_is_left_alone() {
        for message in [
            "incompatible types when assigning to type 'int' from type 'struct s'",
            "expected ';' before '}' token",
            "incompatible types in initialization",
            "implicit declaration of function 'f'",
            "unused variable 'x'",
            "'x' undeclared (first use in this function)",
            "no member named 'x' in 'struct s'",
            "attribute 'noreturn' ignored",
            "initialization of 'int' from 'char *' makes integer from pointer without a cast",
        ] {
            assert!(!is_sparse_wording(message), "{message}");
            check(&format!("a.c:1:2: error: {message}"), &[]);
        }
        check("a.c:1:2:    3 | int x", &[]);
    }
}
