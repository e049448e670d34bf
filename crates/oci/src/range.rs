//! Byte ranges: `Range` on blob downloads (RFC 9110 §14.2, one range only)
//! and `Content-Range` on upload chunks (distribution-spec § Pushing a blob in chunks).

use std::ops::Range;

/// What a `Range` header asks of a body with a known length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// No usable range: send everything with 200. RFC 9110 lets a server
    /// ignore units it does not know and lists of several ranges.
    Whole,
    /// Send these bytes with 206.
    Part(Range<u64>),
    /// Nothing of it exists: 416.
    Unsatisfiable,
}

/// Reads a `Range` header against a body of `len` bytes.
pub fn select(header: &str, len: u64) -> Selection {
    let Some(spec) = header.trim().strip_prefix("bytes=") else {
        return Selection::Whole;
    };
    if spec.contains(',') {
        return Selection::Whole;
    }
    let Some((first, last)) = spec.split_once('-') else {
        return Selection::Whole;
    };
    match (
        number(first),
        number(last),
        first.trim().is_empty(),
        last.trim().is_empty(),
    ) {
        (None, Some(suffix), true, _) => suffix_of(suffix, len),
        (Some(first), None, _, true) => part(first, len, len),
        (Some(first), Some(last), _, _) if first <= last => {
            part(first, last.saturating_add(1), len)
        }
        (Some(_), Some(_), _, _) => Selection::Unsatisfiable,
        _ => Selection::Whole,
    }
}

fn suffix_of(suffix: u64, len: u64) -> Selection {
    if suffix == 0 || len == 0 {
        return Selection::Unsatisfiable;
    }
    Selection::Part(len.saturating_sub(suffix)..len)
}

fn part(start: u64, end: u64, len: u64) -> Selection {
    if start >= len {
        return Selection::Unsatisfiable;
    }
    Selection::Part(start..end.min(len))
}

/// Digits only; a number beyond 64 bits counts as the largest.
fn number(s: &str) -> Option<u64> {
    let s = s.trim();
    if s.is_empty() || !s.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(s.parse().unwrap_or(u64::MAX))
}

/// Reads a chunk's `Content-Range: FIRST-LAST` (both inclusive, the
/// specification's form; `bytes FIRST-LAST/…` is accepted too). `None` if malformed.
pub fn parse_chunk(header: &str) -> Option<Range<u64>> {
    let spec = header.trim();
    let spec = spec.strip_prefix("bytes ").unwrap_or(spec);
    let spec = spec.split_once('/').map_or(spec, |(range, _)| range);
    let (first, last) = spec.split_once('-')?;
    let (first, last) = (number(first)?, number(last)?);
    (first <= last && last < u64::MAX).then(|| first..last + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn download_ranges() {
        let cases = [
            ("bytes=500-1499", 2000, Selection::Part(500..1500)),
            ("bytes=500-", 2000, Selection::Part(500..2000)),
            ("bytes=-500", 2000, Selection::Part(1500..2000)),
            ("bytes=-5000", 2000, Selection::Part(0..2000)),
            ("bytes=1500-99999", 2000, Selection::Part(1500..2000)),
            ("bytes=0-0", 2000, Selection::Part(0..1)),
            ("bytes=500-0", 2000, Selection::Unsatisfiable),
            ("bytes=2000-", 2000, Selection::Unsatisfiable),
            ("bytes=-0", 2000, Selection::Unsatisfiable),
            ("bytes=0-", 0, Selection::Unsatisfiable),
            (
                "bytes=99999999999999999999-",
                2000,
                Selection::Unsatisfiable,
            ),
            (
                "bytes=0-99999999999999999999",
                2000,
                Selection::Part(0..2000),
            ),
            ("bytes=0-1,5-6", 2000, Selection::Whole),
            ("bytes=a-b", 2000, Selection::Whole),
            ("bytes=-", 2000, Selection::Whole),
            ("lines=1-2", 2000, Selection::Whole),
        ];
        for (header, len, expected) in cases {
            assert_eq!(select(header, len), expected, "{header} of {len}");
        }
    }

    #[test]
    fn chunk_ranges() {
        assert_eq!(parse_chunk("0-0"), Some(0..1));
        assert_eq!(parse_chunk("10-19"), Some(10..20));
        assert_eq!(parse_chunk("bytes 10-19/*"), Some(10..20));
        for bad in ["", "5", "9-5", "a-b", "-5", "5-", "0-18446744073709551615"] {
            assert_eq!(parse_chunk(bad), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn a_part_lies_inside_the_body(header in "(bytes=)?[0-9]{0,22}-[0-9]{0,22}", len in 0u64..5000) {
            if let Selection::Part(range) = select(&header, len) {
                prop_assert!(range.start < range.end && range.end <= len);
            }
            let _ = parse_chunk(&header);
        }
    }
}
