//! When to try again, and how long to wait first.
//!
//! Only what is safe to repeat is repeated: after a 429 anything (the server
//! says it did nothing), after a 5xx or a broken connection only requests
//! that do the same when sent twice. A server that asks for a long pause is
//! obeyed by giving up: the caller knows better what to do meanwhile.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, header::RETRY_AFTER};
use tokio::time::sleep;

use crate::error::{Error, ErrorKind, Result};

/// Most times one thing is attempted.
const MAX_ATTEMPTS: u32 = 4;
const FIRST_WAIT: Duration = Duration::from_millis(400);
/// Longest pause made without asking the caller.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Whether sending a request twice does the same as sending it once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    Safe,
    /// Only after the server said that it did nothing.
    IfRefused,
    /// The body cannot be sent a second time.
    Never,
}

/// The attempts made at one thing.
#[derive(Debug)]
pub(crate) struct Retry {
    repeat: Repeat,
    failures: u32,
}

impl Retry {
    pub(crate) fn new(repeat: Repeat) -> Self {
        Self {
            repeat,
            failures: 0,
        }
    }

    /// Waits until the next attempt, or gives `error` back if there is none.
    pub(crate) async fn pause(&mut self, error: Error) -> Result<()> {
        self.failures += 1;
        if !self.allows(&error) {
            return Err(error);
        }
        let Some(wait) = wait(self.failures, error.retry_after(), jitter()) else {
            return Err(error);
        };
        tracing::debug!(%error, wait_ms = wait.as_millis(), attempt = self.failures, "trying again");
        sleep(wait).await;
        Ok(())
    }

    fn allows(&self, error: &Error) -> bool {
        let refused = error.kind() == ErrorKind::RateLimited;
        self.failures < MAX_ATTEMPTS
            && match self.repeat {
                Repeat::Safe => error.is_retryable(),
                Repeat::IfRefused => refused,
                Repeat::Never => false,
            }
    }
}

/// How long to wait after the `failures`th failure; `None` if that is too
/// long to wait here. `jitter` in 0..1 keeps many clients from returning together.
fn wait(failures: u32, asked: Option<Duration>, jitter: f64) -> Option<Duration> {
    let doubled = FIRST_WAIT.saturating_mul(1 << failures.saturating_sub(1).min(16));
    let own = doubled.mul_f64(0.5 + jitter / 2.0);
    let wait = own.max(asked.unwrap_or_default());
    (wait <= LONGEST_WAIT).then_some(wait)
}

/// A random number in 0..1; without randomness, 1: the longest wait.
fn jitter() -> f64 {
    getrandom::u32().map_or(1.0, |n| f64::from(n) / f64::from(u32::MAX))
}

/// The pause a server asks for (RFC 9110 §10.2.3): seconds, or a date.
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(parse_http_date(value)?);
    Some(at.duration_since(now).unwrap_or_default())
}

/// Seconds since 1970 of `Sun, 06 Nov 1994 08:49:37 GMT`, the one form of
/// date servers may send (RFC 9110 §5.6.7).
fn parse_http_date(s: &str) -> Option<u64> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let parts: Vec<&str> = s.split_once(", ")?.1.split(' ').collect();
    let [day, month, year, time, "GMT"] = parts[..] else {
        return None;
    };
    let month = MONTHS.iter().position(|&m| m == month)? as u64;
    let (day, year): (u64, u64) = (day.parse().ok()?, year.parse().ok()?);
    let clock: Vec<u64> = time
        .split(':')
        .map(str::parse)
        .collect::<Result<_, _>>()
        .ok()?;
    let [hour, minute, second] = clock[..] else {
        return None;
    };
    let plausible = (1970..10_000).contains(&year) && (1..=31).contains(&day);
    if !plausible || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let days = days_before_month(year, month) + day - 1;
    Some(days * 86_400 + hour * 3_600 + minute * 60 + second)
}

/// Days from 1970-01-01 to the first of `month` (0 = January) in `year`.
fn days_before_month(year: u64, month: u64) -> u64 {
    const LENGTHS: [u64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let leaps_before = |year: u64| (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400;
    let leap = year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    let earlier: u64 = LENGTHS.iter().zip(0..month).map(|(days, _)| days).sum();
    let years = (year - 1970) * 365 + leaps_before(year) - leaps_before(1970);
    years + earlier + u64::from(leap && month > 1)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn asked(value: &str, now: u64) -> Option<u64> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_str(value).expect("valid"));
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(now);
        retry_after(&headers, now).map(|wait| wait.as_secs())
    }

    #[test]
    fn retry_after_in_both_forms() {
        assert_eq!(asked("120", 0), Some(120));
        assert_eq!(asked("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_770), Some(7));
        assert_eq!(
            asked("Thu, 29 Feb 2024 00:00:00 GMT", 1_709_164_800),
            Some(0)
        );
        assert_eq!(
            asked("Fri, 01 Mar 2024 00:00:00 GMT", 1_709_164_800),
            Some(86_400)
        );
        assert_eq!(
            asked("Sun, 06 Nov 1994 08:49:37 GMT", 1_800_000_000),
            Some(0)
        );
        for bad in [
            "",
            "soon",
            "-1",
            "1.5",
            "Sun, 99 Nov 1994 08:49:37 GMT",
            "06 Nov 1994",
        ] {
            assert_eq!(asked(bad, 0), None, "{bad:?}");
        }
    }

    #[test]
    fn waits_grow_and_a_server_is_obeyed() {
        assert_eq!(wait(1, None, 1.0), Some(Duration::from_millis(400)));
        assert_eq!(wait(3, None, 1.0), Some(Duration::from_millis(1600)));
        assert_eq!(wait(1, None, 0.0), Some(Duration::from_millis(200)));
        let ten = Duration::from_secs(10);
        assert_eq!(wait(1, Some(ten), 0.5), Some(ten));
        assert_eq!(wait(1, Some(Duration::from_hours(1)), 0.5), None);
    }

    #[test]
    fn only_what_is_safe_is_repeated() {
        let down = Error::Unreachable {
            host: "a".into(),
            reason: "reset".into(),
        };
        assert!(Retry::new(Repeat::Safe).allows(&down));
        assert!(!Retry::new(Repeat::IfRefused).allows(&down));
        assert!(!Retry::new(Repeat::Never).allows(&down));
        assert!(!Retry::new(Repeat::Safe).allows(&Error::Invalid("x".into())));
    }

    proptest! {
        #[test]
        fn waits_are_bounded(failures in 0u32..100, asked in proptest::option::of(0u64..100), jitter in 0.0..1.0f64) {
            if let Some(wait) = wait(failures, asked.map(Duration::from_secs), jitter) {
                prop_assert!(wait <= LONGEST_WAIT);
                prop_assert!(wait >= Duration::from_secs(asked.unwrap_or(0)));
            }
        }

        #[test]
        fn dates_never_panic(s in "[A-Za-z]{3}, [0-9]{0,20} [A-Z][a-z]{2} [0-9]{0,20} [0-9:]{0,12} GMT|.{0,40}") {
            let _ = parse_http_date(&s);
        }
    }
}
