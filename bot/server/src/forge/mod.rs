//! What is said on forges.

pub mod answer;
