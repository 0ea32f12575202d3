//! A rule as it is written: one YAML file, `config/rules/<tool>/<id>.yaml`.
//!
//! These types are the schema (`config/schema/rule.schema.json` is generated from them). What is
//! matched with lives in [`crate::compiled`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_yaml::Spanned;
use triage_log::diagnostic::{Severity, Tool};

/// One rule: what a diagnostic looks like, what it means, and what to do about it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "triage rule")]
pub struct RawRule {
    /// Name of the problem (never of the fix), lower case with dashes; the file has the same name.
    #[schemars(with = "String", regex(pattern = r"^[a-z0-9]+(-[a-z0-9]+)*$"))]
    pub id: Spanned<String>,
    /// The symptom: what the log says. One of the closed list in `config/classes.yaml`.
    #[schemars(with = "String")]
    pub class: Spanned<String>,
    /// One line for a person, in which `{symbol}` and other captures are replaced.
    #[schemars(with = "String")]
    pub title: Spanned<String>,
    /// What it matches. The rule matches when any of these does.
    #[serde(rename = "match")]
    #[schemars(length(min = 1))]
    pub matchers: Vec<RawMatch>,
    /// Whose fault it is: the code's, or the machine's and its set-up.
    #[serde(default)]
    pub kind: Kind,
    /// Rule ids or classes that explain this one away: when one of them is found in the same
    /// translation unit, this is its consequence and no cause. `"*"`: any error at all in the
    /// same translation unit. `"**"`: any error in the whole log.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub consequence_of: Vec<Spanned<String>>,
    /// What the message means and how it comes about, in a few sentences.
    pub explanation: String,
    /// What to do.
    pub advice: RawAdvice,
    /// The fixer that can make a patch.
    #[serde(default)]
    pub fixer: Option<RawFixer>,
    /// Where this is documented (URLs, man pages, kernel documentation paths).
    #[serde(default)]
    pub references: Vec<String>,
    /// When several rules match one diagnostic the highest priority wins; 0 unless given. Rules
    /// that match on an option alone rank below all that match on the message.
    #[serde(default)]
    pub priority: i32,
    /// Log excerpts in which this rule must win.
    #[schemars(length(min = 1))]
    pub matches: Vec<RawExample>,
    /// Log excerpts in which this rule must win nothing.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub not: Vec<Spanned<String>>,
}

/// What a diagnostic must be. All that is given must hold.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawMatch {
    /// Tools that print it. Empty: the tool that the rule's folder is named for.
    #[serde(default)]
    pub tools: Vec<Tool>,
    /// Severities that count. Empty: any but `note`.
    #[serde(default)]
    pub severity: Vec<Severity>,
    /// Options in their warning form (`-Wunused-variable`); one of them must be the diagnostic's.
    /// An alternative that gives only options matches messages in any language.
    #[serde(default)]
    pub option: Vec<String>,
    /// A regular expression for the message (unanchored; names in messages are always in `'…'`),
    /// with named captures. `symbol` is the name that the cause is about.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub message: Option<Spanned<String>>,
    /// A regular expression for the location's file (unanchored).
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub file: Option<Spanned<String>>,
    /// A regular expression that one of the notes must match (unanchored), with named captures.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub note: Option<Spanned<String>>,
}

/// Whose fault a cause is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Something in the source, the Makefiles or the configuration.
    #[default]
    Code,
    /// The machine that builds, its tools, its network.
    Infrastructure,
}

/// What to do, by the kind of project. `{captures}` are replaced as in the title.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawAdvice {
    /// For all that has no text of its own below.
    #[schemars(with = "String")]
    pub default: Spanned<String>,
    /// For kernel code.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub kernel: Option<Spanned<String>>,
    /// For the user-space parts of a kernel tree: `tools/`, `scripts/`, `samples/`, BPF loaders.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub kernel_tools: Option<Spanned<String>>,
    /// For user-space C++ (C takes `default`).
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub cxx: Option<Spanned<String>>,
}

/// Which fixer to try, and what it needs to know from the rule.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawFixer {
    /// The fixer's name: the file in `matchers/fixes/src/fixers/`.
    pub name: String,
    /// Its parameters; captures are replaced as in the title.
    #[serde(default)]
    pub with: std::collections::BTreeMap<String, String>,
}

/// A piece of a real log that the rule is tested with.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawExample {
    /// The lines, as a tool printed them.
    #[schemars(with = "String")]
    pub log: Spanned<String>,
    /// The `symbol` that must be captured.
    #[serde(default)]
    pub symbol: Option<String>,
}
