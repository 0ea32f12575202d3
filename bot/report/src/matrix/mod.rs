//! Many builds at a glance: the grid of their axes, the baseline, build times. [`grid`] is the data,
//! [`table`] shows it as text and [`markdown`] as Markdown; the page of [`crate::html`] uses it too.

pub mod grid;
pub mod markdown;
pub mod table;
