//! A farm's logs with known faults: architectures, configurations and toolchains, each build a log of
//! a size, and for each fault the axes that it is put down to.
//!
//! The lines between are those of a kernel's build, quiet or with all commands, over the synthetic
//! log's paths. Every build compiles the files of all faults, but for those of one architecture.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde_json::Value;

use crate::random::Random;
use crate::sites::path;
use crate::words::KERNEL_FLAGS;

const ARCHES: &[&str] = &["arm", "arm64", "i386", "loongarch", "mips", "powerpc", "riscv", "s390", "sparc", "x86_64"];
const TOOLCHAINS: &[&str] = &[
    "gcc-9.5",
    "gcc-11.4",
    "gcc-12.2",
    "gcc-13.3",
    "gcc-14.2",
    "clang-15.0",
    "clang-16.0",
    "clang-17.0",
    "clang-18.1",
    "clang-19.1",
];

/// One build.
#[derive(Debug, Clone)]
pub struct Build {
    arch: &'static str,
    config: String,
    toolchain: &'static str,
    number: usize,
}

/// A fault: the name that it is about, its file, and which builds have it.
struct Fault {
    symbol: &'static str,
    file: &'static str,
    /// Builds of other architectures do not compile the file.
    only: Option<&'static str>,
    has: fn(&Build) -> bool,
    /// Axis and values; empty where no statement fits.
    axes: &'static [(&'static str, &'static [&'static str])],
}

const FAULTS: &[Fault] = &[
    Fault {
        symbol: "clang_only",
        file: "fs/tank",
        only: None,
        has: |b| b.toolchain.starts_with("clang"),
        axes: &[("toolchain", &["clang"])],
    },
    Fault {
        symbol: "one_arch",
        file: "mm/meter",
        only: None,
        has: |b| b.arch == "arm64",
        axes: &[("arch", &["arm64"])],
    },
    Fault {
        symbol: "one_config_of_gcc",
        file: "net/gauge",
        only: None,
        has: |b| b.config == "config7" && b.toolchain.starts_with("gcc"),
        axes: &[("config", &["config7"]), ("toolchain", &["gcc"])],
    },
    Fault {
        symbol: "new_gcc",
        file: "lib/valve",
        only: None,
        has: |b| matches!(b.toolchain, "gcc-13.3" | "gcc-14.2"),
        axes: &[("toolchain", &["gcc"]), ("version", &["13.3", "14.2"])],
    },
    Fault {
        symbol: "own_file",
        file: "arch/riscv/kernel/pump",
        only: Some("riscv"),
        has: |b| b.arch == "riscv",
        axes: &[("arch", &["riscv"])],
    },
    Fault {
        symbol: "two_configs",
        file: "block/hose",
        only: None,
        has: |b| b.config == "config3" || b.config == "config4",
        axes: &[("config", &["config3", "config4"])],
    },
    Fault {
        symbol: "by_chance",
        file: "ipc/leak",
        only: None,
        has: |b| b.number.wrapping_mul(2_654_435_761) % 7 < 2,
        axes: &[],
    },
];

/// `count` builds, in which each axis goes with each other.
#[must_use]
pub fn builds(count: usize) -> Vec<Build> {
    let configs = count.div_ceil(ARCHES.len() * TOOLCHAINS.len());
    let all = (0..configs).flat_map(|config| {
        ARCHES.iter().flat_map(move |arch| TOOLCHAINS.iter().map(move |toolchain| (config, *arch, *toolchain)))
    });
    let build =
        |(number, (config, arch, toolchain))| Build { arch, config: format!("config{config}"), toolchain, number };
    all.take(count).enumerate().map(build).collect()
}

/// Writes all logs below a folder, as `arch/config/toolchain.log`.
///
/// # Errors
/// Those of the file system.
pub fn write(top: &Path, builds: &[Build], size: u64) -> io::Result<()> {
    for build in builds {
        let folder = top.join(build.arch).join(&build.config);
        fs::create_dir_all(&folder)?;
        let file = File::create(folder.join(format!("{}.log", build.toolchain)))?;
        log(build, size, &mut BufWriter::with_capacity(1 << 18, file))?;
    }
    Ok(())
}

