//! Badges for READMEs: two words in a small picture, flat as everybody knows
//! them. It stands for itself: no font, script or address of anyone's.

/// Longest label or message, in characters.
const MAX_CHARS: usize = 64;
/// Left and right of a text, in pixels.
const PADDING: u32 = 5;
const FONT_SIZE: u32 = 11;

/// Advance widths of Verdana from U+0020 to U+007E, in thousandths of the font size.
#[rustfmt::skip]
const WIDTHS: [u16; 95] = [
    352, 394, 459, 818, 636, 1076, 727, 269, 454, 454, 636, 818, 364, 454, 364, 454, // to /
    636, 636, 636, 636, 636, 636, 636, 636, 636, 636, 454, 454, 818, 818, 818, 545, // to ?
    1000, 684, 686, 698, 771, 632, 575, 775, 751, 421, 455, 693, 557, 843, 748, 787, // to O
    603, 787, 695, 684, 616, 732, 684, 989, 685, 615, 685, 454, 454, 454, 818, 636, // to _
    636, 601, 623, 521, 623, 596, 352, 623, 633, 274, 344, 592, 274, 973, 633, 607, // to o
    623, 623, 427, 521, 394, 633, 592, 818, 592, 592, 525, 635, 454, 635, 818, // to ~
];
/// Of any other character: that of an ideograph.
const OTHER_WIDTH: u16 = 1000;

/// What a message is written on. White is readable on each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Color {
    Blue,
    Green,
    Grey,
}

impl Color {
    fn hex(self) -> &'static str {
        match self {
            Self::Blue => "#0969da",
            Self::Green => "#1a7f37",
            Self::Grey => "#656d76",
        }
    }
}

/// The picture. Label and message may be any text: they are cut and escaped here.
pub fn svg(label: &str, message: &str, color: Color) -> String {
    let (label, message) = (Cell::new(label), Cell::new(message));
    let (left, right, color) = (label.width(), message.width(), color.hex());
    let width = left + right;
    let name = match label.text.as_str() {
        "" => message.text.clone(),
        label => format!("{label}: {}", message.text),
    };
    let texts = label.svg(0) + &message.svg(left);
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" role="img" aria-label="{name}">
<title>{name}</title>
<linearGradient id="s" x2="0" y2="100%"><stop offset="0" stop-color="#bbb" stop-opacity=".1"/><stop offset="1" stop-opacity=".1"/></linearGradient>
<clipPath id="r"><rect width="{width}" height="20" rx="3"/></clipPath>
<g clip-path="url(#r)"><rect width="{left}" height="20" fill="#555"/><rect x="{left}" width="{right}" height="20" fill="{color}"/><rect width="{width}" height="20" fill="url(#s)"/></g>
<g fill="#fff" text-anchor="middle" font-family="Verdana,Geneva,DejaVu Sans,sans-serif" font-size="110" text-rendering="geometricPrecision">
{texts}</g>
</svg>
"##
    )
}

/// One half: its text, escaped, and how long that is in tenths of a pixel.
struct Cell {
    text: String,
    length: u32,
}

impl Cell {
    fn new(text: &str) -> Self {
        let text = cut(text);
        let length = length(&text);
        let text = escaped(&text);
        Self { text, length }
    }

    /// In pixels.
    fn width(&self) -> u32 {
        match self.length {
            0 => 0,
            length => length.div_ceil(10) + 2 * PADDING,
        }
    }

    /// The text and its shadow, in a grid of tenths of a pixel. It is drawn
    /// as long as we think it is, whatever font the reader has.
    fn svg(&self, x: u32) -> String {
        if self.length == 0 {
            return String::new();
        }
        let Self { text, length } = self;
        let middle = 10 * x + 5 * self.width();
        format!(
            r##"<text aria-hidden="true" x="{middle}" y="150" fill="#010101" fill-opacity=".3" transform="scale(.1)" textLength="{length}">{text}</text>
<text x="{middle}" y="140" transform="scale(.1)" textLength="{length}">{text}</text>
"##
        )
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_CHARS) {
        None => text.to_owned(),
        Some(_) => text.chars().take(MAX_CHARS - 1).chain(['…']).collect(),
    }
}

/// In tenths of a pixel.
fn length(text: &str) -> u32 {
    let thousandths: u32 = text.chars().map(|c| u32::from(width(c))).sum();
    thousandths * FONT_SIZE / 100
}

fn width(c: char) -> u16 {
    let index = u32::from(c).checked_sub(0x20);
    let index = index.and_then(|index| usize::try_from(index).ok());
    let known = index.and_then(|index| WIDTHS.get(index));
    known.copied().unwrap_or(OTHER_WIDTH)
}

/// For XML: in text and between quotes.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // Not even a reference may name these (XML 1.0 § 2.2).
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A number in a few characters, rounded down: `999`, `1.2k`, `12k`, `3.4M`.
pub fn count(n: u64) -> String {
    let (number, power) = scaled(n, 1000);
    format!("{number}{}", ["", "k", "M", "G", "T", "P", "E"][power])
}

/// A size in a few characters, rounded down: `512 B`, `1.5 KiB`, `23 MiB`.
pub fn bytes(n: u64) -> String {
    let (number, power) = scaled(n, 1024);
    let unit = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"][power];
    format!("{number} {unit}")
}

