//! Addresses, guards and suggestions; the way over the network is in the end-to-end tests.

use std::collections::HashMap;

use proptest::prelude::*;

use super::diff::{Diff, File};
use super::publish::{guarded, is_quick_action};
use super::suggestions::{name, request};
use super::{BadAddress, Project, Settings};
use crate::answer::Suggestion;
use crate::hunks::Line;

#[test]
fn addresses() {
    for (given, api) in [
        ("https://gitlab.com", "https://gitlab.com/api/v4/"),
        ("https://gitlab.com/", "https://gitlab.com/api/v4/"),
        ("https://gitlab.com/api/v4", "https://gitlab.com/api/v4/"),
        (" https://example.org:8443/dev/git/api/v4/ ", "https://example.org:8443/dev/git/api/v4/"),
        ("https://example.org/git", "https://example.org/git/api/v4/"),
        ("http://127.0.0.1:8080/x", "http://127.0.0.1:8080/x/api/v4/"),
        ("http://[::1]/", "http://[::1]/api/v4/"),
    ] {
        assert_eq!(Settings::new(given, false).unwrap().http.api.as_str(), api);
    }
    assert!(matches!(Settings::new("gitlab.com", false), Err(BadAddress::NotWeb(_))));
    assert!(matches!(Settings::new("ssh://gitlab.com", false), Err(BadAddress::NotWeb(_))));
    assert_eq!(Settings::new("https://a:b@gitlab.com", false).unwrap_err(), BadAddress::TooMuch);
    assert_eq!(Settings::new("https://gitlab.com/?x", false).unwrap_err(), BadAddress::TooMuch);
    assert!(matches!(Settings::new("http://gitlab.example.org", false), Err(BadAddress::Plain(_))));
    assert!(Settings::new("http://gitlab.example.org", true).is_ok());
}

#[test]
fn projects_are_numbers_or_paths() {
    assert_eq!(serde_json::from_str::<Project>("12").unwrap(), Project::Id(12));
    assert_eq!(serde_json::from_str::<Project>("\"a/b\"").unwrap(), Project::Path("a/b".to_owned()));
}

#[test]
fn commands_of_gitlab() {
    for line in ["/close", "/assign @me", "  /merge ", "/target_branch main", "/x\t"] {
        assert!(is_quick_action(line), "{line}");
    }
    for line in ["", "/", "//", "/* x */", "/usr/bin/ld: x", "see /close", "/close.c:3: x", "> /close"] {
        assert!(!is_quick_action(line), "{line}");
    }
    assert_eq!(
        guarded("/close\n  /close\n```\n/close\n```\n/close\n"),
        "\\/close\n  \\/close\n```\n /close\n```\n\\/close"
    );
    assert_eq!(guarded("````\n```\n/close\n````\n/usr/bin/ld: x"), "````\n```\n /close\n````\n/usr/bin/ld: x");
}

fn diff() -> Diff {
    let sha = |digit: &str| digit.repeat(40).parse().unwrap();
    let line = |old, text: &str| Line { hunk: 1, old, text: text.to_owned() };
    let lines = [(3, line(Some(3), "a")), (4, line(None, "b")), (5, line(None, "c"))].into_iter().collect();
    let file = File { old_path: "old.c".to_owned(), lines };
    Diff { base: sha("a"), start: sha("b"), head: sha("c"), files: HashMap::from([("new.c".to_owned(), file)]) }
}

fn suggestion(start: u32, old: &[&str], new: &[&str]) -> Suggestion {
    let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect();
    Suggestion {
        path: "new.c".to_owned(),
        start_line: start,
        end_line: start + u32::try_from(old.len()).unwrap() - 1,
        old: lines(old),
        new: lines(new),
        text: "Why.".to_owned(),
        fingerprint: "0123456789abcdef".to_owned(),
    }
}

#[test]
fn suggestions_stand_on_lines_of_the_diff() {
    let one = request(&suggestion(4, &["b", "c"], &["B"]), "k", &diff()).unwrap();
    insta::assert_json_snapshot!(one, @r#"
    {
      "body": "<!-- triage:key=k suggestion=1ee44e7ca2699839 -->\nWhy.\n\n```suggestion:-0+1\nB\n```",
      "position": {
        "base_sha": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "head_sha": "cccccccccccccccccccccccccccccccccccccccc",
        "new_line": 4,
        "new_path": "new.c",
        "old_path": "old.c",
        "position_type": "text",
        "start_sha": "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
      }
    }
    "#);
    let context = request(&suggestion(3, &["a"], &["A"]), "k", &diff()).unwrap();
    assert_eq!((&context["position"]["old_line"], &context["position"]["new_line"]), (&3.into(), &3.into()));
    let removed = request(&suggestion(4, &["b"], &[]), "k", &diff()).unwrap();
    assert!(removed["body"].as_str().unwrap().ends_with("```suggestion:-0+0\n```"));
    for bad in [
        suggestion(2, &["x"], &["y"]),
        suggestion(5, &["c", "d"], &["y"]),
        suggestion(4, &["not b"], &["y"]),
        suggestion(4, &["b"], &["y\nz"]),
        suggestion(4, &["b"], &["/close"]),
        Suggestion { path: "old.c".to_owned(), ..suggestion(4, &["b"], &["y"]) },
        Suggestion { end_line: 3, ..suggestion(4, &["b"], &["y"]) },
        Suggestion { end_line: u32::MAX, ..suggestion(4, &["b"], &["y"]) },
    ] {
        assert_eq!(request(&bad, "k", &diff()), None, "{bad:?}");
    }
}

#[test]
fn a_suggestion_keeps_its_name_when_lines_move() {
    let one = suggestion(4, &["b"], &["B"]);
    assert_eq!(name(&one), name(&Suggestion { start_line: 9, end_line: 9, text: String::new(), ..one.clone() }));
    assert_ne!(name(&one), name(&suggestion(4, &["b"], &["B", ""])));
    assert_ne!(name(&one), name(&suggestion(4, &["b", "B"], &[])));
}

proptest! {
    /// Nothing that is left begins a line as GitLab's commands do; code keeps its text.
    #[test]
    fn no_command_is_left(text in "(/[a-z]{1,6}( x)?\n| {0,5}/[a-z]{1,3}\n|`{3,5}\n|~{3}\n|\\PC{0,20}\n){0,20}") {
        let guarded = guarded(&text);
        for line in guarded.lines() {
            prop_assert!(!line.starts_with('/') || !is_quick_action(line), "{line}");
        }
        let plain = |text: &str| text.replace(['\\', ' '], "").trim_end().to_owned();
        prop_assert_eq!(plain(&guarded), plain(&text));
    }

    /// A block ends where it is to end, whatever stands in it.
    #[test]
    fn a_suggestion_is_one_block(new in prop::collection::vec("[`~a-z /]{0,8}", 0..6)) {
        let new: Vec<&str> = new.iter().map(String::as_str).collect();
        if let Some(request) = request(&suggestion(4, &["b"], &new), "k", &diff()) {
            let body = request["body"].as_str().unwrap();
            let fence = body.lines().last().unwrap();
            let inside: Vec<&str> = body.lines().skip_while(|line| !line.contains("suggestion:")).skip(1).collect();
            prop_assert_eq!(&inside[..inside.len() - 1], &new[..]);
            prop_assert!(fence.len() >= 3 && new.iter().all(|line| !line.contains(fence)));
        }
    }
}
