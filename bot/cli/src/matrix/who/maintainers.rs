//! Who takes care of a file, from the kernel's `MAINTAINERS`. The file is read, no script of the tree
//! is run.

use globset::{GlobBuilder, GlobMatcher};

/// People named for one file.
const LISTED: usize = 8;

/// The sections of a `MAINTAINERS`.
#[derive(Debug, Default)]
pub struct Maintainers {
    sections: Vec<Section>,
}

#[derive(Debug, Default)]
struct Section {
    title: String,
    /// With what they are.
    people: Vec<(String, &'static str)>,
    files: Vec<(usize, GlobMatcher)>,
    not: Vec<GlobMatcher>,
}

impl Maintainers {
    /// Reads the text; what is not understood is passed over.
    pub fn parse(text: &str) -> Self {
        let mut out = Self::default();
        let mut title = "";
        for line in text.lines() {
            let Some((tag, value)) = line.split_once(":\t").filter(|(tag, _)| tag.len() == 1) else {
                if !line.trim().is_empty() {
                    title = line.trim();
                    out.sections.push(Section { title: title.to_owned(), ..Section::default() });
                }
                continue;
            };
            let Some(section) = out.sections.last_mut().filter(|section| section.title == title) else { continue };
            let value = value.trim();
            match tag {
                "M" => section.people.push((value.to_owned(), "maintainer")),
                "R" => section.people.push((value.to_owned(), "reviewer")),
                "L" => section.people.push((value.split(' ').next().unwrap_or(value).to_owned(), "list")),
                "F" => section.files.extend(matcher(value).map(|glob| (depth(value), glob))),
                "X" => section.not.extend(matcher(value)),
                _ => {}
            }
        }
        out
    }

    /// The people of a file, those of the most particular section first.
    pub fn of(&self, path: &str) -> Vec<String> {
        let mut found: Vec<(usize, &Section)> = self
            .sections
            .iter()
            .filter(|section| !section.not.iter().any(|glob| glob.is_match(path)))
            .filter_map(|section| {
                let fits = section.files.iter().filter(|(_, glob)| glob.is_match(path));
                Some((fits.map(|(depth, _)| *depth).max()?, section))
            })
            // The last resort for everything is nobody in particular.
            .filter(|(depth, _)| *depth > 0)
            .collect();
        found.sort_by_key(|(depth, _)| std::cmp::Reverse(*depth));
        let mut out: Vec<String> = Vec::new();
        for (person, role, title) in found
            .iter()
            .flat_map(|(_, section)| section.people.iter().map(|(person, role)| (person, role, &section.title)))
        {
            let known = out.iter().any(|known| known.starts_with(person.as_str()));
            if !known && out.len() < LISTED {
                out.push(format!("{person} ({role}: {title})"));
            }
        }
        out
    }
}

/// How particular a pattern is: its names.
fn depth(pattern: &str) -> usize {
    pattern.split('/').filter(|part| !part.is_empty() && *part != "*").count()
}

fn matcher(pattern: &str) -> Option<GlobMatcher> {
    let pattern = if pattern.ends_with('/') { format!("{pattern}**") } else { pattern.to_owned() };
    Some(GlobBuilder::new(&pattern).literal_separator(true).build().ok()?.compile_matcher())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_particular_first() {
        let text = "List of maintainers\n\n\tM: *Mail*\n\nTANKS\nM:\tAda <ada@example.org>\nL:\ttanks@example.org (moderated)\nF:\tfs/\n\
                    X:\tfs/pump/\n\nVALVES\nM:\tBen <ben@example.org>\nR:\tAda <ada@example.org>\nF:\tfs/valve*.c\n\n\
                    THE REST\nM:\tEve <eve@example.org>\nF:\t*\nF:\t*/\n";
        let found = Maintainers::parse(text);
        assert_eq!(
            found.of("fs/valve_core.c"),
            [
                "Ben <ben@example.org> (maintainer: VALVES)",
                "Ada <ada@example.org> (reviewer: VALVES)",
                "tanks@example.org (list: TANKS)"
            ]
        );
        assert!(found.of("fs/pump/a.c").is_empty());
        assert!(found.of("net/a.c").is_empty());
    }
}
