//! Declarations that are missing: `static` for functions that only their file uses, a prototype in
//! the header for others, a forward declaration for what is used before it is defined, and the
//! definition of a lock or list that its uses give away.

use super::{Candidate, Context, Fixer};
use crate::code::{Code, Function};
use crate::edit::Edit;
use crate::index::{self, Index};
use crate::site::{Site, candidate, sites};
use crate::source::SourceFile;

/// See the module.
pub struct Prototype;

impl Fixer for Prototype {
    fn name(&self) -> &'static str {
        "add-prototype"
    }

    fn wants(&self, cx: &Context<'_>) -> bool {
        let class = cx.cause.class.as_str();
        let named = !cx.cause.symbols.is_empty();
        named
            && matches!(
                class,
                "missing-prototype" | "implicit-declaration" | "undeclared-identifier" | "conflicting-types"
            )
    }

    fn candidates(&self, cx: &Context<'_>) -> Vec<Candidate> {
        let Some(symbol) = cx.cause.symbols.first().map(String::as_str) else { return Vec::new() };
        let all = sites(cx);
        let Some(site) = all.first() else { return Vec::new() };
        let code = Code::new(&site.source);
        if cx.cause.class == "missing-prototype" {
            return own(cx, site, &code, symbol);
        }
        let mut made = forward(site, &code, symbol);
        made.extend(lost_definition(cx, site, &code, symbol));
        made.iter_mut().for_each(|candidate| candidate.diagnosis = Some("missing-prototype"));
        if made.is_empty() && cx.cause.class == "implicit-declaration" {
            made.extend(elsewhere(cx, site, &code, symbol));
        }
        made
    }
}

/// A global function that nothing declares before its definition.
fn own(cx: &Context<'_>, site: &Site, code: &Code<'_>, symbol: &str) -> Vec<Candidate> {
    let Some(function) = code.functions.iter().find(|f| code.s(f.name) == symbol) else { return Vec::new() };
    let mut made = Vec::new();
    let users = index::users(cx.tree, symbol);
    let others: Vec<&String> = users.iter().filter(|f| **f != site.file).collect();
    let start = code.toks[function.first].start;
    let exported = code.words(symbol).any(|t| t >= 2 && code.s(t - 2).starts_with("EXPORT_SYMBOL"));
    let line = code.toks[function.first].line;
    if others.is_empty() && !exported && code.s(function.first) != "extern" {
        let title = format!("Make '{symbol}' static: only this file uses it");
        made.push(candidate("restore_static", title, &site.file, line, vec![(start, start, "static ".into())], 92));
    }
    let index = Index::new(cx.tree);
    if let Some(header) = own_header(&index, &site.file) {
        let text = prototype(code, function);
        if let Some(source) = index.read(header)
            && let Some(at) = header_end(&source)
        {
            let title = format!("Declare '{symbol}' in {header}");
            let line = source.text[..at].matches('\n').count() as u32 + 1;
            let edits = vec![(at, at, format!("{text}\n"))];
            made.push(candidate("add_prototype", title, header, line, edits, if others.is_empty() { 70 } else { 88 }));
        }
    }
    let edits = vec![(start, start, format!("{}{}", prototype(code, function), code.newline()))];
    let title = format!("Declare '{symbol}' before its definition");
    made.push(candidate("add_prototype", title, &site.file, line, edits, 45));
    made
}

/// The header of the tree that a source includes and that is named like it, else the last one
/// beside it.
fn own_header<'t>(index: &Index<'t>, file: &str) -> Option<&'t str> {
    let stem = |f: &str| index::name(f).rsplit_once('.').map_or("", |(s, _)| s).to_owned();
    let source = index.read(file)?;
    let all: Vec<&str> = source.includes().iter().filter_map(|i| index.resolve(file, &i.path, i.system)).collect();
    let named = all.iter().find(|h| stem(h) == stem(file));
    named.or_else(|| all.iter().rfind(|h| index::folder(h) == index::folder(file))).copied()
}

