//! What a report leaves in the memory.

use triage_causes::report::Report;
use triage_store::{NewBuild, SeenCause, Timestamp, Transaction};

use crate::error::Error;

/// Where a report comes from.
pub struct Origin<'a> {
    /// The change that was built, with its version.
    pub series: Option<(&'a str, i64)>,
    /// What tells its builds from all others.
    pub id: &'a str,
}

impl Origin<'_> {
    /// The id of a build by its place in the report. The first one's is [`Origin::id`] itself.
    fn build(&self, number: usize) -> String {
        if number == 0 { self.id.to_owned() } else { format!("{}-{number}", self.id) }
    }
}

/// Writes a report down, with its builds and causes.
pub async fn report(at: &mut Transaction, origin: &Origin<'_>, report: &Report, now: Timestamp) -> Result<(), Error> {
    let text = serde_json::to_string(report).map_err(std::io::Error::from)?;
    let (series, version) = origin.series.unwrap_or_default();
    for (number, build) in report.builds.iter().enumerate() {
        let build = NewBuild {
            id: origin.build(number),
            series: origin.series.map(|_| series.to_owned()),
            version,
            status: triage_report::summary::json_name(build.status),
            axes: build.axes.clone(),
            report: (number == 0).then(|| text.clone()),
        };
        at.record_build(&build, now).await?;
    }
    let numbers = |cause: &[String]| -> Vec<String> {
        let found = report.builds.iter().enumerate().filter(|(_, build)| cause.contains(&build.id));
        found.map(|(number, _)| origin.build(number)).collect()
    };
    let mut causes: Vec<_> = report.causes.iter().collect();
    // In one order everywhere: rows are locked in it.
    causes.sort_by(|a, b| a.fingerprint.cmp(&b.fingerprint));
    for cause in causes {
        let seen = SeenCause {
            fingerprint: cause.fingerprint.clone(),
            class: cause.class.clone(),
            title: cause.title.clone(),
            builds: numbers(&cause.builds),
        };
        at.record_cause(&seen, now).await?;
    }
    Ok(())
}
