//! What the machine lacks for a test is installed once: packages of Debian as root, programs of PyPI and npm in a folder of
//! `target`.
//!
//! A test that needs a program which cannot be installed fails and says so.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

/// Makes sure that the programs are there. Each comes with the package that has it; a program is a name to be found in
/// `PATH` or `/usr/sbin`, or an absolute path.
pub fn need(programs: &[(&str, &str)]) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let lacking = |programs: &[(&str, &str)]| -> Vec<String> {
        let missing = programs.iter().filter(|(program, _)| find(program).is_none());
        missing.map(|(_, package)| (*package).to_owned()).collect()
    };
    let packages = lacking(programs);
    if packages.is_empty() {
        return;
    }
    // Without an answer the package asks what kind of mail server this machine is to be.
    let ready = "echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections";
    let install = "apt-get -o DPkg::Lock::Timeout=600 install -y --no-install-recommends";
    let script = format!("apt-get -o DPkg::Lock::Timeout=600 update; {ready}; {install} {}", packages.join(" "));
    let output = Command::new("sh").args(["-c", &script]).env("DEBIAN_FRONTEND", "noninteractive").output();
    let output = output.expect("sh starts");
    let missing = lacking(programs);
    assert!(
        missing.is_empty(),
        "this test needs the Debian packages {missing:?}; installing them as root failed:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Where a program lies.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    folders.map(|folder| folder.join(program)).find(|path| path.exists())
}

/// A program of PyPI in an environment of its own, installed at the first use; `package` is `name==version`.
pub fn python(package: &str, program: &str) -> PathBuf {
    let folder = installed(&package.replace("==", "-"), |folder| {
        if !Command::new("python3").args(["-m", "ensurepip", "--version"]).output().is_ok_and(|it| it.status.success())
        {
            need(&[("python3", "python3"), ("/usr/share/doc/python3-venv", "python3-venv")]);
        }
        run("python3", &["-m".as_ref(), "venv".as_ref(), folder]);
        let pip = folder.join("bin/pip");
        let flags = ["install", "--quiet", "--disable-pip-version-check", package];
        run(pip.to_str().expect("the path is UTF-8"), &flags.map(Path::new));
    });
    folder.join("bin").join(program)
}

/// The `node_modules` of packages of npm, each `name@version`, installed at the first use in a folder with this name. No
/// script of a package is run.
pub fn npm(name: &str, packages: &[&str]) -> PathBuf {
    let folder = installed(&format!("{name}-{}", versions(packages)), |folder| {
        need(&[("node", "nodejs"), ("npm", "npm")]);
        fs::create_dir(folder).expect("target can be written");
        let flags = ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error", "--prefix"];
        let args = flags.iter().map(Path::new).chain([folder]).chain(packages.iter().map(Path::new));
        run("npm", &args.collect::<Vec<_>>());
    });
    folder.join("node_modules")
}

/// What makes a folder a different one when a version changes.
fn versions(packages: &[&str]) -> String {
    let versions = packages.iter().filter_map(|package| package.rsplit_once('@')).map(|(_, version)| version);
    versions.collect::<Vec<_>>().join("-")
}

/// A folder of `target/programs` that was filled once, by one process at a time.
pub fn installed(name: &str, fill: impl FnOnce(&Path)) -> PathBuf {
    let own = std::env::current_exe().expect("a running program has a path");
    let target = own.ancestors().nth(3).expect("tests lie in target/<profile>/deps");
    let folder = target.join("programs").join(name);
    fs::create_dir_all(folder.parent().expect("the folder has a parent")).expect("target can be written");
    // Not `with_extension`, which would take the end of a version for one.
    let lock = File::create(target.join("programs").join(format!("{name}.lock"))).expect("target can be written");
    lock.lock().expect("files can be locked");
    let ready = folder.join("ready");
    if !ready.exists() {
        // What an install that broke off left.
        let _ = fs::remove_dir_all(&folder);
        fill(&folder);
        File::create(&ready).expect("target can be written");
    }
    folder
}

fn run(program: &str, args: &[&Path]) {
    let output = Command::new(program).args(args).output();
    let output = output.unwrap_or_else(|error| panic!("this test needs {program}, which does not start: {error}"));
    assert!(
        output.status.success(),
        "{program} {args:?} failed:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
