//! A module without MODULE_LICENSE: the line goes to the others of its kind, in the words of the
//! file's SPDX line and of its neighbours.

use std::collections::BTreeMap;

use super::{Candidate, Context, Fixer};
use crate::edit::Edit;
use crate::makefile::{self, base, folder, stem};

/// Adds the licence that the file has.
#[derive(Debug)]
pub struct License;

impl Fixer for License {
    fn name(&self) -> &'static str {
        "module-license"
    }

    fn wants(&self, cx: &Context<'_>) -> bool {
        cx.cause.class == "modpost-license" && cx.cause.message.contains("MODULE_LICENSE")
    }

    fn candidates(&self, cx: &Context<'_>) -> Vec<Candidate> {
        let named = cx.cause.objects.iter().chain(&cx.cause.symbols);
        let Some(module) = named.map(|name| module(name)).find(|name| !name.contains("..") && !name.starts_with('/'))
        else {
            return Vec::new();
        };
        let mut files: Vec<(u32, String)> = sources(cx, module)
            .into_iter()
            .filter_map(|file| {
                let text = &cx.tree.read(&file)?.text;
                let has = |word: &str| text.contains(word);
                let weight = u32::from(has("MODULE_AUTHOR(")) * 8
                    + u32::from(has("MODULE_DESCRIPTION(")) * 8
                    + u32::from(has("module_init(") || has("module_exit(")) * 4
                    + u32::from(has("module_") && has("_driver(")) * 4
                    + u32::from(has("MODULE_ALIAS")) * 2
                    + u32::from(has("MODULE_PARM_DESC") || has("MODULE_DEVICE_TABLE"));
                (!has("MODULE_LICENSE(")).then_some((weight, file))
            })
            .collect();
        files.sort_by_key(|(weight, file)| (std::cmp::Reverse(*weight), stem(file) != base(module)));
        let mut found = Vec::new();
        for (number, (_, file)) in files.into_iter().take(3).enumerate() {
            let Some(source) = cx.tree.read(&file) else { continue };
            let license = license(&source.text, &neighbours(cx, &file));
            let (at, text) = place(&source.text, &format!("MODULE_LICENSE(\"{license}\");"));
            found.push(Candidate {
                kind: "add_license",
                title: format!("add MODULE_LICENSE(\"{license}\") to {file}"),
                line: Some(source.text[..at].matches('\n').count() as u32 + 1),
                edits: vec![Edit { file: file.clone(), start: at, end: at, text }],
                file: Some(file),
                rank: 92 - number as u8 * 6,
                ..Candidate::default()
            });
        }
        found
    }
}

/// The module's path, without suffix.
fn module(name: &str) -> &str {
    [".mod.o", ".ko", ".o", ".mod"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name)
}

/// The sources that a module is made of, by the lists of its folder's Makefile.
fn sources(cx: &Context<'_>, module: &str) -> Vec<String> {
    let place = folder(module);
    let name = base(module);
    let mut objects = Vec::new();
    for file in makefile::of_folder(cx.tree, place) {
        let Some(source) = cx.tree.read(&file) else { continue };
        let parsed = makefile::parse(&source.text);
        let of = |list: &str| {
            list.strip_prefix(name).and_then(|rest| rest.strip_prefix('-')).is_some_and(|kind| {
                matches!(kind, "y" | "m" | "objs") || kind.starts_with("$(") || kind.starts_with("objs-")
            })
        };
        let lists = parsed.assignments.iter().filter(|a| of(&a.name));
        objects.extend(lists.flat_map(|a| &a.words).filter(|w| w.text.ends_with(".o")).map(|w| w.text.clone()));
    }
    objects.push(format!("{name}.o"));
    let path = |object: &str| {
        let stem = object.trim_end_matches(".o");
        let file = if place.is_empty() { format!("{stem}.c") } else { format!("{place}/{stem}.c") };
        cx.tree.read(&file).is_some().then_some(file)
    };
    objects.iter().filter_map(|object| path(object)).collect()
}

/// The licence strings of the other modules in the folder, and how often they stand there.
fn neighbours(cx: &Context<'_>, file: &str) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    let place = if folder(file).is_empty() { "." } else { folder(file) };
    let Some(entries) = cx.tree.inside(place).and_then(|path| std::fs::read_dir(path).ok()) else { return found };
    for entry in entries.take(400).filter_map(Result::ok) {
        let Ok(name) = entry.file_name().into_string() else { continue };
        if !name.ends_with(".c") {
            continue;
        }
        let path = if folder(file).is_empty() { name } else { format!("{}/{name}", folder(file)) };
        let Some(source) = cx.tree.read(&path) else { continue };
        for (at, start) in source.text.match_indices("MODULE_LICENSE(\"") {
            let rest = &source.text[at + start.len()..];
            if let Some(end) = rest.find('"').filter(|end| *end < 64) {
                *found.entry(rest[..end].to_owned()).or_default() += 1;
            }
        }
    }
    found
}

