//! The configuration symbols that decide whether a failing line is compiled: `#if` around it, the
//! makefile's `obj-$(CONFIG_X)`, and what that symbol `depends on`. Where builds have their `.config`
//! at hand, the symbols become axes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;

use triage_causes::Report;
use triage_causes::report::{Build, Cause};
use triage_fixes::Tree;

/// Symbols that become axes.
const AXES_MAX: usize = 12;
/// Symbols of one cause.
const LISTED: usize = 8;
/// Lines of a makefile or Kconfig.
const LINES_MAX: usize = 20_000;

/// Names the symbols of all causes whose places are in the tree.
pub fn name(report: &mut Report, tree: &Tree) {
    for cause in &mut report.causes {
        cause.guards = of(cause, tree);
    }
}

/// Makes the symbols axes of the builds that have a configuration.
pub fn add_axes(report: &mut Report, configs: &HashMap<String, PathBuf>) {
    let symbols: BTreeSet<String> = report
        .causes
        .iter()
        .flat_map(|cause| &cause.guards)
        .map(|guard| guard.trim_start_matches('!').to_owned())
        .take(AXES_MAX)
        .collect();
    if symbols.is_empty() || configs.is_empty() {
        return;
    }
    for build in &mut report.builds {
        if let Some(path) = configs.get(&build.id) {
            add(build, path, &symbols);
        }
    }
}

fn add(build: &mut Build, path: &PathBuf, symbols: &BTreeSet<String>) {
    let Ok(file) = File::open(path) else { return };
    let mut values: BTreeMap<&String, String> = symbols.iter().map(|symbol| (symbol, "n".to_owned())).collect();
    for line in BufReader::new(file).lines().map_while(Result::ok) {
        if let Some((name, value)) = line.split_once('=')
            && let Some((symbol, _)) = values.get_key_value(&name.to_owned())
        {
            let symbol: &String = symbol;
            values.insert(symbol, value.chars().take(40).collect());
        }
    }
    build.axes.extend(values.into_iter().map(|(symbol, value)| (symbol.clone(), value)));
}

fn of(cause: &Cause, tree: &Tree) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut add = |guard: String| {
        if !out.contains(&guard) && out.len() < LISTED {
            out.push(guard);
        }
    };
    if let Some(at) = &cause.location
        && let Some(line) = at.line
    {
        conditions(&lines(tree, &at.file, line as usize)).into_iter().for_each(&mut add);
    }
    for unit in cause.units.iter().take(3) {
        for symbol in object_symbols(tree, unit) {
            let depends = dependencies(tree, unit, &symbol);
            add(symbol);
            depends.into_iter().for_each(&mut add);
        }
        folder_symbols(tree, unit).into_iter().for_each(&mut add);
    }
    out
}

/// The first lines of a file of the tree.
fn lines(tree: &Tree, file: &str, count: usize) -> Vec<String> {
    let Some(source) = tree.find(file).and_then(|file| tree.read(&file)) else { return Vec::new() };
    let last = u32::try_from(count.min(LINES_MAX)).unwrap_or(u32::MAX).min(source.line_count());
    (1..=last).filter_map(|number| source.line_text(number).map(|text| text.to_string())).collect()
}

/// The symbols of the `#if`s that are open at the end of the lines.
fn conditions(lines: &[String]) -> Vec<String> {
    let mut open: Vec<(String, bool)> = Vec::new();
    for line in lines {
        let Some(directive) = line.trim_start().strip_prefix('#').map(str::trim_start) else { continue };
        let (word, rest) =
            directive.split_at(directive.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(directive.len()));
        match word {
            "if" | "ifdef" => open.push((rest.to_owned(), true)),
            "ifndef" => open.push((rest.to_owned(), false)),
            "elif" => {
                open.pop();
                open.push((rest.to_owned(), true));
            }
            "else" => {
                if let Some(last) = open.last_mut() {
                    last.1 = !last.1;
                }
            }
            "endif" => {
                open.pop();
            }
            _ => {}
        }
    }
    let mut out = Vec::new();
    for (condition, holds) in open {
        for symbol in config_symbols(&condition) {
            let before = condition[..condition.find(&symbol).unwrap_or(0)].trim_end();
            let negated = before
                .trim_end_matches("defined")
                .trim_end_matches(['(', ' '])
                .trim_end_matches("defined")
                .ends_with('!')
                || before.ends_with("!IS_ENABLED(");
            out.push(if holds != negated { symbol } else { format!("!{symbol}") });
        }
    }
    out
}

