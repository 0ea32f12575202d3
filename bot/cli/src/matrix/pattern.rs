//! Axes in paths: `{arch}/{config}/{toolchain}.log`.

use regex::Regex;
use triage_causes::matrix::axes::{self, Axes};

use crate::error::Error;

/// A pattern that was typed, compiled.
#[derive(Debug)]
pub struct Pattern {
    regex: Regex,
    names: Vec<String>,
}

impl Pattern {
    /// Compiles what was typed.
    pub fn new(text: &str) -> Result<Self, Error> {
        let fault = |why: &str| Error::Pattern(text.to_owned(), why.to_owned());
        let mut names: Vec<String> = Vec::new();
        let mut source = String::from("(?:^|/)");
        let mut rest = text;
        while let Some(at) = rest.find(['{', '*']) {
            source.push_str(&regex::escape(&rest[..at]));
            if let Some(after) = rest[at..].strip_prefix("**") {
                source.push_str(".*");
                rest = after;
            } else if let Some(after) = rest[at..].strip_prefix('*') {
                source.push_str("[^/]*");
                rest = after;
            } else {
                let (name, after) = rest[at + 1..].split_once('}').ok_or_else(|| fault("a '{' has no '}'"))?;
                let fits = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
                if name.is_empty() || !fits {
                    return Err(fault("an axis has a name of letters, digits, '_' and '-'"));
                }
                if names.iter().any(|known| known == name) {
                    return Err(fault(&format!("the axis '{name}' stands there twice")));
                }
                source.push_str(&format!("({})", value_of(name)));
                names.push(name.to_owned());
                rest = after;
            }
        }
        source.push_str(&regex::escape(rest));
        source.push('$');
        if names.is_empty() {
            return Err(fault("it names no axis"));
        }
        let regex = Regex::new(&source).map_err(|_| fault("it is too long"))?;
        Ok(Self { regex, names })
    }

    /// The axes that a path tells; none when it does not fit.
    pub fn axes(&self, path: &str) -> Option<Axes> {
        let found = self.regex.captures(path)?;
        let mut out = Axes::new();
        for (name, value) in self.names.iter().zip(found.iter().skip(1)) {
            axes::add(&mut out, name, value.map_or("", |value| value.as_str()));
        }
        Some(out)
    }
}

/// What stands for an axis: known words first, since they may hold what separates axes.
fn value_of(name: &str) -> String {
    match name {
        "arch" => {
            let names: Vec<String> = axes::arch_names().into_iter().map(regex::escape).collect();
            format!("{}|[^/]+?", names.join("|"))
        }
        "toolchain" | "compiler" | "cc" => {
            r"(?:[a-z0-9_]+-linux-[a-z]+-)?(?:gcc|g\+\+|clang|llvm|LLVM)[-_]?[0-9]+(?:\.[0-9]+)*|[^/]+?".into()
        }
        "version" => r"[0-9]+(?:\.[0-9]+)*|[^/]+?".into(),
        _ => "[^/]+?".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(pattern: &str, path: &str) -> String {
        let axes = Pattern::new(pattern).unwrap().axes(path);
        let text =
            |axes: Axes| axes.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ");
        axes.map_or("-".into(), text)
    }

    #[test]
    fn paths() {
        assert_eq!(
            shown("{arch}/{config}/{toolchain}.log", "x/arm64/def/gcc.log"),
            "arch=arm64 config=def toolchain=gcc"
        );
        assert_eq!(
            shown("{arch}-{toolchain}-{config}.log", "logs/x86_64-gcc-12-def.log"),
            "arch=x86_64 config=def toolchain=gcc version=12"
        );
        assert_eq!(shown("{arch}_{config}.log", "x86_64_def.log"), "arch=x86_64 config=def");
        assert_eq!(shown("{arch}-{board}.log", "toaster-a-b.log"), "arch=toaster board=a-b");
        assert_eq!(shown("{branch}/**/{arch}.*", "next/a/b/arm.txt"), "arch=arm branch=next");
        assert_eq!(shown("{arch}/{config}.log", "def.log"), "-");
    }

    #[test]
    fn faults_are_told() {
        let fault = |text: &str| Pattern::new(text).unwrap_err().to_string();
        assert_eq!(fault("{arch"), "the pattern '{arch': a '{' has no '}'");
        assert_eq!(fault("{a}{a}"), "the pattern '{a}{a}': the axis 'a' stands there twice");
        assert_eq!(fault("{}"), "the pattern '{}': an axis has a name of letters, digits, '_' and '-'");
        assert_eq!(fault("*.log"), "the pattern '*.log': it names no axis");
    }
}
