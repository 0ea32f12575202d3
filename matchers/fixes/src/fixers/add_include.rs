//! A name that no header was included for: the header that declares it is included, in the file
//! that uses the name, or in the header through which several files break.

use std::collections::{BTreeMap, BTreeSet};

use triage_causes::place::is_header;
use triage_causes::report::Cause;

use super::spelling::bare;
use super::{Candidate, Context, Fixer};
use crate::edit::Edit;
use crate::index::Index;
use crate::placement::{self, is_config};
use crate::site::{Site, sites};
use crate::source::TokenKind;
use crate::symbols::declared::Kind;
use crate::symbols::{self, Answer, Header, Search};
use crate::units;

/// See the module.
pub struct AddInclude;

/// Headers that are handed on.
const HEADERS: usize = 6;
/// Names of one cause that are looked for.
const NAMES: usize = 24;
/// Causes whose names are looked for together.
const CAUSES: usize = 60;

impl Fixer for AddInclude {
    fn name(&self) -> &'static str {
        "add-include"
    }

    fn wants(&self, cx: &Context<'_>) -> bool {
        let class = cx.cause.class.as_str();
        lacks_name(cx.cause) || matches!(class, "syntax-error" | "missing-prototype")
    }

    fn candidates(&self, cx: &Context<'_>) -> Vec<Candidate> {
        let Some(file) = file(cx) else { return Vec::new() };
        let owned = names(cx, &file);
        if owned.is_empty() {
            return Vec::new();
        }
        let others = others(cx);
        let search = Search {
            file: &file,
            names: owned.iter().map(String::as_str).collect(),
            cxx: is_cxx(cx),
            complete: matches!(cx.cause.class.as_str(), "incomplete-type" | "no-member"),
            arch: cx.arch(),
            kernel: cx.kernel,
            others: others.iter().map(|(file, name)| (file.as_str(), name.as_str())).collect(),
        };
        let answer = symbols::headers(cx.tree, &search);
        let headers = chosen(cx, &search, &answer);
        let targets = targets(cx, &search, &answer);
        offers(cx, &headers, &targets, &answer)
    }
}

/// The ways to include what defines a macro in a file; none when no header of the tree defines it.
pub(super) fn for_name(cx: &Context<'_>, file: &str, name: &str) -> Option<Vec<Candidate>> {
    let search = Search {
        file,
        names: vec![name],
        cxx: false,
        complete: true,
        arch: cx.arch(),
        kernel: cx.kernel,
        others: Vec::new(),
    };
    let answer = symbols::headers(cx.tree, &search);
    let defined = answer.survey.declared.get(name)?.iter().any(|(_, kind)| *kind == Kind::Macro);
    if !defined {
        return None;
    }
    let hidden = answer.headers.iter().filter(|header| !header.visible && header.score > 40.0);
    Some(
        hidden
            .take(3)
            .zip([94, 88, 84])
            .filter_map(|(h, rank)| include(cx, &[file.to_owned()], h, &answer, rank))
            .collect(),
    )
}

/// True for causes that are about a name which a header would declare.
fn lacks_name(cause: &Cause) -> bool {
    match cause.class.as_str() {
        "implicit-declaration"
        | "undeclared-identifier"
        | "unknown-type"
        | "incomplete-type"
        | "struct-in-parameter-list" => true,
        // A macro that nothing defined is called as a function.
        "undefined-reference" => true,
        _ => false,
    }
}

/// The file that lacks the name.
pub(super) fn file(cx: &Context<'_>) -> Option<String> {
    let placed = cx.cause.location.iter().chain(&cx.cause.places).find_map(|place| cx.tree.find(&place.file));
    placed.or_else(|| units::sources(cx, &Index::new(cx.tree)).into_iter().next())
}

/// True when C++ is compiled: a header's name does not tell.
pub(super) fn is_cxx(cx: &Context<'_>) -> bool {
    let places = cx.cause.location.iter().chain(&cx.cause.places).chain(&cx.cause.includes).map(|l| l.file.as_str());
    let objects = cx.cause.objects.iter().map(String::as_str);
    // `tank.cpp.o` is an object's name, too.
    places
        .chain(objects)
        .any(|file| units::is_cxx(file) || file.rsplit_once('.').is_some_and(|(stem, _)| units::is_cxx(stem)))
}

