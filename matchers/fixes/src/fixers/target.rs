//! No rule to make a target: the entry of a Makefile is misspelt, or its file has another name.

use std::collections::BTreeSet;

use super::{Candidate, Context, Fixer};
use crate::edit::Edit;
use crate::makefile::{self, Makefile, base, folder, stem};

/// Sources that an object is made of.
const SOURCES: &[&str] = &["c", "S", "s", "cc", "cpp", "cxx", "C", "m", "rs", "y", "l", "f", "f90"];

/// Gives the entry the name of the file that is there.
#[derive(Debug)]
pub struct Target;

impl Fixer for Target {
    fn name(&self) -> &'static str {
        "fix-target"
    }

    fn wants(&self, cx: &Context<'_>) -> bool {
        cx.cause.class == "no-rule-to-make-target"
    }

    fn candidates(&self, cx: &Context<'_>) -> Vec<Candidate> {
        let Some(target) = target(cx) else { return Vec::new() };
        let mut found = Vec::new();
        for place in folders(cx, &target) {
            let names = makefile::of_folder(cx.tree, &place);
            let texts: Vec<_> = names.iter().filter_map(|name| Some((name, cx.tree.read(name)?))).collect();
            let parsed: Vec<(&String, &str, Makefile)> = texts
                .iter()
                .map(|(name, source)| (*name, source.text.as_str(), makefile::parse(&source.text)))
                .collect();
            if parsed.is_empty() {
                continue;
            }
            let listed: BTreeSet<&str> = parsed
                .iter()
                .flat_map(|(_, _, m)| m.assignments.iter())
                .flat_map(|a| a.words.iter())
                .map(|w| if w.text.ends_with('/') { w.text.trim_end_matches('/') } else { stem(&w.text) })
                .collect();
            let mut near = nearest(cx, &target, &place, &listed);
            near.extend(composites(&parsed, &target, &listed));
            for (name, rank) in near {
                let mut edits = Vec::new();
                let mut line = None;
                for (file, text, makefile) in &parsed {
                    for (range, new) in entries(makefile, &target, &place, &name) {
                        line = line.or(Some(text[..range.start].matches('\n').count() as u32 + 1));
                        edits.push(Edit { file: (*file).clone(), start: range.start, end: range.end, text: new });
                    }
                }
                let Some(first) = edits.first() else { break };
                found.push(Candidate {
                    kind: "rename",
                    title: format!("list {name}, which is there, for {}", base(&target)),
                    file: Some(first.file.clone()),
                    line,
                    edits,
                    rank,
                    ..Candidate::default()
                });
            }
            if !found.is_empty() {
                break;
            }
        }
        found
    }
}

/// The target, relative to the tree; a folder without its Makefile stands for itself.
fn target(cx: &Context<'_>) -> Option<String> {
    let named = cx.cause.symbols.first()?;
    let root = cx.tree.root().to_string_lossy().into_owned();
    let path = named.strip_prefix(&root).map_or(named.as_str(), |path| path.trim_start_matches('/'));
    let path = path.trim_start_matches("./");
    let plain = !path.is_empty() && path.len() < 512 && !path.starts_with('/') && !path.contains("..");
    let path = ["/Makefile", "/Kbuild"]
        .iter()
        .find_map(|end| path.strip_suffix(end))
        .map_or(path.to_owned(), |folder| format!("{folder}/"));
    plain.then_some(path)
}

/// Where the list may be: the folder of the target, of what needs it, of the message, and any
/// other that has the name in its Makefile.
fn folders(cx: &Context<'_>, target: &str) -> Vec<String> {
    let mut folders: Vec<String> = Vec::new();
    let mut push = |folder: &str| {
        if !folders.iter().any(|known| known == folder) {
            folders.push(folder.to_owned());
        }
    };
    push(folder(target.trim_end_matches('/')));
    if let Some(place) = cx.cause.location.as_ref().and_then(|l| cx.tree.find(&l.file)) {
        push(folder(&place));
    }
    cx.cause.objects.iter().for_each(|object| push(folder(object)));
    if !cx.kernel {
        for file in cx.tree.files().iter().filter(|file| matches!(base(file), "Makefile" | "makefile" | "GNUmakefile"))
        {
            if cx.tree.read(file).is_some_and(|source| source.text.contains(stem(target))) {
                push(folder(file));
            }
        }
    }
    folders.truncate(64);
    folders
}

