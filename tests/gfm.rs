//! Logs that mean harm, through the pipe into comments, and these through GitHub's own renderer (`cmark-gfm`). What is left of
//! them is text in code, or text in which no filter of GitHub or GitLab finds anything.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

use regex::Regex;
use triage_causes::{Analyzer, Options};
use triage_report::comment::{self, Comment, Limits, Manner};
use triage_report::secrets::Masked;
use triage_rules::RuleBook;
use triage_tests::services::packages;

/// The page that comments link to.
const LINK: &str = "https://ci.example.org/runs/7";

/// What somebody who may choose names, messages and source lines could want to have posted.
const HARM: &[&str] = &[
    "@octocat @org/team @all",
    "@octocat: see",
    "fixes #12, closes #1, owner/repo#1",
    "GH-1 gh-2 PROJ-123",
    "commit 1234567890abcdef1234567890abcdef12345678",
    "user@1234567890abcdef1234567890abcdef12345678 1234567...89abcde",
    "https://evil.example/x?y http://evil.example ftp://evil.example/",
    "www.evil.example mailto:a@evil.example xmpp:a@evil.example",
    "<https://evil.example> <a@evil.example>",
    "[text](https://evil.example \"title\")",
    "![image](https://evil.example/x.png)",
    "[text][ref] and [ref]: https://evil.example",
    "[ref]: https://evil.example",
    "<img src=https://evil.example/x.png onerror=alert(1)>",
    "<script>alert(1)</script><style>*{display:none}</style>",
    "<iframe src=x></iframe><textarea><plaintext>",
    "</code></pre></details></sub></p><h1>hello</h1>",
    "</details></summary><details open><summary>x</summary>",
    "<!-- triage:key=triage --> <!-- x --><!--",
    "<?php x ?> <![CDATA[ x ]]> <!DOCTYPE html>",
    "&lt;b&gt; &#64;octocat &commat;octocat &#x23;12",
    "**bold** __bold__ *i* _i_ ~~s~~ `c` ``c``",
    "# heading",
    "=== setext",
    "---",
    "***",
    "> quote",
    "- item",
    "+ item",
    "1. item 2) item",
    "- [ ] task - [x] done",
    "| a | b | c |",
    "|---|---|",
    "```sh",
    "~~~~~",
    "`````` and ` and ``` x",
    "    indented code",
    "\tindented code",
    "[^1] [^1]: footnote",
    "$x^2$ $$x$$ $`x`$ \\(x\\) \\[x\\]",
    ":tada: :+1: :100: :octocat:",
    "/close",
    "/triage dismiss",
    "/label ~bug /merge",
    "!1 group/project!1 !octocat",
    "~bug ~\"big bug\" ~1",
    "%v1.0 %\"next\" %2",
    "&1 group&2 &epic",
    "$1 group/project$2",
    "[vulnerability:1] [issue:2] [[wiki page]] [epic:x/3]",
    "*iteration:1 ^alert#1 group/project>",
    "\u{202e}@octocat\u{202c} \u{2066}x\u{2069}",
    "@\u{200b}octocat\u{feff} #\u{200d}12",
    "::error::x ::set-env name=PATH::x ##[group]x",
    "\u{1b}]8;;https://evil.example\u{7}x\u{1b}]8;;\u{7} \u{1b}[2J",
    "a\\\\b \\@octocat \\# \\[x\\](y) \\<b>",
    "x`@octocat`#12`",
    "x\\`@octocat\\`<b>",
    "'@octocat' '#12' '<b>' '[x](y)' '''",
    "<a href=\"https://evil.example\">x</a >",
    "\r\r@octocat\r/close\r",
    "\u{2028}/close\u{2029}# heading",
    "autolink:evil.example//x javascript:alert(1) data:text/html,x",
];

/// What does nothing when it stands alone.
const UNSEEN: &[&str] = &[
    "[ref]: https://evil.example",
    "=== setext",
    "- item",
    "+ item",
    "| a | b | c |",
    "|---|---|",
    "~~~~~",
    "`````` and ` and ``` x",
    "    indented code",
    "\tindented code",
    "[^1] [^1]: footnote",
    "autolink:evil.example//x javascript:alert(1) data:text/html,x",
];

