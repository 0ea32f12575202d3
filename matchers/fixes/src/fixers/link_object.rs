//! What is missing at link time is defined in the tree, but no Makefile lists its object: it goes
//! back to the list that its siblings stand in.

use std::collections::BTreeSet;

use super::{Candidate, Context, Fixer};
use crate::edit::Edit;
use crate::linking::{self, Listing};
use crate::makefile::{self, Assignment, Word, base, folder, stem};

/// Links the object that has the symbol.
#[derive(Debug)]
pub struct LinkObject;

impl Fixer for LinkObject {
    fn name(&self) -> &'static str {
        "link-object"
    }

    fn wants(&self, cx: &Context<'_>) -> bool {
        linking::is_missing_symbol(cx.cause)
    }

    fn candidates(&self, cx: &Context<'_>) -> Vec<Candidate> {
        let definitions = linking::definitions(cx);
        let callers = linking::callers(cx);
        let mut found = Vec::new();
        for (number, (file, _)) in linking::by_file(&definitions).into_iter().take(4).enumerate() {
            if callers.iter().any(|caller| caller == file) {
                continue;
            }
            let near = callers.iter().any(|caller| folder(caller) == folder(file));
            let less = number as u8 * 4 + if near { 0 } else { 8 };
            let found_here = for_file(cx, file, &callers);
            found.extend(
                found_here
                    .into_iter()
                    .map(|candidate| Candidate { rank: candidate.rank.saturating_sub(less), ..candidate }),
            );
        }
        found
    }
}

/// A list that may take the object, and how sure that is.
struct Choice {
    rank: u8,
    edits: Vec<Edit>,
    file: String,
    line: u32,
    list: String,
}

fn for_file(cx: &Context<'_>, file: &str, callers: &[String]) -> Vec<Candidate> {
    let mut places = vec![folder(file)];
    while let Some(place) = places.last().copied().filter(|place| !place.is_empty()) {
        places.push(folder(place));
    }
    for place in places {
        let listings = linking::listings(cx, place);
        let source = linking::relative(file, place);
        let Some(first) = listings.first() else { continue };
        let mut choices = sisters(&listings, source);
        if choices.is_empty() {
            if !linking::lists_with(&first.makefile, source).is_empty() {
                // Listed: what is missing is another thing.
                return Vec::new();
            }
            choices = if cx.kernel {
                kernel(cx, first, source, place, callers)
            } else {
                others(&listings, source, place, callers)
            };
        }
        if !choices.is_empty() {
            return choices.into_iter().map(|choice| candidate(choice, source)).collect();
        }
    }
    if cx.kernel { Vec::new() } else { cmake(cx, file, callers) }
}

fn candidate(choice: Choice, source: &str) -> Candidate {
    Candidate {
        kind: "add_object",
        title: format!("add {}.o, which defines it, to {}", stem(source), choice.list),
        file: Some(choice.file),
        line: Some(choice.line),
        edits: choice.edits,
        rank: choice.rank,
        ..Candidate::default()
    }
}

/// The word for a source in a list: as its neighbours are written.
fn word(list: &Assignment, source: &str, otherwise: &str) -> String {
    let alike = |w: &&Word| makefile::is_object(&w.text) || w.text.rsplit('.').next() == source.rsplit('.').next();
    let Some(like) = list.words.iter().rev().find(alike) else { return format!("{}{otherwise}", without(source)) };
    let suffix = if makefile::is_object(&like.text) {
        &like.text[like.text.find(".$").unwrap_or(like.text.rfind('.').unwrap_or(0))..]
    } else {
        &source[without(source).len()..]
    };
    let prefix = ["$(obj)/", "$(srcdir)/", "./"].into_iter().find(|start| like.text.starts_with(start)).unwrap_or("");
    format!("{prefix}{}{suffix}", without(source))
}

/// A path without its last suffix.
fn without(path: &str) -> &str {
    path.rsplit_once('.').map_or(path, |(plain, _)| plain)
}

fn add(listing: &Listing, list: &Assignment, word: &str) -> Edit {
    let (at, text) = makefile::insertion(&listing.text.text, list, word);
    Edit::insert(listing.file.clone(), at, text)
}

