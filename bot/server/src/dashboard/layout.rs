//! What pages have in common: the frame around them, and small parts.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::LazyLock;
use std::time::Duration;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};
use triage_report::safe;
use triage_store::{LineKind, ListedCause, Timestamp, Verdict};

use super::session::Visitor;
use super::{Link, path};

/// The style of all pages.
pub const STYLE: &str = include_str!("style.css");

/// Where the style is served: a name that follows from its text.
pub fn style_path() -> &'static str {
    static PATH: LazyLock<String> = LazyLock::new(|| {
        let mut name = "/style-".to_owned();
        for byte in Sha256::digest(STYLE.as_bytes()).iter().take(8) {
            let _ = write!(name, "{byte:02x}");
        }
        name + ".css"
    });
    &PATH
}

/// Text from a log, a mail or a forge on one line: hidden characters are shown as their codes. Escaping is
/// maud's.
pub fn clean(text: &str) -> String {
    safe::line(text)
}

/// Several lines of such text.
pub fn clean_block(text: &str) -> String {
    safe::block(text)
}

/// Which part of the navigation a page belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Trees,
    Changes,
    Causes,
    Outbox,
    None,
}

/// A whole page.
pub fn page(visitor: &Visitor, part: Part, title: &str, query: &str, body: Markup) -> Markup {
    let entries = [
        (Part::Trees, "/", "Trees"),
        (Part::Changes, "/changes", "Changes"),
        (Part::Causes, "/causes", "Causes"),
        (Part::Outbox, "/outbox", "Outbox"),
    ];
    let shown = entries.into_iter().filter(|(part, ..)| *part != Part::Outbox || visitor.is_admin());
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (clean(title)) " · triage" }
                link rel="stylesheet" href=(style_path());
                link rel="icon" href="data:,";
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                header.top {
                    a.brand href="/" { "triage" }
                    nav aria-label="Main" {
                        @for (entry, href, name) in shown {
                            a href=(href) aria-current=[(entry == part).then_some("page")] { (name) }
                        }
                    }
                    form.search role="search" action="/search" method="get" {
                        label.hidden for="q" { "Search causes" }
                        input #q type="search" name="q" value=(clean(query)) placeholder="symbol, file, class, tree"
                            maxlength="400" autocomplete="off";
                        button type="submit" { "Search" }
                    }
                }
                main #main tabindex="-1" { (body) }
                footer {
                    @match &visitor.name {
                        Some(name) => {
                            form method="post" action="/logout" {
                                (csrf(visitor))
                                "Logged in as " (clean(name)) " "
                                button.plain type="submit" { "Log out" }
                            }
                        }
                        None => p { "Times are in UTC. " a href="/login" { "Log in" } }
                    }
                }
            }
        }
    }
}

/// The hidden field without which no form is taken.
pub fn csrf(visitor: &Visitor) -> Markup {
    html! { input type="hidden" name="csrf" value=(visitor.csrf); }
}

/// When something was: how long ago, with the exact time for those who ask.
pub fn ago(then: Timestamp, now: Timestamp) -> Markup {
    let exact = then.rfc3339();
    let shown = exact.get(..16).map_or(exact.clone(), |minute| minute.replace('T', " "));
    html! { time datetime=(exact) title={ (shown) " UTC" } { (age(now.since(then))) } }
}

/// The same in a sentence: `3 h ago`.
pub fn long_ago(then: Timestamp, now: Timestamp) -> Markup {
    html! { (ago(then, now)) @if now.since(then).as_secs() >= 60 { " ago" } }
}

/// A day, with the exact time for those who ask.
pub fn date(then: Timestamp) -> Markup {
    let exact = then.rfc3339();
    let shown = exact.get(..16).map_or(exact.clone(), |minute| minute.replace('T', " "));
    html! { time datetime=(exact) title={ (shown) " UTC" } { (then.date()) } }
}

/// `3 min`, `5 h`, `12 d`, `2 y`.
pub fn age(time: Duration) -> String {
    let minutes = time.as_secs() / 60;
    match minutes {
        0 => "now".to_owned(),
        1..60 => format!("{minutes} min"),
        60..1440 => format!("{} h", minutes / 60),
        1440..1_051_200 => format!("{} d", minutes / 1440),
        _ => format!("{} y", minutes / 525_600),
    }
}

/// `1 build`, `12,345 builds`.
pub fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { many })
}

