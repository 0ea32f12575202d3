//! What the dashboard shows: lists that are read from an index, a page at a time.
//!
//! A list goes on after the [`Cursor`] of its last row, so that page 1000 costs what page 1 does.

use std::collections::BTreeMap;

use sqlx::AssertSqlSafe;

use crate::builds::LineKind;
use crate::causes::Verdict;
use crate::database::{Error, Transaction, on};
use crate::history::count;
use crate::search::Cursor;
use crate::time::Timestamp;

/// A line of development with its latest state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its number in this database.
    pub id: i64,
    /// Its kind.
    pub kind: LineKind,
    /// Its tree.
    pub tree: String,
    /// Its name.
    pub name: String,
    /// Causes that are open on it.
    pub open_causes: u64,
    /// When something of it was built last.
    pub last_seen_at: Timestamp,
    /// What was built last.
    pub latest: Option<Checkout>,
}

/// A state of a line, and how its builds ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    /// Its number in this database; a later state of the line has a larger one.
    pub id: i64,
    /// The line.
    pub line: i64,
    /// What tells the states of the line apart.
    pub key: String,
    /// The commit.
    pub commit: Option<String>,
    /// One line for a person.
    pub title: Option<String>,
    /// Where a person finds it.
    pub url: Option<String>,
    /// Builds that passed.
    pub passed: u64,
    /// Builds that failed.
    pub failed: u64,
    /// Builds of which nothing is known.
    pub empty: u64,
    /// When the first build came in.
    pub first_seen_at: Timestamp,
    /// When the last build came in.
    pub last_seen_at: Timestamp,
}

/// A build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// Its id.
    pub id: String,
    /// What its log is called.
    pub name: String,
    /// `pass`, `fail` or `empty`.
    pub status: String,
    /// What it is a build of.
    pub axes: BTreeMap<String, String>,
    /// Where its log is.
    pub url: Option<String>,
    /// When it came in.
    pub received_at: Timestamp,
    /// What was built.
    pub checkout: Option<i64>,
    /// What follows each other on its line.
    pub cell: Option<String>,
    /// The series that it built, and its version.
    pub series: Option<(String, i64)>,
}

/// A cause in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedCause {
    /// Its fingerprint.
    pub fingerprint: String,
    /// Its class.
    pub class: String,
    /// `code` or `infrastructure`.
    pub kind: String,
    /// One line for a person.
    pub title: String,
    /// Where it is.
    pub place: String,
    /// Whether it is open: on the line of the list, or anywhere.
    pub is_open: bool,
    /// In how many builds it was seen, on the line of the list, or in all.
    pub builds: u64,
    /// On how many lines it was seen.
    pub lines: u64,
    /// When it was seen first.
    pub first_seen_at: Timestamp,
    /// When it was seen last.
    pub last_seen_at: Timestamp,
    /// When it went away.
    pub fixed_at: Option<Timestamp>,
    /// What people said of it last.
    pub verdict: Option<Verdict>,
    /// The first state of the line that had it; none in a list over all lines.
    pub first_checkout: Option<i64>,
}

/// Which causes of all lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which<'a> {
    /// Those that are open, the last seen first.
    Open,
    /// Those that are fixed, the last seen first.
    Fixed,
    /// All, the newest first.
    New,
    /// All of a class, the last seen first.
    Class(&'a str),
}

/// A reply that tells a cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldIn {
    /// `mail`, `github` or `gitlab`.
    pub channel: String,
    /// The list or repository.
    pub place: String,
    /// The series or pull request.
    pub thread: String,
    /// The state of the reply, as [`crate::State::name`].
    pub state: String,
    /// What the other side knows it by: the Message-ID of a mail.
    pub marker: String,
    /// When it was recorded.
    pub created_at: Timestamp,
}

/// Of a sparkline: a day, the builds of it, and how many failed.
pub type Day = (i64, u64, u64);

const LINE: &str = "b.id, b.kind, b.tree, b.name, b.open_causes, b.last_seen_at, b.checkout";
const CHECKOUT: &str = "id, branch, key, commit_id, title, url, passed, failed, empty, first_seen_at, last_seen_at";
const BUILD: &str = "id, name, status, axes, url, received_at, checkout, cell, series, version";
const CAUSE: &str = "c.fingerprint, c.class, c.kind, c.title, c.place, c.state, c.builds, c.branches, \
                     c.first_seen_at, c.last_seen_at, c.fixed_at, c.verdict, c.verdict_detail";

