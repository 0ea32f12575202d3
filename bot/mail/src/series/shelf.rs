//! Where mails become series, in whatever order they come.
//!
//! A patch belongs to the series of its sender with the same version, total and flags that it is linked to: one answers the
//! other, or both answer the same mail. Mails without any link (`git send-email --no-thread`) are joined when they were sent
//! within half an hour. A number that is taken is never taken again: the newcomer begins a series of its own. Versions of a
//! change find each other by `change-id:`, by a re-roll that answers the version before, or by their titles.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::subject::Subject;
use super::{Base, Cover, Patch, PullRequest, Series};
use crate::message::{Message, MessageId};

/// Series and pull requests that are held; the oldest go first.
const SERIES_MAX: usize = 5000;
/// Bytes of mail that are held.
const BYTES_MAX: u64 = 512 << 20;
/// Series that are compared with a newcomer, the newest first: a title or a thread that thousands share tells nothing.
const COMPARED_MAX: usize = 100;
/// Seconds between the mails of a series that is not threaded.
const TOGETHER: u64 = 30 * 60;

/// Names a series on a shelf, in the order of arrival. It does not survive the shelf; [`Series::root`] does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SeriesKey(u64);

/// What became of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Added {
    /// It is the cover letter (0) or the patch of this number.
    Part(SeriesKey, u32),
    /// It is a pull request.
    Pull(SeriesKey),
    /// It is about a patch, a cover letter (0) or a pull request (0) of the shelf.
    Reply(SeriesKey, u32, Box<Message>),
    /// It is here already; lists that brought it now were noted.
    Duplicate(SeriesKey),
    /// It has nothing to do with a patch of the shelf.
    Other(Box<Message>),
}

/// Series, pull requests, and who belongs to whom.
#[derive(Debug, Default)]
pub struct Shelf {
    series: BTreeMap<SeriesKey, Series>,
    pulls: BTreeMap<SeriesKey, PullRequest>,
    next: u64,
    bytes: u64,
    /// Cover letters, patches and pull requests by Message-ID.
    pub(super) parts: HashMap<MessageId, (SeriesKey, u32)>,
    /// Series whose mails have or name a Message-ID.
    links: HashMap<MessageId, Vec<SeriesKey>>,
    /// The first series of the change that a series is a version of.
    change: HashMap<SeriesKey, SeriesKey>,
    by_change_id: HashMap<String, SeriesKey>,
    by_title: HashMap<(String, String), Vec<SeriesKey>>,
}

impl Shelf {
    /// An empty shelf.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a mail where it belongs.
    pub fn add(&mut self, mail: Message) -> Added {
        if let Some((key, number)) = mail.message_id.as_ref().and_then(|id| self.parts.get(id).copied()) {
            self.note_lists(key, number, &mail);
            return Added::Duplicate(key);
        }
        let subject = Subject::parse(&mail.subject);
        if subject.is_cover()
            && let Some(id) = mail.message_id.clone()
        {
            let base = Base::read(&mail.text);
            return self.add_part(Part::Cover(Box::new(Cover { mail, id, subject, base })));
        }
        match Patch::read(mail) {
            Ok(patch) => self.add_part(Part::Patch(Box::new(patch))),
            Err(mail) => match PullRequest::read(*mail) {
                Ok(pull) => self.add_pull(pull),
                Err(mail) => match self.answered(&mail) {
                    Some((key, number)) => Added::Reply(key, number, mail),
                    None => Added::Other(mail),
                },
            },
        }
    }

    /// A series.
    pub fn get(&self, key: SeriesKey) -> Option<&Series> {
        self.series.get(&key)
    }

    /// A pull request.
    pub fn pull(&self, key: SeriesKey) -> Option<&PullRequest> {
        self.pulls.get(&key)
    }

    /// All series, in the order of arrival.
    pub fn series(&self) -> impl DoubleEndedIterator<Item = (SeriesKey, &Series)> {
        self.series.iter().map(|(key, series)| (*key, series))
    }

    /// All pull requests, in the order of arrival.
    pub fn pulls(&self) -> impl DoubleEndedIterator<Item = (SeriesKey, &PullRequest)> {
        self.pulls.iter().map(|(key, pull)| (*key, pull))
    }

    /// All versions of the change that a series is one of, the first version first.
    pub fn versions(&self, key: SeriesKey) -> Vec<SeriesKey> {
        let Some(change) = self.change.get(&key) else { return Vec::new() };
        let mut keys: Vec<SeriesKey> =
            self.change.iter().filter(|(_, of)| *of == change).map(|(key, _)| *key).collect();
        keys.sort_by_key(|key| (self.series.get(key).map(|series| (series.version, series.resend)), *key));
        keys
    }

