//! Who did it: commits of a range, or patches of a series, weighed by what they did to the lines,
//! names, includes and makefiles that a cause is about.
//!
//! The list is of suspects: the reasons stand beside each. With `--bisect`, [`bisect`] has states
//! of the tree's [`history`] built by [`builder`] until one of the commits is proved to have done it.

pub mod bisect;
mod builder;
mod history;
pub mod maintainers;
mod patches;

use std::path::Path;

use triage_causes::place;
use triage_causes::report::{Cause, Kind, Report, Suspect};

use self::patches::{FileDiff, Patch};
use crate::error::Error;

/// Suspects of a cause.
const LISTED: usize = 5;
/// Digits of a commit, as the kernel's `Fixes:` has them.
const DIGITS: usize = 12;
/// Below it nothing speaks for a commit but that it touched the file.
const WORTH: u32 = 10;

/// Where the commits come from.
#[derive(Debug, Clone, Copy)]
pub enum Commits<'a> {
    /// A range of git's.
    Range(&'a str),
    /// A series of patches as an mbox.
    Series(&'a Path),
}

/// Names the suspects of all causes of a report with places in the tree.
pub fn suspect(report: &mut Report, tree: &Path, commits: Commits<'_>) -> Result<(), Error> {
    let about: Vec<About> = report.causes.iter().map(About::new).collect();
    let mut found: Vec<Vec<Suspect>> = vec![Vec::new(); about.len()];
    let visit = &mut |patch: Patch| {
        for (about, suspects) in about.iter().zip(&mut found) {
            let mut reasons = about.weigh(&patch);
            let score = reasons.iter().map(|(weight, _)| weight).sum();
            if score < WORTH {
                continue;
            }
            reasons.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
            suspects.push(suspect_of(&patch, score, reasons.into_iter().map(|(_, reason)| reason).collect()));
            // Of equals the later commit, which comes first, is likelier.
            suspects.sort_by_key(|suspect| std::cmp::Reverse(suspect.score));
            suspects.truncate(LISTED);
        }
    };
    match commits {
        Commits::Range(range) => patches::of_range(tree, range, visit)?,
        Commits::Series(path) => patches::of_series(path, visit)?,
    }
    for (cause, suspects) in report.causes.iter_mut().zip(found) {
        cause.suspects = suspects;
    }
    Ok(())
}

fn suspect_of(patch: &Patch, score: u32, reasons: Vec<String>) -> Suspect {
    let commit = if patch.committed { patch.id.get(..DIGITS).unwrap_or(&patch.id) } else { &patch.id };
    Suspect {
        commit: commit.to_owned(),
        title: patch.title.clone(),
        author: patch.author.clone(),
        reasons,
        score,
        fixes: patch.committed.then(|| format!("Fixes: {commit} (\"{}\")", patch.title)),
        proved: false,
    }
}

/// What a cause is about, as far as a diff can be about it too.
struct About<'c> {
    cause: &'c Cause,
    file: String,
    line: Option<u32>,
    /// The source line that was printed.
    text: String,
    symbols: Vec<&'c str>,
    /// Files on the way from the source file to the place.
    chain: Vec<String>,
    missing: bool,
    links: bool,
}

impl<'c> About<'c> {
    fn new(cause: &'c Cause) -> Self {
        let includes = cause.includes.iter().map(|at| &at.file);
        let chain = includes.chain(&cause.units).map(|file| place::clean(file)).collect();
        let symbols = cause.symbols.iter().map(|symbol| symbol.rsplit(' ').next().unwrap_or(symbol));
        Self {
            cause,
            file: cause.location.as_ref().map(|at| place::clean(&at.file)).unwrap_or_default(),
            line: cause.location.as_ref().and_then(|at| at.line),
            text: cause.snippet.as_ref().map(|snippet| snippet.text.trim().to_owned()).unwrap_or_default(),
            symbols: symbols.filter(|symbol| symbol.len() > 1).take(5).collect(),
            chain,
            missing: matches!(
                cause.class.as_str(),
                "implicit-declaration"
                    | "undeclared-identifier"
                    | "unknown-type"
                    | "incomplete-type"
                    | "no-member"
                    | "struct-in-parameter-list"
            ),
            links: matches!(
                cause.class.as_str(),
                "undefined-reference"
                    | "modpost-undefined"
                    | "no-rule-to-make-target"
                    | "multiple-definition"
                    | "kconfig-syntax"
            ),
        }
    }

