//! A clock that a program sees instead of that of the machine: libfaketime reads it from a file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::packages;

const LIBRARY: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";

/// A clock that can be set.
#[derive(Debug)]
pub struct Clock {
    file: PathBuf,
}

impl Clock {
    /// One that goes right, kept in a folder.
    pub fn new(folder: &Path) -> Self {
        packages::need(&[(LIBRARY, "libfaketime")]);
        let clock = Self { file: folder.join("clock") };
        clock.set(0);
        clock
    }

    /// Sets it to so many seconds after the time of the machine.
    ///
    /// # Panics
    ///
    /// When the folder cannot be written.
    pub fn set(&self, seconds: i64) {
        fs::write(&self.file, format!("{seconds:+}\n")).expect("the folder can be written");
    }

    /// Has a program see it. What measures how long something takes goes on as it does.
    pub fn show(&self, command: &mut Command) {
        command
            .env("LD_PRELOAD", LIBRARY)
            .env("FAKETIME_TIMESTAMP_FILE", &self.file)
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("DONT_FAKE_MONOTONIC", "1");
    }
}
