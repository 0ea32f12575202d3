//! Overlays over the tree and the build's folder, at their own paths, in a mount namespace that
//! nobody else sees. What is not overlaid becomes read-only there.
//!
//! Layers are named by open folders (`/proc/self/fd/N`), so that no path needs quoting and nothing
//! is hidden by a mount on the way.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::mount::{MountFlags, UnmountFlags, mount, mount_bind, mount_remount, unmount};

use super::protocol::Setup;

/// Mounts below the tree that are overlaid too; more are left as they are, read-only.
const NESTED: usize = 16;

/// A folder under an overlay.
#[derive(Debug)]
struct Layered {
    path: PathBuf,
    /// From the top down: what was kept, the original last.
    lower: Vec<OwnedFd>,
    /// The uppermost layer's folder.
    upper: PathBuf,
    mounted: bool,
}

/// All overlays.
#[derive(Debug)]
pub struct Overlays {
    folders: Vec<Layered>,
    /// By the handle.
    store: PathBuf,
    _handle: OwnedFd,
    made: usize,
    options: &'static str,
}

impl Overlays {
    /// Mounts all; also gives what a person should know.
    ///
    /// # Errors
    /// When the system does not allow it.
    pub fn new(setup: &Setup) -> io::Result<(Self, Vec<String>)> {
        let root = rustix::process::geteuid().is_root() && !in_user_namespace();
        let mut notes = Vec::new();
        let store = setup.store.canonicalize()?;
        if let Some(bytes) = setup.memory {
            mount("triage", &store, "tmpfs", MountFlags::empty(), Some(&*c_string(format!("size={bytes},mode=700"))?))?;
        } else {
            mount_bind(&store, &store)?;
        }
        let known = mounted();
        let mut paths: Vec<PathBuf> = Vec::new();
        for path in &setup.copied {
            let same = |above: &&PathBuf| path.starts_with(above) && device(path) == device(above);
            if !paths.iter().any(|above| same(&above)) {
                paths.retain(|below| !(below.starts_with(path) && device(below) == device(path)));
                paths.push(path.clone());
            }
        }
        let inside = |path: &&PathBuf| paths.iter().any(|top| path.starts_with(top) && *path != top);
        let mut nested: Vec<PathBuf> = known.iter().map(|(path, _)| path).filter(inside).cloned().collect();
        nested.retain(|path| path.is_dir() && !path.starts_with(&store) && !paths.contains(path));
        nested.sort();
        nested.dedup();
        nested.truncate(NESTED);
        paths.extend(nested);
        paths.sort();
        let loose = setup.loose.iter().filter(|path| !paths.iter().any(|top| path.starts_with(top)));
        // What else is mounted below would be hidden.
        let hidden = |path: &PathBuf, point: &PathBuf| {
            point.starts_with(path) && point != path && !paths.contains(point) && !point.starts_with(&store)
        };
        let plain = |path: &&PathBuf| !known.iter().any(|(point, _)| hidden(path, point));
        let loose: Vec<PathBuf> = loose.filter(plain).cloned().collect();
        // One of the overlays may hide the store's path.
        let handle = open(&store)?;
        let reached = PathBuf::from(format!("/proc/self/fd/{}", handle.as_raw_fd()));
        let options = if root { "" } else { ",userxattr" };
        let mut overlays = Self { folders: Vec::new(), store: reached, _handle: handle, made: 0, options };
        let extra = loose.iter().map(|path| overlays.folder(path)).collect::<Vec<_>>();
        let needed = paths.iter().map(|path| overlays.folder(path)).collect::<io::Result<Vec<_>>>()?;
        if seal(&known, &store) > 0 {
            notes.push("some folders outside of the tree could not be made read-only for the build".to_owned());
        }
        for mut folder in extra.into_iter().flatten() {
            // Such a folder stays read-only when its file system has no overlays.
            let _ = overlays.mount(&mut folder);
        }
        for mut folder in needed {
            overlays.mount(&mut folder)?;
            overlays.folders.push(folder);
        }
        Ok((overlays, notes))
    }

    fn folder(&mut self, path: &Path) -> io::Result<Layered> {
        let upper = self.layer()?;
        Ok(Layered { path: path.to_owned(), lower: vec![open(path)?], upper, mounted: false })
    }

    /// A new layer in the store.
    fn layer(&mut self) -> io::Result<PathBuf> {
        self.made += 1;
        let layer = self.store.join(self.made.to_string());
        fs::create_dir_all(layer.join("upper"))?;
        fs::create_dir(layer.join("work"))?;
        Ok(layer)
    }