/// A word that may be a macro: `P` in `int fill P((int level));` too.
fn is_name(word: &str) -> bool {
    is_plain(word) || word.len() == 1 && word.bytes().all(|byte| byte.is_ascii_uppercase())
}

fn is_plain(name: &str) -> bool {
    name.len() >= 2 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The names of the cause, the main one first.
pub(super) fn own_names(cx: &Context<'_>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut add = |name: &str| {
        if is_name(name) && !crate::code::is_keyword(name) && found.len() < NAMES && !found.iter().any(|n| n == name) {
            found.push(name.to_owned());
        }
    };
    match cx.cause.class.as_str() {
        "syntax-error" => words_at(cx).iter().for_each(|name| add(name)),
        "incomplete-type" => {
            // The message may name the variable; its type stands on the line.
            let tags = tags_at(cx);
            if !tags.iter().any(|tag| cx.cause.symbols.first().is_some_and(|s| bare(s) == tag)) {
                tags.iter().for_each(|name| add(name));
            }
            cx.cause.symbols.iter().for_each(|symbol| add(bare(symbol)));
        }
        _ => cx.cause.symbols.iter().for_each(|symbol| add(bare(symbol))),
    }
    found
}

/// The names of the cause, and what else its file lacks: that speaks for a header which has both.
fn names(cx: &Context<'_>, file: &str) -> Vec<String> {
    let mut found = own_names(cx);
    if lacks_name(cx.cause) && cx.cause.class != "undefined-reference" {
        let same = |other: &&Cause| {
            lacks_name(other)
                && other.class != "undefined-reference"
                && other.location.as_ref().and_then(|l| cx.tree.find(&l.file)).as_deref() == Some(file)
        };
        for other in cx.all.causes.iter().filter(same).take(8) {
            let more = own_names(&Context { cause: other, ..*cx });
            found.extend(more.into_iter().take(4).filter(|name| !found.contains(name)).collect::<Vec<_>>());
        }
        found.truncate(NAMES);
    }
    found
}

/// What all causes of the report lack, each with its file: searched for at once.
pub(super) fn others(cx: &Context<'_>) -> Vec<(String, String)> {
    let lacking = cx.all.causes.iter().filter(|cause| lacks_name(cause)).take(CAUSES);
    let mut found: Vec<(String, String)> = Vec::new();
    for cause in lacking {
        let other = Context { cause, ..*cx };
        if let Some(file) = file(&other) {
            found.extend(own_names(&other).into_iter().map(|name| (file.clone(), name)));
        }
    }
    found
}

/// The tags of types on the line of the message.
fn tags_at(cx: &Context<'_>) -> Vec<String> {
    let Some(site) = cx.cause.location.as_ref().and_then(|place| Site::of(cx, place)) else { return Vec::new() };
    let words: Vec<&str> = site.source.line_tokens(site.line).iter().map(|t| site.source.token_text(t)).collect();
    let tag = |pair: &[&str]| matches!(pair[0], "struct" | "union" | "enum" | "class").then(|| pair[1].to_owned());
    words.windows(2).filter_map(tag).collect()
}

/// The words that a parser stumbled over: the one that the message names or the caret is under,
/// then those before it.
fn words_at(cx: &Context<'_>) -> Vec<String> {
    let mut found: Vec<String> = stumbled(cx).into_iter().collect();
    for site in sites(cx).iter().take(4) {
        for line in [site.line, site.line.saturating_sub(1)] {
            let tokens = site.source.line_tokens(line).iter().rev();
            let before = tokens.filter(|t| t.kind == TokenKind::Identifier && !t.directive);
            let before = before.filter(|t| site.offset.is_none_or(|at| t.start <= at));
            found.extend(before.take(6).map(|t| site.source.token_text(t).to_owned()));
        }
    }
    found.retain(|name| !crate::code::is_keyword(name));
    found
}