fn log(build: &Build, size: u64, out: &mut dyn Write) -> io::Result<()> {
    let mut random = Random::new(build.number as u64);
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let verbose = build.number.is_multiple_of(4);
    let mut text = Vec::with_capacity(size + 4096);
    // Where the faults come, in equal distances.
    let faults: Vec<&Fault> = FAULTS.iter().filter(|fault| fault.only.is_none_or(|arch| arch == build.arch)).collect();
    for (number, fault) in faults.iter().enumerate() {
        while text.len() < size * (number + 1) / (faults.len() + 1) {
            plain(verbose, &mut random, &mut text);
        }
        writeln!(text, "  CC      {}.o", fault.file)?;
        if (fault.has)(build) {
            broken(build, fault, &mut text)?;
        }
    }
    while text.len() < size {
        plain(verbose, &mut random, &mut text);
    }
    out.write_all(&text)?;
    out.flush()
}

fn plain(verbose: bool, random: &mut Random, text: &mut Vec<u8>) {
    text.extend_from_slice(if verbose { b"  gcc " } else { b"  CC      " });
    if verbose {
        text.extend_from_slice(KERNEL_FLAGS.as_bytes());
        text.extend_from_slice(b" -c -o ");
    }
    path(random, text);
    text.extend_from_slice(b".o\n");
}

fn broken(build: &Build, fault: &Fault, text: &mut Vec<u8>) -> io::Result<()> {
    let Fault { symbol, file, .. } = fault;
    if build.toolchain.starts_with("clang") {
        writeln!(text, "{file}.c:40:9: error: use of undeclared identifier '{symbol}'")?;
    } else {
        writeln!(text, "{file}.c: In function 'fill':")?;
        writeln!(text, "{file}.c:40:9: error: '{symbol}' undeclared (first use in this function)")?;
    }
    writeln!(text, "   40 |         {symbol} = 1;\n      |         ^\n1 error generated.")?;
    writeln!(text, "make[3]: *** [scripts/Makefile.build:289: {file}.o] Error 1")
}

/// What a report gets wrong, in words.
#[must_use]
pub fn faults_of(report: &Value, builds: &[Build]) -> Vec<String> {
    let causes = report["causes"].as_array().map_or(&[][..], Vec::as_slice);
    let mut wrong = Vec::new();
    if causes.len() != FAULTS.len() {
        wrong.push(format!("{} causes instead of {}", causes.len(), FAULTS.len()));
    }
    for fault in FAULTS {
        let Some(cause) = causes.iter().find(|cause| cause["symbols"][0] == fault.symbol) else {
            wrong.push(format!("{} was not found", fault.symbol));
            continue;
        };
        let found = &cause["attribution"];
        let axes: BTreeMap<&str, Vec<&str>> =
            fault.axes.iter().map(|(axis, values)| (*axis, values.to_vec())).collect();
        let explains = if fault.axes.is_empty() { "none" } else { "all" };
        if found["axes"] != serde_json::json!(axes) || found["explains"] != explains {
            wrong.push(format!("{}: {} ({}) instead of {axes:?}", fault.symbol, found["axes"], found["explains"]));
        }
        let failing = builds.iter().filter(|build| (fault.has)(build)).count();
        let compiles = builds.iter().filter(|build| fault.only.is_none_or(|arch| arch == build.arch)).count();
        let counts = serde_json::json!({
            "failing": failing, "passing": compiles - failing, "not_reached": builds.len() - compiles
        });
        if found["counts"] != counts {
            wrong.push(format!("{}: {} instead of {counts}", fault.symbol, found["counts"]));
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_have_their_size_and_faults() {
        let all = builds(200);
        assert_eq!(all.len(), 200);
        let clang = all.iter().find(|build| build.toolchain == "clang-19.1" && build.arch == "arm").unwrap();
        let mut text = Vec::new();
        log(clang, 50_000, &mut text).unwrap();
        assert!((50_000..54_000).contains(&text.len()), "{}", text.len());
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains("'clang_only'") && !text.contains("'one_arch'") && text.contains("mm/meter.o"));
        assert!(!text.contains("arch/riscv/kernel/pump"));
    }

    #[test]
    fn a_wrong_report_is_told() {
        assert_eq!(faults_of(&serde_json::json!({"causes": []}), &builds(10)).len(), FAULTS.len() + 1);
    }
}
