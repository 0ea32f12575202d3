//! The hidden first line of what we write, by which we find it again, and texts of a length that GitHub takes.

use super::super::models::{Comment, User};

/// Characters of a comment: "body is too long (maximum is 65536 characters)". Bytes are counted here, which are never fewer.
pub(super) const BODY_MAX: usize = 65_536;
/// Characters of the texts of a check run: "Maximum length: 65535 characters."
/// (<https://docs.github.com/en/rest/checks/runs#create-a-check-run>).
pub(super) const SUMMARY_MAX: usize = 65_535;
/// What stands below the marker when there is nothing to say any more.
const RESOLVED: &str = "<!-- triage:state=resolved -->";
/// Where a text was cut.
const CUT: &str = "\n\n*The rest is too long to be shown here.*";

/// `<!-- triage:key=KEY -->`, with more for what there are several of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Marker(String);

impl Marker {
    /// Of the comment of a key.
    pub(super) fn comment(key: &str) -> Self {
        Self(format!("<!-- triage:key={} -->", plain(key)))
    }

    /// Of a suggestion of a key.
    pub(super) fn suggestion(key: &str, id: &str) -> Self {
        Self(format!("<!-- triage:key={} suggestion={} -->", plain(key), plain(id)))
    }

    /// A text below its marker.
    pub(super) fn with(&self, text: &str) -> String {
        let room = BODY_MAX.saturating_sub(self.0.len() + 1);
        format!("{}\n{}", self.0, fit(text, room))
    }

    /// A text that says that what stood here is over.
    pub(super) fn resolved(&self, text: &str) -> String {
        let room = BODY_MAX.saturating_sub(self.0.len() + RESOLVED.len() + 2);
        format!("{}\n{RESOLVED}\n{}", self.0, fit(text, room))
    }

    /// Whether a comment is the one that this marks: written by us, and beginning with it. Others may quote it.
    pub(super) fn marks(&self, comment: &Comment, login: &str) -> bool {
        is_by(comment.user.as_ref(), login) && first_line(comment) == self.0
    }
}

/// Whether a comment says that what stood there is over.
pub(super) fn is_resolved(comment: &Comment) -> bool {
    comment.body.as_deref().and_then(|body| body.lines().nth(1)).is_some_and(|line| line.trim_end() == RESOLVED)
}

/// The id of a suggestion of a key, from a comment of ours.
pub(super) fn suggestion_id<'a>(comment: &'a Comment, key: &str, login: &str) -> Option<&'a str> {
    let start = format!("<!-- triage:key={} suggestion=", plain(key));
    let line = first_line(comment);
    is_by(comment.user.as_ref(), login).then(|| line.strip_prefix(&start)?.strip_suffix(" -->")).flatten()
}

/// Whether the text that GitHub keeps is the one that we would write. It takes spaces off the end and may send other line
/// ends.
pub(super) fn same_text(kept: Option<&str>, text: &str) -> bool {
    let normal = |text: &str| text.replace("\r\n", "\n").trim_end().to_owned();
    kept.is_some_and(|kept| normal(kept) == normal(text))
}

/// A text of at most so many bytes: whole lines, with what the cut left open closed.
pub(super) fn fit(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    // A fence is closed by one of its own length, and folded parts by their tags.
    let mut room = most.saturating_sub(CUT.len());
    loop {
        let end = (0..=room).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
        let end = text[..end].rfind('\n').map_or(0, |at| at + 1);
        let kept = &text[..end];
        let closed = format!("{kept}{}{CUT}", closing(kept));
        if closed.len() <= most || room == 0 {
            return closed;
        }
        room = room.saturating_sub(closed.len() - most).min(end.saturating_sub(1));
    }
}

/// What closes the fence and the `<details>` that a text leaves open.
fn closing(text: &str) -> String {
    let (mut fence, mut details) = (None::<&str>, 0_usize);
    for line in text.lines() {
        let bare = line.trim_start();
        let ticks = &bare[..bare.len() - bare.trim_start_matches('`').len()];
        match fence {
            Some(open) if ticks.len() >= open.len() && bare.trim_end().len() == ticks.len() => fence = None,
            Some(_) => {}
            None if ticks.len() >= 3 => fence = Some(ticks),
            None => {
                let count = |tag: &str| line.matches(tag).count();
                details = (details + count("<details")).saturating_sub(count("</details>"));
            }
        }
    }
    let fence = fence.map(|open| format!("{open}\n")).unwrap_or_default();
    format!("{fence}{}", "\n</details>\n".repeat(details))
}

fn first_line(comment: &Comment) -> &str {
    comment.body.as_deref().and_then(|body| body.lines().next()).unwrap_or_default().trim_end()
}

fn is_by(user: Option<&User>, login: &str) -> bool {
    user.is_some_and(|user| user.login.eq_ignore_ascii_case(login))
}

/// A key as it may stand in a marker; [`crate::answer::Answer::key`] is so already.
fn plain(key: &str) -> String {
    key.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')).collect()
}