/// The word that a parser did not expect: named in the message, or under the caret.
fn stumbled(cx: &Context<'_>) -> Option<String> {
    let quoted = cx.cause.message.split('\'').skip(1).step_by(2).filter(|name| is_plain(name));
    quoted.filter(|name| !crate::code::is_keyword(name)).last().map(str::to_owned).or_else(|| {
        let printed = cx.cause.snippet.as_ref().and_then(|snippet| {
            let rest: String = snippet.text.chars().skip(snippet.marks.find('^')?).collect();
            // clang points behind the last thing that it understood.
            let rest = rest.trim_start();
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            rest.get(..end).filter(|word| is_name(word)).map(str::to_owned)
        });
        if printed.as_deref().is_some_and(|word| !crate::code::is_keyword(word)) {
            return printed;
        }
        sites(cx).iter().find_map(|site| {
            let tokens = site.source.line_tokens(site.line);
            let word = tokens.iter().find(|t| Some(t.start) == site.offset && t.kind == TokenKind::Identifier)?;
            Some(site.source.token_text(word).to_owned())
        })
    })
}

/// The headers that are worth trying.
fn chosen(cx: &Context<'_>, search: &Search<'_>, answer: &Answer<'_>) -> Vec<Header> {
    let kinds = |name: &str| answer.survey.declared.get(name).into_iter().flatten().map(|(_, kind)| *kind);
    let fits = |header: &&Header| match cx.cause.class.as_str() {
        // A function that is not linked is another matter.
        "undefined-reference" => {
            let macros =
                header.gives.iter().any(|name| kinds(name).any(|kind| matches!(kind, Kind::Macro | Kind::Inline)));
            macros || cx.cause.diagnosis.as_deref().is_some_and(|d| d.starts_with("missing-include"))
        }
        "syntax-error" => {
            let unknown = |name: &String| {
                kinds(name).any(|kind| matches!(kind, Kind::Macro | Kind::Typedef)) && !defines(cx, search.file, name)
            };
            // A configuration is to be included first of all, whoever else includes it.
            let direct = answer.includes.of(search.file).iter().any(|line| line.path == header.path);
            let hidden = !header.visible || is_config(&header.path) && !direct;
            hidden && header.file.is_some() && header.gives.iter().any(unknown)
        }
        "missing-prototype" => {
            !header.visible && kinds(search.names[0]).any(|kind| kind == Kind::Function) && header.file.is_some()
        }
        _ => true,
    };
    let best = answer.headers.first().map_or(0.0, |header| header.score);
    let good = |header: &&Header| header.score > 0.0 && header.score > best - 75.0;
    answer.headers.iter().filter(fits).filter(good).take(HEADERS).cloned().collect()
}

/// True when a file itself defines a macro.
fn defines(cx: &Context<'_>, file: &str, name: &str) -> bool {
    cx.tree.read(file).is_some_and(|source| {
        source.directives().any(|(line, _)| {
            let word = |at: usize| line.get(at).map(|t| source.token_text(t)).unwrap_or_default();
            word(1) == "define" && word(2) == name
        })
    })
}

/// The files that an include could go to, each entry a set that repairs all together, best first.
fn targets(cx: &Context<'_>, search: &Search<'_>, answer: &Answer<'_>) -> Vec<Vec<String>> {
    let own = vec![search.file.to_owned()];
    let places = cx.cause.location.iter().chain(&cx.cause.places);
    let broken: BTreeSet<String> = places.filter_map(|place| cx.tree.find(&place.file)).collect();
    if is_header(search.file) {
        return vec![own];
    }
    // What a parser generator read and what it made are one.
    let twin = |file: &String| {
        let stem = file.strip_suffix(".y").or_else(|| file.strip_suffix(".l"));
        stem.is_some_and(|stem| broken.contains(&format!("{stem}.c")))
    };
    let sources: Vec<String> = broken.iter().filter(|file| !is_header(file) && !twin(file)).cloned().collect();
    if sources.len() < 2 {
        return vec![own];
    }
    let mut targets: Vec<Vec<String>> =
        common(search, answer, &sources).into_iter().map(|header| vec![header]).collect();
    targets.insert(if targets.is_empty() { 0 } else { 1 }, sources);
    targets.truncate(4);
    targets
}

