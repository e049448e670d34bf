//! Sizes as people write and read them; programs get bytes.

use std::{fmt, str::FromStr};

/// A number of bytes, printed with a binary unit and one decimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub u64);

const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
const DECIMAL_UNITS: [&str; 5] = ["KB", "MB", "GB", "TB", "PB"];

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 1024 {
            return write!(f, "{} B", self.0);
        }
        let mut unit = 0;
        // In tenths, so that no fraction is lost to floating point.
        let mut tenths = u128::from(self.0) * 10 / 1024;
        while tenths >= 10_240 && unit + 1 < UNITS.len() {
            tenths /= 1024;
            unit += 1;
        }
        write!(f, "{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
    }
}

/// Why a text is no size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a number of bytes, or one with a unit: 500MB, 20GiB, 2TiB")]
pub struct SizeError;

impl FromStr for Size {
    type Err = SizeError;

    /// Whole numbers, with a binary unit (`GiB`), a decimal one (`GB`) or none.
    fn from_str(s: &str) -> Result<Self, SizeError> {
        let end = s.find(|c: char| !c.is_ascii_digit()).unwrap_or(s.len());
        let (digits, unit) = s.split_at(end);
        let count: u64 = digits.parse().map_err(|_| SizeError)?;
        let factor = factor(unit.trim_start()).ok_or(SizeError)?;
        count.checked_mul(factor).map(Self).ok_or(SizeError)
    }
}

fn factor(unit: &str) -> Option<u64> {
    let power = |units: [&str; 5]| units.iter().position(|u| u.eq_ignore_ascii_case(unit));
    let exponent = |at: usize| u32::try_from(at + 1).ok();
    match (power(UNITS), power(DECIMAL_UNITS)) {
        _ if unit.is_empty() || unit.eq_ignore_ascii_case("B") => Some(1),
        (Some(at), _) => 1024_u64.checked_pow(exponent(at)?),
        (_, Some(at)) => 1000_u64.checked_pow(exponent(at)?),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (1024 * 1024 - 1, "1023.9 KiB"),
            (5 * 1024 * 1024 * 1024, "5.0 GiB"),
        ] {
            assert_eq!(Size(bytes).to_string(), text);
        }
        assert!(Size(u64::MAX).to_string().ends_with(" PiB"));
    }

    #[test]
    fn read() {
        for (text, bytes) in [
            ("0", 0),
            ("17 B", 17),
            ("500MB", 500_000_000),
            ("20gib", 20 << 30),
            ("2 TiB", 2 << 40),
        ] {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        }
        for text in ["", "GiB", "-1", "1.5GiB", "10 bananas", "99999999PiB"] {
            assert_eq!(text.parse::<Size>(), Err(SizeError), "{text}");
        }
    }
}