    fn weigh(&self, patch: &Patch) -> Vec<(u32, String)> {
        let mut reasons = Vec::new();
        if self.cause.kind == Kind::Infrastructure {
            return reasons;
        }
        for diff in &patch.files {
            self.place(diff, &mut reasons);
            self.include(diff, &mut reasons);
            self.names(patch, diff, &mut reasons);
            self.makefile(diff, &mut reasons);
        }
        reasons
    }

    fn is_place(&self, path: &str) -> bool {
        !self.file.is_empty() && (self.file == path || self.file.ends_with(&format!("/{path}")))
    }

    fn in_chain(&self, path: &str) -> bool {
        self.chain.iter().any(|file| file == path || file.ends_with(&format!("/{path}")))
    }

    /// The failing line and file.
    fn place(&self, diff: &FileDiff, reasons: &mut Vec<(u32, String)>) {
        if !self.is_place(&diff.path) {
            return;
        }
        let wrote = !self.text.is_empty() && diff.added.iter().any(|(_, text)| text.trim() == self.text);
        let near = self.line.is_some_and(|line| diff.added.iter().any(|(at, _)| *at == line));
        if wrote {
            reasons.push((100, "wrote the failing line".into()));
        } else if near {
            reasons.push((30, "touched the failing line".into()));
        } else {
            reasons.push((10, format!("touched {}", diff.path)));
        }
    }

    /// An include that is gone, where a name is missing.
    fn include(&self, diff: &FileDiff, reasons: &mut Vec<(u32, String)>) {
        if !(self.missing || self.cause.class == "header-not-found") {
            return;
        }
        let include = |text: &str| text.trim().strip_prefix("#include").map(|rest| rest.trim().to_owned());
        let gone = diff.removed.iter().filter_map(|text| include(text));
        let mut gone = gone.filter(|header| !diff.added.iter().any(|(_, text)| include(text).as_ref() == Some(header)));
        let (weight, header) = match gone.next() {
            Some(header) if self.is_place(&diff.path) => (80, header),
            Some(header) if self.in_chain(&diff.path) => (60, header),
            Some(header) if place::is_header(&diff.path) => (25, header),
            _ => return,
        };
        reasons.push((weight, format!("removed the include of {header} from {}", diff.path)));
    }

    /// What became of the names.
    fn names(&self, patch: &Patch, diff: &FileDiff, reasons: &mut Vec<(u32, String)>) {
        for symbol in &self.symbols {
            let has = |text: &str| has_word(text, symbol);
            let gone: Vec<&String> = diff.removed.iter().filter(|text| has(text)).collect();
            let came: Vec<&String> = diff.added.iter().map(|(_, text)| text).filter(|text| has(text)).collect();
            let declared = gone.iter().any(|text| is_declaration(text, symbol));
            let anywhere =
                || patch.files.iter().flat_map(|file| &file.added).any(|(_, text)| is_declaration(text, symbol));
            if declared && came.iter().any(|text| is_declaration(text, symbol)) {
                reasons.push((70, format!("changed the declaration of '{symbol}' in {}", diff.path)));
            } else if declared && !anywhere() {
                let renamed = gone.iter().find_map(|text| renamed(text, symbol, diff));
                reasons.push(match renamed {
                    Some(name) => (75, format!("renamed '{symbol}' to '{name}' in {}", diff.path)),
                    None => (70, format!("removed the declaration of '{symbol}' from {}", diff.path)),
                });
            } else if declared {
                reasons.push((40, format!("moved '{symbol}' out of {}", diff.path)));
            } else if !came.is_empty()
                && came.len() > gone.len()
                && (self.is_place(&diff.path) || self.in_chain(&diff.path))
            {
                reasons.push((40, format!("added a use of '{symbol}' in {}", diff.path)));
            } else if gone.iter().any(|text| text.contains("EXPORT_SYMBOL")) {
                reasons.push((80, format!("removed the export of '{symbol}' from {}", diff.path)));
            }
        }
    }