/// The module licence that says what the SPDX line does.
fn license(text: &str, neighbours: &BTreeMap<String, usize>) -> String {
    let spdx = text.lines().take(5).find_map(|line| line.split_once("SPDX-License-Identifier:")).map(|(_, rest)| rest);
    let words = spdx.unwrap_or("GPL-2.0");
    let gpl = words.contains("GPL");
    let dual = [("BSD", "Dual BSD/GPL"), ("MIT", "Dual MIT/GPL"), ("MPL", "Dual MPL/GPL")];
    if let Some((_, name)) = dual.iter().find(|(word, _)| words.contains(word)) {
        return (*name).to_owned();
    }
    if !gpl {
        // What the file does not say, its neighbours do.
        let common = neighbours.iter().max_by_key(|(_, count)| **count);
        return common.map_or_else(|| "GPL".to_owned(), |(name, _)| name.clone());
    }
    let count = |name: &str| neighbours.get(name).copied().unwrap_or(0);
    (if count("GPL v2") > count("GPL") { "GPL v2" } else { "GPL" }).to_owned()
}

/// Where the line goes: below the last of its kind, else to the end of the file.
fn place(text: &str, line: &str) -> (usize, String) {
    let kinds = ["MODULE_AUTHOR(", "MODULE_DESCRIPTION(", "MODULE_VERSION("];
    let last = kinds.iter().filter_map(|kind| text.rfind(&format!("\n{kind}"))).max();
    if let Some(end) = last.and_then(|at| Some(at + text[at..].find(");")? + 2)) {
        return (end, format!("\n{line}"));
    }
    let calls = ["module_init(", "module_exit(", "MODULE_ALIAS", "MODULE_DEVICE_TABLE(", "EXPORT_SYMBOL"];
    let driver = text
        .lines()
        .rfind(|line| line.starts_with("module_") && line.ends_with(");"))
        .and_then(|line| text.rfind(line));
    let last = calls.iter().filter_map(|kind| text.rfind(&format!("\n{kind}"))).map(|at| at + 1).chain(driver).max();
    match last.and_then(|at| Some(at + text[at..].find(';')? + 1)) {
        Some(end) => (end, format!("\n\n{line}")),
        None if text.ends_with('\n') || text.is_empty() => (text.len(), format!("\n{line}\n")),
        None => (text.len(), format!("\n\n{line}\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{best, kernel};

    #[test]
    fn words_of_the_licence() {
        let none = BTreeMap::new();
        let spdx = |id: &str| format!("// SPDX-License-Identifier: {id}\n");
        assert_eq!(license(&spdx("GPL-2.0-only"), &none), "GPL");
        assert_eq!(license(&spdx("(GPL-2.0 OR BSD-3-Clause)"), &none), "Dual BSD/GPL");
        assert_eq!(license(&spdx("GPL-2.0 OR MIT"), &none), "Dual MIT/GPL");
        let v2 = BTreeMap::from([("GPL v2".to_owned(), 3), ("GPL".to_owned(), 1)]);
        assert_eq!(license(&spdx("GPL-2.0"), &v2), "GPL v2");
        assert_eq!(license("", &none), "GPL");
    }

    #[test]
    fn the_line_joins_its_kind() {
        let add = |text: &str| {
            let (at, new) = place(text, "L;");
            format!("{}{new}{}", &text[..at], &text[at..])
        };
        let text = "x\nMODULE_AUTHOR(\"A\");\nMODULE_DESCRIPTION(\"B\"\n\t\"C\");\nMODULE_ALIAS(\"d\");\n";
        assert_eq!(
            add(text),
            "x\nMODULE_AUTHOR(\"A\");\nMODULE_DESCRIPTION(\"B\"\n\t\"C\");\nL;\nMODULE_ALIAS(\"d\");\n"
        );
        assert_eq!(add("x\nmodule_init(a);\nmodule_exit(b);\n"), "x\nmodule_init(a);\nmodule_exit(b);\n\nL;\n");
        assert_eq!(add("x\nmodule_usb_driver(a);\n"), "x\nmodule_usb_driver(a);\n\nL;\n");
        assert_eq!(add("x\n"), "x\n\nL;\n");
        assert_eq!(add(""), "\nL;\n");
    }

    #[test]
    fn modules_by_their_objects() {
        assert_eq!(module("drivers/tank/tank.o"), "drivers/tank/tank");
        assert_eq!(module("drivers/tank/tank.ko"), "drivers/tank/tank");
    }

    #[test]
    fn from_log_to_patch() {
        let files = kernel(&[
            ("drivers/tank/Makefile", "obj-m += tank.o\ntank-objs := pump.o core.o\n"),
            ("drivers/tank/pump.c", "// SPDX-License-Identifier: GPL-2.0\nint pump;\n"),
            ("drivers/tank/core.c", "// SPDX-License-Identifier: GPL-2.0\nmodule_init(x);\nMODULE_AUTHOR(\"A\");\n"),
        ]);
        let changed = best(&License, &files, "ERROR: modpost: missing MODULE_LICENSE() in drivers/tank/tank.o\n");
        assert_eq!(changed[0].0, "drivers/tank/core.c");
        assert!(changed[0].1.ends_with("MODULE_AUTHOR(\"A\");\nMODULE_LICENSE(\"GPL\");\n"));
    }
}
