//! What a report leaves in the memory, with ids that follow from what the work is about.

use triage_report::secrets::Masked;
use triage_store::{NewCheckout, Timestamp, Transaction};

use crate::error::Error;
use crate::memory;

/// Where a report comes from.
pub struct Origin<'a> {
    /// What was built.
    pub checkout: &'a NewCheckout,
    /// The change that was built, with its version.
    pub series: Option<(&'a str, i64)>,
    /// What tells its builds from all others.
    pub id: &'a str,
    /// Where the logs are.
    pub url: Option<&'a str>,
}

/// Writes a report down, with its builds and causes. The first build has the id of the origin.
pub async fn report(at: &mut Transaction, origin: &Origin<'_>, report: &Masked, now: Timestamp) -> Result<(), Error> {
    let id = |name: &str| match report.builds.iter().position(|build| build.id == name) {
        None | Some(0) => origin.id.to_owned(),
        Some(number) => format!("{}-{number}", origin.id),
    };
    let from = memory::Origin { checkout: origin.checkout, series: origin.series, url: origin.url, id: &id };
    memory::remember(at, &from, report, now).await
}
