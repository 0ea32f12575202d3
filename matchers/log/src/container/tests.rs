//! Whole inputs: what is found in them, and that nothing in them can fail.

use std::io::Write;
use std::sync::LazyLock;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;

const LOG: &str = "cc -c a.c\na.c:1:2: error: expected ';' before '}' token\n";

pub(super) fn read(name: &str, bytes: &[u8]) -> (Vec<(String, String)>, Vec<Problem>) {
    read_with(name, bytes, Limits::default())
}

pub(super) fn read_with(name: &str, mut bytes: &[u8], limits: Limits) -> (Vec<(String, String)>, Vec<Problem>) {
    let mut members = Vec::new();
    let problems = open(name, &mut bytes, limits, &mut |member| {
        let mut text = Vec::new();
        member.reader.read_to_end(&mut text)?;
        members.push((member.name, String::from_utf8_lossy(&text).into_owned()));
        Ok(())
    });
    (members, problems.unwrap())
}

fn one(name: &str, text: &str) -> Vec<(String, String)> {
    vec![(name.to_owned(), text.to_owned())]
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    liblzma::encode_all(bytes, 0).unwrap()
}

fn lzma(bytes: &[u8]) -> Vec<u8> {
    let options = liblzma::stream::LzmaOptions::new_preset(0).unwrap();
    let stream = liblzma::stream::Stream::new_lzma_encoder(&options).unwrap();
    let mut out = Vec::new();
    liblzma::bufread::XzEncoder::new_stream(bytes, stream).read_to_end(&mut out).unwrap();
    out
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(io::Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Text that does not compress to nothing.
fn long_log(lines: u32) -> String {
    (0..lines).map(|i| format!("cc -c {}.c -o {i}.o\n", i.wrapping_mul(2_654_435_761))).collect()
}

#[test]
fn plain() {
    assert_eq!(read("log", LOG.as_bytes()), (one("log", LOG), vec![]));
    assert_eq!(read("-", b""), (one("-", ""), vec![]));
    assert_eq!(read("x.gz", LOG.as_bytes()), (one("x.gz", LOG), vec![]));
    assert_eq!(read("log", format!("\u{feff}{LOG}").as_bytes()), (one("log", LOG), vec![]));
    let long = long_log(100_000);
    assert_eq!(read("log", long.as_bytes()), (one("log", &long), vec![]));
    let web = format!("Re: [PATCH] x\n\nFrom: A B\nDate: today\n\n> {LOG}");
    assert_eq!(read("log", web.as_bytes()), (one("log", &web), vec![]));
}

#[test]
fn utf16() {
    let bytes: Vec<u8> = LOG.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(read("log", &bytes), (one("log", LOG), vec![]));
    assert_eq!(read("log", &gzip(&bytes)), (one("log", LOG), vec![]));
}

#[test]
fn compressed() {
    for pack in [gzip, xz, lzma, zstd] {
        let packed = pack(LOG.as_bytes());
        assert_eq!(read("log", &packed), (one("log", LOG), vec![]));
        let long = long_log(50_000);
        assert_eq!(read("log", &pack(long.as_bytes())), (one("log", &long), vec![]));
        assert_eq!(read("log", &pack(b"")), (one("log", ""), vec![]));
    }
    for pack in [gzip, xz, zstd] {
        let two = [pack(LOG.as_bytes()), pack(b"more\n")].concat();
        assert_eq!(read("log", &two), (one("log", &format!("{LOG}more\n")), vec![]));
    }
    let skippable = [&b"\x50\x2a\x4d\x18\x03\0\0\0abc"[..], &zstd(LOG.as_bytes())].concat();
    assert_eq!(read("log", &skippable), (one("log", LOG), vec![]));
    assert_eq!(read("log", b"BZh91AY&SY\x01\x02").1.len(), 1);
}

#[test]
fn cut_off_or_damaged() {
    let long = long_log(100_000);
    for pack in [gzip, xz, lzma, zstd] {
        let packed = pack(long.as_bytes());
        let (members, problems) = read("log", &packed[..packed.len() * 3 / 4]);
        assert_eq!(members.len(), 1);
        assert!(members[0].1.len() > long.len() / 2 && long.starts_with(&members[0].1));
        assert!(problems[0].message.contains("cut off"), "{problems:?}");
        let (members, problems) = read("log", &packed[..14]);
        assert_eq!((members.len(), problems.len()), (0, 1), "{problems:?}");
        let mut damaged = packed.clone();
        damaged[packed.len() / 2..packed.len() / 2 + 100].fill(0x55);
        let (_, problems) = read("log", &damaged);
        assert!(problems[0].message.contains("damaged"), "{problems:?}");
    }
    let (members, problems) = read("log", &[gzip(LOG.as_bytes()), b"trailing".to_vec()].concat());
    assert_eq!((members, problems.len()), (one("log", LOG), 1));
}

#[test]
fn archives() {
    let files: &[(&str, &[u8])] = &[("./a/build.log", LOG.as_bytes()), ("empty", b""), ("vmlinux", b"\x7fELF\x02")];
    let found = vec![("x/a/build.log".to_owned(), LOG.to_owned()), ("x/empty".to_owned(), String::new())];
    let left_out = vec![Problem { name: "x/vmlinux".into(), message: "is not text (an ELF file)".into() }];
    for packed in [tar(files), zip(files), gzip(&tar(files)), xz(&tar(files)), zstd(&zip(files))] {
        assert_eq!(read("x", &packed), (found.clone(), left_out.clone()));
    }
    assert!(read("x", &zip(&[])).1[0].message.contains("no files"));
}

#[test]
fn tar_dialects() {
    let name = "deep/".repeat(60) + "build.log";
    let gnu = tar(&[(&name, LOG.as_bytes())]);
    assert_eq!(read("t", &gnu).0[0].1, LOG);
    let mut builder = tar::Builder::new(Vec::new());
    builder.append_pax_extensions([("path", name.as_bytes())]).unwrap();
    let mut header = tar::Header::new_ustar();
    header.set_path("short").unwrap();
    header.set_size(LOG.len() as u64);
    header.set_cksum();
    builder.append(&header, LOG.as_bytes()).unwrap();
    let mut old = tar::Header::new_old();
    old.set_path("old.log").unwrap();
    old.set_size(3);
    old.set_cksum();
    builder.append(&old, &b"ok\n"[..]).unwrap();
    let mut link = tar::Header::new_gnu();
    link.set_entry_type(tar::EntryType::Symlink);
    link.set_size(0);
    builder.append_link(&mut link, "link", "/etc/passwd").unwrap();
    let (members, problems) = read("t", &builder.into_inner().unwrap());
    assert_eq!(problems, []);
    assert_eq!(members.len(), 2);
    assert!(members[0].0.starts_with("t/deep/deep/") && members[0].0.ends_with('…'));
    assert_eq!(members[1], ("t/old.log".to_owned(), "ok\n".to_owned()));
}

#[test]
fn a_file_need_not_be_read() {
    let long = long_log(50_000);
    for packed in [tar(&[("a", long.as_bytes()), ("b", b"b\n")]), zip(&[("a", long.as_bytes()), ("b", b"b\n")])] {
        let mut names = Vec::new();
        let mut visit = |member: Member<'_>| {
            names.push(member.name);
            Ok(())
        };
        assert_eq!(open("x", &mut &packed[..], Limits::default(), &mut visit).unwrap(), []);
        assert_eq!(names, ["x/a", "x/b"]);
    }
}

#[test]
fn cut_off_archives() {
    let long = long_log(20_000);
    let files: &[(&str, &[u8])] = &[("a", LOG.as_bytes()), ("b", long.as_bytes())];
    for packed in [tar(files), zip(files), gzip(&tar(files))] {
        let (members, problems) = read("x", &packed[..packed.len() * 2 / 3]);
        assert_eq!(members[0], ("x/a".to_owned(), LOG.to_owned()));
        assert!(members[1].1.len() > 1000 && long.starts_with(&members[1].1));
        assert!(!problems.is_empty());
    }
    let whole = zip(files);
    let (members, problems) = read_with("x", &whole, Limits { buffered: whole.len() as u64 - 10, ..Limits::default() });
    assert_eq!((members.len(), problems.len()), (2, 1));
    assert_eq!(members[1].1, long);
}

#[test]
fn zip_with_unknown_sizes_and_methods() {
    // As written to a pipe: sizes are only in the descriptor after the data.
    let packed = zip(&[("a", LOG.as_bytes())]);
    let mut writer = ZipWriter::new_stream(Vec::new());
    writer.start_file("s", SimpleFileOptions::default()).unwrap();
    writer.write_all(LOG.as_bytes()).unwrap();
    let streamed = writer.finish().unwrap().into_inner();
    assert_eq!(read("z", &streamed), (one("z/s", LOG), vec![]));
    let (members, problems) = read("z", &streamed[..streamed.len() - 30]);
    assert_eq!((members, problems.len()), (one("z/s", LOG), 1));

    // A method that the library was not built with, but whose data says itself what it is.
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let mut writer = ZipWriter::new(io::Cursor::new(Vec::new()));
    writer.start_file("s", stored).unwrap();
    writer.write_all(&zstd(LOG.as_bytes())).unwrap();
    let mut bytes = writer.finish().unwrap().into_inner();
    bytes[8] = 93;
    let directory = memchr::memmem::find(&bytes, b"PK\x01\x02").unwrap();
    bytes[directory + 10] = 93;
    assert_eq!(read("z", &bytes), (one("z/s", LOG), vec![]));
    bytes[8] = 14;
    bytes[directory + 10] = 14;
    let (members, problems) = read("z", &bytes);
    assert!(members.is_empty() && problems[0].message.contains("Lzma"), "{problems:?}");
    bytes[6] = 1;
    bytes[directory + 8] = 1;
    assert_eq!(read("z", &bytes).1[0].message, "is encrypted");
    let mut damaged = packed.clone();
    damaged[40] ^= 0x55;
    assert_eq!(read("z", &damaged).1.len(), 1);
}

#[test]
fn each_job_of_a_github_archive_once() {
    let files: &[(&str, &[u8])] = &[
        ("0_build (gcc).txt", b"a\nb\n"),
        ("build (gcc)/1_Set up job.txt", b"a\n"),
        ("build (gcc)/2_make.txt", b"b\n"),
        ("build (gcc)/system.txt", b"s\n"),
        ("lint/1_run.txt", b"c\n"),
    ];
    let whole = zip(files);
    for packed in [&whole[..], &whole[..whole.len() - 20]] {
        let (members, _) = read("g", packed);
        let names: Vec<_> = members.iter().map(|member| &member.0[..]).collect();
        assert_eq!(names, ["g/0_build (gcc).txt", "g/lint/1_run.txt"]);
    }
}

#[test]
fn limits() {
    let nested = gzip(&zip(&[("a.gz", &gzip(&tar(&[("b", LOG.as_bytes())])))]));
    assert_eq!(read("x", &nested), (one("x/a.gz/b", LOG), vec![]));
    let (members, problems) = read_with("x", &nested, Limits { depth: 3, ..Limits::default() });
    assert_eq!((members.len(), problems.len()), (0, 1));
    assert_eq!(problems[0].name, "x/a.gz");

    let many: Vec<String> = (0..20).map(|i| format!("{i}.log")).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|name| (&name[..], LOG.as_bytes())).collect();
    for packed in [tar(&many), zip(&many)] {
        let (members, problems) = read_with("x", &packed, Limits { members: 5, ..Limits::default() });
        assert_eq!((members.len(), problems.len()), (5, 1));
    }

    let (members, problems) = read_with("x", &zip(&many), Limits { bytes: 500, ..Limits::default() });
    assert_eq!(members.iter().map(|member| member.1.len()).sum::<usize>(), 500);
    assert_eq!(problems.len(), 1);

    let bomb = gzip(&vec![b'x'; 80 << 20]);
    let (members, problems) = read_with("x", &bomb, Limits { ratio: 500, ..Limits::default() });
    assert!(members[0].1.len() < 66 << 20);
    assert_eq!(problems.len(), 1);
}

