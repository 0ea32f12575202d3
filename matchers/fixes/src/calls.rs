//! Calls, the functions that they call, and what the caller has at hand for them.

use std::collections::HashSet;

use crate::code::{Code, Function, is_keyword};
use crate::fixers::Context;
use crate::index::{self, Index};
use crate::site::{Site, quoted};

/// A call: its name's token and the brackets.
#[derive(Clone, Copy)]
pub(crate) struct Call {
    pub(crate) name: usize,
    pub(crate) open: usize,
    pub(crate) close: usize,
}

/// What a function takes: type and name of each parameter.
pub(crate) struct Prototype {
    pub(crate) parameters: Vec<(String, String)>,
}

pub(crate) fn call(code: &Code<'_>, name: usize) -> Option<Call> {
    (code.s(name + 1) == "(").then_some(())?;
    Some(Call { name, open: name + 1, close: code.partner(name + 1)? })
}

/// The call of a function at a place: on its line, else the one that the place is inside of.
pub(crate) fn call_at(code: &Code<'_>, site: &Site, function: &str) -> Option<Call> {
    let point = site.point()?;
    let at = code.at(point);
    let named = |t: &usize| code.is_word(*t) && code.s(*t) == function;
    let on_line = code.on_line(site.line).filter(named).min_by_key(|&t| code.toks[t].start.abs_diff(point));
    let around =
        || (at.saturating_sub(200)..=at).rev().find(|t| named(t) && call(code, *t).is_some_and(|c| c.close >= at));
    on_line.or_else(around).and_then(|t| call(code, t))
}

/// The innermost call that a place is inside of, its closing bracket included.
pub(crate) fn call_around(code: &Code<'_>, site: &Site) -> Option<Call> {
    let at = code.at(site.point()?);
    let named = |t: usize| code.is_word(t) && !is_keyword(code.s(t));
    (at.saturating_sub(200)..=at).rev().filter(|&t| named(t)).filter_map(|t| call(code, t)).find(|c| c.close >= at)
}

pub(crate) fn prototype(cx: &Context<'_>, index: &Index<'_>, site: &Site, function: &str) -> Option<Prototype> {
    // `too many arguments to function 'void* f(void*, int)'`
    let whole = quoted(&cx.cause.message, "function").filter(|m| m.contains('(') && m.contains(function));
    if let Some((_, list)) = whole.and_then(|m| m.split_once(function)) {
        let list = list.trim_start_matches('(').trim_end_matches(')');
        let parameters =
            list.split(", ").filter(|p| !matches!(*p, "" | "...")).map(|p| (p.to_owned(), String::new())).collect();
        return Some(Prototype { parameters });
    }
    let noted =
        cx.cause.notes.iter().filter(|n| n.message.contains("declared here") || n.message.contains("defined here"));
    let noted = noted.filter_map(|n| Site::of(cx, n.location.as_ref()?)).find_map(|note| {
        let code = Code::new(&note.source);
        let name = code.on_line(note.line).find(|&t| code.s(t) == function)?;
        parameters(&code, name)
    });
    noted.or_else(|| {
        let headers = index.headers(&site.file);
        std::iter::once(site.file.as_str()).chain(headers).find_map(|file| {
            let source = index.read(file).filter(|s| s.text.contains(function))?;
            let code = Code::new(&source);
            let declares = |t: &usize| code.function_at(code.toks[*t].start).is_none_or(|f| f.name == *t);
            let names: Vec<usize> = code.words(function).filter(declares).collect();
            names.into_iter().find_map(|name| parameters(&code, name))
        })
    })
}

pub(crate) fn parameters(code: &Code<'_>, name: usize) -> Option<Prototype> {
    let mut open = name + 1;
    if code.s(open) == ")" && name > 0 && code.s(name - 1) == "*" {
        // `int (*f)(int a)`
        open += 1;
    }
    if code.is_word(open) && code.s(open + 1) == "(" && code.s(open + 2) == "(" {
        // `int f PARAMS((int a))`
        open += 2;
    }
    (code.s(open) == "(").then_some(())?;
    let all = code.arguments(open);
    let mut found = Vec::new();
    for parameter in all {
        let text = code.span(parameter.clone());
        match text {
            "void" | "..." => {}
            _ => {
                let words = parameter.clone().filter(|&t| code.is_word(t)).count();
                let name =
                    parameter.clone().rev().find(|&t| code.is_word(t)).filter(|&t| words > 1 && t > parameter.start);
                let name = name.filter(|&t| !is_keyword(code.s(t)));
                let kind = name.map_or(text.to_owned(), |t| code.span(parameter.start..t).to_owned());
                found.push((kind, name.map_or(String::new(), |t| code.s(t).to_owned())));
            }
        }
    }
    Some(Prototype { parameters: found })
}

