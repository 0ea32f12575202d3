//! What the small GitLab holds, and how it changes.

use serde_json::{Value, json};

use super::{ANN, BOB, BOT, MR, PATH, PROJECT};

/// A time; nothing here depends on it.
const TIME: &str = "2026-11-26T12:00:00.000Z";

/// All that it holds.
pub struct State {
    pub(super) url: String,
    /// The merge requests of the project.
    pub merge_requests: Vec<MergeRequest>,
    /// Its pipelines, and those of others.
    pub pipelines: Vec<Pipeline>,
    /// Their jobs, bridges included.
    pub jobs: Vec<Job>,
    /// Statuses of other systems: commit, and what they say.
    pub statuses: Vec<Status>,
    /// Comments of all merge requests, as they were made.
    pub notes: Vec<Note>,
    /// Requests that changed something: `POST /projects/12/merge_requests/3/notes`.
    pub changes: Vec<String>,
    next: u64,
}

/// A merge request.
pub struct MergeRequest {
    /// Its number.
    pub iid: u64,
    /// `opened`, `closed`, `merged`.
    pub state: String,
    /// The commits of its branch; the last is its head.
    pub heads: Vec<String>,
    /// The files of its diff.
    pub files: Vec<(String, String)>,
}

/// A pipeline.
pub struct Pipeline {
    /// Its number.
    pub id: u64,
    /// Its project.
    pub project: u64,
    /// What was built.
    pub sha: String,
    /// The branch or the merge request's ref.
    pub of: String,
    /// `failed`, `success`, ….
    pub status: String,
    /// The merge request that its hook names.
    pub merge_request: Option<u64>,
}

/// A job or a bridge.
pub struct Job {
    /// Its number.
    pub id: u64,
    /// Its pipeline.
    pub pipeline: u64,
    /// Its name.
    pub name: String,
    /// `failed`, `success`, ….
    pub status: String,
    /// GitLab's word for why.
    pub reason: Option<String>,
    /// Whether its failure fails the pipeline.
    pub allow_failure: bool,
    /// Whether it was tried again.
    pub retried: bool,
    /// What it printed.
    pub trace: Vec<u8>,
    /// The pipeline that it started, for a bridge.
    pub downstream: Option<u64>,
}

/// A commit's status.
pub struct Status {
    /// Its number.
    pub id: u64,
    /// The commit.
    pub sha: String,
    /// Its name.
    pub name: String,
    /// `failed`, `success`, ….
    pub state: String,
    /// What it says.
    pub description: Option<String>,
    /// Where it leads.
    pub target_url: Option<String>,
    /// Whether a newer one took its place.
    pub retried: bool,
    /// The pipeline that shows it.
    pub pipeline: Option<u64>,
}

/// A comment.
#[derive(Clone, Debug)]
pub struct Note {
    /// Its number.
    pub id: u64,
    /// The merge request.
    pub iid: u64,
    /// The discussion.
    pub discussion: String,
    /// Who wrote it.
    pub author: u64,
    /// Its text.
    pub body: String,
    /// `DiffNote`, `DiscussionNote`, none.
    pub kind: Option<&'static str>,
    /// Who resolved it.
    pub resolved_by: Option<u64>,
    /// Where it stands in the diff.
    pub position: Option<Value>,
}

/// A commit id made of a name.
pub fn sha(name: &str) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut text = String::new();
    while text.len() < 40 {
        for byte in name.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        text.push_str(&format!("{hash:016x}"));
    }
    text.truncate(40);
    text
}

