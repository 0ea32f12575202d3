//! Reads the logs once more for one thing: which of the files that a cause broke each build
//! compiled. Only builds that lack some cause are read, up to the last name that is looked for.

use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::Mutex;
use std::thread;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder};
use memchr::{memchr, memmem, memrchr};
use triage_causes::Report;
use triage_causes::matrix::attribution::{self, Met};
use triage_causes::matrix::reach::{COMMANDS, Seen, Wanted};
use triage_causes::report::Status;
use triage_log::container::{self, Limits};

use crate::inputs::Input;
use crate::progress::Progress;

/// Bytes that are searched at once.
const BLOCK: usize = 256 << 10;

/// Says of all causes which builds met them, and attributes them anew.
pub fn attribute(report: &mut Report, inputs: &[Input], progress: &Progress) {
    let wanted = Wanted::new(&report.causes);
    let failing: Vec<std::collections::HashSet<&str>> =
        report.causes.iter().map(|cause| cause.builds.iter().map(String::as_str).collect()).collect();
    let lacking: HashMap<&str, usize> = report
        .builds
        .iter()
        .enumerate()
        .filter(|(_, build)| {
            build.status != Status::Empty && failing.iter().any(|has| !has.contains(build.id.as_str()))
        })
        .map(|(number, build)| (build.id.as_str(), number))
        .collect();
    let mut seen: Vec<Option<Seen>> = vec![None; report.builds.len()];
    if !wanted.names.is_empty() && !lacking.is_empty() {
        for (log, what) in read(inputs, &wanted, &lacking, progress) {
            seen[log] = Some(what);
        }
    }
    let builds = &report.builds;
    let met: Vec<Vec<Met>> = failing
        .iter()
        .enumerate()
        .map(|(cause, has)| {
            let one = |(number, build): (usize, &triage_causes::report::Build)| match &seen[number] {
                _ if has.contains(build.id.as_str()) => Met::Failed,
                Some(seen) => seen.met(&wanted, cause, build.status),
                None => Seen::new(&wanted).met(&wanted, cause, build.status),
            };
            builds.iter().enumerate().map(one).collect()
        })
        .collect();
    let mut met = met.into_iter();
    attribution::attribute_all(&report.builds, &mut report.causes, |_, _| met.next().unwrap_or_default());
    attribution::attribute_all(&report.builds, &mut report.warnings, |_, cause| {
        attribution::by_status(&report.builds, cause)
    });
}

/// Reads the inputs by several threads; gives what was seen by number of the build.
fn read(inputs: &[Input], wanted: &Wanted, lacking: &HashMap<&str, usize>, progress: &Progress) -> Vec<(usize, Seen)> {
    let Ok(names) = AhoCorasickBuilder::new().build(&wanted.names) else { return Vec::new() };
    let queue = Mutex::new(inputs.iter());
    let found = Mutex::new(Vec::new());
    let threads = thread::available_parallelism().map_or(1, usize::from).min(inputs.len()).max(1);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut block = vec![0; BLOCK];
                loop {
                    let next = queue.lock().ok().and_then(|mut queue| queue.next());
                    let Some(input) = next.filter(|_| !progress.is_stopped()) else { return };
                    // Standard input is gone, and what cannot be read has been told.
                    let Some(Ok(mut reader)) = input.path.as_ref().map(|_| input.open()) else { continue };
                    let mut own = Vec::new();
                    let _ = container::open(&input.name, &mut reader, Limits::default(), &mut |member| {
                        if let Some(&number) = lacking.get(member.name.as_str()) {
                            own.push((number, search(member.reader, &names, wanted, &mut block)?));
                        }
                        Ok(())
                    });
                    if let Ok(mut found) = found.lock() {
                        found.append(&mut own);
                    }
                }
            });
        }
    });
    found.into_inner().unwrap_or_default()
}

/// Looks through one log.
fn search(reader: &mut dyn Read, names: &AhoCorasick, wanted: &Wanted, block: &mut [u8]) -> io::Result<Seen> {
    let mut seen = Seen::new(wanted);
    let mut commands = false;
    let mut kept = 0;
    loop {
        let got = match reader.read(&mut block[kept..]) {
            Ok(got) => got,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let filled = kept + got;
        if got > 0 && filled < block.len() / 2 {
            kept = filled;
            continue;
        }
        // The last line may go on; one that fills the block is cut.
        let whole = if got == 0 { filled } else { memrchr(b'\n', &block[..filled]).map_or(filled, |at| at + 1) };
        let text = &block[..whole];
        if !commands && COMMANDS.iter().any(|command| memmem::find(text, command.as_bytes()).is_some()) {
            commands = true;
            seen.commands();
        }
        for found in names.find_iter(text) {
            let start = memrchr(b'\n', &text[..found.start()]).map_or(0, |at| at + 1);
            let end = memchr(b'\n', &text[found.end()..]).map_or(text.len(), |at| found.end() + at);
            seen.line(wanted, found.pattern().as_usize(), &text[start..end], found.end() - start);
        }
        if got == 0 || seen.is_complete() {
            return Ok(seen);
        }
        block.copy_within(whole..filled, 0);
        kept = filled - whole;
    }
}
