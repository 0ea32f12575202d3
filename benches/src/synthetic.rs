//! A log of any size that looks like a farm's: quiet kernel builds, user-space builds and builds
//! that print every command, one after the other.
//!
//! Lines come in runs of [`RUN`] of one style and one compiler. A style's lines differ in length:
//! short ones have some 35 bytes, user-space ones 110, those with all commands 550; together
//! about 170. Diagnostics replace build lines at the kind's distance; their count does not depend
//! on the style.

use std::io::{self, Write};

use clap::ValueEnum;
use serde::Serialize;

use crate::random::Random;
use crate::sites::{Compiler, Site, path, sites};
use crate::words::{KERNEL_FLAGS, SHORT_VERBS, USER_FLAGS};

/// Lines of one style that follow each other.
pub const RUN: usize = 400;

/// Bytes that are written at once.
const CHUNK: usize = 1 << 20;

/// What kind of log it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A diagnostic every 20,000 lines or so
    Quiet,
    /// A diagnostic every 25 lines
    Dense,
    /// A diagnostic every 25 lines, and no long lines between them: the worst case
    DenseShort,
}

impl Kind {
    /// Its name, as it is typed.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Quiet => "quiet",
            Self::Dense => "dense",
            Self::DenseShort => "dense-short",
        }
    }

    /// Lines from the start of one diagnostic to the start of the next.
    fn distance(self, random: &mut Random) -> usize {
        match self {
            Self::Quiet => 10_000 + random.below(20_000),
            Self::Dense | Self::DenseShort => 25,
        }
    }

    fn style(self, random: &mut Random) -> Style {
        match (self, random.below(20)) {
            (Self::DenseShort, _) | (_, 0..7) => Style::Short,
            (_, 7..16) => Style::User,
            _ => Style::Verbose,
        }
    }
}

/// How a build prints its commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// `  CC      a.o`
    Short,
    /// `gcc -O2 -Wall -c -o a.o a.c`
    User,
    /// All flags, and the shell lines between.
    Verbose,
}

/// The maker of a log.
#[derive(Debug)]
pub struct Log {
    kind: Kind,
    random: Random,
    gcc: Vec<Site>,
    clang: Vec<Site>,
    buffer: Vec<u8>,
    style: Style,
    compiler: Compiler,
    /// Lines left of the run.
    left: usize,
    /// Lines left until the next diagnostic.
    until: usize,
}

impl Log {
    /// A log of the kind; equal seeds make equal logs.
    #[must_use]
    pub fn new(kind: Kind, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let gcc = sites(Compiler::Gcc, &mut random);
        let clang = sites(Compiler::Clang, &mut random);
        let until = kind.distance(&mut random) / 2;
        let (style, compiler) = (Style::Short, Compiler::Gcc);
        Self { kind, random, gcc, clang, buffer: Vec::with_capacity(2 * CHUNK), style, compiler, left: 0, until }
    }

    /// Writes whole lines, as many as fit into the size.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&mut self, size: u64, out: &mut dyn Write) -> io::Result<()> {
        let mut left = usize::try_from(size).unwrap_or(usize::MAX);
        loop {
            self.buffer.clear();
            while self.buffer.len() < CHUNK.min(left) {
                self.step();
            }
            if self.buffer.len() >= left {
                let end = self.buffer[..left].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
                out.write_all(&self.buffer[..end])?;
                return out.flush();
            }
            out.write_all(&self.buffer)?;
            left -= self.buffer.len();
        }
    }

    /// Adds a line, or a diagnostic.
    fn step(&mut self) {
        if self.left == 0 {
            self.left = RUN;
            self.style = self.kind.style(&mut self.random);
            self.compiler = if self.random.once_in(2) { Compiler::Gcc } else { Compiler::Clang };
        }
        if self.until > 0 {
            self.until -= 1;
            self.left -= 1;
            self.build_line();
            return;
        }
        let lines = self.diagnostic();
        self.until = self.kind.distance(&mut self.random).saturating_sub(lines);
        self.left = self.left.saturating_sub(lines);
    }

    /// Adds a diagnostic with what stands around it; returns its lines.
    fn diagnostic(&mut self) -> usize {
        let Self { random, buffer: out, .. } = self;
        let sites = match self.compiler {
            Compiler::Gcc => &self.gcc,
            Compiler::Clang => &self.clang,
        };
        let site = &sites[random.below(sites.len())];
        let mut lines = site.lines;
        let mut object: &[u8] = site.object.as_bytes();
        let mut includer = Vec::new();
        if let Some(first) = &site.included_from {
            // A header is compiled into many objects: each prints its own stack.
            path(random, &mut includer);
            includer.extend_from_slice(b".o");
            object = &includer;
            let source = &includer[..includer.len() - 2];
            lines += include_stack(self.compiler, source, first, random, out);
        }
        out.extend_from_slice(&site.text);
        if site.fails {
            if self.compiler == Compiler::Clang {
                put(out, &[b"1 error generated.\n"]);
                lines += 1;
            }
            let folder = object.iter().rposition(|byte| *byte == b'/').map_or(&b"."[..], |at| &object[..at]);
            put(out, &[b"make[4]: *** [scripts/Makefile.build:243: ", object, b"] Error 1\n"]);
            lines += 1;
            if random.once_in(4) {
                put(out, &[b"make[3]: *** [scripts/Makefile.build:480: ", folder, b"] Error 2\n"]);
                put(out, &[b"make[3]: *** Waiting for unfinished jobs....\n"]);
                lines += 2;
            }
        } else if random.once_in(64) {
            lines += undefined(site, object, out);
        }
        lines
    }

    fn build_line(&mut self) {
        let Self { random, buffer: out, .. } = self;
        let program = self.compiler.program().as_bytes();
        match self.style {
            Style::Short => short_line(random, out),
            Style::User => match random.below(8) {
                0..4 => {
                    put(out, &[program, b" ", random.pick(USER_FLAGS).as_bytes(), b" -c -o "]);
                    object_and_source(random, out);
                }
                4 => {
                    put(out, &[b"  CC       "]);
                    path(random, out);
                    put(out, &[b".lo\n"]);
                }
                5 => {
                    put(out, &[b"/bin/bash ../libtool  --tag=CC   --mode=compile ", program, b" -g -O2 -c -o "]);
                    object_and_source(random, out);
                }
                6 => {
                    put(out, &[b"make[2]: Entering directory '/home/build/sources/"]);
                    path(random, out);
                    put(out, &[b"'\n"]);
                }
                _ => {
                    put(out, &[b"checking for "]);
                    path(random, out);
                    put(out, &[b".h... yes\n"]);
                }
            },
            Style::Verbose => match random.below(10) {
                0..3 => {
                    put(out, &[b"  ", program, b" -Wp,-MMD,"]);
                    path(random, out);
                    put(out, &[b".o.d ", KERNEL_FLAGS.as_bytes(), b" -DKBUILD_MODFILE='\""]);
                    path(random, out);
                    put(out, &[b"\"' -c -o "]);
                    object_and_source(random, out);
                }
                3 => {
                    put(out, &[b"# cmd_gen_symversions_c "]);
                    path(random, out);
                    put(out, &[b".o\n"]);
                }
                4 => {
                    put(out, &[b"   set -e;  rm -f "]);
                    path(random, out);
                    put(out, &[b"/built-in.a;  echo warning.o error.o | xargs ar cDPrST "]);
                    path(random, out);
                    put(out, &[b"/built-in.a\n"]);
                }
                5 => {
                    put(out, &[b"make -f ./scripts/Makefile.build obj="]);
                    path(random, out);
                    put(out, &[b" need-builtin=1 need-modorder=1 \n"]);
                }
                _ => short_line(random, out),
            },
        }
    }
}