/// How much an argument looks like what a parameter is called.
pub(crate) fn similarity(argument: &str, parameter: &str) -> usize {
    let last = argument.rsplit(|c: char| !c.is_alphanumeric() && c != '_').find(|w| !w.is_empty()).unwrap_or("");
    match () {
        () if parameter.is_empty() || last.is_empty() => 0,
        () if last == parameter => 3,
        () if last.ends_with(parameter) || parameter.ends_with(last) => 2,
        () if last.contains(parameter) || parameter.contains(last) => 1,
        () => 0,
    }
}

/// True when another call of the function passes a variable along with one of the arguments.
pub(crate) fn goes_along(code: &Code<'_>, function: &Function, own: Call, given: &[&str], name: &str) -> bool {
    (function.body.0..function.body.1).filter(|&o| code.s(o) == "(" && o != own.open && code.is_word(o - 1)).any(
        |open| {
            let arguments = code.arguments(open);
            let same = arguments.iter().any(|a| given.contains(&code.span(a.clone())) && a.len() > 1);
            same && arguments.iter().any(|a| a.clone().any(|t| code.s(t) == name))
        },
    )
}

/// True for a pointer that a loop must move on: the call is the loop's body, nothing else in it
/// tells the rounds apart, and what stands behind the loop goes on from it.
pub(crate) fn walks(code: &Code<'_>, function: &Function, own: Call, name: &str) -> bool {
    let Some(before) = own.name.checked_sub(1).filter(|&b| code.s(b) == ")") else { return false };
    let looped = code.partner(before).is_some_and(|o| o > 0 && matches!(code.s(o - 1), "for" | "while"));
    let uses: Vec<usize> = code.words(name).filter(|t| (function.body.0..function.body.1).contains(t)).collect();
    let moved =
        |&t: &usize| matches!(code.s(t + 1), "[" | "++" | "--" | "+=" | "-=") || matches!(code.s(t - 1), "++" | "--");
    looped && !uses.iter().any(moved) && uses.iter().any(|&t| t > own.close)
}

pub(crate) fn last_named(code: &Code<'_>, function: &Function) -> Option<String> {
    let parameters = code.arguments(function.params.0);
    let last = parameters.iter().rfind(|p| code.span((*p).clone()) != "...")?;
    last.clone().rev().find(|&t| code.is_word(t)).map(|t| code.s(t).to_owned())
}

/// How well a variable serves as a parameter, 0 to 6.
pub(crate) fn fit(kind: &str, name: &str, variable: &Variable) -> u8 {
    let plain = |t: &str| {
        let words = t
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .filter(|w| !matches!(*w, "" | "const" | "register" | "static" | "__user" | "volatile"));
        words.collect::<Vec<_>>().join(" ") + &"*".repeat(t.matches('*').count())
    };
    let (wanted, has) = (plain(kind), plain(&variable.kind));
    let stars = |t: &str| t.matches('*').count();
    let named = !name.is_empty() && variable.name == name;
    let alike = similarity(&variable.name, name) as u8;
    let scalar = |t: &str| !t.contains('*') && !t.starts_with("struct") && !t.starts_with("union");
    match () {
        () if named && wanted == has => 6,
        () if named => 5,
        () if wanted == has => 3 + alike.min(2),
        () if wanted == "void*" && stars(&has) == 1 => 2 + alike.min(2),
        () if alike > 0 && scalar(&wanted) && scalar(&has) => 1 + alike,
        () => 0,
    }
}

/// A variable that a function can use.
#[derive(Debug, Clone)]
pub(crate) struct Variable {
    pub(crate) name: String,
    pub(crate) kind: String,
}

#[derive(Default)]
pub(crate) struct Scope {
    pub(crate) variables: Vec<Variable>,
    pub(crate) words: HashSet<String>,
}

