//! Makes the tables in `config/headers/` that are read off real headers.
//!
//! ```sh
//! cargo run --release --package triage-fixes --example header-tables -- glibc > config/headers/glibc.tsv
//! cargo run --release --package triage-fixes --example header-tables -- kernel ~/linux > config/headers/kernel.tsv
//! ```
//!
//! `glibc` runs the preprocessor of `cc` over the system's headers; `kernel` reads a source tree.
//! Both write one name a line, a tab, and the headers that a program includes for it, best first.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::process::Command;

use triage_fixes::Tree;
use triage_fixes::symbols::declared::{Kind, declared};
use triage_fixes::symbols::includes::Includes;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let table = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["glibc"] => glibc(),
        ["kernel", tree] => kernel(Path::new(tree)),
        _ => {
            eprintln!("usage: header-tables glibc | kernel TREE");
            std::process::exit(2);
        }
    };
    for (name, headers) in table {
        println!("{name}\t{}", headers.iter().map(|header| format!("<{header}>")).collect::<Vec<_>>().join(" "));
    }
}

/// All names that a text declares, with their kinds.
fn all(text: &str, kernel: bool) -> BTreeMap<String, Kind> {
    let names: RefCell<BTreeSet<&'static str>> = RefCell::default();
    let intern = |name: &str| -> Option<&'static str> {
        let known = names.borrow().get(name).copied();
        // The program is short-lived.
        Some(known.unwrap_or_else(|| {
            let name: &'static str = Box::leak(name.to_owned().into_boxed_str());
            names.borrow_mut().insert(name);
            name
        }))
    };
    declared(text, &intern, kernel).into_iter().map(|(name, kind)| (name.to_owned(), kind)).collect()
}

/// Headers of POSIX.1-2017 and of C11, those that a program should prefer.
const STANDARD: &[&str] = &[
    "aio.h",
    "arpa/inet.h",
    "assert.h",
    "complex.h",
    "cpio.h",
    "ctype.h",
    "dirent.h",
    "dlfcn.h",
    "errno.h",
    "fcntl.h",
    "fenv.h",
    "float.h",
    "fmtmsg.h",
    "fnmatch.h",
    "ftw.h",
    "glob.h",
    "grp.h",
    "iconv.h",
    "inttypes.h",
    "iso646.h",
    "langinfo.h",
    "libgen.h",
    "limits.h",
    "locale.h",
    "math.h",
    "monetary.h",
    "mqueue.h",
    "net/if.h",
    "netdb.h",
    "netinet/in.h",
    "netinet/tcp.h",
    "nl_types.h",
    "poll.h",
    "pthread.h",
    "pwd.h",
    "regex.h",
    "sched.h",
    "search.h",
    "semaphore.h",
    "setjmp.h",
    "signal.h",
    "spawn.h",
    "stdalign.h",
    "stdarg.h",
    "stdatomic.h",
    "stdbool.h",
    "stddef.h",
    "stdint.h",
    "stdio.h",
    "stdlib.h",
    "stdnoreturn.h",
    "string.h",
    "strings.h",
    "sys/ipc.h",
    "sys/mman.h",
    "sys/msg.h",
    "sys/resource.h",
    "sys/select.h",
    "sys/sem.h",
    "sys/shm.h",
    "sys/socket.h",
    "sys/stat.h",
    "sys/statvfs.h",
    "sys/time.h",
    "sys/times.h",
    "sys/types.h",
    "sys/uio.h",
    "sys/un.h",
    "sys/utsname.h",
    "sys/wait.h",
    "syslog.h",
    "tar.h",
    "termios.h",
    "tgmath.h",
    "threads.h",
    "time.h",
    "uchar.h",
    "ulimit.h",
    "unistd.h",
    "utime.h",
    "utmpx.h",
    "wchar.h",
    "wctype.h",
    "wordexp.h",
];
/// Headers that glibc has beside those.
const GNU: &[&str] = &[
    "alloca.h",
    "argp.h",
    "argz.h",
    "byteswap.h",
    "crypt.h",
    "elf.h",
    "endian.h",
    "envz.h",
    "err.h",
    "error.h",
    "execinfo.h",
    "fstab.h",
    "fts.h",
    "getopt.h",
    "gshadow.h",
    "ifaddrs.h",
    "link.h",
    "malloc.h",
    "mcheck.h",
    "mntent.h",
    "net/ethernet.h",
    "net/if_arp.h",
    "net/route.h",
    "netinet/ether.h",
    "netinet/icmp6.h",
    "netinet/if_ether.h",
    "netinet/ip.h",
    "netinet/ip6.h",
    "netinet/ip_icmp.h",
    "netinet/udp.h",
    "netpacket/packet.h",
    "obstack.h",
    "paths.h",
    "printf.h",
    "pty.h",
    "resolv.h",
    "arpa/nameser.h",
    "arpa/ftp.h",
    "arpa/telnet.h",
    "shadow.h",
    "stdio_ext.h",
    "sys/acct.h",
    "sys/auxv.h",
    "sys/epoll.h",
    "sys/eventfd.h",
    "sys/fanotify.h",
    "sys/file.h",
    "sys/fsuid.h",
    "sys/inotify.h",
    "sys/io.h",
    "sys/ioctl.h",
    "sys/klog.h",
    "sys/mount.h",
    "sys/param.h",
    "sys/personality.h",
    "sys/pidfd.h",
    "sys/prctl.h",
    "sys/ptrace.h",
    "sys/queue.h",
    "sys/quota.h",
    "sys/random.h",
    "sys/reboot.h",
    "sys/sendfile.h",
    "sys/signalfd.h",
    "sys/statfs.h",
    "sys/swap.h",
    "sys/syscall.h",
    "sys/sysinfo.h",
    "sys/sysmacros.h",
    "sys/timerfd.h",
    "sys/timex.h",
    "sys/ucontext.h",
    "sys/user.h",
    "sys/vfs.h",
    "sys/xattr.h",
    "sysexits.h",
    "ttyent.h",
    "ucontext.h",
    "utmp.h",
    "values.h",
];

