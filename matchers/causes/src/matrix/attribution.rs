//! The smallest statement about the axes that is true of all builds with a cause and of none that
//! passed.
//!
//! A statement names values for some axes; a build meets it when it has one of the values on each.
//! For a set of axes the tightest statement that is true of all failing builds lists just the
//! values that these have, so only sets of axes are searched, the small ones first. A set's cost is
//! what a person has to read: a value each, a range of versions like one value, and for "all but
//! one" that one. A list that hardly has fewer values than there are failing builds is no
//! explanation but their enumeration, and is not taken.
//!
//! Builds that do not compile the file did not pass. They are used only where no build passed (a
//! file of one architecture fails on it: the others cannot say otherwise), and to choose among
//! statements that are equally small.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::data::{Attribution, AttributionCounts, Explains};
use super::{statement, version};
use crate::report::{Build, Cause, Status};

/// Axes that a statement may have.
const AXES_MAX: usize = 3;
/// Axes that are tried, those of the fewest values first.
const TRIED_MAX: usize = 16;
/// Build ids in all lists of a report.
const IDS_MAX: usize = 500_000;
/// Other statements that are kept.
const ALTERNATIVES: usize = 3;

/// What a build says about a cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Met {
    /// It has it.
    Failed,
    /// It compiled the same and did not fail of it.
    Passed,
    /// It failed of something else before.
    Blocked,
    /// It does not compile the file.
    Absent,
}

/// The axes of all builds, ready to be searched.
#[derive(Debug)]
pub struct Attributor<'b> {
    builds: &'b [Build],
    axes: Vec<Axis>,
}

/// One axis: the number of each build's value, and the values.
#[derive(Debug)]
pub(super) struct Axis {
    pub(super) name: String,
    pub(super) values: Vec<String>,
    of: Vec<Option<usize>>,
}

/// A candidate: what is required on one axis.
#[derive(Debug, Clone)]
struct Part {
    axis: usize,
    /// Numbers of the values that failing builds have.
    values: BTreeSet<usize>,
    cost: usize,
}

impl<'b> Attributor<'b> {
    /// Takes the builds' axes as they are now.
    pub fn new(builds: &'b [Build]) -> Self {
        let names: BTreeSet<&String> = builds.iter().flat_map(|build| build.axes.keys()).collect();
        let mut axes: Vec<Axis> = names.into_iter().map(|name| Axis::new(name, builds)).collect();
        axes.sort_by_key(|axis| (rank(&axis.name), axis.values.len()));
        axes.truncate(TRIED_MAX);
        Self { builds, axes }
    }

    /// What the builds that failed have in common; `met` is in the order of the builds.
    pub fn attribute(&self, met: &[Met], ids_max: usize) -> Attribution {
        let of = |wanted: &[Met]| -> Vec<usize> { (0..met.len()).filter(|&i| wanted.contains(&met[i])).collect() };
        let (failing, passing, absent) = (of(&[Met::Failed]), of(&[Met::Passed]), of(&[Met::Absent]));
        let not_reached = of(&[Met::Blocked, Met::Absent]);
        let ids = |list: &[usize]| list.iter().take(ids_max).map(|&i| self.builds[i].id.clone()).collect();
        let mut out = Attribution {
            failing: ids(&failing),
            passing: ids(&passing),
            not_reached: ids(&not_reached),
            counts: AttributionCounts {
                failing: failing.len() as u64,
                passing: passing.len() as u64,
                not_reached: not_reached.len() as u64,
            },
            ..Attribution::default()
        };
        if failing.is_empty() {
            return out;
        }
        // Where nothing passed, those that do not compile the file are the other side, if a
        // statement tells them apart.
        let sides = if passing.is_empty() { [&absent, &passing] } else { [&passing, &passing] };
        let parts = self.parts(&failing);
        for others in sides {
            let mut found = self.exact(&parts, others, &absent);
            if found.is_empty() {
                continue;
            }
            out.explains = Explains::All;
            let best = found.remove(0);
            out.statement = statement::exact(&self.named(&best), &self.axes, self.builds, &failing, out.counts);
            out.axes = self.listed(&best);
            out.alternatives = found.iter().take(ALTERNATIVES).map(|parts| self.listed(parts)).collect();
            return out;
        }
        match self.partial(&parts, &passing, failing.len()) {
            Some((best, also)) => {
                out.explains = Explains::Partly;
                out.statement = statement::partly(&self.named(&best), &self.axes, also);
                out.axes = self.listed(&best);
            }
            None => statement::NONE.clone_into(&mut out.statement),
        }
        out
    }

