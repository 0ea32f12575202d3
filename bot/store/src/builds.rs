//! Builds: of what, how they ended, and on which line of development they follow each other.

use std::collections::BTreeMap;

use crate::database::{Error, Transaction, on, storable};
use crate::outbox::json;
use crate::time::Timestamp;

/// Axes that say what is built, so that builds with the same values follow each other. Others (a
/// commit, the number of a run) differ each time.
const CELL: [&str; 5] = ["arch", "config", "toolchain", "version", "target"];
/// Bytes of a name, an id, an address.
pub(crate) const NAME: usize = 1000;
/// Bytes of a title.
pub(crate) const TITLE: usize = 2000;

/// What kind of line of development.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LineKind {
    /// A branch of a tree.
    #[default]
    Branch,
    /// A patch series or a pull request.
    Change,
}

impl LineKind {
    /// As it stands in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Branch => "branch",
            Self::Change => "change",
        }
    }

    pub(crate) fn parse(name: &str) -> Result<Self, Error> {
        match name {
            "branch" => Ok(Self::Branch),
            "change" => Ok(Self::Change),
            other => Err(Error::Content(format!("a line of the kind '{other}'"))),
        }
    }
}

/// A state of a line that is built.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewCheckout {
    /// Of what kind the line is.
    pub kind: LineKind,
    /// The tree or repository: `net-next`, `group/project`.
    pub tree: String,
    /// The branch; for a change its id in the tree: the Message-ID of the series, `#12`, `!12`.
    pub name: String,
    /// What tells the states of the line apart: the commit, or the version of the series. Builds with
    /// the same key belong to one matrix.
    pub key: String,
    /// The commit, when it is known.
    pub commit: Option<String>,
    /// One line for a person: the subject.
    pub title: Option<String>,
    /// Where a person finds it.
    pub url: Option<String>,
}

/// A build that was reported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewBuild {
    /// Its id, unique over all that report builds.
    pub id: String,
    /// What its log is called.
    pub name: String,
    /// What was built, by [`Transaction::record_checkout`].
    pub checkout: Option<i64>,
    /// The series that it built, by its id.
    pub series: Option<String>,
    /// The version of the series; 0 without one.
    pub version: i64,
    /// `pass`, `fail` or `empty`.
    pub status: String,
    /// What it is a build of, by name.
    pub axes: BTreeMap<String, String>,
    /// What follows each other on its line, when that is not what the axes say: a workflow whose jobs stand for it
    /// together. Without it and without axes, it is the name.
    pub cell: Option<String>,
    /// Where its log is.
    pub url: Option<String>,
    /// The report in JSON.
    pub report: Option<String>,
}

impl Transaction {
    /// Writes down that a state of a line is built; gives its number. What is known of it already
    /// stays. To be called before the builds of a result are recorded.
    pub async fn record_checkout(&mut self, checkout: &NewCheckout, now: Timestamp) -> Result<i64, Error> {
        let tree = storable(&checkout.tree, NAME);
        let name = storable(&checkout.name, NAME);
        let key = storable(&checkout.key, NAME);
        let optional = |text: &Option<String>, max| text.as_deref().map(|text| storable(text, max));
        let (branch,): (i64,) = on!(self, at => sqlx::query_as(
                "INSERT INTO branches (kind, tree, name, checkout, open_causes, last_seen_at) \
                 VALUES ($1, $2, $3, 0, 0, $4) ON CONFLICT (tree, name) DO UPDATE SET last_seen_at = \
                 CASE WHEN excluded.last_seen_at > branches.last_seen_at THEN excluded.last_seen_at \
                 ELSE branches.last_seen_at END RETURNING id",
            )
            .bind(checkout.kind.name()).bind(tree).bind(name).bind(now.millis()).fetch_one(at).await?);
        let (id,): (i64,) = on!(self, at => sqlx::query_as(
                "INSERT INTO checkouts (branch, key, commit_id, title, url, passed, failed, empty, first_seen_at, \
                 last_seen_at) VALUES ($1, $2, $3, $4, $5, 0, 0, 0, $6, $6) \
                 ON CONFLICT (branch, key) DO UPDATE SET commit_id = COALESCE(checkouts.commit_id, excluded.commit_id), \
                 title = COALESCE(checkouts.title, excluded.title), url = COALESCE(checkouts.url, excluded.url), \
                 last_seen_at = CASE WHEN excluded.last_seen_at > checkouts.last_seen_at THEN excluded.last_seen_at \
                 ELSE checkouts.last_seen_at END RETURNING id",
            )
            .bind(branch)
            .bind(key)
            .bind(optional(&checkout.commit, NAME))
            .bind(optional(&checkout.title, TITLE))
            .bind(optional(&checkout.url, NAME))
            .bind(now.millis())
            .fetch_one(at)
            .await?);
        on!(self, at => sqlx::query("UPDATE branches SET checkout = $2 WHERE id = $1 AND checkout < $2")
            .bind(branch).bind(id).execute(at).await?.rows_affected());
        Ok(id)
    }

