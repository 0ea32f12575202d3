//! What a stream is, told by its first bytes.

use std::io;

use super::encoding::{self, Endian};
use super::mail;
use super::reader::Peek;

/// How many bytes are looked at; a mail's headers may take more.
const HEAD: usize = 4096;

/// What a stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Empty,
    Plain,
    Utf8Bom,
    Utf16(Endian),
    Gzip,
    Xz,
    Lzma,
    Lzip,
    Zstd,
    Zip,
    Tar,
    Mbox,
    Mail,
    /// A container that cannot be opened here.
    Unsupported(&'static str),
    /// No text, and nothing that may hold text.
    Binary(&'static str),
}

impl Kind {
    /// True for what has something else inside.
    pub(super) fn is_container(self) -> bool {
        use Kind::{Gzip, Lzip, Lzma, Mail, Mbox, Tar, Xz, Zip, Zstd};
        matches!(self, Gzip | Xz | Lzma | Lzip | Zstd | Zip | Tar | Mbox | Mail)
    }
}

/// Tells what is in `input` without taking anything from it.
pub(super) fn kind(input: &mut Peek<'_>) -> io::Result<Kind> {
    let head = input.head(HEAD)?;
    let head = &head[..head.len().min(HEAD)];
    if head.is_empty() {
        return Ok(Kind::Empty);
    }
    if let Some(kind) = by_magic(head) {
        return Ok(kind);
    }
    if is_tar(head) {
        return Ok(Kind::Tar);
    }
    if let Some(endian) = encoding::utf16(head) {
        return Ok(Kind::Utf16(endian));
    }
    if is_binary(head) {
        return Ok(Kind::Binary("binary data"));
    }
    if mail::may_begin(head) {
        let head = input.head(mail::HEADERS_MAX)?;
        if mail::begins_mbox(head) {
            return Ok(Kind::Mbox);
        }
        if mail::begins_message(head) {
            return Ok(Kind::Mail);
        }
    }
    Ok(Kind::Plain)
}

fn by_magic(head: &[u8]) -> Option<Kind> {
    Some(match head {
        [0xef, 0xbb, 0xbf, ..] => Kind::Utf8Bom,
        [0x1f, 0x8b, 8, ..] => Kind::Gzip,
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Kind::Xz,
        [b'L', b'Z', b'I', b'P', 0 | 1, ..] => Kind::Lzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Kind::Zstd,
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] | [b'P', b'K', 7, 8, b'P', b'K', 3, 4, ..] => Kind::Zip,
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..]
        | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, 0x45, 0x38, 0x50, 0x90, ..] => {
            Kind::Unsupported("compressed with bzip2")
        }
        [b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c, ..] => Kind::Unsupported("a 7-Zip archive"),
        [b'R', b'a', b'r', b'!', 0x1a, 7, ..] => Kind::Unsupported("a RAR archive"),
        [4, 0x22, 0x4d, 0x18, ..] => Kind::Unsupported("compressed with lz4"),
        [0x1f, 0x9d, ..] => Kind::Unsupported("compressed with compress"),
        [0x7f, b'E', b'L', b'F', ..] => Kind::Binary("an ELF file"),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Kind::Binary("a PNG image"),
        [0xff, 0xd8, 0xff, ..] => Kind::Binary("a JPEG image"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Kind::Binary("a GIF image"),
        [b'%', b'P', b'D', b'F', b'-', b'0'..=b'9', b'.', ..] => Kind::Binary("a PDF document"),
        [b'!', b'<', b'a', b'r', b'c', b'h', b'>', b'\n', ..] => Kind::Binary("an ar archive"),
        [b'B', b'C', 0xc0, 0xde, ..] => Kind::Binary("LLVM bitcode"),
        [0, b'a', b's', b'm', _, 0, 0, 0, ..] => Kind::Binary("WebAssembly"),
        [0xcf | 0xce, 0xfa, 0xed, 0xfe, ..] => Kind::Binary("a Mach-O file"),
        [b'S', b'Q', b'L', b'i', b't', b'e', b' ', b'f', ..] => Kind::Binary("an SQLite database"),
        _ if is_lzma(head) => Kind::Lzma,
        _ => return None,
    })
}

