//! `verify:` as it is written.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_yaml::Spanned;

/// How fixes are proved before a reply goes out: by building them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawVerify {
    /// A folder for checkouts of the trees; it needs room for `workers` of each.
    pub checkouts: PathBuf,
    /// The program `triage`; the one beside `triage-bot`, or in PATH, when missing.
    #[serde(default)]
    pub triage: Option<PathBuf>,
    /// Proofs at the same time.
    #[serde(default = "one")]
    pub workers: usize,
    /// What a proof may use.
    #[serde(default)]
    pub limits: RawVerifyLimits,
    /// Folders that builds may read beside the system's `/usr`, `/etc/alternatives`: toolchains of your own.
    #[serde(default)]
    pub readable: Vec<PathBuf>,
    /// The trees whose builds can be done here.
    pub trees: Vec<RawVerifyTree>,
}

/// What a proof may use.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawVerifyLimits {
    /// Seconds in all.
    pub seconds: u64,
    /// Processors.
    pub jobs: usize,
    /// Megabytes of address space of each process.
    pub memory_megabytes: u64,
    /// Processes and threads.
    pub processes: u64,
    /// Megabytes that it writes.
    pub disk_megabytes: u64,
}

impl Default for RawVerifyLimits {
    fn default() -> Self {
        Self { seconds: 1800, jobs: 2, memory_megabytes: 8192, processes: 1024, disk_megabytes: 20_480 }
    }
}

/// A tree whose builds can be done here.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawVerifyTree {
    /// As forges name the repository (`owner/name`), or `mail.lists` the tree.
    #[schemars(with = "String")]
    pub name: Spanned<String>,
    /// A clone on this machine.
    pub clone: PathBuf,
    /// The remote of the clone from which a commit is fetched that it lacks; without one, nothing is.
    #[serde(default)]
    pub fetch: Option<String>,
    /// How it is built; the first whose axes do not speak against the failed build is taken.
    pub builds: Vec<RawVerifyBuild>,
}

/// A way to build a tree.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawVerifyBuild {
    /// The axes of the builds that it can do: `arch: arm64`, `toolchain: clang`.
    #[serde(default)]
    pub axes: BTreeMap<String, String>,
    /// Commands that make a checkout ready, each run by `sh -c` in it: `make defconfig`.
    #[serde(default)]
    pub prepare: Vec<String>,
    /// Commands that build, as `make -k`: what failed must fail with them, too.
    #[serde(default)]
    pub build: Vec<String>,
}

fn one() -> usize {
    1
}
