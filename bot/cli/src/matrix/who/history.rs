//! The history of a tree: its commits, their contents, and what a bisection asks next.
//!
//! git is asked by its own program. What has to be written (patches of a series as commits, reverts,
//! indexes) goes to a folder of its own, which is given up in the end: neither the tree nor its
//! repository changes, and no hook runs.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;
use triage_fixes::verify::Form;

use super::DIGITS;
use super::patches::{self, Patch};
use crate::error::{Error, reason};

/// Patches of a series.
const PATCHES_MAX: usize = 1000;

/// The history of a tree.
#[derive(Debug)]
pub struct History {
    /// The top of the working tree, without links.
    top: PathBuf,
    store: TempDir,
    /// Patches of a series, by the commits that they were made into.
    patches: HashMap<String, Patch>,
}

/// Both ends of a range; the first is before it, the last in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ends {
    /// The commit that the range begins after.
    pub base: String,
    /// The last commit.
    pub tip: String,
}

/// What a file is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Relative to the top.
    pub file: String,
    /// Its form.
    pub form: Form,
    /// What it has in it; where it leads, for a link.
    pub bytes: Vec<u8>,
}

/// Changes, and what could not be followed.
#[derive(Debug, Default)]
pub struct Changes {
    /// Files that go before those that come.
    pub files: Vec<Change>,
    /// Submodules that are at another commit.
    pub submodules: Vec<String>,
}

impl History {
    /// That of the tree which has a folder.
    pub fn open(tree: &Path) -> Result<Self, Error> {
        let store = tempfile::Builder::new().prefix("triage-").tempdir().map_err(Error::Output)?;
        let mut history = Self { top: tree.to_owned(), store, patches: HashMap::new() };
        let top = line(&history.plain(&["rev-parse", "--show-toplevel"])?);
        let objects = line(&history.plain(&["rev-parse", "--path-format=absolute", "--git-path", "objects"])?);
        history.top = PathBuf::from(top).canonicalize().map_err(Error::Output)?;
        let info = history.store.path().join("objects/info");
        let wrote = fs::create_dir_all(&info).and_then(|()| fs::write(info.join("alternates"), format!("{objects}\n")));
        wrote.map_err(|error| Error::Write(info, error))?;
        Ok(history)
    }

    /// The top of the working tree.
    pub fn top(&self) -> &Path {
        &self.top
    }

    /// True when files that git knows have changes that are not committed.
    pub fn is_dirty(&self) -> bool {
        let status = self.plain(&["status", "--porcelain", "--untracked-files=no", "--ignore-submodules=dirty"]);
        status.is_ok_and(|changed| !changed.is_empty())
    }

    /// The ends of `A..B`; a missing one is HEAD.
    pub fn ends(&self, range: &str) -> Result<Ends, Error> {
        let wrong = || Error::Bisect(format!("the range '{range}': it must be two commits with '..' between"));
        let (from, to) = range.split_once("..").filter(|(_, to)| !to.starts_with('.')).ok_or_else(wrong)?;
        let or_head = |name: &str| if name.is_empty() { "HEAD".to_owned() } else { name.to_owned() };
        let (from, tip) = (self.commit(&or_head(from))?, self.commit(&or_head(to))?);
        // Where the range leaves the history of its start.
        let base = self.plain(&["merge-base", &from, &tip]).map(|text| line(&text));
        let base = base.map_err(|_| Error::Bisect(format!("the ends of {range} have no commit in common")))?;
        if base == tip {
            return Err(Error::Bisect(format!("there is no commit in {range}")));
        }
        Ok(Ends { base, tip })
    }

    /// Makes commits of the patches in an mbox: on the commit that it names, else on HEAD, or on what
    /// stands below them when HEAD has them already.
    pub fn series(&mut self, mbox: &Path) -> Result<Ends, Error> {
        let text = fs::read(mbox).map_err(|error| Error::Read(mbox.to_owned(), error))?;
        let mails = self.split(mbox)?;
        if mails.is_empty() {
            return Err(Error::Bisect(format!("{}: there is no patch in it", mbox.display())));
        }
        let mut bases = Vec::new();
        let named = String::from_utf8_lossy(&text).lines().find_map(|line| {
            let id = line.trim_end().strip_prefix("base-commit: ")?;
            (id.len() >= 40 && id.bytes().all(|b| b.is_ascii_hexdigit())).then(|| id.to_owned())
        });
        bases.extend(named.and_then(|id| self.commit(&id).ok()));
        let head = self.commit("HEAD")?;
        if let Some(below) = self.below(&mails) {
            bases.push(below);
        }
        bases.push(head);
        let mut refused = None;
        for base in bases {
            match self.stack(&base, &mails)? {
                Ok(tip) => return Ok(Ends { base, tip }),
                Err(why) => refused = refused.or(Some(why)),
            }
        }
        Err(Error::Bisect(format!(
            "{}: {}; check out what the series is for, or give its mails a 'base-commit:' line",
            mbox.display(),
            refused.unwrap_or_default()
        )))
    }

