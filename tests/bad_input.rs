//! Whatever comes in: a clear answer and the right exit status, and never a panic.

use std::fs;

use triage_tests::{answer, call, folder, log, pipe, report, triage};

#[test]
fn an_empty_log() {
    let answer = report(b"");
    assert_eq!(answer.status, Some(0));
    assert_eq!(answer.json()["builds"][0]["status"], "empty");
    assert!(pipe(["-"], b"").stdout.contains("empty"));
}

#[test]
fn a_binary() {
    let bytes = fs::read(triage_tests::program()).unwrap();
    let answer = report(&bytes[..200_000]);
    assert_eq!(answer.status, Some(2));
    assert!(answer.stderr.starts_with("triage: -: "), "{answer:?}");
    assert_eq!(answer.classes(), [""; 0]);
}

#[cfg(unix)]
#[test]
fn an_unreadable_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    let path = folder.path().join("secret.log");
    fs::write(&path, "x").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o0)).unwrap();
    if fs::File::open(&path).is_ok() {
        return; // Nothing is unreadable for root.
    }
    let answer = call([&path]);
    assert_eq!(answer.status, Some(2));
    assert!(answer.stderr.contains("secret.log: permission denied"), "{answer:?}");
}

#[test]
fn paths_that_are_nothing() {
    let folder = folder();
    let empty = call([folder.path()]);
    assert_eq!(empty.status, Some(2));
    assert!(empty.stderr.contains("no log in this folder"), "{empty:?}");
    let glob = call(["no/such/*.log"]);
    assert_eq!(glob.status, Some(2));
    assert_eq!(glob.stderr, "triage: no/such/*.log: no file matches\n");
}

#[test]
fn a_log_cut_at_every_byte() {
    // One process reads them all: each is a file of a folder.
    let log = b"In file included from src/a.c:1:\ninclude/tank.h:5:9: error: unknown type name \xe2\x80\x98u8\xe2\x80\x99\n    5 |         u8 level;\n      |         ^~\n\
        /usr/bin/ld: a.o: in function `main':\na.c:(.text+0x5): undefined reference to `fill'\nmake[1]: *** [Makefile:3: a.o] Error 1\n";
    let folder = folder();
    for cut in 0..log.len() {
        fs::write(folder.path().join(format!("{cut:04}.log")), &log[..cut]).unwrap();
    }
    let mut command = triage(["--format", "json"]);
    let answer = answer(command.arg(folder.path()));
    assert_eq!(answer.status, Some(1), "{}", answer.stderr);
    assert_eq!(answer.json()["builds"].as_array().map(Vec::len), Some(log.len()));
}

#[test]
fn a_cut_archive() {
    let plain = fs::read(log("quickstart.log")).unwrap();
    let packed = zstd::encode_all(&plain[..], 1).unwrap();
    for cut in (1..packed.len()).step_by(packed.len() / 40) {
        let answer = report(&packed[..cut]);
        // So few bytes that nothing tells what they are may still be read as a log.
        assert!(answer.status == Some(2) || cut < 8, "{cut} of {}: {answer:?}", packed.len());
    }
}

#[test]
fn a_line_of_five_megabytes() {
    let mut log = vec![b'x'; 5 << 20];
    log.extend_from_slice(b"\ntank.c:3:5: error: 'level' undeclared\n");
    let answer = report(&log);
    assert_eq!(answer.classes(), ["undeclared-identifier"]);
    let json = answer.json();
    assert_eq!(json["summary"]["lines"], 2);
    assert_eq!(json["summary"]["bytes"], log.len());
    assert_eq!(json["causes"][0]["log"]["line"], 2);
}

#[test]
fn a_long_line_that_is_an_error() {
    let mut log = b"tank.c:3:5: error: 'level' undeclared ".to_vec();
    log.resize(5 << 20, b'x');
    assert_eq!(report(&log).classes(), ["undeclared-identifier"]);
}

#[test]
fn any_bytes() {
    // A small generator: the same bytes in every run.
    let mut state = 0x2545_f491_4f6c_dd1du64;
    let words: [&[u8]; 12] = [
        b"error: ",
        b"a.c:1:2: ",
        b"\n",
        b"\r",
        b"'x'",
        b"\x1b[31m",
        b"\xff\xfe",
        b"make: *** ",
        b"In file included from ",
        b"| ",
        b"undefined reference to ",
        b"\xf0\x9f",
    ];
    for _ in 0..30 {
        let mut log = b"cc\n".to_vec();
        for _ in 0..2_000 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            log.extend_from_slice(words[(state % 12) as usize]);
        }
        let answer = report(&log);
        assert!(matches!(answer.status, Some(0..=2)), "{answer:?}");
    }
}

#[test]
fn hostile_text_stays_text() {
    let log = b"\x1b]8;;http://x\x07a.c:1:1: error: '\x1b[2J\x1b]0;t\x07' undeclared @all ::error::x\n";
    for format in ["terminal", "text", "markdown", "github", "junit", "json"] {
        let answer = pipe(["--format", format, "--color", "never"], log);
        assert!(!answer.stdout.contains('\x1b') && !answer.stdout.contains('\x07'), "{format}: {answer:?}");
    }
    let github = pipe(["--format", "github"], b"a.c:1:1: error: x\n::set-output name=a::b\n").stdout;
    assert!(!github.lines().any(|line| line.starts_with("::set-output")), "{github}");
}
