use http::Uri;
use proptest::prelude::*;
use secrecy::SecretString;

use super::super::models::{Comment, User};
use super::super::{Credentials, CredentialsError, Github};
use super::marker::{BODY_MAX, Marker, fit, is_resolved, same_text, suggestion_id};
use super::*;
use crate::http::Settings;

fn comment(login: &str, body: &str) -> Comment {
    Comment {
        id: 1,
        node_id: String::new(),
        user: Some(User { login: login.to_owned() }),
        body: Some(body.to_owned()),
        html_url: String::new(),
    }
}

#[test]
fn only_our_own_comments_are_ours() {
    let marker = Marker::comment("triage");
    let text = marker.with("Broken.");
    assert_eq!(text, "<!-- triage:key=triage -->\nBroken.");
    assert!(marker.marks(&comment("Triage-Bot[bot]", &text), "triage-bot[bot]"));
    assert!(marker.marks(&comment("triage-bot[bot]", &text.replace('\n', "\r\n")), "triage-bot[bot]"));
    // Somebody quotes it, we quote it, it is that of another key.
    assert!(!marker.marks(&comment("mallory", &text), "triage-bot[bot]"));
    assert!(!marker.marks(&comment("triage-bot[bot]", &format!("> {text}")), "triage-bot[bot]"));
    assert!(!marker.marks(&comment("triage-bot[bot]", &format!("Hello\n{text}")), "triage-bot[bot]"));
    assert!(!Marker::comment("triage2").marks(&comment("triage-bot[bot]", &text), "triage-bot[bot]"));
    let gone = Comment { user: None, ..comment("", &text) };
    assert!(!marker.marks(&gone, "triage-bot[bot]"));
}

#[test]
fn a_comment_tells_that_it_is_over() {
    let marker = Marker::comment("triage");
    assert!(is_resolved(&comment("x", &marker.resolved("Resolved."))));
    assert!(!is_resolved(&comment("x", &marker.with("<!-- triage:state -->"))));
    let suggestion = Marker::suggestion("a.b", "12ab").with("Try this");
    assert_eq!(suggestion_id(&comment("me", &suggestion), "a.b", "me"), Some("12ab"));
    assert_eq!(suggestion_id(&comment("you", &suggestion), "a.b", "me"), None);
    assert_eq!(suggestion_id(&comment("me", &suggestion), "a", "me"), None);
    assert!(!Marker::comment("a.b").marks(&comment("me", &suggestion), "me"));
}

#[test]
fn texts_that_github_keeps_otherwise_are_the_same() {
    assert!(same_text(Some("a\r\nb"), "a\nb\n"));
    assert!(!same_text(Some("a\nb"), "a\nc") && !same_text(None, ""));
}

#[test]
fn a_text_that_is_cut_stays_whole() {
    let long = format!("Broken.\n\n<details><summary>Patch</summary>\n\n````diff\n{}", "+```\n".repeat(20_000));
    let cut = fit(&long, 1000);
    assert!(cut.len() <= 1000 && cut.len() > 900, "{}", cut.len());
    assert!(cut.ends_with("+```\n````\n\n</details>\n\n\n*The rest is too long to be shown here.*"), "{cut}");
    assert_eq!(fit("short", 5), "short");
    assert!(Marker::comment("k").with(&"ä".repeat(70_000)).len() <= BODY_MAX);
}

proptest! {
    #[test]
    fn no_cut_is_too_long(text in "([a`<é]|\n|```|<details>|</details>){0,200}", most in 60_usize..400) {
        prop_assert!(fit(&text, most).len() <= most);
    }

    #[test]
    fn any_patch_can_be_read(patch in "([-+ @\\\\]|@@ -1,2 \\+[0-9]{1,12},[0-9]{1,3} @@|a|\n|\r){0,60}") {
        Diff::parse(&patch).shows(1, 2, &["a".to_owned(), String::new()]);
    }
}

#[test]
fn a_diff_shows_lines_of_its_right_side() {
    let patch = "@@ -1,3 +1,4 @@ int f(void)\n int a;\n-int b;\n+int c;\n+int d;\n int e;\n@@ -20 +21 @@\n-old\n+new\n\\ No newline at end of file";
    let diff = Diff::parse(patch);
    let lines = |text: &[&str]| text.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    assert!(diff.shows(1, 4, &lines(&["int a;", "int c;", "int d;", "int e;"])));
    assert!(diff.shows(21, 21, &lines(&["new"])));
    // Other text, a line beyond, over two hunks, another count.
    assert!(!diff.shows(2, 2, &lines(&["int b;"])));
    assert!(!diff.shows(5, 5, &lines(&[""])) && !diff.shows(0, 0, &lines(&["int a;"])));
    assert!(!diff.shows(4, 21, &lines(&["int e;", "new"])));
    assert!(!diff.shows(2, 1, &[]) && !diff.shows(2, 3, &lines(&["int c;"])));
    // Lines that look like headers are lines.
    let tricky = Diff::parse("@@ -0,0 +1,2 @@\n+++ b/x\n+@@ -1 +9 @@");
    assert!(tricky.shows(1, 2, &lines(&["++ b/x", "@@ -1 +9 @@"])));
}

#[tokio::test]
async fn credentials_that_cannot_be_used_are_told_at_once() {
    let settings = Settings::new("https://api.github.com".parse().unwrap());
    let github = |credentials| Github::new(settings.clone(), &credentials).map(drop);
    let key = SecretString::from("-----BEGIN RSA PRIVATE KEY-----\nnone\n-----END RSA PRIVATE KEY-----\n");
    assert!(matches!(github(Credentials::App { id: 1, key }), Err(CredentialsError::Key)));
    for token in ["", "with\nline end", "with space"] {
        let token = SecretString::from(token);
        assert!(matches!(github(Credentials::Token(token)), Err(CredentialsError::Token)));
    }
    github(Credentials::Actions(SecretString::from("ghs_1"))).unwrap();
}

#[test]
fn repositories_are_named_by_two_words() {
    assert_eq!(Repository::parse("o/r.x").unwrap().path(&["pulls", "1"]), "/repos/o/r.x/pulls/1");
    for wrong in ["o", "o/", "/r", "o/r/x", "o/..", "o/r?x", "o r/x", "o/r#"] {
        assert_eq!(Repository::parse(wrong), None, "{wrong}");
    }
    // What comes from outside stays one segment.
    let strange = Repository::parse("o/r").unwrap().path(&["collaborators", "a/../b?c", "permission"]);
    assert_eq!(strange, "/repos/o/r/collaborators/a%2F..%2Fb%3Fc/permission");
    assert!(strange.parse::<Uri>().is_ok());
}

/// What a worker spawns has to be sendable.
#[test]
fn publishing_can_be_spawned() {
    fn spawnable<T: Send>(_: impl FnOnce(Session, Target, Answer) -> T) {}
    spawnable(|session, target, answer| async move { session.publish(&target, &answer, Ways::default()).await });
    spawnable(|session, target, _| async move { session.may_write(&target.repository, "x").await });
}
