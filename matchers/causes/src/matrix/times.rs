//! Build times that stand in logs: what `hyperfine`, `perf stat` and `time` print, and pairs of them
//! to compare.
//!
//! People paste such lines into mails and scripts print them at the end of a log, between other
//! text, without blanks at the start of lines. So each line is taken by its own form: what follows a
//! head (`Benchmark 1:`, `Performance counter stats for`) belongs to it, and a number without a head
//! is what was said before once more.

use std::collections::BTreeMap;

use super::axes;
use super::data::{Meter, TimePair, Timing};

/// Texts of which every line has one that [`Reader::line`] has a use for.
pub const TRIGGERS: &[&str] =
    &["Time (", "elapsed", "real\t", "real ", "Benchmark ", "wall clock", "Performance counter"];

/// Measurements that are kept of one log.
const KEPT: usize = 1000;

/// A measurement, with what stands around it.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// The numbers.
    pub timing: Timing,
    /// Its number in its series, from 1.
    pub number: u32,
    /// A word in a line of its own before it: `GCC:`.
    pub heading: Option<String>,
}

/// Takes the lines of one log, without their frames.
#[derive(Debug, Default)]
pub struct Reader {
    log: String,
    heading: Option<String>,
    /// Name and number of the benchmark that is read.
    benchmark: Option<(u32, String)>,
    /// The command of `perf stat` and what was read of it.
    perf: Option<Perf>,
    /// Seconds of `real` or `elapsed`, `user`, `sys`.
    time: Option<Timing>,
    last_perf: u32,
    found: Vec<Measured>,
}

#[derive(Debug, Default)]
struct Perf {
    command: String,
    runs: Option<u32>,
    cpu: Option<f64>,
    elapsed: bool,
}

impl Reader {
    /// A reader of the log with the name.
    pub fn new(log: &str) -> Self {
        Self { log: log.to_owned(), ..Self::default() }
    }

    /// Takes a line.
    pub fn line(&mut self, line: &str) {
        let line = line.trim();
        if line.is_empty() || self.found.len() >= KEPT {
            return;
        }
        if let Some(rest) = line.strip_prefix("Benchmark ") {
            self.benchmark = benchmark(rest);
        } else if line.starts_with("Time (") {
            self.hyperfine(line);
        } else if let Some(rest) = find_after(line, "Performance counter stats for ") {
            self.perf = Some(perf_head(rest));
        } else if line.contains("seconds time elapsed") {
            self.perf_elapsed(line);
        } else if let Some(perf) = self.perf.as_mut().filter(|_| line.contains(" msec ")) {
            if line.contains("cpu-clock") || line.contains("task-clock") {
                perf.cpu = number(line).map(|milliseconds| milliseconds / 1000.0);
            }
        } else if let Some((seconds, which)) = perf_part(line) {
            self.perf_part(seconds, which);
        } else if let Some(timing) = gnu_time(line) {
            self.push(timing, 1);
        } else if let Some((word, seconds)) = shell_time(line) {
            self.shell(word, seconds);
        } else if let Some(word) = line.strip_suffix(':').filter(|word| is_heading(word)) {
            self.heading = Some(word.to_owned());
        }
    }

    /// All that was found.
    pub fn finish(self) -> Vec<Measured> {
        self.found
    }

    fn timing(&self, source: Meter, name: &str, elapsed: f64) -> Timing {
        Timing {
            source,
            name: name.to_owned(),
            build: self.log.clone(),
            elapsed,
            deviation: None,
            user: None,
            system: None,
            cpu: None,
            runs: None,
        }
    }

    fn push(&mut self, mut timing: Timing, number: u32) {
        self.log.clone_into(&mut timing.build);
        let heading = self.heading.clone();
        self.found.push(Measured { timing, number, heading });
    }

    /// `Time (mean ± σ): 97.159 s ± 0.246 s [User: 4828.383 s, System: 611.256 s]`; with one run
    /// `Time (abs ≡): 1.003 s [User: …]`.
    fn hyperfine(&mut self, line: &str) {
        let Some((number, name)) = self.benchmark.take() else { return };
        let Some((_, rest)) = line.split_once("):") else { return };
        let (times, parts) = rest.split_once('[').unwrap_or((rest, ""));
        let mut values = times.split(['±', '+']).filter_map(seconds);
        let Some(elapsed) = values.next() else { return };
        let mut timing = self.timing(Meter::Hyperfine, &name, elapsed);
        timing.deviation = values.next();
        timing.user = find_after(parts, "User:").and_then(seconds);
        timing.system = find_after(parts, "System:").and_then(seconds);
        self.push(timing, number);
    }

