//! Plain text for files and mail: what the terminal shows, without colour, in 80 columns of ASCII.

use std::io;

use triage_causes::report::Report;

use crate::Options;
use crate::terminal::Screen;

/// Columns of a mail.
const WIDTH: usize = 80;

/// Writes the report.
pub fn render(report: &Report, options: &Options<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let options = &Options { color: false, unicode: false, hyperlinks: false, width: WIDTH, ..*options };
    Screen { report, options, patch_hint: false }.render(out)
}

#[cfg(test)]
mod tests {
    use crate::fixture::{self, rendered};
    use crate::{Format, Options};

    #[test]
    fn plain_whatever_the_options() {
        let options = Options { color: true, unicode: true, hyperlinks: true, width: 200, ..fixture::options() };
        let text = rendered(&fixture::mixed(), Format::Text, &options);
        assert!(text.is_ascii());
        assert!(text.lines().all(|line| line.len() <= 80), "{text}");
        insta::assert_snapshot!(text);
    }
}