/// The names `CONFIG_…` in a text, without the ends that Kconfig makes for modules.
fn config_symbols(text: &str) -> Vec<String> {
    let starts = text.match_indices("CONFIG_").map(|(at, _)| at);
    starts
        .map(|at| {
            let word: String = text[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            word.strip_suffix("_MODULE").map_or(word.clone(), str::to_owned)
        })
        .filter(|word| word.len() > "CONFIG_".len())
        .collect()
}

/// The symbols of `obj-$(CONFIG_X)` for a source file.
fn object_symbols(tree: &Tree, unit: &str) -> Vec<String> {
    let Some(unit) = tree.find(unit) else { return Vec::new() };
    let (folder, file) = unit.rsplit_once('/').unwrap_or(("", &unit));
    let mut object = format!("{}.o", file.rsplit_once('.').map_or(file, |(stem, _)| stem));
    let text = joined(lines(tree, &format!("{folder}/Makefile"), LINES_MAX));
    // A composite module's parts are named under its own name.
    for _ in 0..2 {
        for line in &text {
            let Some((left, right)) = line.split_once('=') else { continue };
            let left = left.trim_end_matches([' ', '\t', '+', ':']).trim();
            if !right.split_whitespace().any(|word| word == object) {
                continue;
            }
            if left.starts_with("obj-") || left.starts_with("lib-") {
                return config_symbols(left);
            }
            if let Some((name, how)) = left.rsplit_once('-') {
                if how == "y" || how == "objs" {
                    object = format!("{name}.o");
                } else if let Some((name, symbol)) = left.split_once("-$(") {
                    let mut symbols = config_symbols(symbol);
                    let whole = text.iter().find(|line| line.starts_with("obj-") && has_object(line, name));
                    symbols.extend(
                        whole.into_iter().flat_map(|line| config_symbols(line.split('=').next().unwrap_or(""))),
                    );
                    return symbols;
                }
            }
        }
    }
    Vec::new()
}

/// The symbols of `obj-$(CONFIG_X) += folder/` for the folders of a source file, the innermost first.
fn folder_symbols(tree: &Tree, unit: &str) -> Vec<String> {
    let Some(unit) = tree.find(unit) else { return Vec::new() };
    let mut out = Vec::new();
    let mut folder = unit.rsplit_once('/').map_or("", |(folder, _)| folder);
    while !folder.is_empty() {
        let (above, name) = folder.rsplit_once('/').unwrap_or(("", folder));
        let entry = format!("{name}/");
        for file in ["Makefile", "Kbuild"] {
            let path = if above.is_empty() { file.to_owned() } else { format!("{above}/{file}") };
            let text = joined(lines(tree, &path, LINES_MAX));
            let mut ways = text
                .iter()
                .filter_map(|line| line.split_once('='))
                .filter(|(left, right)| left.starts_with("obj-") && right.split_whitespace().any(|word| word == entry));
            // One that is entered in several ways hangs on none of them.
            if let (Some((left, _)), None) = (ways.next(), ways.next()) {
                out.extend(config_symbols(left));
            }
        }
        folder = above;
    }
    out
}

fn has_object(line: &str, name: &str) -> bool {
    let object = format!("{name}.o");
    line.split_whitespace().any(|word| word == object)
}

/// Lines with their continuations.
fn joined(lines: Vec<String>) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut open = false;
    for line in lines {
        let goes_on = line.ends_with('\\');
        let text = line.trim_end_matches('\\');
        match out.last_mut().filter(|_| open) {
            Some(last) => last.push_str(text),
            None => out.push(text.to_owned()),
        }
        open = goes_on;
    }
    out
}