    /// What each axis could require of the failing builds.
    fn parts(&self, failing: &[usize]) -> Vec<Part> {
        let mut parts = Vec::new();
        for (number, axis) in self.axes.iter().enumerate() {
            let values: Option<BTreeSet<usize>> = failing.iter().map(|&build| axis.of[build]).collect();
            // Nothing can be said of an axis that a failing build has no value on.
            let Some(values) = values.filter(|values| values.len() < axis.values.len() || axis.of.contains(&None))
            else {
                continue;
            };
            let cost = self.cost(axis, &values, failing);
            if cost == 1 || failing.len() >= 2 * cost {
                parts.push(Part { axis: number, values, cost });
            }
        }
        parts
    }

    fn cost(&self, axis: &Axis, values: &BTreeSet<usize>, failing: &[usize]) -> usize {
        let range = axis.name == "version" && {
            let known: Vec<&str> = self.versions_beside(axis, failing);
            let inside: Vec<bool> =
                known.iter().map(|version| values.iter().any(|&v| axis.values[v] == *version)).collect();
            statement::is_range(&inside)
        };
        let but = axis.values.len() - values.len() + 1;
        if range { 1 } else { values.len().min(but.max(2)) }
    }

    /// The versions, in order, of the toolchains that failing builds have.
    fn versions_beside<'s>(&'s self, axis: &'s Axis, failing: &[usize]) -> Vec<&'s str> {
        let Some(tools) = self.axes.iter().find(|axis| axis.name == "toolchain") else {
            return sorted(axis.values.iter().map(String::as_str).collect());
        };
        let wanted: BTreeSet<Option<usize>> = failing.iter().map(|&build| tools.of[build]).collect();
        let builds = (0..self.builds.len()).filter(|&build| wanted.contains(&tools.of[build]));
        let known: BTreeSet<usize> = builds.filter_map(|build| axis.of[build]).collect();
        sorted(known.into_iter().map(|value| axis.values[value].as_str()).collect())
    }

    /// The cheapest statements that none of `others` meets, best first. The empty one is theirs
    /// when there are no others.
    fn exact(&self, parts: &[Part], others: &[usize], absent: &[usize]) -> Vec<Vec<Part>> {
        if others.is_empty() {
            return vec![Vec::new()];
        }
        let mut found: Vec<(usize, usize, Vec<Part>)> = Vec::new();
        let mut least = usize::MAX;
        for set in subsets(parts) {
            let cost: usize = set.iter().map(|part| part.cost).sum();
            if cost > least || !self.sound(&set) || others.iter().any(|&build| self.meets(&set, build)) {
                continue;
            }
            least = cost;
            let also = absent.iter().filter(|&&build| self.meets(&set, build)).count();
            found.push((cost, also, set));
        }
        found.retain(|(cost, _, _)| *cost == least);
        found.sort_by_key(|(_, also, set)| (*also, set.len()));
        // What would blame more builds that do not compile the file is no equal alternative.
        let fewest = found.first().map_or(0, |(_, also, _)| *also);
        found.into_iter().filter(|(_, also, _)| *also == fewest).map(|(_, _, set)| set).collect()
    }

    /// A version means something only beside its toolchain.
    fn sound(&self, set: &[Part]) -> bool {
        let has = |name: &str| set.iter().any(|part| self.axes[part.axis].name == name);
        let tools = self.axes.iter().find(|axis| axis.name == "toolchain");
        !has("version") || has("toolchain") || tools.is_none_or(|axis| axis.values.len() < 2)
    }

    fn meets(&self, set: &[Part], build: usize) -> bool {
        set.iter().all(|part| self.axes[part.axis].of[build].is_none_or(|value| part.values.contains(&value)))
    }

    /// The statement that excludes most passing builds, when most builds that meet it fail.
    fn partial(&self, parts: &[Part], passing: &[usize], failing: usize) -> Option<(Vec<Part>, u64)> {
        let sets = subsets(parts).filter(|set| self.sound(set));
        let counted = sets.map(|set| {
            let also = passing.iter().filter(|&&build| self.meets(&set, build)).count();
            let cost: usize = set.iter().map(|part| part.cost).sum();
            (also, cost, set)
        });
        let (also, _, set) = counted.min_by_key(|(also, cost, _)| (*also, *cost))?;
        (also * 2 <= passing.len() && also <= failing).then_some((set, also as u64))
    }

