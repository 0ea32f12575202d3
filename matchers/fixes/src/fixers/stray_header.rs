//! A header of the kernel's own that strayed into a user-space program of a kernel tree: the include
//! goes.

use super::{Candidate, Context, Fixer};
use crate::site::{Site, candidate};
use crate::symbols::scope::{Side, side};

/// See the module.
pub struct StrayHeader;

impl Fixer for StrayHeader {
    fn name(&self) -> &'static str {
        "drop-stray-header"
    }

    fn wants(&self, cx: &Context<'_>) -> bool {
        cx.kernel && cx.cause.class == "header-not-found" && !cx.cause.symbols.is_empty()
    }

    fn candidates(&self, cx: &Context<'_>) -> Vec<Candidate> {
        let Some(site) = cx.cause.location.as_ref().and_then(|place| Site::of(cx, place)) else { return Vec::new() };
        let header = &cx.cause.symbols[0];
        // User space has its own copies of what the kernel offers it.
        let inner = cx.tree.lists(&format!("include/{header}")) && !cx.tree.lists(&format!("include/uapi/{header}"));
        let offered = cx.tree.lists(&format!("tools/include/{header}"));
        if side(true, &site.file) != Side::KernelTools || !inner || offered {
            return Vec::new();
        }
        let Some(include) = site.source.includes().iter().find(|i| i.line == site.line && i.path == *header) else {
            return Vec::new();
        };
        let title = format!("remove <{header}> from {}: a program cannot include the kernel's own headers", site.file);
        let edits = vec![(include.start, include.end, String::new())];
        let mut made = candidate("drop_include", title, &site.file, site.line, edits, 92);
        made.header = Some(header.clone());
        made.diagnosis = Some("header-not-found");
        vec![made]
    }
}

#[cfg(test)]
mod tests {
    use super::StrayHeader;
    use crate::testing::{best, kernel};

    fn log(header: &str) -> String {
        format!("tools/pump/pump.c:2:10: fatal error: '{header}' file not found\n")
    }

    #[test]
    fn only_what_is_the_kernels_own() {
        let files = kernel(&[
            ("tools/pump/pump.c", "#include <stdio.h>\n#include <linux/tank/inner.h>\n#include <unistd.h>\n"),
            ("include/linux/tank/inner.h", ""),
        ]);
        let fixed = best(&StrayHeader, &files, &log("linux/tank/inner.h"));
        assert_eq!(fixed[0].1, "#include <stdio.h>\n#include <unistd.h>\n");

        let files = kernel(&[
            ("tools/pump/pump.c", "#include <stdio.h>\n#include <linux/tank.h>\n"),
            ("include/linux/tank.h", ""),
            ("include/uapi/linux/tank.h", ""),
        ]);
        assert!(best(&StrayHeader, &files, &log("linux/tank.h")).is_empty());

        let files = kernel(&[("tools/pump/pump.c", "#include <stdio.h>\n#include <linux/none.h>\n")]);
        assert!(best(&StrayHeader, &files, &log("linux/none.h")).is_empty());
    }
}
