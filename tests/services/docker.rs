//! A Docker engine of one's own, with images to start from that are made of what the machine has: no
//! image is fetched.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

use super::{packages, wait_for};

/// The image that the programs run in.
const DEBIAN: &str = "debian:bookworm-slim";
/// The image that the programs are built in.
const RUST: &str = "rust:1.95-bookworm";

/// A running engine. Dropping it stops it; its images stay, so that a second run is quick.
#[derive(Debug)]
pub struct Docker {
    engine: Child,
    run: TempDir,
    _lock: File,
}

impl Docker {
    /// Installs an engine when it is missing, starts it, and makes the images to build from.
    ///
    /// # Panics
    ///
    /// When that cannot be done.
    pub fn start() -> Self {
        packages::need(&[("dockerd", "docker.io"), ("/usr/bin/docker", "docker.io"), ("mmdebstrap", "mmdebstrap")]);
        let kept = packages::folder().join("docker");
        fs::create_dir_all(&kept).expect("target can be written");
        let lock = File::create(kept.join("lock")).expect("target can be written");
        lock.lock().expect("files can be locked");
        let run = tempfile::Builder::new().prefix("docker-").tempdir().expect("a temporary folder can be made");
        let log = File::create(run.path().join("log")).expect("the folder can be written");
        let engine = Command::new("dockerd")
            .arg("--data-root")
            .arg(kept.join("data"))
            .arg("--exec-root")
            .arg(run.path().join("exec"))
            .arg("--host")
            .arg(format!("unix://{}", run.path().join("socket").display()))
            .arg("--pidfile")
            .arg(run.path().join("pid"))
            // No network of its own: a test needs none, and must not change the machine's.
            .args(["--iptables=false", "--ip6tables=false", "--bridge=none", "--storage-driver=overlay2"])
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file can be had twice"))
            .stderr(log)
            .spawn()
            .expect("dockerd starts");
        let docker = Self { engine, run, _lock: lock };
        wait_for("the Docker engine", || docker.try_run(&["version"]).status.success().then_some(()));
        docker.make_debian(&kept);
        docker.make_rust();
        docker
    }

    /// Runs `docker` with these words, and gives what it printed.
    ///
    /// # Panics
    ///
    /// When it fails.
    pub fn run(&self, words: &[&str]) -> String {
        let output = self.try_run(words);
        assert!(
            output.status.success(),
            "docker {words:?} failed:\n{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Runs `docker` with these words.
    pub fn try_run(&self, words: &[&str]) -> Output {
        self.command(words).output().expect("docker starts")
    }

    /// `docker` with these words, to be run.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("/usr/bin/docker");
        let socket = format!("unix://{}", self.run.path().join("socket").display());
        command.args(["--host", &socket]).args(words).env("DOCKER_BUILDKIT", "1");
        command
    }

    /// Builds an image from a folder.
    ///
    /// # Panics
    ///
    /// When that fails.
    pub fn build(&self, tag: &str, folder: &Path, more: &[&str]) {
        let folder = folder.to_str().expect("the path is text");
        let words =
            [&["build", "--network", "host", "--progress", "plain", "--tag", tag][..], more, &[folder]].concat();
        self.run(&words);
    }

    /// Builds an image from a recipe alone, with files beside it.
    ///
    /// # Panics
    ///
    /// When that fails.
    pub fn image(&self, tag: &str, recipe: &str, files: &[(&str, &str)]) {
        let context = tempfile::tempdir().expect("a temporary folder can be made");
        for (name, text) in files.iter().chain(&[("Dockerfile", recipe)]) {
            fs::write(context.path().join(name), text).expect("the folder can be written");
        }
        self.build(tag, context.path(), &[]);
    }

    /// `docker-compose` with these words, to be run.
    pub fn compose(&self, folder: &Path, words: &[&str]) -> Command {
        packages::need(&[("/usr/bin/docker-compose", "docker-compose")]);
        let mut command = Command::new("/usr/bin/docker-compose");
        let socket = format!("unix://{}", self.run.path().join("socket").display());
        command.current_dir(folder).args(["--ansi=never", "--project-name=triage"]).args(words);
        command.env("DOCKER_HOST", socket);
        command
    }

    /// Bytes of an image, with those of the images it is made from.
    pub fn size(&self, image: &str) -> u64 {
        self.run(&["image", "inspect", "--format", "{{.Size}}", image]).parse().expect("a size is a number")
    }

    fn has(&self, image: &str) -> bool {
        self.try_run(&["image", "inspect", image]).status.success()
    }

    fn make_debian(&self, kept: &Path) {
        if self.has(DEBIAN) {
            return;
        }
        let root = kept.join("debian.tar");
        let mut make = Command::new("mmdebstrap");
        make.args(["--quiet", "--variant=minbase", "bookworm"]).arg(&root);
        // From where this machine gets its own packages.
        make.args(sources());
        let output = make.output().expect("mmdebstrap starts");
        assert!(output.status.success(), "mmdebstrap failed:\n{}", String::from_utf8_lossy(&output.stderr));
        self.run(&["import", root.to_str().expect("the path is text"), DEBIAN]);
        fs::remove_file(root).expect("target can be written");
    }

    /// Debian, a C compiler and the Rust that compiled this test.
    fn make_rust(&self) {
        if self.has(RUST) {
            return;
        }
        let context = tempfile::tempdir().expect("a temporary folder can be made");
        let toolchain = context.path().join("rust");
        let sysroot = output("rustc", &["--print", "sysroot"]);
        let sysroot = Path::new(sysroot.trim());
        for part in ["bin/cargo", "bin/rustc", "lib"] {
            let to = toolchain.join(part);
            fs::create_dir_all(to.parent().expect("it has a parent")).expect("the folder can be written");
            output(
                "cp",
                &["-a", sysroot.join(part).to_str().expect("the path is text"), to.to_str().expect("the path is text")],
            );
        }
        // The registry may be behind a certificate that this machine knows.
        fs::copy("/etc/ssl/certs/ca-certificates.crt", context.path().join("ca.crt"))
            .expect("the machine has certificates");
        let recipe = format!(
            "FROM {DEBIAN}\nRUN apt-get update && apt-get install -y --no-install-recommends gcc g++ libc6-dev make\n\
             COPY rust /usr/local/rust\nCOPY ca.crt /etc/ssl/certs/ca-certificates.crt\n\
             ENV PATH=/usr/local/rust/bin:$PATH CARGO_HOME=/usr/local/cargo\n"
        );
        fs::write(context.path().join("Dockerfile"), recipe).expect("the folder can be written");
        self.build(RUST, context.path(), &[]);
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.engine.id().to_string()).status();
        let _ = self.engine.wait();
        // What it leaves mounted would keep the folder from going away.
        let _ = Command::new("umount").arg(self.run.path().join("exec/netns/default")).stderr(Stdio::null()).status();
    }
}

fn output(program: &str, words: &[&str]) -> String {
    let output = Command::new(program).args(words).output();
    let output = output.unwrap_or_else(|error| panic!("this test needs {program}, which does not start: {error}"));
    assert!(output.status.success(), "{program} {words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The machine's own lists of packages, as mmdebstrap takes them.
fn sources() -> Vec<PathBuf> {
    let single = PathBuf::from("/etc/apt/sources.list");
    let folder = fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten().flatten().map(|entry| entry.path());
    folder.chain([single]).filter(|path| path.metadata().is_ok_and(|it| it.is_file() && it.len() > 0)).collect()
}