/// Where a declaration goes in a header: behind the last prototype, else before the last `#endif`.
fn header_end(source: &SourceFile) -> Option<usize> {
    let code = Code::new(source);
    let last = (0..code.len())
        .rev()
        .find(|&t| code.s(t) == ";" && t > 0 && code.s(t - 1) == ")" && code.function_at(code.toks[t].start).is_none());
    match last {
        Some(last) => Some(code.line_end(code.toks[last].end)),
        None => source.text.rfind("\n#endif").map(|at| at + 1),
    }
}

/// The declaration of a function that is defined here.
fn prototype(code: &Code<'_>, function: &Function) -> String {
    let text = code.span(function.first..function.params.1 + 1);
    let mut joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for word in ["inline ", "__always_inline ", "noinline "] {
        joined = joined.replace(word, "");
    }
    joined = joined.replace("( ", "(").replace(" )", ")");
    if joined.len() <= 100 { format!("{joined};") } else { format!("{text};") }
}

/// A name that the same file defines further down.
fn forward(site: &Site, code: &Code<'_>, symbol: &str) -> Vec<Candidate> {
    let Some(first_use) = code.words(symbol).next() else { return Vec::new() };
    let function = code.functions.iter().find(|f| code.s(f.name) == symbol && f.name > first_use);
    let text = match function {
        Some(function) => prototype(code, function),
        None => match variable(code, symbol, first_use) {
            Some(text) => text,
            None => return Vec::new(),
        },
    };
    let mut made = Vec::new();
    let title = format!("Declare '{symbol}' before it is used");
    let newline = code.newline();
    // Behind the file's other forward declarations.
    let known = code.toks[first_use].start;
    let declared = (0..first_use).rev().find(|&t| {
        let at = code.toks[t].start;
        let starts = code.s(t) == ";" && t > 1 && code.s(t - 1) == ")" && code.function_at(at).is_none();
        starts
            && code.s(code.statement_start(t)) == "static"
            && code.line_start(code.toks[code.statement_start(t)].start) == code.toks[code.statement_start(t)].start
    });
    if let Some(last) = declared {
        let at = code.line_end(code.toks[last].end);
        let line = code.toks[last].line + 1;
        made.push(candidate(
            "add_prototype",
            title.clone(),
            &site.file,
            line,
            vec![(at, at, format!("{text}{newline}"))],
            95,
        ));
    }
    if let Some(at) = before_item(code, known) {
        let line = code.text[..at].matches('\n').count() as u32 + 1;
        let edits = vec![(at, at, format!("{text}{newline}{newline}"))];
        made.push(candidate("add_prototype", title, &site.file, line, edits, 93));
    }
    made
}

/// The declaration of a static variable that the file defines after a token.
fn variable(code: &Code<'_>, symbol: &str, after: usize) -> Option<String> {
    let at = code.words(symbol).find(|&t| {
        let ends = matches!(code.s(t + 1), "=" | ";" | "[");
        t > after
            && ends
            && code.function_at(code.toks[t].start).is_none()
            && (code.is_word(t - 1) || code.s(t - 1) == "*")
    })?;
    let first = code.statement_start(at);
    let mut end = at + 1;
    while code.s(end) == "[" {
        // Without its size an array cannot be declared static.
        let close = code.partner(end)?;
        if close == end + 1 {
            return None;
        }
        end = close + 1;
    }
    let typed = code.is_word(first) && code.line_start(code.toks[first].start) == code.toks[first].start;
    typed.then(|| format!("{};", code.span(first..end)))
}

