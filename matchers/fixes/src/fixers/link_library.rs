//! A library that the link line lacks: `-lNAME` goes to the variable of the failing target's
//! Makefile that libraries stand in.

use super::{Candidate, Context, Fixer};
use crate::edit::Edit;
use crate::linking::{self, Listing};
use crate::makefile::{self, Assignment, folder};

static TABLE: &str = include_str!("../../../../config/libraries.tsv");

/// Links the library that has the symbol.
#[derive(Debug)]
pub struct LinkLibrary;

impl Fixer for LinkLibrary {
    fn name(&self) -> &'static str {
        "link-library"
    }

    fn wants(&self, cx: &Context<'_>) -> bool {
        cx.cause.class == "undefined-reference"
    }

    fn candidates(&self, cx: &Context<'_>) -> Vec<Candidate> {
        let named = cx.rule.filter(|rule| rule.name == self.name()).and_then(|rule| rule.with.get("library"));
        let libraries = match named.filter(|name| !name.contains('{')) {
            Some(name) => vec![name.as_str()],
            None => most(cx),
        };
        if libraries.is_empty() || cx.kernel && !outside_of_kernel(cx) {
            return Vec::new();
        }
        // What the tree defines itself is linked from there.
        let own = linking::definitions(cx);
        let less = if own.is_empty() { 0 } else { 20 };
        let mut found = Vec::new();
        for (number, library) in libraries.iter().take(3).enumerate() {
            for (rank, file, line, edit) in places(cx, library) {
                found.push(Candidate {
                    kind: "add_library",
                    title: format!("link with -l{library}"),
                    file: Some(file),
                    line: Some(line),
                    edits: vec![edit],
                    rank: u8::saturating_sub(rank, number as u8 * 4 + less),
                    ..Candidate::default()
                });
            }
        }
        found
    }
}

/// The user-space parts of a kernel tree have libraries; the kernel has none.
fn outside_of_kernel(cx: &Context<'_>) -> bool {
    linking::callers(cx)
        .iter()
        .any(|file| ["tools/", "samples/", "scripts/", "usr/"].iter().any(|s| file.starts_with(s)))
}

/// The libraries that have most of the missing symbols.
fn most(cx: &Context<'_>) -> Vec<&'static str> {
    let mut counts: Vec<(&'static str, usize)> = Vec::new();
    for symbol in cx.cause.symbols.iter().take(20) {
        for library in libraries(symbol) {
            match counts.iter_mut().find(|(known, _)| *known == library) {
                Some((_, count)) => *count += 1,
                None => counts.push((library, 1)),
            }
        }
    }
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts.into_iter().map(|(library, _)| library).collect()
}

/// The libraries that have a symbol, the likeliest first.
fn libraries(symbol: &str) -> Vec<&'static str> {
    let symbol = symbol.split(['@', '(']).next().unwrap_or(symbol);
    let rows = TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('\t'));
    let best = rows
        .filter_map(|(name, libraries)| match name.strip_suffix('*') {
            Some(start) => symbol.starts_with(start).then_some((start.len(), libraries)),
            None => (name == symbol).then_some((usize::MAX, libraries)),
        })
        .max_by_key(|(length, _)| *length);
    best.map(|(_, libraries)| libraries.split(' ').collect()).unwrap_or_default()
}

/// Where the library may go: rank, file, line and change.
fn places(cx: &Context<'_>, library: &str) -> Vec<(u8, String, u32, Edit)> {
    let callers = linking::callers(cx);
    let mut folders: Vec<&str> = Vec::new();
    for caller in &callers {
        let mut place = folder(caller);
        loop {
            if !folders.contains(&place) {
                folders.push(place);
            }
            if place.is_empty() {
                break;
            }
            place = folder(place);
        }
    }
    if folders.is_empty() {
        folders.push("");
    }
    folders.sort_by_key(|place| std::cmp::Reverse(place.len()));
    for place in folders {
        let mut found = Vec::new();
        if let Some(first) = linking::listings(cx, place).first() {
            found = in_makefile(first, library, &callers);
        }
        let path = if place.is_empty() { "CMakeLists.txt".to_owned() } else { format!("{place}/CMakeLists.txt") };
        if let Some(text) = cx.tree.read(&path)
            && let Some((at, new)) = in_cmake(&text.text, library)
        {
            found.push((86, path.clone(), text.line_of(at), Edit::insert(path, at, new)));
        }
        if !found.is_empty() {
            return found;
        }
    }
    Vec::new()
}

