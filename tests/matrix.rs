//! `triage matrix`: axes, attribution, baseline, build times, the page, and bad input.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use triage_tests::{Answer, call, folder, pipe, repository, triage};

const PATTERN: &str = "--pattern={arch}/{config}/{toolchain}.log";

/// Writes a log below a folder.
fn write(top: &Path, name: &str, text: &str) {
    let path = top.join(name);
    fs::create_dir_all(path.parent().expect("a file has a folder")).expect("a folder can be made");
    fs::write(path, text).expect("a file can be written");
}

fn passing(files: &[&str]) -> String {
    files.iter().map(|file| format!("  CC      {file}.o\n")).collect()
}

/// The file compiles with an error about a name.
fn failing(file: &str, line: u32, name: &str) -> String {
    format!(
        "  CC      {file}.o\n{file}.c:{line}:5: error: '{name}' undeclared (first use in this function)\n\
         make[1]: *** [Makefile:10: {file}.o] Error 1\nmake: *** [Makefile:20: all] Error 2\n"
    )
}

fn json(args: &[&str], top: &Path) -> (Answer, Value) {
    let answer = triage(["matrix", "--format=json"]).args(args).arg(top).output().expect("triage starts");
    let answer = Answer::from(answer);
    let value = answer.json();
    (answer, value)
}

fn attribution(report: &Value, cause: usize) -> &Value {
    &report["causes"][cause]["attribution"]
}

fn names(list: &Value) -> Vec<String> {
    let list = list.as_array().expect("a list of builds");
    let last = |id: &str| id.rsplit('/').take(3).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("/");
    list.iter().map(|id| last(id.as_str().expect("an id"))).collect()
}

/// Eight builds: clang fails in one file, arm64 in another, and one build fails before.
fn farm(top: &Path) {
    for arch in ["arm64", "x86_64"] {
        for config in ["defconfig", "tinyconfig"] {
            for tool in ["clang-19", "gcc-12"] {
                let mut files = vec!["fs/tank", "lib/meter"];
                if config == "tinyconfig" {
                    files.pop();
                }
                let mut log = passing(&files);
                if tool == "clang-19" {
                    log += &failing("fs/valve", 12, "inlet");
                } else {
                    log += &passing(&["fs/valve"]);
                }
                if arch == "arm64" && config == "defconfig" {
                    log += &failing("net/gauge", 30, "needle");
                } else if config == "defconfig" {
                    log += &passing(&["net/gauge"]);
                }
                write(top, &format!("{arch}/{config}/{tool}.log"), &log);
            }
        }
    }
}

#[test]
fn each_cause_has_its_axes() {
    let top = folder();
    farm(top.path());
    let (answer, report) = json(&[PATTERN], top.path());
    assert_eq!(answer.status, Some(1), "{answer:?}");
    assert_eq!(report["causes"].as_array().map(Vec::len), Some(2), "{report:#}");
    let by_symbol = |name: &str| {
        let causes = report["causes"].as_array().expect("causes");
        causes.iter().position(|cause| cause["symbols"][0] == name).expect("the cause is there")
    };
    let valve = attribution(&report, by_symbol("inlet"));
    assert_eq!(valve["axes"], serde_json::json!({"toolchain": ["clang"]}));
    assert_eq!((&valve["explains"], &valve["statement"]), (&"all".into(), &"clang only".into()));
    assert_eq!((names(&valve["failing"]).len(), names(&valve["passing"]).len()), (4, 4));
    let gauge = attribution(&report, by_symbol("needle"));
    // The tiny configurations do not compile it and say nothing.
    assert_eq!(gauge["statement"], "arm64 only");
    assert_eq!(names(&gauge["passing"]), ["x86_64/defconfig/clang-19.log", "x86_64/defconfig/gcc-12.log"]);
    assert_eq!(names(&gauge["not_reached"]).len(), 4);
}

