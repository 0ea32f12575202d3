//! Threads: the patches of a series in one version, and what was said below them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use triage_causes::report::Cause;
use triage_mail::reply::{Blame, Certainty};
use triage_mail::series::{Added, Name, NotFound, Patch, PullRequest, Series, SeriesKey, Shelf};
use triage_mail::{Address, Message, MessageId};

use crate::builds::BuildResult;
use crate::named::Named;

/// A series in one version, or a pull request, with its thread.
#[derive(Debug)]
pub struct Thread {
    /// What names it: the Message-ID of the cover letter, or of the first patch.
    pub id: MessageId,
    /// The version, from 1.
    pub version: u32,
    /// The cover letter and the patches; none of both in the thread of a pull request.
    pub series: Series,
    /// The pull request.
    pub pull: Option<PullRequest>,
    /// Everything below them, in the order in which it was sent.
    pub others: Vec<Message>,
}

/// How much of a series was built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Built {
    /// All of it, as far as known.
    All,
    /// The patches up to this one: the commit that was made of it was built.
    UpTo(u32),
}

/// All threads.
#[derive(Debug)]
pub struct Threads {
    /// In the order in which their first mails came.
    pub all: Vec<Thread>,
    shelf: Shelf,
    places: HashMap<SeriesKey, usize>,
}

impl Threads {
    /// Puts the mails together. Mails that belong to no patch are left out.
    pub fn assemble(messages: Vec<Message>) -> Self {
        let mut shelf = Shelf::new();
        let mut others = BTreeMap::<_, Vec<Message>>::new();
        let mut early = Vec::new();
        for message in messages {
            match shelf.add(message) {
                Added::Reply(key, _, message) => others.entry(key).or_default().push(*message),
                Added::Other(message) => early.push(message),
                Added::Part(..) | Added::Pull(_) | Added::Duplicate(_) => {}
            }
        }
        // An answer may be read before the patch that it answers.
        for message in early {
            if let Some((key, _)) = shelf.answered(&message) {
                others.entry(key).or_default().push(*message);
            }
        }
        let mut below = |key: SeriesKey| {
            let mut others = others.remove(&key).unwrap_or_default();
            let mut seen = BTreeSet::new();
            others.retain(|message| message.message_id.clone().is_some_and(|id| seen.insert(id)));
            others.sort_by_key(|message| message.date);
            others
        };
        let (mut all, mut places) = (Vec::new(), HashMap::new());
        for (key, series) in shelf.series() {
            let Some(id) = series.root().cloned() else { continue };
            places.insert(key, all.len());
            let (version, series) = (series.version, series.clone());
            all.push(Thread { id, version, series, pull: None, others: below(key) });
        }
        for (key, pull) in shelf.pulls() {
            places.insert(key, all.len());
            let version = pull.subject.version.unwrap_or(1);
            let sender = pull.mail.person().cloned();
            let (tags, patches) = (Vec::new(), BTreeMap::new());
            let series = Series { version, total: 0, rfc: false, resend: false, tags, sender, cover: None, patches };
            all.push(Thread { id: pull.id.clone(), version, series, pull: Some(pull.clone()), others: below(key) });
        }
        Self { all, places, shelf }
    }

    /// The thread that a result is about, or why it is not known.
    pub fn about(&self, result: &BuildResult) -> Result<(&Thread, Built), String> {
        let named = result.about.as_ref().ok_or("it does not say what was built")?;
        let name = match named {
            Named::Message(id) => Name::Message(id),
            Named::Commit(commit) => Name::Commit(commit),
            Named::Change(id, version) => Name::Change(id, *version),
        };
        match self.shelf.find(&name) {
            Ok(found) => {
                let is_commit = matches!(named, Named::Commit(_)) && found.number > 0;
                let built = if is_commit { Built::UpTo(found.number) } else { Built::All };
                let thread = self.places.get(&found.series).and_then(|place| self.all.get(*place));
                thread.map(|thread| (thread, built)).ok_or_else(|| format!("no mail to answer for {}", named.words()))
            }
            Err(NotFound::Several(series)) => {
                let threads = series.iter().filter_map(|key| self.all.get(*self.places.get(key)?));
                let ids: Vec<String> = threads.take(4).map(|thread| format!("<{}>", thread.id.as_str())).collect();
                let more = if series.len() > ids.len() { ", …" } else { "" };
                let way_out = if result.is_typed { "name one with --for" } else { "name one with 'patch'" };
                Err(format!("{} series fit {}: {}{more}; {way_out}", series.len(), named.words(), ids.join(", ")))
            }
            Err(NotFound::Nothing) => {
                // An answer in the thread names it, too.
                let in_thread = match named {
                    Named::Message(id) => self.all.iter().find(|thread| thread.holds(id)),
                    _ => None,
                };
                in_thread.map(|thread| (thread, Built::All)).ok_or_else(|| not_found(named))
            }
        }
    }
}

