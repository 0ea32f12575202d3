//! Where the commands come from: the user, or the folder of the build. Never from a log.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use triage_causes::Report;

/// The largest list of commands that is read.
const LIST_MAX: u64 = 512 << 20;
/// Endings of files that are compiled by themselves.
const SOURCES: [&str; 9] = ["c", "cc", "cpp", "cxx", "c++", "C", "S", "s", "m"];

/// What is run to see whether the build works.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Lines for `sh -c`, each with its folder.
    pub commands: Vec<(String, PathBuf)>,
    /// They may run at the same time.
    pub independent: bool,
    /// Files that they make, as far as that is known beforehand.
    pub objects: Vec<PathBuf>,
    /// Where they are from, in words.
    pub origin: String,
}

impl Plan {
    /// Commands that the user gave.
    pub fn given(lines: &[String], directory: &Path) -> Self {
        let commands: Vec<_> = lines.iter().map(|line| (line.clone(), directory.to_owned())).collect();
        let objects = commands.iter().filter_map(|(line, directory)| output(line, directory)).collect();
        Self { commands, independent: false, objects, origin: "as given".to_owned() }
    }

    /// The commands that build what the causes of a report broke, found in the build's folder.
    /// `find` gives the tree's name of a file.
    ///
    /// # Errors
    /// When there are none, in words.
    pub fn found(
        build: &Path,
        tree: &Path,
        report: &Report,
        jobs: usize,
        find: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let broken = Broken::of(report, find);
        let plans = [kbuild(build, &broken, jobs), database(build, tree, &broken), ninja(build, tree, &broken, jobs)];
        plans.into_iter().flatten().next().ok_or_else(|| {
            format!(
                "{}: no command for what failed (looked for Kbuild's .cmd files, compile_commands.json, build.ninja); \
                 give one with --build-command",
                build.display()
            )
        })
    }
}

/// What a report says is broken.
#[derive(Debug, Default)]
struct Broken {
    /// Source files, as the tree names them.
    sources: BTreeSet<String>,
    /// Object files, as the log names them.
    objects: BTreeSet<String>,
}

impl Broken {
    fn of(report: &Report, find: &dyn Fn(&str) -> Option<String>) -> Self {
        let mut broken = Self::default();
        for cause in &report.causes {
            let places = cause.location.iter().chain(&cause.places).chain(&cause.includes);
            let sources = places.map(|place| place.file.as_str()).filter(|file| is_source(file));
            broken.sources.extend(sources.filter_map(find));
            let plain = |name: &&String| name.ends_with(".o") && !name.starts_with('-') && !name.contains("..");
            broken.objects.extend(cause.objects.iter().filter(plain).cloned());
        }
        broken
    }
}

fn is_source(file: &str) -> bool {
    Path::new(file).extension().is_some_and(|end| SOURCES.iter().any(|known| end == *known))
}

/// Kbuild keeps the command of each object in a file beside it.
fn kbuild(build: &Path, broken: &Broken, jobs: usize) -> Option<Plan> {
    let mut plan = Plan { independent: true, origin: "from Kbuild's .cmd files".to_owned(), ..Plan::default() };
    let mut unknown = BTreeSet::new();
    let of_sources = broken.sources.iter().map(|source| Path::new(source).with_extension("o"));
    let objects: BTreeSet<PathBuf> = of_sources.chain(broken.objects.iter().map(PathBuf::from)).collect();
    for object in objects.iter().filter(|object| object.is_relative()) {
        let (Some(folder), Some(name)) = (object.parent(), object.file_name()) else { continue };
        let file = build.join(folder).join(format!(".{}.cmd", name.to_string_lossy()));
        match fs::read_to_string(&file).ok().as_deref().and_then(saved_command) {
            Some(command) => {
                plan.commands.push((command, build.to_owned()));
                plan.objects.push(build.join(object));
            }
            None => drop(unknown.insert(object)),
        }
    }
    // Never built so far: make knows how, when this is a kernel's build.
    let kernel = build.join(".config").is_file() && build.join("Makefile").is_file();
    let sources =
        |object: &&&PathBuf| broken.sources.iter().any(|source| Path::new(source).with_extension("o") == ***object);
    let unknown: Vec<&&PathBuf> = unknown.iter().filter(sources).collect();
    if kernel && !unknown.is_empty() {
        let mut line = format!("make -k -j{jobs} -C {}", quoted(&build.to_string_lossy()));
        for object in unknown {
            let _ = write!(line, " {}", quoted(&object.to_string_lossy()));
            plan.objects.push(build.join(object));
        }
        plan.commands.push((line, build.to_owned()));
        plan.independent = false;
    }
    (!plan.commands.is_empty()).then_some(plan)
}