type LineRow = (i64, String, String, String, i64, i64, i64);
type Text = Option<String>;
type CheckoutRow = (i64, i64, String, Text, Text, Text, i64, i64, i64, i64, i64);
type BuildRow = (String, Text, String, String, Text, i64, Option<i64>, Text, Text, i64);
type CauseRow = (String, String, String, String, String, String, i64, i64, i64, i64, Option<i64>, Text, Text);

impl Transaction {
    /// Lines of a kind, the last built first.
    pub async fn lines(&mut self, kind: LineKind, from: &Cursor, limit: usize) -> Result<Vec<Line>, Error> {
        let sql = format!(
            "SELECT {LINE} FROM branches AS b WHERE b.kind = $1 AND (b.last_seen_at, b.id) < ($2, $3) \
             ORDER BY b.last_seen_at DESC, b.id DESC LIMIT $4"
        );
        let rows = on!(self, at => sqlx::query_as(AssertSqlSafe(sql))
            .bind(kind.name()).bind(from.at).bind(number(&from.key)).bind(size(limit)).fetch_all(at).await?);
        self.with_latest(rows).await
    }

    /// Lines of a tree, the last built first.
    pub async fn lines_of(&mut self, tree: &str, from: &Cursor, limit: usize) -> Result<Vec<Line>, Error> {
        let sql = format!(
            "SELECT {LINE} FROM branches AS b WHERE b.tree = $1 AND (b.last_seen_at, b.id) < ($2, $3) \
             ORDER BY b.last_seen_at DESC, b.id DESC LIMIT $4"
        );
        let rows = on!(self, at => sqlx::query_as(AssertSqlSafe(sql))
            .bind(tree).bind(from.at).bind(number(&from.key)).bind(size(limit)).fetch_all(at).await?);
        self.with_latest(rows).await
    }

    /// A line by its tree and name.
    pub async fn line(&mut self, tree: &str, name: &str) -> Result<Option<Line>, Error> {
        let sql = format!("SELECT {LINE} FROM branches AS b WHERE b.tree = $1 AND b.name = $2");
        let rows = on!(self, at => sqlx::query_as(AssertSqlSafe(sql)).bind(tree).bind(name).fetch_all(at).await?);
        Ok(self.with_latest(rows).await?.pop())
    }

    /// A line by its number.
    pub async fn line_by_id(&mut self, id: i64) -> Result<Option<Line>, Error> {
        let sql = format!("SELECT {LINE} FROM branches AS b WHERE b.id = $1");
        let rows = on!(self, at => sqlx::query_as(AssertSqlSafe(sql)).bind(id).fetch_all(at).await?);
        Ok(self.with_latest(rows).await?.pop())
    }

    async fn with_latest(&mut self, rows: Vec<LineRow>) -> Result<Vec<Line>, Error> {
        let ids: Vec<i64> = rows.iter().map(|row| row.6).collect();
        let sql = format!("SELECT {CHECKOUT} FROM checkouts WHERE id IN ({})", listed(&ids));
        let latest: Vec<CheckoutRow> = on!(self, at => sqlx::query_as(AssertSqlSafe(sql)).fetch_all(at).await?);
        let mut latest: BTreeMap<i64, Checkout> = latest.into_iter().map(|row| (row.0, checkout(row))).collect();
        let line = |row: LineRow| {
            Ok(Line {
                id: row.0,
                kind: LineKind::parse(&row.1)?,
                tree: row.2,
                name: row.3,
                open_causes: count(row.4),
                last_seen_at: Timestamp::from_millis(row.5),
                latest: latest.remove(&row.6),
            })
        };
        rows.into_iter().map(line).collect()
    }

    /// States of a line, the newest first, before the one with the number `before`.
    pub async fn checkouts(&mut self, line: i64, before: i64, limit: usize) -> Result<Vec<Checkout>, Error> {
        let sql = format!("SELECT {CHECKOUT} FROM checkouts WHERE branch = $1 AND id < $2 ORDER BY id DESC LIMIT $3");
        let rows: Vec<CheckoutRow> = on!(self, at => sqlx::query_as(AssertSqlSafe(sql))
            .bind(line).bind(before).bind(size(limit)).fetch_all(at).await?);
        Ok(rows.into_iter().map(checkout).collect())
    }