    /// Whether something was built of a tree or repository.
    pub async fn knows_tree(&mut self, tree: &str) -> Result<bool, Error> {
        let row: Option<(i64,)> = on!(self, at => sqlx::query_as("SELECT id FROM branches WHERE tree = $1 LIMIT 1")
            .bind(storable(tree, NAME)).fetch_optional(at).await?);
        Ok(row.is_some())
    }

    /// Writes a build down; false when it is known already. A build that passed ends the causes that
    /// earlier states of its line had in the same cell.
    pub async fn record_build(&mut self, build: &NewBuild, now: Timestamp) -> Result<bool, Error> {
        let cell = cell(build);
        let written = on!(self, at => sqlx::query(
                "INSERT INTO builds (id, series, version, status, axes, report, received_at, checkout, cell, name, url) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING",
            )
            .bind(storable(&build.id, NAME))
            .bind(&build.series)
            .bind(build.version)
            .bind(&build.status)
            .bind(json(&build.axes))
            .bind(build.report.as_deref().map(|report| storable(report, usize::MAX)))
            .bind(now.millis())
            .bind(build.checkout)
            .bind(&cell)
            .bind(storable(&build.name, NAME))
            .bind(build.url.as_deref().map(|url| storable(url, NAME)))
            .execute(at)
            .await?
            .rows_affected());
        if written > 0
            && let Some(checkout) = build.checkout
        {
            self.count_build(checkout, &build.status, &cell, now).await?;
        }
        Ok(written > 0)
    }

    async fn count_build(&mut self, checkout: i64, status: &str, cell: &str, now: Timestamp) -> Result<(), Error> {
        let (passed, failed) = (i64::from(status == "pass"), i64::from(status == "fail"));
        let row: Option<(i64,)> = on!(self, at => sqlx::query_as(
                "UPDATE checkouts SET passed = passed + $2, failed = failed + $3, empty = empty + $4 WHERE id = $1 \
                 RETURNING branch",
            )
            .bind(checkout).bind(passed).bind(failed).bind(1 - passed - failed).fetch_optional(at).await?);
        let Some((branch,)) = row else {
            return Err(Error::Content(format!("no checkout {checkout}, of which a build is recorded")));
        };
        on!(self, at => sqlx::query(
                "INSERT INTO branch_days (branch, day, builds, failed) VALUES ($1, $2, 1, $3) \
                 ON CONFLICT (branch, day) DO UPDATE SET builds = branch_days.builds + 1, \
                 failed = branch_days.failed + excluded.failed",
            )
            .bind(branch).bind(now.day()).bind(failed).execute(at).await?.rows_affected());
        if passed == 0 {
            return Ok(());
        }
        on!(self, at => sqlx::query(
                "INSERT INTO cells (branch, cell, passed) VALUES ($1, $2, $3) ON CONFLICT (branch, cell) DO UPDATE SET \
                 passed = CASE WHEN excluded.passed > cells.passed THEN excluded.passed ELSE cells.passed END",
            )
            .bind(branch).bind(cell).bind(checkout).execute(at).await?.rows_affected());
        self.close_cells(branch, cell, checkout, now).await
    }
}

/// What is built, as one text: builds of a line with the same one follow each other.
fn cell(build: &NewBuild) -> String {
    if let Some(cell) = &build.cell {
        return storable(cell, NAME);
    }
    let values = CELL.map(|axis| build.axes.get(axis).map(|value| value.replace('|', "/")).unwrap_or_default());
    let is_known = values.iter().any(|value| !value.is_empty());
    if is_known { storable(&values.join("|"), NAME) } else { storable(&build.name, NAME) }
}
