//! What the subject of a patch says: `[PATCH net-next v3 2/5] net: add x`.

use serde::{Deserialize, Serialize};

/// Patches that a series may have. Beyond it a number is taken for something else.
const TOTAL_MAX: u32 = 4096;
/// Brackets of a subject that are read.
const BRACKETS_MAX: usize = 8;

/// A subject, taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Subject {
    /// What stands behind all brackets.
    pub title: String,
    /// `Re:` or `Fwd:` of any language stands before it.
    pub reply: bool,
    /// `PATCH` in any spelling.
    pub patch: bool,
    /// `RFC`.
    pub rfc: bool,
    /// `RESEND` or `REPOST`.
    pub resend: bool,
    /// `GIT PULL` or `PULL REQUEST`.
    pub pull: bool,
    /// The version, when it is said.
    pub version: Option<u32>,
    /// `n` of `n/m`: 0 is the cover letter.
    pub number: Option<u32>,
    /// `m` of `n/m`.
    pub total: Option<u32>,
    /// Everything else in the brackets: mostly the tree that the patch is for.
    pub tags: Vec<String>,
}

impl Subject {
    /// Takes a decoded subject apart. Any text is a subject.
    pub fn parse(text: &str) -> Self {
        let mut subject = Self::default();
        let mut rest = text.trim();
        loop {
            // "Re: " may also stand between brackets of a list ("[list] Re: [PATCH]").
            if let Some(after) = after_reply_mark(rest) {
                subject.reply = true;
                rest = after;
            } else if let Some((inner, after)) = bracket(rest).filter(|_| subject.tags.len() < BRACKETS_MAX) {
                subject.read_bracket(inner);
                rest = after;
            } else {
                break;
            }
        }
        subject.title = subject.read_bare_number(rest).trim().to_owned();
        subject
    }

    /// Whether the sender calls it part of a patch series.
    pub fn is_patch(&self) -> bool {
        !self.reply && !self.pull && (self.patch || self.number.is_some() || self.rfc || self.version.is_some())
    }

    /// Whether it is `0/m`.
    pub fn is_cover(&self) -> bool {
        self.is_patch() && self.number == Some(0)
    }

    fn read_bracket(&mut self, inner: &str) {
        let mut words = inner.split([' ', ',', ';', '[', ']', '\t']).filter(|word| !word.is_empty()).peekable();
        while let Some(word) = words.next() {
            let lower = word.to_ascii_lowercase();
            let next = words.peek().map(|next| next.to_ascii_lowercase());
            if lower == "git" && next.as_deref().is_some_and(|next| next.starts_with("pull"))
                || lower == "pull" && next.as_deref() == Some("request")
            {
                self.pull = true;
                words.next();
            } else {
                self.read_word(word, &lower);
            }
        }
    }

    fn read_word(&mut self, word: &str, lower: &str) {
        if let Some((number, total)) = counters(lower) {
            (self.number, self.total) = (Some(number), Some(total));
        } else if let Some(version) = version(lower) {
            self.version = Some(version);
        } else if let Some(rest) = lower.strip_prefix("patch") {
            // "PATCHv2", "PATCH-next", "PATCHSET", "PATCHv3-for-6.2"
            self.patch = true;
            let rest = rest.trim_start_matches("set").trim_start_matches("es").trim_start_matches(['-', '_', ':']);
            if !rest.is_empty() {
                self.read_word(&word[word.len() - rest.len()..], rest);
            }
        } else if let Some(rest) =
            lower.strip_prefix("rfc").filter(|rest| rest.is_empty() || rest.starts_with(['v', '/', '-', 'p']))
        {
            self.rfc = true;
            let rest = rest.trim_start_matches(['/', '-']);
            if !rest.is_empty() {
                self.read_word(&word[word.len() - rest.len()..], rest);
            }
        } else if lower.starts_with("resend") || lower.starts_with("repost") {
            self.resend = true;
        } else if lower == "pull" || lower == "gitpull" {
            self.pull = true;
        } else if self.tags.len() < 2 * BRACKETS_MAX {
            self.tags.push(word.chars().take(64).collect());
        }
    }