/// What the Kconfig of the folder, or of one above, says that a symbol depends on.
fn dependencies(tree: &Tree, unit: &str, symbol: &str) -> Vec<String> {
    let Some(unit) = tree.find(unit) else { return Vec::new() };
    let wanted = format!("config {}", symbol.trim_start_matches("CONFIG_"));
    let mut folder = unit.as_str();
    while let Some((above, _)) = folder.rsplit_once('/') {
        folder = above;
        let text = lines(tree, &format!("{folder}/Kconfig"), LINES_MAX);
        let Some(at) = text.iter().position(|line| line.trim().trim_start_matches("menu") == wanted) else { continue };
        let own = text[at + 1..].iter().take_while(|line| line.is_empty() || line.starts_with([' ', '\t']));
        let depends = own.filter_map(|line| line.trim().strip_prefix("depends on "));
        return depends
            .flat_map(|text| {
                text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '!' || c == '='))
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            })
            .filter(|word| {
                word.len() > 1 && word.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
            })
            .map(|word| format!("CONFIG_{word}"))
            .collect();
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_around_a_line() {
        let of = |text: &str| conditions(&text.lines().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(of("#ifdef CONFIG_TANK\nint a;"), ["CONFIG_TANK"]);
        assert_eq!(of("#ifdef CONFIG_TANK\n#else\nint a;"), ["!CONFIG_TANK"]);
        assert_eq!(of("#if IS_ENABLED(CONFIG_TANK) && !defined(CONFIG_PUMP)\n"), ["CONFIG_TANK", "!CONFIG_PUMP"]);
        assert_eq!(of("#ifndef GUARD_H\n# if defined(CONFIG_A_MODULE)\n"), ["CONFIG_A"]);
        assert!(of("#ifdef CONFIG_TANK\n#endif\n#endif\nint a;").is_empty());
    }

    #[test]
    fn symbols_of_objects() {
        let top = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = top.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("fs/tank/a.c", "");
        write("fs/tank/b.c", "");
        write(
            "fs/tank/Makefile",
            "obj-$(CONFIG_TANK_FS) += tank.o\ntank-y := x.o \\\n\ta.o\ntank-$(CONFIG_TANK_LOG) += b.o\n",
        );
        write(
            "fs/tank/Kconfig",
            "config TANK_FS\n\ttristate \"tanks\"\n\tdepends on BLOCK && (WATER || OIL)\n\nconfig OTHER\n\tdepends on X\n",
        );
        write("fs/Makefile", "obj-y += other/\nobj-$(CONFIG_TANKS)\t+= pump/ \\\n\ttank/\n");
        write("Kbuild", "obj-$(CONFIG_FS) += fs/\nobj-$(CONFIG_RARE) += fs/ more/\n");
        let tree = Tree::open(top.path()).unwrap();
        // The folder at the top is entered in two ways.
        assert_eq!(folder_symbols(&tree, "fs/tank/a.c"), ["CONFIG_TANKS"]);
        assert_eq!(object_symbols(&tree, "fs/tank/a.c"), ["CONFIG_TANK_FS"]);
        assert_eq!(object_symbols(&tree, "fs/tank/b.c"), ["CONFIG_TANK_LOG", "CONFIG_TANK_FS"]);
        assert_eq!(
            dependencies(&tree, "fs/tank/a.c", "CONFIG_TANK_FS"),
            ["CONFIG_BLOCK", "CONFIG_WATER", "CONFIG_OIL"]
        );
    }
}
