//! The REST API of the small GitLab.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::form::{number, parameters, text, truth};
use super::state::{Job, Note, State, Status};
use super::{ANN, ANN_TOKEN, BOB, BOT, BOT_TOKEN, JOB_TOKEN, OAUTH_TOKEN, PATH, PROJECT};

/// Below which path the server is.
const PREFIX: &str = "/gitlab/api/v4/";
/// Characters of a comment.
const BODY_MAX: usize = 1_000_000;

/// What it answers: a status and JSON, or a refusal.
type Answer = Result<(u16, Value), (u16, Value)>;

pub(super) fn router(state: Arc<Mutex<State>>) -> Router {
    Router::new().fallback(move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
        let state = Arc::clone(&state);
        async move { answer(&mut state.lock().unwrap_or_else(PoisonError::into_inner), &method, &uri, &headers, &body) }
    })
}

fn answer(state: &mut State, method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Response {
    let Some(path) = uri.path().strip_prefix(PREFIX) else { return json_response(404, &error("404 Not Found")) };
    let segments: Vec<String> =
        path.split('/').map(|it| percent_encoding::percent_decode_str(it).decode_utf8_lossy().into_owned()).collect();
    let path: Vec<&str> = segments.iter().map(String::as_str).collect();
    let all = match parameters(uri.query(), headers, body) {
        Ok(all) => all,
        Err(message) => return json_response(400, &json!({ "error": message })),
    };
    let Some(who) = who(headers) else { return json_response(401, &error("401 Unauthorized")) };
    if !matches!(*method, Method::GET | Method::HEAD) {
        state.changes.push(format!("{method} /{}", path.join("/")));
    }
    if who == Who::Job && !matches!(path[..], ["job"]) {
        return json_response(401, &error("401 Unauthorized"));
    }
    let Who::User(user) = who else { return json_response(200, &json!({"id": 1, "status": "running"})) };
    if let (&Method::GET, ["projects", _, "jobs", id, "trace"]) = (method, &path[..]) {
        return match state.jobs.iter().find(|job| job.id.to_string() == *id) {
            Some(job) => ([(header::CONTENT_TYPE, "text/plain")], job.trace.clone()).into_response(),
            None => json_response(404, &error("404 Not Found")),
        };
    }
    let call = Call { user, all, path: &path };
    let result = match *method {
        Method::GET | Method::HEAD => call.get(state),
        Method::POST => call.post(state),
        Method::PUT => call.put(state),
        Method::DELETE => call.delete(state),
        _ => Err((405, json!({"error": "405 Not Allowed"}))),
    };
    match result {
        Ok((200, Value::Array(items))) => page(uri, headers, &call.all, &items),
        Ok((204, _)) => StatusCode::NO_CONTENT.into_response(),
        Ok((status, value)) | Err((status, value)) => json_response(status, &value),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    User(u64),
    Job,
}

fn who(headers: &HeaderMap) -> Option<Who> {
    let get = |name: &str| headers.get(name).and_then(|it| it.to_str().ok());
    let bearer = get("authorization").and_then(|it| it.strip_prefix("Bearer "));
    match (get("private-token").or(bearer), get("job-token")) {
        (Some(BOT_TOKEN | OAUTH_TOKEN), _) => Some(Who::User(BOT)),
        (Some(ANN_TOKEN), _) => Some(Who::User(ANN)),
        (None, Some(JOB_TOKEN)) => Some(Who::Job),
        _ => None,
    }
}

fn error(message: &str) -> Value {
    json!({ "message": message })
}

fn missing(what: &str) -> (u16, Value) {
    (404, error(&format!("404 {what} Not Found")))
}

fn json_response(status: u16, value: &Value) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    (status, [(header::CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}

/// A page of a list, with the headers of offset pagination.
fn page(uri: &Uri, headers: &HeaderMap, all: &Map<String, Value>, items: &[Value]) -> Response {
    let per_page = number(all, "per_page").map_or(20, |it| it.clamp(1, 100)) as usize;
    let page = number(all, "page").map_or(1, |it| it.max(1)) as usize;
    let pages = items.len().div_ceil(per_page).max(1);
    let shown: Vec<&Value> = items.iter().skip((page - 1) * per_page).take(per_page).collect();
    let mut response = json_response(200, &json!(shown));
    let host = headers.get(header::HOST).and_then(|it| it.to_str().ok()).unwrap_or("localhost");
    let query = |to: usize| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
            if name != "page" && name != "per_page" {
                query.append_pair(&name, &value);
            }
        }
        query.append_pair("page", &to.to_string()).append_pair("per_page", &per_page.to_string()).finish()
    };
    let link = |to: usize, rel: &str| format!("<http://{host}{}?{}>; rel=\"{rel}\"", uri.path(), query(to));
    let mut links = vec![link(1, "first"), link(pages, "last")];
    let next = if page < pages { (page + 1).to_string() } else { String::new() };
    if page < pages {
        links.insert(0, link(page + 1, "next"));
    }
    for (name, value) in [
        ("x-page", page.to_string()),
        ("x-per-page", per_page.to_string()),
        ("x-next-page", next),
        ("x-prev-page", if page > 1 { (page - 1).to_string() } else { String::new() }),
        ("x-total", items.len().to_string()),
        ("x-total-pages", pages.to_string()),
        ("link", links.join(", ")),
    ] {
        response.headers_mut().insert(name, value.parse().expect("a header"));
    }
    response
}

struct Call<'a> {
    user: u64,
    all: Map<String, Value>,
    path: &'a [&'a str],
}

