//! A module uses what the kernel has but does not export: EXPORT_SYMBOL below the definition, in the
//! variant that its neighbours have.

use super::{Candidate, Context, Fixer};
use crate::definition::Definition;
use crate::edit::Edit;
use crate::linking;
use crate::makefile::{folder, stem};

/// Exports the symbol where it is defined.
#[derive(Debug)]
pub struct Export;

impl Fixer for Export {
    fn name(&self) -> &'static str {
        "export-symbol"
    }

    fn wants(&self, cx: &Context<'_>) -> bool {
        cx.cause.class == "modpost-undefined"
    }

    fn candidates(&self, cx: &Context<'_>) -> Vec<Candidate> {
        let definitions = linking::definitions(cx);
        let modules = linking::callers(cx);
        let mut found: Vec<Candidate> = Vec::new();
        let symbols = linking::symbols(cx.cause);
        let lead = symbols.first().copied().unwrap_or_default();
        let mut files: Vec<(u8, &str)> = Vec::new();
        for definition in definitions.iter().filter(|d| d.symbol == lead) {
            let Some(source) = cx.tree.read(&definition.file) else { continue };
            if is_exported(&source.text, lead) || files.iter().any(|(_, file)| *file == definition.file) {
                continue;
            }
            files.push((rank(cx, definition, &source.text, &modules), &definition.file));
        }
        files.sort_by_key(|(rank, _)| std::cmp::Reverse(*rank));
        for (rank, file) in files.into_iter().take(4) {
            let Some(source) = cx.tree.read(file) else { continue };
            let variant = variant(&source.text);
            let mut edits = Vec::new();
            for symbol in &symbols {
                // One definition of each, the file's own before those of others.
                let own = definitions.iter().filter(|d| d.symbol == *symbol && !d.private);
                let Some(definition) = own.min_by_key(|d| d.file != file) else { continue };
                let Some(text) = cx.tree.read(&definition.file) else { continue };
                if !is_exported(&text.text, symbol) {
                    edits.push(edit(definition, &text.text, variant));
                }
            }
            let Some(definition) = definitions.iter().find(|d| d.symbol == lead && d.file == file) else { continue };
            found.push(Candidate {
                kind: "add_export",
                title: format!("export {lead} with {variant}, for modules to use it"),
                file: Some(file.to_owned()),
                line: Some(source.line_of(definition.end) + 1),
                edits,
                rank,
                ..Candidate::default()
            });
        }
        found
    }
}

fn edit(definition: &Definition, text: &str, variant: &str) -> Edit {
    let end = if definition.file.ends_with(".S") {
        // Behind the end of the function.
        let after = text[definition.end..].find(&format!("SYM_FUNC_END({})", definition.symbol));
        after
            .and_then(|at| text[definition.end + at..].find('\n').map(|feed| definition.end + at + feed))
            .unwrap_or(definition.end)
    } else {
        definition.end
    };
    let feed = if text[..end].contains("\r\n") { "\r\n" } else { "\n" };
    let semicolon = if definition.file.ends_with(".S") { "" } else { ";" };
    Edit::insert(definition.file.clone(), end, format!("{feed}{variant}({}){semicolon}", definition.symbol))
}

fn is_exported(text: &str, symbol: &str) -> bool {
    text.match_indices("EXPORT_").any(|(at, _)| {
        let rest = &text[at..];
        let Some((name, arguments)) = rest.split_once('(') else { return false };
        let name = name.len() < 40 && name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
        name && arguments.split([',', ')']).next().is_some_and(|first| first.trim() == symbol)
    })
}

/// What the file's other exports say; without any, the stricter one.
fn variant(text: &str) -> &'static str {
    let plain = text.matches("\nEXPORT_SYMBOL(").count();
    let gpl = text.matches("\nEXPORT_SYMBOL_GPL(").count();
    if plain > gpl { "EXPORT_SYMBOL" } else { "EXPORT_SYMBOL_GPL" }
}

/// How sure it is that this definition is the one that is built, and is to be exported.
fn rank(cx: &Context<'_>, definition: &Definition, text: &str, modules: &[String]) -> u8 {
    let file = definition.file.as_str();
    let mut rank: i32 = 84;
    rank += if text.contains("\nEXPORT_SYMBOL") { 6 } else { 0 };
    rank -= if file.contains("/test") || file.contains("_test") { 20 } else { 0 };
    if let Some(arch) = file.strip_prefix("arch/").and_then(|rest| rest.split('/').next()) {
        let built = linking::arches(cx).iter().any(|name| name == arch);
        rank -= if built { 0 } else { 15 };
    }
    let listings = linking::listings(cx, folder(file));
    let Some(first) = listings.first() else { return rank.clamp(1, 95) as u8 };
    let lists = linking::lists_with(&first.makefile, linking::relative(file, folder(file)));
    // What no Makefile lists is missing for another reason.
    rank -= if lists.is_empty() { 25 } else { 0 };
    let always = linking::options(&first.makefile, linking::relative(file, folder(file))).iter().any(|o| o == "y");
    rank += if always { 2 } else { 0 };
    // A module that is made of the file has no need of an export.
    let own = modules.iter().filter(|m| folder(m) == folder(file)).filter_map(|m| linking::module_name(m));
    let part = own.map(|name| name.replace('_', "-")).any(|name| {
        stem(file).replace('_', "-") == name
            || lists.iter().any(|list| list.name.replace('_', "-").starts_with(&format!("{name}-")))
    });
    rank -= if part { 40 } else { 0 };
    rank.clamp(1, 95) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition;
    use crate::testing::{best, kernel};

    #[test]
    fn the_variant_of_the_file() {
        assert_eq!(variant("x\nEXPORT_SYMBOL(a);\n"), "EXPORT_SYMBOL");
        assert_eq!(variant("x\nEXPORT_SYMBOL_GPL(a);\n"), "EXPORT_SYMBOL_GPL");
        assert_eq!(variant(""), "EXPORT_SYMBOL_GPL");
    }

    #[test]
    fn exports_are_known() {
        assert!(is_exported("EXPORT_SYMBOL_NS_GPL(pump, TANK);", "pump"));
        assert!(!is_exported("EXPORT_SYMBOL(pump_all);", "pump"));
        assert!(!is_exported("EXPORT_", "pump"));
    }

    #[test]
    fn behind_the_closing_brace() {
        let text = "#ifdef A\nvoid pump(void)\n{\n\tif (1) {\n\t}\n}\n#endif\n";
        let found = definition::in_text("a.c", text, &["pump"]);
        let edit = edit(&found[0], text, "EXPORT_SYMBOL");
        assert_eq!(&text[..edit.start], "#ifdef A\nvoid pump(void)\n{\n\tif (1) {\n\t}\n}");
        assert_eq!(edit.text, "\nEXPORT_SYMBOL(pump);");
    }

    #[test]
    fn from_log_to_patch() {
        let lib = "int pump(void)\n{\n\treturn 0;\n}\n\nint valve(void)\n{\n\treturn 1;\n}\nEXPORT_SYMBOL(valve);\n";
        let files = kernel(&[
            ("drivers/tank/Makefile", "obj-m += tank.o\n"),
            ("drivers/tank/tank.c", "int pump(void);\n"),
            ("kernel/Makefile", "obj-y += pump.o\n"),
            ("kernel/pump.c", lib),
        ]);
        let changed = best(&Export, &files, "ERROR: modpost: \"pump\" [drivers/tank/tank.ko] undefined!\n");
        assert_eq!(changed[0].1, lib.replacen("}\n", "}\nEXPORT_SYMBOL(pump);\n", 1));
    }
}
