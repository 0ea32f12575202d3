//! What a log says about the build itself: architecture, compiler, version.
//!
//! Looked for in the first part of the log and in the diagnostics, never by reading all of it.

use crate::diagnostic::{Diagnostic, Flavor, Tool};

/// Bytes at the start of a log that are looked at.
const HEAD: usize = 256 << 10;

/// What is known about a build from its log alone; nothing is guessed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// The kernel's name for the architecture (`arm64`, `x86_64`) or a target triplet's first part.
    pub arch: Option<String>,
    /// `gcc` or `clang`.
    pub toolchain: Option<String>,
    /// The compiler's version as printed, `12.2.0`.
    pub version: Option<String>,
    /// The configuration target (`defconfig`, `allmodconfig`, …).
    pub config: Option<String>,
    looked: usize,
}

impl Facts {
    /// True while more of the log's start is wanted.
    pub(crate) fn wants_head(&self) -> bool {
        self.looked < HEAD
    }

    /// Looks at a part of the log's start.
    pub(crate) fn head(&mut self, bytes: &[u8]) {
        let bytes = &bytes[..bytes.len().min(HEAD - self.looked)];
        self.looked += bytes.len();
        self.versions(bytes);
        if self.arch.is_none() {
            self.arch = after(bytes, b"ARCH=")
                .filter(|arch| arch.len() < 20)
                .or_else(|| cross_prefix(bytes).map(str::to_owned));
        }
        if self.config.is_none() {
            self.config = CONFIGS
                .iter()
                .find(|name| memchr::memmem::find(bytes, name.as_bytes()).is_some())
                .map(|name| (*name).to_owned());
        }
    }

    fn versions(&mut self, bytes: &[u8]) {
        if self.version.is_some() {
            return;
        }
        if let Some(version) = after(bytes, b"clang version ").filter(|v| v.starts_with(|c: char| c.is_ascii_digit())) {
            self.toolchain = Some("clang".into());
            self.version = Some(version);
        } else if let Some(version) = after(bytes, b"gcc version ")
            .or_else(|| gcc_banner(bytes))
            .filter(|v| v.starts_with(|c: char| c.is_ascii_digit()))
        {
            self.toolchain = Some("gcc".into());
            self.version = Some(version);
        }
    }

    /// Learns from a diagnostic.
    pub(crate) fn diagnostic(&mut self, diagnostic: &Diagnostic) {
        if self.toolchain.is_none() && diagnostic.tool == Tool::Cc {
            self.toolchain = diagnostic.flavor.map(|flavor| match flavor {
                Flavor::Gnu => "gcc".to_owned(),
                Flavor::Llvm => "clang".to_owned(),
            });
        }
    }
}

/// Configuration targets of the kernel, the more particular first.
const CONFIGS: &[&str] =
    &["allmodconfig", "allyesconfig", "allnoconfig", "randconfig", "tinyconfig", "multi_v7_defconfig", "defconfig"];

/// The word after a literal: letters, digits, `.`, `_`, `-`.
fn after(bytes: &[u8], literal: &[u8]) -> Option<String> {
    let at = memchr::memmem::find(bytes, literal)? + literal.len();
    let word: Vec<u8> =
        bytes[at..].iter().copied().take(64).take_while(|b| b.is_ascii_alphanumeric() || b".-_".contains(b)).collect();
    (!word.is_empty()).then(|| String::from_utf8_lossy(&word).into_owned())
}

/// `gcc (Debian 12.2.0-14) 12.2.0`.
fn gcc_banner(bytes: &[u8]) -> Option<String> {
    let at = memchr::memmem::find(bytes, b"gcc (")? + 5;
    let rest = &bytes[at..bytes.len().min(at + 200)];
    let close = memchr::memchr(b')', rest)?;
    let word: Vec<u8> = rest[close + 1..]
        .iter()
        .copied()
        .skip_while(|b| *b == b' ')
        .take_while(|b| b.is_ascii_digit() || *b == b'.')
        .collect();
    String::from_utf8(word).ok().filter(|v| !v.is_empty())
}

/// The kernel's architecture for a cross compiler's prefix.
fn cross_prefix(bytes: &[u8]) -> Option<&'static str> {
    const PREFIXES: &[(&str, &str)] = &[
        ("aarch64-linux-gnu-", "arm64"),
        ("arm-linux-gnueabi", "arm"),
        ("riscv64-linux-gnu-", "riscv"),
        ("powerpc64le-linux-gnu-", "powerpc"),
        ("powerpc64-linux-gnu-", "powerpc"),
        ("s390x-linux-gnu-", "s390"),
        ("mips64-linux-gnu", "mips"),
        ("mips-linux-gnu", "mips"),
        ("loongarch64-linux-gnu", "loongarch"),
        ("sparc64-linux-gnu-", "sparc"),
        ("x86_64-linux-gnu-gcc", "x86_64"),
        ("arch/x86/", "x86_64"),
        ("arch/arm64/", "arm64"),
        ("arch/riscv/", "riscv"),
        ("arch/powerpc/", "powerpc"),
        ("arch/s390/", "s390"),
    ];
    PREFIXES.iter().find(|(prefix, _)| memchr::memmem::find(bytes, prefix.as_bytes()).is_some()).map(|(_, arch)| *arch)
}
