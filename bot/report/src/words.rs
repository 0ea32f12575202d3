//! Every sentence that the renderers say by themselves, in one place, so that the wording can be
//! reviewed at one sight.
//!
//! Names that are put into a sentence come ready for their channel (see [`crate::safe`]).

use std::io;
use std::time::Duration;

use triage_causes::report::{Baseline, How, StepResult, TimePair};

/// Name of the program.
pub const PROGRAM: &str = "triage";
/// Head of a cause in the code.
pub const ERROR: &str = "error";
/// Head of a message that failed nothing.
pub const WARNING: &str = "warning";
/// Head of what was only noted.
pub const NOTE: &str = "note";
/// Head of a cause that is not the author's: the machine, its tools, its network.
pub const INFRASTRUCTURE: &str = "infrastructure";
/// Before the tool's own message.
pub const MESSAGE: &str = "message";
/// Before what the message means.
pub const MEANING: &str = "meaning";
/// Before a fix that was compiled.
pub const VERIFIED_FIX: &str = "verified fix";
/// Before a fix that was not compiled.
pub const FIX: &str = "fix";
/// Before advice.
pub const HELP: &str = "help";
/// Before the option that controls a message.
pub const OPTION: &str = "option";
/// Before what the compiler proposes.
pub const HINT: &str = "the compiler proposes";
/// Before other places.
pub const PLACES: &str = "also at";
/// Before a reference.
pub const SEE: &str = "see";
/// Before the class.
pub const CLASS: &str = "class";
/// Before the diagnosis.
pub const DIAGNOSIS: &str = "diagnosis";
/// Before the fingerprint.
pub const FINGERPRINT: &str = "fingerprint";
/// Before object files and targets.
pub const OBJECTS: &str = "objects";
/// Before the names it is about.
pub const SYMBOLS: &str = "symbols";
/// Before the name of the tool.
pub const TOOL: &str = "printed by";
/// An empty log.
pub const EMPTY_LOG: &str = "the log is empty";
/// Nothing could be read.
pub const NO_LOG: &str = "no log was read";
/// A log that failed without a cause.
pub const NO_CAUSE: &str = "the build failed, but no cause was found in its log";
/// How to get the patch.
pub const PATCH_HINT: &str = "(triage --patch > fix.patch)";
/// Over a patch that is folded.
pub const PATCH: &str = "patch";
/// Name of a build without a log name.
pub const BUILD: &str = "build";
/// Over a grid of builds that is folded.
pub const BUILDS: &str = "builds";
/// The name of a link to where the logs are.
pub const LOGS: &str = "logs";
/// When nothing failed that a change of the code could repair.
pub const NOT_THE_CHANGE: &str = "What failed is the machine that builds, not the change.";
/// What can be asked for in an answer to a comment.
pub const COMMANDS: &[&str] = &["explain", "retest", "dismiss", "why"];
/// In JUnit: what stands for a whole build that passed.
pub const PASSED: &str = "no failure found";

/// A number with blanks between thousands.
pub fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + 6);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

/// A number with its noun.
pub fn count(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", number(n), if n == 1 { one } else { many })
}

/// `1 cause`.
pub fn causes(n: u64) -> String {
    count(n, "cause", "causes")
}

/// `2 412 lines`.
pub fn lines(n: u64) -> String {
    count(n, "line", "lines")
}

/// `3 builds, 2 of them failed`.
pub fn builds(all: u64, failed: u64) -> String {
    match failed {
        0 => format!("{}, none failed", count(all, "build", "builds")),
        n if n == all => format!("{}, all failed", count(all, "build", "builds")),
        n => format!("{}, {} of them failed", count(all, "build", "builds"), number(n)),
    }
}

/// `1 verified fix`.
pub fn verified_fixes(n: u64) -> String {
    count(n, "verified fix", "verified fixes")
}

/// `2 unverified fixes`.
pub fn unverified_fixes(n: u64) -> String {
    count(n, "unverified fix", "unverified fixes")
}

/// When nothing failed.
pub fn no_failure(lines_read: u64) -> String {
    format!("no failure found in {}", lines(lines_read))
}

/// When nothing failed but there are warnings that are not shown.
pub fn hidden_warnings(n: u64) -> String {
    let them = if n == 1 { "it" } else { "them" };
    format!("({}; show {them} with --warnings)", count(n, "warning", "warnings"))
}

/// Before the causes that get one line each.
pub fn more_causes(n: u64) -> String {
    format!("and {}:", count(n, "more cause", "more causes"))
}

/// After the causes that fit into a comment. `link` is ready for its channel.
pub fn causes_left(n: u64, link: Option<&str>) -> String {
    let causes = count(n, "more cause", "more causes");
    link.map_or_else(|| format!("and {causes} that have no room here"), |link| format!("and {causes}: see {link}"))
}

