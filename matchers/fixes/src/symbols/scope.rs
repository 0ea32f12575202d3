//! Where in a tree a name is looked for: what the file that lacks it could include.

use std::collections::BTreeSet;

use triage_causes::place::is_header;

use crate::index::folder;
use crate::tree::Tree;

/// Ends of the names of files with code.
const CODE: &[&str] = &[".c", ".h", ".cc", ".cpp", ".cxx", ".hpp", ".hh", ".hxx", ".inc", ".y", ".l", ".S"];
/// Folders of a kernel tree that are user space, with what they include of it.
const TOOLS: &[&str] = &["tools/", "scripts/", "samples/", "usr/", "kernel/bpf/preload/"];
/// What the programs below `tools/` share. Others have to do without.
const SHARED: &[&str] = &["tools/include/", "tools/lib/"];
/// Files of a scope.
const FILES: usize = 60_000;

/// The kind of code that a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The Linux kernel's own.
    Kernel,
    /// A program in a kernel tree.
    KernelTools,
    /// Any other.
    User,
}

/// The side of a file. In a kernel tree, what is in the folders of tools is user space.
pub fn side(kernel: bool, file: &str) -> Side {
    match kernel {
        false => Side::User,
        true if TOOLS.iter().any(|top| file.starts_with(top)) => Side::KernelTools,
        // Programs that only help to build an architecture's kernel.
        true if file.starts_with("arch/") && file.contains("/tools/") => Side::KernelTools,
        true => Side::Kernel,
    }
}

/// The kernel's folder of an architecture (`x86`) for a path or an `ARCH` (`x86_64`); x86 when
/// nothing tells.
pub fn arch(tree: &Tree, file: &str, axis: Option<&str>) -> String {
    let of_path = file.strip_prefix("arch/").and_then(|rest| rest.split('/').next());
    let of_axis = axis.map(|arch| match arch {
        "x86_64" | "i386" | "i486" | "i586" | "i686" | "amd64" => "x86",
        "aarch64" => "arm64",
        "ppc" | "ppc64" | "ppc64le" | "powerpc64" | "powerpc64le" => "powerpc",
        "riscv32" | "riscv64" => "riscv",
        "s390x" => "s390",
        "sparc64" | "sparc32" => "sparc",
        "parisc64" | "hppa" => "parisc",
        "mips64" | "mipsel" | "mips64el" => "mips",
        "sh4" => "sh",
        "um" => "um",
        "loongarch64" => "loongarch",
        other => other,
    });
    let known = |arch: &&str| !arch.contains(['.', '/']) && tree.exists(&format!("arch/{arch}/include"));
    of_path.into_iter().chain(of_axis).find(known).unwrap_or("x86").to_owned()
}

/// The files to look in for what some files lack.
pub fn files<'t>(tree: &'t Tree, side: Side, arch: &str, lacking: &[&str]) -> Vec<&'t str> {
    let near: BTreeSet<&str> = lacking.iter().map(|file| subtree(file)).collect();
    let near_to = |path: &str| near.iter().any(|near| path.starts_with(near));
    let headers = near.contains("include/");
    let of_tools = lacking.iter().any(|file| file.starts_with("tools/"));
    let arch = format!("arch/{arch}/");
    let wanted = |path: &&str| -> bool {
        if !CODE.iter().any(|end| path.ends_with(end)) {
            return false;
        }
        match side {
            Side::User => true,
            Side::Kernel => {
                path.starts_with("include/")
                    || near_to(path)
                    || path.starts_with(&arch) && (is_header(path) || headers)
                    || headers && path.starts_with("kernel/")
            }
            Side::KernelTools => near_to(path) || of_tools && SHARED.iter().any(|top| path.starts_with(top)),
        }
    };
    tree.files().iter().map(String::as_str).filter(wanted).take(FILES).collect()
}

/// All headers of a kernel tree that are of a side: the second look, for what the first did not find.
pub fn headers(tree: &Tree, of: Side) -> Vec<&str> {
    let alike = |path: &&str| is_header(path) && (of != Side::KernelTools || side(true, path) == of);
    tree.files().iter().map(String::as_str).filter(alike).take(FILES).collect()
}

/// The part of a tree that a file is of: `drivers/net/` of `drivers/net/ethernet/x.c`.
fn subtree(file: &str) -> &str {
    let folder = folder(file);
    let second = folder.match_indices('/').map(|(at, _)| at).nth(1);
    let depth = match folder.split('/').next() {
        Some("include") => return "include/",
        _ => second.unwrap_or(folder.len()),
    };
    file.get(..depth + 1).filter(|_| depth > 0).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_and_parts() {
        assert_eq!(side(true, "tools/perf/x.c"), Side::KernelTools);
        assert_eq!(side(true, "kernel/fork.c"), Side::Kernel);
        assert_eq!(side(true, "arch/x86/tools/x.c"), Side::KernelTools);
        assert_eq!(side(false, "tools/x.c"), Side::User);
        assert_eq!(subtree("drivers/net/ethernet/x.c"), "drivers/net/");
        assert_eq!(subtree("kernel/fork.c"), "kernel/");
        assert_eq!(subtree("include/linux/x.h"), "include/");
        assert_eq!(subtree("x.c"), "");
    }

    #[test]
    fn files_of_a_kernel() {
        let folder = tempfile::tempdir().unwrap();
        for file in [
            "include/linux/a.h",
            "arch/x86/include/asm/b.h",
            "arch/x86/kernel/c.c",
            "arch/arm64/include/asm/b.h",
            "drivers/md/raid/d.c",
            "drivers/net/e.h",
            "tools/include/f.h",
        ] {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let tree = Tree::open(folder.path()).unwrap();
        assert_eq!(arch(&tree, "drivers/md/x.c", Some("aarch64")), "arm64");
        assert_eq!(arch(&tree, "arch/arm64/kernel/x.c", Some("x86_64")), "arm64");
        assert_eq!(arch(&tree, "x.c", Some("../..")), "x86");
        assert_eq!(
            files(&tree, Side::Kernel, "x86", &["drivers/md/x.c"]),
            ["arch/x86/include/asm/b.h", "drivers/md/raid/d.c", "include/linux/a.h"]
        );
        assert_eq!(files(&tree, Side::KernelTools, "x86", &["tools/x.c"]), ["tools/include/f.h"]);
        assert_eq!(headers(&tree, Side::Kernel).len(), 5);
        assert_eq!(headers(&tree, Side::KernelTools), ["tools/include/f.h"]);
        assert!(files(&tree, Side::KernelTools, "x86", &["scripts/mod/x.c"]).is_empty());
    }
}