    /// `n/m:` behind the brackets, as some write it: `[PATCH] 1/2: title`.
    fn read_bare_number<'a>(&mut self, rest: &'a str) -> &'a str {
        let (marked, bare) = match rest.strip_prefix("PATCH ") {
            Some(after) => (true, after),
            None => (self.patch, rest),
        };
        if !marked || self.number.is_some() {
            return rest;
        }
        let mut read = Self::default();
        let mut bare = bare.trim_start();
        if let Some((word, after)) = bare.split_once(' ')
            && let Some(of) = version(&word.to_ascii_lowercase())
        {
            read.version = Some(of);
            bare = after.trim_start();
        }
        let end = bare.find([' ', ':', ')']).unwrap_or(bare.len());
        let word = bare[..end].trim_start_matches('(');
        let Some((number, total)) = counters(word).filter(|_| bare[end..].starts_with([':', ')'])) else { return rest };
        (self.patch, self.number, self.total) = (true, Some(number), Some(total));
        self.version = self.version.or(read.version);
        bare[end..].trim_start_matches([':', ')', ' '])
    }
}

/// The text behind `Re:`, `RE[2]:`, `AW:`, `Fwd:` and their like.
fn after_reply_mark(text: &str) -> Option<&str> {
    const MARKS: [&str; 14] =
        ["re", "aw", "antw", "sv", "vs", "fw", "fwd", "wg", "tr", "rv", "odp", "回复", "答复", "转发"];
    let end = text.find([':', '：'])?;
    let mark = text[..end].trim_end();
    let mark = mark.split_once(['[', '(']).map_or(mark, |(mark, _)| mark).trim_end();
    let known = MARKS.iter().any(|known| mark.eq_ignore_ascii_case(known));
    known.then(|| text[end..].trim_start_matches([':', '：']).trim_start())
}