/// In the place of a comment about failures when there are none any more.
pub fn resolved(builds: u64, lines_read: u64) -> String {
    if lines_read == 0 {
        return "No failure any more.".to_owned();
    }
    let builds = if builds > 1 { format!(" of {}", count(builds, "build", "builds")) } else { String::new() };
    format!("No failure any more in {}{builds}.", lines(lines_read))
}

/// How to ask for more, in Markdown.
pub fn ask(commands: &[&str]) -> String {
    let commands: Vec<String> = commands.iter().map(|command| format!("`/{PROGRAM} {command}`")).collect();
    format!("answer with {}", commands.join(", "))
}

/// Which part of a fix that comes in several.
pub fn part(number: u64, total: u64) -> String {
    format!(" (part {number} of {total}; all are needed)")
}

/// In the annotations of GitHub, which shows ten of a kind.
pub fn more_below(n: u64) -> String {
    format!("{} in the log of this step", count(n, "more cause is", "more causes are"))
}

/// Which translation units or targets a cause breaks. `files` counts `first` in.
pub fn breaks(first: Option<&str>, files: u64) -> String {
    match (first, files) {
        (Some(first), 0 | 1) => format!("breaks {first}"),
        (Some(first), n) => format!("breaks {first} and {}", count(n - 1, "more file", "more files")),
        (None, n) => format!("breaks {}", count(n, "file", "files")),
    }
}

/// How often one file has it.
pub fn reported(n: u64) -> String {
    format!("reported {}", count(n, "time", "times"))
}

/// How many messages go away with it.
pub fn consequences(n: u64) -> String {
    let verb = if n == 1 { "follows" } else { "follow" };
    format!("{} {verb} from it", count(n, "message", "messages"))
}

/// The macro that a place came from.
pub fn through_macro(name: &str) -> String {
    format!("through the macro {name}")
}

/// The file that includes the place.
pub fn included_from(place: &str) -> String {
    format!("included from {place}")
}

/// The builds that have a cause, of several.
pub fn in_builds(seen: u64, all: u64, names: &str, more: u64) -> String {
    if seen == all {
        return format!("in all {}", count(all, "build", "builds"));
    }
    let more = if more > 0 { format!(" and {} more", number(more)) } else { String::new() };
    format!("in {} of {}: {names}{more}", number(seen), count(all, "build", "builds"))
}

/// Before the statement about the axes of the builds that have a cause.
pub const AXES: &str = "axes";
/// Before what is known of a cause from builds before.
pub const HISTORY: &str = "history";
/// Before configuration symbols.
pub const GUARDS: &str = "depends on";
/// Before a commit that could have done it.
pub const SUSPECT: &str = "suspect";
/// Before the commit that was shown to have done it.
pub const PROVED: &str = "done by";
/// Before how it was shown, or why it was not.
pub const BISECTED: &str = "bisected";
/// Before the line for the message of a commit that repairs it.
pub const FIXES: &str = "Fixes";

/// How a commit was proved.
pub fn proof(how: How, built: u64, skipped: u64) -> String {
    let shown = match how {
        How::Revert => "it fails there, and the end of the range builds without it",
        How::Bisect => "it fails there and not before it",
    };
    format!("{shown} ({})", states_built(built, skipped))
}

/// Before a commit that was taken out of the end of the range.
pub const WITHOUT: &str = "without ";

/// What came out of a state of the tree that was built.
pub fn step_result(result: StepResult, reason: Option<&str>) -> String {
    let result = match result {
        StepResult::Good => "is good",
        StepResult::Bad => "is bad",
        StepResult::Skipped => "was skipped",
    };
    reason.map_or_else(|| result.to_owned(), |reason| format!("{result}: {reason}"))
}

/// How much was built.
pub fn states_built(built: u64, skipped: u64) -> String {
    let skipped = if skipped > 0 { format!(", {} skipped", number(skipped)) } else { String::new() };
    format!("{}{skipped}", count(built, "build", "builds"))
}

/// Before the people who take care of a file.
pub const MAINTAINERS: &str = "maintainers";
/// Stands before what is new beside a baseline, as kernel developers know it.
pub const NEW: &str = ">> ";

/// Above build times.
pub const TIMES: &str = "build times";
/// After a difference that is none.
pub const NOISE: &str = " (within noise)";
/// Before a cause that is gone.
pub const FIXED: &str = "fixed";
/// Before a cause that no build could have met again.
pub const NOT_REACHED: &str = "not seen again, and not reached";

/// The number of a cause, before its label.
pub fn cause_number(n: usize) -> String {
    format!("[{n}] ")
}

/// Rows of a table that are not shown.
pub fn more_rows(n: u64) -> String {
    format!("and {}; the page (--format html) has all", count(n, "more row", "more rows"))
}

