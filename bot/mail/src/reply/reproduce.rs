//! The command that builds it again.
//!
//! For the Linux kernel it follows from the axes of the build. For anything else only whoever built
//! it knows; then the result of the build says it.

use std::collections::BTreeMap;

use triage_causes::report::{Build, Cause};

/// Architectures of the kernel with the prefix of Debian's cross compilers.
const CROSS: &[(&str, &str, &str)] = &[
    ("alpha", "alpha", "alpha-linux-gnu-"),
    ("arc", "arc", "arc-linux-gnu-"),
    ("arm", "arm", "arm-linux-gnueabihf-"),
    ("arm64", "arm64", "aarch64-linux-gnu-"),
    ("hexagon", "hexagon", ""),
    ("i386", "i386", ""),
    ("loongarch", "loongarch", "loongarch64-linux-gnu-"),
    ("m68k", "m68k", "m68k-linux-gnu-"),
    ("mips", "mips", "mips-linux-gnu-"),
    ("openrisc", "openrisc", "or1k-linux-gnu-"),
    ("parisc", "parisc", "hppa-linux-gnu-"),
    ("powerpc", "powerpc", "powerpc64le-linux-gnu-"),
    ("riscv", "riscv", "riscv64-linux-gnu-"),
    ("s390", "s390", "s390x-linux-gnu-"),
    ("sh", "sh", "sh4-linux-gnu-"),
    ("sparc", "sparc", "sparc64-linux-gnu-"),
    ("x86_64", "x86_64", ""),
    ("xtensa", "xtensa", "xtensa-linux-gnu-"),
];

/// The commands for a build of the kernel in which `cause` was seen; empty when the axes do not
/// tell, or hold what no shell should see.
pub fn kernel(build: &Build, cause: &Cause) -> Vec<String> {
    let Some(start) = make(&build.axes) else { return Vec::new() };
    let Some(config) = build.axes.get("config").filter(|config| is_config(config)) else { return Vec::new() };
    let mut commands = vec![format!("{start} {config}")];
    commands.push(match object(cause) {
        Some(object) => format!("{start} {object}"),
        None => start,
    });
    commands
}

/// `make ARCH=arm64 LLVM=-19`.
fn make(axes: &BTreeMap<String, String>) -> Option<String> {
    let arch = axes.get("arch")?;
    let (_, arch, prefix) = CROSS.iter().find(|(name, ..)| name == arch)?;
    let mut out = format!("make ARCH={arch}");
    let version = axes.get("version").map(String::as_str).unwrap_or_default();
    let major =
        version.split('.').next().filter(|major| !major.is_empty() && major.bytes().all(|b| b.is_ascii_digit()));
    match axes.get("toolchain")?.as_str() {
        "clang" | "llvm" => match major {
            Some(major) => out.push_str(&format!(" LLVM=-{major}")),
            None => out.push_str(" LLVM=1"),
        },
        "gcc" => {
            if !prefix.is_empty() {
                out.push_str(&format!(" CROSS_COMPILE={prefix}"));
            }
            if let Some(major) = major {
                out.push_str(&format!(" CC={prefix}gcc-{major}"));
            }
        }
        _ => return None,
    }
    Some(out)
}

/// A target that makes a configuration. `randconfig` makes another one each time.
fn is_config(config: &str) -> bool {
    let plain = config.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
    plain && config.ends_with("config") && config != "randconfig" && !config.starts_with('-')
}

/// The object of the first source file that the cause breaks.
fn object(cause: &Cause) -> Option<String> {
    let place = cause.location.as_ref().map(|place| place.file.as_str());
    let includer = cause.includes.last().map(|place| place.file.as_str());
    let candidates = cause.units.iter().map(String::as_str).chain(includer).chain(place);
    candidates.map(|path| path.trim_start_matches("./")).find_map(|path| {
        let stem = path.strip_suffix(".c").or_else(|| path.strip_suffix(".S")).or_else(|| path.strip_suffix(".rs"))?;
        let plain = stem.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-./+".contains(&b));
        let inside = !stem.starts_with(['/', '-']) && !stem.split('/').any(|part| part == ".." || part.is_empty());
        // What runs on the builder has other rules.
        let kernel = !["tools/", "scripts/", "samples/"].iter().any(|folder| path.starts_with(folder));
        (plain && inside && kernel).then(|| format!("{stem}.o"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply::fixture;

    fn commands(axes: &[(&str, &str)], unit: &str) -> String {
        let mut build = fixture::build("x", true);
        build.axes = axes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let mut cause = fixture::cause();
        cause.units = vec![unit.to_owned()];
        cause.includes.clear();
        kernel(&build, &cause).join("\n")
    }

    #[test]
    fn commands_of_the_kernel() {
        assert_eq!(
            commands(
                &[("arch", "arm64"), ("toolchain", "clang"), ("version", "19.1.7"), ("config", "defconfig")],
                "kernel/scs.c"
            ),
            "make ARCH=arm64 LLVM=-19 defconfig\nmake ARCH=arm64 LLVM=-19 kernel/scs.o"
        );
        assert_eq!(
            commands(&[("arch", "arm64"), ("toolchain", "gcc"), ("config", "allmodconfig")], "tools/x.c"),
            "make ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- allmodconfig\nmake ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu-"
        );
    }

    #[test]
    fn nothing_that_a_log_says_becomes_a_command() {
        for config in ["$(reboot)", "randconfig", "-fdefconfig", "x; y config", "defconfig\nreboot"] {
            assert_eq!(
                commands(&[("arch", "x86_64"), ("toolchain", "gcc"), ("config", config)], "a.c"),
                "",
                "{config}"
            );
        }
        for unit in ["../../x.c", "/etc/x.c", "a;reboot.c", "-x.c", "a//b.c"] {
            let found = commands(&[("arch", "x86_64"), ("toolchain", "gcc"), ("config", "defconfig")], unit);
            assert!(!found.contains(".o"), "{found}");
        }
        assert_eq!(commands(&[("arch", "vax"), ("toolchain", "gcc"), ("config", "defconfig")], "a.c"), "");
    }
}
