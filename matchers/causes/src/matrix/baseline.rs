//! What is new beside an earlier report, what still fails, what is repaired.
//!
//! Fingerprints leave out lines, directories and compilers, so most causes are found again by
//! theirs. What a rename of the file or other words of another compiler's version changed is found
//! by what is left: the same class about the same symbol, or the same message in the same file.
//! What is about the same symbol or line in the same file, and of another class, changed in kind.

use std::collections::{BTreeSet, HashMap};

use super::data::{Baseline, Past, State};
use crate::place;
use crate::report::{Cause, Report};

/// Names each cause's state and gives what became of the others of `old`.
pub fn compare(report: &mut Report, old: &Report, name: &str) -> Baseline {
    let mut left: Vec<Option<&Cause>> = old.causes.iter().map(Some).collect();
    let mut states: Vec<Option<State>> = vec![None; report.causes.len()];
    // The surest match first, for all causes, so that none takes what is another's.
    let fits: [fn(&Cause, &Cause) -> bool; 4] = [same, moved, reworded, other_kind];
    for (number, fit) in fits.into_iter().enumerate() {
        let mut known = index(&left, number);
        for (cause, state) in report.causes.iter().zip(&mut states).filter(|(_, state)| state.is_none()) {
            let Some(candidates) = known.get_mut(&key(cause, number)) else { continue };
            let Some(at) = candidates.iter().position(|&at| left[at].is_some_and(|past| fit(past, cause))) else {
                continue;
            };
            left[candidates.remove(at)] = None;
            *state = Some(if number + 1 == fits.len() { State::Changed } else { State::StillFailing });
        }
    }
    let mut out = Baseline {
        name: name.to_owned(),
        builds: old.builds.len() as u64,
        new: 0,
        still_failing: 0,
        changed: 0,
        fixed: Vec::new(),
        unknown: Vec::new(),
    };
    for (cause, state) in report.causes.iter_mut().zip(states) {
        let state = state.unwrap_or(State::New);
        match state {
            State::New => out.new += 1,
            State::StillFailing => out.still_failing += 1,
            State::Changed => out.changed += 1,
        }
        cause.state = Some(state);
    }
    let passed: BTreeSet<Vec<(&String, &String)>> =
        axes_of(report, |build| build.status == crate::report::Status::Pass);
    for past in left.into_iter().flatten() {
        // A build that now fails of something else may not have come so far.
        let of_old = old.builds.iter().filter(|build| past.builds.contains(&build.id));
        let again = of_old.map(|build| build.axes.iter().collect::<Vec<_>>()).any(|axes| passed.contains(&axes));
        let none_failed = report.causes.is_empty();
        let list = if again || none_failed { &mut out.fixed } else { &mut out.unknown };
        list.push(past_of(past));
    }
    out
}

fn axes_of(report: &Report, wanted: impl Fn(&crate::report::Build) -> bool) -> BTreeSet<Vec<(&String, &String)>> {
    report.builds.iter().filter(|build| wanted(build)).map(|build| build.axes.iter().collect()).collect()
}

fn past_of(cause: &Cause) -> Past {
    let place = cause.location.as_ref().map(|at| match at.line {
        Some(line) => format!("{}:{line}", at.file),
        None => at.file.clone(),
    });
    Past {
        fingerprint: cause.fingerprint.clone(),
        class: cause.class.clone(),
        title: cause.title.clone(),
        place,
        builds: cause.builds.len() as u64,
    }
}

/// Past causes by what the match of the number needs to be equal: no cause is compared with all.
fn index(left: &[Option<&Cause>], number: usize) -> HashMap<String, Vec<usize>> {
    let mut known: HashMap<String, Vec<usize>> = HashMap::new();
    for (at, past) in left.iter().enumerate() {
        if let Some(past) = past {
            known.entry(key(past, number)).or_default().push(at);
        }
    }
    known
}

fn key(cause: &Cause, number: usize) -> String {
    let symbol = cause.symbols.first().map_or("", String::as_str);
    match number {
        0 => cause.fingerprint.clone(),
        1 => format!("{}\n{symbol}", cause.class),
        2 => format!("{}\n{}", cause.class, tail(cause)),
        _ => tail(cause),
    }
}

/// The last two names of the path.
fn tail(cause: &Cause) -> String {
    cause.location.as_ref().map(|at| place::tail(&at.file, None, None)).unwrap_or_default()
}

fn same(past: &Cause, now: &Cause) -> bool {
    past.fingerprint == now.fingerprint
}

/// The same of the same symbol, in a file of the same name or a line of the same text elsewhere.
fn moved(past: &Cause, now: &Cause) -> bool {
    let name = |cause: &Cause| tail(cause).rsplit('/').next().unwrap_or_default().to_owned();
    let text = |cause: &Cause| cause.snippet.as_ref().map(|snippet| snippet.text.trim().to_owned());
    let known = !now.symbols.is_empty();
    known && (name(past) == name(now) || text(past).is_some_and(|line| Some(line) == text(now)))
}

/// The same class in the same file, of the same line or mostly in the same words.
fn reworded(past: &Cause, now: &Cause) -> bool {
    let text = |cause: &Cause| cause.snippet.as_ref().map(|snippet| snippet.text.trim().to_owned());
    let line = text(past).is_some_and(|line| !line.is_empty() && Some(line) == text(now));
    let named = past.symbols.first() == now.symbols.first();
    line || (named && now.location.is_some() && alike(&past.message, &now.message))
}

/// Something else about the same symbol or the same text in the same file.
fn other_kind(past: &Cause, now: &Cause) -> bool {
    let text = |cause: &Cause| cause.snippet.as_ref().map(|snippet| snippet.text.trim().to_owned());
    let symbol = past.symbols.iter().any(|symbol| now.symbols.contains(symbol));
    let line = text(past).is_some_and(|line| !line.is_empty() && Some(line) == text(now));
    now.location.is_some() && (symbol || line) && past.class != now.class
}

/// True when most words of both are the same.
fn alike(a: &str, b: &str) -> bool {
    let words = |text: &str| -> BTreeSet<String> {
        text.split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() > 2).map(str::to_lowercase).collect()
    };
    let (a, b) = (words(a), words(b));
    let shared = a.intersection(&b).count();
    shared * 3 >= a.len().max(b.len()) * 2 && shared > 0
}
