//! How long something is good: `30m`, `12h`, `90d`, `never`.

use wharf_app::clock::{DAY, HOUR, MINUTE};

/// Microseconds; `None`: for ever.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lifetime(pub(crate) Option<i64>);

pub(crate) fn lifetime(text: &str) -> Result<Lifetime, String> {
    if text == "never" {
        return Ok(Lifetime(None));
    }
    let wrong = || format!("`{text}` is not a lifetime: write 30m, 12h, 90d or never");
    let unit = match text.chars().last() {
        Some('m') => MINUTE,
        Some('h') => HOUR,
        Some('d') => DAY,
        _ => return Err(wrong()),
    };
    let count: i64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    let micros = count.checked_mul(unit).filter(|micros| *micros > 0);
    Ok(Lifetime(Some(micros.ok_or_else(wrong)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes() {
        assert_eq!(lifetime("90d").expect("valid").0, Some(90 * DAY));
        assert_eq!(lifetime("30m").expect("valid").0, Some(30 * MINUTE));
        assert_eq!(lifetime("never").expect("valid").0, None);
        for bad in ["", "d", "90", "-1d", "0h", "1y", "99999999999999999d", "1é"] {
            assert!(lifetime(bad).is_err(), "{bad:?}");
        }
    }
}
