//! Which tag people mean when they name none: a page about a package shows
//! one pull command, and a package without `latest` still has a newest release.

use std::cmp::Reverse;

/// What may follow a version's `-` for it to be a pre-release, numbered or
/// not. Anything else, such as `alpine`, is a variant of the release.
const PRE_RELEASES: [&str; 10] = [
    "alpha", "beta", "canary", "dev", "next", "nightly", "pre", "preview", "rc", "snapshot",
];
const COMPONENTS: usize = 4;

/// The tag to pull when none is named: `latest`, or else the highest release,
/// or else the highest pre-release, or else the first tag in byte order.
///
/// Never a [fallback tag](is_fallback).
pub fn latest<'a>(tags: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let candidates = tags.into_iter().filter(|tag| !is_fallback(tag));
    candidates.max_by_key(|tag| rank(tag))
}

/// Whether a tag only attaches something to a digest, where a registry has no
/// referrers: `sha256-<64 hex>`, from cosign with `.sig`, `.att` or `.sbom`.
pub fn is_fallback(tag: &str) -> bool {
    // A longer digest is cut to 64 characters (distribution-spec § Referrers Tag Schema).
    let hex = tag
        .strip_prefix("sha256-")
        .or_else(|| tag.strip_prefix("sha512-"))
        .and_then(|rest| rest.as_bytes().get(..64));
    hex.is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit))
}

/// No two tags rank the same: where versions do, the first in byte order wins.
fn rank(tag: &str) -> (Kind<'_>, Reverse<&str>) {
    let kind = match Version::parse(tag) {
        _ if tag == "latest" => Kind::Latest,
        Some(version) if version.pre_release.is_empty() => Kind::Release(version),
        Some(version) => Kind::PreRelease(version),
        None => Kind::Other,
    };
    (kind, Reverse(tag))
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind<'a> {
    Other,
    PreRelease(Version<'a>),
    Release(Version<'a>),
    Latest,
}

/// Fields in the order in which they decide.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version<'a> {
    /// Those that are not written are zero.
    components: [Number<'a>; COMPONENTS],
    pre_release: Vec<Identifier<'a>>,
    is_plain: bool,
    /// `1.2.0` names a release more exactly than `1.2`, which moves on.
    written: usize,
}

impl<'a> Version<'a> {
    fn parse(tag: &'a str) -> Option<Self> {
        let tag = tag.strip_prefix(['v', 'V']).unwrap_or(tag);
        let end = tag.find(['-', '_']).unwrap_or(tag.len());
        let (numbers, suffix) = tag.split_at(end);

        let mut components = [Number::ZERO; COMPONENTS];
        let mut written = 0;
        for number in numbers.split('.') {
            *components.get_mut(written)? = Number::parse(number)?;
            written += 1;
        }
        let (pre_release, is_plain) = pre_release(suffix);
        Some(Self {
            components,
            pre_release,
            is_plain,
            written,
        })
    }
}

/// What a suffix says of a pre-release, and whether that is all it says.
fn pre_release(suffix: &str) -> (Vec<Identifier<'_>>, bool) {
    let mut parts = suffix.split(['-', '_']).skip(1).peekable();
    let mut identifiers = Vec::new();
    if let Some(first) = parts.next_if(|part| is_pre_release(part)) {
        identifiers.extend(first.split('.').flat_map(identifiers_of));
        // `rc-1` is written for `rc.1`.
        while let Some(number) = parts.peek().and_then(|part| Number::parse(part)) {
            identifiers.push(Identifier::Number(number));
            parts.next();
        }
    }
    (identifiers, parts.next().is_none())
}

fn is_pre_release(part: &str) -> bool {
    let first = part.split('.').next().unwrap_or(part);
    let (word, number) = split_number(first);
    let is_milestone = word.eq_ignore_ascii_case("m") && !number.is_empty();
    is_milestone
        || PRE_RELEASES
            .iter()
            .any(|known| word.eq_ignore_ascii_case(known))
}

/// In the order of semver: numbers before text.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Identifier<'a> {
    Number(Number<'a>),
    Text(String),
}

/// `rc10` counts as `rc.10`: it comes after `rc9`, where semver has it before.
fn identifiers_of(dotted: &str) -> impl Iterator<Item = Identifier<'_>> {
    let (word, number) = split_number(dotted);
    let word = (!word.is_empty()).then(|| Identifier::Text(word.to_ascii_lowercase()));
    let number = Number::parse(number).map(Identifier::Number);
    word.into_iter().chain(number)
}

fn split_number(text: &str) -> (&str, &str) {
    let word = text.trim_end_matches(|c: char| c.is_ascii_digit());
    text.split_at(word.len())
}

/// Decimal digits of any length: dates and build numbers need not fit an integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Number<'a> {
    len: usize,
    digits: &'a str,
}

impl<'a> Number<'a> {
    const ZERO: Self = Self { len: 0, digits: "" };