    /// A state of a line by its key.
    pub async fn checkout(&mut self, line: i64, key: &str) -> Result<Option<Checkout>, Error> {
        let sql = format!("SELECT {CHECKOUT} FROM checkouts WHERE branch = $1 AND key = $2");
        let row: Option<CheckoutRow> =
            on!(self, at => sqlx::query_as(AssertSqlSafe(sql)).bind(line).bind(key).fetch_optional(at).await?);
        Ok(row.map(checkout))
    }

    /// A state by its number.
    pub async fn checkout_by_id(&mut self, id: i64) -> Result<Option<Checkout>, Error> {
        let sql = format!("SELECT {CHECKOUT} FROM checkouts WHERE id = $1");
        let row: Option<CheckoutRow> =
            on!(self, at => sqlx::query_as(AssertSqlSafe(sql)).bind(id).fetch_optional(at).await?);
        Ok(row.map(checkout))
    }

    /// Builds of a state, in the order of their ids.
    pub async fn builds_of(&mut self, checkout: i64, limit: usize) -> Result<Vec<Build>, Error> {
        let sql = format!("SELECT {BUILD} FROM builds WHERE checkout = $1 ORDER BY id LIMIT $2");
        let rows: Vec<BuildRow> =
            on!(self, at => sqlx::query_as(AssertSqlSafe(sql)).bind(checkout).bind(size(limit)).fetch_all(at).await?);
        Ok(rows.into_iter().map(build).collect())
    }

    /// A build by its id.
    pub async fn build(&mut self, id: &str) -> Result<Option<Build>, Error> {
        let sql = format!("SELECT {BUILD} FROM builds WHERE id = $1");
        let row: Option<BuildRow> =
            on!(self, at => sqlx::query_as(AssertSqlSafe(sql)).bind(id).fetch_optional(at).await?);
        Ok(row.map(build))
    }

    /// The report in which a build is the first, in JSON.
    pub async fn report_of_build(&mut self, id: &str) -> Result<Option<String>, Error> {
        let row: Option<(Text,)> = on!(self, at => sqlx::query_as("SELECT report FROM builds WHERE id = $1")
            .bind(id).fetch_optional(at).await?);
        Ok(row.and_then(|row| row.0))
    }

    /// Which causes the builds of a state have: pairs of build and fingerprint.
    pub async fn causes_of(&mut self, checkout: i64, limit: usize) -> Result<Vec<(String, String)>, Error> {
        on!(self, at => Ok(sqlx::query_as(
                "SELECT b.id, x.fingerprint FROM builds AS b JOIN cause_builds AS x ON x.build = b.id \
                 WHERE b.checkout = $1 ORDER BY b.id, x.fingerprint LIMIT $2",
            )
            .bind(checkout).bind(size(limit)).fetch_all(at).await?))
    }

    /// The causes of a build.
    pub async fn causes_of_build(&mut self, build: &str, limit: usize) -> Result<Vec<ListedCause>, Error> {
        let sql = format!(
            "SELECT {CAUSE} FROM cause_builds AS x JOIN causes AS c ON c.fingerprint = x.fingerprint \
             WHERE x.build = $1 ORDER BY c.fingerprint LIMIT $2"
        );
        let rows: Vec<CauseRow> =
            on!(self, at => sqlx::query_as(AssertSqlSafe(sql)).bind(build).bind(size(limit)).fetch_all(at).await?);
        rows.into_iter().map(listed_cause).collect()
    }

    /// Builds that have a cause, the last first, with when.
    pub async fn builds_with(&mut self, fingerprint: &str, from: &Cursor, limit: usize) -> Result<Vec<Build>, Error> {
        let rows: Vec<BuildRow> = on!(self, at => sqlx::query_as(
                "SELECT b.id, b.name, b.status, b.axes, b.url, x.seen_at, b.checkout, b.cell, b.series, b.version \
                 FROM cause_builds AS x JOIN builds AS b ON b.id = x.build WHERE x.fingerprint = $1 \
                 AND (x.seen_at, x.build) < ($2, $3) ORDER BY x.seen_at DESC, x.build DESC LIMIT $4",
            )
            .bind(fingerprint).bind(from.at).bind(&from.key).bind(size(limit)).fetch_all(at).await?);
        Ok(rows.into_iter().map(build).collect())
    }

