//! What a report leaves in the memory: what was built, its builds, their causes.

use std::collections::BTreeSet;

use triage_causes::report::{Cause, Kind};
use triage_report::secrets::Masked;
use triage_store::{NewBuild, NewCheckout, ProposedFix, SeenCause, Timestamp, Transaction};

use crate::error::Error;

/// Words of a cause beside its symbols and files.
const FILES: usize = 12;
/// Causes of a report whose history is told: more than are told in full anywhere.
const RECALLED: usize = 50;

/// Where a report comes from.
pub struct Origin<'a> {
    /// What was built; none when that is not known: then its causes are on no branch.
    pub checkout: Option<&'a NewCheckout>,
    /// What stands for all builds of the report together: see [`NewBuild::cell`].
    pub cell: Option<&'a str>,
    /// The series that it is of, with its version.
    pub series: Option<(&'a str, i64)>,
    /// Where the logs are.
    pub url: Option<&'a str>,
    /// The id of a build by the name of its log: the same for the same build, and no other's.
    pub id: &'a (dyn Fn(&str) -> String + Send + Sync),
}

/// Writes down what a report says, without the secrets that a log leaked; the same report changes nothing the
/// second time.
pub async fn remember(at: &mut Transaction, origin: &Origin<'_>, report: &Masked, now: Timestamp) -> Result<(), Error> {
    let checkout = match origin.checkout {
        Some(checkout) => Some(at.record_checkout(checkout, now).await?),
        None => None,
    };
    let tree = origin.checkout.map_or("", |checkout| checkout.tree.as_str());
    let text = serde_json::to_string(&**report).map_err(std::io::Error::from)?;
    for (number, build) in report.builds.iter().enumerate() {
        let (series, version) = origin.series.unwrap_or_default();
        let build = NewBuild {
            id: (origin.id)(&build.id),
            name: build.id.clone(),
            checkout,
            cell: origin.cell.map(str::to_owned),
            series: origin.series.map(|_| series.to_owned()),
            version,
            status: triage_report::summary::json_name(build.status),
            axes: build.axes.clone(),
            url: origin.url.map(str::to_owned),
            // It is about all of them.
            report: (number == 0).then(|| text.clone()),
        };
        at.record_build(&build, now).await?;
    }
    let mut causes: Vec<&Cause> = report.causes.iter().collect();
    causes.sort_by(|a, b| a.fingerprint.cmp(&b.fingerprint));
    for cause in causes {
        let builds = cause.builds.iter().map(|build| (origin.id)(build)).collect();
        let seen = SeenCause { builds, ..seen(cause, tree) };
        at.record_cause(&seen, now).await?;
    }
    Ok(())
}

/// Has each cause of a report say what is known of it from other builds, when that is worth saying. What the report
/// leaves in the memory is to be there already: a cause of two lines of development is known from elsewhere.
pub async fn recall(at: &mut Transaction, report: Masked, now: Timestamp) -> Result<Masked, triage_store::Error> {
    let mut report = report.into_report();
    for cause in report.causes.iter_mut().take(RECALLED) {
        if let Some(words) = history(at, &cause.fingerprint, now).await? {
            cause.history = words;
        }
    }
    Ok(Masked::of(report))
}

/// What is known of a cause from other builds, in one line of plain text; none when it is not worth saying.
pub async fn history(
    at: &mut Transaction,
    fingerprint: &str,
    now: Timestamp,
) -> Result<Option<String>, triage_store::Error> {
    let history = at.history(fingerprint).await?.filter(|history| history.is_worth_saying(now));
    Ok(history.map(|history| triage_report::safe::line(&history.words())))
}

/// Writes down that all passed of what stands together: see [`NewBuild::cell`].
pub async fn passed(
    at: &mut Transaction,
    checkout: &NewCheckout,
    cell: &str,
    id: &str,
    now: Timestamp,
) -> Result<(), Error> {
    let build = NewBuild {
        id: id.to_owned(),
        name: cell.to_owned(),
        checkout: Some(at.record_checkout(checkout, now).await?),
        status: "pass".to_owned(),
        cell: Some(cell.to_owned()),
        url: checkout.url.clone(),
        ..NewBuild::default()
    };
    at.record_build(&build, now).await?;
    Ok(())
}

/// Ids of builds by their places in a report: that of the first is `id` itself.
pub fn numbered(id: &str, report: &Masked) -> impl Fn(&str) -> String + use<> {
    let names: Vec<String> = report.builds.iter().map(|build| build.id.clone()).collect();
    let id = id.to_owned();
    move |name| match names.iter().position(|one| one == name) {
        Some(0) | None => id.clone(),
        Some(number) => format!("{id}-{number}"),
    }
}

/// A cause as it is remembered, without its builds.
pub fn seen(cause: &Cause, tree: &str) -> SeenCause {
    SeenCause {
        fingerprint: cause.fingerprint.clone(),
        class: cause.class.clone(),
        kind: if cause.kind == Kind::Infrastructure { "infrastructure" } else { "code" }.to_owned(),
        title: triage_report::summary::title(cause),
        place: cause.location.as_ref().map(triage_report::summary::place).unwrap_or_default(),
        words: words(cause, tree),
        detail: serde_json::to_string(cause).ok(),
        fix: cause.fixes.first().map(|fix| ProposedFix {
            kind: fix.kind.clone(),
            applicability: triage_report::summary::json_name(fix.applicability),
            title: fix.title.clone(),
            patch: fix.patch.clone(),
        }),
        builds: Vec::new(),
    }
}

/// By what the cause is looked for: symbols, files with and without their folders, class, rule, option, tree.
fn words(cause: &Cause, tree: &str) -> Vec<String> {
    let mut words: BTreeSet<&str> = [tree, &cause.class, &cause.rule].into();
    words.extend(cause.symbols.iter().map(String::as_str));
    words.extend(cause.diagnosis.as_deref().into_iter().chain(cause.option.as_deref()));
    words.extend(cause.function.as_deref());
    let located = cause.location.iter().chain(&cause.places).map(|place| place.file.as_str());
    let files = located.chain(cause.units.iter().map(String::as_str)).chain(cause.objects.iter().map(String::as_str));
    for file in files.take(FILES) {
        words.insert(file.trim_start_matches("./"));
        words.extend(file.rsplit('/').next());
    }
    words.into_iter().filter(|word| !word.is_empty()).map(str::to_owned).collect()
}