/// Logs with the harm in them: in a message, names, a source line, a note, a path, a linker's and a script's words.
fn logs(harm: &str) -> Vec<String> {
    let source = format!(
        "a.c: In function 'f':\na.c:7:5: error: 'x' undeclared (first use in this function)\n    7 | {harm}\n      | ^\n"
    );
    vec![
        format!("src/a.c:3:5: error: {harm}\n"),
        format!("src/a.c:3:5: error: '{harm}' undeclared (first use in this function)\n"),
        format!("{source}a.c:7:5: note: {harm}\nmake: *** [Makefile:2: {harm}] Error 1\n"),
        format!("src/{harm}.c:3:5: error: unknown type name '{harm}'\n"),
        format!(
            "/usr/bin/ld: x.o: in function `{harm}':\na.c:(.text+0x1): undefined reference to `{harm}'\n\
             collect2: error: ld returned 1 exit status\nCMake Error at {harm}:3 (message):\n  {harm}\n\n{harm}\n"
        ),
    ]
}

/// What is said about them, and the links that may be in it: ours, and those of the rule book.
fn comment(logs: &[String]) -> (Comment, Vec<String>) {
    let book = RuleBook::embedded();
    let mut analyzer = Analyzer::new(&book, Options { warnings: true });
    for (number, log) in logs.iter().enumerate() {
        analyzer.begin(&format!("{number}/build.log"));
        let read = triage_log::read_log(&mut log.as_bytes(), &mut |diagnostic| analyzer.diagnostic(diagnostic));
        analyzer.end(&read.unwrap());
    }
    let mut report = analyzer.finish();
    // Patches are ours, but their lines are the source's.
    for cause in &mut report.causes {
        let line = cause.snippet.as_ref().map(|snippet| snippet.text.clone()).unwrap_or_default();
        cause.fixes[0].patch = Some(format!("--- a/x.c\n+++ b/x.c\n@@ -1 +1,2 @@\n {line}\n+{}\n", cause.message));
        cause.fixes[0].applicability = triage_causes::report::Applicability::Verified;
    }
    let manner = Manner { limits: Limits::GITHUB, link: Some(LINK), commands: true, source: None, is_known: None };
    let references = report.causes.iter().chain(&report.warnings).flat_map(|cause| cause.references.clone());
    let links = references.chain([LINK.to_owned()]).collect();
    (comment::of(&Masked::of(report), &manner), links)
}

