//! `triage matrix --bisect`: real histories, real compilers, and the one commit that did it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use triage_tests::{Answer, folder, repository, triage};

const MAKEFILE: &str = "CFLAGS := -Iinclude -Wall -Werror\nCC := gcc\nall: fs/valve.o fs/tank.o\n\
                        %.o: %.c include/level.h include/tank.h\n\t@echo \"  CC      $@\"\n\t@$(CC) $(CFLAGS) -c -o $@ $<\n";
const VALVE: &str = "#include \"tank.h\"\nint valve(void)\n{\n\treturn level_of(1);\n}\n";
const TANK: &str = "#include \"tank.h\"\nint tank_fill(int x)\n{\n\treturn x;\n}\n";
const WITH_LEVEL: &str = "#include \"level.h\"\nint tank_fill(int);\n";
const WITHOUT_LEVEL: &str = "int tank_fill(int);\n";

/// A tree with a history, and the log of its last state.
struct Project {
    folder: TempDir,
    commits: Vec<String>,
}

impl Project {
    /// A first commit that builds.
    fn new() -> Self {
        let mut project = Self { folder: folder(), commits: Vec::new() };
        project.git(&["init", "--quiet", "--initial-branch=main"]);
        project.write("Makefile", MAKEFILE);
        project.write(".gitignore", "*.o\n");
        project.write("include/level.h", "int level_of(int);\n");
        project.write("include/tank.h", WITH_LEVEL);
        project.write("fs/valve.c", VALVE);
        project.write("fs/tank.c", TANK);
        project.commit("start");
        project
    }

    fn top(&self) -> PathBuf {
        self.folder.path().join("tree")
    }

