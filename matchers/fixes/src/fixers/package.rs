//! What the host lacks: the package that has the command, header, library or module.

use triage_causes::packages::{self, Package};

use super::{Candidate, Context, Fixer};

/// Names the package to install.
#[derive(Debug)]
pub struct InstallPackage;

impl Fixer for InstallPackage {
    fn name(&self) -> &'static str {
        "install-package"
    }

    fn wants(&self, cx: &Context<'_>) -> bool {
        matches!(cx.cause.class.as_str(), "command-not-found" | "header-not-found" | "library-not-found")
            || cx.rule.is_some_and(|rule| rule.name == self.name())
    }

    fn candidates(&self, cx: &Context<'_>) -> Vec<Candidate> {
        let Some(package) = package(cx).filter(|p| !p.debian().is_empty()) else { return Vec::new() };
        let diagnosis = match cx.cause.class.as_str() {
            "header-not-found" => Some("missing-host-header"),
            "command-not-found" => Some("missing-host-tool"),
            _ => None,
        };
        vec![Candidate {
            kind: "install_package",
            title: package.title(),
            package: Some(package.debian().to_owned()),
            diagnosis,
            rank: 90,
            ..Candidate::default()
        }]
    }
}

fn package(cx: &Context<'_>) -> Option<Package> {
    let with = |key: &str| cx.rule.and_then(|rule| rule.with.get(key)).map(String::as_str);
    // A parameter that is a capture of the rule is the symbol.
    let named = with("name").filter(|name| !name.contains('{'));
    let symbol = named.or(cx.cause.symbols.first().map(String::as_str)).unwrap_or_default();
    if symbol.is_empty() || symbol.len() > 256 || symbol.contains(['\n', ' ']) {
        return None;
    }
    match (cx.cause.class.as_str(), with("kind")) {
        ("header-not-found", _) | (_, Some("header")) => {
            // A header of the tree is not the host's.
            let own = cx.tree.named(symbol.rsplit('/').next().unwrap_or(symbol)).any(|file| file.ends_with(symbol));
            packages::header(symbol).filter(|_| !own)
        }
        (_, Some("command" | "compiler")) => Some(packages::command(symbol)),
        (_, Some("pkg-config" | "cmake-package")) => {
            packages::pkg_config(symbol).or_else(|| packages::pkg_config(&symbol.to_ascii_lowercase()))
        }
        (_, Some("python-module")) => packages::python_module(symbol),
        (_, Some("perl-module")) => packages::perl_module(symbol),
        (_, Some("m4-macro")) => packages::m4_macro(symbol),
        ("library-not-found", _) | (_, Some("library")) => packages::library(symbol),
        ("command-not-found", None) => Some(packages::command(symbol)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::fixed;

    #[test]
    fn from_log_to_package() {
        for (log, package) in [
            ("/bin/sh: 1: flex: not found\n", "flex"),
            ("a.c:1:10: fatal error: gelf.h: No such file or directory\n", "libelf-dev"),
            ("scripts/Kconfig.include:39: C compiler 'clang-19' not found\n", "clang-19"),
        ] {
            let found = fixed(&InstallPackage, &[("a.c", "#include <gelf.h>\n")], log);
            assert_eq!(found[0].0.package.as_deref(), Some(package), "{log}");
            assert!(found[0].0.edits.is_empty());
        }
    }
}
