//! Every form of the report, and the schemas that programs rely on.

use std::fs;

use serde_json::Value;
use triage_tests::{call, log, repository};

fn rendered(format: &str, name: &str) -> String {
    let path = log(name);
    let answer = call(["--format".as_ref(), format.as_ref(), path.as_os_str()]);
    assert!(matches!(answer.status, Some(0 | 1)), "{answer:?}");
    answer.stdout
}

fn schema(path: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(repository().join(path)).unwrap()).unwrap()
}

fn assert_valid(schema: &Value, value: &Value, what: &str) {
    let validator = jsonschema::validator_for(schema).unwrap();
    let faults: Vec<String> =
        validator.iter_errors(value).map(|fault| format!("{}: {fault}", fault.instance_path())).collect();
    assert!(faults.is_empty(), "{what}: {faults:#?}");
}

fn logs() -> Vec<String> {
    let entries = fs::read_dir(repository().join("tests/logs")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(".log")).collect()
}

#[test]
fn schemas_are_those_of_the_code() {
    for name in ["report", "rule", "diagnostic", "matrix"] {
        let path = format!("config/schema/{name}.schema.json");
        let written = fs::read_to_string(repository().join(&path)).unwrap();
        let current = call(["schema", name]).stdout;
        assert!(written == current, "{path} is out of date: triage schema {name} > {path}");
    }
    assert_eq!(call(["rules", "schema"]).stdout, call(["schema", "rule"]).stdout);
}

#[test]
fn json_follows_its_schema() {
    let schema = schema("config/schema/report.schema.json");
    for name in logs() {
        let report: Value = serde_json::from_str(&rendered("json", &name)).unwrap();
        assert_valid(&schema, &report, &name);
        assert_eq!(report["version"], 1);
    }
}

#[test]
fn diagnostics_follow_their_schema() {
    let schema = schema("config/schema/diagnostic.schema.json");
    let validator = jsonschema::validator_for(&schema).unwrap();
    for name in logs() {
        let path = log(&name);
        for line in call(["--stage".as_ref(), "diagnostics".as_ref(), path.as_os_str()]).stdout.lines() {
            let mut value: Value = serde_json::from_str(line).unwrap();
            value.as_object_mut().unwrap().remove("log");
            assert!(validator.is_valid(&value), "{line}");
        }
    }
}

#[test]
fn json_lines() {
    let text = rendered("jsonl", "quickstart.log");
    let types: Vec<String> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["type"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(types.last().map(String::as_str), Some("summary"));
    assert!(types.len() > 1 && types[..types.len() - 1].iter().all(|kind| kind == "cause"), "{types:?}");
}

#[test]
fn sarif_follows_its_schema() {
    let mut schema = schema("tests/schemas/sarif-2.1.0.json");
    // The official schema has a bracket too many in the pattern of languages.
    for part in ["run", "toolComponent"] {
        let pattern = &mut schema["definitions"][part]["properties"]["language"]["pattern"];
        *pattern = pattern.as_str().unwrap().replace("]?$", "$").into();
    }
    for name in logs() {
        let sarif: Value = serde_json::from_str(&rendered("sarif", &name)).unwrap();
        assert_valid(&schema, &sarif, &name);
        assert_eq!(sarif["version"], "2.1.0");
    }
}

#[test]
fn junit_has_a_test_case_for_each_cause() {
    let text = rendered("junit", "clang-two-errors.log");
    assert!(text.starts_with("<?xml"), "{text}");
    assert_eq!(text.matches("<failure").count(), 2, "{text}");
    assert!(rendered("junit", "warnings-only.log").contains("failures=\"0\""));
}

#[test]
fn code_quality_has_what_gitlab_reads() {
    let entries: Value = serde_json::from_str(&rendered("codequality", "quickstart.log")).unwrap();
    for entry in entries.as_array().unwrap() {
        assert!(entry["description"].is_string() && entry["fingerprint"].is_string(), "{entry}");
        assert!(entry["location"]["path"].is_string() && entry["location"]["lines"]["begin"].is_u64(), "{entry}");
        assert!(["info", "minor", "major", "critical", "blocker"].contains(&entry["severity"].as_str().unwrap()));
    }
    assert_eq!(rendered("codequality", "warnings-only.log").trim(), "[]");
}

#[test]
fn github_has_workflow_commands() {
    let text = rendered("github", "quickstart.log");
    assert!(text.starts_with("::error file=include/tank.h,line=5"), "{text}");
}

#[test]
fn markdown_and_text_name_the_cause() {
    for format in ["markdown", "text", "terminal"] {
        let text = rendered(format, "quickstart.log");
        assert!(text.contains("uint32_t") && text.contains("include/tank.h"), "{format}: {text}");
    }
}

#[test]
fn the_fingerprint_is_the_same_in_another_folder() {
    let text = fs::read_to_string(log("out-of-tree.log")).unwrap();
    let fingerprints = |log: &str| -> Vec<String> {
        let report = triage_tests::report(log.as_bytes()).json();
        report["causes"].as_array().unwrap().iter().map(|c| c["fingerprint"].as_str().unwrap().to_owned()).collect()
    };
    let moved = text.replace("/home/user/mill", "/builds/7/a/b");
    assert_ne!(text, moved);
    assert_eq!(fingerprints(&text), fingerprints(&moved));
}