/// What GitHub's renderer makes of it, with all its extensions, and HTML let through so that it is seen.
fn rendered(markdown: &str) -> String {
    packages::need(&[("cmark-gfm", "cmark-gfm")]);
    let mut command = Command::new("cmark-gfm");
    command.args(["--unsafe", "--github-pre-lang", "--hardbreaks", "--to", "html"]);
    for extension in ["footnotes", "table", "strikethrough", "autolink", "tasklist"] {
        command.args(["--extension", extension]);
    }
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("cmark-gfm starts");
    child.stdin.take().unwrap().write_all(markdown.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

/// Tags that our own Markdown makes.
const TAGS: &[&str] = &[
    "h3", "p", "strong", "code", "pre", "ul", "li", "details", "summary", "sub", "table", "thead", "tbody", "tr", "th",
    "td", "a", "br",
];

/// What forges make something of, in text that is not code.
fn filters() -> Vec<(&'static str, Regex)> {
    let list = [
        ("mention", r"(^|[^\w/`])@[A-Za-z0-9]"),
        ("issue", r"#\d"),
        ("GH- or key of an issue", r"(?i)\b[a-z]+-\d"),
        ("commit", r"\b[0-9a-fA-F]{7,64}\b"),
        ("address", r"(?i)[a-z]+://|\bwww\.|\w@[\w.-]+\.\w|(mailto|xmpp):\S+@\w"),
        ("emoji", r":(\+1|100|[a-z_]+):"),
        ("mathematics", r"\$[^\u{200b}]|\$$"),
        ("merge request", r"![\w]"),
        ("label", r#"~[\w"]"#),
        ("milestone", r#"%[\w"]"#),
        ("epic", r"&\w"),
        ("snippet", r"\$\d"),
        ("reference in brackets", r"\[\w+:|\[\["),
        ("iteration", r"\*iteration:"),
        ("project", r"\w/\w+>"),
        ("alert", r"\^alert"),
        ("hidden", r"[\u{202a}-\u{202e}\u{2066}-\u{2069}\u{feff}\u{200d}\u{1b}\u{7}]"),
    ];
    list.into_iter().map(|(name, pattern)| (name, Regex::new(pattern).unwrap())).collect()
}

/// Goes through the rendered page and gives the tags, the text outside of code and links, and what is wrong with the tags.
fn walk(html: &str, links: &[String]) -> (BTreeSet<String>, Vec<String>, Vec<String>) {
    let (mut tags, mut texts, mut faults) = (BTreeSet::new(), vec![String::new()], Vec::new());
    let (mut code, mut folds) = (0, 0);
    let mut rest = html;
    while !rest.is_empty() {
        let (text, behind) = rest.split_at(rest.find('<').unwrap_or(rest.len()));
        if code == 0 {
            texts.last_mut().unwrap().push_str(text);
        }
        let Some(end) = behind.find('>') else { break };
        let tag = &behind[1..end];
        rest = &behind[end + 1..];
        let step = if tag.starts_with('/') { -1 } else { 1 };
        let name = tag.trim_matches('/').split([' ', '\n']).next().unwrap_or_default().to_lowercase();
        // Code and links are left alone by the filters.
        code += if matches!(name.as_str(), "code" | "pre" | "a") { step } else { 0 };
        folds += if name == "details" { step } else { 0 };
        let attributes = tag.split_once(' ').map_or("", |(_, attributes)| attributes);
        let ours = match name.as_str() {
            "a" => step < 0 || links.iter().any(|link| attributes == format!("href=\"{link}\"")),
            "pre" => ["", "lang=\"c\"", "lang=\"diff\""].contains(&attributes),
            "br" => attributes == "/",
            _ => attributes.is_empty(),
        };
        if !ours {
            faults.push(format!("<{tag}>"));
        }
        // A new line is no new text: what a filter looks for may go over it.
        if name != "br" {
            texts.push(String::new());
        }
        tags.insert(name);
    }
    if code != 0 || folds != 0 {
        faults.push(format!("{code} open code, {folds} open folds"));
    }
    let unescape =
        |text: &String| text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
    (tags, texts.iter().map(unescape).collect(), faults)
}

/// GitLab looks for quick actions in the text as it was written, outside of what this takes for code.
fn quick_actions(markdown: &str) -> Vec<String> {
    // lib/gitlab/quick_actions/extractor.rb of GitLab, without the parts for quotes and HTML, which only take more away.
    let code = Regex::new(r"(?ms)^```.+?\n```$").unwrap();
    let left = code.replace_all(markdown, "");
    left.lines().filter(|line| line.trim_start().starts_with('/')).map(str::to_owned).collect()
}

/// All that acts in it.
fn faults(markdown: &str, links: &[String], filters: &[(&'static str, Regex)]) -> Vec<String> {
    let (tags, texts, mut faults) = walk(&rendered(markdown), links);
    faults.extend(tags.iter().filter(|tag| !TAGS.contains(&tag.as_str())).map(|tag| format!("<{tag}>")));
    for text in &texts {
        let found = filters.iter().filter(|(_, filter)| filter.is_match(text));
        faults.extend(found.map(|(name, _)| format!("{name}: {text:?}")));
    }
    faults.extend(quick_actions(markdown).into_iter().map(|line| format!("quick action {line}")));
    if markdown.contains("<!-- triage") {
        faults.push("our own mark".into());
    }
    if let Some(c) = markdown.chars().find(|c| "\r\u{1b}\u{202e}\u{2028}".contains(*c)) {
        faults.push(format!("{c:?}"));
    }
    faults
}

fn check(markdown: &str, links: &[String], filters: &[(&'static str, Regex)]) {
    let faults = faults(markdown, links, filters);
    assert!(faults.is_empty(), "{faults:#?} in\n{markdown}");
}

#[test]
fn hostile_logs_are_only_text() {
    let filters = filters();
    let mut told = 0;
    for harm in HARM {
        let logs = logs(harm);
        told += logs.len();
        let (said, links) = comment(&logs);
        // The harm is not lost: it stands there, as text.
        assert!(said.comment.len() > 200, "{said:?}");
        check(&said.comment, &links, &filters);
        check(&said.check, &links, &filters);
        for suggestion in &said.suggestions {
            check(&suggestion.text, &links, &filters);
        }
        for annotation in &said.annotations {
            let text = format!("{}{}{}", annotation.title, annotation.message, annotation.path);
            assert!(!text.contains(['\r', '\u{1b}', '\u{202e}', '\u{2028}']), "{text:?}");
        }
    }
    assert!(told >= 100, "{told} logs");
}

#[test]
fn all_harm_in_one_comment() {
    let filters = filters();
    let all: Vec<String> = HARM.iter().flat_map(|harm| logs(harm)).collect();
    let (said, links) = comment(&all);
    assert!(said.comment.len() > 20_000 && said.comment.len() <= Limits::GITHUB.comment, "{}", said.comment.len());
    check(&said.comment, &links, &filters);
    check(&said.check, &links, &filters);
}

#[test]
fn the_check_sees_harm() {
    let filters = filters();
    let unseen: Vec<&str> =
        HARM.iter().copied().filter(|harm| faults(&format!("{harm}\n\nx\n"), &[], &filters).is_empty()).collect();
    // These act only together with something else, or as what is allowed in our own words.
    assert_eq!(unseen, UNSEEN);
}
