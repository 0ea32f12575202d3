//! An attribute macro that nothing defines makes a variable of the end of a struct's definition,
//! one in each object: the header that defines the macro is included, or the attribute that is
//! meant takes its place.

use std::collections::HashMap;

use super::{Candidate, Context, Fixer, add_include};
use crate::code::Code;
use crate::index::Index;
use crate::site::candidate;
use crate::units;

use super::spelling::slip;

/// See the module.
pub struct DefineAttribute;

/// Attributes that a type takes at its end, as the kernel spells them.
const KERNEL: &[&str] = &[
    "__packed",
    "____cacheline_aligned",
    "____cacheline_aligned_in_smp",
    "____cacheline_internodealigned_in_smp",
    "__cacheline_aligned",
    "__cacheline_aligned_in_smp",
    "__randomize_layout",
    "__no_randomize_layout",
    "__designated_init",
    "__may_alias",
    "__mode",
];

impl Fixer for DefineAttribute {
    fn name(&self) -> &'static str {
        "define-attribute"
    }

    fn wants(&self, cx: &Context<'_>) -> bool {
        cx.cause.class == "multiple-definition" && cx.cause.symbols.iter().any(|s| s.starts_with('_'))
    }

    fn candidates(&self, cx: &Context<'_>) -> Vec<Candidate> {
        let index = Index::new(cx.tree);
        let sources = units::sources(cx, &index);
        let headers = units::common_headers(&index, &sources);
        let mut made = Vec::new();
        for symbol in cx.cause.symbols.iter().filter(|s| s.starts_with('_')) {
            let files = headers.iter().copied().chain(sources.iter().map(String::as_str));
            for file in files {
                made.extend(in_file(cx, &index, file, symbol));
                if !made.is_empty() {
                    break;
                }
            }
        }
        made
    }
}

fn in_file(cx: &Context<'_>, index: &Index<'_>, file: &str, symbol: &str) -> Vec<Candidate> {
    let Some(source) = index.read(file).filter(|s| s.text.contains(symbol)) else { return Vec::new() };
    let code = Code::new(&source);
    let ends: Vec<usize> = code.words(symbol).filter(|&t| t > 0 && code.s(t - 1) == "}").collect();
    let Some(&first) = ends.first() else { return Vec::new() };
    // It is no misspelt one: its header is missing.
    if let Some(mut made) = add_include::for_name(cx, file, symbol) {
        made.iter_mut().for_each(|candidate| candidate.diagnosis = Some("attr-macro-undefined"));
        return made;
    }
    let line = code.toks[first].line;
    let mut offers: HashMap<String, u8> = HashMap::new();
    let mut offer = |text: String, rank: u8| {
        let entry = offers.entry(text).or_insert(rank);
        *entry = (*entry).max(rank);
    };
    let known = if cx.kernel { KERNEL } else { &[] };
    let misspelt = known.iter().filter_map(|macro_name| slip(symbol, macro_name).map(|d| (d, macro_name))).min();
    if let Some((_, right)) = misspelt {
        offer((*right).to_owned(), 94);
    }
    // What the other types of the file end with.
    let mut habits: HashMap<&str, usize> = HashMap::new();
    for t in (1..code.len())
        .filter(|&t| code.s(t - 1) == "}" && code.is_word(t) && code.s(t) != symbol && code.s(t).starts_with("__"))
    {
        let end = if code.s(t + 1) == "(" { code.partner(t + 1).unwrap_or(t) } else { t };
        *habits.entry(code.span(t..end + 1)).or_insert(0) += 1;
    }
    for (text, count) in habits {
        let plain = !text.contains("align") || symbol.contains("align");
        offer(text.to_owned(), 84 + u8::from(plain) + count.min(5) as u8);
    }
    // Members of a fixed byte order are a format on a wire or disk: no gaps.
    let open = code.partner(first - 1).unwrap_or(first);
    if cx.kernel && (open..first).any(|t| code.s(t).starts_with("__le") || code.s(t).starts_with("__be")) {
        offer("__packed".to_owned(), 84);
    }
    for (word, text) in [
        ("pack", "__packed"),
        ("cacheline", "____cacheline_aligned"),
        ("align", "____cacheline_aligned"),
        ("layout", "__randomize_layout"),
    ] {
        if cx.kernel && symbol.contains(word) {
            offer(text.to_owned(), 72);
        }
    }
    if symbol.contains("pack") {
        offer("__attribute__((packed))".to_owned(), 70);
    }
    let mut offers: Vec<(String, u8)> = offers.into_iter().collect();
    offers.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    offers.truncate(4);
    let one = |(text, rank): (String, u8)| {
        let edits = ends.iter().map(|&t| (code.toks[t].start, code.toks[t].end, text.clone())).collect();
        let title = format!("Replace the undefined '{symbol}' by '{text}'");
        let mut made = candidate("replace_attribute", title, file, line, edits, rank);
        made.diagnosis = Some("attr-macro-undefined");
        made
    };
    offers.into_iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, cause};
    use super::*;

    fn bench(attribute: &str, others: &str) -> Bench {
        let header = format!("struct tank {{\n\tint level;\n}} {attribute};\n{others}");
        Bench::new(&[("d/a.c", "#include \"t.h\"\n"), ("d/b.c", "#include \"t.h\"\n"), ("d/t.h", &header)]).kernel()
    }

    fn doubled(symbol: &str) -> triage_causes::report::Cause {
        let mut cause = cause("multiple-definition", &format!("multiple definition of '{symbol}'"), &[symbol]);
        cause.objects = vec!["d/a.o".to_owned(), "d/b.o".to_owned()];
        cause
    }

    #[test]
    fn the_attribute_that_is_meant() {
        let misspelt = bench("__pakced", "").best(&DefineAttribute, &doubled("__pakced"));
        assert_eq!(misspelt, "-} __pakced;\n+} __packed;\n");
        let habit = bench("__tight", "struct b { int x; } __attribute__((packed));\n")
            .best(&DefineAttribute, &doubled("__tight"));
        assert_eq!(habit, "-} __tight;\n+} __attribute__((packed));\n");
    }

    #[test]
    fn the_header_that_defines_it() {
        let header = "struct tank {\n\tint level;\n} ____tank_aligned;\n";
        let bench = Bench::new(&[
            ("d/a.c", "#include \"t.h\"\n"),
            ("d/b.c", "#include \"t.h\"\n"),
            ("d/t.h", header),
            ("include/linux/tanks.h", "#define ____tank_aligned __attribute__((aligned(8)))\n"),
        ]);
        let added = bench.kernel().best(&DefineAttribute, &doubled("____tank_aligned"));
        assert_eq!(added, "+#include <linux/tanks.h>\n+\n");
    }

    #[test]
    fn variables_that_are_meant() {
        assert!(bench("", "int __tank_count;\n").changes(&DefineAttribute, &doubled("__tank_count")).is_empty());
    }
}