impl Call<'_> {
    fn get(&self, state: &State) -> Answer {
        let at = match self.path {
            ["user"] => return Ok((200, state.user(self.user))),
            ["version"] => return Ok((200, json!({"version": "18.6.0", "revision": "0a1b2c3d4e5"}))),
            ["projects"] => {
                let asked = ["membership", "simple", "last_activity_after"].map(|name| text(&self.all, name).is_some());
                assert_eq!(asked, [true; 3], "all of a server's projects are not wanted");
                return Ok((200, json!([state.project()])));
            }
            ["projects", project, rest @ ..] => {
                let known = [PROJECT.to_string(), PATH.to_owned()].iter().any(|it| it == project);
                let other = project.parse::<u64>().is_ok_and(|id| state.pipelines.iter().any(|it| it.project == id));
                if !known && !other {
                    return Err(missing("Project"));
                }
                rest
            }
            _ => return Err(missing("")),
        };
        let list = |items: Vec<Value>| Ok((200, Value::Array(items)));
        match at {
            [] => Ok((200, state.project())),
            ["members", "all", id] => match id.parse() {
                Ok(BOB) => Ok((200, member(state, BOB, 20))),
                Ok(BOT) => Ok((200, member(state, BOT, 30))),
                Ok(ANN) => Ok((200, member(state, ANN, 40))),
                _ => Err(missing("Not found")),
            },
            ["pipelines"] => {
                let says = |name: &str, value: &str| text(&self.all, name).is_none_or(|wanted| wanted == value);
                let wanted =
                    state.pipelines.iter().rev().filter(|it| says("status", &it.status) && says("sha", &it.sha));
                list(wanted.map(|it| state.pipeline_json(it)).collect())
            }
            ["pipelines", id, rest @ ..] => {
                let found = state.pipelines.iter().find(|it| it.id.to_string() == *id).ok_or_else(|| missing(""))?;
                let of = |bridges: bool| {
                    let scope = self.all.get("scope").and_then(Value::as_array);
                    let wanted = |job: &&Job| scope.is_none_or(|scope| scope.iter().any(|it| *it == job.status));
                    let retried = truth(&self.all, "include_retried") == Some(true);
                    let ours = state.jobs.iter().filter(|it| it.pipeline == found.id);
                    let ours = ours.filter(|it| it.downstream.is_some() == bridges && (retried || !it.retried));
                    ours.filter(wanted).map(|it| state.job_json(it)).collect()
                };
                match rest {
                    [] => Ok((200, state.pipeline_json(found))),
                    ["jobs"] => list(of(false)),
                    ["bridges"] => list(of(true)),
                    _ => Err(missing("")),
                }
            }
            ["jobs", id] => {
                let job = state.jobs.iter().find(|it| it.id.to_string() == *id).ok_or_else(|| missing(""))?;
                Ok((200, state.job_json(job)))
            }
            ["repository", "commits", sha, rest @ ..] => self.commit(state, sha, rest),
            ["merge_requests"] => list(state.merge_requests.iter().map(|it| state.merge_request_json(it)).collect()),
            ["merge_requests", iid, rest @ ..] => self.merge_request(state, iid, rest),
            _ => Err(missing("")),
        }
    }

    fn commit(&self, state: &State, sha: &str, rest: &[&str]) -> Answer {
        match rest {
            [] => {
                // A result of merging has the target and the branch as its parents.
                let parents = [super::state::sha("base"), state.head()];
                Ok((200, json!({"id": sha, "short_id": &sha[..8], "title": "Open it", "parent_ids": parents})))
            }
            ["merge_requests"] => {
                let have = state.merge_requests.iter().filter(|it| it.heads.iter().any(|head| head == sha));
                Ok((200, have.map(|it| state.merge_request_json(it)).collect()))
            }
            ["statuses"] => {
                let name = text(&self.all, "name");
                let whole = truth(&self.all, "all") == Some(true);
                let wanted = |it: &&Status| {
                    it.sha == sha && name.as_ref().is_none_or(|name| *name == it.name) && (whole || !it.retried)
                };
                Ok((200, state.statuses.iter().filter(wanted).map(|it| state.status_json(it)).collect()))
            }
            _ => Err(missing("")),
        }
    }

    fn merge_request(&self, state: &State, iid: &str, rest: &[&str]) -> Answer {
        let change = state.merge_requests.iter().find(|it| it.iid.to_string() == iid).ok_or_else(|| missing(""))?;
        let notes = || state.notes.iter().filter(|it| it.iid == change.iid);
        match rest {
            [] => Ok((200, state.merge_request_json(change))),
            ["versions"] => {
                let versions = (0..change.heads.len()).rev().map(|at| state.version_json(change, at, false));
                Ok((200, versions.collect()))
            }
            ["versions", id] => {
                let at = id.parse::<usize>().ok().and_then(|id| id.checked_sub(100));
                let at = at.filter(|at| *at < change.heads.len()).ok_or_else(|| missing(""))?;
                Ok((200, state.version_json(change, at, true)))
            }
            ["diffs"] => Ok((200, change.files.iter().map(|(path, diff)| State::diff_json(path, diff)).collect())),
            ["notes"] => Ok((200, notes().rev().map(|it| state.note_json(it)).collect())),
            ["notes", id] => {
                let note = notes().find(|it| it.id.to_string() == *id).ok_or_else(|| missing(""))?;
                Ok((200, state.note_json(note)))
            }
            ["discussions"] => {
                let mut ids: Vec<&str> = Vec::new();
                for note in notes() {
                    if !ids.contains(&note.discussion.as_str()) {
                        ids.push(&note.discussion);
                    }
                }
                Ok((200, ids.into_iter().map(|id| discussion(state, id)).collect()))
            }
            ["discussions", id] if notes().any(|it| it.discussion == *id) => Ok((200, discussion(state, id))),
            _ => Err(missing("")),
        }
    }

    fn post(&self, state: &mut State) -> Answer {
        let ["projects", _, rest @ ..] = self.path else { return Err(missing("")) };
        match rest {
            ["pipelines", id, "retry"] => {
                let found =
                    state.pipelines.iter().position(|it| it.id.to_string() == *id).ok_or_else(|| missing(""))?;
                "running".clone_into(&mut state.pipelines[found].status);
                Ok((201, state.pipeline_json(&state.pipelines[found])))
            }
            ["merge_requests", iid, "notes"] => {
                let note = self.new_note(state, iid, None)?;
                Ok((201, state.note_json(&note)))
            }
            ["merge_requests", iid, "discussions"] => {
                let note = self.new_note(state, iid, Some("DiscussionNote"))?;
                Ok((201, discussion(state, &note.discussion)))
            }
            ["statuses", sha] => self.new_status(state, sha),
            _ => Err(missing("")),
        }
    }

    fn new_note(&self, state: &mut State, iid: &str, kind: Option<&'static str>) -> Result<Note, (u16, Value)> {
        let at = state.merge_requests.iter().position(|it| it.iid.to_string() == iid).ok_or_else(|| missing(""))?;
        let body = self.body()?;
        let position = match self.all.get("position") {
            Some(position) if kind.is_some() => Some(self.position(state, at, position)?),
            _ => None,
        };
        let body = carry_out(state, at, &body);
        let id = state.fresh();
        let note = Note {
            id,
            iid: state.merge_requests[at].iid,
            discussion: super::state::sha(&format!("discussion {id}")),
            author: self.user,
            body,
            kind: if position.is_some() { Some("DiffNote") } else { kind },
            resolved_by: None,
            position,
        };
        state.notes.push(note.clone());
        Ok(note)
    }

    fn body(&self) -> Result<String, (u16, Value)> {
        let body = text(&self.all, "body").ok_or_else(|| (400, json!({"error": "body is missing"})))?;
        if body.trim().is_empty() {
            return Err((400, error("400 Bad request - Note {:note=>[\"can't be blank\"]}")));
        }
        if body.chars().count() > BODY_MAX {
            let long = "400 Bad request - Note {:note=>[\"is too long (maximum is 1000000 characters)\"]}";
            return Err((400, error(long)));
        }
        Ok(body)
    }

    /// A position must name the newest version, and a line of its diff by all the numbers that it has.
    fn position(&self, state: &State, at: usize, position: &Value) -> Result<Value, (u16, Value)> {
        let change = &state.merge_requests[at];
        let position = position.as_object().ok_or_else(|| (400, json!({"error": "position is invalid"})))?;
        let needed = ["base_sha", "start_sha", "head_sha", "position_type"];
        let lacking: Vec<String> = needed
            .iter()
            .filter(|name| text(position, name).is_none())
            .map(|name| format!("position[{name}] is missing"))
            .collect();
        if !lacking.is_empty() {
            return Err((400, json!({ "error": lacking.join(", ") })));
        }
        let bad =
            || (400, error("400 Bad request - Note {:line_code=>[\"can't be blank\", \"must be a valid line code\"]}"));
        let fits = text(position, "head_sha").as_ref() == change.heads.last()
            && text(position, "base_sha").is_some_and(|it| it == super::state::sha("base"));
        let path = text(position, "new_path").ok_or_else(bad)?;
        let (_, diff) = change.files.iter().find(|(it, _)| *it == path).ok_or_else(bad)?;
        let lines = (number(position, "old_line"), number(position, "new_line"));
        if !fits || !in_diff(diff).contains(&lines) {
            return Err(bad());
        }
        Ok(json!({
            "base_sha": text(position, "base_sha"), "start_sha": text(position, "start_sha"),
            "head_sha": text(position, "head_sha"), "old_path": text(position, "old_path"), "new_path": path,
            "position_type": "text", "old_line": lines.0, "new_line": lines.1, "line_range": null,
        }))
    }

    fn new_status(&self, state: &mut State, sha: &str) -> Answer {
        let wanted = text(&self.all, "state").ok_or_else(|| (400, json!({"error": "state is missing"})))?;
        let states = ["pending", "running", "success", "failed", "canceled", "skipped"];
        if !states.contains(&wanted.as_str()) {
            return Err((400, json!({"error": "state does not have a valid value"})));
        }
        let name = text(&self.all, "name").or(text(&self.all, "context")).unwrap_or_else(|| "default".to_owned());
        let description = text(&self.all, "description");
        if description.as_ref().is_some_and(|it| it.chars().count() > 255) {
            return Err((400, json!({"message": {"description": ["is too long (maximum is 255 characters)"]}})));
        }
        let (target_url, pipeline) = (text(&self.all, "target_url"), number(&self.all, "pipeline_id"));
        let open = |it: &&mut Status| {
            it.sha == sha && it.name == name && !it.retried && matches!(it.state.as_str(), "pending" | "running")
        };
        let known = state.statuses.iter_mut().find(open).map(|it| {
            it.state.clone_from(&wanted);
            it.description.clone_from(&description);
            it.id
        });
        let id = match known {
            Some(id) => id,
            // The last has ended: it becomes one that was tried again.
            None => {
                let older = state.statuses.iter_mut().filter(|it| it.sha == sha && it.name == name);
                older.for_each(|it| it.retried = true);
                let id = state.fresh();
                let (sha, retried) = (sha.to_owned(), false);
                state.statuses.push(Status {
                    id,
                    sha,
                    name,
                    state: wanted,
                    description,
                    target_url,
                    retried,
                    pipeline,
                });
                id
            }
        };
        let status = state.statuses.iter().find(|it| it.id == id).expect("it was made");
        Ok((201, state.status_json(status)))
    }

    fn put(&self, state: &mut State) -> Answer {
        let ["projects", _, "merge_requests", iid, rest @ ..] = self.path else { return Err(missing("")) };
        match rest {
            ["notes", id] | ["discussions", _, "notes", id] if self.all.contains_key("body") => {
                let body = self.body()?;
                let at = state.merge_requests.iter().position(|it| it.iid.to_string() == *iid);
                let body = carry_out(state, at.ok_or_else(|| missing(""))?, &body);
                let note = self.own_note(state, iid, id)?;
                note.body = body;
                let note = note.clone();
                Ok((200, state.note_json(&note)))
            }
            ["discussions", id, ..] => {
                let resolved =
                    truth(&self.all, "resolved").ok_or_else(|| (400, json!({"error": "resolved is missing"})))?;
                let user = self.user;
                let ours = |it: &&mut Note| it.iid.to_string() == *iid && it.discussion == *id;
                let mut any = false;
                for note in state.notes.iter_mut().filter(ours) {
                    if note.kind.is_none() {
                        return Err((403, error("403 Forbidden")));
                    }
                    note.resolved_by = resolved.then_some(note.resolved_by.unwrap_or(user));
                    any = true;
                }
                if any { Ok((200, discussion(state, id))) } else { Err(missing("Discussion")) }
            }
            ["notes", _] => Err((400, json!({"error": "body is missing"}))),
            _ => Err(missing("")),
        }
    }

    fn delete(&self, state: &mut State) -> Answer {
        let ["projects", _, "merge_requests", iid, .., "notes", id] = self.path else { return Err(missing("")) };
        let id = self.own_note(state, iid, id)?.id;
        state.notes.retain(|it| it.id != id);
        Ok((204, Value::Null))
    }

    fn own_note<'s>(&self, state: &'s mut State, iid: &str, id: &str) -> Result<&'s mut Note, (u16, Value)> {
        let note = state.notes.iter_mut().find(|it| it.iid.to_string() == iid && it.id.to_string() == id);
        let note = note.ok_or_else(|| missing("Note"))?;
        if note.author == self.user { Ok(note) } else { Err((403, error("403 Forbidden"))) }
    }
}