#[test]
fn the_report_follows_its_schema() {
    let top = folder();
    farm(top.path());
    let (_, report) = json(&[PATTERN], top.path());
    let path = repository().join("config/schema/report.schema.json");
    let schema: Value = serde_json::from_str(&fs::read_to_string(path).expect("the schema")).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let faults: Vec<String> = validator.iter_errors(&report).map(|fault| fault.to_string()).collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn the_table_fits_a_mail() {
    let top = folder();
    farm(top.path());
    let answer = triage(["matrix", "--format=text", PATTERN]).arg(top.path()).output().expect("triage starts");
    let answer = Answer::from(answer);
    let grid: Vec<&str> = answer.stdout.lines().take(5).collect();
    assert_eq!(
        grid,
        [
            "                 defconfig  tinyconfig",
            "arm64 clang 19   FAIL 1,2   FAIL 1",
            "arm64 gcc 12     FAIL 2     ok",
            "x86_64 clang 19  FAIL 1     FAIL 1",
            "x86_64 gcc 12    ok         ok",
        ]
    );
    assert!(answer.stdout.contains("axes: clang only: 4 builds fail, 4 pass"), "{}", answer.stdout);
    let markdown = triage(["matrix", "--format=markdown", PATTERN]).arg(top.path()).output().expect("triage starts");
    assert!(Answer::from(markdown).stdout.contains("| arm64 | gcc 12 | **FAIL 2** | ok |"));
}

#[test]
fn a_baseline_tells_new_from_old() {
    let (old, new) = (folder(), folder());
    let sources =
        |valve: u32, last: &str| format!("{}{}{last}", failing("fs/valve", valve, "inlet"), passing(&["fs/tank"]));
    write(old.path(), "arm64/defconfig/gcc-12.log", &sources(12, &failing("fs/pump", 3, "rotor")));
    write(old.path(), "x86_64/defconfig/gcc-12.log", &failing("fs/tank", 9, "level"));
    // The valve moved, nobody came to the rotor, the level is repaired, the needle is new.
    write(new.path(), "arm64/defconfig/gcc-12.log", &sources(77, &failing("net/gauge", 30, "needle")));
    write(new.path(), "x86_64/defconfig/gcc-12.log", &passing(&["fs/tank", "fs/valve"]));
    let baseline = format!("--baseline={}", old.path().display());
    let (_, report) = json(&[PATTERN, &baseline], new.path());
    let states: Vec<(&str, &str)> = report["causes"]
        .as_array()
        .expect("causes")
        .iter()
        .map(|cause| (cause["symbols"][0].as_str().expect("a name"), cause["state"].as_str().expect("a state")))
        .collect();
    assert_eq!(states, [("inlet", "still-failing"), ("needle", "new")]);
    let beside = &report["baseline"];
    assert_eq!((&beside["new"], &beside["still_failing"]), (&1.into(), &1.into()));
    assert!(beside["fixed"][0]["title"].as_str().expect("a title").contains("level"), "{beside:#}");
    assert!(beside["unknown"][0]["title"].as_str().expect("a title").contains("rotor"), "{beside:#}");
    let text = triage(["matrix", "--format=text", PATTERN, &baseline]).arg(new.path()).output().expect("triage starts");
    let text = Answer::from(text).stdout;
    assert!(text.contains("\n>> [2] error: 'needle'") && text.contains("\n[1] error: 'inlet'"), "{text}");

    // The same from a report.
    let saved = old.path().join("saved.json");
    let written = triage(["matrix", "--format=json", PATTERN]).arg(old.path()).output().expect("triage starts");
    fs::write(&saved, written.stdout).expect("a file can be written");
    let (_, again) = json(&[PATTERN, &format!("--baseline={}", saved.display())], new.path());
    assert_eq!(again["baseline"]["fixed"], beside["fixed"]);
}

#[test]
fn what_changed_in_kind_is_not_new() {
    let (old, new) = (folder(), folder());
    let said =
        |message: &str| format!("fs/pump.c:3:5: error: {message}\n    3 |     rotor.speed = 1;\n      |     ^\n");
    write(old.path(), "a/arm64.log", &said("'rotor' undeclared (first use in this function)"));
    write(new.path(), "a/arm64.log", &said("request for member 'speed' in something not a structure or union"));
    let (_, report) = json(&[&format!("--baseline={}", old.path().display())], new.path());
    assert_eq!(report["causes"][0]["state"], "changed", "{report:#}");
}

#[test]
fn build_times_are_compared() {
    let (old, new) = (folder(), folder());
    let time =
        |minutes: u32| format!("{}\nreal\t{minutes}m0.000s\nuser\t9m0.000s\nsys\t1m0.000s\n", passing(&["fs/tank"]));
    write(old.path(), "arm64/defconfig/gcc-12.log", &time(3));
    write(new.path(), "arm64/defconfig/gcc-12.log", &time(2));
    // One that stands beside its log.
    for (top, mean) in [(&old, 20.0), (&new, 20.1)] {
        write(top.path(), "x86_64/defconfig/gcc-12.log", &passing(&["fs/tank"]));
        let export = format!(
            r#"{{"results": [{{"command": "make", "mean": {mean}, "stddev": 0.5, "user": 90.0, "system": 10.0, "times": [1, 2, 3]}}]}}"#
        );
        write(top.path(), "x86_64/defconfig/gcc-12.hyperfine.json", &export);
    }
    let (answer, report) = json(&[PATTERN, &format!("--baseline={}", old.path().display())], new.path());
    assert_eq!(answer.status, Some(0), "{answer:?}");
    let times = report["times"].as_array().expect("times");
    assert_eq!(times.len(), 2, "{times:#?}");
    assert_eq!((&times[0]["elapsed_ratio"], &times[0]["cpu_ratio"]), (&1.5.into(), &1.0.into()));
    assert_eq!(times[0]["axes"]["arch"], "arm64");
    assert_eq!((&times[1]["elapsed_ratio"], &times[1]["exceeds_noise"]), (&0.995.into(), &false.into()));
}

#[test]
fn the_pipe_compares_build_times_too() {
    let text = "GCC:\n\nBenchmark 1: make before\n  Time (mean ± σ):     30.0 s ±  0.1 s    [User: 50.0 s, System: 10.0 s]\n\n\
                Benchmark 2: make after\n  Time (mean ± σ):     20.0 s ±  0.1 s    [User: 50.0 s, System: 10.0 s]\n";
    let mail = format!(
        "From: Ada <ada@example.org>\nSubject: [PATCH] faster\nContent-Type: text/plain; charset=UTF-8\n\n{text}"
    );
    let by_pipe = pipe(["--format=json"], mail.as_bytes()).json();
    let by_matrix = pipe(["matrix", "--format=json", "-"], mail.as_bytes()).json();
    let times = by_pipe["times"].as_array().expect("times");
    assert_eq!((times.len(), &times[0]["elapsed_ratio"], &times[0]["cpu_ratio"]), (1, &1.5.into(), &1.0.into()));
    assert_eq!(by_pipe["times"], by_matrix["times"]);
}

#[test]
fn times_of_a_mail_are_those_that_it_compares() {
    let Some(folder) = beside("corpus/lkml") else { return };
    let mail = fs::read_dir(&folder).expect("a folder").filter_map(Result::ok).map(|entry| entry.path());
    let mail = mail.into_iter().find(|path| path.extension().is_some_and(|end| end == "txt")).expect("the mail");
    for args in [&["matrix", "--format=json", "-"][..], &["--format=json"][..]] {
        let mut command = triage(args);
        command.stdin(fs::File::open(&mail).expect("the mail opens"));
        let report = Answer::from(command.output().expect("triage starts")).json();
        are_those_of(&report, &folder);
    }
}

/// Holds the times of a report to those that a person read in the mail.
fn are_those_of(report: &Value, folder: &Path) {
    let mut found: Vec<&Value> = report["times"].as_array().expect("times").iter().collect();
    let expected = fs::read_to_string(folder.join("build-times.jsonl")).expect("what is right");
    for line in expected.lines() {
        let wanted: Value = serde_json::from_str(line).expect("JSON Lines");
        let at = found.iter().position(|pair| {
            pair["base"]["elapsed"] == wanted["base"]["mean"]
                && pair["new"]["elapsed"] == wanted["new"]["mean"]
                && pair["elapsed_ratio"] == wanted["elapsed_ratio"]
                && (wanted["cpu_ratio"].is_null() || pair["cpu_ratio"] == wanted["cpu_ratio"])
                && ["arch", "config"].iter().all(|axis| pair["axes"].get(*axis) == wanted.get(*axis))
        });
        found.remove(at.unwrap_or_else(|| panic!("not found: {line}\nin {found:#?}")));
    }
    assert!(found.is_empty(), "{found:#?}");
}

/// A folder of real builds beside the checkout; none when it is not there.
fn beside(part: &str) -> Option<PathBuf> {
    let path = repository().parent()?.join("shared").join(part);
    if !path.is_dir() {
        eprintln!("{} is not there: nothing was compared", path.display());
        return None;
    }
    Some(path)
}

#[test]
fn planted_faults_are_put_down_to_their_axis() {
    let Some(cases) = beside("fixbench/dev/matrix") else { return };
    let mut wrong = Vec::new();
    for case in fs::read_dir(cases).expect("a folder").filter_map(Result::ok) {
        let truth = fs::read_to_string(case.path().join("matrix.json")).expect("what is right");
        let truth: Value = serde_json::from_str(&truth).expect("JSON");
        let (_, report) = json(&["--pattern={arch}-{toolchain}-{config}.log"], &case.path().join("logs"));
        let name = case.file_name();
        let causes = report["causes"].as_array().expect("causes");
        let [cause] = causes.as_slice() else {
            wrong.push(format!("{name:?}: {} causes", causes.len()));
            continue;
        };
        let found = &cause["attribution"];
        let wanted = &truth["discriminator"][0];
        let axes = wanted["axis"].as_str().expect("an axis").split('+');
        let values = wanted["value"].as_str().expect("a value").split('+');
        let wanted: Value = axes.zip(values).map(|(axis, value)| (axis.to_owned(), Value::from(vec![value]))).collect();
        if found["axes"] != wanted || found["explains"] != "all" {
            wrong.push(format!("{name:?}: {found:#} instead of {wanted}"));
        }
        let failing = names(&found["failing"]);
        for build in truth["builds"].as_array().expect("builds") {
            let log = build["log"].as_str().expect("a log");
            let blamed = failing.iter().any(|id| id.ends_with(log));
            if blamed != (build["status"] == "fail") {
                wrong.push(format!("{name:?}: {log} is {}", build["status"]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_page_needs_nothing_else() {
    let top = folder();
    farm(top.path());
    write(top.path(), "arm64/defconfig/icx-1.log", "a.c:1:1: error: '<script>alert(1)</script>' undeclared\n");
    let answer = triage(["matrix", "--format=html", PATTERN]).arg(top.path()).output().expect("triage starts");
    let page = Answer::from(answer).stdout;
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n"), "{page}");
    assert!(!page.contains("<script>alert") && !page.contains("src=") && !page.contains("http://"), "{page}");
    assert!(page.contains("default-src 'none'"));
    // Each failing cell leads to the lines of its log.
    let links = page.matches("<a href=\"#b").count();
    assert!(links >= 5, "{links}");
    for link in page.split("<a href=\"#").skip(1) {
        let id = link.split('"').next().expect("an address");
        assert!(page.contains(&format!("id=\"{id}\"")), "nothing is called {id}");
    }
    assert!(
        page.contains("fs/valve.c:12:5: error: &#39;inlet&#39;") || page.contains("fs/valve.c:12:5: error: 'inlet'")
    );
}

#[test]
fn a_manifest_says_what_is_built() {
    let top = folder();
    write(top.path(), "one.log", &failing("fs/valve", 12, "inlet"));
    write(top.path(), "two.log", &passing(&["fs/valve"]));
    let manifest = "axes: {branch: next}\nbuilds:\n  - log: one.log\n    axes: {arch: aarch64, toolchain: clang-19, board: y}\n  \
                    - log: two.log\n    axes: {arch: arm64, toolchain: clang-19, board: 7}\n";
    write(top.path(), "builds.yaml", manifest);
    let (answer, report) = json(&[], &top.path().join("builds.yaml"));
    assert_eq!(answer.status, Some(1), "{answer:?}");
    assert_eq!(attribution(&report, 0)["axes"], serde_json::json!({"board": ["y"]}));
    assert_eq!(attribution(&report, 0)["statement"], "board=y only");
    assert_eq!(report["builds"][0]["axes"]["arch"], "arm64");
    assert_eq!(report["builds"][0]["axes"]["branch"], "next");
}

#[test]
fn the_example_of_a_manifest_is_sound() {
    let top = folder();
    let example = fs::read_to_string(repository().join("config/matrix.example.yaml")).expect("the example");
    write(top.path(), "builds.yaml", &example);
    write(top.path(), "arm64/defconfig/clang-19.log", &failing("fs/valve", 12, "inlet"));
    write(top.path(), "x86_64/defconfig/gcc-12.log", &passing(&["fs/valve"]));
    let (_, old) = json(&[PATTERN], top.path());
    write(top.path(), "last-week/report.json", &old.to_string());
    let (answer, report) = json(&[], &top.path().join("builds.yaml"));
    assert_eq!((answer.status, answer.stderr.as_str()), (Some(1), ""));
    assert_eq!(report["causes"][0]["state"], "still-failing");
    assert_eq!(report["builds"][1]["axes"]["version"], "12");
}

#[test]
fn faults_of_a_manifest_have_their_place() {
    let top = folder();
    let fault = |text: &str| {
        let path = top.path().join("builds.yaml");
        fs::write(&path, text).expect("a file can be written");
        let answer = call(["matrix".as_ref(), path.as_os_str()]);
        assert_eq!((answer.status, answer.stdout.as_str()), (Some(2), ""), "{answer:?}");
        answer.stderr.replace(&format!("{}/", top.path().display()), "")
    };
    let unknown = fault("builds:\n  - log: a.log\n    arch: arm64\n");
    assert!(unknown.starts_with("triage: builds.yaml:3:5: ") && unknown.contains("arch"), "{unknown}");
    assert!(fault("builds: []\n").starts_with("triage: builds.yaml:1:1: 'builds' is empty"));
    assert!(fault("builds:\n  - log: [\n").starts_with("triage: builds.yaml:"));
    let pattern = fault("pattern: \"{arch\"\nbuilds: [{log: a.log}]\n");
    assert!(pattern.starts_with("triage: the pattern '{arch': a '{' has no '}'"), "{pattern}");
}

#[test]
fn a_log_that_is_missing_is_told_and_the_rest_is_read() {
    let top = folder();
    write(top.path(), "there.log", &failing("fs/valve", 12, "inlet"));
    write(top.path(), "builds.yaml", "builds:\n  - log: there.log\n  - log: gone.log\n");
    let (answer, report) = json(&[], &top.path().join("builds.yaml"));
    assert_eq!(answer.status, Some(2));
    assert!(answer.stderr.contains("builds.yaml:3:10: ") && answer.stderr.contains("no such file"), "{answer:?}");
    assert_eq!(report["causes"].as_array().map(Vec::len), Some(1));
}

#[test]
fn an_empty_folder_is_no_answer() {
    let top = folder();
    let answer = call(["matrix".as_ref(), top.path().as_os_str()]);
    assert_eq!(answer.status, Some(2));
    assert!(answer.stderr.contains("no log in this folder"), "{answer:?}");
    let answer = call(["matrix", "--baseline=nowhere/at/all", "."]);
    assert!(
        answer.status == Some(2) && answer.stderr.contains("the baseline nowhere/at/all: no such file"),
        "{answer:?}"
    );
}

#[test]
fn builds_that_no_axis_tells_apart_are_named() {
    let top = folder();
    write(top.path(), "a/arm64-gcc-12.log", &failing("fs/valve", 12, "inlet"));
    write(top.path(), "b/arm64-gcc-12.log", &passing(&["fs/valve"]));
    let (_, report) = json(&[], top.path());
    assert_eq!(attribution(&report, 0)["explains"], "none");
    let problem = report["problems"][0]["message"].as_str().expect("a problem");
    assert!(problem.contains("both have the same axes"), "{problem}");
}

#[test]
fn standard_input_is_read_twice_too() {
    let top = folder();
    write(top.path(), "arm64.log", &failing("fs/valve", 12, "inlet"));
    write(top.path(), "riscv.log", &passing(&["fs/tank"]));
    write(top.path(), "x86_64.log", &passing(&["fs/valve"]));
    let mut tar = std::process::Command::new("tar");
    let packed = tar.arg("-C").arg(top.path()).args(["-czf", "-", "arm64.log", "riscv.log", "x86_64.log"]).output();
    let report = pipe(["matrix", "--format=json", "-"], &packed.expect("tar starts").stdout).json();
    let found = attribution(&report, 0);
    // Who does not compile the file says nothing about it.
    assert_eq!(found["not_reached"], serde_json::json!(["-/riscv.log"]));
    assert_eq!(found["passing"], serde_json::json!(["-/x86_64.log"]));
}

#[test]
fn logs_without_axes_get_an_honest_answer() {
    let top = folder();
    write(top.path(), "a.log", "valve.c:1:1: error: 'inlet' undeclared\n");
    write(top.path(), "b.log", "all is well\n");
    write(top.path(), "c.log", "");
    let (_, report) = json(&[], top.path());
    let found = attribution(&report, 0);
    assert_eq!((&found["explains"], &found["axes"]), (&"none".into(), &serde_json::json!({})));
    assert_eq!((names(&found["passing"]).len(), names(&found["not_reached"]).len()), (1, 1));
    assert!(report["problems"][0]["message"].as_str().expect("a problem").contains("give --pattern"));
}

#[test]
fn builds_of_other_projects_say_nothing() {
    let top = folder();
    write(top.path(), "arm64/kernel/gcc-12.log", &failing("fs/valve", 12, "inlet"));
    write(top.path(), "x86_64/kernel/gcc-12.log", &passing(&["fs/valve"]));
    write(top.path(), "arm64/brew/gcc-12.log", "cc -O2 -c -o kettle.o kettle.c\ncc -o brew kettle.o\n");
    let (_, report) = json(&["--pattern={arch}/{project}/{toolchain}.log"], top.path());
    let found = attribution(&report, 0);
    assert_eq!(names(&found["passing"]), ["x86_64/kernel/gcc-12.log"]);
    assert_eq!(names(&found["not_reached"]), ["arm64/brew/gcc-12.log"]);
    assert_eq!(found["statement"], "arm64 only");
}

#[test]
fn five_thousand_builds() {
    let top = folder();
    for number in 0..5000_u32 {
        let tool = if number % 5 == 0 { "clang-19" } else { "gcc-12" };
        let log = if number % 5 == 0 { failing("fs/valve", 12, "inlet") } else { passing(&["fs/valve"]) };
        write(top.path(), &format!("board{}/config{}-{tool}.log", number / 50, number % 50), &log);
    }
    let (answer, report) = json(&["--pattern={board}/{config}-{toolchain}.log"], top.path());
    assert_eq!(answer.status, Some(1));
    let found = attribution(&report, 0);
    assert_eq!((&found["statement"], names(&found["failing"]).len()), (&"clang only".into(), 1000));
    assert_eq!(report["builds"].as_array().map(Vec::len), Some(5000));
}

/// git in a folder, in surroundings that are the same everywhere; its output.
fn git(top: &Path, args: &[&str]) -> String {
    let mut command = std::process::Command::new("git");
    command.arg("-C").arg(top).args(["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]).args(args);
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
    let output = command.output().expect("git starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A tree with a commit that takes an include away, among others.
fn tree_with_history(top: &Path) {
    write(top, "include/tank.h", "#include \"level.h\"\nint tank_fill(int);\n");
    write(top, "include/level.h", "int level_of(int);\n");
    write(
        top,
        "fs/valve.c",
        "#include \"tank.h\"\n#ifdef CONFIG_VALVE\nint f(void)\n{\n\treturn level_of(1);\n}\n#endif\n",
    );
    write(top, "fs/Makefile", "obj-$(CONFIG_TANKS) += valve.o\n");
    write(top, "MAINTAINERS", "VALVES\nM:\tBen <ben@example.org>\nL:\tvalves@example.org\nF:\tfs/valve*\n");
    git(top, &["init", "--quiet", "--initial-branch=main"]);
    git(top, &["add", "."]);
    git(top, &["commit", "--quiet", "-m", "start"]);
    for (name, text, title) in [
        ("fs/other.c", "int x;\n", "fs: add another file"),
        ("include/tank.h", "int tank_fill(int);\n", "tank: drop an include"),
        (
            "fs/valve.c",
            "#include \"tank.h\"\n#ifdef CONFIG_VALVE\nint f(void)\n{\n\treturn level_of(1);\n}\n#endif\nint g;\n",
            "valve: add g",
        ),
    ] {
        write(top, name, text);
        git(top, &["add", "."]);
        git(top, &["commit", "--quiet", "-m", title]);
    }
}

/// The valve fails where it is configured.
fn valves(top: &Path, builds: &[(&str, &str)]) {
    for (name, config) in builds {
        let log = match *config {
            "y" => "  CC      fs/valve.o\nIn file included from fs/valve.c:1:\nfs/valve.c: In function 'f':\n\
                    fs/valve.c:5:9: error: implicit declaration of function 'level_of' [-Werror=implicit-function-declaration]\n    \
                    5 |  return level_of(1);\n      |         ^~~~~~~~\n"
                .to_owned(),
            _ => passing(&["fs/valve"]),
        };
        write(top, &format!("{name}.log"), &log);
        write(
            top,
            &format!("{name}.config"),
            &format!(
                "CONFIG_TANKS=y\n{}\n",
                if *config == "y" { "CONFIG_VALVE=y" } else { "# CONFIG_VALVE is not set" }
            ),
        );
    }
}

#[test]
fn the_commit_that_did_it_comes_first() {
    let (tree, logs) = (folder(), folder());
    tree_with_history(tree.path());
    valves(
        logs.path(),
        &[("arm64-gcc-12", "y"), ("arm64-gcc-13", "n"), ("x86_64-gcc-12", "n"), ("x86_64-gcc-13", "y")],
    );
    let source = format!("--tree={}", tree.path().display());
    let (answer, report) = json(&[&source, "--range=HEAD~3..HEAD"], logs.path());
    assert_eq!(answer.status, Some(1), "{answer:?}");
    let cause = &report["causes"][0];
    let suspects = cause["suspects"].as_array().expect("suspects");
    assert_eq!(suspects[0]["title"], "tank: drop an include", "{suspects:#?}");
    let commit = suspects[0]["commit"].as_str().expect("a commit");
    assert!(commit.len() == 12 && git(tree.path(), &["rev-parse", "HEAD~1"]).starts_with(commit));
    assert_eq!(suspects[0]["fixes"], format!("Fixes: {commit} (\"tank: drop an include\")"));
    assert!(suspects[0]["reasons"][0].as_str().expect("a reason").contains("removed the include of \"level.h\""));
    assert_eq!(cause["maintainers"][0], "Ben <ben@example.org> (maintainer: VALVES)");
    // Neither architecture nor compiler explains it, the configuration does.
    assert_eq!(cause["guards"], serde_json::json!(["CONFIG_VALVE", "CONFIG_TANKS"]));
    assert_eq!(cause["attribution"]["axes"], serde_json::json!({"CONFIG_VALVE": ["y"]}));
    assert_eq!(cause["attribution"]["statement"], "CONFIG_VALVE=y only");

    // The same as mails.
    let mbox = logs.path().join("series.mbox");
    fs::write(&mbox, git(tree.path(), &["format-patch", "--stdout", "HEAD~3..HEAD"])).expect("a file can be written");
    let (_, report) = json(&[&source, &format!("--series={}", mbox.display())], logs.path());
    let first = &report["causes"][0]["suspects"][0];
    assert_eq!((&first["commit"], &first["title"]), (&"2/3".into(), &"tank: drop an include".into()));
    assert!(first["fixes"].is_null());
}

#[test]
fn a_range_that_git_does_not_know_is_told() {
    let (tree, logs) = (folder(), folder());
    write(tree.path(), "fs/valve.c", "");
    write(logs.path(), "a.log", &failing("fs/valve", 12, "inlet"));
    for range in ["--range=HEAD~3..HEAD", "--range=--output=x"] {
        let mut command = triage(["matrix", range, "--tree"]);
        let answer = Answer::from(command.arg(tree.path()).arg(logs.path()).output().expect("triage starts"));
        assert_eq!(answer.status, Some(2), "{answer:?}");
        assert!(answer.stderr.starts_with("triage: git: "), "{answer:?}");
    }
    assert_eq!(call(["matrix", "--range=a..b", "."]).status, Some(2));
}