    /// Causes of all lines.
    pub async fn causes(&mut self, which: Which<'_>, from: &Cursor, limit: usize) -> Result<Vec<ListedCause>, Error> {
        let (part, text, time) = match which {
            Which::Open => ("c.state = $1", "open", "last_seen_at"),
            Which::Fixed => ("c.state = $1", "fixed", "last_seen_at"),
            Which::New => ("$1 = ''", "", "first_seen_at"),
            Which::Class(class) => ("c.class = $1", class, "last_seen_at"),
        };
        let sql = format!(
            "SELECT {CAUSE} FROM causes AS c WHERE {part} AND (c.{time}, c.fingerprint) < ($2, $3) \
             ORDER BY c.{time} DESC, c.fingerprint DESC LIMIT $4"
        );
        let rows: Vec<CauseRow> = on!(self, at => sqlx::query_as(AssertSqlSafe(sql))
            .bind(text).bind(from.at).bind(&from.key).bind(size(limit)).fetch_all(at).await?);
        rows.into_iter().map(listed_cause).collect()
    }

    /// Causes that are open on a line, the last seen first; or those that are fixed, the last fixed first.
    pub async fn causes_on(
        &mut self,
        line: i64,
        open: bool,
        from: &Cursor,
        limit: usize,
    ) -> Result<Vec<ListedCause>, Error> {
        let (state, time) = if open { ("open", "last_seen_at") } else { ("fixed", "fixed_at") };
        // The state stands in the text, or PostgreSQL could not choose the index of what is fixed.
        let sql = format!(
            "SELECT c.fingerprint, c.class, c.kind, c.title, c.place, x.state, x.builds, c.branches, x.first_seen_at, \
             x.last_seen_at, x.fixed_at, c.verdict, c.verdict_detail, x.first_checkout FROM cause_branches AS x \
             JOIN causes AS c ON c.fingerprint = x.fingerprint WHERE x.branch = $1 AND x.state = '{state}' \
             AND (x.{time}, x.fingerprint) < ($2, $3) ORDER BY x.{time} DESC, x.fingerprint DESC LIMIT $4"
        );
        type Row = (String, String, String, String, String, String, i64, i64, i64, i64, Option<i64>, Text, Text, i64);
        let rows: Vec<Row> = on!(self, at => sqlx::query_as(AssertSqlSafe(sql))
            .bind(line).bind(from.at).bind(&from.key).bind(size(limit)).fetch_all(at).await?);
        let cause = |r: Row| {
            let row = (r.0, r.1, r.2, r.3, r.4, r.5, r.6, r.7, r.8, r.9, r.10, r.11, r.12);
            Ok(ListedCause { first_checkout: Some(r.13), ..listed_cause(row)? })
        };
        rows.into_iter().map(cause).collect()
    }

    /// Causes by their fingerprints, in the order of the fingerprints.
    pub async fn causes_by_id(&mut self, fingerprints: &[String]) -> Result<Vec<ListedCause>, Error> {
        let sql = format!(
            "SELECT {CAUSE} FROM causes AS c WHERE c.fingerprint IN ({}) ORDER BY c.fingerprint",
            places(fingerprints.len(), 1)
        );
        let rows: Vec<CauseRow> = on!(self, at => {
            let mut query = sqlx::query_as(AssertSqlSafe(sql));
            for fingerprint in fingerprints {
                query = query.bind(fingerprint);
            }
            query.fetch_all(at).await?
        });
        rows.into_iter().map(listed_cause).collect()
    }

    /// A cause as the last report had it, in JSON.
    pub async fn cause_detail(&mut self, fingerprint: &str) -> Result<Option<String>, Error> {
        let row: Option<(String,)> = on!(self, at => sqlx::query_as(
                "SELECT detail FROM cause_details WHERE fingerprint = $1",
            )
            .bind(fingerprint).fetch_optional(at).await?);
        Ok(row.map(|row| row.0))
    }

    /// The builds of lines by day since `since`, by line.
    pub async fn line_days(&mut self, lines: &[i64], since: i64) -> Result<BTreeMap<i64, Vec<Day>>, Error> {
        let sql = format!(
            "SELECT branch, day, builds, failed FROM branch_days WHERE branch IN ({}) AND day >= $1 ORDER BY branch, day",
            listed(lines)
        );
        let rows: Vec<(i64, i64, i64, i64)> =
            on!(self, at => sqlx::query_as(AssertSqlSafe(sql)).bind(since).fetch_all(at).await?);
        let mut days: BTreeMap<i64, Vec<Day>> = BTreeMap::new();
        for (line, day, builds, failed) in rows {
            days.entry(line).or_default().push((day, count(builds), count(failed)));
        }
        Ok(days)
    }

