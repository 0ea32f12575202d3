//! `triage fix`: patches are proved in a scratch copy, and nothing is left behind.
#![cfg(unix)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use triage_causes::{Analyzer, Options, Report};
use triage_fixes::verify::{Outcome, Place, Plan, Settings, Trial, Trouble, Verdict, trial};
use triage_fixes::{Candidate, Edit, Tree};
use triage_rules::RuleBook;
use triage_tests::{program, triage};

const MAKEFILE: &str = "\
CFLAGS = -Wall -Werror
all: pump.o tank.o
%.o: %.c tank.h
\tcc $(CFLAGS) -c -o $@ $<
";
const PUMP: &str = "\
#include <unistd.h>
#include \"tank.h\"

int pump(int fd)
{
\tlevel = LIMIT;
\tprintf(\"%d\\n\", level);
\treturn close(fd);
}
";
const TANK: &str = "#include \"tank.h\"\nint level;\nint tank(void)\n{\n\tint unused;\n\treturn level\n}\n";

/// A project that does not build, for two reasons.
struct Project {
    folder: tempfile::TempDir,
    book: RuleBook,
}

impl Project {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = [
            ("Makefile", MAKEFILE),
            ("pump.c", PUMP),
            ("tank.c", TANK),
            ("tank.h", "#define LIMIT 8\nextern int level;\n"),
        ];
        for (file, text) in files {
            fs::write(folder.path().join(file), text).unwrap();
        }
        Self { folder, book: RuleBook::embedded() }
    }

    fn top(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap()
    }

    /// What `make` prints. `-B`: on a coarse clock a source may be as old as the object made of it before.
    fn make(&self, target: &str) -> String {
        let mut make = Command::new("make");
        let output = make.args(["-B", "-k", "-C"]).arg(self.top()).arg(target).env("LC_ALL", "C").output().unwrap();
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    }

    fn report(&self, log: &str) -> Report {
        let mut analyzer = Analyzer::new(&self.book, Options::default());
        analyzer.begin("log");
        let summary =
            triage_log::read_log(&mut log.as_bytes(), &mut |diagnostic| analyzer.diagnostic(diagnostic)).unwrap();
        analyzer.end(&summary);
        analyzer.finish()
    }

    /// All files with their contents and times.
    fn state(&self) -> Vec<(PathBuf, Vec<u8>, std::time::SystemTime)> {
        let files = walkdir::WalkDir::new(self.top()).sort_by_file_name().into_iter().map(Result::unwrap);
        let files = files.filter(|entry| entry.file_type().is_file());
        files
            .map(|entry| {
                let time = entry.metadata().unwrap().modified().unwrap();
                (entry.path().to_owned(), fs::read(entry.path()).unwrap(), time)
            })
            .collect()
    }

    fn settings(&self, command: &str) -> Settings {
        Settings {
            place: Place {
                helper: vec![program().into(), "scratch-copy".into()],
                tree: self.top(),
                others: Vec::new(),
                store: None,
            },
            plan: Plan::given(&[command.to_owned()], &self.top()),
            build: None,
            broken: Default::default(),
            jobs: None,
            limit: Duration::from_secs(60),
            budget: Duration::from_secs(120),
            tries: 8,
        }
    }

    fn trial(&self, report: &Report, candidates: &[Vec<Candidate>], settings: &Settings) -> Result<Trial, Trouble> {
        let tree = Tree::open(&self.top()).unwrap();
        trial::run(&tree, &self.book, report, candidates, settings, &AtomicBool::new(false), &mut |_| {})
    }
}

fn candidate(kind: &'static str, file: &str, old: &str, new: &str) -> Candidate {
    let text = if file == "pump.c" {
        PUMP
    } else if file == "tank.c" {
        TANK
    } else {
        MAKEFILE
    };
    let start = text.find(old).unwrap();
    let edits = vec![Edit::replace(file, start..start + old.len(), new)];
    Candidate { kind, title: format!("{kind} in {file}"), edits, ..Candidate::default() }
}

/// The places of what runs or is mounted for a tree.
fn left_behind(top: &Path) -> Vec<String> {
    let top = top.to_str().unwrap();
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let mut found: Vec<String> = mounts.lines().filter(|line| line.contains(top)).map(str::to_owned).collect();
    for entry in fs::read_dir("/proc").unwrap().filter_map(Result::ok) {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        let own = entry.file_name().to_str() == Some(&std::process::id().to_string());
        if line.contains(top) && !own {
            found.push(line);
        }
    }
    found
}

#[test]
fn the_first_candidate_that_repairs() {
    let project = Project::new();
    let log = project.make("all");
    let report = project.report(&log);
    let of =
        |name: &str| report.causes.iter().position(|cause| format!("{:?}", cause.location).contains(name)).unwrap();
    let (pump, tank) = (of("pump.c"), of("tank.c"));
    let mut candidates = vec![Vec::new(); report.causes.len()];
    candidates[pump] = vec![
        candidate("rename", "pump.c", "#include <unistd.h>", "#include <string.h>"),
        candidate("patch", "pump.c", "\tprintf(\"%d\\n\", level);\n", ""),
        candidate("patch", "Makefile", "-Wall -Werror", "-w -Wno-error"),
        candidate("add_include", "pump.c", "#include <unistd.h>", "#include <stdio.h>\n#include <unistd.h>"),
        candidate("add_include", "pump.c", "#include \"tank.h\"", "#include \"tank.h\"\n#include <stdio.h>"),
    ];
    candidates[tank] = vec![candidate("insert_token", "tank.c", "return level\n", "return level;\n")];
    let before = project.state();
    let trial = project.trial(&report, &candidates, &project.settings("make")).unwrap();
    assert!(trial.fails);
    let bad = |at| matches!(trial.verdicts.get(&(pump, at)), Some(Verdict::Bad(_)));
    assert!(bad(0) && bad(1) && bad(2), "{:?}", trial.verdicts);
    assert!(matches!(trial.outcomes[pump], Outcome::Verified { candidate: 3, .. }), "{:?}", trial.verdicts);
    // The ';' shows what was hidden: that is another cause.
    assert!(
        matches!(trial.verdicts.get(&(tank, 0)), Some(Verdict::Bad(why)) if why.contains("unused")),
        "{:?}",
        trial.verdicts
    );
    assert_eq!(project.state(), before);
    assert_eq!(left_behind(&project.top()), Vec::<String>::new());
}

