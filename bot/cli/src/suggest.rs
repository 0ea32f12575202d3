//! Candidates for the causes of a report, and how they are told in it.

use std::collections::HashSet;

use triage_causes::Report;
use triage_causes::report::{Applicability, Cause, Fix};
use triage_fixes::verify::{Outcome, Trial, Verdict};
use triage_fixes::{Candidate, Context, Edit, Tree, candidates, edit};
use triage_log::diagnostic::Location;
use triage_rules::RuleBook;

/// Candidates of a cause that are told.
const TOLD: usize = 4;
/// Other places of a cause that are told.
const PLACES: usize = 20;
/// Classes whose messages name who suffers (objects, users of a name, who includes a file), and not
/// who is at fault.
const ELSEWHERE: &[&str] = &[
    "multiple-definition",
    "undefined-reference",
    "library-not-found",
    "modpost-undefined",
    "modpost-license",
    "kconfig-syntax",
    "devicetree-error",
    "no-rule-to-make-target",
];

/// The candidates for every cause, best first.
pub fn all(report: &Report, tree: &Tree, book: &RuleBook) -> Vec<Vec<Candidate>> {
    let kernel = tree.is_kernel();
    let of = |cause: &Cause| {
        let rule = book.get(&cause.rule).and_then(|rule| rule.prose().fixer.as_ref());
        candidates(&Context { tree, cause, kernel, rule, all: report })
    };
    report.causes.iter().map(of).collect()
}

/// Puts the candidates into the report, the best first, and the combined patch. Gives the edits of
/// that patch.
pub fn tell(report: &mut Report, candidates: &[Vec<Candidate>], trial: Option<&Trial>, tree: &Tree) -> Vec<Edit> {
    let mut broken: HashSet<String> = HashSet::new();
    let mut combined: Vec<Edit> = trial.map(|trial| trial.edits.clone()).unwrap_or_default();
    for (number, cause) in report.causes.iter_mut().enumerate() {
        let Some(list) = candidates.get(number) else { continue };
        let outcome = trial.and_then(|trial| trial.outcomes.get(number)).unwrap_or(&Outcome::Absent);
        let verdict = |at: usize| trial.and_then(|trial| trial.verdicts.get(&(number, at)));
        let order = order(list.len(), outcome, &verdict);
        let mut fixes: Vec<Fix> = Vec::new();
        for &at in &order {
            let candidate = &list[at];
            if fixes.len() == TOLD && !candidate.edits.is_empty() {
                continue;
            }
            let Some(mut fix) = told(candidate, tree) else { continue };
            match (outcome, verdict(at)) {
                (Outcome::Verified { candidate, objects }, _) if *candidate == at => {
                    fix.applicability = Applicability::Verified;
                    fix.title = format!("{} ({})", fix.title, proof(*objects));
                }
                (_, Some(Verdict::Bad(why))) => fix.title = format!("{} (tried: {why})", fix.title),
                (_, Some(Verdict::Doubtful(why))) => fix.title = format!("{} (it builds, but {why})", fix.title),
                _ => {}
            }
            fixes.push(fix);
        }
        if let Outcome::Gone(other) = outcome {
            for fix in &mut fixes {
                fix.patch = None;
            }
            let title = format!("Goes with the fix of cause {}", other + 1);
            fixes.insert(0, Fix { applicability: Applicability::Verified, title, ..advice("other_cause") });
        } else if let Some(&first) = order.first()
            && !matches!(verdict(first), Some(Verdict::Bad(_)))
        {
            let candidate = &list[first];
            if let Some(diagnosis) = candidate.diagnosis {
                cause.diagnosis = Some(diagnosis.to_owned());
            }
            let proved = matches!(outcome, Outcome::Verified { .. });
            if let Some(place) = place(cause, candidate, proved, tree)
                && let Some(old) = cause.location.replace(place)
            {
                cause.snippet = None;
                cause.places.insert(0, old);
                cause.places.truncate(PLACES);
            }
            // Where a bracket is missing, what the compiler says of the rest of the file means little.
            let shaken = cause.location.as_ref().is_some_and(|place| broken.contains(&place.file));
            if candidate.diagnosis == Some("syntax-error") {
                broken.extend(candidate.file.clone());
            }
            let fresh: Vec<Edit> = candidate.edits.iter().filter(|edit| !combined.contains(edit)).cloned().collect();
            let with: Vec<Edit> = combined.iter().chain(&fresh).cloned().collect();
            // What contradicts the fix of an earlier cause stays a fix of its own.
            if (proved || !shaken) && edit::changed(tree, &with).is_ok() {
                combined = with;
            }
        }
        let same = |old: &Fix| {
            fixes.iter().any(|new| {
                new.kind == old.kind
                    && (new.header.as_ref(), new.package.as_ref()) == (old.header.as_ref(), old.package.as_ref())
            })
        };
        cause.fixes.retain(|old| old.kind == "advice" || !same(old));
        fixes.append(&mut cause.fixes);
        cause.fixes = fixes;
    }
    if !combined.is_empty() {
        report.patch = edit::diff(tree, &combined).ok().filter(|diff| !diff.is_empty());
    }
    combined
}

