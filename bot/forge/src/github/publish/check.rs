//! The check run of a commit (<https://docs.github.com/en/rest/checks/runs>).
//!
//! "The Checks API limits the number of annotations to a maximum of 50 per API request. […] Each time you update the check
//! run, annotations are appended." They can never be taken back, so a check run belongs to one list of annotations: its
//! `external_id` has the list's hash, and `annotations_count` says how far it came. For another list there is another
//! check run of the same name, which GitHub shows instead of the first.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::super::Session;
use super::super::models::CheckRun;
use super::Target;
use super::marker::{SUMMARY_MAX, fit, same_text};
use crate::answer::{Annotation, Answer, Level, Outcome};
use crate::http::{Error, Kind};

/// Annotations of a request.
const BATCH: usize = 50;
/// Annotations of a check run: ten requests. A person reads fewer.
const ANNOTATIONS_MAX: usize = 500;
/// "The maximum size is 64 KB." (`message`), "The maximum size is 255 characters." (`title`).
const MESSAGE_MAX: usize = 64 << 10;
const TITLE_MAX: usize = 255;

impl Session {
    /// Makes or completes the check run of an answer. Gives its address.
    pub(super) async fn publish_check(&self, target: &Target, answer: &Answer) -> Result<Option<String>, Error> {
        let annotations = &answer.annotations[..answer.annotations.len().min(ANNOTATIONS_MAX)];
        let id = external_id(target, answer, annotations);
        let runs = target.repository.path(&["check-runs"]);
        let found = match self.our_check(target, answer, &id).await? {
            Some(run) => run,
            None => {
                let first = &annotations[..annotations.len().min(BATCH)];
                let mut body = body(answer, first);
                body["name"] = json!(answer.key);
                body["head_sha"] = json!(target.head_sha);
                body["external_id"] = json!(id);
                let look = || self.our_check(target, answer, &id);
                let make = || async { self.post(&runs, &body).await?.json::<CheckRun>() };
                self.http.create(look, make).await?
            }
        };
        let path = target.repository.path(&["check-runs", &found.id.to_string()]);
        self.append_annotations(&path, answer, annotations, &found).await?;
        if is_stale(&found, answer) {
            self.patch(&path, &body(answer, &[])).await?;
        }
        Ok(found.html_url)
    }

    /// Appends what is missing. A request whose answer was lost is not repeated before the count was looked at.
    async fn append_annotations(
        &self,
        path: &str,
        answer: &Answer,
        annotations: &[Annotation],
        run: &CheckRun,
    ) -> Result<(), Error> {
        let mut done = run.output.annotations_count;
        while done < annotations.len() {
            let end = annotations.len().min(done + BATCH);
            let body = body(answer, &annotations[done..end]);
            let look = || async {
                let now: CheckRun = self.get(path).await?.json()?;
                let count = now.output.annotations_count;
                Ok((count > done).then_some(count))
            };
            let make = || async { self.append(path, &body).await.map(|_| end) };
            done = self.http.create(look, make).await?;
        }
        Ok(())
    }

    /// The newest check run of ours with an id. Only Apps make check runs, and only those of our key have its ids.
    async fn our_check(&self, target: &Target, answer: &Answer, id: &str) -> Result<Option<CheckRun>, Error> {
        let list = target.repository.path(&["commits", &target.head_sha, "check-runs"]);
        let name: String = url::form_urlencoded::byte_serialize(answer.key.as_bytes()).collect();
        let found = self.list::<CheckRun>(&format!("{list}?check_name={name}&filter=all"), Some("check_runs")).await;
        let found = match found {
            // A commit that GitHub does not know has no check runs either, but making one will tell.
            Err(error) if error.kind == Kind::NotFound => Vec::new(),
            found => found?,
        };
        Ok(found.into_iter().filter(|run| run.external_id.as_deref() == Some(id)).max_by_key(|run| run.id))
    }
}

/// A name for one list of annotations at one commit.
fn external_id(target: &Target, answer: &Answer, annotations: &[Annotation]) -> String {
    let mut hash = Sha256::new();
    hash.update(&target.head_sha);
    hash.update(serde_json::to_vec(annotations).unwrap_or_default());
    format!("triage:{}:{}", answer.key, hex::encode(&hash.finalize()[..12]))
}

/// Whether a check run says something else than the answer.
fn is_stale(run: &CheckRun, answer: &Answer) -> bool {
    let summary = fit(&answer.summary, SUMMARY_MAX);
    run.conclusion.as_deref() != Some(conclusion(answer.outcome))
        || !same_text(run.output.title.as_deref(), &answer.title)
        || !same_text(run.output.summary.as_deref(), &summary)
}

/// What a request says. It is completed from the first, so that none stays yellow when we crash in between.
fn body(answer: &Answer, annotations: &[Annotation]) -> Value {
    let mut output = json!({ "title": answer.title, "summary": fit(&answer.summary, SUMMARY_MAX) });
    if !annotations.is_empty() {
        output["annotations"] = annotations.iter().map(annotation).collect();
    }
    json!({ "status": "completed", "conclusion": conclusion(answer.outcome), "output": output })
}

/// "The author is not to blame" is `neutral`: it does not stop a merge.
fn conclusion(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Failed => "failure",
        Outcome::Infrastructure => "neutral",
        Outcome::Passed => "success",
    }
}

fn annotation(of: &Annotation) -> Value {
    let level = match of.level {
        Level::Failure => "failure",
        Level::Warning => "warning",
        Level::Notice => "notice",
    };
    let mut annotation = json!({
        "path": of.path,
        "start_line": of.start_line,
        "end_line": of.end_line.max(of.start_line),
        "annotation_level": level,
        "title": cut(&of.title, TITLE_MAX),
        "message": cut(&of.message, MESSAGE_MAX),
    });
    // "Annotations only support start_column and end_column on the same line."
    if let (Some((start, end)), true) = (of.columns, of.end_line <= of.start_line) {
        annotation["start_column"] = json!(start);
        annotation["end_column"] = json!(end.max(start));
    }
    annotation
}

/// Text of at most so many bytes.
fn cut(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    &text[..end.unwrap_or_default()]
}
