//! What a proof by building needs: the commands, and the scratch copy that they run in.

use std::fs;
use std::path::{Path, PathBuf};

use triage_causes::Report;
use triage_fixes::Tree;
use triage_fixes::verify::{Place, Plan};

use crate::args::ProofArgs;
use crate::error::Error;
use crate::output::complain;

/// The longest command that is shown whole.
const SHOWN: usize = 400;

/// The commands that are to fail, or to pass.
#[derive(Debug)]
pub struct Commands {
    /// What is run.
    pub plan: Plan,
}

impl Commands {
    /// Those that were given, else those that the build's folder (or the tree) has for what the
    /// causes of a report broke.
    ///
    /// # Errors
    /// When there are none, in words.
    pub fn find(args: &ProofArgs, build: Option<&Path>, tree: &Tree, report: &Report) -> Result<Self, String> {
        let plan = if args.build_command.is_empty() {
            let cores = std::thread::available_parallelism().map_or(1, usize::from);
            let jobs = args.jobs.map_or(cores, usize::from);
            Plan::found(build.unwrap_or(tree.root()), tree.root(), report, jobs, &|file| tree.find(file))?
        } else {
            let here = std::env::current_dir().and_then(|path| path.canonicalize());
            Plan::given(&args.build_command, &here.map_err(|error| error.to_string())?)
        };
        Ok(Self { plan })
    }

    /// A scratch copy of the tree below `top`, in which they can run.
    ///
    /// # Errors
    /// When this program does not know where it is itself.
    pub fn place(&self, args: &ProofArgs, top: &Path, build: Option<&Path>) -> Result<Place, Error> {
        let program = std::env::current_exe().map_err(Error::Output)?;
        let mut others: Vec<PathBuf> = build.map(Path::to_owned).into_iter().collect();
        others.extend(self.plan.commands.iter().map(|(_, folder)| folder.clone()));
        Ok(Place {
            helper: vec![program.into(), "scratch-copy".into()],
            tree: top.to_owned(),
            others,
            store: args.scratch.clone(),
        })
    }

    /// Says on standard error what will run.
    pub fn announce(&self, top: &Path) {
        complain(&format!("in a scratch copy of {}, {}:", top.display(), self.plan.origin));
        for (command, _) in &self.plan.commands {
            complain(&format!("  {}", shortened(command)));
        }
    }
}

/// A folder of a build, without links.
///
/// # Errors
/// When it cannot be read.
pub fn folder_of(path: &Path) -> Result<PathBuf, Error> {
    let real = path.canonicalize().and_then(|real| fs::read_dir(&real).map(|_| real));
    real.map_err(|error| Error::Build(path.to_owned(), error))
}

fn shortened(command: &str) -> String {
    match command.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{} …", &command[..at]),
        None => command.to_owned(),
    }
}