    fn named<'s>(&'s self, set: &[Part]) -> Vec<(&'s Axis, Vec<&'s str>)> {
        set.iter()
            .map(|part| {
                let axis = &self.axes[part.axis];
                let mut values: Vec<&str> = part.values.iter().map(|&value| axis.values[value].as_str()).collect();
                values.sort_by(|a, b| version::compare(a, b));
                (axis, values)
            })
            .collect()
    }

    fn listed(&self, set: &[Part]) -> BTreeMap<String, Vec<String>> {
        let named = self.named(set).into_iter();
        named.map(|(axis, values)| (axis.name.clone(), values.into_iter().map(str::to_owned).collect())).collect()
    }
}

impl Axis {
    fn new(name: &str, builds: &[Build]) -> Self {
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        let mut values: Vec<String> = Vec::new();
        let of = builds
            .iter()
            .map(|build| {
                let value = build.axes.get(name)?;
                Some(*numbers.entry(value).or_insert_with(|| {
                    values.push(value.clone());
                    values.len() - 1
                }))
            })
            .collect();
        Self { name: name.to_owned(), values, of }
    }

    /// How many builds there are.
    pub(super) fn len(&self) -> usize {
        self.of.len()
    }

    /// The value of a build.
    pub(super) fn value(&self, build: usize) -> Option<&str> {
        self.of[build].map(|value| self.values[value].as_str())
    }
}

/// What people look at first.
fn rank(axis: &str) -> usize {
    const ORDER: &[&str] = &["arch", "toolchain", "config", "version", "target", "branch", "commit"];
    ORDER.iter().position(|name| *name == axis).unwrap_or(ORDER.len())
}

fn sorted(mut versions: Vec<&str>) -> Vec<&str> {
    versions.sort_by(|a, b| version::compare(a, b));
    versions
}

/// All sets of one to [`AXES_MAX`] parts, the small ones first.
fn subsets(parts: &[Part]) -> impl Iterator<Item = Vec<Part>> {
    let count = parts.len();
    let ones = (0..count).map(|a| vec![a]);
    let twos = (0..count).flat_map(move |a| (a + 1..count).map(move |b| vec![a, b]));
    let threes =
        (0..count).flat_map(move |a| (a + 1..count).flat_map(move |b| (b + 1..count).map(move |c| vec![a, b, c])));
    ones.chain(twos)
        .chain(threes)
        .filter(|set| set.len() <= AXES_MAX)
        .map(|set| set.iter().map(|&i| parts[i].clone()).collect())
}

/// What one log after the other tells by itself: a build that failed of something else is taken
/// for one that did not get so far.
pub fn by_status(builds: &[Build], cause: &Cause) -> Vec<Met> {
    let has: BTreeSet<&str> = cause.builds.iter().map(String::as_str).collect();
    let met = |build: &Build| match build.status {
        _ if has.contains(build.id.as_str()) => Met::Failed,
        Status::Pass => Met::Passed,
        Status::Fail | Status::Empty => Met::Blocked,
    };
    builds.iter().map(met).collect()
}

