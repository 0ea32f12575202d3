//! What a build is a build of: names of axes and values, in one spelling.
//!
//! The same compiler is `clang-19`, `LLVM=-19` and `clang version 19.1.7` in three places; the same
//! architecture `aarch64` and `arm64`. Without one spelling a statement would never fit.

use std::collections::BTreeMap;

/// Axis to value.
pub type Axes = BTreeMap<String, String>;

/// Bytes at the start of a log that [`from_log`] wants.
pub const HEAD: usize = 64 << 10;

/// Other names of architectures, and the kernel's.
const ARCH_NAMES: &[(&str, &str)] = &[
    ("aarch64", "arm64"),
    ("amd64", "x86_64"),
    ("x86-64", "x86_64"),
    ("x64", "x86_64"),
    ("armhf", "arm"),
    ("armv7", "arm"),
    ("i686", "i386"),
    ("ppc64le", "powerpc"),
    ("ppc64", "powerpc"),
    ("riscv64", "riscv"),
    ("s390x", "s390"),
    ("loongarch64", "loongarch"),
];

/// Architectures as the kernel names them.
const ARCHES: &[&str] = &[
    "alpha",
    "arc",
    "arm",
    "arm64",
    "csky",
    "hexagon",
    "i386",
    "loongarch",
    "m68k",
    "microblaze",
    "mips",
    "nios2",
    "openrisc",
    "parisc",
    "powerpc",
    "riscv",
    "s390",
    "sh",
    "sparc",
    "sparc64",
    "um",
    "x86",
    "x86_64",
    "xtensa",
];

/// Compilers, and what they are called here.
const COMPILERS: &[(&str, &str)] =
    &[("gcc", "gcc"), ("g++", "gcc"), ("clang", "clang"), ("clang++", "clang"), ("llvm", "clang"), ("icx", "icx")];

/// Adds an axis in its one spelling; what is there already stays.
pub fn add(axes: &mut Axes, name: &str, value: &str) {
    let value = value.trim();
    if value.is_empty() {
        return;
    }
    match name {
        "arch" | "architecture" => insert(axes, "arch", arch(value).unwrap_or(value)),
        "toolchain" | "compiler" | "cc" => match compiler(value) {
            Some((tool, version)) => {
                // The version of another compiler than the known one would be wrong.
                let same = axes.get("toolchain").is_none_or(|known| known == tool);
                insert(axes, "toolchain", tool);
                if let (true, Some(version)) = (same, version) {
                    insert(axes, "version", version);
                }
                if let Some(arch) = value.split('-').next().and_then(arch).filter(|_| value.contains("-linux")) {
                    insert(axes, "arch", arch);
                }
            }
            None => insert(axes, "toolchain", value),
        },
        name => insert(axes, name, value),
    }
}

fn insert(axes: &mut Axes, name: &str, value: &str) {
    axes.entry(name.to_owned()).or_insert_with(|| value.to_owned());
}

/// Adds what is not known yet; a version only to its own compiler.
pub fn fill(axes: &mut Axes, more: &Axes) {
    let same = match (axes.get("toolchain"), more.get("toolchain")) {
        (Some(known), Some(other)) => known == other,
        _ => true,
    };
    for (name, value) in more.iter().filter(|(name, _)| same || *name != "version") {
        insert(axes, name, value);
    }
}

/// The kernel's name of an architecture.
pub fn arch(name: &str) -> Option<&'static str> {
    let lower = name.to_ascii_lowercase();
    let known = ARCH_NAMES.iter().find(|(other, _)| *other == lower).map(|(_, name)| *name);
    known.or_else(|| ARCHES.iter().copied().find(|name| *name == lower))
}

/// Names of architectures, longest first, for patterns.
pub fn arch_names() -> Vec<&'static str> {
    let mut names: Vec<&str> = ARCHES.iter().copied().chain(ARCH_NAMES.iter().map(|(name, _)| *name)).collect();
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    names
}

/// Compiler and version of `clang-19`, `gcc 12.2.0`, `aarch64-linux-gnu-gcc-12`, `LLVM`.
pub fn compiler(text: &str) -> Option<(&'static str, Option<&str>)> {
    let name = text.rsplit('/').next().unwrap_or(text);
    let lower = name.to_ascii_lowercase();
    // The last one: a prefix may name another.
    let (at, word, tool) = COMPILERS
        .iter()
        .flat_map(|(word, tool)| lower.match_indices(word).map(move |(at, _)| (at, *word, *tool)))
        .filter(|(at, word, _)| {
            let (before, after) = (&lower[..*at], &lower[at + word.len()..]);
            let inside = |c: char| c.is_ascii_alphabetic() || c == '+';
            !before.ends_with(inside) && !after.starts_with(inside)
        })
        .max_by_key(|(at, _, _)| *at)?;
    let rest = name[at + word.len()..].trim_start_matches(['-', '_', ' ', '=', ':']);
    let rest = rest.strip_prefix("version ").unwrap_or(rest);
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    let version = rest[..end].trim_end_matches('.');
    Some((tool, (!version.is_empty()).then_some(version)))
}

