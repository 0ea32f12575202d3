//! What the benchmarks share: logs that are made up, and programs that are measured.
//!
//! [`synthetic`] writes a log of any size from a seed: [`words`] are its texts, [`sites`] its
//! diagnostics, [`random`] its dice. [`measure`] runs one program and says what it cost, [`figures`]
//! turns the samples into a report, [`size`] and [`program`] read what was typed. [`farm`] writes the
//! logs of many builds with known faults; [`remembered`] fills the bot's memory.

pub mod farm;
pub mod figures;
pub mod measure;
pub mod program;
pub mod random;
pub mod remembered;
pub mod sites;
pub mod size;
pub mod synthetic;
pub mod words;