fn choice(listing: &Listing, list: &Assignment, word: &str, rank: u8) -> Choice {
    Choice {
        rank,
        edits: vec![add(listing, list, word)],
        file: listing.file.clone(),
        line: list.line,
        list: list.name.clone(),
    }
}

/// A Makefile and what it was made from do not say the same: the list is put right.
fn sisters(listings: &[Listing], source: &str) -> Vec<Choice> {
    let mut found = Vec::new();
    for listing in listings {
        for other in listings.iter().filter(|other| other.file != listing.file) {
            for model in linking::lists_with(&other.makefile, source) {
                let own = listing.makefile.assignments.iter().find(|list| list.name == model.name);
                let Some(list) = own.filter(|list| !list.words.iter().any(|w| linking::stands_for(&w.text, source)))
                else {
                    continue;
                };
                let Some(at) = model.words.iter().position(|w| linking::stands_for(&w.text, source)) else { continue };
                let before =
                    model.words[..at].iter().rev().find_map(|w| list.words.iter().find(|own| own.text == w.text));
                let word = &model.words[at].text;
                let edit = match before {
                    Some(before) => {
                        let (at, text) = makefile::after(&listing.text.text, before, word);
                        Edit::insert(listing.file.clone(), at, text)
                    }
                    None => add(listing, list, word),
                };
                found.push(Choice {
                    rank: 96,
                    edits: vec![edit],
                    file: listing.file.clone(),
                    line: list.line,
                    list: list.name.clone(),
                });
            }
        }
        if !found.is_empty() {
            break;
        }
    }
    found.truncate(3);
    found
}

/// The lists of a kernel folder.
fn kernel(cx: &Context<'_>, listing: &Listing, source: &str, place: &str, callers: &[String]) -> Vec<Choice> {
    let lists = &listing.makefile.assignments;
    let is_list = |name: &str| {
        ["obj-", "lib-"].iter().any(|start| name.starts_with(start))
            || ["-y", "-objs", "-m"].iter().any(|end| name.ends_with(end))
            || name.contains("-$(CONFIG_")
    };
    let word = format!("{}.o", without(source));
    let modules: Vec<&str> =
        callers.iter().filter(|c| folder(c) == place).filter_map(|c| linking::module_name(c)).collect();
    let mut found = Vec::new();
    let mut taken: BTreeSet<usize> = BTreeSet::new();
    let mut push = |list: &Assignment, rank: u8| {
        if taken.insert(list.value.start) {
            found.push(choice(listing, list, &word, rank));
        }
    };
    // The module that misses it is made of a list.
    for name in &modules {
        let other = name.replace('_', "-");
        for list in
            linking::composite(&listing.makefile, name).into_iter().chain(linking::composite(&listing.makefile, &other))
        {
            let plain = !list.name.contains('$');
            push(list, if plain && !list.words.is_empty() { 94 } else { 86 });
        }
    }
    // A list that lost all it had.
    for list in lists.iter().filter(|list| list.words.is_empty() && is_list(&list.name)) {
        let own = linking::option(&list.name).is_some_and(|option| is_named(option, source, place));
        push(list, if own { 95 } else { 88 });
    }
    // The option that is named as the file is.
    if let Some(option) = named_option(cx, source, place) {
        let known = lists.iter().find(|list| linking::option(&list.name) == Some(option.as_str()));
        match known {
            Some(list) => push(list, 91),
            None => {
                if let Some((edit, line)) = new_line(listing, &format!("obj-$(CONFIG_{option})"), &word) {
                    found.push(Choice {
                        rank: if modules.is_empty() { 89 } else { 70 },
                        edits: vec![edit],
                        file: listing.file.clone(),
                        line,
                        list: format!("obj-$(CONFIG_{option})"),
                    });
                }
            }
        }
    }
    // Where the callers stand, then where most objects do.
    let mut push = |list: &Assignment, rank: u8| {
        if taken.insert(list.value.start) {
            found.push(choice(listing, list, &word, rank));
        }
    };
    for caller in callers.iter().filter(|c| folder(c) == place && !c.ends_with(".ko")) {
        for list in linking::lists_with(&listing.makefile, linking::relative(caller, place))
            .into_iter()
            .filter(|l| is_list(&l.name))
        {
            push(list, if list.name.contains('$') { 83 } else { 90 });
        }
    }
    let mut rest: Vec<&Assignment> =
        lists.iter().filter(|list| is_list(&list.name) && !list.words.is_empty()).collect();
    rest.sort_by_key(|list| (list.name.contains('$'), std::cmp::Reverse(list.words.len())));
    for (number, list) in rest.into_iter().take(3).enumerate() {
        let always = matches!(list.name.as_str(), "obj-y" | "lib-y");
        let rank = if always {
            84
        } else if list.name.contains('$') {
            60
        } else {
            74
        };
        push(list, rank - number as u8 * 2);
    }
    found.sort_by_key(|choice| std::cmp::Reverse(choice.rank));
    found.truncate(6);
    found
}