/// Where a line before the function or table that an offset is in goes: before its comment.
fn before_item(code: &Code<'_>, offset: usize) -> Option<usize> {
    let first = match code.function_at(offset) {
        Some(function) => function.first,
        None => {
            let at = code.at(offset);
            let open = (0..at).rev().find(|&t| {
                code.s(t) == "{"
                    && code.line_start(code.toks[t].start) + code.indent(code.toks[t].start).len() <= code.toks[t].start
                    && code.partner(t).is_some_and(|p| p > at)
                    && code.indent(code.toks[t].start).is_empty()
            })?;
            code.statement_start(open.checked_sub(1)?)
        }
    };
    let mut at = code.line_start(code.toks[first].start);
    // The comment right above belongs to it.
    let above = code.text[..at].trim_end_matches([' ', '\t']);
    let comment = above.trim_end();
    if above.len() - comment.len() <= 1
        && comment.ends_with("*/")
        && let Some(open) = comment.rfind("/*")
    {
        let start = code.line_start(open);
        if code.text[start..open].trim().is_empty() {
            at = start;
        }
    }
    // A table under a condition goes with it.
    let before = code.text[..at].trim_end().rsplit('\n').next().unwrap_or("");
    if before.starts_with("#if") && !code.text[at..offset].contains("\n#") {
        at = code.line_start(code.text[..at].trim_end().len());
    }
    Some(at)
}

/// What its uses tell of a file-level object: the calls that take its address, and the macro that
/// defines one. For the kernel.
const DEFINED_BY: &[(&str, &str)] = &[
    ("raw_spin_", "DEFINE_RAW_SPINLOCK"),
    ("spin_", "DEFINE_SPINLOCK"),
    ("mutex_", "DEFINE_MUTEX"),
    ("read_lock", "DEFINE_RWLOCK"),
    ("write_lock", "DEFINE_RWLOCK"),
    ("read_unlock", "DEFINE_RWLOCK"),
    ("write_unlock", "DEFINE_RWLOCK"),
    ("down_read", "DECLARE_RWSEM"),
    ("down_write", "DECLARE_RWSEM"),
    ("up_read", "DECLARE_RWSEM"),
    ("up_write", "DECLARE_RWSEM"),
    ("seqlock", "DEFINE_SEQLOCK"),
    ("read_seq", "DEFINE_SEQLOCK"),
    ("write_seq", "DEFINE_SEQLOCK"),
    ("list_", "LIST_HEAD"),
    ("hlist_", "HLIST_HEAD"),
    ("wake_up", "DECLARE_WAIT_QUEUE_HEAD"),
    ("wait_event", "DECLARE_WAIT_QUEUE_HEAD"),
    ("ida_", "DEFINE_IDA"),
    ("idr_", "DEFINE_IDR"),
    ("xa_", "DEFINE_XARRAY"),
    ("complete", "DECLARE_COMPLETION"),
    ("wait_for_completion", "DECLARE_COMPLETION"),
    ("blocking_notifier_", "BLOCKING_NOTIFIER_HEAD"),
    ("atomic_notifier_", "ATOMIC_NOTIFIER_HEAD"),
    ("raw_notifier_", "RAW_NOTIFIER_HEAD"),
    ("static_branch_", "DEFINE_STATIC_KEY_FALSE"),
    ("srcu_", "DEFINE_STATIC_SRCU"),
];