    /// The mails of an mbox that have a patch, in the order of their numbers.
    fn split(&self, mbox: &Path) -> Result<Vec<(Patch, PathBuf)>, Error> {
        let folder = self.store.path().join("mails");
        fs::create_dir_all(&folder).map_err(|error| Error::Write(folder.clone(), error))?;
        let mbox = mbox.canonicalize().map_err(|error| Error::Read(mbox.to_owned(), error))?;
        let mut split = self.git(&["mailsplit", "-b"]);
        let mut to = std::ffi::OsString::from("-o");
        to.push(&folder);
        run(split.arg(to).arg("--").arg(&mbox))?;
        let mut files: Vec<PathBuf> = fs::read_dir(&folder)
            .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
            .map_err(|error| Error::Read(folder.clone(), error))?;
        files.sort();
        let mut mails = Vec::new();
        for (number, file) in files.iter().take(PATCHES_MAX).enumerate() {
            let (message, diff) = (file.with_extension("message"), file.with_extension("diff"));
            let mail = fs::File::open(file).map_err(|error| Error::Read(file.clone(), error))?;
            let mut info = self.git(&["mailinfo", "-k", "--encoding=UTF-8"]);
            let head = run(info.arg(&message).arg(&diff).stdin(mail))?;
            let value = |name: &str| {
                let line = head.lines().find_map(|line| line.strip_prefix(name));
                line.unwrap_or_default().trim().to_owned()
            };
            let has_patch = fs::read(&diff).is_ok_and(|text| memchr::memmem::find(&text, b"\n+++ ").is_some());
            if has_patch {
                let mut patch = Patch { id: (number + 1).to_string(), title: value("Subject:"), ..Patch::default() };
                patch.author = format!("{} <{}>", value("Author:"), value("Email:"));
                patches::without_tag(&mut patch);
                mails.push((patch, diff));
            }
        }
        let place = |patch: &Patch| -> Option<(u32, u32)> {
            let (number, of) = patch.id.split_once('/')?;
            Some((of.parse().ok()?, number.parse().ok()?))
        };
        // Archives keep mails in the order of their arrival.
        let places: Option<Vec<_>> = mails.iter().map(|(patch, _)| place(patch)).collect();
        if places.is_some_and(|places| places.iter().all(|place| place.0 == places[0].0)) {
            mails.sort_by_key(|(patch, _)| place(patch));
        }
        Ok(mails)
    }

    /// What stands below the patches, when HEAD's history ends with them.
    fn below(&self, mails: &[(Patch, PathBuf)]) -> Option<String> {
        let count = format!("-{}", mails.len());
        let titles = self.plain(&["log", &count, "--reverse", "--format=%s", "HEAD"]).ok()?;
        let same = titles.lines().map(str::trim).eq(mails.iter().map(|(patch, _)| patch.title.as_str()));
        same.then(|| self.commit(&format!("HEAD~{}", mails.len())).ok())?
    }

    /// Commits of all patches on a base; the reason when one does not apply.
    fn stack(&mut self, base: &str, mails: &[(Patch, PathBuf)]) -> Result<Result<String, String>, Error> {
        let mut parent = base.to_owned();
        let mut made = HashMap::new();
        self.index("stack", &["read-tree", base])?;
        for (patch, diff) in mails {
            let applied = run(self.apply("stack").arg("--").arg(diff));
            if applied.is_err() {
                let on = self.short(base);
                return Ok(Err(format!("the patch {} (\"{}\") does not apply to {on}", patch.id, patch.title)));
            }
            let tree = line(&self.index("stack", &["write-tree"])?);
            let mut commit = self.git(&["commit-tree", &tree, "-p", &parent, "-m", &patch.title]);
            for who in ["AUTHOR", "COMMITTER"] {
                commit.env(format!("GIT_{who}_NAME"), "triage").env(format!("GIT_{who}_EMAIL"), "triage@localhost");
                commit.env(format!("GIT_{who}_DATE"), "2000-01-01T00:00:00Z");
            }
            parent = line(&run(&mut commit)?);
            made.insert(parent.clone(), patch.clone());
        }
        self.patches.extend(made);
        Ok(Ok(parent))
    }

