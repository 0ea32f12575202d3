//! The builds of a report as a grid: architecture and toolchain down, configuration across.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use triage_causes::report::{Build, Report, Status};

/// Axes that make the rows.
const ROWS: &[&str] = &["arch", "toolchain", "version"];

/// All builds by their axes.
#[derive(Debug, Default)]
pub struct Grid {
    /// The axis of the columns; none when there is one column.
    pub axis: Option<String>,
    /// Its values as headings (`defconfig`, `CONFIG_NET=y`); an empty one for builds without.
    pub columns: Vec<String>,
    /// The rows in order.
    pub rows: Vec<Row>,
}

/// The builds of one architecture and toolchain.
#[derive(Debug)]
pub struct Row {
    /// The architecture; empty when it is not known.
    pub arch: String,
    /// Toolchain and version; empty when they are not known.
    pub toolchain: String,
    /// One for each column.
    pub cells: Vec<Cell>,
}

/// The builds at one place of the grid.
#[derive(Debug, Default, Clone)]
pub struct Cell {
    /// Their numbers in the list of builds.
    pub builds: Vec<usize>,
    /// How many failed.
    pub failed: usize,
    /// How many logs are empty.
    pub empty: usize,
    /// Numbers of the causes, from 1.
    pub causes: BTreeSet<usize>,
    /// One of the causes is new.
    pub new: bool,
}

impl Cell {
    /// `ok`, `FAIL 1,2`, `FAIL 1,2 (3/5)`, `empty`, or nothing where there is no build.
    pub fn text(&self) -> String {
        let numbers = || {
            let shown: Vec<String> = self.causes.iter().take(SHOWN).map(ToString::to_string).collect();
            let more = if self.causes.len() > SHOWN { "+" } else { "" };
            format!("{}{more}", shown.join(","))
        };
        match (self.builds.len(), self.failed) {
            (0, _) => String::new(),
            (all, 0) if self.empty == all => "empty".into(),
            (_, 0) => "ok".into(),
            (all, failed) if failed == all => format!("FAIL {}", numbers()),
            (all, failed) => format!("FAIL {} ({failed}/{all})", numbers()),
        }
    }
}

/// Numbers of causes in a cell.
const SHOWN: usize = 3;

impl Grid {
    /// The grid of a report; none when there are fewer than two builds.
    pub fn new(report: &Report) -> Option<Self> {
        if report.builds.len() < 2 {
            return None;
        }
        let causes = report.causes.iter().map(|cause| (cause.builds.as_slice(), crate::summary::is_new(cause)));
        Some(Self::of(&report.builds, causes))
    }

    /// The grid of builds and their causes: for each cause the ids of its builds, and whether it is new.
    pub fn of<'a>(builds: &[Build], all: impl IntoIterator<Item = (&'a [String], bool)>) -> Self {
        let ids: HashMap<&str, usize> = builds.iter().enumerate().map(|(n, build)| (build.id.as_str(), n)).collect();
        let mut causes: Vec<Vec<(usize, bool)>> = vec![Vec::new(); builds.len()];
        for (number, (of_cause, is_new)) in (1..).zip(all) {
            for &build in of_cause.iter().filter_map(|id| ids.get(id.as_str())) {
                causes[build].push((number, is_new));
            }
        }
        let axis = column_axis(builds);
        let value = |build: &Build| axis.and_then(|axis| build.axes.get(axis)).cloned().unwrap_or_default();
        let columns: BTreeSet<String> = builds.iter().map(value).collect();
        let columns: Vec<String> = columns.into_iter().collect();
        let mut rows: BTreeMap<(String, String), Vec<Cell>> = BTreeMap::new();
        for (number, build) in builds.iter().enumerate() {
            let get = |name: &str| build.axes.get(name).map_or("", String::as_str);
            let toolchain = format!("{} {}", get("toolchain"), get("version")).trim().to_owned();
            let cells =
                rows.entry((get("arch").to_owned(), toolchain)).or_insert_with(|| vec![Cell::default(); columns.len()]);
            let Ok(column) = columns.binary_search(&value(build)) else { continue };
            let cell = &mut cells[column];
            cell.builds.push(number);
            cell.failed += usize::from(build.status == Status::Fail);
            cell.empty += usize::from(build.status == Status::Empty);
            cell.causes.extend(causes[number].iter().map(|(cause, _)| cause));
            cell.new |= causes[number].iter().any(|(_, is_new)| *is_new);
        }
        let rows = rows.into_iter().map(|((arch, toolchain), cells)| Row { arch, toolchain, cells }).collect();
        let columns = columns.into_iter().map(|value| heading(axis, value)).collect();
        Self { axis: axis.map(str::to_owned), columns, rows }
    }
}

/// A value that says nothing by itself is said with its axis.
fn heading(axis: Option<&str>, value: String) -> String {
    let bare = value.len() < 3 || value.bytes().all(|b| b.is_ascii_digit());
    match axis {
        Some(axis) if axis != "config" && bare && !value.is_empty() => format!("{axis}={value}"),
        _ => value,
    }
}

/// The configuration, or else the axis beside the rows' that has most values.
fn column_axis(builds: &[Build]) -> Option<&str> {
    let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, value) in builds.iter().flat_map(|build| &build.axes) {
        values.entry(name).or_default().insert(value);
    }
    if values.contains_key("config") {
        return Some("config");
    }
    let others = values.into_iter().filter(|(name, values)| !ROWS.contains(name) && (2..=30).contains(&values.len()));
    others.max_by_key(|(_, values)| values.len()).map(|(name, _)| name)
}
