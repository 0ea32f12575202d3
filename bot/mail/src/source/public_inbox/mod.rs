//! Archives of public-inbox, as lore.kernel.org is one: cloned as git repositories, or on the web.

pub mod git;
pub mod http;