/// The place to look at, when the best candidate knows it better than the log: where the change goes.
fn place(cause: &Cause, candidate: &Candidate, proved: bool, tree: &Tree) -> Option<Location> {
    let file = candidate.file.clone().filter(|_| !candidate.edits.is_empty())?;
    let told = cause.location.as_ref();
    let vague = told.is_none_or(|place| place.line.is_none() || !tree.exists(&place.file));
    let same = told.is_some_and(|place| place.file == file);
    let shared = candidate.diagnosis.is_some_and(|diagnosis| diagnosis.ends_with("-cascade"));
    let better = vague || !same && (proved || shared || ELSEWHERE.contains(&cause.class.as_str()));
    better.then(|| Location::new(file, candidate.line, None))
}

/// Numbers of candidates in the order in which they are told: what is verified, what builds, what
/// was not tried, what does not help.
fn order<'v>(count: usize, outcome: &Outcome, verdict: &impl Fn(usize) -> Option<&'v Verdict>) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by_key(|&at| match (outcome, verdict(at)) {
        (Outcome::Verified { candidate, .. }, _) if *candidate == at => 0,
        (_, Some(Verdict::Good | Verdict::Doubtful(_))) => 1,
        (_, None) => 2,
        (_, Some(Verdict::Bad(_))) => 3,
    });
    order
}

/// What was seen, in a few words.
fn proof((there, all): (usize, usize)) -> String {
    match (there, all) {
        (_, 0) => "the commands pass".to_owned(),
        (1, 1) => "the object now compiles".to_owned(),
        (there, all) if there < all => format!("it goes; {there} of {all} objects compile, the rest has other causes"),
        (there, all) => format!("{there} of {all} objects now compile"),
    }
}

/// A candidate as a fix; none when its change cannot be made.
fn told(candidate: &Candidate, tree: &Tree) -> Option<Fix> {
    let patch = match candidate.edits.is_empty() {
        true => None,
        false => Some(edit::diff(tree, &candidate.edits).ok().filter(|diff| !diff.is_empty())?),
    };
    Some(Fix {
        applicability: Applicability::Unverified,
        kind: candidate.kind.to_owned(),
        title: candidate.title.clone(),
        header: candidate.header.clone(),
        file: candidate.file.clone(),
        line: candidate.line,
        package: candidate.package.clone(),
        patch,
    })
}

fn advice(kind: &str) -> Fix {
    Fix {
        applicability: Applicability::Advice,
        kind: kind.to_owned(),
        title: String::new(),
        header: None,
        file: None,
        line: None,
        package: None,
        patch: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(class: &str, location: Option<(&str, Option<u32>)>) -> Cause {
        let value = serde_json::json!({
            "rule": "test", "class": class, "kind": "code", "title": "", "message": "", "tool": "ld",
            "severity": "error", "symbols": [], "werror": false, "fingerprint": "0", "builds": [],
            "counts": {"findings": 1, "files": 1, "consequences": 0}, "places": [], "includes": [], "objects": [],
            "notes": [], "explanation": "", "fixes": [], "log": {"line": 1, "start": 0, "end": 0}, "references": [],
        });
        let mut cause: Cause = serde_json::from_value(value).unwrap();
        cause.location = location.map(|(file, line)| Location::new(file, line, None));
        cause
    }

    #[test]
    fn the_place_of_the_change_where_the_log_knows_none() {
        let folder = tempfile::tempdir().unwrap();
        for file in ["tank.c", "tank.h"] {
            std::fs::write(folder.path().join(file), "int tank;\n").unwrap();
        }
        let tree = Tree::open(folder.path()).unwrap();
        let edit = Edit { file: "tank.h".into(), start: 0, end: 0, text: "extern ".into() };
        let change =
            Candidate { file: Some("tank.h".into()), line: Some(3), edits: vec![edit], ..Candidate::default() };
        let moved = |cause: &Cause, proved| place(cause, &change, proved, &tree).map(|place| (place.file, place.line));
        let there = Some(("tank.h".to_owned(), Some(3)));
        let own = Some(("tank.c", Some(1)));
        assert_eq!(moved(&cause("multiple-definition", None), false), there);
        assert_eq!(moved(&cause("multiple-definition", own), false), there);
        assert_eq!(moved(&cause("syntax-error", Some(("tank.o", Some(1)))), false), there);
        assert_eq!(moved(&cause("syntax-error", own), true), there);
        // A guess is no better than a line of the log, and advice knows no place.
        assert_eq!(moved(&cause("syntax-error", own), false), None);
        assert_eq!(moved(&cause("syntax-error", Some(("tank.h", Some(9)))), true), None);
        assert_eq!(place(&cause("multiple-definition", None), &Candidate::default(), false, &tree), None);
    }
}