/// The old format of the lzma tool has no magic bytes, but not many headers are possible.
fn is_lzma(head: &[u8]) -> bool {
    let [properties, d0, d1, d2, d3, size @ .., 0] = &head[..head.len().min(14)] else { return false };
    let Ok(size) = <[u8; 8]>::try_from(size) else { return false };
    let dictionary = u32::from_le_bytes([*d0, *d1, *d2, *d3]);
    let size = u64::from_le_bytes(size);
    *properties < 225
        && dictionary >= 1 << 12
        && (dictionary.is_power_of_two() || (dictionary / 3 * 3 == dictionary && (dictionary / 3).is_power_of_two()))
        && (size == u64::MAX || size < 1 << 38)
}

/// A tar header has a checksum, in all its dialects at the same place.
fn is_tar(head: &[u8]) -> bool {
    let Some(header) = head.get(..512) else { return false };
    let mut stored = 0u32;
    let mut digits = 0;
    for &byte in &header[148..156] {
        match byte {
            b'0'..=b'7' => {
                stored = stored * 8 + u32::from(byte - b'0');
                digits += 1;
            }
            b' ' if digits == 0 => {}
            b' ' | 0 => break,
            _ => return false,
        }
    }
    let sum = |range: &[u8]| range.iter().map(|&byte| u32::from(byte)).sum::<u32>();
    digits > 0 && stored == sum(&header[..148]) + 8 * u32::from(b' ') + sum(&header[156..])
}

/// Text has next to no control characters; a log may have some, and stray NULs.
fn is_binary(head: &[u8]) -> bool {
    let (mut nuls, mut controls) = (0, 0);
    for &byte in head {
        match byte {
            0 => nuls += 1,
            // Bell, backspace, white space, escape: what programs send to a terminal.
            7..=13 | 0x1b => {}
            1..=0x1f | 0x7f => controls += 1,
            _ => {}
        }
    }
    if head.len() < 64 {
        return (nuls + controls) * 2 > head.len();
    }
    nuls * 5 > head.len() || controls * 12 > head.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(mut bytes: &[u8]) -> Kind {
        kind(&mut Peek::new(&mut bytes)).unwrap()
    }

    #[test]
    fn text() {
        assert_eq!(told(b""), Kind::Empty);
        assert_eq!(told(b"cc -c a.c\n"), Kind::Plain);
        assert_eq!(told(b"x"), Kind::Plain);
        assert_eq!(told("gr\u{f6}\u{df}e.c:3: Fehler\n".as_bytes()), Kind::Plain);
        assert_eq!(told(b"gr\xf6\xdfe.c:3: Fehler\n"), Kind::Plain);
        assert_eq!(told(b"\xef\xbb\xbfmake: Entering directory\n"), Kind::Utf8Bom);
        assert_eq!(told(b"PKG_CONFIG_PATH is not set\nBZh is a name\n"), Kind::Plain);
    }

    #[test]
    fn a_log_with_some_control_bytes_is_a_log() {
        let mut log = b"[ 12%] Building C object a.o\r\x1b[K\x08\x07\n".repeat(20);
        log[100] = 0;
        log[101] = 0;
        log[300] = 1;
        assert_eq!(told(&log), Kind::Plain);
        let mut serial = vec![0; 64];
        serial.extend(b"[    0.000000] Booting\n".repeat(40));
        assert_eq!(told(&serial), Kind::Plain);
        assert_eq!(told(b"ok\0\n"), Kind::Plain);
    }

    #[test]
    fn no_text() {
        assert_eq!(told(b"\x7fELF\x02\x01\x01"), Kind::Binary("an ELF file"));
        assert_eq!(told(&[0; 600]), Kind::Binary("binary data"));
        let noise: Vec<u8> = (0..5000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        assert_eq!(told(&noise), Kind::Binary("binary data"));
        assert_eq!(told(b"BZh91AY&SY\0\0\0"), Kind::Unsupported("compressed with bzip2"));
    }

    #[test]
    fn magic_with_nothing_after_it() {
        assert_eq!(told(&[0x1f, 0x8b, 8]), Kind::Gzip);
        assert_eq!(told(b"PK\x05\x06"), Kind::Zip);
        assert_eq!(told(&[0x5d, 0, 0, 0x80, 0, 255, 255, 255, 255, 255, 255, 255, 255, 0]), Kind::Lzma);
        assert_eq!(told(&[0x5d, 0, 0, 0x80, 0, 255, 255, 255, 255, 255, 255, 255, 255]), Kind::Plain);
    }

    proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_bytes_are_something(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            told(&bytes);
        }

        #[test]
        fn any_ascii_text_is_text(text in "[ -~\n\t]{1,600}") {
            prop_assert!(matches!(told(text.as_bytes()), Kind::Plain | Kind::Mail | Kind::Mbox));
        }
    }
}
