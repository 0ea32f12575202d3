//! Streams with one compressed file in them: gzip, xz, lzma, lzip, zstd.

use std::cell::Cell;
use std::io::{self, Read};

use flate2::bufread::MultiGzDecoder;
use liblzma::bufread::XzDecoder;
use liblzma::stream::{CONCATENATED, Stream};

use super::Walk;
use super::reader::{Counted, Guard, Peek};
use super::sniff::Kind;

impl Walk<'_> {
    /// Decodes a compressed stream and gives on what is in it, under the same name.
    pub(super) fn compressed(&mut self, kind: Kind, name: &str, input: &mut Peek<'_>, depth: u8) -> io::Result<()> {
        let taken = Cell::new(0);
        let counted = Counted::new(input, &taken);
        let memory = self.limits.buffered;
        let stream = match kind {
            Kind::Gzip => return self.decoded(name, "the gzip data", &taken, MultiGzDecoder::new(counted), depth),
            Kind::Zstd => {
                let decoder = zstd::Decoder::with_buffer(counted).and_then(|mut decoder| {
                    decoder.window_log_max(memory.max(1).ilog2().clamp(10, 31))?;
                    Ok(decoder)
                });
                return match decoder {
                    Ok(decoder) => self.decoded(name, "the zstd data", &taken, decoder, depth),
                    Err(error) => self.leave_out(name, format!("could not be decompressed ({error})")),
                };
            }
            Kind::Lzma => Stream::new_lzma_decoder(memory),
            Kind::Lzip => Stream::new_lzip_decoder(memory, CONCATENATED),
            _ => Stream::new_stream_decoder(memory, CONCATENATED),
        };
        match stream {
            Ok(stream) => {
                let what = if kind == Kind::Xz { "the xz data" } else { "the lzma data" };
                self.decoded(name, what, &taken, XzDecoder::new_stream(counted, stream), depth)
            }
            Err(error) => self.leave_out(name, format!("could not be decompressed ({error})")),
        }
    }

    fn decoded(
        &mut self,
        name: &str,
        what: &'static str,
        taken: &Cell<u64>,
        decoder: impl Read,
        depth: u8,
    ) -> io::Result<()> {
        let mut guard = Guard::new(decoder, self.shared, name, what, taken);
        self.stream(name, &mut guard, depth + 1)
    }
}
