//! Small charts of the last weeks, as SVG that needs no script and no style of its own.

use maud::{Markup, html};
use triage_store::Day;

/// Days that are shown.
pub const DAYS: i64 = 30;
const WIDTH: i64 = 4;
const HEIGHT: u64 = 20;

/// A bar for each day: its height is `value` of the day beside the highest one. `what` says what is
/// counted, for those who do not see it.
pub fn bars(days: &[Day], today: i64, what: &str, value: impl Fn(&Day) -> u64) -> Markup {
    let first = today - DAYS + 1;
    let shown: Vec<(i64, u64)> = days
        .iter()
        .filter(|day| (first..=today).contains(&day.0))
        .map(|day| (day.0 - first, value(day)))
        .filter(|(_, count)| *count > 0)
        .collect();
    let highest = shown.iter().map(|(_, count)| *count).max().unwrap_or(0);
    let sum: u64 = shown.iter().map(|(_, count)| *count).sum();
    let label = match highest {
        0 => format!("{what}: none in {DAYS} days"),
        _ => format!("{what}: {sum} in {DAYS} days, at most {highest} on a day"),
    };
    html! {
        svg.spark role="img" aria-label=(label) width=(DAYS * WIDTH) height=(HEIGHT)
            viewBox={ "0 0 " (DAYS * WIDTH) " " (HEIGHT) } {
            line x1="0" y1=(HEIGHT) x2=(DAYS * WIDTH) y2=(HEIGHT) {}
            @for (position, count) in shown {
                @let tall = (count * (HEIGHT - 2)).div_ceil(highest).max(2);
                rect x=(position * WIDTH) y=(HEIGHT - tall) width=(WIDTH - 1) height=(tall) {}
            }
        }
    }
}
