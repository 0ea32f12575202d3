//! Reads the logs once more for one thing: which of the files that a cause broke each build
//! compiled. Only builds that lack some cause are read, up to the last name that is looked for.

use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::Mutex;
use std::thread;

use memchr::{memchr, memrchr};
use triage_causes::Report;
use triage_causes::matrix::attribution::{self, Met};
use triage_causes::matrix::reach::{COMMANDS, Seen, Wanted};
use triage_causes::report::Status;
use triage_log::container::{self, Limits};

use super::literals::Literals;
use crate::inputs::Input;
use crate::progress::Progress;

/// Bytes that are searched at once.
const BLOCK: usize = 256 << 10;
/// Bytes of a file's name, with the dot, that are looked for without its folder.
const ANCHOR_MIN: usize = 4;

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
    let Some(names) = Names::new(wanted) else { return Vec::new() };
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
                    // What cannot be read has been told.
                    let Ok(mut reader) = input.open() else { continue };
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

/// What is searched: of `fs/tank.` its `tank.`, since folders are in every line.
struct Names<'w> {
    anchors: Literals,
    /// For each anchor the names that end in it, and what stands before it in them.
    of: Vec<Vec<(usize, &'w [u8])>>,
    commands: Literals,
}

impl<'w> Names<'w> {
    fn new(wanted: &'w Wanted) -> Option<Self> {
        let (mut anchors, mut places) = (Vec::new(), HashMap::new());
        let mut of: Vec<Vec<(usize, &[u8])>> = Vec::new();
        for (number, name) in wanted.names.iter().enumerate() {
            let at = name.rfind('/').map_or(0, |at| at + 1);
            // A short one would be everywhere.
            let at = if name.len() - at < ANCHOR_MIN { 0 } else { at };
            let (before, anchor) = name.split_at(at);
            let place = *places.entry(anchor).or_insert_with(|| {
                anchors.push(anchor);
                of.push(Vec::new());
                anchors.len() - 1
            });
            of[place].push((number, before.as_bytes()));
        }
        Some(Self { anchors: Literals::new(&anchors)?, of, commands: Literals::new(COMMANDS)? })
    }
}

/// Looks through one log.
fn search(reader: &mut dyn Read, names: &Names<'_>, wanted: &Wanted, block: &mut [u8]) -> io::Result<Seen> {
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
        if !commands && names.commands.find(text, 0).is_some() {
            commands = true;
            seen.commands();
        }
        let mut from = 0;
        while let Some((anchor, place)) = names.anchors.find(text, from) {
            from = place.end;
            for (name, before) in &names.of[anchor] {
                if text[..place.start].ends_with(before) {
                    let start = memrchr(b'\n', &text[..place.start]).map_or(0, |at| at + 1);
                    let end = memchr(b'\n', &text[place.end..]).map_or(text.len(), |at| place.end + at);
                    seen.line(wanted, *name, &text[start..end], place.end - start);
                }
            }
        }
        if got == 0 || seen.is_complete() {
            return Ok(seen);
        }
        block.copy_within(whole..filled, 0);
        kept = filled - whole;
    }
}
