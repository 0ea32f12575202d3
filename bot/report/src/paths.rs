//! Paths as forges want them: relative to the root of the repository, with `/`.

/// Where CI systems put a checkout: after the prefix come as many parts of the path as the number
/// says, then the repository.
const CHECKOUTS: [(&str, usize); 6] = [
    ("/home/runner/work/", 2),
    ("/__w/", 2),
    ("/github/workspace/", 0),
    ("/builds/", 2),
    ("/azp/_work/1/s/", 0),
    ("/workspace/source/", 0),
];

/// The path relative to the repository, where that can be told without the tree: `.` and `..` are
/// resolved, those at the front (a build directory inside of the tree) and the directories of
/// known CI systems are taken off. None for other absolute paths and for what is no file
/// (`<command-line>`).
pub fn relative(path: &str) -> Option<String> {
    let mut path = path;
    if path.is_empty() || path.starts_with('<') {
        return None;
    }
    for (prefix, parts) in CHECKOUTS {
        if let Some(mut rest) = path.strip_prefix(prefix) {
            for _ in 0..parts {
                rest = rest.split_once('/')?.1;
            }
            path = rest;
            break;
        }
    }
    let drive = path.as_bytes().get(1) == Some(&b':') && path.as_bytes()[0].is_ascii_alphabetic();
    if path.starts_with(['/', '\\']) || drive {
        return None;
    }
    let normal = normalised(path);
    (!normal.is_empty()).then_some(normal)
}

/// The path without `.`, empty parts and `..`; what goes above its start is cut off.
fn normalised(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The path as a URI reference: `file://…` when it is absolute, else relative.
pub fn uri(path: &str) -> String {
    if path.starts_with('/') { format!("file://{}", encoded(path)) } else { encoded(path) }
}

/// The path with all but unreserved characters and `/` as `%XX`.
pub fn encoded(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/+,@=".contains(&byte) {
            out.push(char::from(byte));
        } else {
            const HEX: &[u8; 16] = b"0123456789ABCDEF";
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_to_the_repository() {
        let check = |path: &str, expected: Option<&str>| {
            assert_eq!(relative(path).as_deref(), expected, "{path}");
        };
        check("src/a.c", Some("src/a.c"));
        check("./src//b/../a.c", Some("src/a.c"));
        check("../../drivers/x.c", Some("drivers/x.c"));
        check("/home/runner/work/app/app/src/a.c", Some("src/a.c"));
        check("/builds/group/app/a.c", Some("a.c"));
        check("/builds/a.c", None);
        check("/usr/include/stdio.h", None);
        check("C:/x/a.c", None);
        check("<command-line>", None);
        check("", None);
        check("..", None);
    }

    #[test]
    fn references() {
        assert_eq!(uri("a b/ü.c"), "a%20b/%C3%BC.c");
        assert_eq!(uri("/usr/x.h"), "file:///usr/x.h");
        assert_eq!(uri("a:b#c?"), "a%3Ab%23c%3F");
    }
}
