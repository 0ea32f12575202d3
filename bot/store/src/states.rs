//! Whether a cause is open or fixed, on each line where it was seen.
//!
//! A *cell* is what a line is built as: architecture, configuration, compiler. A cause is open in a
//! cell from the build that had it until a build of a later state of the line passes there: only a
//! build that passed proves that the cause is gone, one that failed otherwise may not have come so
//! far. It is fixed on the line when no cell is open, and fixed when it is on all lines.
//!
//! States are numbered in the order in which they became known, so a late result of an old state
//! neither opens nor closes what a newer one decided.

use crate::database::{Error, Transaction, on};
use crate::time::Timestamp;

impl Transaction {
    /// Ends the causes that states before `checkout` had in a cell that passed now.
    pub(crate) async fn close_cells(
        &mut self,
        branch: i64,
        cell: &str,
        checkout: i64,
        now: Timestamp,
    ) -> Result<(), Error> {
        let open: Vec<(String,)> = on!(self, at => sqlx::query_as(
                "SELECT fingerprint FROM cause_cells WHERE branch = $1 AND cell = $2 AND is_open = 1 AND checkout < $3 \
                 ORDER BY fingerprint",
            )
            .bind(branch).bind(cell).bind(checkout).fetch_all(at).await?);
        for (fingerprint,) in open {
            on!(self, at => sqlx::query(
                    "UPDATE cause_cells SET is_open = 0 WHERE branch = $1 AND cell = $2 AND fingerprint = $3",
                )
                .bind(branch).bind(cell).bind(&fingerprint).execute(at).await?.rows_affected());
            let (left,): (i64,) = on!(self, at => sqlx::query_as(
                    "UPDATE cause_branches SET open_cells = open_cells - 1 WHERE fingerprint = $1 AND branch = $2 \
                     RETURNING open_cells",
                )
                .bind(&fingerprint).bind(branch).fetch_one(at).await?);
            if left == 0 {
                self.fixed_on(&fingerprint, branch, checkout, now).await?;
            }
        }
        Ok(())
    }

    async fn fixed_on(&mut self, fingerprint: &str, branch: i64, checkout: i64, now: Timestamp) -> Result<(), Error> {
        on!(self, at => {
            sqlx::query(
                "UPDATE cause_branches SET state = 'fixed', fixed_checkout = $3, fixed_at = $4 \
                 WHERE fingerprint = $1 AND branch = $2",
            )
            .bind(fingerprint).bind(branch).bind(checkout).bind(now.millis()).execute(&mut *at).await?;
            sqlx::query("UPDATE branches SET open_causes = open_causes - 1 WHERE id = $1")
                .bind(branch).execute(&mut *at).await?;
            sqlx::query(
                "UPDATE causes SET open_branches = open_branches - 1, \
                 state = CASE WHEN open_branches <= 1 THEN 'fixed' ELSE state END, \
                 fixed_at = CASE WHEN open_branches <= 1 THEN $2 ELSE fixed_at END WHERE fingerprint = $1",
            )
            .bind(fingerprint).bind(now.millis()).execute(&mut *at).await?;
            // The last patch that was proposed before is what people had at hand.
            sqlx::query(
                "UPDATE cause_fixes SET worked_at = $2, worked_in = $3 WHERE fingerprint = $1 AND worked_at IS NULL \
                 AND digest = (SELECT digest FROM cause_fixes WHERE fingerprint = $1 AND patch IS NOT NULL \
                 AND proposed_at < $2 ORDER BY proposed_at DESC, digest LIMIT 1)",
            )
            .bind(fingerprint).bind(now.millis()).bind(checkout).execute(&mut *at).await?;
        });
        Ok(())
    }

    /// A build of a line had the cause. The cause must be written down already.
    pub(crate) async fn open_cell(
        &mut self,
        fingerprint: &str,
        branch: i64,
        cell: &str,
        checkout: i64,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.meet_on(fingerprint, branch, checkout, now).await?;
        type Known = Option<(i64, i64)>;
        let (passed, known): (Option<(i64,)>, Known) = on!(self, at => (
            sqlx::query_as("SELECT passed FROM cells WHERE branch = $1 AND cell = $2")
                .bind(branch).bind(cell).fetch_optional(&mut *at).await?,
            sqlx::query_as(
                "SELECT checkout, is_open FROM cause_cells WHERE branch = $1 AND cell = $2 AND fingerprint = $3",
            )
            .bind(branch).bind(cell).bind(fingerprint).fetch_optional(&mut *at).await?,
        ));
        // Of a state that both failed and passed in a cell nothing is proved.
        let is_open = passed.is_none_or(|(passed,)| passed <= checkout);
        let (last, was_open) = known.unwrap_or((0, 0));
        if checkout < last {
            return Ok(());
        }
        on!(self, at => sqlx::query(
                "INSERT INTO cause_cells (branch, cell, fingerprint, checkout, is_open) VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT (branch, cell, fingerprint) DO UPDATE SET checkout = excluded.checkout, \
                 is_open = excluded.is_open",
            )
            .bind(branch).bind(cell).bind(fingerprint).bind(checkout).bind(i64::from(is_open)).execute(at).await?
            .rows_affected());
        match passed {
            _ if is_open && was_open == 0 => self.opened_on(fingerprint, branch).await,
            Some((passed,)) if !is_open => self.was_fixed_in(fingerprint, branch, passed).await,
            _ => Ok(()),
        }
    }