    fn git(&self, args: &[&str]) -> String {
        fs::create_dir_all(self.top()).unwrap();
        let mut command = Command::new("git");
        command.arg("-C").arg(self.top()).args(["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]);
        command.args(args).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
        let output = command.output().expect("git starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.top().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn commit(&mut self, title: &str) -> usize {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "-m", title]);
        self.commits.push(self.git(&["rev-parse", "HEAD"]).trim().to_owned());
        self.commits.len() - 1
    }

    /// A commit that adds a line to a file.
    fn add(&mut self, file: &str, line: &str) -> usize {
        let old = fs::read_to_string(self.top().join(file)).unwrap();
        self.write(file, &format!("{old}{line}\n"));
        self.commit(&format!("{file}: add {line}"))
    }

    /// What the last state's build says.
    fn log(&self) -> PathBuf {
        let copy = self.folder.path().join("build");
        let _ = fs::remove_dir_all(&copy);
        self.git(&["worktree", "add", "--quiet", "--detach", copy.to_str().unwrap()]);
        let mut make = Command::new("make");
        make.args(["-k", "-C"]).arg(&copy).env("LC_ALL", "C").env_remove("MAKEFLAGS");
        let output = make.output().expect("make starts");
        self.git(&["worktree", "remove", "--force", copy.to_str().unwrap()]);
        let log = self.folder.path().join("x86_64-gcc.log");
        fs::write(&log, [output.stdout, output.stderr].concat()).unwrap();
        log
    }

    /// All that must not change: what git knows, and every file with its content and time.
    fn state(&self) -> (String, Vec<(PathBuf, Vec<u8>)>) {
        let mut files = Vec::new();
        let mut folders = vec![self.top()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files.push((path.clone(), fs::read(path).unwrap()));
                }
            }
        }
        files.sort();
        (self.git(&["--no-optional-locks", "status", "--porcelain"]), files)
    }

    fn call(&self, more: &[&str]) -> Command {
        let mut command = triage(["matrix", "--bisect", "--tree"]);
        command.arg(self.top()).args(more).current_dir(self.top());
        command
    }

    /// The report of a bisection with `make`, from the first commit on.
    fn bisected(&self, more: &[&str]) -> (Answer, Value) {
        let range = format!("--range={}..HEAD", self.commits[0]);
        let mut all = vec!["--format=json", "--build-command=make"];
        all.extend(if more.is_empty() { vec![range.as_str()] } else { more.to_vec() });
        let before = self.state();
        let answer = Answer::from(self.call(&all).arg(self.log()).output().expect("triage starts"));
        assert_eq!(self.state(), before, "the tree has changed");
        let report = answer.json();
        (answer, report)
    }

    fn short(&self, at: usize) -> &str {
        &self.commits[at][..12]
    }
}

/// What was built for a cause: commit, reverted or not, result.
fn steps(cause: &Value) -> Vec<(String, bool, String)> {
    let list = cause["bisection"]["steps"].as_array().expect("steps");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    list.iter().map(|step| (text(&step["commit"]), step["reverted"] == true, text(&step["result"]))).collect()
}

/// Ten commits, of which one fails for another reason and one did it.
fn ten(project: &mut Project) -> usize {
    project.add("fs/tank.c", "int a1;");
    project.add("fs/tank.c", "int a2;");
    project.write("include/tank.h", &format!("{WITH_LEVEL}struct ) x;\n"));
    project.commit("tank: break the header");
    project.write("include/tank.h", WITH_LEVEL);
    project.commit("tank: mend the header");
    project.add("fs/tank.c", "int a5;");
    project.write("include/tank.h", WITHOUT_LEVEL);
    let culprit = project.commit("tank: drop an include");
    for number in 7..=10 {
        project.add("fs/valve.c", &format!("int a{number};"));
    }
    culprit
}

#[test]
fn the_commit_is_proved_by_halving() {
    let mut project = Project::new();
    let culprit = ten(&mut project);
    // What is not committed does not count, and stays.
    project.write("fs/valve.c", "nonsense\n");
    project.write("notes.txt", "mine\n");
    let (answer, report) = project.bisected(&[]);
    assert_eq!(answer.status, Some(1), "{answer:?}");
    assert!(answer.stderr.contains("changes that are not committed are left out"), "{answer:?}");
    let cause = &report["causes"][0];
    let proved = &cause["proved"];
    assert_eq!((&proved["how"], &proved["commit"]), (&"bisect".into(), &project.short(culprit).into()), "{cause:#}");
    assert_eq!(proved["fixes"], format!("Fixes: {} (\"tank: drop an include\")", project.short(culprit)));
    assert_eq!((&cause["suspects"][0]["proved"], &cause["suspects"][1]["proved"]), (&true.into(), &false.into()));
    let steps = steps(cause);
    assert!(steps.len() <= 7, "{steps:?}");
    let result = |at: usize| steps.iter().find(|step| step.0 == project.short(at)).map(|step| step.2.as_str());
    assert_eq!((result(0), result(culprit - 1), result(culprit)), (Some("good"), Some("good"), Some("bad")));
    let path = repository().join("config/schema/report.schema.json");
    let schema: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let faults: Vec<String> =
        jsonschema::validator_for(&schema).unwrap().iter_errors(&report).map(|fault| fault.to_string()).collect();
    assert!(faults.is_empty(), "{faults:#?}");
    assert_eq!(project.git(&["stash", "list"]), "");
}

#[test]
fn all_forms_say_it() {
    let mut project = Project::new();
    let culprit = ten(&mut project);
    let log = project.log();
    let range = format!("--range={}..HEAD", project.commits[0]);
    let fixes = format!("{} (\"tank: drop an include\")", project.short(culprit));
    for format in ["text", "markdown", "html", "terminal"] {
        let mut call = project.call(&["--build-command=make", &range, "--width=200"]);
        let format_of = format!("--format={format}");
        let said = Answer::from(call.arg(format_of).arg(&log).output().expect("triage starts")).stdout;
        let plain = said.replace("<code>", "").replace("</code>", "").replace(['`', '\\'], "").replace("&quot;", "\"");
        assert!(plain.contains("Fixes") && plain.contains(&fixes), "{format}: {said}");
        assert!(plain.contains("it fails there and not before it"), "{format}: {said}");
    }
}

#[test]
fn what_cannot_be_judged_is_skipped_and_said() {
    let mut project = Project::new();
    project.add("fs/tank.c", "int a1;");
    // Between these two, nobody can tell.
    project.write("include/tank.h", &format!("{WITH_LEVEL}struct ) x;\n"));
    let first = project.commit("tank: break the header");
    project.write("include/tank.h", WITHOUT_LEVEL);
    let second = project.commit("tank: mend the header");
    project.add("fs/valve.c", "int a3;");
    let (answer, report) = project.bisected(&[]);
    assert_eq!(answer.status, Some(1), "{answer:?}");
    let cause = &report["causes"][0];
    assert_eq!(cause["proved"], Value::Null, "{cause:#}");
    let mut left: Vec<&str> =
        cause["bisection"]["left"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    left.sort_unstable();
    let mut expected = [project.short(first), project.short(second)];
    expected.sort_unstable();
    assert_eq!(left, expected);
    assert!(cause["bisection"]["reason"].as_str().unwrap().starts_with("one of 2 commits"), "{cause:#}");
    assert_eq!(cause["bisection"]["skipped"], 1);
    let skipped = &cause["bisection"]["steps"];
    let skipped = skipped.as_array().unwrap().iter().find(|step| step["result"] == "skipped").unwrap();
    let why = skipped["reason"].as_str().unwrap();
    assert!(why.starts_with("it fails for another reason: ") && why.contains("include/tank.h:3"), "{why}");
    assert!(cause["suspects"].as_array().unwrap().iter().all(|suspect| suspect["proved"] == false));
}

#[test]
fn a_strong_suspect_is_taken_out_of_the_end() {
    let mut project = Project::new();
    for number in 0..6 {
        project.add("fs/tank.c", &format!("int a{number};"));
    }
    project.write("include/level.h", "int depth_of(int);\n");
    let culprit = project.commit("level: rename level_of");
    for number in 6..20 {
        project.add("fs/tank.c", &format!("int a{number};"));
    }
    let (_, report) = project.bisected(&[]);
    let cause = &report["causes"][0];
    assert_eq!(
        (&cause["proved"]["how"], &cause["proved"]["commit"]),
        (&"revert".into(), &project.short(culprit).into()),
        "{cause:#}"
    );
    let last = project.commits.len() - 1;
    let expected = [(last, false, "bad"), (culprit, true, "good"), (culprit, false, "bad")];
    let expected = expected.map(|(at, reverted, result)| (project.short(at).to_owned(), reverted, result.to_owned()));
    assert_eq!(steps(cause), expected);
}

#[test]
fn who_only_used_a_name_is_not_blamed_for_its_end() {
    let mut project = Project::new();
    project.write("fs/valve.c", "#include \"tank.h\"\nint valve(void)\n{\n\treturn 1;\n}\n");
    project.commit("valve: need no level");
    project.write("fs/valve.c", VALVE);
    let user = project.commit("valve: ask for the level");
    project.add("fs/tank.c", "int a1;");
    project.write("include/level.h", "");
    let culprit = project.commit("level: take level_of away");
    project.add("fs/tank.c", "int a2;");
    let (_, report) = project.bisected(&[]);
    let cause = &report["causes"][0];
    // Without either of them the end builds; only one of them broke it.
    let first = project.short(user).to_owned();
    assert!(steps(cause).contains(&(first.clone(), true, "good".into())), "{cause:#}");
    assert!(steps(cause).contains(&(first, false, "good".into())), "{cause:#}");
    assert_eq!(cause["proved"]["commit"], project.short(culprit), "{cause:#}");
}

#[test]
fn causes_share_their_builds() {
    let mut project = Project::new();
    project.add("fs/valve.c", "int a1;");
    project.write("include/tank.h", WITHOUT_LEVEL);
    let first = project.commit("tank: drop an include");
    project.add("fs/valve.c", "int a3;");
    // From here on both fail, and before it only the valve; its failure must not hide the tank's state.
    project.write("fs/tank.c", &TANK.replace("return x", "return x + flow"));
    let second = project.commit("tank: add the flow");
    project.add("fs/valve.c", "int a5;");
    let (_, report) = project.bisected(&[]);
    let causes = report["causes"].as_array().unwrap();
    let of = |name: &str| causes.iter().find(|cause| cause["symbols"][0] == name).expect("the cause is there");
    assert_eq!(of("level_of")["proved"]["commit"], project.short(first), "{report:#}");
    assert_eq!(of("flow")["proved"]["commit"], project.short(second), "{report:#}");
    let all = || causes.iter().flat_map(|cause| cause["bisection"]["steps"].as_array().unwrap());
    let built = all().filter(|step| step["took"] != 0).count();
    let different: std::collections::BTreeSet<String> =
        all().map(|step| format!("{}{}", step["commit"], step["reverted"])).collect();
    assert!(built <= different.len(), "{built} builds of {different:?}");
}

#[test]
fn a_series_is_built_patch_by_patch() {
    let mut project = Project::new();
    ten(&mut project);
    let log = project.log();
    let mbox = project.folder.path().join("series.mbox");
    let text = project.git(&["format-patch", "--stdout", "-v2", &format!("{}..HEAD", project.commits[0])]);
    let mut mails: Vec<String> =
        text.split("\nFrom ").map(|mail| mail.trim_start_matches("From ").to_owned()).collect();
    assert_eq!(mails.len(), 10);
    // As an archive has them.
    mails.reverse();
    fs::write(&mbox, mails.iter().map(|mail| format!("From {mail}\n\n")).collect::<String>()).unwrap();
    let series = format!("--series={}", mbox.display());
    // Whether the series is there already or not.
    for at in ["main", &project.commits[0]] {
        project.git(&["checkout", "--quiet", at]);
        let before = project.state();
        let mut call = project.call(&["--format=json", "--build-command=make", &series]);
        let answer = Answer::from(call.arg(&log).output().expect("triage starts"));
        assert_eq!(project.state(), before, "the tree has changed");
        let report = answer.json();
        let proved = &report["causes"][0]["proved"];
        assert_eq!((&proved["commit"], &proved["fixes"]), (&"06/10".into(), &Value::Null), "{answer:?}");
        assert_eq!(proved["title"], "tank: drop an include");
    }
    // What does not apply is told.
    project.git(&["checkout", "--quiet", "--orphan", "other"]);
    project.git(&["rm", "--quiet", "-rf", "."]);
    project.write("fs/valve.c", "int x;\n");
    project.commit("another project");
    let mut call = project.call(&["--build-command=make", &series]);
    let answer = Answer::from(call.arg(&log).output().expect("triage starts"));
    assert_eq!(answer.status, Some(2));
    assert!(
        answer.stderr.contains("series.mbox: the patch 01/10 (\"fs/tank.c: add int a1;\") does not apply to "),
        "{answer:?}"
    );
}

#[test]
fn a_start_that_does_not_build_is_told() {
    let mut project = Project::new();
    project.write("include/tank.h", &format!("{WITH_LEVEL}struct ) x;\n"));
    let broken = project.commit("tank: break the header");
    project.write("include/tank.h", WITHOUT_LEVEL);
    let culprit = project.commit("tank: mend the header");
    project.add("fs/tank.c", "int a1;");
    let range = format!("--range={}..HEAD", project.commits[broken]);
    let (answer, report) = project.bisected(&[&range]);
    assert_eq!(answer.status, Some(2), "{answer:?}");
    let said = format!(
        "{}, which the range begins after, must build, and it fails for another reason: ",
        project.short(broken)
    );
    assert!(answer.stderr.contains(&said) && answer.stderr.contains("include/tank.h:3"), "{answer:?}");
    assert_eq!(report["causes"][0]["proved"], Value::Null);

    // One that has it already is an answer.
    let range = format!("--range={}..HEAD", project.commits[culprit]);
    let (answer, report) = project.bisected(&[&range]);
    assert_eq!(answer.status, Some(1), "{answer:?}");
    let reason = report["causes"][0]["bisection"]["reason"].as_str().unwrap();
    assert!(reason.starts_with("it is older than the range: "), "{reason}");
}

#[test]
fn an_end_that_builds_is_told() {
    let mut project = Project::new();
    ten(&mut project);
    let log = project.log();
    let range = format!("--range={}..{}", project.commits[0], project.commits[1]);
    for (command, said) in [("make", "the commands do not fail"), ("false", "fail for another reason")] {
        let mut call = project.call(&["--build-command", command, &range, "--format=json"]);
        let answer = Answer::from(call.arg(&log).output().expect("triage starts"));
        assert_eq!(answer.status, Some(2), "{answer:?}");
        assert!(
            answer.stderr.contains("the end of the range, the commands ") && answer.stderr.contains(said),
            "{answer:?}"
        );
    }
    // What was read is reported all the same.
    let mut call = project.call(&["--format=json", &format!("--range={}..HEAD", project.commits[0])]);
    let answer = Answer::from(call.arg(&log).output().expect("triage starts"));
    assert!(answer.status == Some(2) && answer.stderr.contains("--build-command"), "{answer:?}");
    let report = answer.json();
    assert!(report["problems"][0]["message"].as_str().unwrap().contains("--build-command"), "{report:#}");
    assert_eq!(report["causes"][0]["symbols"][0], "level_of");
}

#[test]
fn commands_come_from_the_folder_of_the_build() {
    let mut project = Project::new();
    let culprit = ten(&mut project);
    let top = project.top().canonicalize().unwrap();
    let build = project.folder.path().join("objects");
    fs::create_dir(&build).unwrap();
    let list = format!(
        r#"[{{"directory":"{0}","file":"{1}/fs/valve.c","command":"gcc -I{1}/include -Werror=implicit-function-declaration -c {1}/fs/valve.c -o valve.o"}}]"#,
        build.display(),
        top.display()
    );
    fs::write(build.join("compile_commands.json"), list).unwrap();
    let mut call = project.call(&["--format=json", &format!("--range={}..HEAD", project.commits[0])]);
    let answer = call.arg("--build").arg(&build).arg(project.log()).output().expect("triage starts");
    let answer = Answer::from(answer);
    assert!(answer.stderr.contains("from compile_commands.json"), "{answer:?}");
    assert_eq!(answer.json()["causes"][0]["proved"]["commit"], project.short(culprit), "{answer:?}");
    assert_eq!(fs::read_dir(&build).unwrap().count(), 1, "nothing is built there");
}

#[test]
fn what_is_left_when_the_time_is_up() {
    let mut project = Project::new();
    let culprit = ten(&mut project);
    // The end, the start, and the first half are built; what comes next takes too long.
    let slow = "--build-command=if grep -q a7 fs/valve.c && ! grep -q a10 fs/valve.c; then sleep 300; fi";
    let (answer, report) = project.bisected(&[slow, "--budget=8", &range_of(&project)]);
    assert_eq!(answer.status, Some(1), "{answer:?}");
    let cause = &report["causes"][0];
    assert_eq!(cause["proved"], Value::Null, "{cause:#}");
    let left = cause["bisection"]["left"].as_array().unwrap();
    assert!(left.len() < 10 && left.contains(&project.short(culprit).into()), "{cause:#}");
    assert!(cause["bisection"]["reason"].as_str().unwrap().contains("the time was up"), "{cause:#}");
}

fn range_of(project: &Project) -> String {
    format!("--range={}..HEAD", project.commits[0])
}

#[test]
fn a_merge_is_walked_into() {
    let mut project = Project::new();
    project.git(&["checkout", "--quiet", "-b", "side"]);
    project.add("fs/tank.c", "int side1;");
    project.write("include/tank.h", WITHOUT_LEVEL);
    let culprit = project.commit("tank: drop an include");
    project.add("fs/tank.c", "int side2;");
    project.git(&["checkout", "--quiet", "main"]);
    project.add("fs/valve.c", "int main1;");
    project.add("fs/valve.c", "int main2;");
    project.git(&["merge", "--quiet", "--no-ff", "-m", "Merge side", "side"]);
    let (_, report) = project.bisected(&[]);
    assert_eq!(report["causes"][0]["proved"]["commit"], project.short(culprit), "{report:#}");
}

#[test]
fn links_modes_and_folders_follow_the_commits() {
    let mut project = Project::new();
    // The build runs a script through a link; both come later than the start of the range.
    project.write("scripts/check.sh", "#!/bin/sh\ntrue\n");
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(project.top().join("scripts/check.sh"), executable).unwrap();
    std::os::unix::fs::symlink("scripts/check.sh", project.top().join("check")).unwrap();
    project.write("Makefile", &MAKEFILE.replace("\t@$(CC)", "\t@./check\n\t@$(CC)"));
    project.commit("build: check");
    project.write("include/tank.h", WITHOUT_LEVEL);
    let culprit = project.commit("tank: drop an include");
    project.git(&["rm", "--quiet", "check", "scripts/check.sh"]);
    project.write("Makefile", MAKEFILE);
    project.commit("build: check no more");
    project.add("fs/tank.c", "int a1;");
    let (_, report) = project.bisected(&[]);
    let cause = &report["causes"][0];
    assert_eq!(cause["proved"]["commit"], project.short(culprit), "{cause:#}");
    assert_eq!(cause["bisection"]["skipped"], 0, "{cause:#}");
}

#[test]
fn a_stop_leaves_nothing_behind() {
    let mut project = Project::new();
    ten(&mut project);
    let log = project.log();
    let marker = project.folder.path().join("started");
    let own = folder();
    let command = format!("touch {}; make || sleep 300", marker.display());
    let range = format!("--range={}..HEAD", project.commits[0]);
    let before = project.state();
    let mut call = project.call(&["--build-command", &command, &range]);
    call.arg(&log).env("TMPDIR", own.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = call.spawn().expect("triage starts");
    // It says what it will run, and then runs it.
    let mut said = BufReader::new(child.stderr.take().expect("stderr is a pipe")).lines();
    assert!(said.any(|line| line.expect("UTF-8").contains("touch ")));
    std::thread::sleep(Duration::from_millis(1500));
    assert!(child.try_wait().unwrap().is_none(), "it has ended by itself");
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let start = Instant::now();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(start.elapsed() < Duration::from_secs(60));
    assert_eq!(project.state(), before);
    assert!(!marker.exists(), "what the command writes stays in the scratch copy");
    assert_eq!(names(own.path()), Vec::<String>::new());
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    entries.map(|name| name.to_string_lossy().into_owned()).collect()
}
