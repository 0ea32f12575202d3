//! What the fixers of link errors share: who misses a symbol, who defines it, and which Makefiles
//! list the one and the other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use triage_causes::report::Cause;

use crate::definition::{self, Definition};
use crate::fixers::Context;
use crate::makefile::{self, Assignment, Makefile, base, folder, stem};

/// Folders of a kernel tree that have what modules use, in the order they are searched in; drivers
/// come last.
const CORE: &[&[&str]] = &[
    &["kernel/", "lib/", "mm/", "init/", "drivers/base/"],
    &["fs/", "block/", "security/", "crypto/", "ipc/", "virt/"],
    &["net/", "sound/core/"],
];

/// True for causes of which a symbol is missing at link time.
pub fn is_missing_symbol(cause: &Cause) -> bool {
    matches!(cause.class.as_str(), "undefined-reference" | "modpost-undefined")
}

/// The symbols of a cause, without what only C++ adds.
pub fn symbols(cause: &Cause) -> Vec<&str> {
    cause
        .symbols
        .iter()
        .map(|symbol| {
            let plain = symbol.split('(').next().unwrap_or(symbol);
            plain.rsplit("::").next().unwrap_or(plain)
        })
        .filter(|symbol| !symbol.is_empty())
        .collect()
}

/// The sources and modules that miss it, relative to the tree: `dir/x.c`, `dir/x.ko`.
pub fn callers(cx: &Context<'_>) -> Vec<String> {
    let mut found = Vec::new();
    let mut push = |path: String| {
        if !found.contains(&path) {
            found.push(path);
        }
    };
    let places = cx.cause.location.iter().chain(&cx.cause.places).map(|place| place.file.as_str());
    places.filter(|file| definition::is_source(file)).filter_map(|file| cx.tree.find(file)).for_each(&mut push);
    for object in &cx.cause.objects {
        // `libx.a(y.o)` is y.o.
        let object = object.rsplit_once('(').map_or(object.as_str(), |(_, member)| member.trim_end_matches(')'));
        if object.ends_with(".ko") {
            push(object.to_owned());
        } else if makefile::is_object(object) {
            let plain = &object[..object.rfind('.').unwrap_or(object.len())];
            let source = ["c", "S", "cc", "cpp"].iter().find_map(|end| cx.tree.find(&format!("{plain}.{end}")));
            source.into_iter().for_each(&mut push);
        }
    }
    found
}

/// What the last search found, by the tree and the symbols.
type Found = Option<(String, Arc<Vec<Definition>>)>;
static LAST: Mutex<Found> = Mutex::new(None);

/// The definitions of the cause's symbols that other files can use: those near to the callers, or
/// when there are none, any in the tree.
pub fn definitions(cx: &Context<'_>) -> Arc<Vec<Definition>> {
    let symbols = symbols(cx.cause);
    let callers = callers(cx);
    let key = format!("{}\0{symbols:?}\0{callers:?}", cx.tree.root().display());
    if let Some((known, found)) = &*LAST.lock().unwrap_or_else(PoisonError::into_inner)
        && *known == key
    {
        return Arc::clone(found);
    }
    let found = Arc::new(search(cx, &symbols, &callers));
    *LAST.lock().unwrap_or_else(PoisonError::into_inner) = Some((key, Arc::clone(&found)));
    found
}

fn search(cx: &Context<'_>, symbols: &[&str], callers: &[String]) -> Vec<Definition> {
    let near: BTreeSet<&str> = callers.iter().map(|file| folder(file)).collect();
    // The callers' own folders need no walk through the tree.
    let beside: Vec<String> = near.iter().flat_map(|place| sources_in(cx, place)).collect();
    let mut found = usable(definition::find(cx.tree.root(), &beside, symbols));
    let complete = |found: &[Definition]| symbols.first().is_some_and(|lead| found.iter().any(|d| d.symbol == *lead));
    if complete(&found) {
        return found;
    }
    let above: BTreeSet<&str> = near.iter().map(|place| folder(place)).filter(|place| !place.is_empty()).collect();
    let below = |file: &str, places: &BTreeSet<&str>| {
        places.iter().any(|place| file.strip_prefix(place).is_some_and(|rest| rest.starts_with('/')))
    };
    let arch = arches(cx);
    let stage = |file: &str| {
        if below(file, &near) || below(file, &above) {
            return 0;
        }
        if !cx.kernel {
            return 1;
        }
        if let Some(rest) = file.strip_prefix("arch/") {
            let own = rest.split('/').next().is_some_and(|name| arch.iter().any(|a| a == name));
            return if own { 2 } else { CORE.len() + 2 };
        }
        CORE.iter().position(|starts| starts.iter().any(|s| file.starts_with(s))).map_or(CORE.len() + 1, |at| at + 1)
    };
    let mut stages: Vec<Vec<&str>> = vec![Vec::new(); CORE.len() + 3];
    for file in cx.tree.files().iter().filter(|file| definition::is_source(file)) {
        // User-space parts of a kernel tree are linked with none of it.
        let user =
            |file: &str| ["tools/", "samples/", "scripts/", "Documentation/"].iter().any(|s| file.starts_with(s));
        if cx.kernel && user(file) && !callers.iter().any(|caller| user(caller)) || near.contains(folder(file)) {
            continue;
        }
        stages[stage(file)].push(file);
    }
    for files in stages {
        found.extend(usable(definition::find(cx.tree.root(), &files, symbols)));
        if complete(&found) {
            break;
        }
    }
    found
}