#[test]
fn problems_are_limited_too() {
    let damaged = &gzip(LOG.as_bytes())[..10];
    let files: Vec<(&str, &[u8])> = (0..50).map(|_| ("a.gz", damaged)).collect();
    let (members, problems) = read_with("t", &tar(&files), Limits { members: 10, ..Limits::default() });
    assert_eq!((members.len(), problems.len()), (0, 11));
}

#[test]
fn a_name_too_long_to_hold() {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::GNULongName);
    header.set_size(64 << 20);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.resize(65 << 20, b'a');
    let (members, problems) = read("t", &bytes);
    assert!(members.is_empty());
    assert!(problems[0].message.contains("too long"), "{problems:?}");
}

#[test]
fn names_are_shown_safely() {
    assert_eq!(inside("x", "../../etc/pass\x1b[2J\nwd\u{202e}"), "x/../../etc/pass\u{fffd}[2J\u{fffd}wd\u{fffd}");
    assert!(shown(&"x".repeat(10_000)).len() < 300);
}

#[test]
fn errors_of_the_reader_are_errors() {
    struct Failing<'a>(&'a [u8]);
    impl Read for Failing<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            match self.0.read(out)? {
                0 => Err(io::Error::other("the disk is gone")),
                count => Ok(count),
            }
        }
    }
    let long = long_log(20_000);
    let files: &[(&str, &[u8])] = &[("a", long.as_bytes())];
    let inputs = [
        Vec::new(),
        long.clone().into_bytes(),
        gzip(long.as_bytes()),
        xz(long.as_bytes()),
        zstd(long.as_bytes()),
        tar(files),
        zip(files),
    ];
    for input in inputs {
        let half = &input[..input.len() / 2];
        for swallow in [false, true] {
            let mut visit = |member: Member<'_>| match io::copy(member.reader, &mut io::sink()) {
                Err(error) if !swallow => Err(error),
                _ => Ok(()),
            };
            let error = open("x", &mut Failing(half), Limits::default(), &mut visit).unwrap_err();
            assert_eq!(error.to_string(), "the disk is gone");
        }
    }
    let mut refuse = |_: Member<'_>| Err(io::Error::other("enough"));
    for input in [long.clone().into_bytes(), gzip(long.as_bytes()), tar(files), zip(files)] {
        let error = open("x", &mut &input[..], Limits::default(), &mut refuse).unwrap_err();
        assert_eq!(error.to_string(), "enough");
    }
}

