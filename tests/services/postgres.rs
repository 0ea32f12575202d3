//! PostgreSQL on loopback, in a folder that goes away.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::{free_port, packages};

/// Where Debian puts the server's programs, in a folder for each version.
const VERSIONS: &str = "/usr/lib/postgresql";

/// A running server with an empty database. Dropping it stops it.
#[derive(Debug)]
pub struct Postgres {
    folder: TempDir,
    port: u16,
    user: Option<(u32, u32)>,
}

impl Postgres {
    /// Installs PostgreSQL when it is missing, and starts a server of one's own in three seconds.
    ///
    /// # Panics
    ///
    /// When it cannot be installed or does not start.
    pub fn start() -> Self {
        if newest().is_none() {
            packages::need(&[("pg_ctlcluster", "postgresql")]);
        }
        let folder = tempfile::Builder::new().prefix("postgres-").tempdir().expect("a temporary folder can be made");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("permissions can be set");
        // It refuses to run as root.
        let user = is_root().then(postgres_user);
        let server = Self { port: free_port(), folder, user };
        fs::create_dir(server.data()).expect("a folder can be made");
        if let Some((uid, gid)) = server.user {
            chown(server.data(), Some(uid), Some(gid)).expect("root can give a folder away");
        }
        let data = server.data();
        let data = data.to_str().expect("the path is text");
        server
            .run("initdb", &["-D", data, "-A", "trust", "-U", "triage", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"]);
        server.begin();
        server
    }

    fn begin(&self) {
        let data = self.data();
        let data = data.to_str().expect("the path is text");
        let log = format!("{data}/log");
        let options = format!("-h 127.0.0.1 -p {} -k {data} -c fsync=off", self.port);
        // What a killed one leaves, memory and connections, takes a moment to go.
        super::wait_for("PostgreSQL to start", || {
            self.succeeds("pg_ctl", &["-D", data, "-w", "-l", &log, "-o", &options, "start"]).then_some(())
        });
    }

    /// `kill -9` of the server and of all its processes, and a new start, which recovers from its log.
    ///
    /// # Panics
    ///
    /// When it does not start again.
    pub fn kill(&mut self) {
        let pid = fs::read_to_string(self.data().join("postmaster.pid")).expect("a server has a pid");
        let pid = pid.lines().next().expect("the pid is the first line").to_owned();
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        let all: Vec<&str> = children.split_whitespace().chain([pid.as_str()]).collect();
        // Some may have ended by themselves.
        let _ = Command::new("kill").arg("-9").args(&all).stderr(std::process::Stdio::null()).status();
        super::wait_for("the end of the server", || {
            all.iter()
                .all(|pid| !std::path::Path::new(&format!("/proc/{pid}")).exists() || is_zombie(pid))
                .then_some(())
        });
        self.begin();
    }

    /// Its address, for a store.
    pub fn address(&self) -> String {
        format!("postgres://triage@127.0.0.1:{}/postgres", self.port)
    }

    /// What a query answers, a row a line.
    ///
    /// # Panics
    ///
    /// When it cannot be asked.
    pub fn query(&self, sql: &str) -> String {
        let programs = newest().expect("the package brings a client");
        let output = Command::new(programs.join("psql")).args([&self.address(), "-AtXc", sql]).output();
        String::from_utf8(output.expect("psql starts").stdout).expect("the answer is text")
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn run(&self, program: &str, args: &[&str]) {
        assert!(self.succeeds(program, args), "{program} failed");
    }

    fn succeeds(&self, program: &str, args: &[&str]) -> bool {
        let programs = newest().expect("the package brings a server");
        let mut command = Command::new(programs.join(program));
        command.args(args).current_dir("/");
        if let Some((uid, gid)) = self.user {
            command.uid(uid).gid(gid);
        }
        // A server that stays keeps what it inherits: a pipe would never end.
        let log = fs::File::create(self.folder.path().join(format!("{program}.log"))).expect("a log can be made");
        command.stdout(log.try_clone().expect("a file can be shared")).stderr(log);
        command.status().expect("it starts").success()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let data = self.data();
        self.run("pg_ctl", &["-D", data.to_str().unwrap_or_default(), "-m", "immediate", "-w", "stop"]);
    }
}

/// Dead, and nobody asked for its end yet.
fn is_zombie(pid: &str) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    status.rsplit(") ").next().is_none_or(|rest| rest.starts_with('Z'))
}

/// The programs of the newest version.
fn newest() -> Option<PathBuf> {
    let versions = fs::read_dir(VERSIONS).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    let number = |path: &PathBuf| path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok());
    let newest = versions.filter(|path| path.join("bin/initdb").exists()).max_by_key(number);
    newest.map(|path| path.join("bin"))
}

/// Whether this process is root's.
fn is_root() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().any(|line| line.starts_with("Uid:") && line.split_whitespace().nth(2) == Some("0"))
}

fn postgres_user() -> (u32, u32) {
    let users = fs::read_to_string("/etc/passwd").expect("there are users");
    let line = users.lines().find(|line| line.starts_with("postgres:")).expect("the package makes a user");
    let mut numbers = line.split(':').skip(2).map(|text| text.parse().expect("ids are numbers"));
    (numbers.next().expect("a user has an id"), numbers.next().expect("a user has a group"))
}