fn in_makefile(listing: &Listing, library: &str, callers: &[String]) -> Vec<(u8, String, u32, Edit)> {
    let text = &listing.text.text;
    let flag = format!("-l{library}");
    let used = |name: &str| text.contains(&format!("$({name})")) || text.contains(&format!("${{{name}}}"));
    let mut found = Vec::new();
    // Linked already: another thing is wrong.
    let linked = |list: &&Assignment| list.has(&flag) && sense(&list.name).is_some_and(|rank| rank > 60);
    if listing.makefile.assignments.iter().any(|list| linked(&list)) {
        return found;
    }
    let mut lists: Vec<(u8, &Assignment)> = listing
        .makefile
        .assignments
        .iter()
        .filter(|list| used(&list.name) || list.name.ends_with("_LDADD") || list.name.ends_with("_LIBS"))
        .filter_map(|list| Some((sense(&list.name)?, list)))
        .filter(|(_, list)| !list.has(&flag))
        .collect();
    lists.sort_by_key(|(rank, list)| (std::cmp::Reverse(*rank), list.words.iter().all(|w| !w.text.starts_with("-l"))));
    for (rank, list) in lists.into_iter().take(4) {
        let (at, new) = match list.words.last() {
            Some(last) => (last.range.end, format!(" {flag}")),
            None => makefile::insertion(text, list, &flag),
        };
        found.push((rank, listing.file.clone(), list.line, Edit::insert(listing.file.clone(), at, new)));
    }
    if !found.is_empty() {
        return found;
    }
    // A variable that make's own rules or the recipes use, but that nothing sets.
    if let Some(name) = ["LDLIBS", "LIBS", "LDADD"].into_iter().find(|name| used(name)) {
        let at =
            listing.makefile.assignments.last().map_or(0, |list| {
                text[list.value.end..].find('\n').map_or(text.len(), |feed| list.value.end + feed + 1)
            });
        let line = listing.text.line_of(at);
        found.push((
            84,
            listing.file.clone(),
            line,
            Edit::insert(listing.file.clone(), at, format!("{name} += {flag}\n")),
        ));
        return found;
    }
    // The command itself, behind the objects.
    for rule in &listing.makefile.rules {
        let links = rule
            .prerequisites
            .iter()
            .any(|word| callers.iter().any(|c| linking::stands_for(&word.text, makefile::base(c))))
            || rule.prerequisites.iter().any(|word| word.text.contains("OBJ"));
        if !links || rule.targets.iter().any(|target| makefile::is_object(&target.text)) {
            continue;
        }
        if let Some(line) = rule.recipe.iter().find(|line| text[(*line).clone()].contains("-o")) {
            let end = line.start + text[line.clone()].trim_end().len();
            let edit = Edit::insert(listing.file.clone(), end, format!(" {flag}"));
            found.push((80, listing.file.clone(), listing.text.line_of(line.start), edit));
        }
    }
    found.truncate(3);
    found
}

/// How well libraries fit a variable of this name.
fn sense(name: &str) -> Option<u8> {
    Some(match name {
        "LIBS" | "LDLIBS" => 92,
        "LDADD" | "LOADLIBES" | "LIBADD" => 90,
        name if ["_LDADD", "_LIBS", "_LDLIBS", "_LIBADD"].iter().any(|end| name.ends_with(end)) => 86,
        name if name.starts_with("EXTRA") && name.contains("LIBS") || name == "libs" => 86,
        name if name.contains("LIBS") || name.ends_with("_LIB") => 74,
        "LDFLAGS" | "LINKFLAGS" => 60,
        _ => return None,
    })
}

