//! Places as linkers print them: `a.o:a.c:(.text+0x5)`, `a.c:12`, `lib.a(b.o)`, `a.o:a.c:function f`.

use super::parse;
use crate::diagnostic::Location;

/// Object, source and line that a linker named.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub object: Option<String>,
    pub source: Option<String>,
    pub line: Option<u32>,
    pub function: Option<String>,
}

impl Place {
    /// Reads a whole place; none when the text is not one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut text = text.trim().trim_end_matches(':').trim_end();
        if text.is_empty() || text.len() > 4096 {
            return None;
        }
        let mut place = Self::default();
        let mut sure = false;
        if text.ends_with(')') && !is_object(text) {
            let open = text.rfind('(')?;
            if !is_section(text.get(open + 1..text.len() - 1)?) {
                return None;
            }
            text = text.get(..open)?.trim_end_matches(':');
            if text.is_empty() {
                // `(.text+0x17)` below a line that named the object.
                return Some(place);
            }
            sure = true;
        }
        if let Some(at) = text.rfind(":function ") {
            place.function = text.get(at + ":function ".len()..).map(str::to_owned);
            text = text.get(..at)?;
            sure = true;
        }
        if let Some((head, tail)) = text.rsplit_once(':')
            && !tail.is_empty()
            && tail.bytes().all(|b| b.is_ascii_digit())
            && !head.is_empty()
        {
            // `a.c:3:5` is a compiler's place.
            if head
                .rsplit_once(':')
                .is_some_and(|(_, tail)| !tail.is_empty() && tail.bytes().all(|b| b.is_ascii_digit()))
            {
                return None;
            }
            place.line = tail.parse().ok().filter(|line| *line > 0);
            text = head;
            sure = true;
        }
        // An object, then a source; the colon after a drive letter is neither's.
        for at in memchr::memchr_iter(b':', text.as_bytes()) {
            let (object, source) = (text.get(..at)?, text.get(at + 1..)?);
            if is_object(object) && !source.starts_with(' ') && !source.contains(": ") {
                place.object = Some(object.to_owned());
                place.source = Some(source.to_owned()).filter(|source| !source.is_empty());
                return Some(place);
            }
        }
        if is_object(text) {
            if text.contains(": ") {
                return None;
            }
            place.object = Some(text.to_owned());
            return Some(place);
        }
        if !sure || text.is_empty() || text.contains(": ") || text.starts_with(['-', '*', '>', '"', '\'']) {
            return None;
        }
        place.source = Some(text.to_owned());
        Some(place)
    }

    /// The source file, with the directory of the object when none was printed.
    pub(super) fn location(&self) -> Option<Location> {
        let source = self.source.as_deref()?;
        let file = match &self.object {
            Some(object) => join(object, source),
            None => source.to_owned(),
        };
        Some(Location::new(file, self.line, None))
    }
}

/// Takes a place off the start of a message: `a.o: text`, `a.o:(.text+0x4): text`, `x.lds:3: text`.
pub(super) fn object_prefix(text: &str) -> Option<(Place, &str)> {
    if let Some(at) = text.find(": ") {
        let head = text.get(..at)?;
        if !head.contains(' ')
            && let Some(place) = Place::parse(head)
            && (place.object.is_some() || place.line.is_some())
        {
            return Some((place, text.get(at + 2..)?.trim_start()));
        }
    }
    // `x.lds:153 cannot move location counter backwards`
    let at = text.find(' ')?;
    let head = text.get(..at)?;
    let place = Place::parse(head).filter(|place| place.line.is_some() && !head.ends_with(':'))?;
    Some((place, text.get(at + 1..)?))
}

/// True for the inside of the brackets in `a.o:(.text+0x5)`.
fn is_section(text: &str) -> bool {
    text.starts_with(['.', '*', '_']) || text.contains("+0x") || (!text.is_empty() && !text.contains(' '))
}

/// True for a path that a linker reads: an object, an archive, a member of one, a shared library.
pub fn is_object(path: &str) -> bool {
    const ENDS: &[&str] = &["o", "a", "so", "lo", "os", "obj", "ko", "lib", "dll", "dylib", "bc"];
    if path.rsplit_once('.').is_some_and(|(name, end)| !name.is_empty() && ENDS.contains(&end)) {
        return !path.starts_with(['*', '-', '`', '\'']);
    }
    if let Some(inner) = path.strip_suffix(')') {
        return inner
            .rsplit_once('(')
            .is_some_and(|(archive, member)| !archive.is_empty() && !member.ends_with(')') && is_object(member));
    }
    // libx.so.1.2
    if !path.ends_with(|last: char| last.is_ascii_digit() || last == '.') {
        return false;
    }
    path.rfind(".so.")
        .and_then(|at| path.get(at + 4..))
        .is_some_and(|v| !v.is_empty() && v.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
}

/// The name that an object and its source share: `a` of `lib/a.o`, `a.c`, `x.a(a.o)`, `a.c.o`.
pub(super) fn stem(path: &str) -> &str {
    let path = path.strip_suffix(')').and_then(|p| p.rsplit_once('(')).map_or(path, |(_, member)| member);
    let name = parse::basename(path);
    name.find('.').filter(|at| *at > 0).and_then(|at| name.get(..at)).unwrap_or(name)
}

/// A source's path in the directory of its object, unless it has a directory, or the object's says
/// nothing about where the source is (temporary files, archives, renamed objects).
pub(super) fn join(object: &str, source: &str) -> String {
    if source.contains(['/', '\\']) || object.ends_with(')') || object.contains(".ltrans") || source.starts_with('<') {
        return source.to_owned();
    }
    let mut directory = parse::directory(object);
    if directory.starts_with("/tmp/")
        || directory.starts_with("/var/tmp/")
        || directory.ends_with(".p/")
        || object.ends_with(".so")
    {
        return source.to_owned();
    }
    directory = directory.strip_suffix(".libs/").unwrap_or(directory);
    directory = directory.strip_prefix("./").unwrap_or(directory);
    // CMake: [dir/]CMakeFiles/target.dir/sub/a.c.o is dir/sub/a.c.
    if let Some(at) = directory.find("CMakeFiles/")
        && let Some(end) = directory.get(at..).and_then(|rest| rest.find(".dir/"))
    {
        let (outer, inner) = (directory.get(..at).unwrap_or(""), directory.get(at + end + 5..).unwrap_or(""));
        return format!("{outer}{inner}{source}");
    }
    format!("{directory}{source}")
}
