//! Required literals: for a pattern, texts of which every match contains at least one.
//!
//! They let one Aho-Corasick search choose the few rules whose regular expressions are worth
//! running on a message. Also used by the build script.

use regex_syntax::hir::{Hir, HirKind};

/// The shortest literal that is worth searching for.
pub const MIN_LEN: usize = 4;
/// The most alternatives of one pattern.
const MAX_ALTERNATIVES: usize = 16;

/// The required literals of a pattern; none when it has none of at least [`MIN_LEN`] bytes.
pub fn required(pattern: &str) -> Option<Vec<String>> {
    let hir = regex_syntax::ParserBuilder::new().utf8(false).unicode(false).build().parse(pattern).ok()?;
    let literals = of(&hir)?;
    if literals.len() > MAX_ALTERNATIVES || literals.iter().any(|l| l.len() < MIN_LEN) {
        return None;
    }
    literals.into_iter().map(|l| String::from_utf8(l).ok()).collect()
}

fn of(hir: &Hir) -> Option<Vec<Vec<u8>>> {
    match hir.kind() {
        HirKind::Literal(literal) => Some(vec![literal.0.to_vec()]),
        HirKind::Capture(capture) => of(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min >= 1 => of(&repetition.sub),
        HirKind::Concat(parts) => parts.iter().filter_map(of).max_by_key(|l| worth(l)),
        HirKind::Alternation(parts) => {
            let mut all = Vec::new();
            for part in parts {
                all.extend(of(part)?);
            }
            all.sort();
            all.dedup();
            Some(all)
        }
        _ => None,
    }
}

/// How well a set of literals tells messages apart: its shortest member counts.
fn worth(literals: &[Vec<u8>]) -> (usize, std::cmp::Reverse<usize>) {
    (literals.iter().map(Vec::len).min().unwrap_or(0), std::cmp::Reverse(literals.len()))
}
