//! Proof: a candidate counts as verified when the commands that failed work with it.
//!
//! ```text
//! commands ──► scratch copy ──► run without a change (does it fail here?) ──► baseline
//!                   └── for each cause, best candidate first: edit, run, judge ──► keep or reset
//! ```
//!
//! [`commands`] says what is run: what the user gave, or what the build's folder has. The
//! [`scratch`] copy is a helper process in its own mount namespace, in which overlays cover the
//! tree and the build's folder at their own paths, so that nothing reaches the originals; where no
//! namespace is allowed it is a plain [`copy`]. [`judge`] compares what the build says before and
//! after, [`cheats`] refuses patches that only silence, [`objects`] sees what objects have lost.
//! [`bench`] runs and reads, [`trial`] puts it together.

pub mod bench;
pub mod cheats;
pub mod commands;
mod copy;
pub mod judge;
#[cfg(target_os = "linux")]
mod mounts;
pub mod objects;
mod protocol;
mod run;
pub mod scratch;
mod serve;
pub mod trial;

pub use bench::Bench;
pub use commands::Plan;
pub use judge::{Run, Target, Verdict, failed_target};
pub use protocol::{Form, Way};
pub use scratch::{Place, Scratch, Trouble};
pub use serve::serve;
pub use trial::{Outcome, Settings, Step, Trial};