    /// In how many builds causes were seen by day since `since`, by cause.
    pub async fn cause_days(
        &mut self,
        fingerprints: &[String],
        since: i64,
    ) -> Result<BTreeMap<String, Vec<Day>>, Error> {
        let sql = format!(
            "SELECT fingerprint, day, builds FROM cause_days WHERE fingerprint IN ({}) AND day >= $1 \
             ORDER BY fingerprint, day",
            places(fingerprints.len(), 2)
        );
        let rows: Vec<(String, i64, i64)> = on!(self, at => {
            let mut query = sqlx::query_as(AssertSqlSafe(sql)).bind(since);
            for fingerprint in fingerprints {
                query = query.bind(fingerprint);
            }
            query.fetch_all(at).await?
        });
        let mut days: BTreeMap<String, Vec<Day>> = BTreeMap::new();
        for (fingerprint, day, builds) in rows {
            days.entry(fingerprint).or_default().push((day, count(builds), count(builds)));
        }
        Ok(days)
    }

    /// The replies that tell a cause, the last first.
    pub async fn told_in(&mut self, fingerprint: &str, limit: usize) -> Result<Vec<ToldIn>, Error> {
        type Row = (String, String, String, String, String, i64);
        let rows: Vec<Row> = on!(self, at => sqlx::query_as(
                "SELECT o.channel, o.place, o.thread, o.state, o.marker, o.created_at FROM said AS s \
                 JOIN outbox AS o ON o.key = s.reply WHERE s.fingerprint = $1 ORDER BY o.created_at DESC, o.key LIMIT $2",
            )
            .bind(fingerprint).bind(size(limit)).fetch_all(at).await?);
        let told = |row: Row| ToldIn {
            channel: row.0,
            place: row.1,
            thread: row.2,
            state: row.3,
            marker: row.4,
            created_at: Timestamp::from_millis(row.5),
        };
        Ok(rows.into_iter().map(told).collect())
    }
}

fn checkout(row: CheckoutRow) -> Checkout {
    Checkout {
        id: row.0,
        line: row.1,
        key: row.2,
        commit: row.3,
        title: row.4,
        url: row.5,
        passed: count(row.6),
        failed: count(row.7),
        empty: count(row.8),
        first_seen_at: Timestamp::from_millis(row.9),
        last_seen_at: Timestamp::from_millis(row.10),
    }
}

fn build(row: BuildRow) -> Build {
    Build {
        name: row.1.filter(|name| !name.is_empty()).unwrap_or_else(|| row.0.clone()),
        id: row.0,
        status: row.2,
        axes: serde_json::from_str(&row.3).unwrap_or_default(),
        url: row.4,
        received_at: Timestamp::from_millis(row.5),
        checkout: row.6,
        cell: row.7,
        series: row.8.map(|series| (series, row.9)),
    }
}

fn listed_cause(row: CauseRow) -> Result<ListedCause, Error> {
    let verdict = row.11.map(|name| Verdict::read(&name, row.12.unwrap_or_default())).transpose()?;
    Ok(ListedCause {
        fingerprint: row.0,
        class: row.1,
        kind: row.2,
        title: row.3,
        place: row.4,
        is_open: row.5 == "open",
        builds: count(row.6),
        lines: count(row.7),
        first_seen_at: Timestamp::from_millis(row.8),
        last_seen_at: Timestamp::from_millis(row.9),
        fixed_at: row.10.map(Timestamp::from_millis),
        verdict: verdict.filter(|verdict| *verdict != Verdict::Withdrawn),
        first_checkout: None,
    })
}

/// Numbers for `IN (…)`; one that nothing has when there is none.
fn listed(numbers: &[i64]) -> String {
    let texts: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    if texts.is_empty() { "-1".to_owned() } else { texts.join(", ") }
}

/// `$2, $3, …` for `IN (…)`, from `first` on; NULL, which nothing equals, when there is none.
fn places(count: usize, first: usize) -> String {
    let places: Vec<String> = (first..first + count).map(|number| format!("${number}")).collect();
    if places.is_empty() { "NULL".to_owned() } else { places.join(", ") }
}

fn number(key: &str) -> i64 {
    key.parse().unwrap_or(i64::MAX)
}

fn size(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
