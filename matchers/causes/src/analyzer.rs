//! From the diagnostics of some builds to the report.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use rustc_hash::FxHashMap;
use triage_log::diagnostic::{Diagnostic, Location, Note, Severity};
use triage_log::scan::LogSummary;
use triage_rules::RuleBook;
use triage_rules::compiled::{fill, fill_loosely};

use crate::group::{Group, Groups};
use crate::matrix::attribution;
use crate::project::{self, Project};
use crate::report::{
    Applicability, Attribution, Build, Cause, Counts, FORMAT_VERSION, Fix, Problem, Report, Status, Summary,
};
use crate::{cascade, diagnosis, fingerprint, headers, merge, packages, place};

/// How many places, objects, notes and symbols a cause carries.
const LISTED: usize = 20;

/// What is wanted.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Report warnings too.
    pub warnings: bool,
}

/// Takes diagnostics, gives causes.
#[derive(Debug)]
pub struct Analyzer<'b> {
    book: &'b RuleBook,
    options: Options,
    groups: Groups,
    builds: Vec<Build>,
    /// Build directories: the first directory that make entered, by build.
    roots: FxHashMap<usize, String>,
    kernel: bool,
    summary: Summary,
    problems: Vec<Problem>,
}

impl<'b> Analyzer<'b> {
    /// An analyzer that knows the rules of `book`.
    pub fn new(book: &'b RuleBook, options: Options) -> Self {
        Self {
            book,
            options,
            groups: Groups::default(),
            builds: Vec::new(),
            roots: FxHashMap::default(),
            kernel: false,
            summary: Summary::default(),
            problems: Vec::new(),
        }
    }

    /// Starts a build; the diagnostics that follow are of it.
    pub fn begin(&mut self, id: &str) {
        self.builds.push(Build {
            id: id.to_owned(),
            axes: BTreeMap::new(),
            status: Status::Pass,
            lines: 0,
            bytes: 0,
            diagnostics: 0,
        });
    }

    /// Takes a diagnostic of the build begun last.
    pub fn diagnostic(&mut self, diagnostic: Diagnostic) {
        let Some(number) = self.builds.len().checked_sub(1) else { return };
        self.builds[number].diagnostics += 1;
        self.kernel = self.kernel || project::shows_kernel(&diagnostic);
        if let Some(directory) = &diagnostic.directory {
            self.roots.entry(number).or_insert_with(|| directory.clone());
        }
        let all = self.options.warnings;
        // An implicit declaration that is only a warning explains the undefined reference after it.
        self.groups.add(self.book, diagnostic, number, |class, severity| {
            severity >= Severity::Error || all || class == "implicit-declaration" || class == "btf-multiple-ids"
        });
    }

    /// Ends the build begun last.
    pub fn end(&mut self, log: &LogSummary) {
        let Some(build) = self.builds.last_mut() else { return };
        build.lines = log.lines;
        build.bytes = log.bytes;
        build.status = if log.bytes == 0 { Status::Empty } else { Status::Pass };
        let facts = &log.facts;
        for (axis, value) in [
            ("arch", &facts.arch),
            ("config", &facts.config),
            ("toolchain", &facts.toolchain),
            ("version", &facts.version),
        ] {
            if let Some(value) = value {
                build.axes.insert(axis.to_owned(), value.clone());
            }
        }
        self.summary.errors += log.errors;
        self.summary.warnings += log.warnings;
        self.summary.lines += log.lines;
        self.summary.bytes += log.bytes;
        if log.long_lines > 0 {
            let name = build.id.clone();
            let count = log.long_lines;
            let lines = if count == 1 { "line is".to_owned() } else { format!("{count} lines are") };
            self.problem(name, format!("{lines} longer than 64 KiB: only the start was looked at"));
        }
    }

    /// Something that could not be read.
    pub fn problem(&mut self, name: impl Into<String>, message: impl Into<String>) {
        self.problems.push(Problem { name: name.into(), message: message.into() });
    }

