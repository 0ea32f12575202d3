//! Where logs come from: files, folders, globs, containers, encodings.

use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;

use triage_tests::{answer, call, folder, log, pipe, report, triage};

fn plain() -> Vec<u8> {
    fs::read(log("clang-two-errors.log")).unwrap()
}

const CLASSES: [&str; 2] = ["implicit-declaration", "no-member"];

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn tar(bytes: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    header.set_cksum();
    let mut out = tar::Builder::new(Vec::new());
    out.append_data(&mut header, "logs/build.log", bytes).unwrap();
    out.into_inner().unwrap()
}

fn zip(bytes: &[u8]) -> Vec<u8> {
    let mut out = zip::ZipWriter::new(Cursor::new(Vec::new()));
    out.start_file("1_build.txt", zip::write::SimpleFileOptions::default()).unwrap();
    out.write_all(bytes).unwrap();
    out.finish().unwrap().into_inner()
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut out = liblzma::write::XzEncoder::new(Vec::new(), 1);
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

#[test]
fn containers_from_a_pipe_and_from_a_file() {
    let plain = plain();
    let folder = folder();
    for (name, bytes) in [
        ("plain", plain.clone()),
        ("gz", gzip(&plain)),
        ("xz", xz(&plain)),
        ("zst", zstd::encode_all(&plain[..], 1).unwrap()),
        ("zip", zip(&plain)),
        ("tar", tar(&plain)),
        ("tar.gz", gzip(&tar(&plain))),
    ] {
        assert_eq!(report(&bytes).classes(), CLASSES, "{name} from a pipe");
        // The name tells nothing.
        let path = folder.path().join("some-file");
        fs::write(&path, &bytes).unwrap();
        let answer = call(["--format".as_ref(), "json".as_ref(), path.as_os_str()]);
        assert_eq!(answer.classes(), CLASSES, "{name} from a file");
        assert_eq!(answer.status, Some(1));
    }
    assert_eq!(report(&zip(&plain)).json()["builds"][0]["id"], "-/1_build.txt");
}

#[test]
fn encodings_and_line_ends() {
    let plain = String::from_utf8(plain()).unwrap();
    let utf16 = |to: fn(u16) -> [u8; 2]| -> Vec<u8> {
        std::iter::once(0xfeff).chain(plain.encode_utf16()).flat_map(to).collect()
    };
    for (name, bytes) in [
        ("CRLF", plain.replace('\n', "\r\n").into_bytes()),
        ("BOM", [b"\xef\xbb\xbf", plain.as_bytes()].concat()),
        ("UTF-16LE", utf16(u16::to_le_bytes)),
        ("UTF-16BE", utf16(u16::to_be_bytes)),
        ("colour", plain.replace("error:", "\x1b[31;1merror:\x1b[0m").into_bytes()),
        ("a mail's quoting", plain.lines().map(|line| format!("> > {line}\n")).collect::<String>().into_bytes()),
        ("no last line feed", plain.trim_end().as_bytes().to_vec()),
        (
            "stamps",
            plain.lines().map(|l| format!("2026-01-02T03:04:05.1234567Z {l}\n")).collect::<String>().into_bytes(),
        ),
    ] {
        assert_eq!(report(&bytes).classes(), CLASSES, "{name}");
    }
}

fn build_ids(command: &mut std::process::Command) -> Vec<String> {
    let report = answer(command).json();
    report["builds"].as_array().unwrap().iter().map(|build| build["id"].as_str().unwrap().to_owned()).collect()
}

fn some_logs(top: &Path) {
    fs::create_dir_all(top.join("logs/arm")).unwrap();
    for name in ["logs/b.log", "logs/a.log", "logs/arm/c.log", "logs/.hidden.log"] {
        fs::write(top.join(name), plain()).unwrap();
    }
    fs::write(top.join("logs/main.o"), b"\x7fELF\x02\x01\x01\0\0\0\0\0").unwrap();
}

#[test]
fn folders_and_globs() {
    let folder = folder();
    some_logs(folder.path());
    let ids = |path: &str| build_ids(triage(["--format", "json", path]).current_dir(folder.path()));
    assert_eq!(ids("logs"), ["logs/a.log", "logs/arm/c.log", "logs/b.log"]);
    assert_eq!(ids("logs/*.log"), ["logs/a.log", "logs/b.log"]);
    assert_eq!(ids("**/c.log"), ["logs/arm/c.log"]);
    let report = answer(triage(["--format", "json", "logs"]).current_dir(folder.path()));
    assert_eq!(report.classes(), CLASSES, "one cause in three builds is one cause");
    assert_eq!(report.json()["causes"][0]["builds"].as_array().map(Vec::len), Some(3));
}

#[test]
fn many_files_in_their_order() {
    let folder = folder();
    let mut expected = Vec::new();
    for number in 0..40 {
        let name = format!("{number:02}.log");
        let mut text = "cc -c tank.c -o tank.o\n".repeat(if number % 7 == 0 { 40_000 } else { 3_000 });
        text.push_str(&format!("tank{number}.c:1:1: error: 'level{number}' undeclared\n"));
        fs::write(folder.path().join(&name), text).unwrap();
        expected.push(format!("./{name}"));
    }
    let mut command = triage(["--format", "json", "."]);
    let first = answer(command.current_dir(folder.path())).json();
    let ids: Vec<&str> = first["builds"].as_array().unwrap().iter().map(|b| b["id"].as_str().unwrap()).collect();
    assert_eq!(ids, expected);
    let files: Vec<&str> =
        first["causes"].as_array().unwrap().iter().map(|c| c["location"]["file"].as_str().unwrap()).collect();
    let in_order: Vec<String> = (0..40).map(|number| format!("tank{number}.c")).collect();
    assert_eq!(files, in_order);
}

#[test]
fn standard_input_by_dash_and_by_default() {
    for args in [&["--format", "json"][..], &["--format", "json", "-"]] {
        let answer = pipe(args, &plain());
        assert_eq!(answer.classes(), CLASSES);
        assert_eq!(answer.json()["builds"][0]["id"], "-");
    }
}