    fn apply(&self, index: &str) -> Command {
        let mut command = self.git(&["apply", "--cached", "--3way", "--whitespace=nowarn"]);
        command.env("GIT_INDEX_FILE", self.store.path().join(index));
        command
    }

    /// The full id of a commit.
    pub fn commit(&self, name: &str) -> Result<String, Error> {
        // The commit of a patch of a series goes by the place of the patch.
        if let Some((id, _)) = self.patches.iter().find(|(_, patch)| patch.id == name) {
            return Ok(id.clone());
        }
        let asked = ["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{name}^{{commit}}")];
        let found = self.plain(&asked).map(|text| line(&text));
        found.map_err(|_| Error::Git(format!("there is no commit '{name}' in {}", self.top.display())))
    }

    /// How a commit is called for a person.
    pub fn short(&self, id: &str) -> String {
        match self.patches.get(id) {
            Some(patch) => patch.id.clone(),
            None => id.get(..DIGITS).unwrap_or(id).to_owned(),
        }
    }

    /// What a commit says of itself: who, title.
    pub fn patch(&self, id: &str) -> Patch {
        if let Some(patch) = self.patches.get(id) {
            return patch.clone();
        }
        let text = self.plain(&["log", "-1", "--no-show-signature", "--format=%an <%ae>%x00%s", id]);
        let text = text.unwrap_or_default();
        let (author, title) = text.trim_end().split_once('\0').unwrap_or_default();
        let (author, title) = (author.to_owned(), title.to_owned());
        Patch { id: id.to_owned(), committed: true, author, title, ..Patch::default() }
    }

    /// The tree of a commit.
    pub fn tree_of(&self, commit: &str) -> Result<String, Error> {
        Ok(line(&self.plain(&["rev-parse", &format!("{commit}^{{tree}}")])?))
    }

    /// The parents of a commit.
    pub fn parents(&self, commit: &str) -> Result<Vec<String>, Error> {
        let text = self.plain(&["rev-list", "--parents", "-1", commit])?;
        Ok(text.split_whitespace().skip(1).map(str::to_owned).collect())
    }

    /// Commits that could have done it, `bad` among them, those that halve the rest first.
    pub fn halves(&self, bad: &str, good: &[String]) -> Result<Vec<String>, Error> {
        let mut command = self.git(&["rev-list", "--bisect-all", bad, "--not"]);
        let text = run(command.args(good))?;
        Ok(text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect())
    }

    /// The tree of `tip` without what a commit did; none when that cannot be taken out.
    pub fn without(&self, commit: &str, tip: &str) -> Option<String> {
        let patch = self.store.path().join("revert.diff");
        let mut diff =
            self.git(&["diff-tree", "-p", "--root", "--no-commit-id", "--binary", "--full-index", "--no-renames"]);
        diff.args(["--no-ext-diff", "--no-textconv", commit]).stdout(fs::File::create(&patch).ok()?);
        let done = diff.status().is_ok_and(|status| status.success());
        if !done || fs::metadata(&patch).ok()?.len() == 0 {
            return None;
        }
        self.index("revert", &["read-tree", tip]).ok()?;
        run(self.apply("revert").arg("--reverse").arg(&patch)).ok()?;
        self.index("revert", &["write-tree"]).ok().map(|text| line(&text))
    }

    /// What makes `to` of another tree, or of the working tree.
    pub fn changes(&self, from: Option<&str>, to: &str) -> Result<Changes, Error> {
        let raw = ["--ignore-submodules=dirty", "-z", "--raw", "--no-renames", "--no-abbrev"];
        let listed = match from {
            Some(from) => {
                let mut command = self.git(&["diff-tree", "-r"]);
                bytes_of(command.args(raw).args([from, to]))?
            }
            None => {
                let own = line(&self.plain(&["rev-parse", "--path-format=absolute", "--git-path", "index"])?);
                let copy = self.store.path().join("now");
                // A repository without an index has no files that git knows.
                let _ = fs::copy(own, &copy);
                // Files that only look changed are none; a status that says so is no fault.
                let _ = self.index("now", &["update-index", "-q", "--refresh"]);
                let mut command = self.git(&["diff-index", "-R"]);
                bytes_of(command.args(raw).arg(to).env("GIT_INDEX_FILE", &copy))?
            }
        };
        let mut changes = Changes::default();
        let mut wanted = Vec::new();
        let mut parts = listed.split(|&b| b == 0);
        while let (Some(head), Some(path)) = (parts.next().filter(|head| !head.is_empty()), parts.next()) {
            let head = String::from_utf8_lossy(head);
            let mut modes = head.trim_start_matches(':').split(' ');
            let (old, new) = (modes.next().unwrap_or_default(), modes.next().unwrap_or_default());
            let Ok(file) = std::str::from_utf8(path).map(str::to_owned) else {
                let name = String::from_utf8_lossy(path).into_owned();
                return Err(Error::Bisect(format!("the name of '{name}' is no UTF-8: such trees cannot be bisected")));
            };
            let form = match new {
                "160000" => {
                    changes.submodules.push(file);
                    continue;
                }
                "000000" if old == "160000" => continue,
                "000000" => Form::Gone,
                "120000" => Form::Link,
                "100755" => Form::Executable,
                _ => Form::Plain,
            };
            if form != Form::Gone {
                wanted.push(file.clone());
            }
            changes.files.push(Change { file, form, bytes: Vec::new() });
        }
        changes.files.sort_by_key(|change| change.form != Form::Gone);
        self.fetch(to, &wanted, &mut changes.files)?;
        Ok(changes)
    }

    /// Reads files as git would check them out.
    fn fetch(&self, tree: &str, wanted: &[String], changes: &mut [Change]) -> Result<(), Error> {
        if wanted.is_empty() {
            return Ok(());
        }
        let list = self.store.path().join("list");
        let mut out = self.store.path().join("out").into_os_string();
        let folder = PathBuf::from(&out);
        out.push("/");
        let fault = |error: io::Error| Error::Write(folder.clone(), error);
        fs::write(&list, wanted.join("\0")).map_err(fault)?;
        fs::create_dir_all(&folder).map_err(fault)?;
        self.index("fetch", &["read-tree", tree])?;
        let mut prefix = std::ffi::OsString::from("--prefix=");
        prefix.push(out);
        let mut command = self.git(&["checkout-index", "-z", "--stdin", "--force", "--quiet"]);
        command.arg(prefix).env("GIT_INDEX_FILE", self.store.path().join("fetch"));
        run(command.stdin(fs::File::open(&list).map_err(fault)?))?;
        for change in changes.iter_mut().filter(|change| change.form != Form::Gone) {
            let path = folder.join(&change.file);
            let read = match change.form {
                Form::Link => fs::read_link(&path).map(|to| to.into_os_string().into_encoded_bytes()),
                _ => fs::read(&path),
            };
            change.bytes = read.map_err(|error| Error::Read(path, error))?;
        }
        fs::remove_dir_all(&folder).map_err(fault)
    }

    /// git on the tree, with objects that are written elsewhere.
    fn git(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("git");
        command.arg("-C").arg(&self.top);
        for setting in ["core.fsmonitor=false", "core.hooksPath=/dev/null", "core.quotePath=off", "gc.auto=0"] {
            command.args(["-c", setting]);
        }
        command.args(["--no-pager", "--no-optional-locks"]).args(arguments);
        let objects = self.store.path().join("objects");
        if objects.is_dir() {
            command.env("GIT_OBJECT_DIRECTORY", objects);
        }
        command.env("LC_ALL", "C").stdin(Stdio::null());
        // A Ctrl-C is for this program.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command
    }

    fn plain(&self, arguments: &[&str]) -> Result<String, Error> {
        run(&mut self.git(arguments))
    }

    /// git with an index of ours.
    fn index(&self, name: &str, arguments: &[&str]) -> Result<String, Error> {
        run(self.git(arguments).env("GIT_INDEX_FILE", self.store.path().join(name)))
    }
}

/// Runs git; what it says, or its complaint.
fn run(command: &mut Command) -> Result<String, Error> {
    bytes_of(command).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

fn bytes_of(command: &mut Command) -> Result<Vec<u8>, Error> {
    let cannot = |error: io::Error| Error::Git(format!("it cannot be run: {}", reason(&error)));
    let done = command.output().map_err(cannot)?;
    if done.status.success() {
        return Ok(done.stdout);
    }
    let said = String::from_utf8_lossy(&done.stderr);
    let said = said.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("it failed");
    Err(Error::Git(said.trim_start_matches("fatal: ").to_owned()))
}

/// The first line.
fn line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
