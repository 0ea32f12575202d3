//! Turns `config/rules/**/*.yaml` and `config/classes.yaml` into one JSON text that the crate
//! embeds: parsing YAML at every start would take longer than answering a small log.
//!
//! What is matched with and what a person reads are written apart, the latter so that one rule's
//! can be parsed alone. Examples (`matches`, `not`) are left out of it; `triage rules test` reads them from the YAML.
//! The literals that rules are pre-filtered by are worked out here as well.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

#[path = "src/literal.rs"]
mod literal;

fn main() -> Result<(), Box<dyn Error>> {
    let config = Path::new(&std::env::var("CARGO_MANIFEST_DIR")?).join("../../config").canonicalize()?;
    let rules = config.join("rules");
    println!("cargo::rerun-if-changed={}", rules.display());
    println!("cargo::rerun-if-changed={}", config.join("classes.yaml").display());
    let mut embedded = Vec::new();
    let mut prose = Vec::new();
    for file in yaml_files(&rules)? {
        println!("cargo::rerun-if-changed={}", file.display());
        let text = fs::read_to_string(&file)?;
        let name = file.strip_prefix(&rules)?.to_string_lossy().replace('\\', "/");
        let mut rule: Value = serde_yaml::from_str(&text).map_err(|error| format!("config/rules/{name}: {error}"))?;
        prepare(&mut rule);
        let start = prose.len();
        serde_json::to_writer(&mut prose, &take_prose(&mut rule))?;
        rule["prose_at"] = json!([start, prose.len()]);
        embedded.push(json!({ "file": name, "rule": rule, "yaml": text }));
    }
    let classes: BTreeMap<String, String> = serde_yaml::from_str(&fs::read_to_string(config.join("classes.yaml"))?)?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let index: Vec<Value> = embedded.iter().map(|e| json!({ "file": e["file"], "rule": e["rule"] })).collect();
    fs::write(out.join("prose.json"), prose)?;
    fs::write(out.join("rules.json"), serde_json::to_vec(&index)?)?;
    let sources: BTreeMap<&str, &str> =
        embedded.iter().filter_map(|e| Some((e["file"].as_str()?, e["yaml"].as_str()?))).collect();
    fs::write(out.join("sources.json"), serde_json::to_vec(&sources)?)?;
    fs::write(out.join("classes.json"), serde_json::to_vec(&classes)?)?;
    Ok(())
}

/// Drops the examples and adds the required literals of every pattern.
fn prepare(rule: &mut Value) {
    let Some(rule) = rule.as_object_mut() else { return };
    rule.remove("matches");
    rule.remove("not");
    for matcher in rule.get_mut("match").and_then(Value::as_array_mut).into_iter().flatten() {
        let literals = matcher.get("message").and_then(Value::as_str).and_then(literal::required);
        if let (Some(literals), Some(matcher)) = (literals, matcher.as_object_mut()) {
            matcher.insert("literals".into(), json!(literals));
        }
    }
}

/// Moves what only a person reads out of a rule: it is parsed when the rule is hit.
fn take_prose(rule: &mut Value) -> Value {
    let Some(rule) = rule.as_object_mut() else { return Value::Null };
    let keys = ["title", "explanation", "advice", "fixer", "references"];
    keys.iter().filter_map(|key| Some((key.to_string(), rule.remove(*key)?))).collect::<serde_json::Map<_, _>>().into()
}

/// All `*.yaml` below a folder, in order of name.
fn yaml_files(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            println!("cargo::rerun-if-changed={}", path.display());
            files.extend(yaml_files(&path)?);
        } else if path.extension().is_some_and(|ext| ext == "yaml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