impl Scope {
    /// The parameters and the local variables of a function.
    pub(crate) fn of(code: &Code<'_>, function: &Function) -> Self {
        let mut scope = Self::default();
        let mut add = |first: usize, name: usize| {
            let kind = code.span(first..name).split('=').next().unwrap_or("").trim().to_owned();
            let name = code.s(name).to_owned();
            scope.variables.push(Variable { name, kind });
        };
        for parameter in code.arguments(function.params.0) {
            if let Some(name) = parameter.clone().rev().find(|&t| code.is_word(t)).filter(|&t| t > parameter.start) {
                add(parameter.start, name);
            }
        }
        // The parameters of an old-style definition, and the declarations of all blocks.
        for at in function.params.1 + 1..function.body.1 {
            let starts = matches!(code.s(at - 1), ";" | "{" | "}" | ")") && code.is_word(at);
            let kind = code.s(at);
            if !starts
                || matches!(
                    kind,
                    "return"
                        | "goto"
                        | "if"
                        | "else"
                        | "case"
                        | "while"
                        | "for"
                        | "do"
                        | "switch"
                        | "break"
                        | "continue"
                )
            {
                continue;
            }
            let mut t = at + 1;
            while code.is_word(t) || code.s(t) == "*" {
                t += 1;
            }
            if t > at + 1 && code.is_word(t - 1) && matches!(code.s(t), ";" | "=" | "," | "[") {
                add(at, t - 1);
            }
        }
        scope.words = scope.variables.iter().map(|v| v.name.clone()).collect();
        scope
    }

    /// True when all names of an expression mean something in this function.
    pub(crate) fn knows(&self, value: &str, code: &Code<'_>) -> bool {
        let mut before = ' ';
        let mut rest = value;
        while let Some(start) = rest.find(|c: char| c.is_alphanumeric() || c == '_') {
            before = rest[..start].chars().next_back().unwrap_or(before);
            let word_end =
                rest[start..].find(|c: char| !c.is_alphanumeric() && c != '_').map_or(rest.len(), |e| start + e);
            let word = &rest[start..word_end];
            let capital = word.chars().all(|c| !c.is_ascii_lowercase());
            let called = rest[word_end..].trim_start().starts_with('(');
            let fine = matches!(before, '.' | '>')
                || capital
                || called
                || is_keyword(word)
                || self.words.contains(word)
                || is_global(code, word);
            if !fine {
                return false;
            }
            before = word.chars().next_back().unwrap_or(' ');
            rest = &rest[word_end..];
        }
        true
    }
}

/// True for names that the file declares outside of all functions.
pub(crate) fn is_global(code: &Code<'_>, word: &str) -> bool {
    code.words(word).any(|at| code.function_at(code.toks[at].start).is_none())
}

/// Another call of the same function.
pub(crate) struct OtherCall {
    pub(crate) arguments: Vec<String>,
    pub(crate) near: bool,
}

/// Calls with the right number of arguments: in the file, then in the files beside it.
pub(crate) fn other_calls(
    cx: &Context<'_>,
    index: &Index<'_>,
    site: &Site,
    code: &Code<'_>,
    own: Call,
    function: &str,
    expected: usize,
) -> Vec<OtherCall> {
    let mut found = Vec::new();
    let mut take = |code: &Code<'_>, near: bool| {
        for at in code.words(function).filter(|&at| !near || at != own.name) {
            let inside = code.function_at(code.toks[at].start).is_some_and(|f| f.body.0 < at);
            let Some(call) = call(code, at).filter(|_| inside) else { continue };
            let arguments = code.arguments(call.open);
            if arguments.len() == expected && found.len() < 64 {
                let arguments = arguments.iter().map(|a| code.span(a.clone()).to_owned()).collect();
                found.push(OtherCall { arguments, near });
            }
        }
    };
    take(code, true);
    let folder = index::folder(&site.file);
    let beside =
        cx.tree.files().iter().filter(|f| index::folder(f) == folder && **f != site.file && is_source(f)).take(60);
    for file in beside {
        if let Some(source) = index.read(file).filter(|s| s.text.contains(function)) {
            take(&Code::new(&source), false);
        }
    }
    found
}

pub(crate) fn is_source(file: &str) -> bool {
    [".c", ".cc", ".cpp", ".cxx", ".h"].iter().any(|end| file.ends_with(end))
}