/// A lock, list or the like that is used and defined nowhere.
fn lost_definition(cx: &Context<'_>, site: &Site, code: &Code<'_>, symbol: &str) -> Option<Candidate> {
    if !cx.kernel || cx.cause.class != "undeclared-identifier" {
        return None;
    }
    // What sparse is told about a lock is no use of it.
    let told = |t: &usize| *t >= 2 && matches!(code.s(t - 2), "__acquires" | "__releases" | "__must_hold");
    let uses: Vec<usize> = code.words(symbol).filter(|t| !told(t)).collect();
    let taken: Vec<&str> = uses
        .iter()
        .copied()
        .filter(|&t| t >= 3 && code.s(t - 1) == "&")
        .filter_map(|t| {
            let open = (t.saturating_sub(40)..t)
                .rev()
                .find(|&o| code.s(o) == "(" && code.partner(o).is_some_and(|p| p > t))?;
            open.checked_sub(1).map(|name| code.s(name))
        })
        .collect();
    if taken.is_empty() || taken.len() != uses.len() || is_extern(cx, symbol) {
        return None;
    }
    let defines = |name: &str| {
        let all = DEFINED_BY
            .iter()
            .filter(|(start, _)| name.starts_with(start) || start.contains("seq") && name.contains(start));
        all.max_by_key(|(start, _)| start.len()).map(|d| d.1)
    };
    // Functions that are not known may be handed anything, but most must be known.
    let told: Vec<&str> = taken.iter().filter_map(|name| defines(name)).collect();
    let by = told.first().copied().filter(|by| told.iter().all(|other| other == by) && 2 * told.len() > taken.len())?;
    let first = code.words(symbol).next()?;
    let at = before_item(code, code.toks[first].start)?;
    let fixed = by.contains("STATIC_SRCU");
    let text = format!("{}{by}({symbol});{1}{1}", if fixed { "" } else { "static " }, code.newline());
    let line = code.text[..at].matches('\n').count() as u32 + 1;
    let title = format!("Define '{symbol}' with {by}()");
    let mut made = candidate("add_prototype", title, &site.file, line, vec![(at, at, text)], 84);
    made.diagnosis = Some("missing-prototype");
    Some(made)
}

/// True when a header declares the object: then it is not this file's own.
fn is_extern(cx: &Context<'_>, symbol: &str) -> bool {
    let users = index::users(cx.tree, symbol);
    let headers = users.iter().filter(|file| file.ends_with(".h")).filter_map(|file| cx.tree.read(file));
    headers.into_iter().any(|source| {
        let code = Code::new(&source);
        code.words(symbol).any(|at| code.s(code.statement_start(at)) == "extern")
    })
}