/// The command in `savedcmd_drivers/x.o := gcc …`, as the shell gets it.
fn saved_command(text: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with("savedcmd_") || line.starts_with("cmd_"))?;
    let (_, command) = line.split_once(" := ")?;
    Some(command.replace("$(pound)", "#").replace("\\#", "#").replace("$$", "$"))
}

/// An entry of `compile_commands.json`.
#[derive(Debug, Deserialize)]
struct Entry {
    directory: PathBuf,
    file: PathBuf,
    command: Option<String>,
    arguments: Option<Vec<String>>,
    output: Option<PathBuf>,
}

fn database(build: &Path, tree: &Path, broken: &Broken) -> Option<Plan> {
    let file = build.join("compile_commands.json");
    let small = fs::metadata(&file).is_ok_and(|data| data.len() <= LIST_MAX);
    let entries: Vec<Entry> = small.then(|| serde_json::from_slice(&fs::read(&file).ok()?).ok()).flatten()?;
    let mut plan = Plan { independent: true, origin: "from compile_commands.json".to_owned(), ..Plan::default() };
    for entry in entries {
        let directory = build.join(&entry.directory);
        let source = directory.join(&entry.file);
        let source = source.canonicalize().unwrap_or(source);
        let inside = source.strip_prefix(tree).ok().map(|path| path.to_string_lossy().into_owned());
        if !inside.is_some_and(|path| broken.sources.contains(&path)) {
            continue;
        }
        let joined = |words: Vec<String>| words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
        let Some(command) = entry.arguments.map(joined).or(entry.command) else { continue };
        let made = entry.output.map(|path| directory.join(path)).or_else(|| output(&command, &directory));
        plan.objects.extend(made);
        plan.commands.push((command, directory));
    }
    (!plan.commands.is_empty()).then_some(plan)
}

fn ninja(build: &Path, tree: &Path, broken: &Broken, jobs: usize) -> Option<Plan> {
    let file = build.join("build.ninja");
    let small = fs::metadata(&file).is_ok_and(|data| data.len() <= LIST_MAX);
    let text = small.then(|| fs::read_to_string(&file).ok()).flatten()?;
    let mut line = format!("ninja -k 0 -j{jobs} -C {}", quoted(&build.to_string_lossy()));
    let mut objects = Vec::new();
    // `build a.o: cc ../a.c`; ninja's `../a.c^` is what is first made of it.
    for rule in text.lines().filter_map(|line| line.strip_prefix("build ")) {
        let Some((outputs, inputs)) = rule.split_once(": ") else { continue };
        let Some(target) = outputs.split(' ').next().filter(|target| !target.contains('$')) else { continue };
        let of_source = inputs.split(' ').skip(1).filter(|path| is_source(path)).any(|path| {
            let path = build.join(path);
            let path = path.canonicalize().unwrap_or(path);
            path.strip_prefix(tree).is_ok_and(|inside| broken.sources.contains(&*inside.to_string_lossy()))
        });
        if of_source || broken.objects.contains(target) {
            let _ = write!(line, " {}", quoted(target));
            objects.push(build.join(target));
        }
    }
    // What fails may be no object at all: then everything is built.
    let origin = "from build.ninja".to_owned();
    Some(Plan { commands: vec![(line, build.to_owned())], independent: false, objects, origin })
}