    /// The report over all builds.
    pub fn finish(mut self) -> Report {
        let (errors, warnings) = self.split();
        let mut causes = self.causes(&errors);
        let mut warnings = if self.options.warnings { self.causes(&warnings) } else { Vec::new() };
        let failed: HashSet<&String> = causes.iter().flat_map(|cause| &cause.builds).collect();
        for build in self.builds.iter_mut().filter(|build| failed.contains(&build.id)) {
            build.status = Status::Fail;
        }
        for list in [&mut causes, &mut warnings] {
            attribution::attribute_all(&self.builds, list, |_, cause| attribution::by_status(&self.builds, cause));
        }
        if self.groups.overflow > 0 {
            let message =
                format!("{} more messages of other kinds were counted but not looked into", self.groups.overflow);
            self.problems.push(Problem { name: String::new(), message });
        }
        self.summary.causes = causes.len() as u64;
        Report {
            version: FORMAT_VERSION,
            causes,
            warnings,
            builds: self.builds,
            summary: self.summary,
            patch: None,
            problems: self.problems,
            baseline: None,
            times: Vec::new(),
        }
    }

    /// Indices of error and warning groups, in the order of the log.
    fn split(&self) -> (Vec<usize>, Vec<usize>) {
        let (mut errors, mut warnings): (Vec<usize>, Vec<usize>) =
            (0..self.groups.list.len()).partition(|&i| self.groups.list[i].is_error());
        errors.sort_by_key(|&i| self.groups.list[i].order);
        warnings.sort_by_key(|&i| self.groups.list[i].order);
        (errors, warnings)
    }

    fn causes(&self, members: &[usize]) -> Vec<Cause> {
        let groups = &self.groups.list;
        let explained = cascade::explain(groups, members, self.book);
        let roots: Vec<usize> = members.iter().copied().filter(|i| !explained.contains_key(i)).collect();
        let mut consequences: HashMap<usize, u64> = HashMap::new();
        for (consequence, root) in &explained {
            *consequences.entry(*root).or_default() += groups[*consequence].count;
        }
        let sets = merge::join(groups, &roots, self.book);
        let mut causes: Vec<Cause> = sets.iter().map(|set| self.cause(set, &consequences)).collect();
        for (cause, set) in causes.iter_mut().zip(&sets).filter(|(cause, _)| cause.location.is_none()) {
            // Where the message says nothing, make says what could not be built.
            let built = explained.iter().filter(|(_, root)| set.contains(root)).map(|(of, _)| &groups[*of]);
            let objects: BTreeSet<&String> = built.flat_map(|group| &group.objects).collect();
            if cause.objects.is_empty() {
                cause.objects = objects.into_iter().take(LISTED).cloned().collect();
            }
        }
        untyped_first(&mut causes);
        // What says the least is repaired last; else the log's own order.
        causes.sort_by_key(|cause| match cause.class.as_str() {
            "truncated" => 2,
            "command-failed" => 1,
            _ => 0,
        });
        causes
    }

    /// One cause out of findings that one change repairs.
    fn cause(&self, set: &[usize], consequences: &HashMap<usize, u64>) -> Cause {
        let groups: Vec<&Group> = set.iter().map(|&i| &self.groups.list[i]).collect();
        let lead = self.lead(&groups);
        let rule = self.book.rule(&lead.finding);
        let prose = rule.prose();
        let declared = self.implicit_declaration(lead);
        let shown = declared.unwrap_or(lead);
        let location = shown.location.clone().or_else(|| makefile(lead));
        let location = if self.kernel { location } else { includer(lead, &groups).or(location) };
        let location = if lead.class == "kconfig-syntax" { earliest(&groups).or(location) } else { location };
        let diagnosis = if declared.is_some() { Some("missing-include") } else { diagnosis::of(lead, &groups) };
        let builds: BTreeSet<usize> = groups.iter().flat_map(|g| g.builds.iter().copied()).collect();
        let root = lead.builds.first().and_then(|build| self.roots.get(build)).map(String::as_str);
        let mut symbols: Vec<String> = Vec::new();
        for symbol in std::iter::once(&lead.symbol).chain(groups.iter().map(|g| &g.symbol)).flatten() {
            if !symbols.contains(symbol) {
                symbols.push(symbol.clone());
            }
        }
        let places: BTreeSet<&Location> =
            groups.iter().flat_map(|g| &g.places).filter(|place| Some(*place) != location.as_ref()).collect();
        let objects: BTreeSet<&String> =
            groups.iter().flat_map(|g| &g.objects).filter(|object| *object != ".").collect();
        let counts = Counts {
            findings: groups.iter().map(|g| g.count).sum(),
            files: groups.iter().flat_map(|g| &g.units).collect::<BTreeSet<_>>().len() as u64,
            consequences: set.iter().filter_map(|i| consequences.get(i)).sum(),
        };
        let fallback = || lead.first.message.clone();
        let first = &lead.first;
        Cause {
            rule: rule.id.to_string(),
            class: lead.class.clone(),
            diagnosis: diagnosis.map(str::to_owned),
            kind: rule.kind,
            title: fill(&prose.title, &lead.finding.captures).unwrap_or_else(fallback),
            message: fallback(),
            tool: first.tool,
            flavor: groups.iter().find_map(|g| g.first.flavor),
            severity: lead.severity,
            function: shown.first.function.clone(),
            symbols: symbols.into_iter().take(LISTED).collect(),
            option: first.option.clone(),
            werror: first.werror,
            fingerprint: fingerprint::of(lead, lead.location.as_ref(), root),
            builds: builds.into_iter().map(|build| self.builds[build].id.clone()).collect(),
            counts,
            places: places.into_iter().take(LISTED).cloned().collect(),
            includes: shown.first.includes.clone(),
            objects: objects.into_iter().take(LISTED).cloned().collect(),
            notes: notes(first),
            snippet: shown.first.snippet.clone().filter(|s| location.as_ref().is_none_or(|l| l.line == s.line)),
            hint: diagnosis::guess(first),
            explanation: fill_loosely(prose.explanation.trim(), &lead.finding.captures),
            fixes: self.fixes(lead, location.as_ref()),
            location,
            log: first.span,
            references: prose.references.clone(),
            units: groups
                .iter()
                .flat_map(|g| &g.units)
                .collect::<BTreeSet<_>>()
                .into_iter()
                .take(LISTED)
                .cloned()
                .collect(),
            attribution: Attribution::default(),
            guards: Vec::new(),
            state: None,
            suspects: Vec::new(),
            proved: None,
            bisection: None,
            maintainers: Vec::new(),
            history: String::new(),
        }
    }