/// `beside last-week (40 builds): 1 new, 2 still failing, 1 changed, 3 fixed`.
pub fn since(baseline: &Baseline) -> String {
    let parts = [
        (baseline.new, "new"),
        (baseline.still_failing, "still failing"),
        (baseline.changed, "changed in kind"),
        (baseline.fixed.len() as u64, "fixed"),
        (baseline.unknown.len() as u64, "not reached"),
    ];
    let parts: Vec<String> =
        parts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{} {word}", number(*n))).collect();
    let parts = if parts.is_empty() { "nothing failed, now or then".to_owned() } else { parts.join(", ") };
    format!("beside {} ({}): {parts}", baseline.name, count(baseline.builds, "build", "builds"))
}

/// `97.2 s`, `2 min 3 s`.
pub fn seconds(value: f64) -> String {
    match value {
        value if value >= 600.0 => format!("{} min {:.0} s", (value / 60.0).floor(), value % 60.0),
        value if value >= 1.0 => format!("{value:.2} s"),
        value => format!("{:.1} ms", value * 1000.0),
    }
}

/// `+27.3%` for a ratio of 1.273.
pub fn percent(ratio: f64) -> String {
    format!("{:+.1}%", (ratio - 1.0) * 100.0)
}

/// What is known of the build that was measured, else its name.
pub fn pair_label(pair: &TimePair) -> String {
    let known = ["arch", "toolchain", "version", "config"];
    let values: Vec<&str> = known.iter().filter_map(|name| pair.axes.get(*name)).map(String::as_str).collect();
    if values.is_empty() { pair.new.name.clone() } else { values.join(" ") }
}

/// How many builds fail, pass, and say nothing about a cause.
pub fn attribution_counts(failing: u64, passing: u64, silent: u64) -> String {
    let mut parts = vec![count(failing, "build fails", "builds fail")];
    if passing > 0 {
        parts.push(if passing == 1 { "1 passes".to_owned() } else { format!("{} pass", number(passing)) });
    }
    if silent > 0 {
        parts.push(format!("{} cannot tell", number(silent)));
    }
    parts.join(", ")
}

/// A function, as a call where it is a bare name.
pub fn call(name: &str) -> String {
    if name.contains(['(', ' ']) { name.to_owned() } else { format!("{name}()") }
}

/// After a location. `call` is from [`call`].
pub fn in_function(call: &str) -> String {
    format!(", in {call}")
}

/// A place in the log. `log` is none for standard input.
pub fn log_line(line: u64, log: Option<&str>) -> String {
    match log {
        Some(log) => format!("line {line} of {log}"),
        None => format!("line {line} of the log"),
    }
}

/// Where in the log the message stands.
pub fn in_log(place: &str) -> String {
    format!("at {place}")
}

/// An option that made an error of a warning.
pub fn made_error(option: &str) -> String {
    format!("{option}, an error because of -Werror")
}

/// A list that was cut off.
pub fn and_more(n: u64) -> String {
    format!("and {} more", number(n))
}

/// A patch that was not compiled, for channels that have no other mark.
pub const UNVERIFIED: &str = "not compiled";

/// What was not read.
pub fn problem(name: &str, message: &str) -> String {
    if name.is_empty() { message.to_owned() } else { format!("{name}: {message}") }
}

/// How long it took.
pub fn took(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1000.0;
    if ms < 1.0 {
        format!("in {ms:.1} ms")
    } else if ms < 1000.0 {
        format!("in {ms:.0} ms")
    } else if ms < 60_000.0 {
        format!("in {:.1} s", ms / 1000.0)
    } else {
        format!("in {} min {} s", time.as_secs() / 60, time.as_secs() % 60)
    }
}

/// An error of the system in words, without its number.
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut chars = text.chars();
    match (chars.next(), text.chars().nth(1)) {
        (Some(first), Some(second)) if second.is_lowercase() => first.to_lowercase().chain(chars).collect(),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_plurals() {
        assert_eq!(number(0), "0");
        assert_eq!(number(1_234_567), "1 234 567");
        assert_eq!(causes(1), "1 cause");
        assert_eq!(lines(2412), "2 412 lines");
        assert_eq!(breaks(Some("a.c"), 12), "breaks a.c and 11 more files");
        assert_eq!(breaks(Some("a.c"), 2), "breaks a.c and 1 more file");
        assert_eq!(breaks(None, 3), "breaks 3 files");
        assert_eq!(consequences(1), "1 message follows from it");
        assert_eq!(builds(3, 2), "3 builds, 2 of them failed");
        assert_eq!(in_function(&call("f")), ", in f()");
        assert_eq!(call("int N::f(int)"), "int N::f(int)");
        assert_eq!(took(Duration::from_micros(300)), "in 0.3 ms");
        assert_eq!(took(Duration::from_secs(75)), "in 1 min 15 s");
    }
}