fn not_found(named: &Named) -> String {
    match named {
        Named::Message(id) => format!("no mail {id} was found"),
        Named::Commit(commit) if commit.title.is_empty() => format!(
            "no pull request that ends with {} was found, and to look for its patch a git repository is needed \
             (--tree, or 'repository' in the configuration)",
            named.words()
        ),
        _ => format!("no mail was found for {}", named.words()),
    }
}

impl Thread {
    /// All mails: the pull request, or the cover letter and the patches, then the rest.
    pub fn messages(&self) -> impl Iterator<Item = &Message> {
        self.sent().chain(&self.others)
    }

    /// The mails that ask for something to be taken in.
    fn sent(&self) -> impl Iterator<Item = &Message> {
        self.pull.iter().map(|pull| &pull.mail).chain(self.series.mails())
    }

    /// Whether a mail is one of it.
    pub fn holds(&self, id: &MessageId) -> bool {
        self.messages().any(|message| message.message_id.as_ref() == Some(id))
    }

    /// The mail that stands for the whole: the pull request, the cover letter, or the first patch.
    pub fn head(&self) -> Option<&Message> {
        self.sent().next()
    }

    /// The commit that the series says it applies to, short.
    pub fn base(&self) -> Option<String> {
        let commit = match &self.pull {
            Some(pull) => pull.since.clone()?,
            None => self.series.base().commit?,
        };
        let hex = commit.bytes().all(|byte| byte.is_ascii_hexdigit());
        hex.then(|| commit.chars().take(12).collect())
    }

    /// Whether a person is in the thread: named in the header of a patch, or written to by someone who
    /// is, in a mail that is `proved` to be from its sender. Writing to the thread alone puts nobody
    /// in, or a stranger's second mail would be heard.
    pub fn knows(&self, person: &Address, proved: &dyn Fn(&Message) -> bool) -> bool {
        let lower = |address: &Address| address.as_str().to_ascii_lowercase();
        let named = |message: &Message| -> Vec<String> {
            message.to.iter().chain(&message.cc).map(|one| lower(one.address())).collect()
        };
        let mut people = BTreeSet::new();
        for message in self.sent() {
            people.extend(message.from.iter().map(|from| lower(from.address())));
            people.extend(named(message));
        }
        for message in &self.others {
            let is_in = message.from.as_ref().is_some_and(|from| people.contains(&lower(from.address())));
            if is_in && proved(message) {
                people.extend(named(message));
            }
        }
        people.contains(&lower(person))
    }

    /// The patch that most likely did it, of those that were built.
    pub fn blame(&self, cause: &Cause, built: Built) -> Blame {
        if let Some(known) = self.suspected(cause) {
            return known;
        }
        let last = match built {
            Built::All => self.total(),
            Built::UpTo(last) => last,
        };
        let wrote = self.origin(cause, last);
        let mut weighed: Vec<(u32, &Patch, u32, String)> = Vec::new();
        for (number, patch) in self.series.patches.range(..=last) {
            let (mut score, mut reason) = weigh(patch, cause);
            if let Some((_, line)) = wrote.as_ref().filter(|(by, _)| by == number) {
                score += 40;
                reason = format!("it wrote {line}");
            }
            if score > 0 {
                weighed.push((*number, patch, score, reason));
            }
        }
        weighed.sort_by_key(|(_, _, score, _)| std::cmp::Reverse(*score));
        match weighed.as_slice() {
            [(number, patch, best, reason), rest @ ..] if rest.first().is_none_or(|(_, _, next, _)| next < best) => {
                self.blamed(*number, patch, Certainty::Likely, reason.clone())
            }
            _ => match self.series.patches.iter().next() {
                Some((number, only)) if self.total() == 1 => {
                    self.blamed(*number, only, Certainty::Likely, String::new())
                }
                _ => {
                    let title = self.series.title().to_owned();
                    let certainty = Certainty::Series;
                    Blame { number: 0, total: self.total(), title, certainty, reason: String::new() }
                }
            },
        }
    }

    /// How many patches the series has, or should have; 0 for a pull request.
    pub fn total(&self) -> u32 {
        if self.pull.is_some() {
            return 0;
        }
        self.series.total.max(self.series.patches.len() as u32).max(1)
    }