/// Small limits, so that a strange input shows at once whether they hold.
fn tight() -> Limits {
    Limits { depth: 3, members: 20, bytes: 1 << 20, ratio: 100, buffered: 1 << 16 }
}

static SAMPLES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let files: &[(&str, &[u8])] = &[("a", LOG.as_bytes()), ("d/b.gz", &gzip(LOG.as_bytes()))];
    let mail = format!(
        "From: a@example.org\nSubject: x\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n{LOG}\n--b\n\
         Content-Type: text/html\nContent-Transfer-Encoding: quoted-printable\n\n<pre>=\nx=41</pre>\n--b\n\
         Content-Type: message/rfc822\n\nFrom: b\nSubject: c\n\ninner\n--b\n\
         Content-Type: application/x\nContent-Transfer-Encoding: base64\n\nH4sIAAAA\n--b--\n"
    );
    vec![
        gzip(LOG.as_bytes()),
        xz(LOG.as_bytes()),
        lzma(LOG.as_bytes()),
        zstd(LOG.as_bytes()),
        tar(files),
        zip(files),
        format!("From a Thu Jan  1 00:00:00 1970\n{mail}\nFrom b Thu Jan  1 00:00:00 1970\n{mail}").into_bytes(),
        mail.into_bytes(),
        LOG.encode_utf16().flat_map(u16::to_be_bytes).collect(),
    ]
});

