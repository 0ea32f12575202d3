//! Dates and times as logs write them, read from the start of a text. Nothing here decides
//! whether a time is a frame; see the callers.

/// A date with a time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    /// Offset just past it, time zone included.
    pub end: usize,
    /// The fraction of the second stands after a comma, as Python's `logging` writes it.
    pub comma: bool,
}

/// Offset just past the decimal digits at `at`, at most `most` of them.
pub(super) fn digits(text: &[u8], at: usize, most: usize) -> usize {
    let run = text.get(at..).unwrap_or_default().iter().take(most);
    at + run.take_while(|byte| byte.is_ascii_digit()).count()
}

/// The text after one blank (or at the end); none when something else follows at `at`.
pub(super) fn after_blank(text: &[u8], at: usize) -> Option<&[u8]> {
    match text.get(at) {
        None => Some(&[]),
        Some(b' ' | b'\t') => text.get(at + 1..),
        Some(_) => None,
    }
}

/// How many blanks a text begins with.
pub(super) fn blanks(text: &[u8]) -> usize {
    text.iter().take_while(|&&byte| byte == b' ').count()
}

/// `2026-08-20T10:11:12.123Z`, `2026-08-20 10:11:12,123`, `2026/08/20 10:11:12 +0200`, …
pub(super) fn date_time(text: &[u8]) -> Option<Moment> {
    if !matches!(text.get(..2), Some(b"19" | b"20")) || digits(text, 2, 2) != 4 {
        return None;
    }
    let dash = *text.get(4)?;
    if !matches!(dash, b'-' | b'/') || text.get(7) != Some(&dash) {
        return None;
    }
    let (month, day) = (two(text, 5)?, two(text, 8)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || !matches!(text.get(10), Some(b'T' | b' ' | b'_')) {
        return None;
    }
    let (end, comma) = time_of_day(text, 11)?;
    Some(Moment { end: zone(text, end), comma })
}

/// `10:11:12` or `10:11:12.345`; gives the offset just past it.
pub(super) fn clock(text: &[u8]) -> Option<usize> {
    time_of_day(text, 0).map(|(end, _)| end)
}

/// `Aug 20 10:11:12` and `Aug  2 10:11:12`, as syslog writes them; gives the offset just past it.
pub(super) fn month_day(text: &[u8]) -> Option<usize> {
    const MONTHS: &[u8] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
    let name = text.get(..3)?;
    if !MONTHS.chunks_exact(3).any(|month| month == name) || text.get(3) != Some(&b' ') {
        return None;
    }
    let from = 4 + blanks(text.get(4..6).unwrap_or_default()).min(1);
    let end = digits(text, from, 2);
    if end == from || text.get(end) != Some(&b' ') {
        return None;
    }
    time_of_day(text, end + 1).map(|(end, _)| end)
}

/// `Thu Aug 20 10:11:12 2026`, as `ctime` writes it; gives the offset just past it.
pub(super) fn ctime(text: &[u8]) -> Option<usize> {
    const DAYS: &[u8] = b"MonTueWedThuFriSatSun";
    let name = text.get(..3)?;
    if !DAYS.chunks_exact(3).any(|day| day == name) || text.get(3) != Some(&b' ') {
        return None;
    }
    let end = 4 + month_day(text.get(4..)?)?;
    let year = digits(text, end + 1, 5);
    (text.get(end) == Some(&b' ') && year == end + 5).then_some(year)
}

/// `12.345`: gives the offset just past it and the numbers of digits before and after the point.
pub(super) fn seconds(text: &[u8]) -> Option<(usize, usize, usize)> {
    let whole = digits(text, 0, 11);
    if whole == 0 || text.get(whole) != Some(&b'.') {
        return None;
    }
    let end = digits(text, whole + 1, 10);
    (end > whole + 1).then_some((end, whole, end - whole - 1))
}

fn two(text: &[u8], at: usize) -> Option<u8> {
    match *text.get(at..at + 2)? {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => Some((tens - b'0') * 10 + ones - b'0'),
        _ => None,
    }
}

/// Hours may pass 23: some logs count from the start of the job.
fn time_of_day(text: &[u8], at: usize) -> Option<(usize, bool)> {
    two(text, at)?;
    let (minute, second) = (two(text, at + 3)?, two(text, at + 6)?);
    if text[at + 2] != b':' || text[at + 5] != b':' || minute > 59 || second > 60 {
        return None;
    }
    let end = at + 8;
    let point = text.get(end).copied();
    if matches!(point, Some(b'.' | b',')) {
        let fraction = digits(text, end + 1, 9);
        if fraction > end + 1 {
            return Some((fraction, point == Some(b',')));
        }
    }
    Some((end, false))
}

/// Offset just past a time zone at `at`; `at` when there is none.
fn zone(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    if rest.first() == Some(&b'Z') {
        return at + 1;
    }
    if rest.starts_with(b" UTC") && after_blank(rest, 4).is_some() {
        return at + 4;
    }
    let sign = usize::from(rest.first() == Some(&b' '));
    if !matches!(rest.get(sign), Some(b'+' | b'-')) || two(rest, sign + 1).is_none() {
        return at;
    }
    let minutes = sign + 3 + usize::from(rest.get(sign + 3) == Some(&b':'));
    let end = if two(rest, minutes).is_some() { minutes + 2 } else { sign + 3 };
    // ` -12 …` after a blank is the text's own number unless it has four digits.
    if sign == 1 && (end != 6 || after_blank(rest, end).is_none()) {
        return at;
    }
    at + end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rest_of_date(text: &str) -> Option<&str> {
        date_time(text.as_bytes()).map(|moment| &text[moment.end..])
    }

    #[test]
    fn dates_with_times() {
        assert_eq!(rest_of_date("2026-08-20T10:11:12.1234567Z x"), Some(" x"));
        assert_eq!(rest_of_date("2026-08-20T10:11:12Z"), Some(""));
        assert_eq!(rest_of_date("2026-08-20 10:11:12,123 x"), Some(" x"));
        assert_eq!(rest_of_date("2026/08/20 10:11:12 x"), Some(" x"));
        assert_eq!(rest_of_date("2026-08-20T10:11:12+0200 x"), Some(" x"));
        assert_eq!(rest_of_date("2026-08-20T10:11:12.5+02:00 x"), Some(" x"));
        assert_eq!(rest_of_date("2026-08-20 10:11:12 +0200 x"), Some(" x"));
        assert_eq!(rest_of_date("2026-08-20 10:11:12 UTC x"), Some(" x"));
        assert_eq!(rest_of_date("2026-08-20 10:11:12 -3 x"), Some(" -3 x"));
        assert_eq!(rest_of_date("2026-08-20 10:11:12. x"), Some(". x"));
        for none in
            ["2026-13-20T10:11:12Z", "2026-08-20", "2026-08-20T10:61:12Z", "1226-08-20T10:11:12", "2026-08/20 10:11:12"]
        {
            assert_eq!(rest_of_date(none), None, "{none}");
        }
        assert!(date_time(b"2026-08-20 10:11:12,123").is_some_and(|moment| moment.comma));
        assert!(date_time(b"2026-08-20 10:11:12.123").is_some_and(|moment| !moment.comma));
    }

    #[test]
    fn times() {
        assert_eq!(clock(b"10:11:12 x"), Some(8));
        assert_eq!(clock(b"99:11:12.345 x"), Some(12));
        assert_eq!(clock(b"10:11 x"), None);
        assert_eq!(month_day(b"Aug 20 10:11:12 x"), Some(15));
        assert_eq!(month_day(b"Aug  2 10:11:12 x"), Some(15));
        assert_eq!(month_day(b"Aug 2 10:11:12 x"), Some(14));
        assert_eq!(month_day(b"Auf 20 10:11:12 x"), None);
        assert_eq!(month_day(b"Aug 2026"), None);
        assert_eq!(ctime(b"Thu Aug 20 10:11:12 2026]"), Some(24));
        assert_eq!(ctime(b"Thu Aug 20 10:11:12"), None);
        assert_eq!(seconds(b"12.345 x"), Some((6, 2, 3)));
        assert_eq!(seconds(b"12. x"), None);
        assert_eq!(seconds(b".5"), None);
    }

    #[test]
    fn every_prefix_is_harmless() {
        for text in ["2026-08-20 10:11:12.123 +02:00 ", "Thu Aug 20 10:11:12 2026]", "10:11:12.123 ", "123456.789 "] {
            for end in 0..=text.len() {
                let text = &text.as_bytes()[..end];
                let _ = (date_time(text), ctime(text), month_day(text), clock(text), seconds(text));
            }
        }
    }
}
