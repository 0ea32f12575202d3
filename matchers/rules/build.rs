//! Turns `config/rules/**/*.yaml` and `config/classes.yaml` into what the crate embeds: parsing
//! YAML at every start would take longer than answering a small log.
//!
//! What is matched with becomes Rust (`rules.rs`), so that it costs nothing to read; what a person
//! reads becomes JSON of which one rule's part is parsed when the rule is hit. Examples (`matches`,
//! `not`) are left out: `triage rules test` reads them from the YAML. The literals that rules are
//! pre-filtered by are worked out here as well.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

#[path = "src/literal.rs"]
mod literal;

fn main() -> Result<(), Box<dyn Error>> {
    let config = Path::new(&std::env::var("CARGO_MANIFEST_DIR")?).join("../../config").canonicalize()?;
    let rules = config.join("rules");
    println!("cargo::rerun-if-changed={}", rules.display());
    println!("cargo::rerun-if-changed={}", config.join("classes.yaml").display());
    let mut parsed = Vec::new();
    for file in yaml_files(&rules)? {
        println!("cargo::rerun-if-changed={}", file.display());
        let text = fs::read_to_string(&file)?;
        let name = file.strip_prefix(&rules)?.to_string_lossy().replace('\\', "/");
        let rule: Value = serde_yaml::from_str(&text).map_err(|error| format!("config/rules/{name}: {error}"))?;
        parsed.push((name, rule, text));
    }
    let common = grams(&parsed);
    let mut code = String::from("pub(crate) static RULES: &[Embedded] = &[\n");
    let mut prose = Vec::new();
    let mut sources = BTreeMap::new();
    for (name, mut rule, text) in parsed {
        let start = prose.len();
        serde_json::to_writer(&mut prose, &take_prose(&mut rule))?;
        code.push_str(&rule_code(&name, &rule, (start, prose.len()), &common));
        sources.insert(name, text);
    }
    code.push_str("];\n");
    let classes: BTreeMap<String, String> = serde_yaml::from_str(&fs::read_to_string(config.join("classes.yaml"))?)?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    fs::write(out.join("rules.rs"), code)?;
    fs::write(out.join("prose.json"), prose)?;
    fs::write(out.join("sources.json"), serde_json::to_vec(&sources)?)?;
    fs::write(out.join("classes.json"), serde_json::to_vec(&classes)?)?;
    Ok(())
}

/// How often four bytes stand in the literals of all rules.
type Grams = BTreeMap<Vec<u8>, u32>;

fn grams(rules: &[(String, Value, String)]) -> Grams {
    let mut common = Grams::new();
    let matchers = rules.iter().filter_map(|(_, rule, _)| rule.get("match").and_then(Value::as_array)).flatten();
    for literal in matchers.filter_map(|m| m.get("message")?.as_str()).filter_map(literal::required).flatten() {
        for gram in literal.as_bytes().windows(4) {
            *common.entry(gram.to_vec()).or_default() += 1;
        }
    }
    common
}

/// One rule as an initialiser of `Embedded`.
fn rule_code(file: &str, rule: &Value, prose: (usize, usize), common: &Grams) -> String {
    let text = |key: &str| rule.get(key).and_then(Value::as_str).unwrap_or_default();
    let kind = if text("kind") == "infrastructure" { "Infrastructure" } else { "Code" };
    let priority = rule.get("priority").and_then(Value::as_i64).unwrap_or(0);
    let folder = file.split('/').next().unwrap_or_default();
    let matchers: Vec<String> = rule
        .get("match")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|m| matcher_code(m, folder, common))
        .collect();
    format!(
        "Embedded {{ file: {file:?}, id: {:?}, class: {:?}, kind: Kind::{kind}, priority: {priority}, \
         consequence_of: &{:?}, prose: {prose:?}, matchers: &[{}] }},\n",
        text("id"),
        text("class"),
        strings(rule, "consequence_of"),
        matchers.join(", ")
    )
}

/// One alternative as an initialiser of `EmbeddedMatcher`.
fn matcher_code(matcher: &Value, folder: &str, common: &Grams) -> String {
    let pattern = |key: &str| matcher.get(key).and_then(Value::as_str);
    let literals = pattern("message").and_then(literal::required).unwrap_or_default();
    let rarest = |literal: &str| {
        literal.as_bytes().windows(4).enumerate().min_by_key(|(_, gram)| common[*gram]).map_or(0, |(at, _)| at)
    };
    let literals: Vec<(&str, usize)> = literals.iter().map(|literal| (literal.as_str(), rarest(literal))).collect();
    let mut tools = strings(matcher, "tools");
    if tools.is_empty() {
        tools.push(folder);
    }
    format!(
        "EmbeddedMatcher {{ tools: &[{}], severity: &[{}], option: &{:?}, message: {:?}, file: {:?}, note: {:?}, literals: &{literals:?} }}",
        variants("Tool", &tools),
        variants("Severity", &strings(matcher, "severity")),
        strings(matcher, "option"),
        pattern("message"),
        pattern("file"),
        pattern("note"),
    )
}

fn strings<'v>(value: &'v Value, key: &str) -> Vec<&'v str> {
    value.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

/// `["cc", "ld"]` to `Tool::Cc, Tool::Ld`.
fn variants(name: &str, words: &[&str]) -> String {
    let variant = |word: &&str| {
        let mut letters = word.chars();
        let first = letters.next().map(|c| c.to_ascii_uppercase()).unwrap_or_default();
        format!("{name}::{first}{}", letters.as_str())
    };
    words.iter().map(variant).collect::<Vec<_>>().join(", ")
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
