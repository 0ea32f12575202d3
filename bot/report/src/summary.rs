//! What a cause comes to, in the short form that the formats for people share.

use std::borrow::Cow;

use triage_causes::report::{Applicability, Build, Cause, Explains, Fix, Kind, Report, State, Status, Suspect};
use triage_log::diagnostic::{Flavor, Location, Severity};

use crate::{paths, words};

/// How a channel writes what comes from a log. Each of the two makes its text harmless.
#[derive(Clone, Copy)]
pub struct Voice {
    /// A name: a path, a symbol, an option.
    pub name: fn(&str) -> String,
    /// Words, perhaps with names in `'…'`.
    pub prose: fn(&str) -> String,
}

/// One fact about a cause: `head: text`, or the text alone when the head is empty.
#[derive(Debug, PartialEq, Eq)]
pub struct Fact {
    /// A word of [`words`], or nothing.
    pub head: &'static str,
    /// The text, ready for its channel.
    pub text: String,
}

/// How a cause is headed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    /// It failed, and the source is to be changed.
    Error,
    /// It failed, and the source is not to blame.
    Infrastructure,
    /// It failed nothing.
    Warning,
    /// It was only noted.
    Note,
}

impl Label {
    /// Of an entry of [`Report::causes`].
    pub fn of_cause(cause: &Cause) -> Self {
        if cause.kind == Kind::Infrastructure { Self::Infrastructure } else { Self::Error }
    }

    /// Of an entry of [`Report::warnings`].
    pub fn of_warning(cause: &Cause) -> Self {
        if cause.severity == Severity::Note { Self::Note } else { Self::Warning }
    }

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => words::ERROR,
            Self::Infrastructure => words::INFRASTRUCTURE,
            Self::Warning => words::WARNING,
            Self::Note => words::NOTE,
        }
    }

    /// Its word in lists that know only levels, and the word that has to be put in front of the
    /// title then.
    pub fn level(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Infrastructure => (words::ERROR, Some(words::INFRASTRUCTURE)),
            other => (other.word(), None),
        }
    }
}

/// All causes and then all warnings, with their labels.
pub fn labelled(report: &Report) -> impl Iterator<Item = (Label, &Cause)> {
    let causes = report.causes.iter().map(|cause| (Label::of_cause(cause), cause));
    causes.chain(report.warnings.iter().map(|cause| (Label::of_warning(cause), cause)))
}

/// `file:line:column`, as far as known.
pub fn place(location: &Location) -> String {
    let mut out = location.file.clone();
    if let Some(line) = location.line {
        out.push_str(&format!(":{line}"));
        if let Some(column) = location.column {
            out.push_str(&format!(":{column}"));
        }
    }
    out
}

/// The place of a cause, or nothing.
pub fn place_of(cause: &Cause) -> String {
    cause.location.as_ref().map(place).unwrap_or_default()
}

/// The first place in the repository, with its path there: that of the cause, else the file that
/// includes it, else another one of its places. When all are outside, the cause's own.
pub fn in_repository(cause: &Cause) -> Option<(String, &Location)> {
    let own = cause.location.as_ref()?;
    let mut all = std::iter::once(own).chain(&cause.includes).chain(&cause.places);
    all.find_map(|place| Some((paths::relative(&place.file)?, place))).or_else(|| {
        let path = own.file.trim_start_matches('/');
        (!path.is_empty()).then(|| (path.to_owned(), own))
    })
}

/// Most characters of one text where people read; C++ can fill pages with one type.
const READABLE: usize = 400;

