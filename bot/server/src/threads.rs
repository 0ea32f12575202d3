//! Threads: the patches of a series in one version, and what was said below them.

use std::collections::{BTreeMap, BTreeSet};

use triage_causes::report::Cause;
use triage_mail::reply::{Blame, Certainty};
use triage_mail::{Address, Message, MessageId};

/// How far up a thread is followed.
const DEPTH: usize = 1000;

/// A series in one version, with its thread.
#[derive(Debug)]
pub struct Thread {
    /// The first mail of the thread: the cover letter, or the first patch.
    pub id: MessageId,
    /// The version, from 1.
    pub version: u32,
    /// `0/m`.
    pub cover: Option<Message>,
    /// The patches in their order.
    pub patches: Vec<Patch>,
    /// Everything else, in the order in which it came.
    pub others: Vec<Message>,
}

/// A patch.
#[derive(Debug)]
pub struct Patch {
    /// Its number, from 1.
    pub number: u32,
    /// How many the series has.
    pub total: u32,
    /// Its subject without the brackets.
    pub title: String,
    /// The mail.
    pub message: Message,
}

/// What a subject says of a patch.
struct Tag {
    version: u32,
    number: u32,
    total: u32,
    title: String,
}

/// Puts the mails together. Mails that belong to no patch are left out.
pub fn assemble(messages: Vec<Message>) -> Vec<Thread> {
    let mut known: BTreeMap<MessageId, usize> = BTreeMap::new();
    let mut unique: Vec<Message> = Vec::new();
    for message in messages {
        if let Some(id) = &message.message_id
            && !known.contains_key(id)
        {
            known.insert(id.clone(), unique.len());
            unique.push(message);
        }
    }
    let tags: Vec<Option<Tag>> = unique.iter().map(|message| tag(&message.subject)).collect();
    let parent = |at: usize| unique[at].parent().and_then(|id| known.get(id)).copied().filter(|&up| up != at);
    let above = |at: usize| {
        let mut seen = BTreeSet::from([at]);
        std::iter::successors(Some(at), |&at| parent(at)).take(DEPTH).take_while(move |&up| up == at || seen.insert(up))
    };
    // A patch belongs to the topmost mail above it that is a patch of the same version.
    let home = |at: usize| -> Option<(usize, u32)> {
        let near = above(at).find(|&up| tags[up].is_some())?;
        let version = tags[near].as_ref()?.version;
        let same = |up: &usize| tags[*up].as_ref().is_some_and(|tag| tag.version == version);
        Some((above(near).filter(same).last()?, version))
    };
    let homes: Vec<Option<(usize, u32)>> = (0..unique.len()).map(home).collect();
    let mut threads: BTreeMap<(usize, u32), Thread> = BTreeMap::new();
    let ids: Vec<Option<MessageId>> = unique.iter().map(|message| message.message_id.clone()).collect();
    for ((message, tag), home) in unique.into_iter().zip(tags).zip(homes) {
        let Some((root, version)) = home else { continue };
        let Some(id) = ids[root].clone() else { continue };
        let empty = || Thread { id, version, cover: None, patches: Vec::new(), others: Vec::new() };
        let thread = threads.entry((root, version)).or_insert_with(empty);
        match tag {
            Some(tag) if tag.number == 0 => thread.cover = Some(message),
            Some(Tag { number, total, title, .. }) => thread.patches.push(Patch { number, total, title, message }),
            None => thread.others.push(message),
        }
    }
    let mut threads: Vec<Thread> = threads.into_values().collect();
    for thread in &mut threads {
        thread.patches.sort_by_key(|patch| patch.number);
        thread.others.sort_by_key(|message| message.date);
    }
    threads
}

/// `[PATCH v2 1/3] title`; none for what is no patch.
fn tag(subject: &str) -> Option<Tag> {
    let (inner, mut title) = subject.trim_start().strip_prefix('[')?.split_once(']')?;
    let mut tag = Tag { version: 1, number: 1, total: 1, title: String::new() };
    let mut words: Vec<&str> = inner.split([' ', ',']).collect();
    while let Some((more, rest)) = title.trim_start().strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        words.extend(more.split([' ', ',']));
        title = rest;
    }
    if !words.iter().any(|word| word.to_ascii_uppercase().starts_with("PATCH") || *word == "RFC") {
        return None;
    }
    for word in words {
        let word = word.strip_prefix("PATCH").unwrap_or(word);
        if let Some((number, total)) = word.split_once('/')
            && let (Ok(number), Ok(total)) = (number.parse::<u16>(), total.parse::<u16>())
        {
            (tag.number, tag.total) = (number.into(), u32::from(total).max(1));
        } else if let Some(version) = word.strip_prefix(['v', 'V']).and_then(|version| version.parse::<u16>().ok()) {
            tag.version = u32::from(version).max(1);
        }
    }
    tag.title = title.trim().to_owned();
    Some(tag)
}

