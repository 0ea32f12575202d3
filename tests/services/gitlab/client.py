# What python-gitlab sees of a GitLab: address, token, project, merge request, pipeline, job.
import sys

import gitlab

url, token, path, iid, pipeline, job = sys.argv[1:]
gl = gitlab.Gitlab(url, private_token=token)
gl.auth()
assert gl.user.username.startswith("project_12_bot"), gl.user
assert gl.version()[0] == "18.6.0"
project = gl.projects.get(path)
assert project.path_with_namespace == path
assert gl.projects.get(project.id).id == project.id

# Pipelines and jobs.
found = project.pipelines.get(pipeline)
assert found.status == "failed"
jobs = found.jobs.list(get_all=True, scope=["failed"])
assert [str(it.id) for it in jobs] == [job], jobs
assert found.jobs.list(get_all=True, scope=["success"]) == []
assert found.bridges.list(get_all=True) == []
trace = project.jobs.get(job).trace()
assert b"section_start:" in trace and trace.endswith(b"\x1b[0;m"), trace

# Notes.
mr = project.mergerequests.get(iid)
note = mr.notes.create({"body": "First"})
assert note.body == "First" and not note.resolvable
note.body = "Edited"
note.save()
assert mr.notes.get(note.id).body == "Edited"
for at in range(45):
    mr.notes.create({"body": f"Note {at}"})
assert len(mr.notes.list(get_all=False)) == 20
assert len(mr.notes.list(get_all=True)) == 46
listed = mr.notes.list(iterator=True, per_page=7)
assert listed.total == 46 and len(list(listed)) == 46
note.delete()
try:
    mr.notes.get(note.id)
    sys.exit("a deleted note is there")
except gitlab.exceptions.GitlabGetError as error:
    assert error.response_code == 404
for bad in ({"body": ""}, {"body": "x" * 1_000_001}):
    try:
        mr.notes.create(bad)
        sys.exit("a bad note was taken")
    except gitlab.exceptions.GitlabCreateError as error:
        assert error.response_code == 400 and error.error_message, error

# Discussions in the diff.
version = mr.diffs.get(mr.diffs.list(get_all=True)[0].id)
assert version.diffs[0]["new_path"] == "src/valve.c" and version.diffs[0]["diff"].startswith("@@ ")
position = {
    "base_sha": version.base_commit_sha, "start_sha": version.start_commit_sha, "head_sha": version.head_commit_sha,
    "position_type": "text", "old_path": "src/valve.c", "new_path": "src/valve.c", "new_line": 4,
}
discussion = mr.discussions.create({"body": "Here", "position": position})
first = discussion.attributes["notes"][0]
assert first["type"] == "DiffNote" and first["resolvable"] and first["resolved"] is False, first
assert first["position"]["new_line"] == 4
discussion.resolved = True
discussion.save()
again = mr.discussions.get(discussion.id).attributes["notes"][0]
assert again["resolved"] and again["resolved_by"]["username"].startswith("project_12_bot"), again
for wrong in ({"new_line": 40}, {"new_line": 1}, {"head_sha": "0" * 40}, {"base_sha": None}):
    try:
        mr.discussions.create({"body": "Here", "position": {**position, **wrong}})
        sys.exit(f"{wrong} was taken")
    except gitlab.exceptions.GitlabCreateError as error:
        assert error.response_code == 400, error
mr.discussions.create({"body": "Here", "position": {**position, "new_line": 1, "old_line": 1}})
everything = mr.discussions.list(get_all=True)
assert sum(len(it.attributes["notes"]) for it in everything) == 47

# Statuses pile up; the newest of a name is shown.
commit = project.commits.get(mr.sha)
for state in ("running", "failed", "failed", "success"):
    commit.statuses.create({"state": state, "name": "triage"})
assert [it.status for it in commit.statuses.list(get_all=True)] == ["success"]
assert len(commit.statuses.list(query_parameters={"all": True}, get_all=True)) == 3
assert [it["iid"] for it in commit.merge_requests()] == [int(iid)]
assert project.members_all.get(3).access_level == gitlab.const.AccessLevel.REPORTER

# Who may not come in.
try:
    gitlab.Gitlab(url, private_token="wrong").auth()
    sys.exit("a wrong token was taken")
except gitlab.exceptions.GitlabAuthenticationError:
    pass
print("all fine")