fn usable(mut found: Vec<Definition>) -> Vec<Definition> {
    found.retain(|definition| !definition.private);
    found
}

/// The sources in a folder.
fn sources_in(cx: &Context<'_>, place: &str) -> Vec<String> {
    let path = cx.tree.inside(if place.is_empty() { "." } else { place });
    let Some(entries) = path.and_then(|path| std::fs::read_dir(path).ok()) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| definition::is_source(name))
        .map(|name| if place.is_empty() { name } else { format!("{place}/{name}") })
        .collect();
    names.sort();
    names
}

/// The folders below `arch/` that the builds are for; x86 where nothing says so.
pub fn arches(cx: &Context<'_>) -> Vec<String> {
    let named = cx.all.builds.iter().filter_map(|build| build.axes.get("arch"));
    let mut arches: Vec<String> = named
        .map(|name| match name.as_str() {
            "x86_64" | "i386" => "x86".to_owned(),
            name => name.to_owned(),
        })
        .collect();
    if arches.is_empty() {
        arches.push("x86".to_owned());
    }
    arches
}

/// Definitions by file, the file that has most of the symbols first.
pub fn by_file(definitions: &[Definition]) -> Vec<(&str, Vec<&Definition>)> {
    let mut files: BTreeMap<&str, Vec<&Definition>> = BTreeMap::new();
    for definition in definitions {
        files.entry(&definition.file).or_default().push(definition);
    }
    let mut files: Vec<_> = files.into_iter().collect();
    let count = |all: &[&Definition]| all.iter().map(|d| d.symbol.as_str()).collect::<BTreeSet<_>>().len();
    files.sort_by_key(|(_, all)| std::cmp::Reverse(count(all)));
    files
}

/// A Makefile of the tree.
#[derive(Debug)]
pub struct Listing {
    /// Its path.
    pub file: String,
    /// Its text.
    pub text: Arc<crate::source::SourceFile>,
    /// What it says.
    pub makefile: Makefile,
}

/// The Makefiles of a folder, the one that make reads first.
pub fn listings(cx: &Context<'_>, place: &str) -> Vec<Listing> {
    let files = makefile::of_folder(cx.tree, place);
    let read = |file: String| {
        let text = cx.tree.read(&file)?;
        let makefile = makefile::parse(&text.text);
        Some(Listing { file, text, makefile })
    };
    files.into_iter().filter_map(read).collect()
}

/// The path of a file as the Makefile of a folder above it writes it.
pub fn relative<'f>(file: &'f str, place: &str) -> &'f str {
    if place.is_empty() { file } else { file.strip_prefix(place).map_or(file, |rest| rest.trim_start_matches('/')) }
}

/// The words of a list that stand for a source: the source itself or its object.
pub fn stands_for(word: &str, source: &str) -> bool {
    let plain = ["$(obj)/", "$(srcdir)/", "./"].iter().find_map(|start| word.strip_prefix(start)).unwrap_or(word);
    plain == source || makefile::is_object(plain) && stem(plain) == stem(source) && folder(plain) == folder(source)
}

/// The lists of a Makefile that have a source or its object.
pub fn lists_with<'m>(makefile: &'m Makefile, source: &str) -> Vec<&'m Assignment> {
    makefile.assignments.iter().filter(|list| list.words.iter().any(|word| stands_for(&word.text, source))).collect()
}

/// The lists in a kernel folder that make up an object: `NAME-y`, `NAME-objs`, `NAME-$(CONFIG_…)`.
pub fn composite<'m>(makefile: &'m Makefile, name: &str) -> Vec<&'m Assignment> {
    let of = |list: &str| {
        list.strip_prefix(name).and_then(|rest| rest.strip_prefix('-')).is_some_and(|kind| {
            matches!(kind, "y" | "m" | "objs") || kind.starts_with("$(") || kind.starts_with("objs-")
        })
    };
    makefile.assignments.iter().filter(|list| of(&list.name)).collect()
}

/// The option of `obj-$(CONFIG_X)`: `X`.
pub fn option(list: &str) -> Option<&str> {
    list.split_once("$(CONFIG_")?.1.split(')').next()
}

/// The options that an object of a kernel folder is built for; `y` for those that always are.
pub fn options(makefile: &Makefile, source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut names = vec![source.to_owned()];
    // Composite objects stand for what they are made of.
    for _ in 0..3 {
        let mut next = Vec::new();
        for name in &names {
            for list in lists_with(makefile, name) {
                if let Some(option) = option(&list.name) {
                    found.push(option.to_owned());
                } else if matches!(list.name.as_str(), "obj-y" | "lib-y" | "obj-m") {
                    found.push("y".to_owned());
                }
                if !list.name.starts_with("obj-")
                    && let Some((whole, _)) = list.name.rsplit_once('-').filter(|(whole, _)| !whole.contains('$'))
                {
                    next.push(format!("{whole}.o"));
                }
            }
        }
        names = next;
    }
    found
}

/// The name of a module's object: `dir/x.ko` is `x`.
pub fn module_name(caller: &str) -> Option<&str> {
    caller.strip_suffix(".ko").map(base)
}
