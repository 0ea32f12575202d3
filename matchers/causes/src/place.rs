//! Paths and places: where a person has to look.

use triage_log::diagnostic::{Diagnostic, Location, Tool};

/// A path without `./`, without leading `../`, with `a/../` folded. Separators are `/`.
///
/// Purely textual: nothing is looked up.
pub fn clean(path: &str) -> String {
    let path = once(path);
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split(['/', '\\']) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    if path.starts_with('/') { format!("/{joined}") } else { joined }
}

/// An absolute path once, when two jobs that wrote at the same time made it stand there twice.
fn once(path: &str) -> &str {
    let (first, second) = path.split_at_checked(path.len() / 2).unwrap_or((path, ""));
    if first.starts_with('/') && first.len() > 1 && first == second { first } else { path }
}

/// The part of a path that is the same in every build directory: relative to `root` when it lies
/// below it, and of that the last two names.
pub fn tail(path: &str, directory: Option<&str>, root: Option<&str>) -> String {
    let full = match directory {
        Some(directory) if !path.starts_with('/') => clean(&format!("{directory}/{path}")),
        _ => clean(path),
    };
    let inside = root
        .and_then(|root| full.strip_prefix(root))
        .map_or(if directory.is_some() && root.is_none() { path } else { &full }, |rest| rest.trim_start_matches('/'));
    let names: Vec<&str> = inside.split('/').filter(|name| !name.is_empty()).collect();
    names[names.len().saturating_sub(2)..].join("/")
}

/// The place of a diagnostic that a change would be made at, and others that it names.
///
/// A message inside a macro is located at its use: clang does so by itself, gcc prints the use as a
/// note or only names the using file in the `In function` line.
pub fn primary(diagnostic: &Diagnostic) -> (Option<Location>, Option<Location>) {
    let own = diagnostic.location.clone();
    let uses = || diagnostic.expansions.iter().rev().filter(|e| e.is_use && !is_system(&e.location.file));
    if let Some(used) = uses().find(|e| !is_header(&e.location.file)).or_else(|| uses().next()) {
        return (Some(used.location.clone()), own);
    }
    if let Some(file) = &diagnostic.function_file {
        return (Some(Location::new(file.clone(), None, None)), own);
    }
    if own.as_ref().is_some_and(|l| is_system(&l.file))
        && let Some(user) = instantiation(diagnostic)
    {
        return (Some(user.clone()), own);
    }
    if own.as_ref().is_some_and(|l| is_system(&l.file))
        && let Some(user) = diagnostic.includes.iter().find(|l| !is_system(&l.file))
    {
        return (Some(user.clone()), own);
    }
    let object = || {
        diagnostic
            .objects
            .first()
            .filter(|_| diagnostic.tool == Tool::Objtool)
            .map(|object| Location::new(object.clone(), None, None))
    };
    (own.or_else(object), None)
}

/// Where the project's own code made the compiler instantiate a library's template.
fn instantiation(diagnostic: &Diagnostic) -> Option<&Location> {
    let asked = |message: &str| message.starts_with("required from") || message.ends_with("requested here");
    let own = diagnostic.notes.iter().filter(|note| asked(&note.message)).filter_map(|note| note.location.as_ref());
    own.rev().find(|location| !is_system(&location.file))
}

/// True for files that belong to the compiler or the system and not to the project.
pub fn is_system(file: &str) -> bool {
    const ROOTS: &[&str] = &[
        "/usr/include/",
        "/usr/lib/",
        "/usr/local/include/",
        "/usr/lib64/",
        "/opt/",
        "/nix/store/",
        "/Library/",
        "/Applications/",
    ];
    ROOTS.iter().any(|root| file.starts_with(root)) || file.starts_with('<')
}

/// True for headers, by their name.
pub fn is_header(file: &str) -> bool {
    [".h", ".hh", ".hpp", ".hxx", ".inc", ".inl", ".ipp", ".tcc", ".H"].iter().any(|end| file.ends_with(end))
}

/// The source file that was compiled: the last of the include stack, else the place itself.
pub fn unit(diagnostic: &Diagnostic) -> Option<&str> {
    diagnostic
        .includes
        .last()
        .map(|l| l.file.as_str())
        .or(diagnostic.function_file.as_deref())
        .or_else(|| {
            diagnostic
                .expansions
                .iter()
                .rev()
                .find(|e| e.is_use && !is_header(&e.location.file))
                .map(|e| e.location.file.as_str())
        })
        .or_else(|| diagnostic.location.as_ref().map(|l| l.file.as_str()))
        .or_else(|| diagnostic.objects.first().map(String::as_str))
}

/// True for the probe programs of configure scripts and CMake: their errors are answers.
pub fn is_probe(file: &str) -> bool {
    file.rsplit('/').next().is_some_and(|name| name.starts_with("conftest."))
        || file.contains("/CMakeFiles/CMakeTmp/")
        || file.contains("/CMakeFiles/CMakeScratch/")
        || file.contains("/meson-private/tmp")
}
