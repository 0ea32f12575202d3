//! `#error` lines that demand another include: the header that they name is included first.

use triage_causes::place::is_header;

use super::add_include::{self, include};
use super::{Candidate, Context, Fixer};
use crate::index::folder;
use crate::symbols::{self, Header, Search};

/// See the module.
pub struct DemandedInclude;

impl Fixer for DemandedInclude {
    fn name(&self) -> &'static str {
        "demanded-include"
    }

    fn wants(&self, cx: &Context<'_>) -> bool {
        cx.cause.class == "preprocessor"
    }

    fn candidates(&self, cx: &Context<'_>) -> Vec<Candidate> {
        add_include::file(cx).map(|file| demanded(cx, &file)).unwrap_or_default()
    }
}

/// `#error "include x.h first"`: the header that the message names.
fn demanded(cx: &Context<'_>, file: &str) -> Vec<Candidate> {
    let message = cx.cause.message.trim_start_matches("#error");
    if !message.to_ascii_lowercase().contains("includ") {
        return Vec::new();
    }
    let is_path = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    let words = message.split(|c| !is_path(c)).filter(|word| word.ends_with(".h") && word.len() > 2);
    let search = Search {
        file,
        names: vec!["include"],
        cxx: false,
        complete: false,
        arch: cx.arch(),
        kernel: cx.kernel,
        others: Vec::new(),
    };
    let answer = symbols::headers(cx.tree, &search);
    let units: Vec<String> = cx.cause.includes.iter().rev().filter_map(|l| cx.tree.find(&l.file)).collect();
    let target = units.into_iter().find(|unit| !is_header(unit)).unwrap_or_else(|| file.to_owned());
    let siblings: Vec<&str> = cx
        .tree
        .files()
        .iter()
        .map(String::as_str)
        .filter(|other| folder(other) == folder(&target) && *other != target)
        .take(400)
        .collect();
    let mut made = Vec::new();
    for path in words.take(2) {
        let mut peers: [Vec<String>; 2] = Default::default();
        for sibling in &siblings {
            for line in answer.includes.of(sibling).iter().filter(|line| line.path == path) {
                peers[usize::from(line.system)].push((*sibling).to_owned());
            }
        }
        let system = peers[1].len() >= peers[0].len();
        let [quoted, bracketed] = peers;
        let header = Header {
            path: path.to_owned(),
            system,
            file: None,
            gives: Vec::new(),
            score: 100.0,
            visible: false,
            peers: if system { bracketed } else { quoted },
        };
        made.extend(include(cx, std::slice::from_ref(&target), &header, &answer, 92));
    }
    made
}

#[cfg(test)]
mod tests {
    use super::DemandedInclude;
    use crate::testing::best;

    #[test]
    fn what_an_error_line_demands() {
        let files = [
            ("lib/a.c", "#include \"b.h\"\n"),
            ("lib/b.h", "#ifndef TANK\n#error \"Please include config.h first.\"\n#endif\n"),
            ("lib/c.c", "#include <config.h>\n#include \"b.h\"\n"),
        ];
        let log = "In file included from lib/a.c:1:\nlib/b.h:2:2: error: #error \"Please include config.h first.\"\n";
        let changed = best(&DemandedInclude, &files, log);
        assert_eq!(changed, [("lib/a.c".to_owned(), "#include <config.h>\n\n#include \"b.h\"\n".to_owned())]);
    }
}
