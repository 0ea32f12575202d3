//! The figures of a run, and their table.

use std::fmt::{self, Display, Formatter};

use serde::Serialize;

use crate::measure::Sample;
use crate::synthetic::Kind;

/// Processor time of triage, in multiples of the search's, at most: on a quiet log.
pub const RATIO_MAX: f64 = 3.0;
/// Million bytes that a core reads in a second, at least: on a dense log.
pub const SPEED_MIN: f64 = 400.0;
/// Resident memory in million bytes, less than: on any log.
pub const PEAK_END: f64 = 64.0;
/// Milliseconds from start to answer on a small log, less than.
pub const STARTUP_END: f64 = 10.0;

/// The least, the middle and the most of some numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// The least.
    pub min: f64,
    /// The middle.
    pub median: f64,
    /// The most.
    pub max: f64,
}

impl Spread {
    /// Of some numbers; zeros when there are none.
    #[must_use]
    pub fn of(numbers: impl IntoIterator<Item = f64>) -> Self {
        let mut numbers: Vec<f64> = numbers.into_iter().collect();
        numbers.sort_by(f64::total_cmp);
        let at = |index: usize| numbers.get(index).copied().unwrap_or(0.0);
        let (last, half) = (numbers.len().saturating_sub(1), numbers.len() / 2);
        let median =
            if numbers.len() % 2 == 1 { at(half) } else { f64::midpoint(at(half.saturating_sub(1)), at(half)) };
        Self { min: at(0), median, max: at(last) }
    }
}

impl Display for Spread {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(2);
        write!(f, "{:.digits$} / {:.digits$} / {:.digits$}", self.min, self.median, self.max)
    }
}

/// How the log comes to the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// By its name.
    File,
    /// Through standard input.
    Pipe,
}

/// What one program needed for a log, over all rounds.
#[derive(Debug, Clone, Serialize)]
pub struct Cost {
    /// Seconds of processor time, user and system.
    pub cpu: Spread,
    /// Seconds from start to end.
    pub wall: Spread,
    /// Million bytes of log in a second of processor time.
    pub speed: Spread,
    /// The most resident memory of all rounds, in million bytes.
    pub peak: f64,
}

impl Cost {
    fn of(bytes: u64, samples: &[Sample]) -> Self {
        let cpu = || samples.iter().map(|sample| sample.cpu.as_secs_f64());
        Self {
            cpu: Spread::of(cpu()),
            wall: Spread::of(samples.iter().map(|sample| sample.wall.as_secs_f64())),
            speed: Spread::of(cpu().map(|seconds| bytes as f64 / 1e6 / seconds.max(1e-6))),
            peak: samples.iter().map(|sample| sample.peak).max().unwrap_or(0) as f64 / 1e6,
        }
    }
}

/// One log, read in one way.
#[derive(Debug, Clone, Serialize)]
pub struct Reading {
    /// The log's kind.
    pub kind: Kind,
    /// How it was read.
    pub way: Way,
    /// Bytes of the log.
    pub bytes: u64,
    /// Lines that the search counts.
    pub matches: u64,
    /// What triage needed.
    pub triage: Cost,
    /// What the search needed.
    pub search: Cost,
    /// Processor time of triage in multiples of the search's of the same round.
    pub ratio: Spread,
}

impl Reading {
    /// Of the samples of both programs, one of each a round.
    #[must_use]
    pub fn of(kind: Kind, way: Way, bytes: u64, triage: &[Sample], search: &[Sample]) -> Self {
        let ratios = triage.iter().zip(search).map(|(t, s)| t.cpu.as_secs_f64() / s.cpu.as_secs_f64().max(1e-6));
        Self {
            kind,
            way,
            bytes,
            matches: search.first().and_then(|sample| sample.output.trim().parse().ok()).unwrap_or(0),
            triage: Cost::of(bytes, triage),
            search: Cost::of(bytes, search),
            ratio: Spread::of(ratios),
        }
    }
}

/// The time until a small log is answered.
#[derive(Debug, Clone, Serialize)]
pub struct Startup {
    /// Bytes of the log.
    pub bytes: u64,
    /// How often it was run.
    pub runs: usize,
    /// Milliseconds from before the start to after the end.
    pub wall: Spread,
    /// Milliseconds of processor time.
    pub cpu: Spread,
}

