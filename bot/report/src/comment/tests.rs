use super::*;
use crate::fixture;
use triage_causes::report::{Applicability, Cause, Report, State};
use triage_log::diagnostic::Location;

fn manner() -> Manner<'static> {
    let link = Some("https://ci.example.org/runs/7");
    Manner { limits: Limits::GITHUB, link, commands: true, source: None, is_known: None }
}

fn said(report: Report, manner: &Manner<'_>) -> Comment {
    of(&Masked::of(report), manner)
}

/// Fences and folds that were opened are closed, each in the other.
fn assert_whole(text: &str) {
    let (mut fence, mut folds) = (None::<String>, 0);
    for line in text.lines() {
        let ticks: String = line.chars().take_while(|&c| c == '`').collect();
        match &fence {
            Some(open) if line == *open => fence = None,
            Some(_) => {}
            None if ticks.len() >= 3 => fence = Some(ticks),
            None => {
                folds += line.matches("<details>").count();
                folds -= line.matches("</details>").count();
            }
        }
    }
    assert_eq!((fence, folds), (None, 0), "{text}");
}

#[test]
fn one_cause_with_a_fix() {
    let said = said(fixture::report(vec![fixture::cause()]), &manner());
    assert_eq!((said.outcome, said.title.as_str()), (Outcome::Failed, "1 cause, 1 verified fix"));
    insta::assert_snapshot!("one_cause", said.comment);
    insta::assert_debug_snapshot!("one_annotation", said.annotations);
    insta::assert_debug_snapshot!("one_suggestion", said.suggestions);
}

#[test]
fn several_builds_and_a_baseline() {
    let mut report = fixture::mixed();
    report.causes[0].state = Some(State::New);
    report.warnings.clear();
    insta::assert_snapshot!("several_builds", said(report, &Manner { commands: false, ..manner() }).comment);
}

#[test]
fn the_machine_and_success() {
    let machine = said(fixture::report(vec![fixture::infrastructure()]), &manner());
    assert_eq!(machine.outcome, Outcome::Infrastructure);
    assert!(machine.comment.contains("\n\nWhat failed is the machine that builds, not the change.\n\n"), "{machine:?}");
    assert!(machine.annotations.is_empty());
    let passed = said(fixture::report(vec![]), &manner());
    assert_eq!((passed.outcome, passed.comment.as_str()), (Outcome::Passed, "No failure any more in 2 412 lines.\n"));
    let mut silent = fixture::report(vec![]);
    silent.builds[0].status = Status::Fail;
    let silent = said(silent, &manner());
    assert_eq!((silent.outcome, silent.title.as_str()), (Outcome::Failed, words::NO_CAUSE));
}

#[test]
fn what_does_not_fit_is_cut_by_causes() {
    let patch = |lines: usize| {
        format!("--- a/x.c\n+++ b/x.c\n@@ -1,2 +1,{} @@\n one\n{} two\n", lines + 2, "+```é\n".repeat(lines))
    };
    for (count, lines) in [(3, 10), (19, 900), (60, 500), (2000, 1), (4, 30_000)] {
        let mut cause = fixture::cause();
        cause.fixes[0].patch = Some(patch(lines));
        let report = fixture::report(vec![cause; count]);
        let all = said(report, &manner());
        for (text, limit) in [(&all.comment, 65_536), (&all.check, 65_535)] {
            assert!(text.encode_utf16().count() <= limit && text.len() <= limit, "{count}: {} bytes", text.len());
            assert_whole(text);
            let told = text.matches("**error:**").count();
            let left = count - told;
            assert!(told > 0, "{text}");
            let says = text.contains(&format!("and {} more cause", words::number(left as u64)));
            assert_eq!(says, left > 0, "{told} of {count}: {}", &text[text.len() - 400..]);
            assert_eq!(text.contains("see <https://ci.example.org/runs/7>"), left > 0);
            assert!(text.ends_with("</sub>\n"));
            // Room is used: another cause would not have fitted.
            assert!(left == 0 || count == 4 || text.len() > limit / 2, "{count}: {}", text.len());
        }
    }
}

