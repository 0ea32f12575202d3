//! What is known of a cause from earlier builds, as data and in words.

use crate::builds::LineKind;
use crate::causes::Verdict;
use crate::database::{Error, Transaction, on};
use crate::time::Timestamp;

/// Lines of development that are named.
const NAMED: usize = 3;
/// Verdicts that are read.
const VERDICTS: i64 = 20;

/// What is known of a cause. Its texts come from logs and mails: they are to be escaped for where they
/// are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// Its fingerprint.
    pub fingerprint: String,
    /// When it was seen first.
    pub first_seen_at: Timestamp,
    /// When it was seen last.
    pub last_seen_at: Timestamp,
    /// In how many builds.
    pub builds: u64,
    /// On how many lines of development.
    pub lines: u64,
    /// On how many it is open.
    pub open_lines: u64,
    /// Where it was seen last, the last first; at most 3.
    pub reach: Vec<Reach>,
    /// Which patch was proposed before the cause went away.
    pub worked: Option<Worked>,
    /// What people said, the last first.
    pub verdicts: Vec<Said>,
}

/// A line of development on which a cause was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// The tree.
    pub tree: String,
    /// The branch or change.
    pub name: String,
    /// Of what kind it is.
    pub kind: LineKind,
    /// In how many of its builds.
    pub builds: u64,
    /// Whether it is open there.
    pub is_open: bool,
    /// When it was seen there first.
    pub first_seen_at: Timestamp,
    /// When it was seen there last.
    pub last_seen_at: Timestamp,
    /// When it went away there.
    pub fixed_at: Option<Timestamp>,
}

/// A patch after which a cause went away: all cells that had it passed in a later state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worked {
    /// The kind of change.
    pub kind: String,
    /// One line for a person.
    pub title: String,
    /// When the cause was gone.
    pub at: Timestamp,
    /// The tree on which it was.
    pub tree: String,
    /// The first state without it, by its key.
    pub state: String,
}

/// What someone said of a cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// What.
    pub verdict: Verdict,
    /// Who: an address, a name on a forge, `dashboard`.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

impl History {
    /// True when there is more to say than that the cause is here: it is older than a day, it is known
    /// from elsewhere, or someone said something.
    pub fn is_worth_saying(&self, now: Timestamp) -> bool {
        now.day() > self.first_seen_at.day() || self.lines > 1 || self.worked.is_some() || self.verdict().is_some()
    }

    /// What was said last, unless it was taken back.
    pub fn verdict(&self) -> Option<&Said> {
        self.verdicts.first().filter(|said| said.verdict != Verdict::Withdrawn)
    }

    /// `seen since 2026-11-03 on net-next master and 2 more, 214 builds; gone on net-next in 0123456789ab after the
    /// proposed fix "include <linux/sched.h>"; bob@example.org said invalid`. One line without a full stop.
    pub fn words(&self) -> String {
        let mut parts = vec![self.seen()];
        if let Some(worked) = &self.worked {
            let state: String = worked.state.chars().take(12).collect();
            let place = if worked.tree.is_empty() { String::new() } else { format!(" on {} in {state}", worked.tree) };
            parts.push(format!("gone{place} after the proposed fix \"{}\"", worked.title));
        }
        if let Some(said) = self.verdict() {
            parts.push(match &said.verdict {
                Verdict::Fixed(commit) => format!("fixed by {commit}, says {}", said.by),
                Verdict::Invalid => format!("{} said invalid", said.by),
                Verdict::Duplicate(other) => format!("{} said dup of {other}", said.by),
                Verdict::Withdrawn => String::new(),
            });
        }
        parts.join("; ")
    }

    fn seen(&self) -> String {
        let builds = if self.builds == 1 { "1 build".to_owned() } else { format!("{} builds", self.builds) };
        let mut names: Vec<String> = Vec::new();
        for reach in &self.reach {
            let name = match reach.kind {
                LineKind::Branch if reach.name.is_empty() => reach.tree.clone(),
                LineKind::Branch => format!("{} {}", reach.tree, reach.name),
                LineKind::Change => format!("{} ({})", reach.tree, reach.name),
            };
            names.push(name);
        }
        let more = self.lines.saturating_sub(names.len() as u64);
        if more > 0 {
            names.push(format!("{more} more"));
        }
        let places = match names.as_slice() {
            [] => String::new(),
            [only] => format!(" on {only}"),
            [first @ .., last] => format!(" on {} and {last}", first.join(", ")),
        };
        format!("seen since {}{places}, {builds}", self.first_seen_at.date())
    }
}

