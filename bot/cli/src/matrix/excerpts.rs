//! The lines of a log around its first errors, for pages that show them.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use triage_log::diagnostic::LogSpan;
use triage_report::Excerpt;

use crate::inputs::Input;

/// Bytes of an excerpt.
const SIZE: usize = 1200;
/// Bytes of a compressed log's first bytes that tell it.
const MAGICS: &[&[u8]] =
    &[b"\x1f\x8b", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"PK", b"LZIP", b"\x5d\0\0", b"\xff\xfe", b"\xfe\xff"];

/// The excerpts of all logs with errors. Of a log that is not a plain file the messages are shown.
pub fn all(inputs: &[Input], errors: &HashMap<String, Vec<(LogSpan, String)>>) -> Vec<Excerpt> {
    let paths: HashMap<&str, &Input> = inputs.iter().map(|input| (input.name.as_str(), input)).collect();
    let mut logs: Vec<&String> = errors.keys().collect();
    logs.sort();
    logs.into_iter()
        .filter_map(|log| {
            let (span, _) = errors[log].first()?;
            let read = paths.get(log.as_str()).and_then(|input| lines(input, span));
            let said = || errors[log].iter().map(|(_, message)| message.as_str()).collect::<Vec<_>>().join("\n");
            Some(Excerpt { build: log.clone(), line: span.line, text: read.unwrap_or_else(said) })
        })
        .collect()
}

/// The lines of the message and some after it.
fn lines(input: &Input, span: &LogSpan) -> Option<String> {
    let mut file = File::open(input.path.as_ref()?).ok()?;
    let mut head = [0; 6];
    let got = file.read(&mut head).ok()?;
    if MAGICS.iter().any(|magic| head[..got].starts_with(magic)) {
        return None;
    }
    file.seek(SeekFrom::Start(span.start)).ok()?;
    let mut bytes = Vec::new();
    file.take(SIZE as u64).read_to_end(&mut bytes).ok()?;
    // A mail or an archive has other offsets: the place must begin a line of text.
    let full = bytes.len() == SIZE;
    if full && let Some(last) = bytes.iter().rposition(|&b| b == b'\n') {
        bytes.truncate(last);
    }
    let text = String::from_utf8_lossy(&bytes).trim_end().to_owned();
    (!text.is_empty() && !bytes.contains(&0)).then_some(text)
}