/// The text, cut off where nobody reads on.
fn shortened(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(READABLE) {
        Some((end, _)) => Cow::Owned(format!("{}...", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// The title at a length that can be read.
pub fn title(cause: &Cause) -> String {
    shortened(&cause.title).into_owned()
}

/// Name of the log in which a cause was first seen; none for standard input.
pub fn log_name(cause: &Cause) -> Option<&str> {
    cause.builds.first().map(String::as_str).filter(|name| !name.is_empty() && *name != "-")
}

/// The macros that the place came through, in the order of the notes.
pub fn macros(cause: &Cause) -> Vec<&str> {
    let mut names = Vec::new();
    for note in &cause.notes {
        let rest = ["in expansion of macro '", "expanded from macro '", "expanded from macro: '"]
            .iter()
            .find_map(|start| note.message.strip_prefix(start));
        if let Some(name) = rest.and_then(|rest| rest.split('\'').next())
            && !name.is_empty()
            && !names.contains(&name)
        {
            names.push(name);
        }
    }
    names
}

/// True when the tool's message says something that the title does not: a name or number that is
/// not in the title, or mostly other words where there are none.
pub fn message_adds(cause: &Cause) -> bool {
    if cause.message.len() > 4 * READABLE {
        return true;
    }
    let title = shortened(&cause.title).to_lowercase();
    let message = cause.message.to_lowercase();
    if message.trim().is_empty() || title.contains(message.trim()) {
        return false;
    }
    let mut telling = message.split(['\'', '"']).skip(1).step_by(2).filter(|name| !name.trim().is_empty()).peekable();
    if telling.peek().is_some() {
        return telling.any(|name| !title.contains(name));
    }
    let words: Vec<&str> = message
        .split(|c: char| c.is_whitespace() || ",;()".contains(c))
        .map(|word| word.trim_matches(['.', ':']))
        .filter(|word| word.len() > 2 || word.bytes().any(|b| b.is_ascii_digit()))
        .collect();
    let is_telling = |word: &str| word.bytes().any(|b| b.is_ascii_digit() || b"_/.<=".contains(&b));
    let missing = |word: &&str| !title.contains(*word);
    words.iter().copied().filter(|word| is_telling(word)).any(|word| missing(&word))
        || words.iter().filter(|word| missing(word)).count() * 2 > words.len()
}

/// The first file that a cause breaks, with how many there are.
fn reach(cause: &Cause) -> (Option<&str>, u64) {
    let is_source = |file: &&str| {
        let extension = file.rsplit('.').next().unwrap_or_default();
        !matches!(extension, "h" | "hh" | "hpp" | "hxx" | "inc" | "def")
    };
    let place = cause.location.as_ref().map(|place| place.file.as_str());
    let first = cause
        .includes
        .last()
        .map(|place| place.file.as_str())
        .or(place.filter(is_source))
        .or(cause.objects.first().map(String::as_str));
    (first, cause.counts.files)
}

/// `breaks a.c and 3 more files; 14 messages follow from it`; none when there is nothing to say.
pub fn extent(cause: &Cause, voice: Voice) -> Option<String> {
    let mut parts = Vec::new();
    let (first, files) = reach(cause);
    let place = cause.location.as_ref().map(|place| place.file.as_str());
    let told = first.is_none() || first == place || cause.includes.last().map(|place| place.file.as_str()) == first;
    if files > 1 || (files == 1 && !told) {
        parts.push(words::breaks(first.map(voice.name).as_deref(), files));
    } else if cause.counts.findings > 1 {
        parts.push(words::reported(cause.counts.findings));
    }
    if cause.counts.consequences > 0 {
        parts.push(words::consequences(cause.counts.consequences));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// Most names that are listed in one line.
const LISTED: usize = 4;

/// The builds that have a cause, when there are several builds.
pub fn in_builds(cause: &Cause, report: &Report, voice: Voice) -> Option<String> {
    if report.builds.len() < 2 || cause.builds.is_empty() {
        return None;
    }
    let names: Vec<String> = cause.builds.iter().take(LISTED).map(|name| (voice.name)(name)).collect();
    let more = cause.builds.len().saturating_sub(LISTED) as u64;
    Some(words::in_builds(cause.builds.len() as u64, report.builds.len() as u64, &names.join(", "), more))
}

/// What the builds that have a cause share, when there are several builds.
pub fn attributed(cause: &Cause, report: &Report, voice: Voice) -> Option<String> {
    let found = &cause.attribution;
    let nothing = found.explains == Explains::None && (found.counts.passing == 0 || report.builds.len() < 3);
    let every = found.axes.is_empty() && found.explains == Explains::All && found.counts.not_reached == 0;
    if report.builds.len() < 2 || found.statement.is_empty() || nothing || every {
        return None;
    }
    let counts = words::attribution_counts(found.counts.failing, found.counts.passing, found.counts.not_reached);
    Some(format!("{}: {counts}", (voice.prose)(&found.statement)))
}

/// True when the baseline does not have it.
pub fn is_new(cause: &Cause) -> bool {
    cause.state == Some(State::New)
}

/// What stands before the label of a cause: that it is new, and its number where there is a grid.
pub fn mark(cause: &Cause, number: Option<usize>) -> String {
    let new = if is_new(cause) { words::NEW } else { "" };
    format!("{new}{}", number.map(words::cause_number).unwrap_or_default())
}

/// A commit, its title and why.
pub fn suspected(suspect: &Suspect, voice: Voice) -> String {
    let head = committed(&suspect.commit, &suspect.title, voice);
    let reasons: Vec<String> = suspect.reasons.iter().map(|reason| (voice.prose)(reason)).collect();
    if reasons.is_empty() { head } else { format!("{head}: {}", reasons.join(", ")) }
}

/// A commit and its title, so that it can be copied.
fn committed(commit: &str, title: &str, voice: Voice) -> String {
    format!("{} {}", (voice.name)(commit), (voice.prose)(&format!("(\"{title}\")")))
}

/// The head of a fix.
pub fn fix_head(fix: &Fix) -> &'static str {
    match fix.applicability {
        Applicability::Verified => words::VERIFIED_FIX,
        Applicability::Unverified => words::FIX,
        Applicability::Advice => words::HELP,
    }
}

/// Where the message stands in the log.
pub fn log_place(cause: &Cause, name: fn(&str) -> String) -> String {
    words::log_line(cause.log.line, log_name(cause).map(name).as_deref())
}

/// What there is to say about a cause apart from its title, place and source line.
pub fn facts(cause: &Cause, report: &Report, voice: Voice, verbose: u8, label: Option<&str>) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut add = |head: &'static str, text: String| {
        if !text.is_empty() {
            facts.push(Fact { head, text });
        }
    };
    let (name, prose) = (voice.name, voice.prose);
    if message_adds(cause) || (verbose > 0 && cause.message != cause.title) {
        let message = if verbose > 0 { Cow::Borrowed(cause.message.as_str()) } else { shortened(&cause.message) };
        add(words::MESSAGE, prose(&message));
    }
    if verbose > 0 {
        add(words::MEANING, prose(&cause.explanation));
        if let Some(hint) = &cause.hint {
            add(words::HINT, prose(hint));
        }
    }
    for known in macros(cause).into_iter().take(if verbose > 0 { usize::MAX } else { 2 }) {
        if Some(known) != label {
            add("", words::through_macro(&name(known)));
        }
    }
    for from in cause.includes.iter().take(if verbose > 0 { usize::MAX } else { 1 }) {
        add("", words::included_from(&name(&place(from))));
    }
    if let Some(text) = extent(cause, voice) {
        add("", text);
    }
    if let Some(text) = in_builds(cause, report, voice) {
        add("", text);
    }
    if let Some(text) = attributed(cause, report, voice) {
        add(words::AXES, text);
    }
    add(words::HISTORY, prose(&cause.history));
    add(words::GUARDS, listed(cause.guards.iter().map(|symbol| name(symbol)), verbose));
    if verbose > 0 {
        details(cause, voice, verbose, &mut add);
    }
    let fixes = if verbose > 0 { cause.fixes.len() } else { 1 };
    for fix in cause.fixes.iter().take(fixes) {
        add(fix_head(fix), prose(&fix.title));
    }
    for suspect in cause.suspects.iter().take(if verbose > 0 { usize::MAX } else { 1 }) {
        match (suspect.proved, &suspect.fixes) {
            (false, _) => add(words::SUSPECT, suspected(suspect, voice)),
            (true, Some(_)) => add(words::FIXES, committed(&suspect.commit, &suspect.title, voice)),
            (true, None) => add(words::PROVED, committed(&suspect.commit, &suspect.title, voice)),
        }
    }
    bisected(cause, voice, verbose, &mut add);
    add(words::MAINTAINERS, listed(cause.maintainers.iter().map(|who| prose(who)), verbose));
    if verbose > 0 {
        for reference in &cause.references {
            add(words::SEE, name(reference));
        }
    }
    facts
}

/// What builds of a range told.
fn bisected(cause: &Cause, voice: Voice, verbose: u8, add: &mut dyn FnMut(&'static str, String)) {
    let Some(bisection) = &cause.bisection else { return };
    let prose = voice.prose;
    if let Some(proved) = &cause.proved {
        let mut text = words::proof(proved.how, bisection.built, bisection.skipped);
        let why = cause.suspects.first().filter(|suspect| suspect.proved).map(|suspect| suspect.reasons.join(", "));
        if let Some(why) = why.filter(|why| !why.is_empty()) {
            text = format!("{text}; it {why}");
        }
        add(words::BISECTED, prose(&text));
    }
    if let Some(reason) = &bisection.reason {
        let names = listed(bisection.left.iter().map(|commit| (voice.name)(commit)), verbose);
        let names = if names.is_empty() { names } else { format!(": {names}") };
        let built = words::states_built(bisection.built, bisection.skipped);
        add(words::BISECTED, format!("{}{names}{}", prose(reason), prose(&format!(" ({built})"))));
    }
    for step in bisection.steps.iter().filter(|_| verbose > 0) {
        let commit = committed(&step.commit, &step.title, voice);
        let result = words::step_result(step.result, step.reason.as_deref());
        let without = if step.reverted { words::WITHOUT } else { "" };
        add("", format!("{without}{commit} {}", prose(&result)));
    }
}

/// The facts that only `-v` shows, and with `-vv` those for the maker of rules.
fn details(cause: &Cause, voice: Voice, verbose: u8, add: &mut dyn FnMut(&'static str, String)) {
    let (name, prose) = (voice.name, voice.prose);
    for note in cause.notes.iter().filter(|note| !note.message.contains(" macro '")) {
        let text = prose(&note.message);
        add(
            words::NOTE,
            match &note.location {
                Some(at) => format!("{}: {text}", name(&place(at))),
                None => text,
            },
        );
    }
    if !cause.places.is_empty() {
        add(words::PLACES, listed(cause.places.iter().map(|at| name(&place(at))), verbose));
    }
    if let Some(option) = &cause.option {
        add(words::OPTION, if cause.werror { words::made_error(&name(option)) } else { name(option) });
    }
    if cause.location.is_some() && cause.log.line > 0 {
        add("", words::in_log(&log_place(cause, name)));
    }
    if verbose > 1 {
        add(words::CLASS, name(&cause.class));
        add(words::DIAGNOSIS, name(cause.diagnosis.as_deref().unwrap_or_default()));
        add(words::SYMBOLS, listed(cause.symbols.iter().map(|symbol| name(symbol)), verbose));
        add(words::OBJECTS, listed(cause.objects.iter().map(|object| name(object)), verbose));
        add(words::TOOL, name(&tool_name(cause)));
        add(words::FINGERPRINT, name(&cause.fingerprint));
    }
}

fn listed(names: impl ExactSizeIterator<Item = String>, verbose: u8) -> String {
    let shown = if verbose > 1 { usize::MAX } else { LISTED };
    let hidden = names.len().saturating_sub(shown) as u64;
    let mut names: Vec<String> = names.take(shown).collect();
    if hidden > 0 {
        names.push(words::and_more(hidden));
    }
    names.join(", ")
}

/// A plain enum value as JSON has it.
pub fn json_name(value: impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }
}

/// `cc (gnu)`.
fn tool_name(cause: &Cause) -> String {
    let tool = json_name(cause.tool);
    match cause.flavor {
        Some(flavor @ (Flavor::Gnu | Flavor::Llvm)) => format!("{tool} ({})", json_name(flavor)),
        None => tool,
    }
}

/// `gcc 12.2 arm64 defconfig`, from what is known of a build.
pub fn axes(build: &Build) -> String {
    let known = ["toolchain", "version", "arch", "config", "target"];
    let values: Vec<&str> = known.iter().filter_map(|key| build.axes.get(*key)).map(String::as_str).collect();
    values.join(" ")
}

/// What the footer says of the builds: the axes of the only one, or how many failed.
pub fn builds(report: &Report) -> String {
    match report.builds.as_slice() {
        [] => String::new(),
        [build] => axes(build),
        builds => {
            let failed = builds.iter().filter(|build| build.status == Status::Fail).count();
            words::builds(builds.len() as u64, failed as u64)
        }
    }
}

/// `1 cause, 1 verified fix`.
pub fn totals(report: &Report) -> String {
    let mut parts = vec![words::causes(report.causes.len() as u64)];
    let first = |wanted: Applicability| {
        let fixes = report.causes.iter().filter_map(|cause| cause.fixes.first());
        fixes.filter(|fix| fix.patch.is_some() && fix.applicability == wanted).count() as u64
    };
    match first(Applicability::Verified) {
        0 => {}
        n => parts.push(words::verified_fixes(n)),
    }
    match first(Applicability::Unverified) {
        0 => {}
        n => parts.push(words::unverified_fixes(n)),
    }
    parts.join(", ")
}

/// What to say when there is no cause: one sentence.
pub fn verdict(report: &Report) -> String {
    let failed = report.builds.iter().any(|build| build.status == Status::Fail);
    let empty = report.builds.iter().all(|build| build.status == Status::Empty);
    if report.builds.is_empty() {
        words::NO_LOG.to_owned()
    } else if failed {
        words::NO_CAUSE.to_owned()
    } else if empty && report.summary.lines == 0 {
        words::EMPTY_LOG.to_owned()
    } else {
        words::no_failure(report.summary.lines)
    }
}

/// The lines read and the time taken.
pub fn effort(report: &Report, elapsed: Option<std::time::Duration>) -> String {
    let lines = words::lines(report.summary.lines);
    match elapsed {
        Some(time) => format!("{lines} {}", words::took(time)),
        None => lines,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{fixture, safe};

    const PLAIN: Voice = Voice { name: safe::line, prose: safe::line };

    fn adds(title: &str, message: &str) -> bool {
        message_adds(&Cause { title: title.into(), message: message.into(), ..fixture::cause() })
    }

    #[test]
    fn when_the_message_adds_to_the_title() {
        assert!(!adds("'f' is used but not declared", "implicit declaration of function 'f'"));
        assert!(adds("'f' has another type", "conflicting types for 'f'; have 'int(void)'"));
        assert!(adds("an #error was reached", "#error Please select a clock"));
        assert!(adds("the image does not fit", "region 'flash' overflowed by 8 bytes"));
        assert!(adds("the image is too large", "image overflowed by 8 bytes"));
        assert!(!adds("internal compiler error", "internal compiler error"));
        assert!(!adds("x", ""));
    }

    #[test]
    fn places_outside_of_the_repository() {
        let mut cause = fixture::cause();
        let place = |cause: &Cause| in_repository(cause).map(|(path, place)| (path, place.line));
        cause.location = Some(Location::new("/usr/include/zlib.h", Some(3), None));
        assert_eq!(place(&cause), Some(("include/linux/stack.h".into(), Some(8))));
        cause.includes.clear();
        cause.places.clear();
        assert_eq!(place(&cause), Some(("usr/include/zlib.h".into(), Some(3))));
        cause.location = None;
        assert_eq!(place(&cause), None);
    }

    #[test]
    fn extent_of_a_cause() {
        let mut cause = fixture::cause();
        assert_eq!(
            extent(&cause, PLAIN).unwrap(),
            "breaks kernel/sched/stack.c and 11 more files; 14 messages follow from it"
        );
        cause.counts.files = 1;
        cause.counts.findings = 1;
        cause.counts.consequences = 0;
        assert_eq!(extent(&cause, PLAIN), None);
        cause.includes.clear();
        assert_eq!(extent(&cause, PLAIN), None);
        cause.objects = vec!["kernel/sched/stack.o".into()];
        assert_eq!(extent(&cause, PLAIN).unwrap(), "breaks kernel/sched/stack.o");
        cause.objects.clear();
        cause.counts.findings = 3;
        cause.counts.consequences = 1;
        assert_eq!(extent(&cause, PLAIN).unwrap(), "reported 3 times; 1 message follows from it");
        cause.counts = Default::default();
        assert_eq!(extent(&cause, PLAIN), None);
    }
}
