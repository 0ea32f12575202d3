//! What a compiler prints before a message: include stack, function, template backtrace.

use std::collections::VecDeque;

use crate::diagnostic::{Diagnostic, Location, Note};
use crate::text::{normalise_quotes, split_colon};
use crate::tools::ld;

/// Files whose function context is kept: interleaved output of many jobs, each in one function.
const FUNCTIONS_MAX: usize = 64;
/// Include stacks that are kept, one a file.
const STACKS_MAX: usize = 64;

/// Context lines seen and not yet used.
#[derive(Debug, Default)]
pub(super) struct Context {
    /// The stack being printed, nearest includer first.
    stack: Vec<Location>,
    /// The line before was `In file included from …:` (clang's form, each line a level).
    clang_form: bool,
    /// `In function 'f'` by file, newest last.
    functions: VecDeque<(String, String)>,
    /// The file of the newest `In function` line, until a message used it.
    fresh: Option<String>,
    /// gcc prints the stack once for all messages of a file: kept by the file.
    stacks: VecDeque<(String, Vec<Location>)>,
    backtrace: Vec<Note>,
}

impl Context {
    /// True when the line is context.
    pub(super) fn line(&mut self, text: &str) -> bool {
        self.included(text) || self.function(text)
    }

    /// `In file included from X:1,` / `                 from Y:2:`.
    pub(super) fn included(&mut self, text: &str) -> bool {
        // Only blanks may stand before the words.
        if text.as_bytes().first().is_some_and(|&byte| byte.is_ascii_graphic() && !matches!(byte, b'I' | b'f')) {
            return false;
        }
        let body = text.trim_start();
        let (rest, first) = if let Some(rest) = body.strip_prefix("In file included from ") {
            (rest, true)
        } else if let Some(rest) = body.strip_prefix("from ").filter(|_| !self.stack.is_empty()) {
            (rest, false)
        } else {
            return false;
        };
        let rest = rest.trim_end();
        let Some(place) = rest.strip_suffix([',', ':']) else { return false };
        let location = place_of(place);
        if !first {
            self.stack.push(location);
        } else if self.clang_form && rest.ends_with(':') && !self.stack.is_empty() {
            self.stack.insert(0, location);
        } else {
            self.stack = vec![location];
        }
        self.clang_form = first && rest.ends_with(':');
        true
    }

    /// `file.c: In function 'f':`, `file.c: At top level:`.
    fn function(&mut self, text: &str) -> bool {
        let Some(body) = text.trim_end().strip_suffix(':') else { return false };
        let Some((file, what)) = split_colon(body) else { return false };
        if file.is_empty() || file.len() > 4096 || ld::is_object(file) {
            return false;
        }
        let quoted = normalise_quotes(what);
        let name = if what.starts_with("At ") {
            None
        } else if what.starts_with("In instantiation of") || what.starts_with("In substitution of") {
            self.backtrace.clear();
            self.backtrace.push(Note { location: None, message: quoted.into_owned() });
            return true;
        } else if what.starts_with("In ")
            || what.starts_with("Dans ")
            || what.starts_with("En ")
            || what.starts_with("関数 ")
            || what.starts_with("在函数")
        {
            let Some(open) = quoted.find('\'') else { return false };
            let Some(close) = quoted.rfind('\'').filter(|close| *close > open) else { return false };
            Some(quoted[open + 1..close].to_owned())
        } else {
            return false;
        };
        if let Some(at) = self.functions.iter().position(|(known, _)| known == file) {
            self.functions.remove(at);
        }
        if let Some(name) = name {
            if self.functions.len() == FUNCTIONS_MAX {
                self.functions.pop_front();
            }
            self.functions.push_back((file.to_owned(), name));
            self.fresh = Some(file.to_owned());
        }
        true
    }

    /// A line of a template backtrace that belongs to the next message.
    pub(super) fn backtrace(&mut self, note: Note) {
        if self.backtrace.len() < 32 {
            self.backtrace.push(note);
        }
    }

    /// Forgets the stack printed last (it belonged to a note); gives it.
    pub(super) fn drop_stack(&mut self) -> Vec<Location> {
        self.clang_form = false;
        std::mem::take(&mut self.stack)
    }

    /// Puts the context into the message that it belongs to.
    pub(super) fn give(&mut self, diagnostic: &mut Diagnostic, file: &str) {
        if self.stack.is_empty() {
            if let Some((_, stack)) = self.stacks.iter().find(|(known, _)| *known == file) {
                diagnostic.includes = stack.clone();
            }
        } else {
            let stack = self.drop_stack();
            if let Some(at) = self.stacks.iter().position(|(known, _)| *known == file) {
                self.stacks.remove(at);
            }
            if self.stacks.len() == STACKS_MAX {
                self.stacks.pop_front();
            }
            diagnostic.includes.clone_from(&stack);
            self.stacks.push_back((file.to_owned(), stack));
        }
        // A macro's message is located at its definition; the line above names the file of its use.
        let other = self
            .fresh
            .take()
            .filter(|fresh| *fresh != file && diagnostic.includes.last().is_some_and(|source| source.file == *fresh));
        let holder = other.as_deref().unwrap_or(file);
        if let Some((_, name)) = self.functions.iter().find(|(known, _)| known == holder) {
            diagnostic.function = Some(name.clone());
            diagnostic.function_file = other;
        }
        diagnostic.notes.append(&mut self.backtrace);
    }
}

/// `X:12`, `X:12:5`, `X` as in include stacks.
fn place_of(place: &str) -> Location {
    let mut numbers = Vec::new();
    let mut file = place;
    while let Some((head, tail)) = file.rsplit_once(':') {
        let Ok(number) = tail.parse::<u32>() else { break };
        if numbers.len() == 2 {
            break;
        }
        numbers.push(number);
        file = head;
    }
    let line = numbers.pop();
    // gcc 4 prints a column of 0, which means none.
    let column = numbers.pop().filter(|column| *column > 0);
    Location::new(file, line, column)
}
