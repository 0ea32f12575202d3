//! The helper process: makes the scratch copy, lives in it, and does what it is told.
//!
//! It ends when its standard input does, so that nothing is left behind however the program above
//! it ended; as the first process of a process namespace it takes all others with it.

use std::collections::HashMap;
use std::fs;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::mpsc;
use std::thread;

use super::copy::{self, Copies};
use super::objects;
use super::protocol::{Form, Reply, Request, Setup, Way, receive, receive_bytes, send};
use super::run::{Environment, Running, run_all};

/// What a scratch copy consists of.
enum Scratch {
    #[cfg(target_os = "linux")]
    Overlays(super::mounts::Overlays),
    Copies {
        copies: Copies,
        /// What was in the files that were replaced.
        old: HashMap<PathBuf, (Form, Vec<u8>)>,
    },
}

impl Scratch {
    fn new(setup: &Setup) -> io::Result<(Self, Vec<String>)> {
        match setup.way {
            #[cfg(target_os = "linux")]
            Way::Overlay => {
                let (overlays, notes) = super::mounts::Overlays::new(setup)?;
                // Best effort: without it, processes look up each other in the system's list.
                let none = rustix::mount::MountFlags::empty();
                if std::process::id() == 1 {
                    let _ = rustix::mount::mount("proc", "/proc", "proc", none, None);
                }
                Ok((Self::Overlays(overlays), notes))
            }
            #[cfg(not(target_os = "linux"))]
            Way::Overlay => Err(io::ErrorKind::Unsupported.into()),
            Way::Copy => {
                if let Some(file) = copy::bound_to(&setup.copied) {
                    let bound = format!(
                        "no overlay can be mounted here, and a plain copy would not do: {} has absolute paths",
                        file.display()
                    );
                    return Err(io::Error::other(bound));
                }
                let copies = Copies::new(&setup.copied, &setup.store)?;
                let note = "no overlay can be mounted here: the tree was copied; what commands write outside of it is not held back";
                Ok((Self::Copies { copies, old: HashMap::new() }, vec![note.to_owned()]))
            }
        }
    }

    fn path(&self, original: &Path) -> PathBuf {
        match self {
            #[cfg(target_os = "linux")]
            Self::Overlays(_) => original.to_owned(),
            Self::Copies { copies, .. } => copies.path(original),
        }
    }

    fn write(&mut self, tree: &Path, file: &Path, form: Form, bytes: &[u8]) -> io::Result<()> {
        let (top, path) = (self.path(tree), self.path(&tree.join(file)));
        #[cfg_attr(not(target_os = "linux"), allow(irrefutable_let_patterns))]
        if let Self::Copies { old, .. } = self
            && !old.contains_key(&path)
        {
            old.insert(path.clone(), now(&path));
        }
        let above = || path.ancestors().skip(1).take_while(|folder| **folder != top);
        if form != Form::Same {
            // A link in the place of a folder leads elsewhere.
            above().filter(|folder| folder.is_symlink()).try_for_each(fs::remove_file)?;
        }
        replace(&path, form, bytes)?;
        if form == Form::Gone {
            // As git does it. The first folder that has something left ends it.
            let _ = above().map(fs::remove_dir).take_while(Result::is_ok).count();
        }
        Ok(())
    }

    fn keep(&mut self) -> io::Result<()> {
        match self {
            #[cfg(target_os = "linux")]
            Self::Overlays(overlays) => overlays.keep(),
            Self::Copies { old, .. } => {
                old.clear();
                Ok(())
            }
        }
    }

    fn reset(&mut self) -> io::Result<()> {
        match self {
            #[cfg(target_os = "linux")]
            Self::Overlays(overlays) => overlays.reset(),
            // The files are new again, so that make builds what depends on them.
            Self::Copies { old, .. } => old.drain().try_for_each(|(path, (form, bytes))| replace(&path, form, &bytes)),
        }
    }
}

/// What is there now, so that it can be put back.
fn now(path: &Path) -> (Form, Vec<u8>) {
    match fs::read_link(path) {
        Ok(to) => (Form::Link, to.into_os_string().into_encoded_bytes()),
        Err(_) => fs::read(path).map_or((Form::Gone, Vec::new()), |bytes| (rights_of(path), bytes)),
    }
}

fn rights_of(path: &Path) -> Form {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let run = fs::metadata(path).is_ok_and(|data| data.permissions().mode() & 0o100 != 0);
        if run { Form::Executable } else { Form::Plain }
    }
    #[cfg(not(unix))]
    Form::Plain
}

/// Puts a file in the place of another.
fn replace(path: &Path, form: Form, bytes: &[u8]) -> io::Result<()> {
    let rights = fs::metadata(path).map(|data| data.permissions());
    if fs::symlink_metadata(path).is_ok() {
        fs::remove_file(path)?;
    }
    if form == Form::Gone {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    if form == Form::Link {
        #[cfg(unix)]
        return std::os::unix::fs::symlink(Path::new(std::str::from_utf8(bytes).map_err(io::Error::other)?), path);
        #[cfg(not(unix))]
        return Err(io::ErrorKind::Unsupported.into());
    }
    fs::write(path, bytes)?;
    match (form, rights) {
        (Form::Same, Ok(rights)) => fs::set_permissions(path, rights),
        (Form::Executable, _) => make_executable(path),
        _ => Ok(()),
    }
}

/// Whoever may read it may run it.
fn make_executable(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(path)?.permissions().mode();
        fs::set_permissions(path, fs::Permissions::from_mode(mode | ((mode & 0o444) >> 2)))
    }
    #[cfg(not(unix))]
    path.metadata().map(drop)
}

