//! The package that has a command, header or library of the host, from `config/packages.tsv`.

static TABLE: &str = include_str!("../../../config/packages.tsv");

/// The distributions of the table, in the order of its columns.
const DISTRIBUTIONS: [&str; 6] = ["Debian", "Fedora", "Arch", "openSUSE", "Alpine", "Nix"];

/// A package, by the name that each distribution gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    names: [Option<String>; 6],
}

impl Package {
    /// Debian's name.
    pub fn debian(&self) -> &str {
        self.names[0].as_deref().unwrap_or_default()
    }

    /// One line for a person: Debian's name, and those of the others where they differ.
    pub fn title(&self) -> String {
        let debian = self.debian();
        let others: Vec<String> = DISTRIBUTIONS
            .iter()
            .zip(&self.names)
            .skip(1)
            .filter_map(|(distribution, name)| {
                let name = name.as_deref().filter(|name| *name != debian)?;
                Some(format!("{distribution}: {name}"))
            })
            .collect();
        if others.is_empty() {
            format!("install {debian}")
        } else {
            format!("install {debian} ({})", others.join(", "))
        }
    }

    fn row(columns: &str) -> Option<Self> {
        let mut names = [const { None }; 6];
        for (name, column) in names.iter_mut().zip(columns.split('\t')) {
            *name = (column != "-").then(|| column.to_owned());
        }
        names[0].is_some().then_some(Self { names })
    }

    /// A package that only Debian's name is known of.
    fn only(debian: String) -> Self {
        let mut names = [const { None }; 6];
        names[0] = Some(debian);
        Self { names }
    }
}

fn rows(kind: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    TABLE.lines().filter_map(move |line| line.strip_prefix(kind)?.strip_prefix('\t')?.split_once('\t'))
}

fn exact(kind: &str, name: &str) -> Option<Package> {
    rows(kind).find(|(known, _)| *known == name).and_then(|(_, columns)| Package::row(columns))
}

/// The package with a header that builds on the host commonly lack.
pub fn header(header: &str) -> Option<Package> {
    exact("header", header).or_else(|| {
        let folder = |known: &str| known.ends_with(['/', '_']) && header.starts_with(known);
        rows("header").find(|(known, _)| folder(known)).and_then(|(_, columns)| Package::row(columns))
    })
}

/// The package with a library, named as in `-lNAME`.
pub fn library(name: &str) -> Option<Package> {
    let name = name.strip_prefix("-l").unwrap_or(name);
    exact("library", name).or_else(|| exact("library", name.strip_prefix("lib")?))
}

/// The package with a pkg-config module.
pub fn pkg_config(module: &str) -> Option<Package> {
    exact("pkg-config", module)
}

/// The package with a Python module; of `a.b` that with `a`.
pub fn python_module(module: &str) -> Option<Package> {
    exact("python-module", module.split('.').next().unwrap_or(module))
}

/// The package with a Perl module, `A::B` or `A/B.pm`.
pub fn perl_module(module: &str) -> Option<Package> {
    exact("perl-module", &module.trim_end_matches(".pm").replace('/', "::"))
}

/// The package with an autoconf macro.
pub fn m4_macro(name: &str) -> Option<Package> {
    exact("m4-macro", name)
}

/// The package of a command that builds lack; mostly it has the command's name.
pub fn command(command: &str) -> Package {
    let name = command.rsplit('/').next().unwrap_or(command);
    exact("command", name)
        .or_else(|| cross(name))
        .or_else(|| versioned(name))
        .unwrap_or_else(|| Package::only(name.to_owned()))
}

/// `gcc-12`, `ld.lld-19`: the package has the version too, as far as Debian's name goes.
fn versioned(name: &str) -> Option<Package> {
    let (plain, version) = name.rsplit_once('-')?;
    if version.is_empty() || !version.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return None;
    }
    let known = exact("command", plain)?;
    Some(Package::only(format!("{}-{version}", known.debian())))
}

