//! UTF-16 to UTF-8 while reading.

use std::io::{self, BufRead, Read};

use encoding_rs::{CoderResult, Decoder, UTF_16BE, UTF_16LE};

/// The order of the two bytes of a UTF-16 unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Endian {
    Little,
    Big,
}

/// Tells UTF-16 by its byte order mark, or without one by where the NULs are: text that is
/// mostly ASCII has one in nearly every unit, always on the same side.
pub(super) fn utf16(head: &[u8]) -> Option<Endian> {
    match head {
        [0xff, 0xfe, 0, 0, ..] => return None,
        [0xff, 0xfe, ..] => return Some(Endian::Little),
        [0xfe, 0xff, ..] => return Some(Endian::Big),
        _ => {}
    }
    let units = head.len() / 2;
    if units < 4 {
        return None;
    }
    let (mut first, mut second) = (0, 0);
    for unit in head.chunks_exact(2) {
        first += usize::from(unit[0] == 0);
        second += usize::from(unit[1] == 0);
    }
    let many = |nuls: usize| nuls * 2 > units;
    let few = |nuls: usize| nuls * 32 <= units;
    if many(second) && few(first) {
        Some(Endian::Little)
    } else if many(first) && few(second) {
        Some(Endian::Big)
    } else {
        None
    }
}

/// How much UTF-8 is made at a time.
const BUFFER: usize = 64 << 10;

/// Reads UTF-16 and gives UTF-8 without a byte order mark; what is not valid becomes U+FFFD.
pub(super) struct Transcoder<R> {
    inner: R,
    decoder: Decoder,
    buffer: Vec<u8>,
    position: usize,
    end: usize,
    ended: bool,
}

impl<R: BufRead> Transcoder<R> {
    pub(super) fn utf16(inner: R, endian: Endian) -> Self {
        let encoding = if endian == Endian::Little { UTF_16LE } else { UTF_16BE };
        Self {
            inner,
            decoder: encoding.new_decoder_with_bom_removal(),
            buffer: vec![0; BUFFER],
            position: 0,
            end: 0,
            ended: false,
        }
    }
}

impl<R: BufRead> BufRead for Transcoder<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.position == self.end && !self.ended {
            let source = self.inner.fill_buf()?;
            let last = source.is_empty();
            let (result, taken, made, _) = self.decoder.decode_to_utf8(source, &mut self.buffer, last);
            self.inner.consume(taken);
            self.position = 0;
            self.end = made;
            self.ended = last && result == CoderResult::InputEmpty;
        }
        Ok(&self.buffer[self.position..self.end])
    }

    fn consume(&mut self, count: usize) {
        self.position = (self.position + count).min(self.end);
    }
}

impl<R: BufRead> Read for Transcoder<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(out)?;
        self.consume(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(text: &str, endian: Endian) -> Vec<u8> {
        let bytes = |unit: u16| if endian == Endian::Little { unit.to_le_bytes() } else { unit.to_be_bytes() };
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn told_with_and_without_mark() {
        for endian in [Endian::Little, Endian::Big] {
            assert_eq!(utf16(&encode("\u{feff}cc -c a.c\n", endian)), Some(endian));
            assert_eq!(utf16(&encode("cc -c größe.c\r\n", endian)), Some(endian));
        }
        assert_eq!(utf16(b"cc -c a.c\n"), None);
        assert_eq!(utf16(b"cc -c a.c\0\0\0\0\0\0\0\0\0"), None);
        assert_eq!(utf16(&[0; 64]), None);
        assert_eq!(utf16(&[0xff, 0xfe, 0, 0, b'a', 0, 0, 0]), None, "UTF-32");
    }

    #[test]
    fn read_in_pieces() {
        let text = "größe.c:1: Fehler: 😀\n".repeat(9000);
        for endian in [Endian::Little, Endian::Big] {
            let bytes = encode(&text, endian);
            // An odd capacity splits units and pairs of surrogates.
            let mut reader = Transcoder::utf16(io::BufReader::with_capacity(7, &bytes[..]), endian);
            let mut out = String::new();
            reader.read_to_string(&mut out).unwrap();
            assert_eq!(out, text);
        }
    }

    #[test]
    fn a_lost_byte_is_shown() {
        let mut bytes = encode("ab", Endian::Little);
        bytes.pop();
        let mut out = String::new();
        Transcoder::utf16(&bytes[..], Endian::Little).read_to_string(&mut out).unwrap();
        assert_eq!(out, "a\u{fffd}");
    }
}