/// True when an option has the file's name in it: `CONFIG_NET_TANK` and `net/tank.c`.
fn is_named(option: &str, source: &str, place: &str) -> bool {
    let plain = |text: &str| text.to_ascii_uppercase().replace(['-', '/'], "_");
    let name = plain(stem(source));
    option == name || option == format!("{}_{name}", plain(base(place))) || option.ends_with(&format!("_{name}"))
}

/// The option of the folder's Kconfig, or one above it, that is named as the file is.
fn named_option(cx: &Context<'_>, source: &str, place: &str) -> Option<String> {
    let mut place = place;
    let from = place;
    for _ in 0..3 {
        let file = if place.is_empty() { "Kconfig".to_owned() } else { format!("{place}/Kconfig") };
        if let Some(text) = cx.tree.read(&file) {
            let options = text
                .text
                .lines()
                .filter_map(|line| line.strip_prefix("config ").or_else(|| line.strip_prefix("menuconfig ")));
            let mut named: Vec<&str> = options.map(str::trim).filter(|option| is_named(option, source, from)).collect();
            named.sort_by_key(|option| option.len());
            if let Some(option) = named.first() {
                return Some((*option).to_owned());
            }
        }
        if place.is_empty() {
            break;
        }
        place = folder(place);
    }
    None
}

/// A line of its own below the last of the `obj-` lists.
fn new_line(listing: &Listing, name: &str, word: &str) -> Option<(Edit, u32)> {
    let text = &listing.text.text;
    let last = listing.makefile.assignments.iter().rfind(|list| list.name.starts_with("obj-"))?;
    let end = text[last.value.end..].find('\n').map_or(text.len(), |feed| last.value.end + feed);
    let tab =
        if text[..last.value.start].lines().next_back().is_some_and(|line| line.contains('\t')) { "\t" } else { " " };
    Some((Edit::insert(listing.file.clone(), end, format!("\n{name}{tab}+= {word}")), listing.text.line_of(end) + 1))
}