    fn parse(text: &'a str) -> Option<Self> {
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let digits = text.trim_start_matches('0');
        let len = digits.len();
        Some(Self { len, digits })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEX: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    /// Each list is in falling order: without its first tags, the next one is meant.
    #[test]
    fn the_tag_people_mean() {
        for falling in [
            "latest 2.0 1.9 main",
            "1.10.0 1.9.0 1.9 v1.8 v1 0.9",
            "1.2.3.4 1.2.3 1.2 1",
            "1.2.0 v1.2.0 V1.2 1.1",
            "1.3-alpine 1.2 1.2-alpine 1.2-bookworm",
            "1.2.3 1.2.3-1 1.2-1",
            "1.0 2.0-rc.1 edge",
            "1.0-alpine 2.0-rc.1",
            "1.0.0 1.0.0-rc.1 1.0.0-beta.11 1.0.0-beta.2 1.0.0-beta 1.0.0-alpha.beta 1.0.0-alpha.1 1.0.0-alpha",
            "2.0-rc10 2.0-RC9 2.0-rc-8 2.0-rc7-alpine 2.0-rc",
            "1.0-SNAPSHOT 1.0-preview.7 1.0-pre3 1.0-nightly.20260101 1.0-next.1 1.0-M2 1.0-dev 1.0-canary.5",
            "20260115 20251231 99",
            "99999999999999999999999999999999.1 99999999999999999999999999999999 1",
            "0.1 Latest edge main stable",
            "1.2.3_build5 1.2.3-rc.1_build5 a",
        ] {
            let tags: Vec<&str> = falling.split(' ').collect();
            for (i, expected) in tags.iter().enumerate() {
                let rest = tags[i..].iter().copied();
                assert_eq!(latest(rest.rev()), Some(*expected), "of {:?}", &tags[i..]);
            }
        }
        assert_eq!(latest([]), None);
    }

    #[test]
    fn what_is_no_version() {
        for tag in [
            "1.2.",
            ".1",
            "v",
            "1..2",
            "1.2.3.4.5",
            "1.x",
            "7e3f2a1",
            "",
            "-",
            "vv1",
            "1.0rc1",
        ] {
            assert_eq!(Version::parse(tag), None, "{tag:?}");
        }
        for variant in [
            "1-m",
            "1-rcs",
            "1-",
            "1-alpine-rc1",
            "1-jammy",
            "1-1",
            "1--rc",
        ] {
            let version = Version::parse(variant).expect(variant);
            assert_eq!((version.pre_release, version.is_plain), (vec![], false));
        }
    }

    #[test]
    fn fallback_tags_are_nobodys_choice() {
        for suffix in ["", ".sig", ".att", ".sbom", "-cosign", ".sha256"] {
            let tag = format!("sha256-{HEX}{suffix}");
            assert!(is_fallback(&tag), "{tag}");
            assert_eq!(latest([tag.as_str()]), None);
            assert_eq!(latest([tag.as_str(), "zzz"]), Some("zzz"));
        }
        assert!(is_fallback(&format!("sha512-{HEX}")));
        for tag in [
            "latest",
            "sha256-",
            &format!("sha256-{}", &HEX[1..]),
            &format!("sha256-{}g", &HEX[1..]),
            &format!("sha256-{}é", &HEX[1..]),
            &format!("sha256{HEX}"),
            &format!("x-sha256-{HEX}"),
        ] {
            assert!(!is_fallback(tag), "{tag}");
        }
    }

    fn tag() -> impl Strategy<Value = String> {
        prop_oneof![
            8 => "v?[0-2]{1,2}(\\.0?[0-2]){0,3}([-_](rc|beta|M|alpine|[0-2])[.-]?[0-2]{0,2}){0,2}",
            1 => "[a-zA-Z0-9_][a-zA-Z0-9._-]{0,10}",
            1 => "sha256-[0-9a-f]{64}(\\.sig)?",
            1 => Just("latest".to_owned()),
        ]
    }

    proptest! {
        #[test]
        fn the_order_is_total(a in tag(), b in tag(), c in tag()) {
            let (x, y, z) = (rank(&a), rank(&b), rank(&c));
            prop_assert_eq!(x.cmp(&y), y.cmp(&x).reverse());
            prop_assert_eq!(x == y, a == b);
            if x <= y && y <= z {
                prop_assert!(x <= z);
            }
        }

        #[test]
        fn the_order_of_tags_is_irrelevant(
            (tags, shuffled) in proptest::collection::vec(tag(), 0..12)
                .prop_flat_map(|tags| (Just(tags.clone()), Just(tags).prop_shuffle())),
        ) {
            let of = |tags: &[String]| latest(tags.iter().map(String::as_str)).map(str::to_owned);
            prop_assert_eq!(of(&tags), of(&shuffled));

            let mut sorted: Vec<&str> = tags.iter().map(String::as_str).filter(|t| !is_fallback(t)).collect();
            sorted.sort_by_key(|tag| rank(tag));
            prop_assert_eq!(of(&tags), sorted.last().map(|&tag| tag.to_owned()));
        }

        #[test]
        fn a_variant_loses_to_its_release(version in "v?[0-9]{1,3}(\\.[0-9]{1,3}){0,3}", variant in "(alpine|slim|jammy)[0-9.]{0,3}") {
            let variant = format!("{version}-{variant}");
            prop_assert_eq!(latest([variant.as_str(), version.as_str()]), Some(version.as_str()));
        }

        #[test]
        fn any_text_is_ranked(a in ".{0,20}", b in "[0-9.v_-]{0,20}") {
            prop_assert!(latest([a.as_str(), b.as_str()]).is_some());
        }
    }
}