/// A function that another source file of the folder defines and no header declares.
fn elsewhere(cx: &Context<'_>, site: &Site, code: &Code<'_>, symbol: &str) -> Option<Candidate> {
    if index::is_declared(cx.tree, symbol) || triage_causes::headers::standard(symbol).is_some() {
        return None;
    }
    let index = Index::new(cx.tree);
    let folder = index::folder(&site.file);
    let beside = cx.tree.files().iter().filter(|f| index::folder(f) == folder && f.ends_with(".c") && **f != site.file);
    let (file, text) = beside.take(400).find_map(|file| {
        let source = index.read(file).filter(|s| s.text.contains(symbol))?;
        let other = Code::new(&source);
        let function = other.functions.iter().find(|f| other.s(f.name) == symbol)?;
        let hidden = (function.first..function.name).any(|t| other.s(t) == "static");
        (!hidden).then(|| (file.clone(), prototype(&other, function)))
    })?;
    let shared = own_header(&index, &file)
        .filter(|h| index.headers(&site.file).contains(h))
        .or_else(|| own_header(&index, &site.file));
    let title = format!("Declare '{symbol}', which {file} defines");
    let (target, at, rank) = match shared.and_then(|h| Some((h, header_end(&*index.read(h)?)?))) {
        Some((header, at)) => (header.to_owned(), at, 86),
        None => (site.file.clone(), before_item(code, code.toks[code.words(symbol).next()?].start)?, 60),
    };
    let mut made = candidate("add_prototype", title, &target, 1, Vec::new(), rank);
    made.line = index.read(&target).map(|s| s.text[..at].matches('\n').count() as u32 + 1);
    made.edits.push(Edit { file: target, start: at, end: at, text: format!("{text}\n") });
    made.diagnosis = Some("missing-prototype");
    Some(made)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, at, cause};
    use super::*;

    #[test]
    fn a_lock_that_was_lost() {
        let text = "int f(void)\n{\n\tmutex_lock(&gate);\n\tinit(1, &gate);\n\tmutex_unlock(&gate);\n\treturn 0;\n}\n";
        let lost = at(cause("undeclared-identifier", "'gate' undeclared", &["gate"]), "a.c", 3, 14);
        let bench = Bench::new(&[("a.c", text), ("b.c", "static DEFINE_MUTEX(gate);\n")]).kernel();
        assert_eq!(bench.best(&Prototype, &lost), "+static DEFINE_MUTEX(gate);\n+\n");
        let bench = Bench::new(&[("a.c", text), ("gate.h", "extern struct mutex gate;\n")]).kernel();
        assert_eq!(bench.best(&Prototype, &lost), "");
    }

    #[test]
    fn what_only_its_file_uses() {
        let bench = Bench::new(&[
            ("a.c", "int fill(int a)\n{\n\treturn a;\n}\nint g(void) { return fill(2); }\n"),
            ("b.c", "int x;\n"),
        ]);
        let cause = at(cause("missing-prototype", "no previous prototype for 'fill'", &["fill"]), "a.c", 1, 5);
        assert_eq!(bench.best(&Prototype, &cause), "-int fill(int a)\n+static int fill(int a)\n");
    }

    #[test]
    fn what_others_use() {
        let files = [
            ("a.c", "#include \"a.h\"\nint fill(int a)\n{\n\treturn a;\n}\n"),
            ("a.h", "#ifndef A_H\n#define A_H\nint drain(int a);\n#endif\n"),
            ("b.c", "int fill(int);\nint g(void) { return fill(2); }\n"),
        ];
        let cause = at(cause("missing-prototype", "no previous prototype for 'fill'", &["fill"]), "a.c", 2, 5);
        assert_eq!(Bench::new(&files).best(&Prototype, &cause), "+int fill(int a);\n");
    }

    #[test]
    fn a_call_before_the_definition() {
        let text = "#include <x.h>\nstatic void drain(int a);\n\nint g(void)\n{\n\treturn fill(2,\n\t\t    3);\n}\n\nstatic int fill(int a,\n\t\tint b)\n{\n\treturn a;\n}\n";
        let bench = Bench::new(&[("a.c", text)]);
        let cause =
            at(cause("implicit-declaration", "implicit declaration of function 'fill'", &["fill"]), "a.c", 6, 9);
        let all = bench.candidates(&Prototype, &cause);
        assert_eq!(all.iter().map(|c| c.line).collect::<Vec<_>>(), [Some(3), Some(4)]);
        assert_eq!(bench.best(&Prototype, &cause), "+static int fill(int a, int b);\n");
    }

    #[test]
    fn a_lock_that_lost_its_definition() {
        let text = "static int n;\n\n/* Counts. */\nvoid g(void)\n{\n\tspin_lock(&tank_lock);\n\tn++;\n\tspin_unlock(&tank_lock);\n}\n";
        let cause = at(
            cause("undeclared-identifier", "use of undeclared identifier 'tank_lock'", &["tank_lock"]),
            "a.c",
            6,
            13,
        );
        let bench = Bench::new(&[("a.c", text)]).kernel();
        assert_eq!(bench.best(&Prototype, &cause), "+static DEFINE_SPINLOCK(tank_lock);\n+\n");
        assert_eq!(bench.candidates(&Prototype, &cause)[0].line, Some(3));
        assert!(Bench::new(&[("a.c", text)]).changes(&Prototype, &cause).is_empty());
    }

    #[test]
    fn what_another_file_defines() {
        let files = [
            ("s/a.c", "#include \"b.h\"\nint g(void) { return fill(2); }\n"),
            ("s/b.h", "int drain(void);\n"),
            ("s/b.c", "#include \"b.h\"\nint fill(int a)\n{\n\treturn a;\n}\n"),
        ];
        let cause =
            at(cause("implicit-declaration", "implicit declaration of function 'fill'", &["fill"]), "s/a.c", 2, 22);
        assert_eq!(Bench::new(&files).best(&Prototype, &cause), "+int fill(int a);\n");
    }
}