/// The headers of the tree that all of these files include by a line of their own, the one that
/// most likely brought the names first: it uses them, or other files get them through it.
fn common(search: &Search<'_>, answer: &Answer<'_>, sources: &[String]) -> Vec<String> {
    let mut counted: BTreeMap<String, usize> = BTreeMap::new();
    for source in sources {
        let lines = answer.includes.of(source);
        let resolved = lines.iter().filter_map(|line| answer.includes.resolve(source, &line.path, line.system));
        for header in resolved.collect::<BTreeSet<_>>() {
            *counted.entry(header).or_insert(0) += 1;
        }
    }
    let users: BTreeSet<&String> = search.names.iter().flat_map(|n| answer.survey.users.get(*n)).flatten().collect();
    let givers: BTreeSet<&str> = answer.headers.iter().take(3).map(|header| header.path.as_str()).collect();
    // Users of the names without an include of their own for them.
    let through = |header: &str| {
        let without = users.iter().filter(|user| !is_header(user));
        let without = without.filter(|u| !answer.includes.of(u).iter().any(|l| givers.contains(l.path.as_str())));
        without
            .filter(|user| {
                let lines = answer.includes.of(user);
                lines.iter().any(|l| answer.includes.resolve(user, &l.path, l.system).as_deref() == Some(header))
            })
            .count()
    };
    let generic = |header: &str| search.kernel && header.starts_with("include/linux/");
    let mut found: Vec<(usize, usize, String)> = counted
        .into_iter()
        .filter(|(header, count)| *count == sources.len() && is_header(header) && !is_config(header))
        .filter(|(header, _)| !generic(header) || users.contains(header))
        .map(|(header, _)| {
            let uses = usize::from(users.contains(&header));
            // A header for all: it includes those of the system.
            let umbrella = answer.includes.of(&header).iter().filter(|line| line.system).count();
            (through(&header) * 2 + uses * 4 + umbrella.min(6), umbrella, header)
        })
        .collect();
    found.sort_by(|a, b| (b.0, b.1).cmp(&(a.0, a.1)).then_with(|| a.2.cmp(&b.2)));
    found.into_iter().map(|(_, _, header)| header).take(3).collect()
}

/// The candidates: every header in the best target, then the best headers in the others.
fn offers(cx: &Context<'_>, headers: &[Header], targets: &[Vec<String>], answer: &Answer<'_>) -> Vec<Candidate> {
    let mut made = Vec::new();
    for (nth, header) in headers.iter().enumerate() {
        for (other, target) in targets.iter().enumerate().take(if nth < 2 { 4 } else { 1 }) {
            let drop = 4 * nth + 3 * other;
            let rank = match cx.cause.class.as_str() {
                "undefined-reference" => 88,
                "syntax-error" if stumbled(cx).is_some_and(|name| header.gives.contains(&name)) => 95,
                "syntax-error" => 86,
                "missing-prototype" => 84,
                _ => 93,
            };
            let weak = if header.score < 40.0 { 20 } else { 0 };
            let rank = u8::try_from(rank - drop.min(40) - weak).unwrap_or(10);
            made.extend(include(cx, target, header, answer, rank));
        }
    }
    made
}

/// The candidate that includes a header in all of some files.
pub(super) fn include(
    cx: &Context<'_>,
    target: &[String],
    header: &Header,
    answer: &Answer<'_>,
    rank: u8,
) -> Option<Candidate> {
    let mut edits = Vec::new();
    let mut first = None;
    for file in target {
        let file = without(cx, file, header, answer)?;
        let source = cx.tree.read(&file)?;
        // In a circle, one of the two is read before the other.
        if is_header(&file)
            && header
                .file
                .as_deref()
                .is_some_and(|from| from == file || answer.includes.closure(from, 8).contains_key(&file))
        {
            return None;
        }
        let place = cx.cause.location.as_ref().filter(|l| cx.tree.find(&l.file).as_deref() == Some(file.as_str()));
        let line = place.and_then(|place| place.line);
        let place = placement::place(&source, &header.path, header.system, &header.peers, &answer.includes, line);
        first.get_or_insert(place.line);
        edits.push(Edit::insert(file, place.at, place.text));
    }
    let written = if header.system { format!("<{}>", header.path) } else { format!("\"{}\"", header.path) };
    let file = edits.first()?.file.clone();
    let more = match edits.len() {
        1 => String::new(),
        2 => " and one more file".to_owned(),
        count => format!(" and {} more files", count - 1),
    };
    let cascade = is_header(&file) || edits.len() > 1;
    Some(Candidate {
        kind: "add_include",
        title: format!("include {written} in {file}{more}"),
        header: Some(header.path.clone()),
        line: first,
        diagnosis: Some(if cascade { "missing-include-cascade" } else { "missing-include" }),
        file: Some(file),
        package: None,
        edits,
        rank,
    })
}