/// What mails are made of, to be put together in any order.
const MAIL_PIECES: &[&str] = &[
    "Content-Type: multipart/mixed; boundary=b\n",
    "Content-Type: multipart/alternative; boundary=\"c\"\n",
    "Content-Type: multipart/digest; boundary=\n",
    "Content-Type: message/rfc822\n",
    "Content-Type: text/html; charset=utf-16\n",
    "Content-Type: text/plain; charset=iso-2022-jp\n",
    "Content-Transfer-Encoding: base64\n",
    "Content-Transfer-Encoding: quoted-printable\n",
    "Content-Disposition: attachment; filename*0*=utf-8''%zz; filename*1=x\n",
    "From: b@example.org\n",
    "Message-ID: <<a@b>\n",
    "Subject: =?utf-8?b?/w==?= =?x?q?=\n",
    "\n",
    "\n",
    "\r\n",
    "--b\n",
    "--c\n",
    "--b--\n",
    "--c--\n",
    "--\n",
    "text\n",
    "H4sIAAAA=\n",
    "=C3=\n",
    "<pre>a\n</pre><!-- &#x; &amp",
    "From b Thu Jan  1 00:00:00 1970\n",
    "\nFrom b Thu Jan  1 00:00:00 1970\n",
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..4000)) {
        read_with("x", &bytes, tight());
    }

    #[test]
    fn any_bytes_after_a_magic(which in 0usize..9, bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let sample = &SAMPLES[which];
        read_with("x", &[&sample[..sample.len().min(12)], &bytes].concat(), tight());
    }

    #[test]
    fn any_mail(pieces in proptest::collection::vec(0usize..MAIL_PIECES.len(), 0..40)) {
        let mut mail = String::from("From: a@example.org\nSubject: x\n");
        mail.extend(pieces.into_iter().map(|piece| MAIL_PIECES[piece]));
        read_with("x", mail.as_bytes(), tight());
        let mbox = mail.replace("From: a@", "From x Thu Jan  1 00:00:00 1970\nFrom: a@");
        read_with("x", mbox.as_bytes(), tight());
    }

    #[test]
    fn any_damage(
        which in 0usize..9,
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<proptest::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        let mut bytes = SAMPLES[which].clone();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if is_cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let (members, _) = read_with("x", &bytes, tight());
        prop_assert!(members.len() <= 20);
    }
}
