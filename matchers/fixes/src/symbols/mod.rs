//! Where a symbol comes from: the header that a file should include for the names that it lacks.
//!
//! ```text
//! names ──survey──► who declares, who uses ──rank──► headers, best first, as they are written
//! ```
//!
//! `scope` says which files of the tree are looked at, `survey` reads them once for all names,
//! `declared` tells what a header declares, `includes` which file an include means, and `rank`
//! chooses: by what a header declares, by what the other users of the names include, by the
//! project's own rules.

pub mod declared;
pub mod includes;
pub mod rank;
pub mod scope;
pub mod survey;

pub use rank::{Answer, Header, Search, headers};