/// What a compile command writes.
fn output(line: &str, directory: &Path) -> Option<PathBuf> {
    let mut words = line.split_whitespace();
    words.find(|word| *word == "-o")?;
    let name = words.next()?.trim_matches(['\'', '"']);
    (!name.is_empty() && name != "/dev/null").then(|| directory.join(name))
}

/// A word for the shell.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./+=:,@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(sources: &[&str], objects: &[&str]) -> Broken {
        let own = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Broken { sources: own(sources), objects: own(objects) }
    }

    #[test]
    fn kbuild_keeps_commands() {
        let build = tempfile::tempdir().unwrap();
        fs::create_dir_all(build.path().join("drivers")).unwrap();
        let text = "savedcmd_drivers/tank.o := gcc -DX='\\#1' -D'Y=$$Z$(pound)' -c -o drivers/tank.o ../drivers/tank.c ; ./check drivers/tank.o\n\nsource_drivers/tank.o := ../drivers/tank.c\n";
        fs::write(build.path().join("drivers/.tank.o.cmd"), text).unwrap();
        let plan = kbuild(build.path(), &broken(&["drivers/tank.c"], &["../../x.o"]), 2).unwrap();
        let line = "gcc -DX='#1' -D'Y=$Z#' -c -o drivers/tank.o ../drivers/tank.c ; ./check drivers/tank.o";
        assert_eq!(plan.commands, [(line.to_owned(), build.path().to_owned())]);
        assert_eq!(plan.objects, [build.path().join("drivers/tank.o")]);
        assert_eq!(kbuild(build.path(), &broken(&["drivers/new.c"], &[]), 2), None);
        for file in [".config", "Makefile"] {
            fs::write(build.path().join(file), "").unwrap();
        }
        let plan = kbuild(build.path(), &broken(&["drivers/new.c"], &[]), 2).unwrap();
        assert!(plan.commands[0].0.ends_with(" drivers/new.o"), "{plan:?}");
    }

    #[test]
    fn a_database_of_commands() {
        let top = tempfile::tempdir().unwrap();
        let tree = top.path().canonicalize().unwrap();
        let build = tree.join("build");
        fs::create_dir(&build).unwrap();
        fs::write(tree.join("a b.c"), "").unwrap();
        let text = format!(
            r#"[{{"directory":"{0}","file":"../a b.c","arguments":["cc","-c","../a b.c","-o","a.o"]}},
                {{"directory":"{0}","file":"../x.c","command":"cc -c ../x.c"}}]"#,
            build.display()
        );
        fs::write(build.join("compile_commands.json"), text).unwrap();
        let plan = database(&build, &tree, &broken(&["a b.c"], &[])).unwrap();
        assert_eq!(plan.commands, [("cc -c '../a b.c' -o a.o".to_owned(), build.clone())]);
        assert_eq!(plan.objects, [build.join("a.o")]);
    }

    #[test]
    fn targets_of_ninja() {
        let top = tempfile::tempdir().unwrap();
        let tree = top.path().canonicalize().unwrap();
        let build = tree.join("build");
        fs::create_dir(&build).unwrap();
        fs::write(tree.join("a.c"), "").unwrap();
        fs::write(build.join("build.ninja"), "rule cc\nbuild a.o: cc ../a.c\nbuild x.o: cc ../x.c\n").unwrap();
        let plan = ninja(&build, &tree, &broken(&["a.c"], &[]), 3).unwrap();
        assert_eq!(plan.commands[0].0, format!("ninja -k 0 -j3 -C {} a.o", quoted(&build.to_string_lossy())));
    }

    #[test]
    fn outputs_of_commands() {
        let given = Plan::given(&["cc -c a.c -o 'sub/a.o'".into(), "make -C x".into()], Path::new("/t"));
        assert_eq!(given.objects, [PathBuf::from("/t/sub/a.o")]);
        assert_eq!(quoted("it's"), "'it'\\''s'");
    }
}