/// Attributes all causes of a report; `met` gives what the builds say about the cause of a number.
pub fn attribute_all(builds: &[Build], causes: &mut [Cause], mut met: impl FnMut(usize, &Cause) -> Vec<Met>) {
    let attributor = Attributor::new(builds);
    let ids_max = (IDS_MAX / causes.len().max(1)).max(10);
    for (number, cause) in causes.iter_mut().enumerate() {
        cause.attribution = attributor.attribute(&met(number, cause), ids_max);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Builds as lines `arch toolchain version config met`, where `!` failed, `.` passed, `-` does
    /// not compile the file and `~` failed earlier; `?` is an unknown value.
    fn attribution(table: &str) -> Attribution {
        let mut builds = Vec::new();
        let mut met = Vec::new();
        for (number, line) in table.lines().map(str::trim).filter(|line| !line.is_empty()).enumerate() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let axes = ["arch", "toolchain", "version", "config"].into_iter().zip(&words);
            let axes = axes.filter(|(_, value)| **value != "?").map(|(name, value)| (name.into(), (*value).into()));
            met.push(match words[4] {
                "!" => Met::Failed,
                "." => Met::Passed,
                "-" => Met::Absent,
                _ => Met::Blocked,
            });
            builds.push(Build {
                id: number.to_string(),
                axes: axes.collect(),
                status: Status::Pass,
                lines: 1,
                bytes: 1,
                diagnostics: 0,
            });
        }
        Attributor::new(&builds).attribute(&met, 100)
    }

    fn said(table: &str) -> String {
        let found = attribution(table);
        let axes: Vec<String> =
            found.axes.iter().map(|(name, values)| format!("{name}={}", values.join("|"))).collect();
        format!("{:?} [{}] {}", found.explains, axes.join(" "), found.statement)
    }

    #[test]
    fn one_axis() {
        let table = "arm64 gcc 12 def .\n arm64 clang 19 def !\n x86_64 gcc 12 def .\n x86_64 clang 19 def !";
        assert_eq!(said(table), "All [toolchain=clang] clang only");
    }

    #[test]
    fn two_axes() {
        let table = "arm64 gcc 12 def .\n arm64 clang 19 def !\n arm64 clang 19 allno .\n x86_64 gcc 12 allno .
                     x86_64 clang 19 def !";
        assert_eq!(said(table), "All [config=def toolchain=clang] clang with def");
    }

    #[test]
    fn versions_in_a_row() {
        let table = "arm64 gcc 11.4 def .\n arm64 gcc 12.2 def .\n arm64 gcc 13.1 def !\n arm64 gcc 14.2 def !
                     arm64 clang 19 def .";
        assert_eq!(said(table), "All [toolchain=gcc version=13.1|14.2] gcc >= 13");
        let table = "arm64 gcc 9.3 def !\n arm64 gcc 10.2 def !\n arm64 gcc 11.4 def .";
        assert_eq!(said(table), "All [version=9.3|10.2] gcc < 11");
    }

    #[test]
    fn every_build_and_one_build() {
        assert_eq!(said("arm64 gcc 12 def !\n x86_64 gcc 12 def !"), "All [] every build");
        assert_eq!(said("arm64 gcc 12 def !"), "All [] ");
    }

    #[test]
    fn builds_that_do_not_compile_the_file_are_no_passes() {
        // All others do not have the file: the architecture is what they lack.
        let table = "arm64 gcc 12 def !\n arm64 clang 19 def !\n x86_64 gcc 12 def -\n x86_64 clang 19 def -";
        let found = attribution(table);
        assert_eq!(found.statement, "arm64 only");
        assert_eq!((found.counts.passing, found.counts.not_reached), (0, 2));
        // gcc passed it: the configuration without the file does not make the statement longer.
        let table = "arm64 gcc 12 def .\n arm64 clang 19 def !\n arm64 clang 19 allno -\n x86_64 clang 19 def !";
        assert_eq!(said(table), "All [toolchain=clang] clang only");
        // Nobody knows what those would say that failed earlier.
        assert_eq!(
            said("arm64 gcc 12 def !\n arm64 clang 19 def !\n x86_64 gcc 12 def ~"),
            "All [] every build that got so far"
        );
    }

    #[test]
    fn a_tie_is_told() {
        let found = attribution("arm64 clang 19 def !\n arm64 clang 19 all !\n x86_64 gcc 12 def .");
        assert_eq!(found.axes.keys().collect::<Vec<_>>(), ["arch"]);
        assert_eq!(found.alternatives.len(), 1, "{found:?}");
        assert!(found.alternatives[0].contains_key("toolchain"));
    }

    #[test]
    fn no_statement_is_invented() {
        // Half of the builds, at random.
        let table = "a gcc 12 x !\n a gcc 12 y .\n b gcc 12 x .\n b gcc 12 y !\n c gcc 12 x !\n c gcc 12 y .";
        assert_eq!(said(table), "None [] no single axis explains it");
        // As many values as builds would only name the builds.
        let table = "a gcc 12 x !\n b gcc 12 x !\n c gcc 12 x .\n d gcc 12 x .\n e gcc 12 x .";
        assert_eq!(said(table), "None [] no single axis explains it");
    }

    #[test]
    fn equal_builds_that_differ_are_explained_in_part() {
        let table = "arm64 clang 19 def !\n arm64 clang 19 def .\n x86_64 clang 19 def .\n x86_64 gcc 12 def .";
        assert_eq!(said(table), "Partly [arch=arm64] arm64 only, but 1 such build passes");
    }

    #[test]
    fn unknown_values_prove_nothing() {
        // The passing build may be of clang too.
        let table = "arm64 clang 19 def !\n x86_64 clang 19 def !\n arm64 ? ? def .";
        assert_eq!(said(table), "None [] no single axis explains it");
        // A failing build of no known compiler: nothing can be said about compilers.
        let table = "arm64 ? ? def !\n arm64 gcc 12 def .\n x86_64 gcc 12 def .";
        assert_eq!(said(table), "Partly [arch=arm64] arm64 only, but 1 such build passes");
    }

    #[test]
    fn all_but_one() {
        let table = "a gcc 12 x !\n b gcc 12 x !\n c gcc 12 x !\n d gcc 12 x .\n a gcc 12 y !\n b gcc 12 y !
                     c gcc 12 y !\n d gcc 12 y .";
        assert_eq!(said(table), "All [arch=a|b|c] all but d");
    }
}
