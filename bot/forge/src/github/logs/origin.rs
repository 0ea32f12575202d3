//! What a log belongs to.

use triage_causes::matrix::axes::{self as spelling, Axes};

use super::super::Repository;
use super::super::models::{Job, Run};

/// Operating systems, as labels of runners begin.
const SYSTEMS: &[&str] =
    &["ubuntu", "macos", "windows", "debian", "fedora", "alpine", "centos", "archlinux", "freebsd"];

/// What a log belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The repository that the workflow ran in.
    pub repository: Repository,
    /// The commit that was built; of a pull request its head.
    pub head_sha: String,
    /// The name of the workflow.
    pub workflow: String,
    /// The run, and which attempt of it.
    pub run: u64,
    /// From 1.
    pub attempt: u32,
    /// The job.
    pub job: u64,
    /// Its name.
    pub name: String,
    /// What its name tells of what it is a build of.
    pub axes: Axes,
    /// Where a person can read it.
    pub url: String,
}

impl Origin {
    /// Of a job of a run.
    pub fn new(repository: &Repository, run: &Run, job: &Job) -> Self {
        Self {
            repository: repository.clone(),
            head_sha: run.head_sha.clone(),
            workflow: run.name.clone().unwrap_or_default(),
            run: run.id,
            attempt: run.run_attempt,
            job: job.id,
            name: job.name.clone(),
            axes: axes(&job.name),
            url: job.html_url.clone().unwrap_or_else(|| run.html_url.clone()),
        }
    }
}

/// What the name of a job tells of its build. A job of a matrix is named `JOB (VALUE, VALUE)` by default, with the values in
/// the order in which the workflow has their axes
/// (<https://docs.github.com/en/actions/how-tos/write-workflows/choose-what-workflows-do/run-job-variations>). Architectures,
/// compilers, configurations and runners are known by their spelling; what is left is named for its place: `matrix-3`.
pub fn axes(name: &str) -> Axes {
    let mut axes = spelling::from_name(name);
    for (at, value) in matrix_values(name).into_iter().enumerate() {
        let known = spelling::from_name(value);
        if !known.is_empty() {
            spelling::fill(&mut axes, &known);
        } else if SYSTEMS.iter().any(|system| value.to_ascii_lowercase().starts_with(system)) {
            spelling::add(&mut axes, "os", value);
        } else {
            spelling::add(&mut axes, &format!("matrix-{}", at + 1), value);
        }
    }
    axes
}

/// The values in the last parentheses of a name.
fn matrix_values(name: &str) -> Vec<&str> {
    let inner = name.strip_suffix(')').and_then(|name| name.rsplit_once(" (")).map(|(_, inner)| inner);
    inner.map(|inner| inner.split(", ").map(str::trim).collect()).unwrap_or_default()
}
