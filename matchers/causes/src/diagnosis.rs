//! What a cause comes from, as far as the log tells: the step from symptom to diagnosis.
//!
//! Only what follows from the messages themselves; with a source tree at hand more can be said.

use triage_log::diagnostic::Diagnostic;

use crate::cascade::is_missing_name;
use crate::group::Group;
use crate::headers;
use crate::packages;
use crate::place;

/// The diagnosis of a cause whose leading finding is `lead` and which joins `all`.
pub(crate) fn of(lead: &Group, all: &[&Group]) -> Option<&'static str> {
    let name = match lead.class.as_str() {
        class if is_missing_name(class) => return Some(missing_name(lead, all)),
        "header-not-found" => header(lead),
        "command-not-found" => "missing-host-tool",
        "multiple-definition" => {
            if all.iter().filter_map(|g| g.symbol.as_deref()).any(is_attribute_macro) {
                "attr-macro-undefined"
            } else {
                "multiple-definition"
            }
        }
        // `#error "include config.h first"`
        "preprocessor" if asks_for_header(&lead.first.message) => "missing-include",
        "no-member" => "member-typo",
        "argument-count" => "wrong-arg-count",
        "incompatible-pointer" | "int-conversion" | "type-mismatch" => "incompatible-type",
        "format" => "format-mismatch",
        "unused" if lead.first.option.as_deref() == Some("-Wunused-function") => "unused-function",
        "unused" => "unused-variable",
        "no-rule-to-make-target" => "make-no-rule",
        "syntax-error" => "syntax-error",
        "missing-return" => "missing-return",
        "fallthrough" => "fallthrough",
        "uninitialized" => "uninitialized",
        "missing-prototype" => "missing-prototype",
        "ignored-attribute" => "ignored-attribute",
        "implicit-int" => "implicit-int",
        "undefined-reference" => "undefined-reference",
        "modpost-undefined" => "modpost-undefined",
        "modpost-license" => "modpost-license",
        "kconfig-syntax" => "kconfig-syntax",
        "devicetree-error" => "devicetree-error",
        "assembler-error" => "assembler-error",
        _ => return None,
    };
    Some(name)
}

fn asks_for_header(message: &str) -> bool {
    message.starts_with("#error") && message.contains(".h") && message.to_ascii_lowercase().contains("include")
}

/// A name that is not declared: its header is missing, or it is misspelt.
fn missing_name(lead: &Group, all: &[&Group]) -> &'static str {
    let symbols: Vec<&str> = all.iter().filter_map(|g| g.symbol.as_deref()).collect();
    let alone = symbols.iter().all(|s| Some(*s) == lead.symbol.as_deref());
    if alone
        && let (Some(symbol), Some(guess)) = (lead.symbol.as_deref(), guess(&lead.first))
        && headers::standard(symbol).is_none()
        && is_slip(symbol, &guess)
    {
        return "identifier-typo";
    }
    let files: std::collections::BTreeSet<&str> = all.iter().filter_map(|g| g.file()).collect();
    if files.len() > 1 || lead.file().is_some_and(place::is_header) {
        "missing-include-cascade"
    } else {
        "missing-include"
    }
}

fn header(lead: &Group) -> &'static str {
    match lead.symbol.as_deref().and_then(packages::header) {
        Some(_) => "missing-host-header",
        None => "header-not-found",
    }
}

/// The name that the compiler guessed: `did you mean 'x'?`.
pub(crate) fn guess(diagnostic: &Diagnostic) -> Option<String> {
    let notes = diagnostic.notes.iter().map(|n| n.message.as_str());
    std::iter::once(diagnostic.message.as_str()).chain(notes).find_map(|text| {
        let rest = text.split_once("did you mean '")?.1;
        rest.split_once('\'').map(|(name, _)| name.to_owned())
    })
}

/// True when one name is so near to the other that a slip of the fingers explains it.
fn is_slip(name: &str, guess: &str) -> bool {
    if name.len().max(guess.len()) > 128 {
        return false;
    }
    // A swap of neighbours counts as one edit.
    let distance = strsim::osa_distance(name, guess);
    distance == 1 && name.len() >= 4 || distance == 2 && name.len() >= 9
}

/// True for names that are attribute macros by their look: one that no header defined makes a
/// variable out of the end of a type definition.
pub(crate) fn is_attribute_macro(symbol: &str) -> bool {
    const WORDS: &[&str] = &[
        "align",
        "packed",
        "attribute",
        "section",
        "cacheline",
        "read_mostly",
        "randomize",
        "layout",
        "percpu",
        "noreturn",
        "deprecated",
        "designated",
        "visible",
        "must_check",
        "init",
        "weak",
    ];
    symbol.starts_with("__") && WORDS.iter().any(|word| symbol.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_near() {
        assert!(is_slip("recieve", "receive"));
        assert!(is_slip("foo_strat", "foo_start"));
        assert!(!is_slip("bar", "baz"));
        assert!(!is_slip("foo_register", "foo_unregister_all"));
    }

    #[test]
    fn attribute_macros_by_look() {
        assert!(is_attribute_macro("____cacheline_aligned_in_smp"));
        assert!(!is_attribute_macro("aligned_count"));
        assert!(!is_attribute_macro("__foo_table"));
    }
}
