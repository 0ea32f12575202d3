//! Whom a reply goes to.
//!
//! Addresses come from the mail that is answered, from the tree's `MAINTAINERS` by way of the
//! report, and from the configuration. Nothing else names anyone: no log, no body.

use crate::message::{Address, Mailbox, Message};

/// Who may be added to the author and the list.
#[derive(Debug, Clone)]
pub struct People {
    /// Addresses in all, lists counted in; at least 1.
    pub max: usize,
    /// The people whom the patch was sent to, too.
    pub patch_recipients: bool,
    /// The maintainers whom the report names, too.
    pub maintainers: bool,
    /// These, always.
    pub always: Vec<Mailbox>,
}

impl Default for People {
    fn default() -> Self {
        Self { max: 10, patch_recipients: false, maintainers: false, always: Vec::new() }
    }
}

/// Whom a reply goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipients {
    /// The author.
    pub to: Mailbox,
    /// All others, the lists first.
    pub cc: Vec<Mailbox>,
}

impl Recipients {
    /// The recipients of an answer to `patch`, which came over `lists`. `left_alone` is asked about
    /// every address but the lists'. None when the author cannot or must not be answered.
    pub fn of(
        patch: &Message,
        lists: &[Address],
        maintainers: &[String],
        people: &People,
        left_alone: &dyn Fn(&Address) -> bool,
    ) -> Option<Self> {
        let to = patch.from.clone().filter(|author| !left_alone(author.address()))?;
        let mut cc: Vec<Mailbox> = lists.iter().map(|list| Mailbox::new(None, list.clone())).collect();
        cc.extend(people.always.iter().filter(|one| !left_alone(one.address())).cloned());
        if people.maintainers {
            let named = maintainers.iter().filter_map(|text| maintainer(text));
            cc.extend(named.filter(|one| !left_alone(one.address())));
        }
        if people.patch_recipients {
            let others = patch.to.iter().chain(&patch.cc);
            cc.extend(others.filter(|one| !left_alone(one.address())).cloned());
        }
        let mut kept: Vec<Mailbox> = Vec::new();
        for one in cc {
            let known = to.address().is(one.address()) || kept.iter().any(|other| other.address().is(one.address()));
            if !known && kept.len() + 1 < people.max.max(1) {
                kept.push(one);
            }
        }
        Some(Self { to, cc: kept })
    }

    /// All addresses, the author's first.
    pub fn addresses(&self) -> Vec<Address> {
        std::iter::once(&self.to).chain(&self.cc).map(|one| one.address().clone()).collect()
    }
}

/// `Name <address> (role)`, as a report names maintainers.
fn maintainer(text: &str) -> Option<Mailbox> {
    let (name, rest) = match text.split_once('<') {
        Some((name, rest)) => (name.trim().trim_matches('"'), rest.split_once('>')?.0),
        None => ("", text.split([' ', '(']).next().unwrap_or_default()),
    };
    let address = Address::parse(rest).ok()?;
    Some(Mailbox::new(Some(name).filter(|name| !name.is_empty()), address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch() -> Message {
        Message::parse(
            b"From: Alice <alice@example.org>\nTo: list@example.org, Bob <bob@example.org>\n\
              Cc: carol@example.org, ALICE@example.org\nMessage-ID: <1@x>\nSubject: [PATCH] x\n\nx\n",
        )
    }

    fn shown(people: &People, left_alone: &[&str]) -> String {
        let lists = [Address::parse("list@example.org").unwrap()];
        let maintainers =
            ["\"Dan D.\" <dan@example.org> (maintainer)".to_owned(), "erin@example.org (open list)".to_owned()];
        let alone = |address: &Address| left_alone.contains(&address.as_str());
        Recipients::of(&patch(), &lists, &maintainers, people, &alone).map_or_else(String::new, |found| {
            found
                .addresses()
                .iter()
                .map(|address| address.as_str().split('@').next().unwrap())
                .collect::<Vec<_>>()
                .join(" ")
        })
    }

    #[test]
    fn who_gets_a_reply() {
        let people = People::default();
        assert_eq!(shown(&people, &[]), "alice list");
        let all = People { maintainers: true, patch_recipients: true, ..People::default() };
        assert_eq!(shown(&all, &[]), "alice list dan erin bob carol");
        assert_eq!(shown(&all, &["dan@example.org", "bob@example.org"]), "alice list erin carol");
        assert_eq!(shown(&People { max: 3, ..all.clone() }, &[]), "alice list dan");
        assert_eq!(shown(&People { max: 0, ..all }, &[]), "alice");
        assert_eq!(shown(&people, &["alice@example.org"]), "");
    }

    #[test]
    fn maintainers_are_read() {
        assert_eq!(maintainer("Dan <dan@example.org> (maintainer:X)").unwrap().to_string(), "Dan <dan@example.org>");
        assert_eq!(maintainer("x@example.org").unwrap().to_string(), "x@example.org");
        assert!(maintainer("nobody").is_none());
        assert!(maintainer("A <a@b\nBcc: x@y>").is_none());
    }
}
