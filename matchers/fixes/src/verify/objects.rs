//! What object files define and refer to, so that a patch that loses something is noticed.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use object::{Object, ObjectSymbol, SymbolScope};
use serde::{Deserialize, Serialize};

/// The largest file that is looked into.
const FILE_MAX: u64 = 512 << 20;

/// The names in a file; empty for a file that is no object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Symbols {
    /// Defined and seen by other objects.
    pub global: BTreeSet<String>,
    /// Defined and seen only here.
    pub local: BTreeSet<String>,
    /// Defined elsewhere.
    pub needed: BTreeSet<String>,
}

/// The names in a file; none when the file is not there.
pub fn symbols(path: &Path) -> Option<Symbols> {
    let length = fs::metadata(path).ok().filter(fs::Metadata::is_file)?.len();
    let mut symbols = Symbols::default();
    if length > FILE_MAX || !is_elf(path) {
        return Some(symbols);
    }
    let data = fs::read(path).ok()?;
    let Ok(file) = object::File::parse(&*data) else { return Some(symbols) };
    for symbol in file.symbols() {
        let Some(name) = symbol.name().ok().and_then(stem) else { continue };
        let set = if symbol.is_undefined() {
            &mut symbols.needed
        } else if symbol.kind() == object::SymbolKind::File || symbol.kind() == object::SymbolKind::Section {
            continue;
        } else if symbol.scope() == SymbolScope::Compilation {
            &mut symbols.local
        } else {
            &mut symbols.global
        };
        set.insert(name.to_owned());
    }
    Some(symbols)
}

fn is_elf(path: &Path) -> bool {
    let mut magic = [0; 4];
    fs::File::open(path).and_then(|mut file| std::io::Read::read_exact(&mut file, &mut magic)).is_ok()
        && &magic == b"\x7fELF"
}

/// The name without what a compiler adds to it; none for names that no person gave.
fn stem(name: &str) -> Option<&str> {
    let made_up =
        ["__UNIQUE_ID", "___", "__ubsan", "__asan", "__pfx_", "__cfi_", "__func__", "__warned", "__already_done"];
    if name.is_empty() || name.starts_with(['.', '$']) || made_up.iter().any(|start| name.starts_with(start)) {
        return None;
    }
    // `f.isra.0`, `f.part.1`, `f.cold`, `state.3`
    let stem = name.split('.').next().unwrap_or(name);
    (!stem.is_empty()).then_some(stem)
}

/// Something that was there before and is not any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// What is said about it.
    pub words: &'static str,
    /// The name.
    pub name: String,
}

/// The first thing that `after` lacks of `before`, names that `excused` accepts left out.
pub fn loss(before: &Symbols, after: &Symbols, excused: &dyn Fn(&str) -> bool) -> Option<Loss> {
    let defined = |name: &String| after.global.contains(name) || after.local.contains(name);
    let first = |names: &BTreeSet<String>, there: &dyn Fn(&String) -> bool| {
        names.iter().find(|name| !there(name) && !excused(name)).cloned()
    };
    let told = |words| move |name| Loss { words, name };
    // A function that became known to others is no loss, one that became hidden from them is.
    first(&before.global, &|name| after.global.contains(name))
        .map(told("no longer defines"))
        .or_else(|| first(&before.local, &defined).map(told("no longer has")))
        .or_else(|| {
            let there = |name: &String| after.needed.contains(name) || defined(name);
            first(&before.needed, &there).map(told("no longer refers to"))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn names_of_people() {
        assert_eq!(stem("pump_start.isra.0"), Some("pump_start"));
        for made_up in [".LC0", "$d", "__UNIQUE_ID_license12", "", "__ubsan_handle_x"] {
            assert_eq!(stem(made_up), None, "{made_up}");
        }
    }

    #[test]
    fn losses() {
        let before = Symbols { global: names(&["open"]), local: names(&["fill"]), needed: names(&["close"]) };
        assert_eq!(loss(&before, &before, &|_| false), None);
        let hint = Symbols { needed: names(&["pclose"]), ..before.clone() };
        assert_eq!(loss(&before, &hint, &|_| false).unwrap().name, "close");
        assert_eq!(loss(&before, &hint, &|name| name == "close"), None);
        let hidden = Symbols { global: names(&[]), local: names(&["open", "fill"]), ..before.clone() };
        assert_eq!(loss(&before, &hidden, &|_| false).unwrap().words, "no longer defines");
        let shown = Symbols { global: names(&["open", "fill"]), local: names(&[]), ..before.clone() };
        assert_eq!(loss(&before, &shown, &|_| false), None);
    }

    #[test]
    fn hostile_files_have_no_names() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for bytes in [&b""[..], b"\x7fELF", b"\x7fELF\x02\x01\x01\0\xff\xff\xff\xff\xff\xff", b"int x;"] {
            fs::write(file.path(), bytes).unwrap();
            assert_eq!(symbols(file.path()), Some(Symbols::default()));
        }
        assert_eq!(symbols(Path::new("/none")), None);
    }
}
