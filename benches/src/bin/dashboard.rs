//! Measures how long the server works on each page of the dashboard, with very much in the bot's memory.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use clap::Parser;
use triage_bench::program;
use triage_bench::remembered::{Amount, Database};
use triage_store::{Cursor, LineKind, Store};

/// How long the server may take to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// Fills the bot's memory and measures the pages of its dashboard
#[derive(Debug, Parser)]
#[command(name = "dashboard")]
struct Arguments {
    /// How many builds
    #[arg(long, default_value_t = 1_000_000)]
    builds: u64,
    /// How many causes
    #[arg(long, default_value_t = 100_000)]
    causes: u64,
    /// An empty database: postgres://…, or a file; without it, a file that goes away
    #[arg(long)]
    database: Option<String>,
    /// The database is filled already
    #[arg(long, requires = "database")]
    filled: bool,
    /// How often each page is asked for
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Milliseconds that a page may take
    #[arg(long, default_value_t = 200.0)]
    limit: f64,
    /// End with status 1 when a page takes longer
    #[arg(long)]
    check: bool,
    /// The program `triage-bot`; without it cargo builds one
    #[arg(long)]
    bot: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(slow) => ExitCode::from(u8::from(arguments.check && slow > 0)),
        Err(message) => {
            eprintln!("dashboard: {message}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<usize, String> {
    let bot = program::bot(arguments.bot.as_deref())?;
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let file = folder.path().join("triage.db").display().to_string();
    let address = arguments.database.clone().unwrap_or(file);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| error.to_string())?;
    let begun = Instant::now();
    let pages = runtime.block_on(prepare(arguments, &address)).map_err(|error| error.to_string())?;
    eprintln!("{} builds and {} causes in {:.0} s", arguments.builds, arguments.causes, begun.elapsed().as_secs_f64());
    let server = Server::start(&bot, folder.path(), &address)?;
    println!("| page | bytes | min | median | max |\n| --- | --- | --- | --- | --- |");
    let mut slow = 0;
    for (name, path) in pages {
        let mut times = Vec::new();
        let mut bytes = 0;
        for _ in 0..arguments.rounds.max(1) {
            let (time, length) = server.get(&path)?;
            times.push(time);
            bytes = length;
        }
        times.sort_by(f64::total_cmp);
        let (min, median, max) = (times[0], times[times.len() / 2], times[times.len() - 1]);
        println!("| {name} | {bytes} | {min:.1} ms | {median:.1} ms | {max:.1} ms |");
        slow += usize::from(max > arguments.limit);
    }
    if slow > 0 {
        eprintln!("{slow} pages took over {} ms at least once", arguments.limit);
    }
    Ok(slow)
}

/// Fills the database, and says which pages there are: the first of each kind, and the largest.
async fn prepare(arguments: &Arguments, address: &str) -> Result<Vec<(String, String)>, Box<dyn std::error::Error>> {
    let store = Store::open(address).await?;
    if !arguments.filled {
        let database = Database::open(address).await?;
        database.fill(Amount { builds: arguments.builds, causes: arguments.causes }).await?;
        database.close().await;
    }
    let mut at = store.read().await?;
    let lines = at.lines(LineKind::Branch, &Cursor::start(), 1000).await?;
    let line = lines.iter().max_by_key(|line| line.open_causes).ok_or("there is no branch")?;
    let latest = line.latest.as_ref().ok_or("the branch has no state")?;
    let change = at.lines(LineKind::Change, &Cursor::start(), 1).await?.pop().ok_or("there is no change")?;
    let middle = &lines[lines.len() / 2];
    let build = at.builds_of(latest.id, 1).await?.pop().ok_or("the state has no build")?;
    let tree = format!("/tree/{}/{}", line.tree, line.name);
    let half = format!("{:016x}", arguments.causes / 2);
    let symbol = arguments.causes / 3;
    let first = "0".repeat(16);
    let pages = [
        ("trees", "/".to_owned()),
        ("trees, page 2", format!("/?after={}.{}", middle.last_seen_at.millis(), middle.id)),
        ("changes", "/changes".to_owned()),
        ("tree", format!("/tree/{}", line.tree)),
        ("branch", tree.clone()),
        (
            "branch, earlier state",
            format!("/tree/{}/{}?state={}", middle.tree, middle.name, middle.latest.as_ref().map_or("", |it| &it.key)),
        ),
        ("branch, open causes", format!("{tree}?list=open")),
        ("branch, fixed causes", format!("{tree}?list=fixed")),
        ("branch, states", format!("{tree}?list=states")),
        ("change", format!("/tree/{}/{}", change.tree, change.name.replace('#', "%23"))),
        ("causes, open", "/causes?state=open".to_owned()),
        ("causes, newest", "/causes?state=new".to_owned()),
        ("causes, fixed", "/causes?state=fixed".to_owned()),
        ("causes, far down", format!("/causes?state=new&after=1700000000000.{half}")),
        ("causes of a class", "/causes?class=class-7".to_owned()),
        ("cause in most builds", format!("/cause/{first}")),
        ("the same, far down", format!("/cause/{first}?after=1790000000000.{half}")),
        ("cause", format!("/cause/{half}")),
        ("build", format!("/build/{}", build.id)),
        ("search, symbol", format!("/search?q=symbol_{symbol}")),
        ("search, beginning", "/search?q=symb".to_owned()),
        ("search, in all", "/search?q=common".to_owned()),
        ("search, two in many", "/search?q=common+class-7".to_owned()),
        ("search, three", "/search?q=common+drivers/shared.h+class-1".to_owned()),
        ("search, nothing", "/search?q=nowhere".to_owned()),
        (
            "report",
            format!("/build/{}/report.json", at.builds_of(1, 1).await?.pop().map_or(String::new(), |build| build.id)),
        ),
    ];
    drop(at);
    store.close().await;
    Ok(pages.into_iter().map(|(name, path)| (name.to_owned(), path)).collect())
}

/// `triage-bot serve` on a port of its own.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn start(bot: &Path, folder: &Path, database: &str) -> Result<Self, String> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(|error| error.to_string())?;
        let port = listener.local_addr().map_err(|error| error.to_string())?.port();
        drop(listener);
        let config = folder.join("triage.yaml");
        fs::write(&config, format!("server:\n  listen: 127.0.0.1:{port}\n")).map_err(|error| error.to_string())?;
        let mut command = Command::new(bot);
        command.arg("serve").arg("--config").arg(&config).args(["--database", database]);
        let child = command.stdin(Stdio::null()).spawn().map_err(|error| format!("{}: {error}", bot.display()))?;
        let server = Self { child, port };
        let end = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if Instant::now() > end {
                return Err("the server did not start".to_owned());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(server)
    }

    /// Milliseconds that the server says it took, and the bytes of the page.
    fn get(&self, path: &str) -> Result<(f64, usize), String> {
        let fault = |error: std::io::Error| format!("{path}: {error}");
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).map_err(fault)?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").map_err(fault)?;
        let mut reader = BufReader::new(stream);
        let mut status = String::new();
        reader.read_line(&mut status).map_err(fault)?;
        if !status.starts_with("HTTP/1.1 200") {
            return Err(format!("{path}: {}", status.trim()));
        }
        let mut took = None;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).map_err(fault)?;
            if line.trim().is_empty() {
                break;
            }
            if let Some(time) = line.trim().strip_prefix("server-timing: page;dur=") {
                took = time.parse().ok();
            }
        }
        let mut body = Vec::new();
        reader.read_to_end(&mut body).map_err(fault)?;
        took.map(|took| (took, body.len())).ok_or_else(|| format!("{path}: the server does not say how long it took"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