    /// `30.6258 +- 0.0337 seconds time elapsed ( +- 0.11% )`.
    fn perf_elapsed(&mut self, line: &str) {
        // Without the head before it, this repeats a number.
        let Some(perf) = self.perf.as_mut().filter(|perf| !perf.elapsed) else { return };
        let Some(elapsed) = number(line) else { return };
        perf.elapsed = true;
        let (name, runs, cpu) = (perf.command.clone(), perf.runs, perf.cpu);
        let mut timing = self.timing(Meter::PerfStat, &name, elapsed);
        timing.deviation = find_after(line, "+-").and_then(number);
        timing.runs = runs;
        timing.cpu = cpu;
        self.last_perf += 1;
        self.push(timing, self.last_perf);
    }

    fn perf_part(&mut self, seconds: f64, which: &str) {
        if self.perf.as_ref().is_none_or(|perf| !perf.elapsed) {
            return;
        }
        if let Some(last) = self.found.last_mut() {
            *(if which == "user" { &mut last.timing.user } else { &mut last.timing.system }) = Some(seconds);
        }
    }

    /// `real 1m2.3s`, `user …`, `sys …` in three lines.
    fn shell(&mut self, word: &str, seconds: f64) {
        match (word, &mut self.time) {
            ("real", _) => self.time = Some(self.timing(Meter::Time, "", seconds)),
            ("user", Some(timing)) => timing.user = Some(seconds),
            ("sys", Some(timing)) if timing.user.is_some() => {
                timing.system = Some(seconds);
                if let Some(timing) = self.time.take() {
                    self.push(timing, 1);
                }
            }
            _ => {}
        }
    }
}

/// `1: ARCH=arm64 defconfig (linux)`.
fn benchmark(text: &str) -> Option<(u32, String)> {
    let (number, name) = text.split_once(':').or_else(|| text.split_once(' '))?;
    Some((number.trim().trim_start_matches('#').parse().ok()?, name.trim().to_owned()))
}

/// `'make -j96 vmlinux' (3 runs):`.
fn perf_head(text: &str) -> Perf {
    let text = text.trim_end_matches(':');
    let (command, runs) = match text.rsplit_once(" (") {
        Some((command, runs)) if runs.ends_with("runs)") => {
            (command, runs.split(' ').next().and_then(|n| n.parse().ok()))
        }
        _ => (text, None),
    };
    Perf { command: command.trim_matches('\'').to_owned(), runs, ..Perf::default() }
}

/// `12.3 seconds user`.
fn perf_part(line: &str) -> Option<(f64, &str)> {
    let (value, which) = line.split_once(" seconds ")?;
    let which = which.split_whitespace().next().filter(|word| ["user", "sys"].contains(word))?;
    Some((value.trim().replace(',', "").parse().ok()?, which))
}

/// `1.23user 0.45system 0:01.70elapsed 99%CPU …`.
fn gnu_time(line: &str) -> Option<Timing> {
    let mut words = line.split_whitespace();
    let user = words.next()?.strip_suffix("user")?.parse().ok()?;
    let system = words.next()?.strip_suffix("system")?.parse().ok()?;
    let elapsed = clock(words.next()?.strip_suffix("elapsed")?)?;
    Some(Timing {
        source: Meter::Time,
        name: String::new(),
        build: String::new(),
        elapsed,
        deviation: None,
        user: Some(user),
        system: Some(system),
        cpu: None,
        runs: None,
    })
}

