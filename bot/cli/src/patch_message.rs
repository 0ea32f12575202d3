//! The message of a patch, in the style of the project's history.

use std::collections::HashMap;
use std::path::Path;

use triage_causes::Report;
use triage_causes::report::{Applicability, Cause};
use triage_fixes::Tree;

use crate::fix::quiet_command;

/// Commits that are looked at.
const HISTORY: &str = "-n30";
/// Columns of a message.
const WIDTH: usize = 72;

/// The head of a mail that `git am` takes, for the report's patch of some files; none when the
/// tree is no git tree.
pub fn of(report: &Report, tree: &Tree, files: &[&str]) -> Option<String> {
    git(tree.root(), &["rev-parse", "--git-dir"])?;
    let fixed: Vec<&Cause> =
        report.causes.iter().filter(|cause| cause.fixes.iter().any(|fix| fix.patch.is_some())).collect();
    let first = fixed.first()?;
    let title = first.fixes.first().map_or("", |fix| fix.title.as_str());
    let title = title.split(" (").next().unwrap_or(title);
    let title = if fixed.len() > 1 { format!("Fix {} build failures", fixed.len()) } else { title.to_owned() };
    let subject = match prefix(tree, files) {
        Some(prefix) => format!("{prefix}{}", lower_first(&title)),
        None => title,
    };
    let name = git(tree.root(), &["config", "user.name"]).unwrap_or_default();
    let mail = git(tree.root(), &["config", "user.email"]).unwrap_or_default();
    let from =
        if mail.is_empty() { String::new() } else { format!("From: {} <{}>\n", one_line(&name), one_line(&mail)) };
    let mut body = String::from("The build fails:\n\n");
    for cause in &fixed {
        let place = cause
            .location
            .as_ref()
            .map(|place| format!("{}:{} ", place.file, place.line.map(|line| format!("{line}:")).unwrap_or_default()));
        body.push_str(&format!("  {}{}\n", place.unwrap_or_default(), one_line(&cause.message)));
    }
    body.push('\n');
    for cause in &fixed {
        let Some(fix) = cause.fixes.first() else { continue };
        let said = fix.title.split(" (").next().unwrap_or(&fix.title);
        body.push_str(&wrapped(&format!("{}.", one_line(said).trim_end_matches('.'))));
    }
    if fixed.iter().any(|cause| cause.fixes.first().is_none_or(|fix| fix.applicability != Applicability::Verified)) {
        body.push_str("\n[not compiled]\n");
    }
    Some(format!("{from}Subject: [PATCH] {}\n\n{body}\n---\n", one_line(&subject)))
}

/// What subjects of commits to these files begin with; none when the project has no such custom.
fn prefix(tree: &Tree, files: &[&str]) -> Option<String> {
    let kernel = tree.is_kernel();
    for count in [files.len().min(1), 0] {
        let mut arguments = vec!["log", HISTORY, "--no-merges", "--format=%s", "--"];
        arguments.extend(files.iter().take(count));
        let log = git(tree.root(), &arguments).unwrap_or_default();
        let mut counts: HashMap<&str, usize> = HashMap::new();
        let subjects = log.lines().filter(|subject| !subject.starts_with("Revert"));
        let all = subjects.inspect(|subject| {
            if let Some(prefix) = head(subject) {
                *counts.entry(prefix).or_default() += 1;
            }
        });
        let all = all.count();
        let most = counts.iter().max_by_key(|(prefix, count)| (**count, std::cmp::Reverse(prefix.len())));
        let custom = counts.values().sum::<usize>() * 2 > all;
        match most {
            // Other files' prefixes say that there is a custom, not which one.
            Some((prefix, _)) if custom && count > 0 => return Some((*prefix).to_owned()),
            Some(_) if custom => return by_path(files),
            _ => {}
        }
    }
    if kernel { by_path(files) } else { None }
}

/// `net: tank: ` of `net: tank: fill it slowly`.
fn head(subject: &str) -> Option<&str> {
    let end = subject.rfind(": ")? + 2;
    let head = &subject[..end];
    let plain = |c: char| c.is_alphanumeric() || "_-/.,:+* ".contains(c);
    (head.len() <= 50 && head.chars().all(plain) && head.split(": ").all(|part| part.split(' ').count() < 3))
        .then_some(head)
}

/// `net: tank: ` of `drivers/net/tank.c`.
fn by_path(files: &[&str]) -> Option<String> {
    let path = Path::new(files.first()?);
    let stem = path.file_stem()?.to_str()?;
    let skipped = ["drivers", "arch", "include", "src", "lib", "linux", "source"];
    let folder = path.parent().and_then(Path::to_str).unwrap_or_default();
    let last = folder.split('/').rfind(|part| !part.is_empty() && !skipped.contains(part) && *part != stem);
    Some(last.map_or_else(|| format!("{stem}: "), |folder| format!("{folder}: {stem}: ")))
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_lowercase().collect::<String>()).unwrap_or_default();
    first + chars.as_str()
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn wrapped(text: &str) -> String {
    let mut out = String::new();
    let mut column = 0;
    for word in text.split(' ') {
        let width = word.chars().count();
        if column > 0 {
            let fits = column + 1 + width <= WIDTH;
            out.push(if fits { ' ' } else { '\n' });
            column = if fits { column + 1 } else { 0 };
        }
        out.push_str(word);
        column += width;
    }
    out + "\n"
}

/// What git says about the tree, without the last line end; none when it fails or is not there.
pub fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let mut command = quiet_command("git");
    // The tree's own configuration must not start programs.
    command.arg("-C").arg(root).args(["-c", "core.fsmonitor=false", "--no-pager", "--no-optional-locks"]);
    let answer = command.args(arguments).output().ok().filter(|answer| answer.status.success())?;
    Some(String::from_utf8_lossy(&answer.stdout).trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_of_subjects() {
        assert_eq!(head("net: tank: fill it slowly"), Some("net: tank: "));
        assert_eq!(head("Fill the tank slowly"), None);
        assert_eq!(head("Do what the manual says about it: fill"), None);
        assert_eq!(by_path(&["drivers/net/tank.c"]).as_deref(), Some("net: tank: "));
        assert_eq!(by_path(&["tank.c"]).as_deref(), Some("tank: "));
        assert_eq!(lower_first("Include <x.h>"), "include <x.h>");
        assert_eq!(wrapped(&"word ".repeat(20)).lines().map(str::len).max(), Some(74 - 5));
    }
}