impl State {
    pub(super) fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            merge_requests: vec![MergeRequest {
                iid: MR,
                state: "opened".to_owned(),
                heads: vec![sha("head 1")],
                files: vec![("src/valve.c".to_owned(), super::DIFF.to_owned())],
            }],
            pipelines: Vec::new(),
            jobs: Vec::new(),
            statuses: Vec::new(),
            notes: Vec::new(),
            changes: Vec::new(),
            next: 1000,
        }
    }

    /// A number that nothing has.
    pub fn fresh(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// The merge request.
    pub fn merge_request(&mut self) -> &mut MergeRequest {
        &mut self.merge_requests[0]
    }

    /// The newest commit of the merge request.
    pub fn head(&self) -> String {
        self.merge_requests[0].heads.last().expect("a merge request has a commit").clone()
    }

    /// A pipeline for the newest commit.
    pub fn pipeline(&mut self, status: &str) -> u64 {
        let (id, sha) = (self.fresh(), self.head());
        let of = format!("refs/merge-requests/{MR}/head");
        let merge_request = Some(MR);
        self.pipelines.push(Pipeline { id, project: PROJECT, sha, of, status: status.to_owned(), merge_request });
        id
    }

    /// A job of a pipeline.
    pub fn job(&mut self, pipeline: u64, name: &str, status: &str, trace: &str) -> u64 {
        let id = self.fresh();
        let reason = (status == "failed").then(|| "script_failure".to_owned());
        let (name, status, trace) = (name.to_owned(), status.to_owned(), trace.as_bytes().to_vec());
        let (allow_failure, retried, downstream) = (false, false, None);
        self.jobs.push(Job { id, pipeline, name, status, reason, allow_failure, retried, trace, downstream });
        id
    }

    /// The comments that somebody wrote, in their order.
    pub fn notes_of(&self, author: u64) -> Vec<&Note> {
        self.notes.iter().filter(|note| note.author == author).collect()
    }

    /// What GitLab sends to a webhook for a pipeline.
    pub fn pipeline_hook(&self, id: u64) -> Value {
        let pipeline = self.pipelines.iter().find(|it| it.id == id).expect("there is the pipeline");
        let builds = self.jobs.iter().filter(|job| job.pipeline == id && job.downstream.is_none() && !job.retried);
        json!({
            "object_kind": "pipeline",
            "object_attributes": {
                "id": id, "iid": 1, "name": null, "ref": pipeline.of, "tag": false, "sha": pipeline.sha,
                "before_sha": "0".repeat(40), "source": "merge_request_event", "status": pipeline.status,
                "detailed_status": pipeline.status, "stages": ["build"], "created_at": "2026-11-26 12:00:00 UTC",
                "finished_at": "2026-11-26 12:10:00 UTC", "duration": 600, "queued_duration": 3, "variables": [],
                "url": format!("{}/{PATH}/-/pipelines/{id}", self.url),
            },
            "merge_request": pipeline.merge_request.map(|iid| json!({
                "id": 700 + iid, "iid": iid, "title": "Open the valve", "source_branch": "topic", "state": "opened",
                "source_project_id": PROJECT, "target_branch": "main", "target_project_id": PROJECT,
                "merge_status": "can_be_merged", "detailed_merge_status": "ci_must_pass",
                "url": format!("{}/{PATH}/-/merge_requests/{iid}", self.url),
            })),
            "user": self.user(ANN),
            "project": {
                "id": PROJECT, "name": "Valve", "description": null, "web_url": format!("{}/{PATH}", self.url),
                "avatar_url": null, "namespace": "Sub", "visibility_level": 0, "path_with_namespace": PATH,
                "default_branch": "main", "ci_config_path": "",
            },
            "commit": {"id": pipeline.sha, "message": "Open it", "title": "Open it", "timestamp": TIME},
            "builds": builds.map(|job| json!({
                "id": job.id, "stage": "build", "name": job.name, "status": job.status, "created_at": TIME,
                "started_at": TIME, "finished_at": TIME, "when": "on_success", "manual": false,
                "allow_failure": job.allow_failure, "failure_reason": job.reason, "user": self.user(ANN),
                "runner": {"id": 1, "description": "runner", "active": true, "is_shared": true, "tags": ["linux"]},
                "artifacts_file": {"filename": null, "size": null}, "environment": null,
            })).collect::<Vec<_>>(),
        })
    }

    pub(super) fn user(&self, id: u64) -> Value {
        let (username, name) = match id {
            ANN => ("ann", "Ann"),
            BOB => ("bob", "Bob"),
            BOT => ("project_12_bot_0a1b2c", "triage"),
            _ => ("ghost", "Ghost User"),
        };
        json!({
            "id": id, "username": username, "name": name, "state": "active", "locked": false, "avatar_url": null,
            "web_url": format!("{}/{username}", self.url),
        })
    }

    pub(super) fn project(&self) -> Value {
        json!({
            "id": PROJECT, "description": null, "name": "valve", "name_with_namespace": "Group / Sub / valve",
            "path": "valve", "path_with_namespace": PATH, "created_at": TIME, "default_branch": "main",
            "web_url": format!("{}/{PATH}", self.url), "visibility": "private", "archived": false,
        })
    }

    pub(super) fn pipeline_json(&self, pipeline: &Pipeline) -> Value {
        json!({
            "id": pipeline.id, "iid": 1, "project_id": pipeline.project, "sha": pipeline.sha, "ref": pipeline.of,
            "status": pipeline.status, "source": "merge_request_event", "created_at": TIME, "updated_at": TIME,
            "web_url": format!("{}/{PATH}/-/pipelines/{}", self.url, pipeline.id), "before_sha": "0".repeat(40),
            "tag": false, "yaml_errors": null, "user": self.user(ANN), "started_at": TIME, "finished_at": TIME,
            "committed_at": null, "duration": 600, "queued_duration": 3, "coverage": null, "name": null,
        })
    }

    pub(super) fn job_json(&self, job: &Job) -> Value {
        let pipeline = self.pipelines.iter().find(|it| it.id == job.pipeline).expect("a job has a pipeline");
        let mut value = json!({
            "id": job.id, "status": job.status, "stage": "build", "name": job.name, "ref": pipeline.of, "tag": false,
            "coverage": null, "allow_failure": job.allow_failure, "created_at": TIME, "started_at": TIME,
            "finished_at": TIME, "erased_at": null, "duration": 60.5, "queued_duration": 1.5, "user": self.user(ANN),
            "commit": {"id": pipeline.sha, "short_id": &pipeline.sha[..8], "title": "Open it"},
            "pipeline": {"id": pipeline.id, "iid": 1, "project_id": pipeline.project, "sha": pipeline.sha,
                "ref": pipeline.of, "status": pipeline.status},
            "web_url": format!("{}/{PATH}/-/jobs/{}", self.url, job.id), "project": {"ci_job_token_scope_enabled": false},
            "artifacts": [], "runner": null, "artifacts_expire_at": null, "archived": false, "tag_list": [],
        });
        if let Some(reason) = &job.reason {
            value["failure_reason"] = json!(reason);
        }
        if let Some(id) = job.downstream {
            let started = self.pipelines.iter().find(|it| it.id == id);
            value["downstream_pipeline"] = started.map_or(Value::Null, |it| self.pipeline_json(it));
        }
        value
    }

    pub(super) fn merge_request_json(&self, change: &MergeRequest) -> Value {
        let head = change.heads.last();
        let (base, start) = (sha("base"), sha("base"));
        json!({
            "id": 700 + change.iid, "iid": change.iid, "project_id": PROJECT, "title": "Open the valve",
            "description": "", "state": change.state, "created_at": TIME, "updated_at": TIME, "merged_at": null,
            "closed_at": null, "target_branch": "main", "source_branch": "topic", "author": self.user(ANN),
            "source_project_id": PROJECT, "target_project_id": PROJECT, "labels": [], "draft": false,
            "sha": head, "merge_commit_sha": null, "user_notes_count": 0, "discussion_locked": null,
            "web_url": format!("{}/{PATH}/-/merge_requests/{}", self.url, change.iid),
            "references": {"short": format!("!{}", change.iid)}, "detailed_merge_status": "ci_must_pass",
            "diff_refs": {"base_sha": base, "head_sha": head, "start_sha": start},
        })
    }

    pub(super) fn version_json(&self, change: &MergeRequest, at: usize, whole: bool) -> Value {
        let mut value = json!({
            "id": 100 + at, "head_commit_sha": change.heads[at], "base_commit_sha": sha("base"),
            "start_commit_sha": sha("base"), "created_at": TIME, "merge_request_id": 700 + change.iid,
            "state": "collected", "real_size": change.files.len().to_string(), "patch_id_sha": null,
        });
        if whole {
            value["commits"] = json!([]);
            value["diffs"] = change.files.iter().map(|(path, diff)| Self::diff_json(path, diff)).collect();
        }
        value
    }

    pub(super) fn diff_json(path: &str, diff: &str) -> Value {
        json!({
            "old_path": path, "new_path": path, "a_mode": "100644", "b_mode": "100644", "diff": diff,
            "new_file": false, "renamed_file": false, "deleted_file": false, "generated_file": null,
        })
    }

    pub(super) fn note_json(&self, note: &Note) -> Value {
        let resolvable = note.kind.is_some();
        let mut value = json!({
            "id": note.id, "type": note.kind, "body": note.body, "author": self.user(note.author),
            "created_at": TIME, "updated_at": TIME, "system": false, "noteable_id": 700 + note.iid,
            "noteable_type": "MergeRequest", "project_id": PROJECT, "resolvable": resolvable, "confidential": false,
            "internal": false, "imported": false, "noteable_iid": note.iid, "commands_changes": {},
        });
        if resolvable {
            value["resolved"] = json!(note.resolved_by.is_some());
            value["resolved_by"] = note.resolved_by.map_or(Value::Null, |id| self.user(id));
        }
        if let Some(position) = &note.position {
            value["position"] = position.clone();
        }
        value
    }

    pub(super) fn status_json(&self, status: &Status) -> Value {
        json!({
            "id": status.id, "sha": status.sha, "ref": "topic", "status": status.state, "name": status.name,
            "target_url": status.target_url, "description": status.description, "created_at": TIME, "started_at": null,
            "finished_at": TIME, "allow_failure": false, "coverage": null, "pipeline_id": status.pipeline,
            "author": self.user(BOT),
        })
    }
}