type ReachRow = (String, String, String, i64, String, i64, i64, Option<i64>);

impl Transaction {
    /// What is known of a cause; none when it was never seen.
    pub async fn history(&mut self, fingerprint: &str) -> Result<Option<History>, Error> {
        type Row = (i64, i64, i64, i64, i64);
        let row: Option<Row> = on!(self, at => sqlx::query_as(
                "SELECT first_seen_at, last_seen_at, builds, branches, open_branches FROM causes WHERE fingerprint = $1",
            )
            .bind(fingerprint).fetch_optional(at).await?);
        let Some((first, last, builds, lines, open)) = row else { return Ok(None) };
        Ok(Some(History {
            fingerprint: fingerprint.to_owned(),
            first_seen_at: Timestamp::from_millis(first),
            last_seen_at: Timestamp::from_millis(last),
            builds: count(builds),
            lines: count(lines),
            open_lines: count(open),
            reach: self.reach(fingerprint, NAMED).await?,
            worked: self.worked(fingerprint).await?,
            verdicts: self.verdicts(fingerprint).await?,
        }))
    }

    /// The lines of development on which a cause was seen, the last first.
    pub async fn reach(&mut self, fingerprint: &str, limit: usize) -> Result<Vec<Reach>, Error> {
        let rows: Vec<ReachRow> = on!(self, at => sqlx::query_as(
                "SELECT b.tree, b.name, b.kind, c.builds, c.state, c.first_seen_at, c.last_seen_at, c.fixed_at \
                 FROM cause_branches AS c JOIN branches AS b ON b.id = c.branch WHERE c.fingerprint = $1 \
                 ORDER BY c.last_seen_at DESC, c.branch DESC LIMIT $2",
            )
            .bind(fingerprint).bind(i64::try_from(limit).unwrap_or(i64::MAX)).fetch_all(at).await?);
        let reach = |row: ReachRow| {
            Ok(Reach {
                tree: row.0,
                name: row.1,
                kind: LineKind::parse(&row.2)?,
                builds: count(row.3),
                is_open: row.4 == "open",
                first_seen_at: Timestamp::from_millis(row.5),
                last_seen_at: Timestamp::from_millis(row.6),
                fixed_at: row.7.map(Timestamp::from_millis),
            })
        };
        rows.into_iter().map(reach).collect()
    }

    async fn worked(&mut self, fingerprint: &str) -> Result<Option<Worked>, Error> {
        type Row = (String, String, i64, Option<String>, Option<String>);
        let row: Option<Row> = on!(self, at => sqlx::query_as(
                "SELECT f.kind, f.title, f.worked_at, b.tree, c.key FROM cause_fixes AS f \
                 LEFT JOIN checkouts AS c ON c.id = f.worked_in LEFT JOIN branches AS b ON b.id = c.branch \
                 WHERE f.fingerprint = $1 AND f.worked_at IS NOT NULL ORDER BY f.worked_at DESC LIMIT 1",
            )
            .bind(fingerprint).fetch_optional(at).await?);
        Ok(row.map(|(kind, title, worked_at, tree, state)| Worked {
            kind,
            title,
            at: Timestamp::from_millis(worked_at),
            tree: tree.unwrap_or_default(),
            state: state.unwrap_or_default(),
        }))
    }

    /// What people said of a cause, the last first.
    pub async fn verdicts(&mut self, fingerprint: &str) -> Result<Vec<Said>, Error> {
        let rows: Vec<(String, String, String, i64)> = on!(self, at => sqlx::query_as(
                "SELECT verdict, detail, said_by, said_at FROM cause_verdicts WHERE fingerprint = $1 \
                 ORDER BY said_at DESC, said_by LIMIT $2",
            )
            .bind(fingerprint).bind(VERDICTS).fetch_all(at).await?);
        let said = |(name, detail, by, at): (String, String, String, i64)| {
            Ok(Said { verdict: Verdict::read(&name, detail)?, by, at: Timestamp::from_millis(at) })
        };
        rows.into_iter().map(said).collect()
    }
}

/// A count, which the database holds as a signed number.
pub(crate) fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
