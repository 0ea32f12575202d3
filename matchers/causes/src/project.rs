//! What kind of project a place belongs to: advice differs.

use triage_log::diagnostic::{Diagnostic, Tool};

/// The kind of project that a file is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Project {
    /// The Linux kernel itself.
    Kernel,
    /// The user-space parts of a kernel tree.
    KernelTools,
    /// User space in C.
    C,
    /// User space in C++.
    Cxx,
}

/// Folders of a kernel tree whose programs run in user space.
const TOOLS: &[&str] = &["tools", "scripts", "samples", "usr", "Documentation"];
/// Top folders of a kernel tree.
const KERNEL: &[&str] = &[
    "arch", "block", "certs", "crypto", "drivers", "fs", "init", "io_uring", "ipc", "kernel", "lib", "mm", "net",
    "rust", "security", "sound", "virt",
];

/// Tells the project of a diagnostic. `kernel` says whether the log is a kernel build's.
pub fn of(diagnostic: &Diagnostic, file: Option<&str>, kernel: bool) -> Project {
    let file = file.unwrap_or_default();
    let cxx = [".cc", ".cpp", ".cxx", ".C", ".hh", ".hpp", ".hxx", ".tcc"].iter().any(|end| file.ends_with(end));
    if !kernel {
        return if cxx { Project::Cxx } else { Project::C };
    }
    let unit = super::place::unit(diagnostic).unwrap_or(file);
    let in_tools = |path: &str| path.split('/').any(|part| TOOLS.contains(&part)) && !path.contains("include/");
    // The BPF preload programs are user space inside kernel/.
    if cxx || in_tools(file) || in_tools(unit) || file.contains("bpf/preload/") || includes_libc(diagnostic) {
        Project::KernelTools
    } else {
        Project::Kernel
    }
}

/// A program that includes libc's headers is no kernel code.
fn includes_libc(diagnostic: &Diagnostic) -> bool {
    diagnostic.includes.iter().any(|l| l.file.starts_with("/usr/include/"))
}

/// True when a diagnostic shows that the log is of a kernel build.
pub fn shows_kernel(diagnostic: &Diagnostic) -> bool {
    if matches!(diagnostic.tool, Tool::Kconfig | Tool::Modpost | Tool::Objtool | Tool::Btf | Tool::Kbuild) {
        return true;
    }
    let makefile = diagnostic.location.as_ref().is_some_and(|l| {
        diagnostic.tool == Tool::Make && (l.file.contains("scripts/Makefile.") || l.file.contains("scripts/kconfig/"))
    });
    makefile
        || diagnostic.includes.iter().chain(&diagnostic.location).any(|l| {
            // Nearly no file is a header below `include`.
            if !l.file.as_bytes().windows(8).any(|part| part == b"include/") {
                return false;
            }
            let file = l.file.trim_start_matches("./");
            let kernel_include =
                file.contains("include/linux/") && !file.starts_with("/usr/") && !file.contains("tools/include");
            kernel_include || (l.file.contains("include/asm-generic/") && !file.starts_with("/usr/"))
        })
}

/// True for paths that only a kernel tree has at its top: used when nothing else tells.
pub fn looks_like_kernel_path(file: &str) -> bool {
    let file = file.trim_start_matches("./");
    file.split('/').next().is_some_and(|top| KERNEL.contains(&top)) && file.contains('/')
}
