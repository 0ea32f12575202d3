//! Archives: tar as a stream, zip from memory.

use std::cell::Cell;
use std::collections::HashSet;
use std::io::{self, BufRead, Cursor, ErrorKind, Read};

use flate2::bufread::DeflateDecoder;
use memchr::memmem;
use zip::read::ZipFileEntry;
use zip::{CompressionMethod, ZipArchive};

use super::reader::{Counted, Guard, Peek};
use super::{MIB, Walk, inside};

const NO_FILES: &str = "is an archive with no files in it";

/// The most that the headers of one file in a tar archive may take, its long names included.
const TAR_HEADERS_MAX: u64 = 4 * MIB;

/// Fails when more is read than was allowed.
struct Metered<'m, R> {
    inner: R,
    allowed: &'m Cell<u64>,
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let Some(left) = self.allowed.get().checked_sub(1) else {
            return Err(io::Error::new(ErrorKind::InvalidData, "file headers are too long"));
        };
        let most = usize::try_from(left).unwrap_or(usize::MAX).saturating_add(1).min(out.len());
        let count = self.inner.read(&mut out[..most])?;
        self.allowed.set(self.allowed.get() - count as u64);
        Ok(count)
    }
}

impl Walk<'_> {
    /// Gives on the regular files of a tar archive.
    pub(super) fn tar(&mut self, name: &str, input: &mut Peek<'_>, depth: u8) -> io::Result<()> {
        let shared = self.shared;
        // The library reads long names whole into memory, so what it reads between files is metered.
        let allowed = Cell::new(TAR_HEADERS_MAX);
        let mut archive = tar::Archive::new(Metered { inner: input, allowed: &allowed });
        let mut files = 0;
        let mut entries = archive.entries()?;
        while !shared.full.get() {
            let mut entry = match entries.next() {
                None => break,
                Some(Ok(entry)) => entry,
                Some(Err(error)) if shared.failed() => return Err(error),
                Some(Err(error)) => {
                    let detail = super::shown(&error.to_string());
                    shared.problem(
                        name,
                        format!("the tar archive is cut off or damaged ({detail}); what is there was read"),
                    );
                    return Ok(());
                }
            };
            allowed.set(u64::MAX);
            let path = entry.path_bytes();
            let is_file = !path.ends_with(b"/");
            let label = inside(name, &String::from_utf8_lossy(&path));
            let kind = entry.header().entry_type();
            let mut unread = 0;
            if kind.is_gnu_sparse() {
                // Its holes are made up here: they count as decompressed.
                files += 1;
                unread = entry.header().entry_size().unwrap_or(0);
                let taken = Cell::new(unread);
                let mut guard = Guard::new(&mut entry, shared, &label, "the sparse file", &taken);
                self.stream(&label, &mut guard, depth + 1)?;
            } else {
                if (kind.is_file() || kind.is_contiguous()) && is_file {
                    files += 1;
                    self.stream(&label, &mut entry, depth + 1)?;
                }
                io::copy(&mut entry, &mut io::sink())?;
            }
            allowed.set(TAR_HEADERS_MAX.saturating_add(unread));
        }
        if files == 0 { self.leave_out(name, NO_FILES) } else { Ok(()) }
    }

    /// Gives on the files of a zip archive. Its directory is at its end, so it is held in memory.
    pub(super) fn zip(&mut self, name: &str, input: &mut Peek<'_>, depth: u8) -> io::Result<()> {
        let mut bytes = Vec::new();
        input.by_ref().take(self.limits.buffered).read_to_end(&mut bytes)?;
        if !input.fill_buf()?.is_empty() {
            let most = self.limits.buffered;
            self.shared
                .problem(name, format!("is a zip archive of more than {most} bytes; only its first part was read"));
            return self.zip_without_directory(name, &bytes, depth);
        }
        let Some(mut archive) = zip_directory(&bytes, self.limits.members) else {
            self.shared.problem(name, "the zip archive is cut off or damaged; what is there was read");
            return self.zip_without_directory(name, &bytes, depth);
        };
        let jobs = jobs(archive.file_names_raw().map(entry_name));
        let mut files = 0;
        for index in 0..archive.len() {
            if self.shared.full.get() {
                break;
            }
            let Ok(entry) = archive.by_index_data(index) else { continue };
            let raw = entry_name(entry.name_raw());
            if !entry.is_file() || repeats_job(&raw, &jobs) {
                continue;
            }
            files += 1;
            let label = inside(name, &raw);
            if entry.encrypted() {
                self.leave_out(&label, "is encrypted")?;
                continue;
            }
            if let Some(data) = self_describing(&bytes, &entry) {
                self.stream(&label, &mut &*data, depth + 1)?;
                continue;
            }
            if !matches!(entry.compression(), CompressionMethod::Stored | CompressionMethod::Deflated) {
                self.leave_out(
                    &label,
                    format!("is compressed with {} of zip, which is not supported", entry.compression()),
                )?;
                continue;
            }
            let taken = Cell::new(entry.compressed_size().min(bytes.len() as u64));
            match archive.by_index(index) {
                Ok(file) => {
                    let mut guard = Guard::new(file, self.shared, &label, "the file in the zip archive", &taken);
                    self.stream(&label, &mut guard, depth + 1)?;
                }
                Err(error) => {
                    let detail = super::shown(&error.to_string());
                    self.leave_out(&label, format!("cannot be read from the zip archive ({detail})"))?;
                }
            }
        }
        if files == 0 { self.leave_out(name, NO_FILES) } else { Ok(()) }
    }

    /// Reads a zip archive from its start, for want of the directory at its end.
    fn zip_without_directory(&mut self, name: &str, bytes: &[u8], depth: u8) -> io::Result<()> {
        let finder = memmem::Finder::new(LOCAL);
        let headers = finder.find_iter(bytes).take(self.limits.members);
        let jobs = jobs(headers.filter_map(|at| LocalHeader::read(bytes, at).map(|header| entry_name(header.name))));
        let mut at = 0;
        while let Some(offset) = finder.find(&bytes[at..]) {
            let Some(header) = LocalHeader::read(bytes, at + offset) else { break };
            at = header.data;
            let raw = entry_name(header.name);
            if self.shared.full.get() {
                break;
            }
            let skipped = raw.ends_with('/') || repeats_job(&raw, &jobs);
            let label = inside(name, &raw);
            let rest = &bytes[header.data..];
            let packed = header.packed.map(|size| usize::try_from(size).unwrap_or(usize::MAX));
            let ends = packed.unwrap_or_else(|| {
                let next = finder.find(rest).unwrap_or(rest.len());
                memmem::find(&rest[..next], DESCRIPTOR).unwrap_or(next)
            });
            if skipped || header.encrypted {
                if header.encrypted {
                    self.leave_out(&label, "is encrypted")?;
                }
                at += ends.min(rest.len());
            } else if header.method == DEFLATED {
                // Deflated data says itself where it ends.
                let taken = Cell::new(0);
                let decoder = DeflateDecoder::new(Counted::new(rest, &taken));
                let mut guard = Guard::new(decoder, self.shared, &label, "the file in the zip archive", &taken);
                self.stream(&label, &mut guard, depth + 1)?;
                guard.drain()?;
                at += usize::try_from(taken.get()).unwrap_or(usize::MAX).min(rest.len());
            } else if matches!(header.method, STORED | ZSTD | XZ) {
                let data = &rest[..ends.min(rest.len())];
                self.stream(&label, &mut &*data, depth + 1)?;
                at += data.len();
            } else {
                self.leave_out(
                    &label,
                    format!("is compressed with method {} of zip, which is not supported", header.method),
                )?;
                at += ends.min(rest.len());
            }
        }
        Ok(())
    }
}

