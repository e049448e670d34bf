//! How long something is good: `30m`, `12h`, `90d`, `never`.

/// Seconds; `None`: for ever.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lifetime(pub(crate) Option<i64>);

pub(crate) fn lifetime(text: &str) -> Result<Lifetime, String> {
    if text == "never" {
        return Ok(Lifetime(None));
    }
    let wrong = || format!("`{text}` is not a lifetime: write 30m, 12h, 90d or never");
    let unit = match text.chars().last() {
        Some('m') => 60,
        Some('h') => 3600,
        Some('d') => 24 * 3600,
        _ => return Err(wrong()),
    };
    let count: i64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    let seconds = count.checked_mul(unit).filter(|seconds| *seconds > 0);
    Ok(Lifetime(Some(seconds.ok_or_else(wrong)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes() {
        assert_eq!(lifetime("90d").expect("valid").0, Some(90 * 86400));
        assert_eq!(lifetime("30m").expect("valid").0, Some(1800));
        assert_eq!(lifetime("never").expect("valid").0, None);
        for bad in [
            "",
            "d",
            "90",
            "-1d",
            "0h",
            "1y",
            "999999999999999999d",
            "1é",
        ] {
            assert!(lifetime(bad).is_err(), "{bad:?}");
        }
    }
}
