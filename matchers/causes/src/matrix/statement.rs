//! Statements about the axes of builds, in words: `clang only`, `arm64 with gcc >= 13`.

use std::collections::BTreeSet;

use super::attribution::Axis;
use super::data::AttributionCounts;
use super::version;
use crate::report::Build;

/// When nothing fits.
pub(super) const NONE: &str = "no single axis explains it";
/// Before the few values that are not meant.
const ALL_BUT: &str = "all but ";
/// Values that are listed.
const LISTED: usize = 6;

/// A statement that is true of all failing and of no passing build.
pub(super) fn exact(
    parts: &[(&Axis, Vec<&str>)],
    axes: &[Axis],
    builds: &[Build],
    failing: &[usize],
    counts: AttributionCounts,
) -> String {
    if !parts.is_empty() {
        let words = words(parts, axes);
        let plain = parts.len() == 1 && parts[0].0.name != "version" && !words.starts_with(ALL_BUT);
        return if plain { format!("{words} only") } else { words };
    }
    if builds.len() < 2 {
        return String::new();
    }
    let mut text = match (counts.failing, counts.not_reached) {
        (1, _) => "the only build that got so far".to_owned(),
        (_, 0) => "every build".to_owned(),
        _ => "every build that got so far".to_owned(),
    };
    let shared: BTreeSet<Option<&String>> = failing.iter().map(|&build| builds[build].axes.get("commit")).collect();
    if let (1, Some(Some(commit))) = (shared.len(), shared.first()) {
        text.push_str(&format!(" of commit {}", commit.get(..12).unwrap_or(commit)));
    }
    text
}

/// A statement that is also true of `also` passing builds.
pub(super) fn partly(parts: &[(&Axis, Vec<&str>)], axes: &[Axis], also: u64) -> String {
    let builds = if also == 1 { "1 such build passes".to_owned() } else { format!("{also} such builds pass") };
    let words = words(parts, axes);
    let only = if words.starts_with(ALL_BUT) { "" } else { " only" };
    format!("{words}{only}, but {builds}")
}

fn words(parts: &[(&Axis, Vec<&str>)], axes: &[Axis]) -> String {
    let tool = parts.iter().find(|(axis, _)| axis.name == "toolchain").map(|(_, values)| values);
    let mut out: Vec<String> = Vec::new();
    for (axis, values) in parts {
        match axis.name.as_str() {
            // Said together with its version.
            "toolchain" if parts.iter().any(|(other, _)| other.name == "version") => {}
            "version" => {
                let tools: Vec<&str> = match (tool, axes.iter().find(|axis| axis.name == "toolchain")) {
                    (Some(tools), _) => tools.clone(),
                    (None, Some(axis)) => axis.values.iter().map(String::as_str).collect(),
                    (None, None) => vec!["version"],
                };
                out.push(format!("{} {}", tools.join(" or "), versions(axis, values, tool, axes)));
            }
            "arch" | "config" | "toolchain" | "target" => out.push(listed(axis, values)),
            name => out.push(format!("{name}={}", listed(axis, values))),
        }
    }
    match out.as_slice() {
        [one] => one.clone(),
        [first, rest @ ..] => format!("{first} with {}", rest.join(" and ")),
        [] => String::new(),
    }
}

/// `a`, `a or b`, `all but c`.
fn listed(axis: &Axis, values: &[&str]) -> String {
    let others: Vec<&str> = axis.values.iter().map(String::as_str).filter(|value| !values.contains(value)).collect();
    if values.len() > 2 && others.len() + 1 < values.len() {
        return format!("{ALL_BUT}{}", others.join(" and "));
    }
    let (last, first) = values.split_last().unwrap_or((&"", &[]));
    match first.len() {
        0 => (*last).to_owned(),
        count if count >= LISTED => format!("{} and {} more", values[..LISTED].join(", "), values.len() - LISTED),
        _ => format!("{} or {last}", first.join(", ")),
    }
}

/// `>= 13`, `< 17`, `12.2`: among the versions of the same toolchain.
fn versions(axis: &Axis, values: &[&str], tool: Option<&Vec<&str>>, axes: &[Axis]) -> String {
    let tools = axes.iter().find(|axis| axis.name == "toolchain");
    let beside = |build: usize| match (tool, tools) {
        (Some(tool), Some(tools)) => tools.value(build).is_some_and(|value| tool.contains(&value)),
        _ => true,
    };
    let known: BTreeSet<&str> = (0..axis.len()).filter(|&build| beside(build)).filter_map(|b| axis.value(b)).collect();
    let mut known: Vec<&str> = known.into_iter().collect();
    known.sort_by(|a, b| version::compare(a, b));
    let inside: Vec<bool> = known.iter().map(|version| values.contains(version)).collect();
    let (first, last) = (inside.iter().position(|&is| is), inside.iter().rposition(|&is| is));
    match (first, last) {
        (Some(0), Some(last)) if is_range(&inside) && last + 1 < known.len() => {
            format!("< {}", version::shortest_beside(known[last + 1], Some(known[last])))
        }
        (Some(first), Some(last)) if is_range(&inside) && first > 0 && last + 1 == known.len() => {
            format!(">= {}", version::shortest_beside(known[first], Some(known[first - 1])))
        }
        (Some(first), Some(last)) if is_range(&inside) && first < last => {
            format!("{} to {}", known[first], known[last])
        }
        _ => listed(axis, values),
    }
}

/// True when the values stand in one row.
pub(super) fn is_range(inside: &[bool]) -> bool {
    let (first, last) = (inside.iter().position(|&is| is), inside.iter().rposition(|&is| is));
    matches!((first, last), (Some(first), Some(last)) if inside[first..=last].iter().all(|&is| is))
}