    /// The finding that stands for the cause: an error before a warning, one in a project header
    /// that several files break through before one in a file, then the first.
    fn lead<'g>(&self, groups: &[&'g Group]) -> &'g Group {
        let reach = |g: &Group| {
            g.units.iter().filter(|unit| !place::is_header(unit)).count() > 1 && g.file().is_some_and(place::is_header)
        };
        let system = |g: &Group| g.file().is_some_and(place::is_system);
        groups
            .iter()
            .copied()
            .min_by_key(|g| (!g.is_error(), system(g), !(cascade::is_missing_name(&g.class) && reach(g)), g.order))
            .expect("a set of findings is never empty")
    }

    /// The warning that told of an undefined reference at compile time already.
    fn implicit_declaration(&self, lead: &Group) -> Option<&Group> {
        if lead.class != "undefined-reference" {
            return None;
        }
        self.groups.list.iter().find(|g| g.class == "implicit-declaration" && !g.is_error() && g.symbol == lead.symbol)
    }

    /// What to do: a header that is known, a package, and the rule's advice.
    fn fixes(&self, lead: &Group, location: Option<&Location>) -> Vec<Fix> {
        let prose = self.book.rule(&lead.finding).prose();
        let kernel = self.kernel || location.is_some_and(|l| project::looks_like_kernel_path(&l.file));
        let project = project::of(&lead.first, lead.file(), kernel);
        let mut fixes = Vec::new();
        let symbol = lead.symbol.as_deref();
        let fixer = prose.fixer.as_ref().map(|fixer| fixer.name.as_str());
        if let (true, Some(symbol)) = (cascade::is_missing_name(&lead.class), symbol) {
            let header = match project {
                Project::Cxx => headers::cxx(symbol),
                Project::Kernel => headers::kernel(symbol),
                Project::C | Project::KernelTools => headers::c(symbol),
            };
            if let Some(header) = header {
                let mut fix = fix(
                    "add_include",
                    format!("include <{header}>, which declares '{symbol}'"),
                    Applicability::Unverified,
                );
                fix.header = Some(header.to_owned());
                fix.file = location.map(|l| l.file.clone());
                fixes.push(fix);
            }
        }
        let package = match lead.class.as_str() {
            "header-not-found" if project != Project::Kernel => symbol.and_then(packages::header),
            "command-not-found" if fixer == Some("install-package") => symbol.map(packages::command),
            _ => None,
        };
        if let Some(package) = package {
            let mut fix = fix("install_package", package.title(), Applicability::Unverified);
            fix.package = Some(package.debian().to_owned());
            fixes.push(fix);
        }
        let advice = match project {
            Project::Kernel => prose.advice.kernel.as_ref(),
            Project::KernelTools => prose.advice.kernel_tools.as_ref(),
            Project::Cxx => prose.advice.cxx.as_ref(),
            Project::C => None,
        };
        let filled = |text: &String| fill(text, &lead.finding.captures);
        let text = advice
            .and_then(filled)
            .or_else(|| filled(&prose.advice.default))
            .unwrap_or_else(|| fill_loosely(&prose.advice.default, &lead.finding.captures));
        fixes.push(fix("advice", text.trim().to_owned(), Applicability::Advice));
        fixes
    }
}