impl Thread {
    /// All mails: the cover letter, the patches, the rest.
    pub fn messages(&self) -> impl Iterator<Item = &Message> {
        self.cover.iter().chain(self.patches.iter().map(|patch| &patch.message)).chain(&self.others)
    }

    /// Whether a mail is one of it.
    pub fn holds(&self, id: &MessageId) -> bool {
        self.messages().any(|message| message.message_id.as_ref() == Some(id))
    }

    /// The mail that stands for the whole: the cover letter, or the first patch.
    pub fn head(&self) -> Option<&Message> {
        self.cover.as_ref().or_else(|| self.patches.first().map(|patch| &patch.message))
    }

    /// The commit or tag that the series says it applies to.
    pub fn base(&self) -> Option<String> {
        let lines = self.messages().flat_map(|message| message.text.lines());
        let base = lines.filter_map(|line| line.strip_prefix("base-commit: ")).map(str::trim);
        base.filter(|id| (7..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_hexdigit()))
            .map(|id| id[..id.len().min(12)].to_owned())
            .next()
    }

    /// Whether a person wrote to the thread or was written to, in any mail but `except`.
    pub fn knows(&self, person: &Address, except: &MessageId) -> bool {
        let others = self.messages().filter(|message| message.message_id.as_ref() != Some(except));
        others
            .flat_map(|message| message.from.iter().chain(&message.to).chain(&message.cc))
            .any(|one| one.address().is(person))
    }

    /// The patch that most likely did it.
    pub fn blame(&self, cause: &Cause) -> Blame {
        let total = self.patches.len().max(1) as u32;
        if let Some(known) = self.suspected(cause) {
            return known;
        }
        let mut weighed: Vec<(u32, &Patch, String)> = self
            .patches
            .iter()
            .map(|patch| {
                let (score, reason) = weigh(patch, cause);
                (score, patch, reason)
            })
            .filter(|(score, ..)| *score > 0)
            .collect();
        weighed.sort_by_key(|(score, ..)| std::cmp::Reverse(*score));
        match weighed.as_slice() {
            [(best, patch, reason), rest @ ..] if rest.first().is_none_or(|(next, ..)| next < best) => {
                self.blamed(patch, Certainty::Likely, reason.clone())
            }
            _ => match self.patches.as_slice() {
                [only] => self.blamed(only, Certainty::Likely, String::new()),
                _ => {
                    let title = self.head().map(|head| head.subject.clone()).unwrap_or_default();
                    Blame { number: 0, total, title, certainty: Certainty::Series, reason: String::new() }
                }
            },
        }
    }

    /// What the report says: `2/3`, or the title of a commit that is a patch here.
    fn suspected(&self, cause: &Cause) -> Option<Blame> {
        let suspect = cause.suspects.first()?;
        let number = suspect.commit.split_once('/').and_then(|(number, _)| number.parse::<u32>().ok());
        let by_title = |patch: &&Patch| patch.title == suspect.title;
        let patch = match number {
            Some(number) => self.patches.iter().find(|patch| patch.number == number)?,
            None => self.patches.iter().find(by_title)?,
        };
        if suspect.proved {
            return Some(self.blamed(patch, Certainty::Proved, String::new()));
        }
        let reason = suspect.reasons.first().map(|reason| triage_report::safe::line(reason)).unwrap_or_default();
        Some(self.blamed(patch, Certainty::Likely, reason))
    }

    fn blamed(&self, patch: &Patch, certainty: Certainty, reason: String) -> Blame {
        let reason = if reason.is_empty() { "nothing else here touches it".to_owned() } else { reason };
        let total = patch.total.max(self.patches.len() as u32);
        Blame { number: patch.number, total, title: patch.title.clone(), certainty, reason }
    }
}