fn member(state: &State, id: u64, level: u64) -> Value {
    let mut user = state.user(id);
    user["access_level"] = json!(level);
    user["expires_at"] = Value::Null;
    user
}

fn discussion(state: &State, id: &str) -> Value {
    let notes: Vec<&Note> = state.notes.iter().filter(|it| it.discussion == id).collect();
    let individual = notes.first().is_none_or(|it| it.kind.is_none());
    json!({
        "id": id, "individual_note": individual, "notes": notes.iter().map(|it| state.note_json(it)).collect::<Vec<_>>(),
    })
}

/// Carries out the commands in a comment, outside of code blocks of three backticks, and takes them out.
fn carry_out(state: &mut State, at: usize, body: &str) -> String {
    let (mut kept, mut code) = (Vec::new(), false);
    for line in body.split('\n') {
        code ^= line.starts_with("```") && !line.starts_with("````");
        match line.trim_end() {
            "/close" if !code => state.merge_requests[at].state = "closed".to_owned(),
            "/merge" if !code => state.merge_requests[at].state = "merged".to_owned(),
            _ => kept.push(line),
        }
    }
    kept.join("\n")
}

/// The lines of a diff as pairs of an old and a new number.
fn in_diff(diff: &str) -> Vec<(Option<u64>, Option<u64>)> {
    let (mut old, mut new, mut lines) = (0, 0, Vec::new());
    for line in diff.lines() {
        if let Some(ranges) = line.strip_prefix("@@ -") {
            let numbers: Vec<u64> =
                ranges.split(|it: char| !it.is_ascii_digit()).filter_map(|it| it.parse().ok()).collect();
            let second = ranges.find('+').expect("a hunk has two ranges");
            old = numbers[0];
            new =
                ranges[second + 1..].split(|it: char| !it.is_ascii_digit()).next().unwrap_or("1").parse().unwrap_or(1);
        } else if line.starts_with('+') {
            lines.push((None, Some(new)));
            new += 1;
        } else if line.starts_with('-') {
            lines.push((Some(old), None));
            old += 1;
        } else {
            lines.push((Some(old), Some(new)));
            (old, new) = (old + 1, new + 1);
        }
    }
    lines
}
