//! An include of a header that is not there: misspelt, moved to another folder, or with brackets
//! where quotes are meant.

use std::collections::BTreeMap;

use triage_causes::headers;
use triage_causes::packages;
use triage_causes::place::is_header;

use super::spelling::slip;
use super::{Candidate, Context, Fixer};
use crate::index::{common, folder, name};
use crate::site::{Site, candidate};
use crate::symbols::includes::Includes;
use crate::symbols::scope::{self, Side};

/// See the module.
pub struct FixInclude;

/// Headers that are handed on.
const BEST: usize = 5;

impl Fixer for FixInclude {
    fn name(&self) -> &'static str {
        "fix-include"
    }

    fn wants(&self, cx: &Context<'_>) -> bool {
        cx.cause.class == "header-not-found" && !cx.cause.symbols.is_empty()
    }

    fn candidates(&self, cx: &Context<'_>) -> Vec<Candidate> {
        let Some(site) = cx.cause.location.as_ref().and_then(|place| Site::of(cx, place)) else { return Vec::new() };
        let wanted = cx.cause.symbols[0].as_str();
        let includes = site.source.includes();
        let Some(include) = includes
            .iter()
            .find(|i| i.line == site.line && i.path == wanted)
            .or_else(|| includes.iter().find(|i| i.path == wanted))
        else {
            return Vec::new();
        };
        let mut offers: BTreeMap<(String, bool), u8> = BTreeMap::new();
        let mut offer = |path: String, system: bool, rank: u8| {
            let known = offers.entry((path, system)).or_insert(rank);
            *known = (*known).max(rank);
        };
        in_tree(cx, &site.file, wanted, include.system, &mut offer);
        if scope::side(cx.kernel, &site.file) != Side::Kernel {
            for header in headers::names() {
                match slip(wanted, header) {
                    Some(distance) => offer(header.to_owned(), true, 90 - 6 * steps(distance)),
                    None if moved(wanted, header) => offer(header.to_owned(), true, 80),
                    None => {}
                }
            }
        }
        // What the file includes already is not what is missing.
        offers.retain(|(path, system), _| {
            let same = path == wanted && *system == include.system;
            !same && !includes.iter().any(|i| i.path == *path && i.start != include.start)
        });
        let mut offers: Vec<_> = offers.into_iter().collect();
        offers.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let line = &site.source.text[include.start..include.end];
        let Some(open) = line.find(['<', '"']) else { return Vec::new() };
        let (start, end) = (include.start + open, include.start + open + wanted.len() + 2);
        // A header that a package has is rather not installed than misspelt.
        let packaged = packages::header(wanted).is_some();
        offers
            .into_iter()
            .take(BEST)
            .map(|((path, system), rank)| {
                let rank = if packaged { rank.min(50) } else { rank };
                let written = if system { format!("<{path}>") } else { format!("\"{path}\"") };
                let title = format!("include {written} instead of {}", &site.source.text[start..end]);
                let edits = vec![(start, end, written)];
                let mut made = candidate("fix_include", title, &site.file, include.line, edits, rank);
                made.header = Some(path);
                made.diagnosis = Some("header-not-found");
                made
            })
            .collect()
    }
}

fn steps(distance: usize) -> u8 {
    u8::try_from(distance.min(3)).unwrap_or(3).saturating_sub(1)
}

/// The same name in another folder.
fn moved(wanted: &str, path: &str) -> bool {
    wanted != path && name(wanted) == name(path)
}

/// The headers of the tree that may be meant.
fn in_tree(cx: &Context<'_>, file: &str, wanted: &str, system: bool, offer: &mut dyn FnMut(String, bool, u8)) {
    let side = scope::side(cx.kernel, file);
    let arch = scope::arch(cx.tree, file, cx.arch());
    let includes = Includes::new(cx.tree, (side == Side::Kernel).then(|| arch.clone()));
    let roots = [
        "include/uapi/".to_owned(),
        "include/".to_owned(),
        format!("arch/{arch}/include/uapi/"),
        format!("arch/{arch}/include/"),
    ];
    // `.dtsi`, `.inc`: what is included is of the kind that was asked for.
    let kind = wanted.rsplit_once('.').map_or("h", |(_, end)| end);
    let alike = |path: &&String| is_header(path) || path.rsplit_once('.').is_some_and(|(_, end)| end == kind);
    for header in cx.tree.files().iter().filter(alike) {
        let near = u8::try_from(common(header, file).min(4)).unwrap_or(4);
        let rooted = roots.iter().find_map(|root| header.strip_prefix(root.as_str())).filter(|_| side == Side::Kernel);
        let beside = header.strip_prefix(folder(file)).map(|rest| rest.trim_start_matches('/'));
        let forms = match (side, rooted) {
            (Side::Kernel, Some(path)) => vec![(path.to_owned(), true)],
            (Side::Kernel, None) => beside.map(|path| (path.to_owned(), false)).into_iter().collect(),
            _ => forms(header, wanted, system, beside),
        };
        for (path, system) in forms {
            if path == wanted {
                // The other kind of brackets.
                offer(path, system, 88);
            } else if let Some(distance) =
                slip(wanted, &path).filter(|_| folder(wanted) == folder(&path) || !wanted.contains('/'))
            {
                let resolves = includes.resolve(file, &path, system).is_some();
                offer(path, system, 88 + near.min(3) + u8::from(resolves) * 3 - 6 * steps(distance));
            } else if moved(wanted, &path) {
                offer(path, system, 78 + near * 2);
            }
        }
    }
}