/// The words of a Makefile that mean the target, and what they become.
fn entries(makefile: &Makefile, target: &str, place: &str, name: &str) -> Vec<(std::ops::Range<usize>, String)> {
    let inside = if place.is_empty() {
        target
    } else {
        target.strip_prefix(place).map_or(target, |t| t.trim_start_matches('/'))
    };
    let own = folder(inside.trim_end_matches('/'));
    let lists = makefile.assignments.iter().flat_map(|a| &a.words);
    let needed = makefile.rules.iter().flat_map(|r| &r.prerequisites);
    let mut found = Vec::new();
    for word in lists.chain(needed) {
        let text = word.text.as_str();
        if let Some(wrong) = inside.strip_suffix('/') {
            if text.trim_end_matches('/') == wrong && text.ends_with('/') {
                found.push((word.range.clone(), format!("{name}/")));
            }
            continue;
        }
        let object = makefile::is_object(target);
        let path = text.strip_prefix("$(obj)/").or_else(|| text.strip_prefix("$(srcdir)/")).unwrap_or(text);
        let same = path == inside
            || object
                && stem(path) == stem(target)
                && folder(path) == own
                && (makefile::is_object(path) || is_source(path));
        if same {
            let from = text.rfind('/').map_or(0, |slash| slash + 1);
            let start = word.range.start + from;
            let wrong = stem(text);
            if text[from..].starts_with(wrong) && (object || makefile::is_object(text)) {
                found.push((start..start + wrong.len(), stem(name).to_owned()));
            } else {
                let suffix = target.rsplit_once('.').map_or("", |(_, suffix)| suffix);
                let new =
                    if matches!(suffix, "dtb" | "dtbo") { format!("{}.{suffix}", stem(name)) } else { name.to_owned() };
                found.push((start..word.range.end, new));
            }
        }
    }
    found.sort_by_key(|(range, _)| range.start);
    found.dedup_by_key(|(range, _)| range.start);
    found
}

fn is_source(file: &str) -> bool {
    file.rsplit_once('.').is_some_and(|(_, suffix)| SOURCES.contains(&suffix))
}

/// Files of the target's folder that it may stand for, and how sure that is.
fn nearest(cx: &Context<'_>, target: &str, place: &str, listed: &BTreeSet<&str>) -> Vec<(String, u8)> {
    let directory = target.strip_suffix('/');
    let path = directory.unwrap_or(target);
    let own = if path.contains('/') { folder(path) } else { place };
    let suffix = path.rsplit_once('.').map_or("", |(_, suffix)| suffix);
    let wanted = if directory.is_some() { base(path) } else { stem(path) };
    let fits = |name: &str| {
        let other = name.rsplit_once('.').map_or("", |(_, suffix)| suffix);
        match suffix {
            "o" | "lo" | "obj" => SOURCES.contains(&other),
            "dtb" => other == "dts",
            "dtbo" => matches!(other, "dtso" | "dts"),
            suffix => other == suffix,
        }
    };
    let entries = cx.tree.inside(if own.is_empty() { "." } else { own }).and_then(|path| std::fs::read_dir(path).ok());
    let Some(entries) = entries else { return Vec::new() };
    let mut near: Vec<(u32, bool, String)> = Vec::new();
    for entry in entries.take(20_000).filter_map(Result::ok) {
        let Ok(name) = entry.file_name().into_string() else { continue };
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder != directory.is_some() || directory.is_none() && !fits(&name) || name.starts_with('.') {
            continue;
        }
        let known = if directory.is_some() { name.as_str() } else { stem(&name) };
        if known == wanted {
            continue;
        }
        let likeness = likeness(wanted, known);
        let used = listed.contains(known);
        if likeness >= if used { 800 } else { 620 } {
            near.push((likeness, used, name.clone()));
        }
    }
    near.sort_by(|a, b| (a.1, std::cmp::Reverse(a.0), &a.2).cmp(&(b.1, std::cmp::Reverse(b.0), &b.2)));
    near.into_iter()
        .take(4)
        .enumerate()
        .map(|(number, (likeness, used, name))| {
            let sure = if used { 50 } else { 70 } + (likeness.saturating_sub(600) / 20) as u8;
            (name, sure.saturating_sub(number as u8 * 3).min(95))
        })
        .collect()
}

