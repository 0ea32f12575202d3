//! From the objects that a linker names to the sources they were made of.

use std::collections::HashSet;

use crate::fixers::Context;
use crate::index::{Index, folder, name};

/// True for a file that is C++ by its name.
pub(crate) fn is_cxx(file: &str) -> bool {
    [".cc", ".cpp", ".cxx", ".C", ".hpp", ".hh", ".hxx"].iter().any(|end| file.ends_with(end))
}

/// The source files of the objects that a cause names, and of its places.
pub(crate) fn sources(cx: &Context<'_>, index: &Index<'_>) -> Vec<String> {
    let noted = cx.cause.notes.iter().filter_map(|n| n.location.as_ref());
    let places = cx.cause.location.iter().chain(&cx.cause.places).chain(noted);
    let placed = places.filter_map(|l| cx.tree.find(&l.file));
    let objects = cx.cause.objects.iter().filter_map(|object| source(index, object));
    let mut seen = HashSet::new();
    placed.chain(objects).filter(|file| seen.insert(file.clone())).collect()
}

/// The source of an object: the file of its stem whose path agrees with it the furthest.
pub(crate) fn source(index: &Index<'_>, object: &str) -> Option<String> {
    let object = object.rsplit_once('(').map_or(object, |(_, member)| member.trim_end_matches(')'));
    let stem = object.rsplit_once('.').map_or(object, |(stem, _)| stem);
    let stem = stem.strip_suffix(".c").or_else(|| stem.strip_suffix(".cpp")).unwrap_or(stem);
    let found = ["c", "cc", "cpp", "cxx", "S"].iter().flat_map(|end| {
        let wanted = format!("{}.{end}", name(stem));
        index.named(&wanted)
    });
    let agreement = |file: &str| {
        folder(file).rsplit('/').zip(folder(stem).rsplit('/')).take_while(|(a, b)| a == b && !a.is_empty()).count()
    };
    found.max_by_key(|file| (agreement(file), std::cmp::Reverse(file.len()))).map(str::to_owned)
}

/// The headers that at least two of these files include, the nearest first.
pub(crate) fn common_headers<'t>(index: &Index<'t>, files: &[String]) -> Vec<&'t str> {
    let mut counted: std::collections::HashMap<&str, usize> = std::collections::HashMap::new();
    let mut order = Vec::new();
    for file in files.iter().take(4) {
        for header in index.headers(file) {
            let count = counted.entry(header).or_insert(0);
            *count += 1;
            if *count == 2 || files.len() == 1 {
                order.push(header);
            }
        }
    }
    order
}
