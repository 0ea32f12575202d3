//! A few literals that are searched in whole logs, as fast as the machine can.

use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, Input, MatchKind, Span, packed};

/// Finds the first of several literals, of those at one place the longest.
///
/// The vectorised search looks at the first four bytes of each, so they should begin with something
/// rare.
#[derive(Debug)]
pub enum Literals {
    /// Vectorised.
    Packed(packed::Searcher),
    /// For very many literals, or a machine without vectors.
    Automaton(AhoCorasick),
}

impl Literals {
    /// A search for texts of which none is empty; none when they are too many.
    pub fn new<T: AsRef<[u8]>>(texts: &[T]) -> Option<Self> {
        let packed =
            packed::Config::new().match_kind(packed::MatchKind::LeftmostLongest).builder().extend(texts).build();
        packed.map(Self::Packed).or_else(|| {
            let automaton = AhoCorasickBuilder::new().match_kind(MatchKind::LeftmostLongest).build(texts);
            automaton.ok().map(Self::Automaton)
        })
    }

    /// The number and the place of the first that begins at `from` or later.
    pub fn find(&self, bytes: &[u8], from: usize) -> Option<(usize, Range<usize>)> {
        if from >= bytes.len() {
            return None;
        }
        let found = match self {
            Self::Packed(searcher) => searcher.find_in(bytes, Span::from(from..bytes.len())),
            Self::Automaton(searcher) => searcher.find(Input::new(bytes).span(from..bytes.len())),
        };
        found.map(|found| (found.pattern().as_usize(), found.start()..found.end()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_of_the_first() {
        for texts in [vec!["tank.".to_owned(), "tank.x.".to_owned()], (0..500).map(|n| format!("tank.{n}.")).collect()]
        {
            let literals = Literals::new(&texts).unwrap();
            let text = format!("-- {} {}", texts[1], texts[0]);
            let (number, place) = literals.find(text.as_bytes(), 0).unwrap();
            assert_eq!((number, &text[place.clone()]), (1, texts[1].as_str()));
            assert_eq!(literals.find(text.as_bytes(), place.end).map(|found| found.0), Some(0));
            assert_eq!(literals.find(text.as_bytes(), text.len()), None);
        }
    }
}
