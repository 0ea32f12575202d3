//! The words of a reply: templates in the form of Jinja, embedded, or an operator's own.

use std::collections::BTreeMap;
use std::path::Path;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior};

use super::facts::Facts;
use super::guard::{COLUMNS, wrapped};

/// The templates by name.
const EMBEDDED: &[(&str, &str)] = &[
    ("report.j2", include_str!("../../../../config/templates/mail/report.j2")),
    ("summary.j2", include_str!("../../../../config/templates/mail/summary.j2")),
    ("answer.j2", include_str!("../../../../config/templates/mail/answer.j2")),
    ("cause.j2", include_str!("../../../../config/templates/mail/cause.j2")),
    ("builds.j2", include_str!("../../../../config/templates/mail/builds.j2")),
    ("footer.j2", include_str!("../../../../config/templates/mail/footer.j2")),
];

/// Steps of a template: enough for any report, and an end for any loop.
const FUEL: u64 = 500_000;

/// A template that is wrong: `file:line: what`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TemplateFault(pub String);

/// The templates of replies.
#[derive(Debug)]
pub struct Templates {
    environment: Environment<'static>,
}

impl Templates {
    /// Those that come with the program, with the files of `folder` in place of those of the same
    /// name.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, is no template of that name, or is faulty.
    pub fn load(folder: Option<&Path>) -> Result<Self, TemplateFault> {
        let mut texts: BTreeMap<String, String> =
            EMBEDDED.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        let mut places: BTreeMap<String, String> = BTreeMap::new();
        if let Some(folder) = folder {
            for (name, path, text) in own(folder)? {
                places.insert(name.clone(), path);
                texts.insert(name, text);
            }
        }
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_syntax(syntax());
        environment.set_fuel(Some(FUEL));
        environment.add_filter("wrap", |text: String| wrapped(&text, COLUMNS, "", ""));
        environment.add_filter("item", |text: String| wrapped(&text, COLUMNS, " - ", "   "));
        environment.add_filter("hang", |text: String| wrapped(&text, COLUMNS, "", "   "));
        for (name, text) in texts {
            let place = places.get(&name).cloned().unwrap_or_else(|| name.clone());
            environment.add_template_owned(name, text).map_err(|error| fault(&place, &error))?;
        }
        Ok(Self { environment })
    }

    /// The text of a reply, before its guard.
    ///
    /// # Errors
    ///
    /// What is wrong with an operator's template.
    pub fn render(&self, name: &str, facts: &Facts) -> Result<String, TemplateFault> {
        let name = format!("{name}.j2");
        let template = self.environment.get_template(&name).map_err(|error| fault(&name, &error))?;
        template.render(Serde(facts)).map_err(|error| fault(&name, &error))
    }
}

/// Jinja, where a line with nothing but a block leaves no line behind.
fn syntax() -> SyntaxConfig {
    let mut builder = SyntaxConfig::builder();
    builder.trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true);
    // With delimiters as they are by default there is nothing to object to.
    builder.build().unwrap_or_default()
}

/// The files of an operator's folder: name, path, text.
fn own(folder: &Path) -> Result<Vec<(String, String, String)>, TemplateFault> {
    let fault = |path: &Path, why: String| TemplateFault(format!("{}: {why}", path.display()));
    let entries = std::fs::read_dir(folder).map_err(|error| fault(folder, error.to_string()))?;
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| fault(folder, error.to_string()))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if !name.ends_with(".j2") {
            continue;
        }
        if !EMBEDDED.iter().any(|(known, _)| *known == name) {
            let known: Vec<&str> = EMBEDDED.iter().map(|(known, _)| *known).collect();
            return Err(fault(&path, format!("there is no template of that name; known are {}", known.join(", "))));
        }
        let text = std::fs::read_to_string(&path).map_err(|error| fault(&path, error.to_string()))?;
        found.push((name, path.display().to_string(), text));
    }
    Ok(found)
}

fn fault(place: &str, error: &minijinja::Error) -> TemplateFault {
    // What is wrong in an included template stands behind the error of the one that includes it.
    if let Some(inner) = std::error::Error::source(error).and_then(|inner| inner.downcast_ref::<minijinja::Error>()) {
        return fault(place, inner);
    }
    let name = error.name().unwrap_or(place);
    // The path that the operator knows, unless the fault is in another template.
    let name = if place.ends_with(name) { place } else { name };
    let line = error.line().map(|line| format!(":{line}")).unwrap_or_default();
    let what = match error.kind() {
        ErrorKind::UndefinedError => error.detail().unwrap_or("a name that is not defined").to_owned(),
        kind => error.detail().map_or_else(|| kind.to_string(), |detail| format!("{kind}: {detail}")),
    };
    TemplateFault(format!("{name}{line}: {what}"))
}
