//! When a forge says that it is enough.
//!
//! GitHub answers 403 or 429 to both of its limits. The primary one comes with `x-ratelimit-remaining: 0` and ends at
//! `x-ratelimit-reset`; of the secondary ones some come with `retry-after`, and without it a client waits for at least one
//! minute, then exponentially longer
//! (<https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit>).
//! GitLab answers 429 with `Retry-After` and `RateLimit-Reset`
//! (<https://docs.gitlab.com/administration/settings/user_and_ip_rate_limits/>).

use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode};

/// What to wait when a forge does not say: at first, and at most.
const UNSAID: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(3600));
/// Added to what a forge says, since its clock and ours differ.
const MARGIN: Duration = Duration::from_secs(1);
/// No limit lasts longer; what says so is a fault.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// When the limit ends that refused a request, if one did. `times` counts the refusals in a row before this one.
pub(super) fn refused(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    now: SystemTime,
    times: u32,
) -> Option<SystemTime> {
    if !matches!(status.as_u16(), 403 | 429) {
        return None;
    }
    if let Some(wait) = retry_after(headers, now) {
        return Some(now + wait.min(LONGEST) + MARGIN);
    }
    let used_up = number(headers, &["x-ratelimit-remaining", "ratelimit-remaining"]) == Some(0);
    let reset = number(headers, &["x-ratelimit-reset", "ratelimit-reset"]);
    if let (true, Some(reset)) = (used_up, reset) {
        let reset = SystemTime::UNIX_EPOCH + Duration::from_secs(reset);
        return Some(reset.clamp(now, now + LONGEST) + MARGIN);
    }
    let limited = status == StatusCode::TOO_MANY_REQUESTS || used_up || speaks_of_limit(body);
    limited.then(|| now + UNSAID.0.saturating_mul(1 << times.min(10)).min(UNSAID.1))
}

/// What `retry-after` asks for, in seconds or as a date (RFC 9110, section 10.2.3).
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

/// Whether a 403 is about a secondary limit: only its words tell it from a lack of rights, when no header does.
fn speaks_of_limit(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(&body[..body.len().min(4096)]).to_ascii_lowercase();
    ["secondary rate limit", "rate limit exceeded", "abuse detection"].iter().any(|words| text.contains(words))
}

fn number(headers: &HeaderMap, names: &[&str]) -> Option<u64> {
    names.iter().find_map(|name| headers.get(*name)?.to_str().ok()?.trim().parse().ok())
}