#[test]
fn a_hint_that_builds_is_not_good_enough() {
    let project = Project::new();
    let source = project.top().join("pump.c");
    // As it was before somebody lost the include.
    fs::write(&source, PUMP.replace("\tprintf(\"%d\\n\", level);\n", "")).unwrap();
    assert!(!project.make("pump.o").contains("rror:"));
    // On a coarse clock the broken source is no newer than the object, and make would do nothing.
    fs::remove_file(project.top().join("pump.o")).unwrap();
    let broken = PUMP.replace("\tprintf(\"%d\\n\", level);\n", "").replace("<unistd.h>", "<stdio.h>");
    fs::write(&source, &broken).unwrap();
    let report = project.report(&project.make("pump.o"));
    assert_eq!(report.causes.len(), 1, "{report:?}");
    let at = |text: &str| broken.find(text).unwrap();
    let hint = Candidate {
        kind: "rename",
        title: "gcc".into(),
        edits: vec![Edit::replace("pump.c", at("close")..at("close") + 5, "pclose")],
        ..Candidate::default()
    };
    let include = Candidate {
        kind: "add_include",
        edits: vec![Edit::insert("pump.c", 0, "#include <unistd.h>\n")],
        ..Candidate::default()
    };
    let mut settings = project.settings("make pump.o CFLAGS='-Wall -Werror -Wno-error=int-conversion'");
    settings.jobs = Some(2);
    let trial = project.trial(&report, &[vec![hint, include]], &settings).unwrap();
    assert!(!matches!(trial.verdicts[&(0, 0)], Verdict::Good), "{:?}", trial.verdicts);
    assert_eq!(trial.outcomes, [Outcome::Verified { candidate: 1, objects: (1, 1) }], "{:?}", trial.verdicts);
}

#[test]
fn what_does_not_fail_and_what_takes_too_long() {
    let project = Project::new();
    let report = project.report(&project.make("all"));
    let candidates =
        vec![vec![candidate("insert_token", "tank.c", "return level\n", "return level;\n")]; report.causes.len()];
    let trial = project.trial(&report, &candidates, &project.settings("true")).unwrap();
    assert!(!trial.fails && trial.outcomes.iter().all(|outcome| *outcome == Outcome::Absent));

    let mut settings = project.settings("make tank.o || { sleep 300 & sleep 300; }");
    settings.limit = Duration::from_millis(1500);
    let start = Instant::now();
    let trial = project.trial(&report, &candidates, &settings).unwrap();
    assert!(trial.fails && trial.outcomes.iter().all(|outcome| !matches!(outcome, Outcome::Verified { .. })));
    assert!(start.elapsed() < Duration::from_secs(30));
    assert_eq!(left_behind(&project.top()), Vec::<String>::new());
}

#[test]
fn nothing_outside_of_the_copy_is_written() {
    let project = Project::new();
    let other = tempfile::tempdir_in("/var/tmp").unwrap();
    let report = project.report(&project.make("all"));
    let before = project.state();
    let line = format!(
        "rm -rf {0}; echo x > {1}/x; echo x > pump.c; make",
        project.top().join("tank.h").display(),
        other.path().display()
    );
    let trial = project.trial(&report, &vec![Vec::new(); report.causes.len()], &project.settings(&line)).unwrap();
    assert!(trial.fails);
    assert_eq!(project.state(), before);
    assert!(!other.path().join("x").exists());
}

#[test]
fn the_program_proves_and_stops() {
    let project = Project::new();
    let log = project.folder.path().join("build.log");
    fs::write(&log, project.make("all")).unwrap();
    let top = project.top();
    let call = |more: &[&str]| {
        let mut command = triage(["fix", "--verify", "--tree"]);
        command.arg(&top).args(more).arg(&log).current_dir(&top).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    };
    let output = call(&["--build-command", "make", "--format", "json"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(matches!(output.status.code(), Some(0 | 1)), "{said}");
    assert!(said.contains("in a scratch copy") && said.contains("  make\n"), "{said}");
    serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap();

    let output = call(&["--build", "/none"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let output = call(&[]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--build-command"));

    let mut child = call(&["--build-command", "sleep 300 & sleep 300"]).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(800));
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let start = Instant::now();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(start.elapsed() < Duration::from_secs(60));
    assert_eq!(left_behind(&top), Vec::<String>::new());
}

#[test]
fn the_flag_stops_a_trial() {
    let project = Project::new();
    let report = project.report(&project.make("all"));
    let tree = Tree::open(&project.top()).unwrap();
    let stop = AtomicBool::new(false);
    let settings = project.settings("sleep 300");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(300));
            stop.store(true, Ordering::SeqCst);
        });
        let done = trial::run(&tree, &project.book, &report, &[], &settings, &stop, &mut |_| {});
        assert!(matches!(done, Err(Trouble::Stopped)));
    });
    assert_eq!(left_behind(&project.top()), Vec::<String>::new());
}
