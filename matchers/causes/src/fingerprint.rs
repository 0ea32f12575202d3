//! A name for a cause that another build gives it too.

use triage_log::diagnostic::Location;

use crate::group::Group;
use crate::place;

/// The fingerprint of a cause, from its leading finding: 16 hexadecimal digits.
///
/// Taken from what does not change with compiler, `-j` order, line numbers, build directory and
/// `-Werror`: the class, the symbol, and the last two names of the file's path where the class is
/// about a place. Part of the JSON interface: a change of this function is a change of
/// [`crate::report::FORMAT_VERSION`].
pub(crate) fn of(group: &Group, location: Option<&Location>, root: Option<&str>) -> String {
    let class = match group.class.as_str() {
        "implicit-declaration" | "undeclared-identifier" => "undeclared",
        class => class,
    };
    let mut hash = Fnv::new();
    hash.add(class);
    let everywhere = matches!(
        class,
        "undefined-reference"
            | "multiple-definition"
            | "modpost-undefined"
            | "header-not-found"
            | "command-not-found"
            | "library-not-found"
            | "btf-unresolved-symbol"
            | "no-rule-to-make-target"
            | "out-of-memory"
            | "disk-full"
    );
    match &group.symbol {
        Some(symbol) => hash.add(&place::clean(symbol)),
        None if everywhere => {}
        None => hash.add(&plain(&group.first.message)),
    }
    if let (false, Some(location)) = (everywhere, location) {
        hash.add(&place::tail(&location.file, group.first.directory.as_deref(), root));
        if group.symbol.is_none() {
            hash.add(group.first.function.as_deref().unwrap_or_default());
        }
    }
    hash.hex()
}

/// A message without its numbers, and without directories in the names that it quotes.
fn plain(message: &str) -> String {
    let mut out = String::with_capacity(message.len());
    for word in message.split(' ') {
        let word = if word.contains('/') { word.rsplit('/').next().unwrap_or(word) } else { word };
        out.extend(word.chars().filter(|c| !c.is_ascii_digit()));
        out.push(' ');
    }
    out
}

/// FNV-1a with 64 bits (Fowler, Noll, Vo): short, and the same for ever.
struct Fnv(u64);

impl Fnv {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// Adds a text and an end mark.
    fn add(&mut self, text: &str) {
        for byte in text.bytes().chain([0xff]) {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn hex(&self) -> String {
        format!("{:016x}", self.0)
    }
}
