//! How long and how much is remembered, as it is written.

use schemars::JsonSchema;
use serde::Deserialize;

/// How long and how much is remembered. That a reply was sent is never forgotten.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawRetention {
    /// Days after which a build is forgotten, and a cause with its last build unless someone said
    /// something of it; null: never.
    pub builds_days: Option<u32>,
    /// Days after which the report of a build is forgotten; null: with its build.
    pub reports_days: Option<u32>,
    /// Days after which the text of a reply that was sent is forgotten; null: never.
    pub texts_days: Option<u32>,
    /// Days after which an entry of the audit is forgotten; null: never.
    pub audit_days: Option<u32>,
    /// Megabytes of the database above which the oldest reports, then the oldest builds are forgotten,
    /// but nothing of the last day; null: any size.
    pub max_database_mb: Option<u32>,
}

impl Default for RawRetention {
    fn default() -> Self {
        Self {
            builds_days: Some(730),
            reports_days: Some(180),
            texts_days: Some(180),
            audit_days: Some(730),
            max_database_mb: None,
        }
    }
}