/// The ways to write a header of a program: beside the file, or from a folder on so that it is as
/// long as what was written, or from its folder for headers.
fn forms(header: &str, wanted: &str, system: bool, beside: Option<&str>) -> Vec<(String, bool)> {
    let mut found = Vec::new();
    if let Some(path) =
        beside.filter(|path| !path.contains('/') || path.matches('/').count() == wanted.matches('/').count())
    {
        found.push((path.to_owned(), false));
    }
    if let Some(at) = header.rfind("include/").filter(|at| *at == 0 || header.as_bytes()[at - 1] == b'/') {
        found.push((header[at + "include/".len()..].to_owned(), system));
    }
    let depth = wanted.matches('/').count();
    let start = header.rmatch_indices('/').nth(depth).map_or(0, |(at, _)| at + 1);
    if header[start..].matches('/').count() == depth && !found.iter().any(|(path, _)| *path == header[start..]) {
        found.push((header[start..].to_owned(), system));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::FixInclude;
    use crate::testing::{best, kernel};

    fn fixed(files: &[(&str, &str)], file: &str, line: u32, header: &str) -> String {
        let log =
            format!("{file}:{line}:10: fatal error: {header}: No such file or directory\ncompilation terminated.\n");
        best(&FixInclude, files, &log).into_iter().next().map(|(_, text)| text).unwrap_or_default()
    }

    #[test]
    fn misspelt() {
        let files = [("src/a.c", "#include <stdio.h>\n#include \"tanks.h\"\n"), ("src/tank.h", ""), ("src/pump.h", "")];
        assert_eq!(fixed(&files, "src/a.c", 2, "tanks.h"), "#include <stdio.h>\n#include \"tank.h\"\n");
        let files = [("a.c", "#include <stdoi.h> /* why */\n")];
        assert_eq!(fixed(&files, "a.c", 1, "stdoi.h"), "#include <stdio.h> /* why */\n");
        let files = kernel(&[
            ("drivers/x/a.c", "#include <linux/valves.h>\n"),
            ("include/linux/valve.h", ""),
            ("include/net/valves_of.h", ""),
        ]);
        assert_eq!(fixed(&files, "drivers/x/a.c", 1, "linux/valves.h"), "#include <linux/valve.h>\n");
    }

    #[test]
    fn of_a_devicetree() {
        let files = kernel(&[
            ("arch/arm64/boot/dts/water/pump.dts", "/dts-v1/;\n#include \"tanks-a.dtsi\"\n"),
            ("arch/arm64/boot/dts/water/tank-a.dtsi", ""),
            ("arch/arm64/boot/dts/water/tank.dtsi", ""),
        ]);
        let fixed = fixed(&files, "arch/arm64/boot/dts/water/pump.dts", 2, "tanks-a.dtsi");
        assert_eq!(fixed, "/dts-v1/;\n#include \"tank-a.dtsi\"\n");
    }

    #[test]
    fn moved_to_another_folder() {
        let files = kernel(&[("drivers/x/a.c", "#include <linux/pump.h>\n"), ("include/linux/water/pump.h", "")]);
        assert_eq!(fixed(&files, "drivers/x/a.c", 1, "linux/pump.h"), "#include <linux/water/pump.h>\n");
        let files = [("src/a.c", "#include <pump.h>\n"), ("src/pump.h", "")];
        assert_eq!(fixed(&files, "src/a.c", 1, "pump.h"), "#include \"pump.h\"\n");
        let files = [("a.c", "#include <wait.hh>\n")];
        assert_eq!(fixed(&files, "a.c", 1, "wait.hh"), "");
    }

    #[test]
    fn what_is_included_already_is_not_meant() {
        let files = [("a.c", "#include \"tank.h\"\n#include \"tanks.h\"\n"), ("tank.h", "")];
        assert_eq!(fixed(&files, "a.c", 2, "tanks.h"), "");
    }
}