/// What speaks for a patch: it changes the file where it fails, it adds or takes away what it is
/// about.
fn weigh(patch: &Patch, cause: &Cause) -> (u32, String) {
    let clean = |path: &str| path.trim_start_matches("./").to_owned();
    let place = cause.location.iter().map(|place| clean(&place.file));
    let fixed = cause.fixes.first().and_then(|fix| fix.file.as_deref()).map(clean);
    let around =
        cause.includes.iter().map(|place| clean(&place.file)).chain(cause.units.iter().map(|unit| clean(unit)));
    let near: BTreeSet<String> = place.chain(fixed).collect();
    let far: BTreeSet<String> = around.collect();
    let symbols: Vec<&str> =
        cause.symbols.iter().map(String::as_str).filter(|symbol| symbol.len() > 2).take(4).collect();
    let (mut score, mut reason, mut best) = (0, String::new(), 0);
    let mut because = |weight: u32, text: String| {
        score += weight;
        if weight > best {
            (reason, best) = (text, weight);
        }
    };
    let mut file = String::new();
    let mut told = BTreeSet::new();
    for line in patch.message.patch_text().lines() {
        if let Some(path) = line.strip_prefix("+++ ").or_else(|| line.strip_prefix("--- ")) {
            let path = path.split('\t').next().unwrap_or_default();
            if let Some(path) = path.strip_prefix("a/").or_else(|| path.strip_prefix("b/")) {
                file = path.to_owned();
                let shown = triage_report::safe::line(&file);
                if near.contains(&file) && told.insert(('f', file.clone())) {
                    because(20, format!("it changes {shown}"));
                } else if far.contains(&file) && told.insert(('f', file.clone())) {
                    because(5, format!("it changes {shown}"));
                }
            }
            continue;
        }
        let (added, text) = match line.as_bytes().first() {
            Some(b'+') => (true, &line[1..]),
            Some(b'-') => (false, &line[1..]),
            _ => continue,
        };
        let Some(symbol) = symbols.iter().find(|symbol| names(text, symbol)) else { continue };
        let what = triage_report::safe::line(symbol);
        if told.insert((if added { '+' } else { '-' }, (*symbol).to_owned())) {
            let verb = if added { "uses" } else { "takes away" };
            because(if added { 25 } else { 30 }, format!("it {verb} '{what}' in {}", triage_report::safe::line(&file)));
        }
    }
    (score, reason)
}

/// Whether a line has the word.
fn names(line: &str, word: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back().is_some_and(is_word);
        let after = line[at + word.len()..].chars().next().is_some_and(is_word);
        !before && !after
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(id: &str, parent: &str, subject: &str, body: &str) -> Message {
        let parent = if parent.is_empty() { String::new() } else { format!("In-Reply-To: <{parent}>\n") };
        let text = format!(
            "From: alice@example.org\nTo: list@example.org\nMessage-ID: <{id}>\n{parent}Subject: {subject}\n\n{body}\n"
        );
        Message::parse(text.as_bytes())
    }

    #[test]
    fn series_are_put_together() {
        let threads = assemble(vec![
            mail("v1.1@x", "v1.0@x", "[PATCH 1/2] a: one", ""),
            mail("v1.0@x", "", "[PATCH 0/2] a: both", "base-commit: 0123456789abcdef0123456789abcdef01234567"),
            mail("r@x", "v1.1@x", "Re: [PATCH 1/2] a: one", ""),
            mail("v1.2@x", "v1.0@x", "[PATCH 2/2] a: two", ""),
            mail("v2.0@x", "v1.0@x", "[PATCH v2 0/1] a: both", ""),
            mail("v2.1@x", "v2.0@x", "[PATCH v2] [net-next] a: one", ""),
            mail("alone@x", "", "[RFC] b: c", ""),
            mail("other@x", "", "hello", ""),
            mail("loop1@x", "loop2@x", "Re: x", ""),
            mail("loop2@x", "loop1@x", "Re: x", ""),
        ]);
        let shown: Vec<(&str, u32, usize, usize)> = threads
            .iter()
            .map(|thread| (thread.id.as_str(), thread.version, thread.patches.len(), thread.others.len()))
            .collect();
        assert_eq!(shown, [("v1.0@x", 1, 2, 1), ("v2.0@x", 2, 1, 0), ("alone@x", 1, 1, 0)]);
        assert_eq!(threads[0].base().as_deref(), Some("0123456789ab"));
        assert_eq!(threads[1].patches[0].title, "a: one");
    }
}