    /// The makefile and Kconfig of the folder.
    fn makefile(&self, diff: &FileDiff, reasons: &mut Vec<(u32, String)>) {
        let (folder, name) = diff.path.rsplit_once('/').unwrap_or(("", &diff.path));
        let own = std::iter::once(&self.file).chain(&self.chain).chain(&self.cause.objects);
        let beside = own.clone().any(|file| {
            let parent = file.rsplit_once('/').map_or("", |(parent, _)| parent);
            parent == folder || (!folder.is_empty() && parent.ends_with(&format!("/{folder}")))
        });
        let makefile =
            name.starts_with("Makefile") || name == "Kbuild" || name == "CMakeLists.txt" || name == "meson.build";
        let kconfig = name.starts_with("Kconfig");
        if !(makefile || kconfig) {
            return;
        }
        let stems: Vec<String> = own
            .filter_map(|file| file.rsplit('/').next()?.rsplit_once('.'))
            .map(|(stem, _)| format!("{stem}.o"))
            .collect();
        let lines = || diff.removed.iter().chain(diff.added.iter().map(|(_, text)| text));
        let named = makefile && lines().any(|text| stems.iter().any(|stem| has_word(text, stem)));
        if self.is_place(&diff.path) || named {
            reasons.push((60, format!("changed {} for it", diff.path)));
        } else if beside && self.links {
            reasons.push((if makefile { 30 } else { 20 }, format!("changed {}", diff.path)));
        } else if beside {
            reasons.push((5, format!("changed {}", diff.path)));
        }
    }
}

/// True when a line could declare the name: it is no plain use in a statement.
fn is_declaration(text: &str, symbol: &str) -> bool {
    let text = text.trim_end();
    let indented = text.starts_with([' ', '\t']);
    let Some(at) = text.find(symbol).filter(|_| has_word(text, symbol)) else { return false };
    let before = text[..at].trim();
    let macro_ = before.starts_with("#define") || before.starts_with("# define");
    // A member stands indented: `type name;`. A call or an assignment has no type before it.
    let typed = before
        .split([' ', '\t', '*'])
        .any(|word| word.len() > 1 && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
        && !before.contains(['=', '(', '.', '"'])
        && !before.contains("return");
    let bare = before.is_empty() && !indented;
    let tag = matches!(before, "struct" | "union" | "enum") && text.ends_with('{');
    macro_ || tag || bare || typed
}

/// The name that stands where the symbol stood, in a line that is otherwise the same.
fn renamed<'d>(gone: &str, symbol: &str, diff: &'d FileDiff) -> Option<&'d str> {
    let (before, after) = gone.split_once(symbol)?;
    diff.added.iter().find_map(|(_, text)| {
        let name = text.strip_prefix(before)?.strip_suffix(after)?;
        let whole = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        (whole && !name.is_empty() && name != symbol).then_some(name)
    })
}

fn has_word(text: &str, word: &str) -> bool {
    let inside = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word)
        .any(|(at, _)| !text[..at].ends_with(inside) && !text[at + word.len()..].starts_with(inside))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declarations_and_uses() {
        for line in [
            "int tank_fill(int);",
            "extern struct tank *tank_fill;",
            "#define tank_fill(x) (x)",
            "\tstruct list tank_fill;",
            "tank_fill(struct tank *t)",
        ] {
            assert!(is_declaration(line, "tank_fill"), "{line}");
        }
        for line in [
            "\treturn tank_fill(1);",
            "\tx = tank_fill(1);",
            "\ttank_fill(1);",
            "\tif (tank_fill(1))",
            "int tank_fill_all(void);",
        ] {
            assert!(!is_declaration(line, "tank_fill"), "{line}");
        }
    }

    #[test]
    fn a_new_name_in_the_same_line() {
        let diff = FileDiff { added: vec![(1, "int tank_pour(int);".into())], ..FileDiff::default() };
        assert_eq!(renamed("int tank_fill(int);", "tank_fill", &diff), Some("tank_pour"));
        assert_eq!(renamed("int tank_fill(long);", "tank_fill", &diff), None);
    }
}