/// The file itself, unless it has the include already: then what was made of it (`x.c` of `x.y`), or
/// what was compiled.
fn without(cx: &Context<'_>, file: &str, header: &Header, answer: &Answer<'_>) -> Option<String> {
    let has = |file: &str| answer.includes.of(file).iter().any(|l| l.path == header.path && !l.conditional);
    if !has(file) {
        return Some(file.to_owned());
    }
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let made = [".c", ".tab.c", ".cc", ".cpp", ".yy.c"].iter().map(|end| format!("{stem}{end}"));
    let made = made.filter(|other| other != file && cx.tree.lists(other));
    made.chain(units::sources(cx, &Index::new(cx.tree))).find(|other| !has(other))
}

#[cfg(test)]
mod tests {
    use super::AddInclude;
    use crate::testing::{best, fixed, kernel};

    /// The lines that the best candidate adds, each with its file.
    fn added(files: &[(&str, &str)], log: &str) -> Vec<String> {
        let mut found = Vec::new();
        for (file, text) in best(&AddInclude, files, log) {
            let old = files.iter().find(|(name, _)| *name == file).map_or("", |(_, text)| text);
            let new = text.lines().filter(|line| line.starts_with("#include") && !old.lines().any(|o| o == *line));
            found.extend(new.map(|line| format!("{file}: {line}")));
        }
        found
    }

    fn undeclared(file: &str, line: u32, name: &str) -> String {
        format!(
            "{file}:{line}:2: error: implicit declaration of function '{name}' [-Werror=implicit-function-declaration]\n"
        )
    }

    #[test]
    fn the_header_that_declares_it() {
        let files = kernel(&[
            ("drivers/water/pump.c", "#include <linux/kernel.h>\n\nint pump(void)\n{\n\treturn valve_open(1);\n}\n"),
            ("drivers/water/tank.c", "#include <linux/valve.h>\nint tank(void) { return valve_open(2); }\n"),
            ("include/linux/valve.h", "int valve_open(int a);\n"),
            ("include/linux/valve_test.h", "#ifndef __KERNEL__\n#define valve_open(x) 0\n#endif\n"),
        ]);
        assert_eq!(
            added(&files, &undeclared("drivers/water/pump.c", 5, "valve_open")),
            ["drivers/water/pump.c: #include <linux/valve.h>"]
        );
    }

    #[test]
    fn the_front_not_what_stands_behind_it() {
        let user = |name| format!("#include <linux/valve.h>\nint {name}(void) {{ return valve_open(2); }}\n");
        let (one, two) = (user("one"), user("two"));
        let files = kernel(&[
            ("kernel/pump.c", "#include <linux/kernel.h>\n\nint pump(void)\n{\n\treturn valve_open(1);\n}\n"),
            ("kernel/one.c", &one),
            ("kernel/two.c", &two),
            ("include/linux/valve.h", "#include <asm-generic/valve.h>\n"),
            ("include/asm-generic/valve.h", "int valve_open(int a);\n"),
        ]);
        assert_eq!(
            added(&files, &undeclared("kernel/pump.c", 5, "valve_open")),
            ["kernel/pump.c: #include <linux/valve.h>"]
        );
    }