/// `real 1m2.345s` of a shell, `real 62.34` of `time -p`, and the lines of GNU time's `-v`.
fn shell_time(line: &str) -> Option<(&'static str, f64)> {
    const VERBOSE: &[(&str, &str)] = &[
        ("Elapsed (wall clock) time (h:mm:ss or m:ss):", "real"),
        ("User time (seconds):", "user"),
        ("System time (seconds):", "sys"),
    ];
    if let Some((head, word)) = VERBOSE.iter().find(|(head, _)| line.starts_with(head)) {
        let value = line[head.len()..].trim();
        return Some((word, clock(value)?));
    }
    let (word, value) = line.split_once(['\t', ' '])?;
    let word = ["real", "user", "sys"].into_iter().find(|known| *known == word)?;
    let value = value.trim();
    let seconds = match value.strip_suffix('s').and_then(|value| value.split_once('m')) {
        Some((minutes, seconds)) => {
            minutes.parse::<f64>().ok()? * 60.0 + seconds.replace(',', ".").parse::<f64>().ok()?
        }
        None => value.parse().ok()?,
    };
    Some((word, seconds))
}

/// `1:02:03`, `0:01.70`, `12.5`.
fn clock(text: &str) -> Option<f64> {
    text.split(':').try_fold(0.0, |sum, part| Some(sum * 60.0 + part.parse::<f64>().ok().filter(|n| n.is_finite())?))
}

fn find_after<'t>(text: &'t str, literal: &str) -> Option<&'t str> {
    text.find(literal).map(|at| &text[at + literal.len()..])
}

/// The number that a text begins with.
fn number(text: &str) -> Option<f64> {
    let word = text.split_whitespace().next()?;
    word.replace(',', "").parse().ok().filter(|value: &f64| value.is_finite())
}

