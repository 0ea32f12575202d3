//! Misspelt constants in devicetrees. dtc sees what the preprocessor left: a name that no header
//! defines is a syntax error somewhere on its line.

use std::collections::HashMap;

use super::spelling::slip;
use super::{Candidate, Context, Fixer, devicetree};
use crate::site::candidate;

/// See the module.
pub struct DevicetreeConstant;

/// Candidates that are handed on.
const BEST: usize = 3;

impl Fixer for DevicetreeConstant {
    fn name(&self) -> &'static str {
        "correct-constant"
    }

    fn wants(&self, cx: &Context<'_>) -> bool {
        cx.cause.class == "devicetree-error" && cx.cause.message.contains("syntax error")
    }

    fn candidates(&self, cx: &Context<'_>) -> Vec<Candidate> {
        let place = cx.cause.location.as_ref();
        let Some((file, line)) = place.and_then(|place| Some((cx.tree.find(&place.file)?, place.line?))) else {
            return Vec::new();
        };
        let Some(source) = cx.tree.read(&file) else { return Vec::new() };
        let Some((start, _)) = source.line(line) else { return Vec::new() };
        let text = source.line_text(line).unwrap_or_default();
        let named: Vec<(usize, &str)> = constants(text).collect();
        if named.is_empty() {
            return Vec::new();
        }
        let mut counts: HashMap<String, usize> = HashMap::new();
        for source in devicetree::closure(cx, &file).iter().filter_map(|name| cx.tree.read(name)) {
            for (_, word) in source.text.lines().flat_map(constants) {
                *counts.entry(word.to_owned()).or_insert(0) += 1;
            }
        }
        let mut made = Vec::new();
        // What stands on the line alone is defined nowhere.
        for (at, wrong) in named.into_iter().filter(|(_, word)| counts.get(*word) == Some(&1)) {
            let near = counts.iter().filter_map(|(name, count)| Some((slip(wrong, name)?, *count, name)));
            let mut near: Vec<(usize, usize, &String)> = near.collect();
            near.sort_by_key(|(distance, count, name)| (*distance, std::cmp::Reverse(*count), name.as_str()));
            for (distance, _, name) in near.into_iter().take(BEST) {
                let title = format!("write '{name}' for '{wrong}'");
                let edits = vec![(start + at, start + at + wrong.len(), name.clone())];
                made.push(candidate("rename", title, &file, line, edits, 99 - 2 * distance.min(9) as u8));
            }
        }
        made
    }
}

/// Names in capitals, by their place in the line.
fn constants(line: &str) -> impl Iterator<Item = (usize, &str)> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let start = at + line[at..].find(word)?;
            at = start + line[start..].find(|c| !word(c)).unwrap_or(line.len() - start);
            let text = &line[start..at];
            let name = text.len() > 3
                && text.starts_with(|c: char| c.is_ascii_uppercase())
                && !text.contains(|c: char| c.is_ascii_lowercase());
            if name {
                return Some((start, text));
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn a_constant_that_no_header_has() {
        let dts = |word: &str| format!("#include <dt-bindings/valve.h>\n/ {{\n\tvalve = <1 {word}>;\n}};\n");
        let wrong = dts("VALVE_OEPN");
        let header = ("include/dt-bindings/valve.h", "#define VALVE_OPEN 1\n#define VALVE_SHUT 2\n");
        let log = "Error: arch/a/boot/dts/tank.dts:3.12-13 syntax error\nFATAL ERROR: Unable to parse input tree\n";
        let fixed = |text: &str| {
            let files = [("arch/a/boot/dts/tank.dts", text), header];
            testing::fixed(&DevicetreeConstant, &files, log).into_iter().next().map(|(_, changed)| changed[0].1.clone())
        };
        assert_eq!(fixed(&wrong), Some(dts("VALVE_OPEN")));
        assert_eq!(fixed(&dts("VALVE_SHUT")), None);
        assert_eq!(fixed(&dts("PUMP_RATE")), None);
    }
}