/// Notes and macro expansions, the latter in the compilers' words.
fn notes(diagnostic: &Diagnostic) -> Vec<Note> {
    let expansions = diagnostic.expansions.iter().map(|e| {
        let how = if e.is_use { "in expansion of macro" } else { "expanded from macro" };
        Note { location: Some(e.location.clone()), message: format!("{how} '{}'", e.name) }
    });
    diagnostic.notes.iter().cloned().chain(expansions).take(LISTED).collect()
}

fn fix(kind: &str, title: String, applicability: Applicability) -> Fix {
    Fix {
        applicability,
        kind: kind.to_owned(),
        title,
        header: None,
        file: None,
        line: None,
        package: None,
        patch: None,
    }
}

/// The Makefile that lists the objects, where the messages say which: that of a module which misses
/// a symbol of its own name, and that of a kernel folder with an object that nothing makes.
fn makefile(lead: &Group) -> Option<Location> {
    let folder = match lead.class.as_str() {
        "modpost-undefined" => {
            let (folder, name) = lead.objects.iter().find(|o| o.ends_with(".ko"))?.rsplit_once('/')?;
            let name = name.trim_end_matches(".ko").replace('-', "_");
            let own = lead.symbol.as_deref()?.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('_'));
            own.then_some(folder)
        }
        "no-rule-to-make-target" => {
            let symbol = lead.symbol.as_deref()?;
            let (folder, _) = symbol.strip_suffix(".o")?.rsplit_once('/')?;
            lead.first
                .objects
                .iter()
                .any(|o| {
                    *o == format!("{folder}/built-in.a")
                        || *o == format!("{folder}/modules.order")
                        || *o == format!("{folder}/lib.a")
                })
                .then_some(folder)
        }
        _ => None,
    };
    folder.map(|folder| Location::new(format!("{folder}/Makefile"), None, None))
}

/// In user space, where a header may rely on what its includer included before: the place of the
/// `#include` in the only source file that breaks through the header. Kernel headers are to stand
/// alone, so there the header itself is the place.
fn includer(lead: &Group, all: &[&Group]) -> Option<Location> {
    let relies =
        cascade::is_missing_name(&lead.class) || matches!(lead.class.as_str(), "syntax-error" | "preprocessor");
    let units: BTreeSet<&String> = all.iter().flat_map(|g| &g.units).filter(|unit| !place::is_header(unit)).collect();
    let header = lead.file().is_some_and(place::is_header);
    // A header that uses a standard name is to include the standard header itself.
    let standard = lead.symbol.as_deref().is_some_and(|symbol| headers::standard(symbol).is_some());
    if !relies || !header || standard || units.len() != 1 {
        return None;
    }
    let source = lead.first.includes.last()?;
    (!place::is_header(&source.file)).then(|| Location { file: place::clean(&source.file), ..source.clone() })
}

/// The first place in the file: a parser that lost its way complains about later lines first.
fn earliest(groups: &[&Group]) -> Option<Location> {
    let file = groups.first()?.file();
    groups.iter().filter(|g| g.is_error() && g.file() == file).filter_map(|g| g.location.clone()).min_by_key(|l| l.line)
}

/// Puts declarations without a type before the calls of the same file that have no declaration: they
/// tell how old the file is, and what is said of calls may change with them.
fn untyped_first(causes: &mut [Cause]) {
    let file = |cause: &Cause| cause.location.as_ref().map(|place| place.file.clone());
    for at in 1..causes.len() {
        let untyped = causes[at].class == "implicit-int";
        let before = |other: &Cause| other.class == "implicit-declaration" && file(other) == file(&causes[at]);
        if let Some(first) = causes[..at].iter().position(before).filter(|_| untyped) {
            causes[first..=at].rotate_right(1);
        }
    }
}