/// What the name of a job, a folder or a log tells: `build (arm64, clang-19, allmodconfig)`.
pub fn from_name(name: &str) -> Axes {
    let mut axes = Axes::new();
    let words: Vec<&str> = name
        .split(|c: char| !(c.is_ascii_alphanumeric() || "._+".contains(c)))
        .filter(|word| !word.is_empty())
        .collect();
    for (at, word) in words.iter().enumerate() {
        if let Some(arch) = arch(word) {
            insert(&mut axes, "arch", arch);
        } else if let Some((tool, own)) = compiler(word) {
            let version = own.or_else(|| words.get(at + 1).copied().map(without_end).filter(|next| is_version(next)));
            if !axes.contains_key("toolchain") {
                insert(&mut axes, "toolchain", tool);
                if let Some(version) = version {
                    insert(&mut axes, "version", version);
                }
            }
        } else if without_end(word).len() > "config".len() && without_end(word).ends_with("config") {
            insert(&mut axes, "config", without_end(word));
        }
    }
    axes
}

/// A word without the end of a file name.
fn without_end(word: &str) -> &str {
    const ENDS: &[&str] = &[".gz", ".xz", ".zst", ".zip", ".log", ".txt"];
    ENDS.iter().fold(word, |word, end| word.strip_suffix(end).unwrap_or(word))
}

fn is_version(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit()) && word.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}

/// What the start of a log tells beyond [`triage_log`]'s facts: variables of make's command line,
/// `--target=`, `-march=`, the head of a configuration.
pub fn from_log(head: &str) -> Axes {
    let mut axes = Axes::new();
    if let Some(value) = value_after(head, " LLVM=").or_else(|| value_after(head, "\nLLVM=")) {
        let version = value.trim_start_matches('-');
        insert(&mut axes, "toolchain", "clang");
        if value.starts_with('-') && is_version(version) {
            insert(&mut axes, "version", version);
        }
    }
    for (literal, axis) in [(" CC=", "toolchain"), ("--target=", "target"), ("-march=", "march")] {
        if let Some(value) = value_after(head, literal) {
            let known = axis != "toolchain" || compiler(value).is_some();
            if known {
                add(&mut axes, axis, value);
            }
        }
    }
    if let Some(target) = axes.get("target").cloned()
        && let Some(arch) = target.split('-').next().and_then(arch)
    {
        insert(&mut axes, "arch", arch);
    }
    // `# Linux/arm64 6.8.0 Kernel Configuration`.
    if let Some(at) = head.find("# Linux/") {
        let word: String = head[at + 8..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        add(&mut axes, "arch", &word);
    }
    axes
}

fn value_after<'t>(text: &'t str, literal: &str) -> Option<&'t str> {
    let rest = &text[text.find(literal)? + literal.len()..];
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.+/".contains(c))).unwrap_or(rest.len());
    (end > 0 && end < 100).then_some(&rest[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(axes: &Axes) -> String {
        axes.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn one_spelling() {
        let of = |name: &str, value: &str| {
            let mut axes = Axes::new();
            add(&mut axes, name, value);
            shown(&axes)
        };
        assert_eq!(of("arch", "aarch64"), "arch=arm64");
        assert_eq!(of("arch", "toaster"), "arch=toaster");
        assert_eq!(of("toolchain", "clang-19"), "toolchain=clang version=19");
        assert_eq!(of("compiler", "gcc (Debian 12.2.0-14)"), "toolchain=gcc");
        assert_eq!(of("compiler", "clang version 17.0.6 (Fedora)"), "toolchain=clang version=17.0.6");
        assert_eq!(of("cc", "aarch64-linux-gnu-gcc-12"), "arch=arm64 toolchain=gcc version=12");
        assert_eq!(of("toolchain", "LLVM"), "toolchain=clang");
        assert_eq!(of("toolchain", "rustc"), "toolchain=rustc");
        assert_eq!(of("branch", " next "), "branch=next");
    }

    #[test]
    fn names_of_jobs() {
        let of = |name: &str| shown(&from_name(name));
        assert_eq!(
            of("build (arm64, clang-19, allmodconfig)"),
            "arch=arm64 config=allmodconfig toolchain=clang version=19"
        );
        assert_eq!(of("x86_64-gcc-12-defconfig.log.gz"), "arch=x86_64 config=defconfig toolchain=gcc version=12");
        assert_eq!(of("logs/2_test (ubuntu-22.04).txt"), "");
        assert_eq!(of("armada"), "");
    }

    #[test]
    fn starts_of_logs() {
        let of = |head: &str| shown(&from_log(head));
        assert_eq!(of("+ make ARCH=arm64 LLVM=-19 -j8\n"), "toolchain=clang version=19");
        assert_eq!(of("make CC=clang-17 \n"), "toolchain=clang version=17");
        assert_eq!(of("clang --target=aarch64-linux-gnu -c a.c"), "arch=arm64 target=aarch64-linux-gnu");
        assert_eq!(of("# Linux/riscv 6.8.0 Kernel Configuration"), "arch=riscv");
        assert_eq!(of("CC=$(CC)"), "");
    }

    #[test]
    fn a_version_stays_with_its_compiler() {
        let mut axes = Axes::from([("toolchain".into(), "gcc".into())]);
        fill(&mut axes, &Axes::from([("toolchain".into(), "clang".into()), ("version".into(), "19".into())]));
        assert_eq!(shown(&axes), "toolchain=gcc");
    }
}