/// The lists of any other Makefile.
fn others(listings: &[Listing], source: &str, place: &str, callers: &[String]) -> Vec<Choice> {
    let mut found = Vec::new();
    let callers: Vec<&str> = callers
        .iter()
        .filter(|c| place.is_empty() || c.starts_with(&format!("{place}/")))
        .map(|c| linking::relative(c, place))
        .collect();
    let fits = |list: &Assignment| {
        let suffix = source.rsplit('.').next().unwrap_or_default();
        list.words
            .iter()
            .any(|w| makefile::is_object(&w.text) || w.text.rsplit('.').next() == Some(suffix) && w.text.contains('.'))
    };
    // All lists with a caller, in all the Makefiles: automake has a list of sources, one of
    // objects, and what they were made from.
    let mut edits = Vec::new();
    let mut head = None;
    for listing in listings {
        for list in &listing.makefile.assignments {
            if fits(list)
                && callers.iter().any(|caller| list.words.iter().any(|w| linking::stands_for(&w.text, caller)))
            {
                edits.push(add(listing, list, &word(list, source, ".o")));
                head.get_or_insert((listing.file.clone(), list.line, list.name.clone()));
            }
        }
    }
    if let Some((file, line, list)) = head {
        found.push(Choice { rank: 90, edits, file, line, list });
    }
    // Then each list of the Makefile that is read.
    let Some(first) = listings.first() else { return found };
    let object =
        |name: &str| ["OBJ", "SRC", "SOURCES", "obj", "src", "LDADD", "LIBADD"].iter().any(|part| name.contains(part));
    let mut lists: Vec<&Assignment> = first
        .makefile
        .assignments
        .iter()
        .filter(|list| fits(list) || list.words.is_empty() && object(&list.name))
        .collect();
    lists.sort_by_key(|list| {
        let objects = list.words.iter().filter(|w| makefile::is_object(&w.text)).count();
        (!object(&list.name), std::cmp::Reverse(objects))
    });
    for (number, list) in
        lists.into_iter().filter(|l| !l.name.ends_with("CLEANFILES") && !l.name.contains("DIST")).take(5).enumerate()
    {
        let otherwise = if list.name.contains("OBJ") || list.name.contains("ADD") {
            ".o"
        } else {
            &source[without(source).len()..]
        };
        found.push(choice(first, list, &word(list, source, otherwise), 80 - number as u8 * 3));
    }
    // Objects that a rule names.
    for rule in &first.makefile.rules {
        let Some(caller) = rule.prerequisites.iter().find(|w| callers.iter().any(|c| linking::stands_for(&w.text, c)))
        else {
            continue;
        };
        if makefile::is_object(&caller.text)
            && !rule.recipe.is_empty()
            && !rule.targets.iter().any(|t| makefile::is_object(&t.text))
        {
            let new = format!("{}.o", without(source));
            let (at, text) = makefile::after(&first.text.text, caller, &new);
            let mut edits = vec![Edit::insert(first.file.clone(), at, text)];
            // The recipe may name them once more.
            for line in &rule.recipe {
                let words = makefile::words(&first.text.text, line.clone());
                if let Some(word) = words.iter().find(|w| w.text == caller.text) {
                    edits.push(Edit::insert(first.file.clone(), word.range.end, format!(" {new}")));
                }
            }
            let line = first.text.line_of(caller.range.start);
            found.push(Choice {
                rank: 82,
                edits,
                file: first.file.clone(),
                line,
                list: rule.targets.first().map_or(String::new(), |t| t.text.clone()),
            });
        }
    }
    found
}

/// CMake and Meson: next to a caller.
fn cmake(cx: &Context<'_>, file: &str, callers: &[String]) -> Vec<Candidate> {
    let mut found = Vec::new();
    let mut place = folder(file);
    loop {
        for name in ["CMakeLists.txt", "meson.build"] {
            let path = if place.is_empty() { name.to_owned() } else { format!("{place}/{name}") };
            let Some(text) = cx.tree.read(&path) else { continue };
            let own = linking::relative(file, place);
            for caller in callers.iter().map(|caller| linking::relative(caller, place)) {
                if let Some((at, new)) = beside(&text.text, caller, own) {
                    found.push(Candidate {
                        kind: "add_object",
                        title: format!("list {own}, which defines it, next to {caller}"),
                        line: Some(text.line_of(at)),
                        edits: vec![Edit::insert(path.clone(), at, new)],
                        file: Some(path.clone()),
                        rank: 88,
                        ..Candidate::default()
                    });
                }
            }
        }
        if !found.is_empty() || place.is_empty() {
            return found;
        }
        place = folder(place);
    }
}