/// `12,345`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A commit as far as people read it.
pub fn short(commit: &str) -> String {
    let is_hash = commit.len() >= 20 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hash { commit[..12].to_owned() } else { clean(commit) }
}

/// A line of development: `net-next / master`, or for a change its tree and title.
pub fn line_name(kind: LineKind, tree: &str, name: &str) -> String {
    match (kind, name) {
        (_, "") => clean(tree),
        (LineKind::Branch, name) => clean(&format!("{tree} / {name}")),
        (LineKind::Change, name) => clean(&format!("{tree} {name}")),
    }
}

/// How the builds of a state ended, in words and as a bar.
pub fn outcome(passed: u64, failed: u64, empty: u64) -> Markup {
    let all = passed + failed + empty;
    // Tenths, so that few of many are seen.
    let tenths = if failed == 0 { 0 } else { (failed * 10).div_ceil(all.max(1)) };
    html! {
        @if all == 0 {
            span.dim { "no builds" }
        } @else if failed > 0 {
            span.bar aria-hidden="true" { span.{ "part t" (tenths) } {} }
            span.fail { (grouped(failed)) " of " (grouped(all)) span.wide { " fail" } }
        } @else if passed > 0 {
            span.bar aria-hidden="true" {}
            span.ok { (grouped(passed)) " pass" }
        } @else {
            span.bar aria-hidden="true" {}
            span.dim { "nothing known" }
        }
    }
}

/// A small word beside a title.
pub fn label(kind: &str, word: &str) -> Markup {
    html! { span.{ "label " (kind) } { (word) } }
}

/// What is to be known of a cause before it is read.
pub fn labels(cause: &ListedCause, is_new: bool) -> Markup {
    html! {
        @if is_new { (label("new", "new")) " " }
        @if !cause.is_open { (label("good", "fixed")) " " }
        @if cause.kind == "infrastructure" { (label("quiet", "infrastructure")) " " }
        @match &cause.verdict {
            Some(Verdict::Invalid) => { (label("quiet", "invalid")) " " }
            Some(Verdict::Duplicate(_)) => { (label("quiet", "duplicate")) " " }
            Some(Verdict::Fixed(_)) => { (label("good", "fix known")) " " }
            Some(Verdict::Withdrawn) | None => {}
        }
    }
}

/// The title of a cause as a link, with its place and class below.
pub fn cause_name(cause: &ListedCause, is_new: bool) -> Markup {
    let title = clean(&cause.title);
    html! {
        (labels(cause, is_new))
        a href=(path(Link::Cause(&cause.fingerprint))) { (if title.is_empty() { "(no title)" } else { title.as_str() }) }
        span.below {
            @if !cause.place.is_empty() { code { (clean(&cause.place)) } " · " }
            (clean(&cause.class))
        }
    }
}

/// The way back to the list and on to its next page.
pub fn pager(address: &str, from_start: bool, next: Option<String>) -> Markup {
    let with = |cursor: &str| {
        let joint = if address.contains('?') { '&' } else { '?' };
        format!("{address}{joint}after={}", super::encoded(cursor))
    };
    html! {
        @if !from_start || next.is_some() {
            nav.pager aria-label="Pages" {
                @if !from_start { a href=(address) { "First page" } }
                @if let Some(next) = &next { a href=(with(next)) rel="next" { "Next page" } }
            }
        }
    }
}

/// An address as a link when it is one of the web, else as text.
pub fn outside(address: &str, shown: &str) -> Markup {
    let is_web = address.starts_with("https://") || address.starts_with("http://");
    html! {
        @if is_web { a href=(address) rel="noopener nofollow" { (clean(shown)) } } @else { (clean(shown)) }
    }
}

/// A diff, its lines marked by what they do; the signs are there without the colours.
pub fn diff(patch: &str) -> Markup {
    let block = clean_block(patch);
    html! {
        pre.diff tabindex="0" role="region" aria-label="Patch" {
            @for line in block.lines() {
                @let kind = match line.as_bytes() {
                    [b'+', b'+', b'+', ..] | [b'-', b'-', b'-', ..] => Cow::Borrowed("file"),
                    [b'+', ..] => Cow::Borrowed("add"),
                    [b'-', ..] => Cow::Borrowed("del"),
                    [b'@', ..] => Cow::Borrowed("hunk"),
                    _ => Cow::Borrowed("same"),
                };
                span.(kind) { (line) } (PreEscaped("\n"))
            }
        }
    }
}