/// `97.159 s`, `12.3 ms`, `2.1 min`, in seconds.
fn seconds(text: &str) -> Option<f64> {
    let text = text.trim().trim_start_matches('-').trim();
    let mut words = text.split_whitespace();
    let value: f64 = words.next()?.parse().ok()?;
    let unit = words.next().unwrap_or("s").trim_end_matches([',', ']']);
    let factor = match unit {
        "s" => 1.0,
        "ms" => 1e-3,
        "µs" | "us" => 1e-6,
        "min" | "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    Some(value * factor)
}

fn is_heading(word: &str) -> bool {
    word.len() < 40 && axes::compiler(word).is_some() && !word.contains(' ')
}

/// Pairs within one log: measurements of a series, each with the first. `of_log` is what is known of
/// the whole build.
pub fn pairs(measured: &[Measured], of_log: &axes::Axes) -> Vec<TimePair> {
    let mut pairs = Vec::new();
    // A mail that compares several builds is of none of them.
    let named: Vec<axes::Axes> = measured.iter().map(of_measured).filter(|known| !known.is_empty()).collect();
    let several = named.iter().any(|known| *known != named[0]);
    for (at, new) in measured.iter().enumerate() {
        let series = measured[..at].iter().rev().take_while(|other| other.timing.source == new.timing.source);
        let base = match new.timing.source {
            // The next benchmark of a call has the next number.
            Meter::Hyperfine if new.number > 1 => series.clone().find(|other| other.number == 1),
            Meter::PerfStat if new.number % 2 == 0 => {
                series.clone().next().filter(|o| o.timing.name == new.timing.name)
            }
            _ => None,
        };
        if let Some(base) = base {
            let mut axes = of_measured(new);
            let other = of_measured(base);
            axes.retain(|name, value| other.get(name) == Some(value));
            if !several {
                axes::fill(&mut axes, of_log);
            }
            pairs.push(pair(axes, base.timing.clone(), new.timing.clone()));
        }
    }
    pairs
}

/// What the name of a measurement and the heading above tell.
fn of_measured(measured: &Measured) -> axes::Axes {
    let mut known = axes::from_name(&measured.timing.name);
    if let Some(heading) = &measured.heading {
        axes::add(&mut known, "toolchain", heading);
    }
    known
}

/// Two measurements, compared.
pub fn pair(axes: BTreeMap<String, String>, base: Timing, new: Timing) -> TimePair {
    let ratio = |a: f64, b: f64| if b > 0.0 { round(a / b) } else { 0.0 };
    let cpu_ratio = match (base.cpu_seconds(), new.cpu_seconds()) {
        (Some(a), Some(b)) if b > 0.0 => Some(ratio(a, b)),
        _ => None,
    };
    let noise = match (base.deviation, new.deviation) {
        (Some(a), Some(b)) => Some(a.hypot(b)),
        (Some(one), None) | (None, Some(one)) => Some(one),
        (None, None) => None,
    };
    TimePair {
        axes,
        elapsed_ratio: ratio(base.elapsed, new.elapsed),
        cpu_ratio,
        exceeds_noise: noise.map(|noise| (base.elapsed - new.elapsed).abs() > 2.0 * noise),
        base,
        new,
    }
}

/// Three digits, as people print ratios.
fn round(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(log: &str) -> Vec<Measured> {
        let mut reader = Reader::new("a.log");
        log.lines().for_each(|line| reader.line(line));
        reader.finish()
    }

    #[test]
    fn hyperfine_pairs() {
        let log = "GCC:\n\nBenchmark 1: ARCH=arm64 defconfig (old)\n  Time (mean ± σ):     20.000 s ±  0.100 s    [User: 80.0 s, System: 20.0 s]
  Range (min … max):   19.9 s … 20.1 s    10 runs
Benchmark 2: ARCH=arm64 defconfig (new)\n  Time (mean ± σ):     10.000 s ±  0.100 s    [User: 60.0 s, System: 20.0 s]";
        let pairs = pairs(&read(log), &axes::Axes::new());
        assert_eq!(pairs.len(), 1);
        let pair = &pairs[0];
        assert_eq!((pair.elapsed_ratio, pair.cpu_ratio, pair.exceeds_noise), (2.0, Some(1.25), Some(true)));
        let axes: Vec<String> = pair.axes.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(axes, ["arch=arm64", "config=defconfig", "toolchain=gcc"]);
        assert_eq!(pair.base.name, "ARCH=arm64 defconfig (old)");
    }

    #[test]
    fn units_and_single_runs() {
        let found =
            read("Benchmark 1: true\n  Time (abs ≡):        12.5 ms               [User: 1.0 ms, System: 500.0 µs]");
        let timing = &found[0].timing;
        assert!((timing.elapsed - 0.0125).abs() < 1e-9 && timing.deviation.is_none(), "{timing:?}");
        assert!((timing.system.unwrap() - 0.0005).abs() < 1e-9);
    }

    #[test]
    fn perf_stat() {
        let log = "Performance counter stats for 'make -j8' (3 runs):\n1,404,614.64 msec cpu-clock # 45.8 CPUs utilized
30.6258 +- 0.0337 seconds time elapsed ( +- 0.11% )\nPerformance counter stats for 'make -j8' (3 runs):
20.5 +- 0.02 seconds time elapsed ( +- 0.11% )\nand again:\n30.6258 +- 0.0337 seconds time elapsed";
        let found = read(log);
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!((found[0].timing.deviation, found[0].timing.runs), (Some(0.0337), Some(3)));
        assert_eq!(found[0].timing.cpu, Some(1404.61464));
        assert_eq!(pairs(&found, &axes::Axes::new())[0].elapsed_ratio, 1.494);
        let one = read(
            " Performance counter stats for 'make':\n  2.5 seconds time elapsed\n 8.0 seconds user\n 1.0 seconds sys",
        );
        assert_eq!(one[0].timing.cpu_seconds(), Some(9.0));
    }

    #[test]
    fn three_forms_of_time() {
        for log in [
            "real\t1m2.500s\nuser\t2m0.000s\nsys\t0m10.000s",
            "real 62.50\nuser 120.00\nsys 10.00",
            "120.00user 10.00system 1:02.50elapsed 208%CPU (0avgtext+0avgdata 1maxresident)k",
        ] {
            let found = read(log);
            assert_eq!(found.len(), 1, "{log}");
            assert_eq!((found[0].timing.elapsed, found[0].timing.cpu_seconds()), (62.5, Some(130.0)), "{log}");
        }
        assert_eq!(read("real estate\nuser error: 12\nsys admin").len(), 0);
    }

    #[test]
    fn noise() {
        let timing =
            |elapsed, deviation| Timing { elapsed, deviation, ..read("real 1\nuser 1\nsys 1")[0].timing.clone() };
        let noisy = pair(BTreeMap::new(), timing(10.0, Some(0.5)), timing(10.5, Some(0.5)));
        assert_eq!(noisy.exceeds_noise, Some(false));
        assert_eq!(pair(BTreeMap::new(), timing(10.0, None), timing(5.0, None)).exceeds_noise, None);
    }
}