/// What glibc's headers declare. Of several that do, those of POSIX come first, then the ones that
/// are nearest to the file which has the declaration.
fn glibc() -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<(bool, usize, usize, &str)>> = BTreeMap::new();
    for (place, header) in STANDARD.iter().chain(GNU).enumerate() {
        let gnu = place >= STANDARD.len();
        let source = format!("#include <{header}>\n");
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("x.c");
        std::fs::write(&file, source).expect("a file");
        let mut cc = Command::new("cc");
        let output = cc.args(["-E", "-dD", "-D_GNU_SOURCE"]).arg(&file).output().expect("cc");
        if !output.status.success() {
            continue;
        }
        for (depth, text) in by_depth(&String::from_utf8_lossy(&output.stdout)) {
            for (name, kind) in all(&text, false) {
                if !name.starts_with('_') && kind > Kind::Definition && name.len() > 1 {
                    found.entry(name).or_default().push((gnu, depth, place, header));
                }
            }
        }
    }
    let mut table = BTreeMap::new();
    for (name, mut of) in found {
        of.sort_unstable();
        let (gnu, nearest) = (of[0].0, of.iter().map(|entry| entry.1).min().unwrap_or(0));
        // Where POSIX puts names of a kind, whatever else lets them through.
        let home = match () {
            () if name.ends_with("_MAX") || name.ends_with("_MIN") => "limits.h",
            () if name.ends_with("_t") => "sys/types.h",
            () => "",
        };
        let mut list: Vec<String> =
            of.iter().find(|entry| entry.3 == home).map(|entry| entry.3.to_owned()).into_iter().collect();
        for (_, _, _, header) in of.iter().filter(|entry| entry.0 == gnu && (entry.1 <= nearest.max(2))) {
            if !list.iter().any(|known| known == header) && list.len() < 4 {
                list.push((*header).to_owned());
            }
        }
        if !list.is_empty() {
            table.insert(name, list);
        }
    }
    table
}

/// The text of a preprocessed file by how deep the file that it comes from is included.
fn by_depth(text: &str) -> BTreeMap<usize, String> {
    let mut found: BTreeMap<usize, String> = BTreeMap::new();
    let mut depth = 0_usize;
    for line in text.lines() {
        if let Some(marker) = line.strip_prefix("# ").filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) {
            let flags = marker.rsplit('"').next().unwrap_or_default();
            if flags.split(' ').any(|flag| flag == "1") {
                depth += 1;
            } else if flags.split(' ').any(|flag| flag == "2") {
                depth = depth.saturating_sub(1);
            }
            continue;
        }
        if depth > 0 {
            let of = found.entry(depth).or_default();
            of.push_str(line);
            of.push('\n');
        }
    }
    found
}

/// Files of kernel code that use a name, at least, for it to be listed.
const USED: u32 = 10;