/// In the command that has libraries for a target already, else behind the target's.
fn in_cmake(text: &str, library: &str) -> Option<(usize, String)> {
    let close = |from: usize| text[from..].find(')').map(|at| from + at);
    if let Some(at) = text.find("target_link_libraries(") {
        let end = close(at)?;
        return Some((end, format!(" {library}")));
    }
    let at = text.find("add_executable(").or_else(|| text.find("add_library("))?;
    let open = text[at..].find('(').map(|open| at + open + 1)?;
    let target = text[open..].split([' ', '\n', ')', '\t']).find(|word| !word.is_empty())?;
    let end = close(open)? + 1;
    Some((end, format!("\ntarget_link_libraries({target} PRIVATE {library})")))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::source::SourceFile;
    use crate::testing::best;

    #[test]
    fn the_table_is_well_formed() {
        let mut before = "";
        for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
            let (name, libraries) = line.split_once('\t').expect("a tab");
            assert!(before < name, "{name} is out of order");
            assert!(!libraries.is_empty() && libraries.split(' ').all(|l| !l.is_empty()), "{line}");
            before = name;
        }
    }

    #[test]
    fn libraries_of_symbols() {
        assert_eq!(libraries("sqrt"), ["m"]);
        assert_eq!(libraries("tputs").first(), Some(&"tinfo"));
        assert_eq!(libraries("pthread_create"), ["pthread"]);
        assert_eq!(libraries("EVP_DigestInit_ex"), ["crypto"]);
        assert_eq!(libraries("g_object_unref"), ["gobject-2.0"]);
        assert_eq!(libraries("pump_start"), [""; 0]);
    }

    fn changed(text: &str) -> Vec<String> {
        let listing = Listing {
            file: "Makefile".into(),
            text: Arc::new(SourceFile::new(text.as_bytes().to_vec())),
            makefile: makefile::parse(text),
        };
        in_makefile(&listing, "m", &["main.c".into()])
            .into_iter()
            .map(|(.., edit)| format!("{}{}{}", &text[..edit.start], edit.text, &text[edit.end..]))
            .collect()
    }

    #[test]
    fn places_for_a_library() {
        for (text, expected) in [
            (
                "LIBS = -lz\nt: main.o\n\tcc -o t main.o $(LIBS)\n",
                "LIBS = -lz -lm\nt: main.o\n\tcc -o t main.o $(LIBS)\n",
            ),
            ("LIBS =  \nt: main.o\n\tcc -o t main.o $(LIBS)\n", "LIBS =  -lm\nt: main.o\n\tcc -o t main.o $(LIBS)\n"),
            (
                "A = b\nt: main.o\n\tcc -o t main.o $(LDLIBS)\n",
                "A = b\nLDLIBS += -lm\nt: main.o\n\tcc -o t main.o $(LDLIBS)\n",
            ),
            ("t: main.o\n\tcc -o t main.o\n", "t: main.o\n\tcc -o t main.o -lm\n"),
        ] {
            assert_eq!(changed(text).first().map(String::as_str), Some(expected));
        }
        assert_eq!(changed("LIBS = -lm\nt: main.o\n\tcc $(LIBS)\n"), [""; 0]);
    }

    #[test]
    fn places_in_cmake() {
        let add = |text: &str| in_cmake(text, "m").map(|(at, new)| format!("{}{new}{}", &text[..at], &text[at..]));
        assert_eq!(add("target_link_libraries(t z)\n").as_deref(), Some("target_link_libraries(t z m)\n"));
        assert_eq!(
            add("add_executable(t a.c)\n").as_deref(),
            Some("add_executable(t a.c)\ntarget_link_libraries(t PRIVATE m)\n")
        );
        assert_eq!(add("project(t)\n"), None);
    }

    #[test]
    fn from_log_to_patch() {
        let make = "LIBS =\nprog: main.o\n\tcc -o prog main.o $(LIBS)\n";
        let files = [("src/Makefile", make), ("src/main.c", "")];
        let log = "/usr/bin/ld: main.o: in function `main':\nmain.c:(.text+0x9): undefined reference to `deflateEnd'\n";
        let changed = best(&LinkLibrary, &files, log);
        assert_eq!(changed, [("src/Makefile".to_owned(), make.replace("LIBS =", "LIBS = -lz"))]);
    }
}
