//! What is missing at link time is built only with an option that its user does not ask for: the
//! user's option depends on it, or the call stands under `IS_ENABLED()`.

use super::{Candidate, Context, Fixer};
use crate::edit::Edit;
use crate::linking;
use crate::makefile::folder;

/// Ties code to the option that it needs.
#[derive(Debug)]
pub struct GuardConfig;

impl Fixer for GuardConfig {
    fn name(&self) -> &'static str {
        "guard-config"
    }

    fn wants(&self, cx: &Context<'_>) -> bool {
        cx.kernel && linking::is_missing_symbol(cx.cause)
    }

    fn candidates(&self, cx: &Context<'_>) -> Vec<Candidate> {
        let definitions = linking::definitions(cx);
        let files = linking::by_file(&definitions);
        let Some(needed) = files.first().and_then(|(file, _)| only_option(cx, file)) else { return Vec::new() };
        let mut found = Vec::new();
        for caller in linking::callers(cx).iter().take(3) {
            for user in users(cx, caller).into_iter().filter(|user| *user != needed).take(2) {
                found.extend(depends(cx, caller, &user, &needed));
            }
        }
        found.extend(call(cx, &needed));
        found
    }
}

/// The option without which the file is not built.
fn only_option(cx: &Context<'_>, file: &str) -> Option<String> {
    let listing = linking::listings(cx, folder(file)).into_iter().next()?;
    let options = linking::options(&listing.makefile, linking::relative(file, folder(file)));
    let first = options.first().filter(|option| *option != "y")?.clone();
    options.iter().all(|option| *option == first).then_some(first)
}

/// The options that the user of the symbol is built for.
fn users(cx: &Context<'_>, caller: &str) -> Vec<String> {
    let Some(listing) = linking::listings(cx, folder(caller)).into_iter().next() else { return Vec::new() };
    let name = linking::module_name(caller)
        .map_or_else(|| linking::relative(caller, folder(caller)).to_owned(), |name| format!("{name}.o"));
    let mut options = linking::options(&listing.makefile, &name);
    options.retain(|option| option != "y");
    options.dedup();
    options
}

/// `depends on` in the block of the user's option.
fn depends(cx: &Context<'_>, caller: &str, user: &str, needed: &str) -> Option<Candidate> {
    let mut place = folder(caller);
    loop {
        let file = if place.is_empty() { "Kconfig".to_owned() } else { format!("{place}/Kconfig") };
        if let Some(source) = cx.tree.read(&file)
            && let Some(at) = type_line(&source.text, user)
        {
            let block = &source.text[at..];
            let end = block.find("\n\n").unwrap_or(block.len());
            let known = block[..end]
                .lines()
                .any(|line| line.contains("depends on") && line.split([' ', '(', ')', '\t']).any(|w| w == needed));
            return (!known).then(|| Candidate {
                kind: "add_dependency",
                title: format!("let {user} depend on {needed}, which builds it"),
                line: Some(source.line_of(at)),
                edits: vec![Edit::insert(file.clone(), at, format!("\tdepends on {needed}\n"))],
                file: Some(file.clone()),
                rank: 45,
                ..Candidate::default()
            });
        }
        if place.is_empty() {
            return None;
        }
        place = folder(place);
    }
}

/// Behind the line with the type of an option.
fn type_line(text: &str, option: &str) -> Option<usize> {
    let start = ["config ", "menuconfig "].iter().find_map(|word| {
        let line = format!("{word}{option}\n");
        if text.starts_with(&line) {
            Some(line.len())
        } else {
            text.find(&format!("\n{line}")).map(|at| at + 1 + line.len())
        }
    })?;
    let mut at = start;
    for line in text[start..].split_inclusive('\n').take(6) {
        at += line.len();
        let word = line.trim().split([' ', '"']).next().unwrap_or_default();
        if matches!(word, "bool" | "tristate" | "def_bool" | "def_tristate") {
            return Some(at);
        }
    }
    None
}

/// The call alone, when it is a statement on a line of its own.
fn call(cx: &Context<'_>, needed: &str) -> Option<Candidate> {
    let location = cx.cause.location.as_ref()?;
    let file = cx.tree.find(&location.file)?;
    let source = cx.tree.read(&file)?;
    let line = location.line?;
    let text = source.line_text(line)?;
    let symbol = linking::symbols(cx.cause).first().copied()?;
    let body = text.trim();
    let plain = body.starts_with(&format!("{symbol}(")) && body.ends_with(");");
    let before = line.checked_sub(1).and_then(|line| source.line_text(line)).map(str::trim).unwrap_or_default();
    let alone = before.is_empty() || before.ends_with([';', '{', '}', '/']);
    if !plain || !alone {
        return None;
    }
    let (start, _) = source.line(line)?;
    let indent = &text[..text.len() - text.trim_start().len()];
    Some(Candidate {
        kind: "guard_config",
        title: format!("call {symbol}() only where {needed} is built"),
        line: Some(line),
        edits: vec![Edit::insert(file.clone(), start, format!("{indent}if (IS_ENABLED(CONFIG_{needed}))\n\t"))],
        file: Some(file.clone()),
        rank: 25,
        ..Candidate::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{fixed, kernel};

    #[test]
    fn the_type_of_an_option() {
        let text = "config PUMP\n\tbool \"Pump\"\n\tselect TANK\n\nmenuconfig TANK\n\ttristate \"Tank\"\n";
        assert_eq!(&text[type_line(text, "PUMP").unwrap()..][..8], "\tselect ");
        assert_eq!(type_line(text, "TANK"), Some(text.len()));
        assert_eq!(type_line(text, "VALVE"), None);
    }

    #[test]
    fn from_log_to_patch() {
        let files = kernel(&[
            ("drivers/tank/Kconfig", "config TANK\n\tbool \"Tank\"\n\nconfig PUMP\n\tbool \"Pump\"\n"),
            ("drivers/tank/Makefile", "obj-$(CONFIG_TANK) += tank.o\nobj-$(CONFIG_PUMP) += pump.o\n"),
            ("drivers/tank/tank.c", "void f(void)\n{\n\tpump();\n}\n"),
            ("drivers/tank/pump.c", "void pump(void)\n{\n}\n"),
        ]);
        let log = "ld: drivers/tank/tank.o: in function `f':\ndrivers/tank/tank.c:3: undefined reference to `pump'\n";
        let found = fixed(&GuardConfig, &files, log);
        assert_eq!(
            found[0].1[0].1,
            "config TANK\n\tbool \"Tank\"\n\tdepends on PUMP\n\nconfig PUMP\n\tbool \"Pump\"\n"
        );
        assert_eq!(found[1].1[0].1, "void f(void)\n{\n\tif (IS_ENABLED(CONFIG_PUMP))\n\t\tpump();\n}\n");
    }
}