fn put(out: &mut Vec<u8>, parts: &[&[u8]]) {
    for part in parts {
        out.extend_from_slice(part);
    }
}

fn short_line(random: &mut Random, out: &mut Vec<u8>) {
    put(out, &[random.pick(SHORT_VERBS).as_bytes()]);
    path(random, out);
    put(out, &[b".o\n"]);
}

fn object_and_source(random: &mut Random, out: &mut Vec<u8>) {
    let start = out.len();
    path(random, out);
    let end = out.len();
    put(out, &[b".o "]);
    out.extend_from_within(start..end);
    put(out, &[b".c\n"]);
}

/// How a header came in; returns the lines.
fn include_stack(compiler: Compiler, source: &[u8], through: &str, random: &mut Random, out: &mut Vec<u8>) -> usize {
    let line = (1 + random.below(60)).to_string();
    let through = through.trim_end_matches(".c").as_bytes();
    match compiler {
        Compiler::Gcc => {
            put(out, &[b"In file included from ", through, b".h:11,\n"]);
            put(out, &[b"                 from ", source, b".c:", line.as_bytes(), b":\n"]);
        }
        Compiler::Clang => {
            put(out, &[b"In file included from ", source, b".c:", line.as_bytes(), b":\n"]);
            put(out, &[b"In file included from ", through, b".h:11:\n"]);
        }
    }
    2
}

/// A link that fails; returns the lines.
fn undefined(site: &Site, object: &[u8], out: &mut Vec<u8>) -> usize {
    let name = site.object.trim_end_matches(".o").rsplit('/').next().unwrap_or_default().replace(['-', '.'], "_");
    let name = name.as_bytes();
    put(out, &[b"/usr/bin/ld: ", object, b": in function `", name, b"_open':\n"]);
    put(out, &[&object[..object.len() - 2], b".c:(.text+0x1c): undefined reference to `", name, b"_backend'\n"]);
    put(out, &[b"collect2: error: ld returned 1 exit status\n"]);
    3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(kind: Kind, seed: u64, size: u64) -> String {
        let mut out = Vec::new();
        Log::new(kind, seed).write(size, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn diagnostics(log: &str) -> usize {
        log.lines().filter(|line| line.contains(": error: ") || line.contains(": warning: ")).count()
    }

    #[test]
    fn whole_lines_of_the_size_and_the_same_again() {
        for kind in [Kind::Quiet, Kind::Dense, Kind::DenseShort] {
            let text = log(kind, 1, 3_000_000);
            assert!(text.len() <= 3_000_000 && text.len() > 2_990_000, "{}", text.len());
            assert!(text.ends_with('\n'));
            assert_eq!(text, log(kind, 1, 3_000_000));
            assert_ne!(text, log(kind, 2, 3_000_000));
            assert!(log(kind, 1, 100_000) == text[..log(kind, 1, 100_000).len()]);
        }
        assert_eq!(log(Kind::Quiet, 1, 0), "");
    }

    #[test]
    fn diagnostics_at_their_distance() {
        let dense = log(Kind::Dense, 1, 4_000_000);
        let distance = dense.lines().count() / diagnostics(&dense);
        assert!((22..=27).contains(&distance), "{distance}");
        let quiet = log(Kind::Quiet, 1, 30_000_000);
        let distance = quiet.lines().count() / diagnostics(&quiet).max(1);
        assert!((12_000..=30_000).contains(&distance), "{distance}");
        let mean = quiet.len() / quiet.lines().count();
        assert!((140..=200).contains(&mean), "{mean}");
    }
}
