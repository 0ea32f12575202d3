//! What a cause comes from, as far as the log tells: the step from symptom to diagnosis.
//!
//! Only what follows from the messages themselves; with a source tree at hand more can be said.

use triage_log::diagnostic::Diagnostic;

use crate::cascade::is_missing_name;
use crate::group::Group;
use crate::headers;
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
    match lead.symbol.as_deref().and_then(package) {
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

/// The Debian package with a header that builds on the host commonly lack.
pub(crate) fn package(header: &str) -> Option<&'static str> {
    PACKAGES
        .iter()
        .find(|(start, _)| header == *start || (start.ends_with('/') && header.starts_with(start)))
        .map(|(_, package)| *package)
}

/// Headers (or folders of them) and their packages.
const PACKAGES: &[(&str, &str)] = &[
    ("gelf.h", "libelf-dev"),
    ("libelf.h", "libelf-dev"),
    ("elfutils/", "libdw-dev"),
    ("dwarf.h", "libdw-dev"),
    ("openssl/", "libssl-dev"),
    ("ncurses.h", "libncurses-dev"),
    ("curses.h", "libncurses-dev"),
    ("ncursesw/", "libncurses-dev"),
    ("gmp.h", "libgmp-dev"),
    ("mpc.h", "libmpc-dev"),
    ("mpfr.h", "libmpfr-dev"),
    ("zlib.h", "zlib1g-dev"),
    ("zstd.h", "libzstd-dev"),
    ("lzma.h", "liblzma-dev"),
    ("bzlib.h", "libbz2-dev"),
    ("lz4.h", "liblz4-dev"),
    ("yaml.h", "libyaml-dev"),
    ("curl/", "libcurl4-openssl-dev"),
    ("libxml/", "libxml2-dev"),
    ("sqlite3.h", "libsqlite3-dev"),
    ("Python.h", "python3-dev"),
    ("readline/", "libreadline-dev"),
    ("uuid/", "uuid-dev"),
    ("blkid/", "libblkid-dev"),
    ("sys/capability.h", "libcap-dev"),
    ("cap-ng.h", "libcap-ng-dev"),
    ("libfdt.h", "libfdt-dev"),
    ("libunwind.h", "libunwind-dev"),
    ("slang.h", "libslang2-dev"),
    ("numa.h", "libnuma-dev"),
    ("bpf/", "libbpf-dev"),
    ("libusb-1.0/", "libusb-1.0-0-dev"),
    ("X11/", "libx11-dev"),
    ("GL/", "libgl-dev"),
    ("gtk/", "libgtk-3-dev"),
    ("glib.h", "libglib2.0-dev"),
    ("boost/", "libboost-all-dev"),
    ("gtest/", "libgtest-dev"),
    ("gmock/", "libgmock-dev"),
    ("fmt/", "libfmt-dev"),
    ("spdlog/", "libspdlog-dev"),
    ("Eigen/", "libeigen3-dev"),
    ("pcap.h", "libpcap-dev"),
    ("pcap/", "libpcap-dev"),
    ("security/pam_", "libpam0g-dev"),
    ("selinux/", "libselinux1-dev"),
    ("systemd/", "libsystemd-dev"),
    ("libudev.h", "libudev-dev"),
    ("expat.h", "libexpat1-dev"),
    ("png.h", "libpng-dev"),
    ("jpeglib.h", "libjpeg-dev"),
    ("asoundlib.h", "libasound2-dev"),
    ("alsa/", "libasound2-dev"),
    ("traceevent/", "libtraceevent-dev"),
    ("babeltrace/", "libbabeltrace-dev"),
];

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

    #[test]
    fn packages_by_header_or_folder() {
        assert_eq!(package("openssl/ssl.h"), Some("libssl-dev"));
        assert_eq!(package("gelf.h"), Some("libelf-dev"));
        assert_eq!(package("foo.h"), None);
    }
}