/// What a kernel's headers declare for its own code, as far as it is used in several files.
fn kernel(top: &Path) -> BTreeMap<String, Vec<String>> {
    let tree = Tree::open(top).expect("a tree");
    let includes = Includes::new(&tree, Some("x86".to_owned()));
    let mut declaring: HashMap<String, Vec<String>> = HashMap::new();
    for file in tree.files().iter().filter(|file| file.starts_with("include/") && file.ends_with(".h")) {
        // Wrappers of user space's and what only one driver has.
        if ["include/dt-bindings/", "include/trace/", "include/config/", "include/generated/"]
            .iter()
            .any(|top| file.starts_with(top))
        {
            continue;
        }
        let Some(bytes) = tree.load(file) else { continue };
        for (name, kind) in all(&String::from_utf8_lossy(&bytes), true) {
            if kind > Kind::Definition && name.len() > 1 {
                declaring.entry(name).or_default().push(file.clone());
            }
        }
    }
    let (uses, included) = users(&tree, &includes, &declaring);
    let mut table = BTreeMap::new();
    for (name, files) in &declaring {
        if uses.get(name.as_str()).is_none_or(|count| count.0 < USED) {
            continue;
        }
        let mut of: HashMap<String, f64> = HashMap::new();
        let files: BTreeSet<String> = files.iter().map(|file| standing_for(&tree, &includes, file)).collect();
        for file in &files {
            *of.entry(file.clone()).or_default() += 1.0;
            // The headers through which those who use the name get it.
            for (header, count) in included.get(file).into_iter().flatten() {
                *of.entry(header.clone()).or_default() += f64::from(*count).sqrt() / 10.0;
            }
        }
        let users: u32 = uses[name.as_str()].0;
        let best = of.into_iter().map(|(header, base)| {
            let direct = uses[name.as_str()].1.get(&header).copied().unwrap_or(0);
            let inner =
                ["include/uapi/", "include/asm-generic/", "include/vdso/"].iter().any(|top| header.starts_with(top));
            let types = header.ends_with("_types.h");
            let declares = f64::from(u8::from(files.contains(&header)));
            let score = declares * 0.6 + f64::from(direct) / f64::from(users) + base.min(1.0) * 0.1
                - if inner { 0.5 } else { 0.0 }
                - if types { 0.15 } else { 0.0 };
            (score, header)
        });
        let mut best: Vec<(f64, String)> = best.collect();
        best.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        let Some((_, header)) = best.first() else { continue };
        let list = vec![front(&tree, &includes, header)];
        table.insert(name.clone(), list);
    }
    table
}

/// The header that code includes for the sake of one that stands behind it.
fn front(tree: &Tree, includes: &Includes<'_>, header: &str) -> String {
    let path = ["include/uapi/", "include/"].iter().find_map(|top| header.strip_prefix(top)).unwrap_or(header);
    if path.starts_with("linux/byteorder/") {
        return "asm/byteorder.h".to_owned();
    }
    if path.starts_with("asm-generic/int-") {
        return "linux/types.h".to_owned();
    }
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let stem = name.trim_end_matches(".h");
    let stem = ["_types", "-base", "-common", "_api_smp"].iter().find_map(|end| stem.strip_suffix(end)).unwrap_or(stem);
    let outer = format!("include/linux/{stem}.h");
    let inner =
        matches!(folder, "asm" | "asm-generic" | "vdso") || folder == "linux" && !name.starts_with(&format!("{stem}."));
    if inner && tree.lists(&outer) && includes.closure(&outer, 4).contains_key(header) {
        return format!("linux/{stem}.h");
    }
    path.strip_prefix("asm-generic/").map_or(path.to_owned(), |rest| format!("asm/{rest}"))
}

/// The file of the front of a header; itself when that is made by the build.
fn standing_for(tree: &Tree, includes: &Includes<'_>, header: &str) -> String {
    let front = format!("include/{}", front(tree, includes, header));
    if tree.lists(&front) { front } else { header.to_owned() }
}

/// How many files use a name, and which headers those include.
type Uses<'n> = HashMap<&'n str, (u32, HashMap<String, u32>)>;
/// By header: the headers that include it, and in how many steps.
type Through = HashMap<String, HashMap<String, u32>>;

fn users<'n>(tree: &Tree, includes: &Includes<'_>, names: &'n HashMap<String, Vec<String>>) -> (Uses<'n>, Through) {
    let mut uses: Uses<'n> = HashMap::new();
    let mut through: Through = HashMap::new();
    let mut closures: HashMap<String, Vec<String>> = HashMap::new();
    const TOOLS: &[&str] = &["tools/", "scripts/", "samples/", "Documentation/", "usr/"];
    for file in
        tree.files().iter().filter(|file| file.ends_with(".c") && !TOOLS.iter().any(|top| file.starts_with(top)))
    {
        let Some(bytes) = tree.load(file) else { continue };
        let text = String::from_utf8_lossy(&bytes);
        let words: BTreeSet<&str> = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
        let direct: BTreeSet<String> =
            includes.of(file).iter().filter_map(|line| includes.resolve(file, &line.path, line.system)).collect();
        for header in &direct {
            if !closures.contains_key(header) {
                let found: Vec<String> = includes.closure(header, 2).into_keys().collect();
                for inner in &found {
                    *through.entry(inner.clone()).or_default().entry(header.clone()).or_default() += 1;
                }
                closures.insert(header.clone(), found);
            }
        }
        for word in words {
            if let Some((name, _)) = names.get_key_value(word) {
                let of = uses.entry(name.as_str()).or_default();
                of.0 += 1;
                for header in direct.iter().filter(|header| header.starts_with("include/")) {
                    *of.1.entry(header.clone()).or_default() += 1;
                }
            }
        }
    }
    (uses, through)
}