/// Where a name goes behind another, in a list of names with or without quotes; none when it is
/// listed already.
fn beside(text: &str, sibling: &str, new: &str) -> Option<(usize, String)> {
    let whole = |name: &str| {
        text.match_indices(name).map(|(at, _)| at).find(|&at| {
            let edge = |b: Option<&u8>| {
                b.is_none_or(|b| b.is_ascii_whitespace() || b"'\"(),[".contains(b) || b"])".contains(b))
            };
            edge(at.checked_sub(1).and_then(|i| text.as_bytes().get(i))) && edge(text.as_bytes().get(at + name.len()))
        })
    };
    if whole(new).is_some() {
        return None;
    }
    let at = whole(sibling)?;
    let quote = text[..at].chars().next_back().filter(|c| matches!(c, '\'' | '"'));
    let quoted = quote.map_or_else(|| new.to_owned(), |q| format!("{q}{new}{q}"));
    let end = at + sibling.len() + usize::from(quote.is_some());
    let start = text[..at].rfind('\n').map_or(0, |feed| feed + 1);
    let indent = &text[start..at - usize::from(quote.is_some())];
    let comma = if quote.is_some()
        && text[..at].rfind('[').is_some_and(|open| open > text[..at].rfind(']').unwrap_or(0))
        || text[end..].starts_with(',')
    {
        ","
    } else {
        ""
    };
    let gap = if indent.trim().is_empty() && !indent.is_empty() { format!("\n{indent}") } else { " ".to_owned() };
    Some((end, format!("{comma}{gap}{quoted}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{best, kernel};

    #[test]
    fn names_go_next_to_others() {
        for (text, expected) in [
            ("add_executable(tank main.c valve.c)\n", "add_executable(tank main.c pump.c valve.c)\n"),
            ("set(S\n  main.c\n  valve.c)\n", "set(S\n  main.c\n  pump.c\n  valve.c)\n"),
            (
                "x = executable('tank', ['main.c', 'valve.c'])\n",
                "x = executable('tank', ['main.c', 'pump.c', 'valve.c'])\n",
            ),
            ("x = files(\n  'main.c',\n)\n", "x = files(\n  'main.c',\n  'pump.c',\n)\n"),
        ] {
            let (at, new) = beside(text, "main.c", "pump.c").expect("a place");
            assert_eq!(format!("{}{new}{}", &text[..at], &text[at..]), expected);
        }
        assert_eq!(beside("a(main.c pump.c)", "main.c", "pump.c"), None);
    }

    #[test]
    fn options_by_the_name_of_the_file() {
        assert!(is_named("EVENTFD", "eventfd.c", "fs"));
        assert!(is_named("TANK_PUMP", "pump.c", "drivers/tank"));
        assert!(!is_named("PUMPS", "pump.c", "drivers/tank"));
    }

    #[test]
    fn words_as_their_neighbours() {
        let list = |text: &str| makefile::parse(text).assignments.remove(0);
        assert_eq!(word(&list("A = a.$(OBJEXT)\n"), "pump.c", ".o"), "pump.$(OBJEXT)");
        assert_eq!(word(&list("A = a.c b.c\n"), "pump.c", ".o"), "pump.c");
        assert_eq!(word(&list("A = $(obj)/a.lo\n"), "pump.c", ".o"), "$(obj)/pump.lo");
        assert_eq!(word(&list("A =\n"), "pump.c", ".o"), "pump.o");
    }

    #[test]
    fn back_to_the_list_of_the_module() {
        let files = kernel(&[
            ("drivers/tank/Makefile", "obj-m += tank.o\ntank-y := core.o valve.o\n"),
            ("drivers/tank/core.c", "int pump(void);\n"),
            ("drivers/tank/valve.c", ""),
            ("drivers/tank/pump.c", "int pump(void)\n{\n\treturn 0;\n}\n"),
        ]);
        let log = "ERROR: modpost: \"pump\" [drivers/tank/tank.ko] undefined!\n";
        assert_eq!(best(&LinkObject, &files, log)[0].1, "obj-m += tank.o\ntank-y := core.o valve.o pump.o\n");
    }

    #[test]
    fn next_to_the_callers() {
        let log = "/usr/bin/ld: main.o: in function `main':\nmain.c:(.text+0x9): undefined reference to `pump'\n";
        let pump = ("pump.c", "int pump(void)\n{\n\treturn 0;\n}\n");
        let make = "OBJS = main.o valve.o\nOTHER = x.o\nprog: $(OBJS)\n\tcc -o prog $(OBJS)\n";
        let files = [("Makefile", make), ("main.c", "int pump(void);\n"), pump];
        assert_eq!(best(&LinkObject, &files, log)[0].1, make.replace("valve.o", "valve.o pump.o"));
        // What was made from Makefile.in has lost it.
        let files = [
            ("Makefile", "prog_LDADD = a.o valve.o\nX = main.o\n"),
            ("Makefile.in", "prog_LDADD = a.o pump.o valve.o\nX = main.o\n"),
            ("main.c", "int pump(void);\n"),
            pump,
        ];
        assert_eq!(best(&LinkObject, &files, log), [("Makefile".to_owned(), files[1].1.to_owned())]);
        let files = [("CMakeLists.txt", "add_executable(prog main.c valve.c)\n"), ("main.c", ""), pump];
        assert_eq!(best(&LinkObject, &files, log)[0].1, "add_executable(prog main.c pump.c valve.c)\n");
    }
}