    /// The patch that wrote the line where it fails, and that line.
    fn origin(&self, cause: &Cause, last: u32) -> Option<(u32, String)> {
        let place = cause.location.as_ref()?;
        let path = place.file.trim_start_matches("./");
        let origin = self.series.origin(path, place.line, last).filter(|origin| origin.wrote)?;
        Some((origin.number, format!("line {} of {}", place.line?, triage_report::safe::line(path))))
    }

    /// What the report says: `2/3`, or the title of a commit that is a patch here.
    fn suspected(&self, cause: &Cause) -> Option<Blame> {
        let named = |commit: &str, title: &str| {
            let place = commit.split_once('/').and_then(|(number, _)| number.parse::<u32>().ok());
            let titled = || self.series.patches.iter().find(|(_, patch)| patch.subject.title == title);
            let number = place.or_else(|| titled().map(|(number, _)| *number))?;
            Some((number, self.series.patches.get(&number)?))
        };
        if let Some(proved) = &cause.proved {
            let (number, patch) = named(&proved.commit, &proved.title)?;
            return Some(self.blamed(number, patch, Certainty::Proved, String::new()));
        }
        let suspect = cause.suspects.first()?;
        let (number, patch) = named(&suspect.commit, &suspect.title)?;
        let reason = suspect.reasons.first().map(|reason| triage_report::safe::line(reason)).unwrap_or_default();
        Some(self.blamed(number, patch, Certainty::Likely, reason))
    }

    fn blamed(&self, number: u32, patch: &Patch, certainty: Certainty, reason: String) -> Blame {
        let reason = if reason.is_empty() { "nothing else here touches it".to_owned() } else { reason };
        Blame { number, total: self.total(), title: patch.subject.title.clone(), certainty, reason }
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
    for line in patch.diff().lines() {
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
            "From: alice@example.org\nTo: list@example.org\nDate: Thu, 26 Nov 2026 10:00:00 +0000\n\
             Message-ID: <{id}>\n{parent}Subject: {subject}\n\n{body}\n"
        );
        Message::parse(text.as_bytes())
    }

    fn from(sender: &str, to: &str, mut message: Message) -> Message {
        let mailbox = |text: &str| triage_mail::Mailbox::new(None, Address::parse(text).unwrap());
        message.from = Some(mailbox(sender));
        message.to = vec![mailbox(to)];
        message
    }

    fn patch(file: &str, line: &str) -> String {
        format!(
            "Text.\n---\n {file} | 1 +\n\ndiff --git a/{file} b/{file}\n--- a/{file}\n+++ b/{file}\n@@ -1,2 +1,3 @@\n a\n{line}\n b\n"
        )
    }

    #[test]
    fn answers_find_their_series() {
        let threads = Threads::assemble(vec![
            mail("r@x", "v1.1@x", "Re: [PATCH 1/2] a: one", ""),
            mail("v1.1@x", "v1.0@x", "[PATCH 1/2] a: one", &patch("a.c", "+one")),
            mail("v1.0@x", "", "[PATCH 0/2] a: both", "base-commit: 0123456789abcdef0123456789abcdef01234567"),
            mail("r@x", "v1.1@x", "Re: [PATCH 1/2] a: one", ""),
            mail("v1.2@x", "v1.0@x", "[PATCH 2/2] a: two", &patch("b.c", "+two")),
            mail("other@x", "", "hello", ""),
            from("mallory@example.org", "carol@example.org", mail("m1@x", "v1.1@x", "Re: x", "")),
            from("mallory@example.org", "carol@example.org", mail("m2@x", "v1.1@x", "Re: x", "")),
            from("alice@example.org", "bob@example.org", mail("a@x", "v1.1@x", "Re: x", "")),
        ]);
        let [thread] = threads.all.as_slice() else { panic!("{threads:?}") };
        assert_eq!((thread.id.as_str(), thread.total(), thread.others.len()), ("v1.0@x", 2, 4));
        assert_eq!(thread.base().as_deref(), Some("0123456789ab"));
        let person = |text: &str| Address::parse(text).unwrap();
        assert!(thread.knows(&person("ALICE@example.org"), &|_| false));
        assert!(thread.knows(&person("list@example.org"), &|_| false));
        assert!(!thread.knows(&person("mallory@example.org"), &|_| true), "who only writes is not in the thread");
        assert!(thread.knows(&person("bob@example.org"), &|_| true), "who is written to by someone in it is");
        assert!(!thread.knows(&person("bob@example.org"), &|_| false), "unless that mail may be forged");
    }
}