    fn mount(&self, folder: &mut Layered) -> io::Result<()> {
        let name = |fd: &OwnedFd| format!("/proc/self/fd/{}", fd.as_raw_fd());
        let lower: Vec<String> = folder.lower.iter().map(name).collect();
        let (upper, work) = (open(&folder.upper.join("upper"))?, open(&folder.upper.join("work"))?);
        // The overlay looks like the folder that it covers.
        let like = File::open(&folder.path).and_then(|file| file.metadata()).ok();
        if let Some(data) = like {
            let _ = fs::set_permissions(folder.upper.join("upper"), data.permissions());
        }
        let options = format!("lowerdir={},upperdir={},workdir={}", lower.join(":"), name(&upper), name(&work));
        let with = |more: &str| -> io::Result<()> {
            let text = c_string(format!("{options}{more}"))?;
            Ok(mount("triage", &folder.path, "overlay", MountFlags::empty(), Some(&*text))?)
        };
        with(self.options).or_else(|error| if self.options.is_empty() { Err(error) } else { with("") })?;
        folder.mounted = true;
        Ok(())
    }

    /// What was written stays.
    pub fn keep(&mut self) -> io::Result<()> {
        self.again(true)
    }

    /// What was written since it was last kept goes.
    pub fn reset(&mut self) -> io::Result<()> {
        self.again(false)
    }

    fn again(&mut self, keep: bool) -> io::Result<()> {
        let mut folders = std::mem::take(&mut self.folders);
        for folder in folders.iter_mut().rev() {
            if std::mem::take(&mut folder.mounted) {
                unmount(&folder.path, UnmountFlags::DETACH)?;
            }
        }
        for folder in &mut folders {
            let old = std::mem::replace(&mut folder.upper, self.layer()?);
            if keep {
                folder.lower.insert(0, open(&old.join("upper"))?);
            } else {
                // Only space: what cannot be removed goes with the store.
                let _ = fs::remove_dir_all(&old);
            }
            self.mount(folder)?;
        }
        self.folders = folders;
        Ok(())
    }
}

/// Opens a folder only as a name for it.
fn open(path: &Path) -> io::Result<OwnedFd> {
    Ok(rustix::fs::open(path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?)
}

fn c_string(text: String) -> io::Result<std::ffi::CString> {
    Ok(std::ffi::CString::new(text)?)
}

fn device(path: &Path) -> Option<u64> {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).ok().map(|data| data.dev())
}

/// True when this process's root is a user's.
pub fn in_user_namespace() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let mut numbers = map.split_whitespace();
    !(numbers.next() == Some("0") && numbers.next() == Some("0") && numbers.next() == Some("4294967295"))
}

/// All mounts: where they are and their options.
fn mounted() -> Vec<(PathBuf, String)> {
    let text = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mount = |line: &str| {
        let mut words = line.split(' ').skip(4);
        Some((PathBuf::from(unescape(words.next()?)), words.next()?.to_owned()))
    };
    text.lines().filter_map(mount).collect()
}

/// `\040` is how the kernel writes a blank there.
fn unescape(text: &str) -> String {
    let mut out = Vec::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let code = text.get(at + 1..at + 4).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match (bytes[at], code) {
            (b'\\', Some(code)) => {
                out.push(code);
                at += 4;
            }
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Makes every mount read-only, devices and the like left out; gives how many could not be.
fn seal(known: &[(PathBuf, String)], store: &Path) -> usize {
    let system = ["/proc", "/sys", "/dev"];
    let mut seen = HashSet::new();
    let mut failed = 0;
    for (point, options) in known {
        let spared = system.iter().any(|top| point.starts_with(top)) || point.starts_with(store);
        if spared || !seen.insert(point) {
            continue;
        }
        let mut flags = MountFlags::BIND | MountFlags::RDONLY;
        for option in options.split(',') {
            flags |= match option {
                "nosuid" => MountFlags::NOSUID,
                "nodev" => MountFlags::NODEV,
                "noexec" => MountFlags::NOEXEC,
                "noatime" => MountFlags::NOATIME,
                "nodiratime" => MountFlags::NODIRATIME,
                "relatime" => MountFlags::RELATIME,
                _ => MountFlags::empty(),
            };
        }
        // Files that are mounted over and folders that are hidden do not matter.
        if mount_remount(point, flags, c"").is_err() && point.is_dir() {
            failed += 1;
        }
    }
    failed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_mounts() {
        assert_eq!(unescape("/mnt/my\\040tree\\134x"), "/mnt/my tree\\x");
        assert_eq!(unescape("/a\\"), "/a\\");
        assert!(mounted().iter().any(|(point, _)| point == Path::new("/")));
    }
}