const LOCAL: &[u8] = b"PK\x03\x04";
const CENTRAL: &[u8] = b"PK\x01\x02";
const DESCRIPTOR: &[u8] = b"PK\x07\x08";
const STORED: u16 = 0;
const DEFLATED: u16 = 8;
const ZSTD: u16 = 93;
const XZ: u16 = 95;

/// What stands before each file in a zip archive.
struct LocalHeader<'z> {
    method: u16,
    encrypted: bool,
    /// Size of the data; none where it was not known when the header was written.
    packed: Option<u64>,
    name: &'z [u8],
    /// Where the data begins.
    data: usize,
}

impl<'z> LocalHeader<'z> {
    fn read(bytes: &'z [u8], at: usize) -> Option<Self> {
        let header = bytes.get(at..at.checked_add(30)?)?;
        if !header.starts_with(LOCAL) {
            return None;
        }
        let short = |i: usize| u16::from_le_bytes([header[i], header[i + 1]]);
        let size = u32::from_le_bytes([header[18], header[19], header[20], header[21]]);
        let flags = short(6);
        let name = bytes.get(at + 30..at + 30 + usize::from(short(26)))?;
        let data = at + 30 + name.len() + usize::from(short(28));
        Some(Self {
            method: short(8),
            encrypted: flags & 1 != 0,
            packed: (flags & 8 == 0 && size != u32::MAX).then_some(u64::from(size)),
            name,
            data: bytes.get(..data)?.len(),
        })
    }
}

