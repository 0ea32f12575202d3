//! The search for any of some literals, in one pass over the text.

use aho_corasick::{AhoCorasick, Input, Span, packed};

/// The vectorised search, with the automaton as its stand-in where the processor has no vectors.
#[derive(Debug)]
pub(crate) enum Search {
    Packed(packed::Searcher),
    Automaton(AhoCorasick),
}

impl Search {
    /// The search for a short list of literals.
    pub(crate) fn of(literals: &[&str]) -> Self {
        match packed::Config::new().builder().extend(literals).build() {
            Some(packed) => Self::Packed(packed),
            None => Self::many(literals),
        }
    }

    /// The search for a list that is too long for vectors.
    pub(crate) fn many<'l>(literals: impl IntoIterator<Item = &'l &'l str>) -> Self {
        Self::Automaton(AhoCorasick::new(literals).expect("a fixed list of short literals always compiles"))
    }

    /// Offset of the next literal at or after `from`.
    pub(crate) fn find(&self, haystack: &[u8], from: usize) -> Option<usize> {
        if from >= haystack.len() {
            return None;
        }
        let found = match self {
            Self::Packed(packed) => packed.find_in(haystack, Span { start: from, end: haystack.len() })?,
            Self::Automaton(automaton) => automaton.find(Input::new(haystack).range(from..))?,
        };
        Some(found.start())
    }

    /// True when one of the literals is in the text.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        self.find(text.as_bytes(), 0).is_some()
    }
}