    /// The next version, when there is one.
    pub fn superseded_by(&self, key: SeriesKey) -> Option<SeriesKey> {
        let own = self.series.get(&key)?.version;
        self.versions(key).into_iter().find(|other| self.series.get(other).is_some_and(|other| other.version > own))
    }

    /// A series with its gaps filled: of some patches alone a new version may be sent, each in answer to the same patch of the
    /// version before, and the others stay as they were. `b4` fills it up alike. Other gaps stay.
    pub fn whole(&self, key: SeriesKey) -> Option<Cow<'_, Series>> {
        let series = self.get(key)?;
        let whole = Cow::Borrowed(series);
        if series.is_complete() || series.version < 2 || series.patches.is_empty() {
            return Some(whole);
        }
        let versions = self.versions(key).into_iter().rev().filter(|other| *other != key);
        let mut before = versions.filter(|other| {
            self.get(*other).is_some_and(|other| other.version + 1 == series.version && other.total == series.total)
        });
        let answers = |number: u32, patch: &Patch, of: SeriesKey| {
            let mut ancestors = patch.mail.parent().into_iter().chain(&patch.mail.references);
            ancestors.any(|id| self.parts.get(id) == Some(&(of, number)))
        };
        let Some(before) = before.find(|of| series.patches.iter().all(|(number, patch)| answers(*number, patch, *of)))
        else {
            return Some(whole);
        };
        let mut filled = whole.into_owned();
        for (number, patch) in self.whole(before)?.patches.iter() {
            filled.patches.entry(*number).or_insert_with(|| patch.clone());
        }
        Some(Cow::Owned(filled))
    }

    /// The nearest patch, cover letter or pull request that a mail answers.
    pub fn answered(&self, mail: &Message) -> Option<(SeriesKey, u32)> {
        let ancestors = mail.parent().into_iter().chain(mail.references.iter().rev()).chain(&mail.in_reply_to);
        ancestors.filter_map(|id| self.parts.get(id).copied()).next()
    }

    /// Mails that came by several lists are one mail, and all its lists count.
    fn note_lists(&mut self, key: SeriesKey, number: u32, again: &Message) {
        let held = match (self.series.get_mut(&key), self.pulls.get_mut(&key)) {
            (Some(series), _) if number == 0 => series.cover.as_mut().map(|cover| &mut cover.mail),
            (Some(series), _) => series.patches.get_mut(&number).map(|patch| &mut patch.mail),
            (None, pull) => pull.map(|pull| &mut pull.mail),
        };
        let Some(held) = held else { return };
        for list in &again.list_ids {
            if !held.list_ids.contains(list) && held.list_ids.len() < 16 {
                held.list_ids.push(list.clone());
            }
        }
        for post in &again.list_posts {
            if !held.list_posts.contains(post) && held.list_posts.len() < 16 {
                held.list_posts.push(post.clone());
            }
        }
    }

    fn add_pull(&mut self, pull: PullRequest) -> Added {
        let key = self.new_key();
        self.bytes += weight(&pull.mail);
        self.parts.insert(pull.id.clone(), (key, 0));
        self.pulls.insert(key, pull);
        self.make_room();
        Added::Pull(key)
    }

    fn add_part(&mut self, part: Part) -> Added {
        let number = part.number();
        let links: Vec<MessageId> = links_of(part.mail()).collect();
        let key = self.home(&part, &links);
        self.bytes += weight(part.mail());
        self.parts.insert(part.id().clone(), (key, number));
        for id in links {
            let keys = self.links.entry(id).or_default();
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        let title = (part.subject().title.to_lowercase(), part.sender());
        if !title.0.is_empty() {
            let keys = self.by_title.entry(title).or_default();
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        let series = self.series.entry(key).or_insert_with(|| part.series());
        match part {
            Part::Cover(cover) => series.cover = Some(*cover),
            Part::Patch(patch) => drop(series.patches.insert(number, *patch)),
        }
        self.find_change(key);
        self.make_room();
        Added::Part(key, number)
    }

    /// The series that a mail belongs to; series that only it joins become one.
    fn home(&mut self, part: &Part, links: &[MessageId]) -> SeriesKey {
        let mut found: Vec<SeriesKey> = Vec::new();
        for key in
            links.iter().filter_map(|id| self.links.get(id)).flat_map(|keys| keys.iter().rev().take(COMPARED_MAX))
        {
            if !found.contains(key) && self.series.get(key).is_some_and(|series| part.fits(series)) {
                found.push(*key);
            }
        }
        if found.is_empty() && part.mail().parent().is_none() {
            found.extend(self.sent_together(part));
        }
        // The newest: an older one that lacks a number lost it.
        found.sort();
        let Some(home) = found.pop() else { return self.new_key() };
        for other in found {
            self.join(other, home);
        }
        home
    }

    /// The newest series without links that was sent at the same time.
    fn sent_together(&self, part: &Part) -> Option<SeriesKey> {
        let date = part.mail().date?;
        let near =
            |mail: &Message| mail.parent().is_none() && mail.date.is_some_and(|other| other.abs_diff(date) <= TOGETHER);
        let fits = |series: &Series| part.fits(series) && series.mails().all(near);
        self.series.iter().rev().take(COMPARED_MAX).find(|(_, series)| fits(series)).map(|(key, _)| *key)
    }

    /// Moves the mails of one series to another, when no number is in both.
    fn join(&mut self, from: SeriesKey, into: SeriesKey) {
        let (Some(a), Some(b)) = (self.series.get(&from), self.series.get(&into)) else { return };
        let both =
            a.cover.is_some() && b.cover.is_some() || a.patches.keys().any(|number| b.patches.contains_key(number));
        if both {
            return;
        }
        let Some(moved) = self.series.remove(&from) else { return };
        let Some(series) = self.series.get_mut(&into) else { return };
        series.cover = series.cover.take().or(moved.cover);
        series.patches.extend(moved.patches);
        let rename = |key: &mut SeriesKey| {
            if *key == from {
                *key = into;
            }
        };
        let ids: HashSet<MessageId> = series.mails().flat_map(links_of).collect();
        for id in ids {
            if let Some((key, _)) = self.parts.get_mut(&id) {
                rename(key);
            }
            if let Some(keys) = self.links.get_mut(&id) {
                keys.iter_mut().for_each(rename);
                keys.sort();
                keys.dedup();
            }
        }
        for keys in self.by_title.values_mut() {
            keys.iter_mut().for_each(rename);
            keys.dedup();
        }
        self.by_change_id.values_mut().for_each(rename);
        self.change.remove(&from);
        self.change.values_mut().for_each(rename);
    }

    /// Joins a series with the other versions of its change.
    fn find_change(&mut self, key: SeriesKey) {
        let Some(series) = self.series.get(&key) else { return };
        let mut relatives = Vec::new();
        if let Some(change_id) = series.change_id() {
            relatives.push(*self.by_change_id.entry(change_id).or_insert(key));
        }
        // It answers the other, or the other, which came first, answers it.
        let answered = series.mails().flat_map(|mail| mail.references.iter().chain(mail.parent()));
        let answered = answered.filter_map(|id| self.parts.get(id)).map(|(other, _)| *other);
        let answering = series.mails().filter_map(|mail| self.links.get(mail.message_id.as_ref()?));
        let answering = answering.flat_map(|keys| keys.iter().rev().take(COMPARED_MAX)).copied();
        relatives.extend(
            answered.chain(answering).filter(|other| self.series.get(other).is_some_and(|other| series.follows(other))),
        );
        let sender = sender(series.sender.as_ref());
        for title in series.titles() {
            let same = self.by_title.get(&(title, sender.clone())).into_iter().flatten().rev().take(COMPARED_MAX);
            relatives.extend(same.filter(|other| self.series.get(other).is_some_and(|other| series.resembles(other))));
        }
        let mut change = *self.change.entry(key).or_insert(key);
        for relative in relatives {
            let other = *self.change.entry(relative).or_insert(relative);
            if other != change {
                let (first, second) = (change.min(other), change.max(other));
                self.change.values_mut().filter(|of| **of == second).for_each(|of| *of = first);
                change = first;
            }
        }
    }

    fn new_key(&mut self) -> SeriesKey {
        self.next += 1;
        SeriesKey(self.next)
    }

    /// Forgets the oldest while there is too much.
    fn make_room(&mut self) {
        while self.series.len() + self.pulls.len() > SERIES_MAX || self.bytes > BYTES_MAX {
            let oldest = self.series.keys().next().into_iter().chain(self.pulls.keys().next()).min().copied();
            let Some(oldest) = oldest.filter(|_| self.series.len() + self.pulls.len() > 1) else { return };
            self.forget(oldest);
        }
    }

    fn forget(&mut self, key: SeriesKey) {
        if let Some(pull) = self.pulls.remove(&key) {
            self.bytes = self.bytes.saturating_sub(weight(&pull.mail));
            self.parts.remove(&pull.id);
        }
        let Some(series) = self.series.remove(&key) else { return };
        for mail in series.mails() {
            self.bytes = self.bytes.saturating_sub(weight(mail));
            for id in links_of(mail) {
                if self.parts.get(&id).is_some_and(|(of, _)| *of == key) {
                    self.parts.remove(&id);
                }
                forget_key(&mut self.links, &id, key);
            }
        }
        for title in series.titles() {
            forget_key(&mut self.by_title, &(title, sender(series.sender.as_ref())), key);
        }
        // The next version names the change from now on.
        let change = self.change.remove(&key);
        let heir = self.change.iter().filter(|(_, of)| Some(**of) == change).map(|(other, _)| *other).min();
        if let Some(heir) = heir {
            self.change.values_mut().filter(|of| **of == key).for_each(|of| *of = heir);
            self.by_change_id.values_mut().filter(|of| **of == key).for_each(|of| *of = heir);
        } else {
            self.by_change_id.retain(|_, of| *of != key);
        }
    }
}

fn forget_key<K: std::hash::Hash + Eq>(map: &mut HashMap<K, Vec<SeriesKey>>, entry: &K, key: SeriesKey) {
    if let Some(keys) = map.get_mut(entry) {
        keys.retain(|other| *other != key);
        if keys.is_empty() {
            map.remove(entry);
        }
    }
}

/// A mail that becomes part of a series.
enum Part {
    Cover(Box<Cover>),
    Patch(Box<Patch>),
}

impl Part {
    fn mail(&self) -> &Message {
        match self {
            Self::Cover(cover) => &cover.mail,
            Self::Patch(patch) => &patch.mail,
        }
    }

    fn id(&self) -> &MessageId {
        match self {
            Self::Cover(cover) => &cover.id,
            Self::Patch(patch) => &patch.id,
        }
    }

    fn subject(&self) -> &Subject {
        match self {
            Self::Cover(cover) => &cover.subject,
            Self::Patch(patch) => &patch.subject,
        }
    }

    fn sender(&self) -> String {
        sender(self.mail().person())
    }

    /// Number and total; a patch without numbers, or beyond its total, is alone.
    fn place(&self) -> (u32, u32) {
        match (self.subject().number, self.subject().total) {
            (Some(number), Some(total)) if number <= total => (number, total),
            _ => (1, 1),
        }
    }

    fn number(&self) -> u32 {
        self.place().0
    }

    /// Whether it can be the part of a series that is missing.
    fn fits(&self, series: &Series) -> bool {
        let (subject, (number, total)) = (self.subject(), self.place());
        let free = if number == 0 { series.cover.is_none() } else { !series.patches.contains_key(&number) };
        free && series.version == subject.version.unwrap_or(1)
            && series.total == total
            && subject.number.is_some()
            && (series.rfc, series.resend) == (subject.rfc, subject.resend)
            && sender(series.sender.as_ref()) == self.sender()
    }

    /// An empty series for it.
    fn series(&self) -> Series {
        let subject = self.subject();
        Series {
            version: subject.version.unwrap_or(1),
            total: self.place().1,
            rfc: subject.rfc,
            resend: subject.resend,
            tags: subject.tags.clone(),
            sender: self.mail().person().cloned(),
            cover: None,
            patches: BTreeMap::new(),
        }
    }
}

impl Series {
    /// Whether it is another version of the sender's, so that answering it says that it is the next one.
    fn follows(&self, other: &Self) -> bool {
        self.differs(other) && sender(self.sender.as_ref()) == sender(other.sender.as_ref())
    }

    fn differs(&self, other: &Self) -> bool {
        (self.version, self.resend) != (other.version, other.resend)
    }

    /// Whether titles say that it is another version: that of the cover letters, or half of the patches'.
    fn resembles(&self, other: &Self) -> bool {
        let title = |series: &Self| series.cover.as_ref().map(|cover| cover.subject.title.to_lowercase());
        let covers = title(self).is_some() && title(self) == title(other);
        let own: HashSet<String> = self.patch_titles().collect();
        let same = other.patch_titles().filter(|title| own.contains(title)).count();
        let enough = same > 0 && same * 2 >= self.patches.len().min(other.patches.len());
        self.differs(other) && (covers || enough)
    }

    fn patch_titles(&self) -> impl Iterator<Item = String> {
        self.patches.values().map(|patch| patch.subject.title.to_lowercase())
    }

    fn titles(&self) -> Vec<String> {
        let cover = self.cover.iter().map(|cover| cover.subject.title.to_lowercase());
        cover.chain(self.patch_titles()).collect()
    }
}

fn sender(mailbox: Option<&crate::message::Mailbox>) -> String {
    mailbox.map(|mailbox| mailbox.address().as_str().to_ascii_lowercase()).unwrap_or_default()
}

/// A mail's own Message-ID and those that it answers.
fn links_of(mail: &Message) -> impl Iterator<Item = MessageId> {
    mail.message_id.iter().chain(mail.parent()).chain(&mail.references).cloned()
}

/// About what a mail costs in memory.
fn weight(mail: &Message) -> u64 {
    let fields: usize = mail.headers.iter().map(|field| field.name.len() + field.value.len() + 48).sum();
    let text = mail.text.len() + mail.attached_patch.as_deref().map_or(0, str::len);
    (fields + 2 * text + 4096) as u64
}