#[test]
fn a_narrow_limit_still_says_what() {
    let limits = Limits { comment: 900, check: 900 };
    let text = said(fixture::report(vec![fixture::cause(); 3]), &Manner { limits, ..manner() }).comment;
    assert!(text.len() <= 900 && text.contains("**verified fix:**") && text.contains("and 2 more causes"), "{text}");
    assert_whole(&text);
}

#[test]
fn annotations_lie_in_the_repository() {
    let at = |file: &str| Cause {
        location: Some(Location::new(file, Some(3), None)),
        includes: vec![],
        places: vec![],
        ..fixture::cause()
    };
    let outside = ["/usr/include/zlib.h", "<command-line>", "C:/x.c", "/home/me/src/a.c"];
    let mut causes: Vec<Cause> = outside.iter().map(|file| at(file)).collect();
    causes.push(at("../src/a.c"));
    causes.push(Cause { includes: vec![Location::new("src/b.c", Some(8), None)], ..at("/usr/include/zlib.h") });
    causes.push(at("gen/made.c"));
    let report = fixture::report(causes);
    let places = |is_known: Option<&dyn Fn(&str) -> bool>| -> Vec<(String, u32)> {
        let said = said(report.clone(), &Manner { is_known, ..manner() });
        said.annotations.into_iter().map(|it| (it.path, it.line)).collect()
    };
    let (a, b) = (("src/a.c".to_owned(), 3), ("src/b.c".to_owned(), 8));
    assert_eq!(places(None), [a.clone(), b.clone(), ("gen/made.c".to_owned(), 3)]);
    assert_eq!(places(Some(&|path| path.starts_with("src/"))), [a, b]);
}

#[test]
fn what_is_suggested_and_what_is_not() {
    let suggest = |patch: &str, applicability: Applicability| {
        let mut cause = fixture::cause();
        cause.fixes[0].patch = Some(patch.to_owned());
        cause.fixes[0].applicability = applicability;
        let said = said(fixture::report(vec![cause]), &manner()).suggestions;
        said.into_iter().map(|it| (it.start_line, it.end_line, it.old, it.new)).collect::<Vec<_>>()
    };
    let list = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    let verified = Applicability::Verified;
    let insert = "--- a/x.c\n+++ b/x.c\n@@ -9,3 +9,4 @@\n one\n+new\n two\n three\n";
    assert_eq!(suggest(insert, verified), [(9, 9, list(&["one"]), list(&["one", "new"]))]);
    assert_eq!(suggest(insert, Applicability::Unverified), []);
    let first = "--- a/x.c\n+++ b/x.c\n@@ -1,2 +1,3 @@\n+new\n one\n two\n";
    assert_eq!(suggest(first, verified), [(1, 1, list(&["one"]), list(&["new", "one"]))]);
    let replace = "--- a/x.c\n+++ b/x.c\n@@ -4,3 +4,2 @@\n one\n-two\n-three\n+drei\n";
    assert_eq!(suggest(replace, verified), [(5, 6, list(&["two", "three"]), list(&["drei"]))]);
    let two = format!("{replace}@@ -20,1 +19,2 @@\n twenty\n+more\n");
    assert_eq!(suggest(&two, verified).len(), 2);
    let files = format!("{insert}--- a/y.c\n+++ b/y.c\n@@ -1 +1 @@\n-a\n+b\n");
    assert_eq!(suggest(&files, verified), [], "two files belong together");
    assert_eq!(suggest("--- /dev/null\n+++ b/x.c\n@@ -0,0 +1 @@\n+new\n", verified), [], "a new file");
    assert_eq!(suggest(&insert.replace("new", "n\u{202e}ew"), verified), [], "what cannot be shown");
    let long = format!("--- a/x.c\n+++ b/x.c\n@@ -1 +1,41 @@\n one\n{}", "+x\n".repeat(40));
    assert_eq!(suggest(&long, verified), []);
}
