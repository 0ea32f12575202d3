//! Tests of `diff`, some beside the real git.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use proptest::prelude::*;

use super::*;

const TWO: &str = "Commit message.
--- a list

> diff --git a/quoted b/quoted
---
 foo.c | 3 ++-
 2 files changed

diff --git a/dir/foo.c b/dir/foo.c
index 1111111..2222222 100644
--- a/dir/foo.c
+++ b/dir/foo.c
@@ -2,4 +2,5 @@ int foo(void)
 a
-b
+B
+C
 c
 d
@@ -20,3 +21,2 @@
 e
-f
 g
diff --git a/new.h b/new.h
new file mode 100644
index 0000000..3333333
--- /dev/null
+++ b/new.h
@@ -0,0 +1 @@
+int new;
--
2.43.0
";

#[test]
fn finds_files_and_hunks() {
    let diff = read(TWO);
    let paths: Vec<_> = diff.files.iter().map(|file| (file.path.as_str(), file.kind, file.hunks.len())).collect();
    assert_eq!(paths, [("dir/foo.c", ChangeKind::Changed, 2), ("new.h", ChangeKind::Added, 1)]);
    let text = &TWO[diff.range];
    assert!(text.starts_with("diff --git a/dir") && text.ends_with("+int new;\n"));
}

#[test]
fn lines_are_followed_back() {
    let diff = read(TWO);
    let before: Vec<_> = [1, 2, 3, 4, 5, 6, 7, 20, 21, 22, 23].map(|line| diff.files[0].before(line)).to_vec();
    use Before::{Line, New};
    assert_eq!(before, [Line(1), Line(2), New, New, Line(4), Line(5), Line(6), Line(19), Line(20), Line(22), Line(23)]);
    assert_eq!(diff.files[1].before(1), New);
}

#[test]
fn names_are_read_in_all_forms() {
    let text = "diff --git a/old name.c b/new name.c\nsimilarity index 90%\nrename from old name.c\nrename to new name.c\n\
                diff --git a/gone b/gone\ndeleted file mode 100644\n--- a/gone\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n\
                diff --git \"a/\\303\\244\" \"b/\\303\\244\"\nold mode 100644\nnew mode 100755\n\
                diff --git a/a b/c b/a b/c\nBinary files a/a b/c and b/a b/c differ\n";
    let files = read(text).files;
    let told: Vec<_> = files.iter().map(|file| (file.path.as_str(), file.old_path.as_deref(), file.kind)).collect();
    assert_eq!(
        told,
        [
            ("new name.c", Some("old name.c"), ChangeKind::Renamed),
            ("gone", None, ChangeKind::Deleted),
            ("ä", None, ChangeKind::Changed),
            ("a b/c", None, ChangeKind::Changed),
        ]
    );
    let plain = "--- linux.orig/x.c\t2026-01-01\n+++ linux/x.c\t2026-01-01\n@@ -1,2 +1,2 @@\n-a\n+b\n\n\
                 --- linux.orig/y.c\n+++ linux/y.c\n@@ -1 +1 @@\n-a\n+b\n-- \n2.1\n";
    let diff = read(plain);
    assert_eq!(diff.files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(), ["x.c", "y.c"]);
    assert!(plain[diff.range].ends_with("+b\n"));
}

fn git(folder: &Path, args: &[&str], input: &str) -> String {
    let mut git = Command::new("git");
    git.arg("-C").arg(folder).args(["-c", "user.name=A", "-c", "user.email=a@b.c"]).args(args);
    git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    let mut child = git.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
}

#[test]
fn patch_ids_are_those_of_git() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    git(path, &["init", "-q"], "");
    let lines = |from: u32| (from..from + 40).map(|line| format!("line {line}\n")).collect::<String>();
    fs::write(path.join("a.c"), lines(0)).unwrap();
    fs::write(path.join("b c.c"), "x\n").unwrap();
    fs::write(path.join("moved"), lines(100)).unwrap();
    fs::write(path.join("bin"), [0_u8, 1, 2]).unwrap();
    git(path, &["add", "-A"], "");
    git(path, &["commit", "-qm", "one"], "");
    fs::write(path.join("a.c"), lines(0).replace("line 5\n", "\tnew  5\n").replace("line 30\n", "")).unwrap();
    fs::write(path.join("b c.c"), "y").unwrap();
    fs::write(path.join("new"), "-- a\n++ b\n").unwrap();
    fs::write(path.join("bin"), [3_u8, 0, 2]).unwrap();
    fs::rename(path.join("moved"), path.join("there")).unwrap();
    git(path, &["add", "-A"], "");
    git(path, &["commit", "-qm", "two\n\nSome diff of\n--- a\n"], "");
    let patches = [
        git(path, &["format-patch", "-1", "--stdout"], ""),
        git(path, &["format-patch", "-1", "--stdout", "--binary", "--full-index"], ""),
        git(path, &["diff", "HEAD~", "--", "a.c"], ""),
    ];
    for patch in patches {
        let theirs = git(path, &["patch-id", "--stable"], &patch);
        let theirs = theirs.split(' ').next().unwrap();
        let diff = read(&patch);
        assert!(theirs.len() == 40 && !diff.files.is_empty(), "{patch}");
        assert!(patch[diff.range.clone()].starts_with("diff --git a/a.c"));
        assert_eq!(patch_id(&patch[diff.range]).as_deref(), Some(theirs), "{patch}");
    }
    assert_eq!(patch_id(""), None);
}

proptest! {
    #[test]
    fn any_text_may_hold_a_diff(text in "((diff --git a/x b/x|--- a|\\+\\+\\+ b|@@ -[0-9]{1,10},[0-9] \\+[0-9]{1,10}(,[0-9])? @@|[-+ \\\\]x|rename from|\\PC)\n){0,30}", line in any::<u32>()) {
        let diff = read(&text);
        patch_id(&text[diff.range]);
        for file in &diff.files {
            file.before(line);
        }
    }
}