/// The archive with its directory; none where there is no directory, or one so long that holding
/// it would take much more memory than the archive itself.
fn zip_directory(bytes: &[u8], most: usize) -> Option<ZipArchive<Cursor<&[u8]>>> {
    if memmem::find_iter(bytes, CENTRAL).nth(most.max(usize::from(u16::MAX))).is_some() {
        return None;
    }
    ZipArchive::new(Cursor::new(bytes)).ok()
}

/// The data of a file that is compressed with a method whose data has its own magic bytes: the
/// walk decodes it.
fn self_describing<'z>(bytes: &'z [u8], entry: &ZipFileEntry<'_>) -> Option<&'z [u8]> {
    let header = LocalHeader::read(bytes, usize::try_from(entry.header_start()).ok()?)?;
    let size = usize::try_from(entry.compressed_size()).ok()?;
    matches!(header.method, ZSTD | XZ).then_some(())?;
    bytes.get(header.data..header.data.checked_add(size)?)
}

fn entry_name(raw: &[u8]) -> String {
    String::from_utf8_lossy(raw).into_owned()
}

/// The jobs that have a log of their own at the top of a GitHub log archive (`3_build (gcc).txt`).
fn jobs(names: impl Iterator<Item = String>) -> HashSet<String> {
    names.filter(|name| !name.contains('/')).filter_map(|name| numbered(&name).map(job_key)).collect()
}

/// True for the log of one step (`build (gcc)/2_Compile.txt`) where the whole job's log, which
/// repeats it, is there too.
fn repeats_job(name: &str, jobs: &HashSet<String>) -> bool {
    name.split_once('/')
        .is_some_and(|(job, step)| (step == "system.txt" || numbered(step).is_some()) && jobs.contains(&job_key(job)))
}

/// `name` of `12_name.txt`.
fn numbered(file: &str) -> Option<&str> {
    let (number, name) = file.strip_suffix(".txt")?.split_once('_')?;
    (!number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())).then_some(name)
}

/// What the two forms of a job's name have in common: marks are replaced in one of them, and long
/// names are cut.
fn job_key(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn step_logs_repeat_job_logs() {
        let jobs =
            jobs(["0_build (gcc _ x86).txt", "notes.txt", "lint/1_Set up job.txt"].map(str::to_owned).into_iter());
        assert!(repeats_job("build (gcc _ x86)/2_Compile.txt", &jobs));
        assert!(repeats_job("build (gcc _ x86)/system.txt", &jobs));
        assert!(!repeats_job("build (gcc _ x86)/config.log", &jobs));
        assert!(!repeats_job("lint/1_Set up job.txt", &jobs));
        assert!(!repeats_job("0_build (gcc _ x86).txt", &jobs));
    }

    #[test]
    fn metered_reading_stops() {
        let allowed = Cell::new(10);
        let mut metered = Metered { inner: io::repeat(1), allowed: &allowed };
        let mut out = Vec::new();
        assert!(metered.read_to_end(&mut out).is_err());
        assert_eq!(out.len(), 10);
    }

    #[test]
    fn a_local_header_is_checked() {
        assert!(LocalHeader::read(b"PK\x03\x04", 0).is_none());
        let mut header = b"PK\x03\x04".to_vec();
        header.resize(30, 0);
        assert_eq!(LocalHeader::read(&header, 0).map(|h| h.data), Some(30));
        header[26] = 9;
        assert!(LocalHeader::read(&header, 0).is_none(), "the name is not there");
        assert!(LocalHeader::read(&header, usize::MAX).is_none());
    }
}
