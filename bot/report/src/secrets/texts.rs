//! Every text of a report. Each type is taken apart by all its fields, so that a new one cannot be forgotten.

use std::collections::BTreeMap;

use triage_causes::report::{
    Attribution, Baseline, Bisection, Build, BuiltCommit, Cause, Fix, Past, Problem, Proved, Report, Suspect, TimePair,
    Timing,
};
use triage_log::diagnostic::{Location, Note, Snippet};

/// Shows each text to `see`.
pub fn visit(report: &mut Report, see: &mut dyn FnMut(&mut String)) {
    let Report { version: _, causes, warnings, builds, summary: _, patch, problems, baseline, times } = report;
    for of in causes.iter_mut().chain(warnings) {
        cause(of, see);
    }
    for Build { id, axes, status: _, lines: _, bytes: _, diagnostics: _ } in builds {
        see(id);
        values(axes, see);
    }
    patch.iter_mut().for_each(&mut *see);
    for Problem { name, message } in problems {
        see(name);
        see(message);
    }
    if let Some(Baseline { name, builds: _, new: _, still_failing: _, changed: _, fixed, unknown }) = baseline {
        see(name);
        for Past { fingerprint: _, class, title, place, builds: _ } in fixed.iter_mut().chain(unknown) {
            [class, title].into_iter().chain(place).for_each(&mut *see);
        }
    }
    for TimePair { axes, base, new, elapsed_ratio: _, cpu_ratio: _, exceeds_noise: _ } in times {
        values(axes, see);
        for of in [base, new] {
            let Timing { source: _, name, build, elapsed: _, deviation: _, user: _, system: _, cpu: _, runs: _ } = of;
            see(name);
            see(build);
        }
    }
}

fn cause(cause: &mut Cause, see: &mut dyn FnMut(&mut String)) {
    let Cause {
        rule,
        class,
        diagnosis,
        kind: _,
        title,
        message,
        tool: _,
        flavor: _,
        severity: _,
        location: place,
        function,
        symbols,
        option,
        werror: _,
        fingerprint: _,
        builds,
        counts: _,
        places,
        includes,
        objects,
        notes,
        snippet,
        hint,
        explanation,
        fixes,
        log: _,
        references,
        units,
        attribution,
        guards,
        state: _,
        suspects,
        proved,
        bisection,
        maintainers,
        history,
    } = cause;
    [rule, class, title, message, explanation, history].into_iter().for_each(&mut *see);
    [diagnosis, function, option, hint].into_iter().flatten().for_each(&mut *see);
    let lists = [symbols, builds, objects, references, units, guards, maintainers];
    lists.into_iter().flatten().for_each(&mut *see);
    place.iter_mut().chain(places).chain(includes).for_each(|place| location(place, see));
    for Note { location: place, message } in notes {
        place.iter_mut().for_each(|place| location(place, see));
        see(message);
    }
    if let Some(Snippet { line: _, text, marks: _ }) = snippet {
        see(text);
    }
    for Fix { applicability: _, kind, title, header, file, line: _, package, patch } in fixes {
        see(kind);
        see(title);
        [header, file, package, patch].into_iter().flatten().for_each(&mut *see);
    }
    let Attribution { axes, explains: _, statement, alternatives, failing, passing, not_reached, counts: _ } =
        attribution;
    see(statement);
    let lists = std::iter::once(axes).chain(alternatives).flat_map(|axes| axes.values_mut());
    lists.chain([failing, passing, not_reached]).flatten().for_each(&mut *see);
    for Suspect { commit, title, author, reasons, score: _, fixes, proved: _ } in suspects {
        [commit, title, author].into_iter().chain(reasons).chain(fixes).for_each(&mut *see);
    }
    if let Some(Proved { how: _, commit, title, author, fixes }) = proved {
        [commit, title, author].into_iter().chain(fixes).for_each(&mut *see);
    }
    if let Some(Bisection { built: _, skipped: _, steps, left, reason }) = bisection {
        for BuiltCommit { commit, title, reverted: _, result: _, reason, took: _ } in steps {
            [commit, title].into_iter().chain(reason).for_each(&mut *see);
        }
        left.iter_mut().chain(reason).for_each(&mut *see);
    }
}

fn location(location: &mut Location, see: &mut dyn FnMut(&mut String)) {
    let Location { file, line: _, column: _ } = location;
    see(file);
}

/// The names of axes are ours or a manifest's; their values may be a log's.
fn values(axes: &mut BTreeMap<String, String>, see: &mut dyn FnMut(&mut String)) {
    axes.values_mut().for_each(see);
}