/// Lives as the helper process until standard input ends.
///
/// # Errors
/// When the program above cannot be spoken to.
pub fn serve() -> io::Result<()> {
    let mut input = BufReader::new(io::stdin());
    let mut output = BufWriter::with_capacity(1 << 20, io::stdout().lock());
    let Some(setup) = receive::<Setup>(&mut input)? else { return Ok(()) };
    // A folder of the scratch copy must not be kept busy by this process.
    std::env::set_current_dir("/")?;
    let mut scratch = match Scratch::new(&setup) {
        Ok((scratch, notes)) => {
            send(&mut output, &Reply::Ready { notes }, b"")?;
            scratch
        }
        Err(error) => return send(&mut output, &Reply::Failed(error.to_string()), b""),
    };
    let running = Running::default();
    let (sender, requests) = mpsc::channel();
    {
        let running = running.clone();
        let copied = (setup.way == Way::Copy).then(|| setup.store.clone());
        thread::spawn(move || {
            while let Ok(Some(request)) = receive::<Request>(&mut input) {
                let bytes = match &request {
                    Request::Write { length, .. } => receive_bytes(&mut input, *length),
                    _ => Ok(Vec::new()),
                };
                if !bytes.is_ok_and(|bytes| sender.send((request, bytes)).is_ok()) {
                    break;
                }
            }
            running.kill_all();
            if let Some(store) = copied {
                let _ = fs::remove_dir_all(store);
            }
            std::process::exit(0);
        });
    }
    for (request, bytes) in requests {
        if let Err(error) = answer(&mut scratch, &setup, request, &bytes, &running, &mut output) {
            send(&mut output, &Reply::Failed(error.to_string()), b"")?;
        }
    }
    Ok(())
}

fn answer(
    scratch: &mut Scratch,
    setup: &Setup,
    request: Request,
    bytes: &[u8],
    running: &Running,
    output: &mut impl Write,
) -> io::Result<()> {
    match request {
        Request::Write { file, form, .. } => {
            let inside = Path::new(&file);
            if !inside.components().all(|part| matches!(part, Component::Normal(_))) {
                return Err(io::Error::other(format!("{file} is not in the tree")));
            }
            scratch.write(&setup.tree, inside, form, bytes)?;
            send(output, &Reply::Done, b"")
        }
        Request::Keep => scratch.keep().and_then(|()| send(output, &Reply::Done, b"")),
        Request::Reset => scratch.reset().and_then(|()| send(output, &Reply::Done, b"")),
        Request::Remove { files } => {
            for path in files.iter().map(|file| scratch.path(file)).filter(|path| path.is_file()) {
                fs::remove_file(path)?;
            }
            send(output, &Reply::Done, b"")
        }
        Request::Look { files } => {
            let found = files.iter().map(|file| objects::symbols(&scratch.path(file))).collect();
            send(output, &Reply::Files(found), b"")
        }
        Request::Run { mut jobs, parallel, set, unset } => {
            for job in &mut jobs {
                job.directory = scratch.path(&job.directory);
                if let Scratch::Copies { copies, .. } = scratch {
                    job.command = copies.command(&job.command);
                }
            }
            let environment = Environment { set, unset };
            run_all(&jobs, parallel, &environment, running, &mut |outcome| {
                let (end, text) = outcome?;
                let length = text.len() as u64;
                send(output, &Reply::Ended { end, length }, &text)
            })?;
            send(output, &Reply::Done, b"")
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn files_take_every_form_and_come_back() {
        let (tree, store) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let top = tree.path().canonicalize().unwrap();
        fs::create_dir(top.join("sub")).unwrap();
        fs::write(top.join("sub/run"), "old").unwrap();
        make_executable(&top.join("sub/run")).unwrap();
        let outside = store.path().join("outside");
        fs::create_dir(&outside).unwrap();
        std::os::unix::fs::symlink(&outside, top.join("link")).unwrap();
        let copies = Copies::new(std::slice::from_ref(&top), &store.path().join("s")).unwrap();
        let mut scratch = Scratch::Copies { copies, old: HashMap::new() };
        let mut put =
            |file: &str, form, text: &str| scratch.write(&top, Path::new(file), form, text.as_bytes()).unwrap();
        put("sub/run", Form::Gone, "");
        put("a", Form::Link, "b");
        put("new/tool", Form::Executable, "#!/bin/sh");
        // It must not be written through the link.
        put("link/file.c", Form::Plain, "int x;");
        let at = |file: &str| scratch.path(&top.join(file));
        assert!(!at("sub").exists() && at("link").is_dir() && !outside.join("file.c").exists());
        assert_eq!(fs::read_link(at("a")).unwrap(), Path::new("b"));
        assert_eq!(rights_of(&at("new/tool")), Form::Executable);
        let run = at("sub/run");
        scratch.reset().unwrap();
        assert_eq!(now(&run), (Form::Executable, b"old".to_vec()));
        assert_eq!(fs::read(top.join("sub/run")).unwrap(), b"old");
    }
}