/// All figures of a run.
#[derive(Debug, Clone, Serialize)]
pub struct Figures {
    /// What triage says it is.
    pub triage: String,
    /// What the search says it is.
    pub search: String,
    /// Rounds.
    pub rounds: usize,
    /// All readings.
    pub readings: Vec<Reading>,
    /// The small log.
    pub startup: Startup,
}

impl Figures {
    /// The figures that miss what is asked of them, each with what it is.
    #[must_use]
    pub fn missed(&self) -> Vec<String> {
        let mut missed = Vec::new();
        for reading in &self.readings {
            let name = format!("{} from a {}", reading.kind.name(), way_name(reading.way));
            if reading.kind == Kind::Quiet && reading.ratio.median > RATIO_MAX {
                missed.push(format!("{name}: {:.2} times the search, not at most {RATIO_MAX}", reading.ratio.median));
            }
            if reading.kind == Kind::Dense && reading.triage.speed.median < SPEED_MIN {
                missed.push(format!("{name}: {:.0} MB/s, not at least {SPEED_MIN}", reading.triage.speed.median));
            }
            if reading.triage.peak >= PEAK_END {
                missed.push(format!("{name}: {:.1} MB of memory, not less than {PEAK_END}", reading.triage.peak));
            }
        }
        if self.startup.wall.median >= STARTUP_END {
            missed.push(format!("start-up: {:.1} ms, not less than {STARTUP_END}", self.startup.wall.median));
        }
        missed
    }
}

fn way_name(way: Way) -> &'static str {
    match way {
        Way::File => "file",
        Way::Pipe => "pipe",
    }
}

impl Display for Figures {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} beside {}, {} rounds; min / median / max\n", self.triage, self.search, self.rounds)?;
        writeln!(
            f,
            "{:12}{:6}{:22}{:22}{:22}{:24}{:>9}{:>9}{:>10}",
            "log", "from", "triage CPU s", "rg CPU s", "ratio", "triage MB/s a core", "peak MB", "rg peak", "rg lines",
        )?;
        for reading in &self.readings {
            writeln!(
                f,
                "{:12}{:6}{:22}{:22}{:22}{:24}{:>9.1}{:>9.1}{:>10}",
                reading.kind.name(),
                way_name(reading.way),
                format!("{:.2}", reading.triage.cpu),
                format!("{:.2}", reading.search.cpu),
                format!("{:.2}", reading.ratio),
                format!("{:.0}", reading.triage.speed),
                reading.triage.peak,
                reading.search.peak,
                reading.matches,
            )?;
        }
        let startup = &self.startup;
        writeln!(
            f,
            "\nstart-up, {} bytes, {} runs: {:.1} ms wall, {:.1} ms CPU",
            startup.bytes, startup.runs, startup.wall, startup.cpu
        )
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn sample(cpu: u64, peak: u64) -> Sample {
        let cpu = Duration::from_millis(cpu);
        Sample { wall: cpu, cpu, peak, status: Some(0), output: "7\n".to_owned(), complaints: String::new() }
    }

    #[test]
    fn spread() {
        assert_eq!(Spread::of([3.0, 1.0, 2.0]), Spread { min: 1.0, median: 2.0, max: 3.0 });
        assert_eq!(Spread::of([4.0, 1.0]), Spread { min: 1.0, median: 2.5, max: 4.0 });
        assert_eq!(Spread::of([]), Spread { min: 0.0, median: 0.0, max: 0.0 });
    }

    #[test]
    fn what_is_missed_is_named() {
        let startup = Startup { bytes: 9, runs: 1, wall: Spread::of([2.0]), cpu: Spread::of([1.0]) };
        let reading =
            |kind, cpu, peak| Reading::of(kind, Way::File, 1_000_000_000, &[sample(cpu, peak)], &[sample(100, 1)]);
        let mut figures = Figures {
            triage: "triage".to_owned(),
            search: "rg".to_owned(),
            rounds: 1,
            readings: vec![reading(Kind::Quiet, 250, 9_000_000), reading(Kind::Dense, 2400, 9_000_000)],
            startup,
        };
        assert_eq!(figures.missed(), Vec::<String>::new());
        assert_eq!(figures.readings[0].matches, 7);
        figures.readings = vec![reading(Kind::Quiet, 310, 9_000_000), reading(Kind::Dense, 2600, 70_000_000)];
        figures.startup.wall.median = 12.0;
        assert_eq!(figures.missed().len(), 4, "{:?}", figures.missed());
    }
}