    /// Counts a build of a line with the cause. A line that is new to it counts as fixed until a cell is
    /// opened.
    async fn meet_on(&mut self, fingerprint: &str, branch: i64, checkout: i64, now: Timestamp) -> Result<(), Error> {
        on!(self, at => {
            let new = sqlx::query(
                "INSERT INTO cause_branches (fingerprint, branch, state, builds, open_cells, first_checkout, \
                 last_checkout, first_seen_at, last_seen_at, fixed_at) \
                 VALUES ($1, $2, 'fixed', 0, 0, $3, $3, $4, $4, $4) ON CONFLICT DO NOTHING",
            )
            .bind(fingerprint).bind(branch).bind(checkout).bind(now.millis()).execute(&mut *at).await?.rows_affected();
            sqlx::query(
                "UPDATE cause_branches SET builds = builds + 1, \
                 first_checkout = CASE WHEN $3 < first_checkout THEN $3 ELSE first_checkout END, \
                 last_checkout = CASE WHEN $3 > last_checkout THEN $3 ELSE last_checkout END, \
                 first_seen_at = CASE WHEN $4 < first_seen_at THEN $4 ELSE first_seen_at END, \
                 last_seen_at = CASE WHEN $4 > last_seen_at THEN $4 ELSE last_seen_at END \
                 WHERE fingerprint = $1 AND branch = $2",
            )
            .bind(fingerprint).bind(branch).bind(checkout).bind(now.millis()).execute(&mut *at).await?;
            if new > 0 {
                sqlx::query("UPDATE causes SET branches = branches + 1 WHERE fingerprint = $1")
                    .bind(fingerprint).execute(&mut *at).await?;
            }
        });
        Ok(())
    }

    /// What came in late was fixed in a state that passed earlier than it was heard of.
    async fn was_fixed_in(&mut self, fingerprint: &str, branch: i64, checkout: i64) -> Result<(), Error> {
        on!(self, at => {
            let changed = sqlx::query(
                "UPDATE cause_branches SET fixed_checkout = $3, \
                 fixed_at = (SELECT first_seen_at FROM checkouts WHERE id = $3) WHERE fingerprint = $1 \
                 AND branch = $2 AND state = 'fixed' AND (fixed_checkout IS NULL OR fixed_checkout < $3)",
            )
            .bind(fingerprint).bind(branch).bind(checkout).execute(&mut *at).await?.rows_affected();
            if changed > 0 {
                sqlx::query(
                    "UPDATE causes SET fixed_at = (SELECT MAX(fixed_at) FROM cause_branches WHERE fingerprint = $1) \
                     WHERE fingerprint = $1 AND open_branches = 0",
                )
                .bind(fingerprint).execute(&mut *at).await?;
            }
        });
        Ok(())
    }

    async fn opened_on(&mut self, fingerprint: &str, branch: i64) -> Result<(), Error> {
        on!(self, at => {
            let (open,): (i64,) = sqlx::query_as(
                "UPDATE cause_branches SET open_cells = open_cells + 1, state = 'open', fixed_at = NULL, \
                 fixed_checkout = NULL WHERE fingerprint = $1 AND branch = $2 RETURNING open_cells",
            )
            .bind(fingerprint).bind(branch).fetch_one(&mut *at).await?;
            if open == 1 {
                sqlx::query("UPDATE branches SET open_causes = open_causes + 1 WHERE id = $1")
                    .bind(branch).execute(&mut *at).await?;
                sqlx::query(
                    "UPDATE causes SET open_branches = open_branches + 1, state = 'open', fixed_at = NULL \
                     WHERE fingerprint = $1",
                )
                .bind(fingerprint).execute(&mut *at).await?;
            }
        });
        Ok(())
    }
}
