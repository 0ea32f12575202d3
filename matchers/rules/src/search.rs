//! The choice of the few rules whose patterns are worth running on a message.
//!
//! Every alternative names literals of which a matching message has one. An automaton over all of
//! them would take longer to build than a small log takes to read, so they are looked up by four of
//! their bytes: for each literal its rarest four (the build script knows them), in a table; a message
//! asks for each of its own.

use rustc_hash::{FxBuildHasher, FxHashMap};
use triage_log::diagnostic::Diagnostic;

use crate::compiled::{Rule, Text};

/// An alternative: index of the rule, index in the rule.
pub(crate) type Alternative = (u32, u32);

/// Four bytes of a literal.
type Gram = [u8; 4];

/// Which alternatives a message may fall under.
#[derive(Debug)]
pub(crate) struct Search {
    /// Literals by one of their grams.
    by_gram: FxHashMap<Gram, Vec<Entry>>,
    /// Alternatives that need no literal, by option.
    by_option: FxHashMap<String, Vec<Alternative>>,
    /// Alternatives with neither: the catch-alls.
    always: Vec<Alternative>,
}

/// A literal of an alternative.
#[derive(Debug)]
struct Entry {
    literal: Text,
    /// Where in the literal the gram is.
    offset: usize,
    alternative: Alternative,
}

impl Search {
    pub(crate) fn new(rules: &[Rule]) -> Self {
        let literals = rules.iter().flat_map(|rule| &rule.matchers).map(|matcher| matcher.literals.len()).sum();
        let by_gram = FxHashMap::with_capacity_and_hasher(literals, FxBuildHasher);
        let mut search = Self { by_gram, by_option: FxHashMap::default(), always: Vec::new() };
        for (index, rule) in rules.iter().enumerate() {
            for (nth, matcher) in rule.matchers.iter().enumerate() {
                let alternative = (index as u32, nth as u32);
                for (literal, offset) in &matcher.literals {
                    let Some((offset, gram)) = grams(literal).nth(*offset) else { continue };
                    search.by_gram.entry(gram).or_default().push(Entry {
                        literal: literal.clone(),
                        offset,
                        alternative,
                    });
                }
                if matcher.literals.is_empty() {
                    for option in &matcher.option {
                        search.by_option.entry(option.to_string()).or_default().push(alternative);
                    }
                }
                if matcher.literals.is_empty() && matcher.option.is_empty() {
                    search.always.push(alternative);
                }
            }
        }
        search
    }

    /// Calls `each` for every alternative that may match, with the length of the literal found.
    pub(crate) fn candidates(&self, diagnostic: &Diagnostic, mut each: impl FnMut(Alternative, usize)) {
        let message = diagnostic.message.as_bytes();
        for (at, gram) in grams(&diagnostic.message) {
            for entry in self.by_gram.get(&gram).into_iter().flatten() {
                let literal = entry.literal.as_bytes();
                if at.checked_sub(entry.offset).is_some_and(|start| message[start..].starts_with(literal)) {
                    each(entry.alternative, literal.len());
                }
            }
        }
        for alternative in
            diagnostic.option.as_ref().and_then(|option| self.by_option.get(option)).into_iter().flatten()
        {
            each(*alternative, 0);
        }
        self.always.iter().for_each(|alternative| each(*alternative, 0));
    }
}

/// All grams of a text with their offsets.
fn grams(text: &str) -> impl Iterator<Item = (usize, Gram)> {
    text.as_bytes().windows(4).enumerate().map(|(at, window)| (at, [window[0], window[1], window[2], window[3]]))
}