/// `TRIPLET-gcc`, `TRIPLET-ld` of a cross toolchain.
fn cross(name: &str) -> Option<Package> {
    const BINUTILS: &[&str] =
        &["ld", "ld.bfd", "ld.gold", "as", "ar", "nm", "objcopy", "objdump", "ranlib", "readelf", "size", "strip"];
    let (plain, version) = match name.rsplit_once('-') {
        Some((plain, version)) if version.bytes().all(|b| b.is_ascii_digit()) => (plain, format!("-{version}")),
        _ => (name, String::new()),
    };
    let (triplet, tool) = plain.rsplit_once('-')?;
    if !triplet.contains('-') {
        return None;
    }
    let triplet = triplet.replace('_', "-");
    let debian = match tool {
        "gcc" | "cpp" => format!("gcc{version}-{triplet}"),
        "g++" => format!("g++{version}-{triplet}"),
        tool if BINUTILS.contains(&tool) => format!("binutils-{triplet}"),
        _ => return None,
    };
    Some(Package::only(debian))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_well_formed() {
        let kinds = ["command", "header", "library", "pkg-config", "python-module", "perl-module", "m4-macro"];
        let mut before = (0, "");
        for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
            let columns: Vec<&str> = line.split('\t').collect();
            assert_eq!(columns.len(), 8, "{line}");
            assert!(columns.iter().all(|c| !c.is_empty() && !c.contains(' ')), "{line}");
            let kind = kinds.iter().position(|k| *k == columns[0]).unwrap();
            assert!(before < (kind, columns[1]), "{line} is out of order");
            assert_ne!(columns[2], "-", "{line}");
            before = (kind, columns[1]);
        }
    }

    #[test]
    fn packages_by_header_or_folder() {
        let debian = |name| header(name).map(|p| p.debian().to_owned());
        assert_eq!(debian("openssl/ssl.h").as_deref(), Some("libssl-dev"));
        assert_eq!(debian("gelf.h").as_deref(), Some("libelf-dev"));
        assert_eq!(debian("security/pam_appl.h").as_deref(), Some("libpam0g-dev"));
        assert_eq!(debian("foo.h"), None);
    }

    #[test]
    fn packages_by_command() {
        for (name, debian) in [
            ("pahole", "dwarves"),
            ("/usr/bin/flex", "flex"),
            ("clang-19", "clang-19"),
            ("ld.lld-19", "lld-19"),
            ("gcc-12", "gcc-12"),
            ("llvm-objcopy-19", "llvm-19"),
            ("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu"),
            ("aarch64-linux-gnu-gcc-12", "gcc-12-aarch64-linux-gnu"),
            ("x86_64-linux-gnu-ld", "binutils-x86-64-linux-gnu"),
            ("riscv64-linux-gnu-objcopy", "binutils-riscv64-linux-gnu"),
            ("frobnicate", "frobnicate"),
            ("", ""),
        ] {
            assert_eq!(command(name).debian(), debian, "{name}");
        }
    }

    #[test]
    fn other_names_are_told_where_they_differ() {
        assert_eq!(command("bison").title(), "install bison");
        let title = header("gelf.h").unwrap().title();
        assert!(title.starts_with("install libelf-dev (Fedora: elfutils-libelf-devel, "), "{title}");
        assert!(title.ends_with("Nix: elfutils)"), "{title}");
    }

    #[test]
    fn other_kinds() {
        assert_eq!(library("-lssl").unwrap().debian(), "libssl-dev");
        assert_eq!(pkg_config("libelf").unwrap().debian(), "libelf-dev");
        assert_eq!(python_module("yaml.nodes").unwrap().debian(), "python3-yaml");
        assert_eq!(perl_module("XML/Parser.pm").unwrap().debian(), "libxml-parser-perl");
        assert_eq!(m4_macro("PKG_CHECK_MODULES").unwrap().debian(), "pkg-config");
        assert_eq!(library("nothing"), None);
    }
}