    #[test]
    fn the_standard_header_of_a_program() {
        let files = [("src/a.c", "#include <stdio.h>\n\nint a(int fd)\n{\n\treturn close(fd);\n}\n")];
        let log = "src/a.c:5:9: error: implicit declaration of function 'close'; did you mean 'pclose'? \
                   [-Werror=implicit-function-declaration]\n";
        assert_eq!(added(&files, log), ["src/a.c: #include <unistd.h>"]);
        let files = [("src/a.cpp", "#include <string>\n\nvoid a()\n{\n\tstd::map<int, int> b;\n}\n")];
        let log = "src/a.cpp:5:7: error: 'map' is not a member of 'std'\n";
        assert_eq!(added(&files, log), ["src/a.cpp: #include <map>"]);
    }

    #[test]
    fn a_macro_of_the_program_before_the_standard_name() {
        let files = [
            ("a.c", "#include <stdio.h>\n\nint a(void) { return errno; }\n"),
            ("b.c", "#include \"own.h\"\nint b(void) { return errno; }\n"),
            ("own.h", "extern int *own_errno;\n#define errno (*own_errno)\n"),
        ];
        let log = "a.c:3:22: error: 'errno' undeclared (first use in this function)\n";
        assert_eq!(added(&files, log), ["a.c: #include \"own.h\""]);
    }

    #[test]
    fn the_type_of_a_variable() {
        let files =
            [("a.c", "#include <stdio.h>\n\nint a(int fd)\n{\n\tstruct pollfd p = { fd, 0, 0 };\n\treturn 0;\n}\n")];
        let log = "a.c:5:9: error: variable 'p' has initializer but incomplete type\n";
        assert_eq!(added(&files, log), ["a.c: #include <poll.h>"]);
    }

    #[test]
    fn the_header_through_which_several_break() {
        let files = [
            ("a.c", "#include \"all.h\"\nint a(void) { return strlen(\"a\"); }\n"),
            ("b.c", "#include \"all.h\"\nint b(void) { return strlen(\"b\"); }\n"),
            ("all.h", "#include <stdio.h>\n#include <stdlib.h>\n"),
        ];
        let log = format!("{}{}", undeclared("a.c", 2, "strlen"), undeclared("b.c", 2, "strlen"));
        let all = fixed(&AddInclude, &files, &log);
        assert_eq!(all[0].1.iter().map(|(file, _)| file.as_str()).collect::<Vec<_>>(), ["all.h"]);
        // The files that break are another way.
        assert!(all.iter().any(|(_, changed)| changed.len() == 2));
    }

    #[test]
    fn a_macro_that_a_parser_stumbles_over() {
        let files = [
            ("a.c", "#include \"b.h\"\nint x;\nint a(void) TANK_PURE;\n"),
            ("b.h", "\n"),
            ("attributes.h", "#define TANK_PURE __attribute__((pure))\n"),
        ];
        let log = "a.c:3:13: error: expected '=', ',', ';', 'asm' or '__attribute__' before 'TANK_PURE'\n";
        assert_eq!(added(&files, log), ["a.c: #include \"attributes.h\""]);
        let old = [("a.c", "\nint a P((int b));\n"), ("b.h", "#define P(x) x\n")];
        let log =
            "a.c:2:6: error: expected ';' after top level declarator\n    2 | int a P((int b));\n      |      ^\n";
        assert_eq!(added(&old, log), ["a.c: #include \"b.h\""]);
        let files = [("a.c", "#define TANK_PURE\nint a(void) TANK_PURE\nint b;\n"), files[2]];
        let log = "a.c:2:13: error: expected '=', ',', ';', 'asm' or '__attribute__' before 'TANK_PURE'\n";
        assert!(added(&files, log).is_empty());
    }

    #[test]
    fn no_header_is_no_guess() {
        let files = [("a.c", "#include <stdio.h>\nint a(void) { return valve_opne(1); }\nint valve_open(int a);\n")];
        assert!(added(&files, &undeclared("a.c", 2, "valve_opne")).is_empty());
        // What is included already does not declare it under this configuration.
        let files = [
            ("a.c", "#include \"valve.h\"\nint a(void) { return pthread_none(1); }\n"),
            ("valve.h", "#ifdef CONFIG_VALVE\nint pthread_none(int a);\n#endif\n"),
        ];
        assert!(added(&files, &undeclared("a.c", 2, "pthread_none")).is_empty());
    }
}