/// Objects that the Makefile makes of others (`pump-objs := …`) and that nothing lists.
fn composites(parsed: &[(&String, &str, Makefile)], target: &str, listed: &BTreeSet<&str>) -> Vec<(String, u8)> {
    if !target.ends_with(".o") {
        return Vec::new();
    }
    let names = parsed
        .iter()
        .flat_map(|(_, _, makefile)| &makefile.assignments)
        .filter_map(|list| ["-objs", "-y"].iter().find_map(|end| list.name.strip_suffix(end)));
    let own = |name: &str| !matches!(name, "obj" | "lib" | "ccflags" | "asflags" | "subdir" | "always" | "hostprogs");
    let mut found: Vec<(String, u8)> = names
        .filter(|name| own(name) && !listed.contains(name) && likeness(stem(target), name) >= 800)
        .map(|name| (format!("{name}.o"), 90))
        .collect();
    found.sort();
    found.dedup();
    found
}

/// How like two names are, in thousandths: one that starts or ends with the other counts as near.
fn likeness(a: &str, b: &str) -> u32 {
    let (a, b) = (a.to_ascii_lowercase(), b.to_ascii_lowercase());
    let plain = strsim::jaro_winkler(&a, &b).max(strsim::normalized_damerau_levenshtein(&a, &b));
    let (short, long) = if a.len() < b.len() { (&a, &b) } else { (&b, &a) };
    let part = short.len() >= 3 && (long.starts_with(short.as_str()) || long.ends_with(short.as_str()));
    ((plain.max(if part { 0.85 } else { 0.0 })) * 1000.0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{best, kernel};

    fn renamed(text: &str, target: &str, place: &str, name: &str) -> String {
        let makefile = makefile::parse(text);
        let mut changed = text.to_owned();
        for (range, new) in entries(&makefile, target, place, name).into_iter().rev() {
            changed.replace_range(range, &new);
        }
        changed
    }

    #[test]
    fn objects_that_are_made_of_others() {
        let text = "obj-$(CONFIG_TANK) += tanks.o\ntank-objs := pump.o valve.o\nobj-y += other.o\n";
        let files =
            kernel(&[("drivers/tank/Makefile", text), ("drivers/tank/pump.c", ""), ("drivers/tank/valve.c", "")]);
        let log = "make[3]: *** No rule to make target 'drivers/tank/tanks.o', needed by 'drivers/tank/'.  Stop.\n";
        assert_eq!(best(&Target, &files, log)[0].1, text.replace("tanks.o", "tank.o"));
    }

    #[test]
    fn entries_are_renamed() {
        for (text, target, name, expected) in [
            ("tank-y := pumps.o valve.o\n", "d/pumps.o", "pump.c", "tank-y := pump.o valve.o\n"),
            ("obj-y += vale/\n", "d/vale/", "valve", "obj-y += valve/\n"),
            ("prog: pumps.o\n", "pumps.o", "pump.c", "prog: pump.o\n"),
            ("OBJS = pumps.$(OBJEXT)\n", "pumps.o", "pump.c", "OBJS = pump.$(OBJEXT)\n"),
            ("S = pumps.c a.c\n", "pumps.c", "pump.c", "S = pump.c a.c\n"),
            ("dtb-y += tnk.dtb\n", "d/tnk.dtb", "tank.dts", "dtb-y += tank.dtb\n"),
            ("S = x/pumps.c\n", "d/x/pumps.c", "pump.c", "S = x/pump.c\n"),
            ("S = other.c\n", "d/pumps.c", "pump.c", "S = other.c\n"),
        ] {
            assert_eq!(renamed(text, target, if target.starts_with("d/") { "d" } else { "" }, name), expected);
        }
    }

    #[test]
    fn names_that_are_like() {
        assert!(likeness("inodes", "inode") > 800);
        assert!(likeness("test_run_core", "test_run") > 800);
        assert!(likeness("pump", "valve") < 600);
    }

    #[test]
    fn from_log_to_patch() {
        let files = kernel(&[
            ("drivers/tank/Makefile", "obj-y += tanks.o\ntanks-y := pumps.o valve.o\n"),
            ("drivers/tank/pump.c", ""),
            ("drivers/tank/valve.c", ""),
        ]);
        let log =
            "make[3]: *** No rule to make target 'drivers/tank/pumps.o', needed by 'drivers/tank/built-in.a'.  Stop.\n";
        assert_eq!(best(&Target, &files, log)[0].1, "obj-y += tanks.o\ntanks-y := pump.o valve.o\n");
        let files = [("src/Makefile", "OBJS = main.o utl.o\nprog: $(OBJS)\n"), ("src/main.c", ""), ("src/util.c", "")];
        let log = "make[1]: *** No rule to make target 'utl.o', needed by 'prog'.  Stop.\n";
        assert_eq!(best(&Target, &files, log)[0].1, "OBJS = main.o util.o\nprog: $(OBJS)\n");
    }
}