/// A number in the greatest power of `base` that it reaches, with a decimal
/// where it has one digit only, and that power.
fn scaled(n: u64, base: u64) -> (String, usize) {
    let (mut unit, mut power) = (1, 0);
    while n / unit >= base {
        unit *= base;
        power += 1;
    }
    let (whole, tenth) = (n / unit, n % unit * 10 / unit);
    let number = match (whole, tenth) {
        (10.., _) | (_, 0) => whole.to_string(),
        _ => format!("{whole}.{tenth}"),
    };
    (number, power)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The picture without texts and values of attributes, if it is well-formed.
    fn skeleton(svg: &str) -> Option<String> {
        let entities = ["amp;", "lt;", "gt;", "quot;", "#39;"];
        let is_entity = |rest: &str| entities.iter().any(|entity| rest.starts_with(entity));
        let is_char = |c: char| c == '\n' || !(c.is_control() || "\u{fffe}\u{ffff}".contains(c));
        if !svg.split('&').skip(1).all(is_entity) || !svg.chars().all(is_char) {
            return None;
        }
        let mut skeleton = String::new();
        for piece in svg.strip_prefix('<')?.split('<') {
            let (tag, text) = piece.split_once('>')?;
            let is_even = tag.matches('"').count() % 2 == 0;
            if !is_even || text.contains('>') {
                return None;
            }
            skeleton.push('<');
            skeleton.extend(tag.split('"').step_by(2));
            skeleton.push('>');
        }
        Some(skeleton)
    }

    fn benign() -> Option<String> {
        let skeleton = skeleton(&svg("image", "1.2.3", Color::Blue));
        assert!(skeleton.is_some());
        skeleton
    }

    #[test]
    fn a_badge() {
        let badge = svg("size", "23 MiB", Color::Green);
        for part in [
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="79" height="20" role="img" aria-label="size: 23 MiB">"#,
            "<title>size: 23 MiB</title>",
            r##"<rect x="31" width="48" height="20" fill="#1a7f37"/>"##,
            r#"x="155" y="140" transform="scale(.1)" textLength="210">size</text>"#,
            r#"x="550" y="140" transform="scale(.1)" textLength="376">23 MiB</text>"#,
        ] {
            assert!(badge.contains(part), "{part} is not in {badge}");
        }
    }

    #[test]
    fn an_empty_label_takes_no_space() {
        let badge = svg("", "1.0", Color::Grey);
        assert!(badge.contains("<title>1.0</title>"), "{badge}");
        assert!(badge.contains(r##"<rect width="0" height="20" fill="#555"/>"##));
        assert!(svg("", "", Color::Grey).contains(r#"width="0""#));
    }

    #[test]
    fn hostile_text_stays_text() {
        for hostile in [
            "<script>alert(1)</script>",
            r#"" onload="alert(1)"#,
            "' onload='alert(1)",
            "</title></svg><svg onload=alert(1)>",
            "]]><!--",
            "&#60;script&#62; &lt; &unknown; &",
            "\u{0}\u{8}\u{1b}[31m\u{7f}\u{85}\u{fffe}\n\r\t",
        ] {
            for badge in [
                svg(hostile, "x", Color::Grey),
                svg("x", hostile, Color::Grey),
            ] {
                assert_eq!(skeleton(&badge), benign(), "{badge}");
            }
        }
    }

    #[test]
    fn long_text_is_cut() {
        assert_eq!(cut(&"é".repeat(64)), "é".repeat(64));
        assert_eq!(cut(&"é".repeat(65)), "é".repeat(63) + "…");
        let badge = svg(&"&".repeat(1000), "x", Color::Blue);
        assert!(badge.contains(&format!("<title>{}…: x</title>", "&amp;".repeat(63))));
    }

    #[test]
    fn white_is_readable_on_each_color() {
        let colors = [Color::Blue, Color::Green, Color::Grey];
        for hex in colors.map(Color::hex) {
            let channel =
                |i| f64::from(u8::from_str_radix(&hex[i..i + 2], 16).expect("hex")) / 255.0;
            let linear = |i| ((channel(i) + 0.055) / 1.055_f64).powf(2.4);
            let luminance = 0.2126 * linear(1) + 0.7152 * linear(3) + 0.0722 * linear(5);
            let contrast = 1.05 / (luminance + 0.05);
            assert!(contrast >= 4.5, "{hex}: {contrast}");
        }
    }

    #[test]
    fn numbers_in_a_few_characters() {
        for (n, expected) in [
            (0, "0"),
            (999, "999"),
            (1000, "1k"),
            (1299, "1.2k"),
            (9999, "9.9k"),
            (12_345, "12k"),
            (999_999, "999k"),
            (3_400_000, "3.4M"),
            (5_000_000_000, "5G"),
            (u64::MAX, "18E"),
        ] {
            assert_eq!(count(n), expected);
        }
        for (n, expected) in [
            (0, "0 B"),
            (512, "512 B"),
            (1023, "1023 B"),
            (1024, "1 KiB"),
            (1536, "1.5 KiB"),
            (23 << 20, "23 MiB"),
            ((1 << 30) - 1, "1023 MiB"),
            (u64::MAX, "15 EiB"),
        ] {
            assert_eq!(bytes(n), expected);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_well_formed(label in any::<String>(), message in "[<>&\"'/=!a-z\\[\\]#; -]{1,80}") {
            let badge = svg(&format!("x{label}"), &message, Color::Green);
            prop_assert_eq!(skeleton(&badge), benign(), "{}", badge);
        }

        #[test]
        fn numbers_are_short(n: u64) {
            prop_assert!(count(n).len() <= 4);
            prop_assert!(bytes(n).len() <= 8);
        }
    }
}