/// What stands in the bracket at the beginning, which may hold brackets, and what stands behind it.
fn bracket(text: &str) -> Option<(&str, &str)> {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'[' => depth += 1,
            b']' if depth == 1 => return Some((&text[1..at], text[at + 1..].trim_start())),
            b']' => depth = depth.checked_sub(1)?,
            _ if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

/// `2/5`, `02/10`, `2of5`.
fn counters(word: &str) -> Option<(u32, u32)> {
    let (number, total) = word.split_once('/').or_else(|| word.split_once("of"))?;
    let read = |text: &str| -> Option<u32> {
        let plain = (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| text.parse().ok())?
    };
    let (number, total) = (read(number)?, read(total)?);
    (total > 0 && total <= TOTAL_MAX).then_some((number, total))
}

/// `v3`; of `v3.1` the 3.
fn version(word: &str) -> Option<u32> {
    let digits = word.strip_prefix('v').or_else(|| word.strip_prefix("ver"))?;
    let whole = digits.split('.').next()?;
    let plain = (1..=3).contains(&whole.len()) && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    plain.then(|| whole.parse().ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Number, total, version, title.
    fn told(text: &str) -> (Option<u32>, Option<u32>, Option<u32>, String) {
        let subject = Subject::parse(text);
        assert!(subject.is_patch(), "{text}: {subject:?}");
        (subject.number, subject.total, subject.version, subject.title)
    }

    #[test]
    fn reads_all_spellings_of_a_number_and_a_version() {
        for (text, number, total, version) in [
            ("[PATCH] x: y", None, None, None),
            ("[PATCH v3 2/5] x: y", Some(2), Some(5), Some(3)),
            ("[PATCH 02/10] x: y", Some(2), Some(10), None),
            ("[PATCH V4 1/2] x: y", Some(1), Some(2), Some(4)),
            ("[PATCHv2] x: y", None, None, Some(2)),
            ("[PATCHv2 0/3] x: y", Some(0), Some(3), Some(2)),
            ("[PATCH,v2,1/3] x: y", Some(1), Some(3), Some(2)),
            ("[v2 PATCH 1/3] x: y", Some(1), Some(3), Some(2)),
            ("[PATCH v2][net-next][1/3] x: y", Some(1), Some(3), Some(2)),
            ("[PATCH] [v2] 1/3: x: y", Some(1), Some(3), Some(2)),
            ("[PATCH] (1/3) x: y", Some(1), Some(3), None),
            ("PATCH v2 1/3: x: y", Some(1), Some(3), Some(2)),
            ("[PATCH 1of2] x: y", Some(1), Some(2), None),
            ("[RFCv2 1/3] x: y", Some(1), Some(3), Some(2)),
            ("[RFC/PATCH 1/3]  x: y", Some(1), Some(3), None),
            ("[PATCH v2.1 3/5] x: y", Some(3), Some(5), Some(2)),
            ("[PATCH-next v2] x: y", None, None, Some(2)),
            ("[PATCHSET 0/4] x: y", Some(0), Some(4), None),
            ("[PATCH [RESEND] v5 1/1] x: y", Some(1), Some(1), Some(5)),
            ("[linux-list] [PATCH 1/2] x: y", Some(1), Some(2), None),
        ] {
            assert_eq!(told(text), (number, total, version, "x: y".to_owned()), "{text}");
        }
    }

    #[test]
    fn keeps_the_tree_and_the_flags() {
        let subject = Subject::parse("[RFC PATCH net-next v2] a");
        assert!(subject.rfc && subject.patch && subject.tags == ["net-next"] && subject.version == Some(2));
        assert!(Subject::parse("[PATCH RESEND] a").resend);
        assert_eq!(Subject::parse("[PATCH AUTOSEL 6.1 12/30] a").tags, ["AUTOSEL", "6.1"]);
        assert_eq!(Subject::parse("[PATCH v3 -next] a").tags, ["-next"]);
        assert_eq!(Subject::parse("[PATCH 5.10 001/100] [media] a").tags, ["5.10", "media"]);
        let pull = Subject::parse("[GIT PULL] fixes for 6.1");
        assert!(pull.pull && !pull.is_patch() && pull.title == "fixes for 6.1");
        assert!(Subject::parse("[GIT PULL 1/2] a").pull && Subject::parse("[PULL REQUEST] a").pull);
    }

    #[test]
    fn replies_are_no_patches() {
        for text in [
            "Re: [PATCH] a",
            "RE: [PATCH 1/2] a",
            "Aw: [PATCH] a",
            "Re[2]: [PATCH] a",
            "Fwd: [PATCH] a",
            "[list] Re: [PATCH] a",
            "回复： [PATCH] a",
            "Re: Re: [PATCH] a",
        ] {
            let subject = Subject::parse(text);
            assert!(
                subject.reply && !subject.is_patch() && subject.patch && subject.title == "a",
                "{text}: {subject:?}"
            );
        }
    }

    #[test]
    fn other_subjects_are_left_alone() {
        for text in
            ["regmap: use 1/2 of it", "foo", "[ANNOUNCE] Git v2.48", "[BUG] re: nothing", "1/2: foo", "[PATCH", "]["]
        {
            assert!(!Subject::parse(text).is_patch() || text == "[PATCH", "{text}");
        }
        let subject = Subject::parse("[PATCH] half 1/2 of it");
        assert_eq!((subject.number, subject.title.as_str()), (None, "half 1/2 of it"));
        assert_eq!(Subject::parse("[PATCH 3/0] a").number, None);
        assert_eq!(Subject::parse("[PATCH 1/99999] a").total, None);
        assert_eq!(Subject::parse("[PATCH] [x86] a [b] c").title, "a [b] c");
    }

    proptest! {
        #[test]
        fn any_text_is_a_subject(text in "\\PC{0,60}", marked in "(\\[|\\]|PATCH|v[0-9]|/|[0-9]|Re:|RFC| ){0,30}") {
            Subject::parse(&text);
            Subject::parse(&marked);
        }
    }
}
