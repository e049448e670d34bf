//! What an image says about itself: its config and the `org.opencontainers.image.*`
//! keys (image-spec annotations.md). Anybody may push anything, so what is too
//! long or could do harm when shown is left out here, and no push fails by it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::{json, source_repository::SourceRepository};

/// Most labels kept of one image.
pub const MAX_LABELS: usize = 200;
/// Longest key of a label, in characters.
pub const MAX_LABEL_KEY: usize = 256;
/// Longest value of a label, in characters.
pub const MAX_LABEL_VALUE: usize = 4096;
/// Longest description, in characters; the rest is cut off (as on ghcr.io).
pub const MAX_DESCRIPTION: usize = 512;
/// Longest licence expression, in characters (as on ghcr.io).
pub const MAX_LICENSES: usize = 256;
/// Longest value of the other keys, in characters.
pub const MAX_VALUE: usize = 1024;
/// Longest part of a platform and longest `created`, in characters.
const MAX_WORD: usize = 64;

/// The part of an image's config that is shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageConfig {
    /// `os/architecture[/variant]`
    pub platform: Option<String>,
    pub labels: BTreeMap<String, String>,
    /// As written by the builder; RFC 3339 if it follows the specification.
    pub created: Option<String>,
}

impl ImageConfig {
    /// Reads an OCI or Docker config; of anything else there is nothing to say.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let Value::Object(document) = json::parse(bytes).ok()? else {
            return None;
        };
        let labels = document.get("config").and_then(|c| c.get("Labels"));
        Some(Self {
            platform: platform(&document),
            labels: labels
                .and_then(Value::as_object)
                .map_or_else(BTreeMap::new, read_labels),
            created: word(&document, "created").map(str::to_owned),
        })
    }
}

fn platform(document: &Map<String, Value>) -> Option<String> {
    let part = |name| word(document, name).filter(|text| *text != "unknown" && is_plain(text));
    let mut text = format!("{}/{}", part("os")?, part("architecture")?);
    if let Some(variant) = part("variant") {
        text.push('/');
        text.push_str(variant);
    }
    Some(text)
}

fn word<'a>(document: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    let text = document.get(name)?.as_str()?.trim();
    let fits = !text.is_empty() && is_within(text, MAX_WORD) && !text.contains(char::is_control);
    fits.then_some(text)
}

/// A platform is split at its slashes again.
fn is_plain(s: &str) -> bool {
    s.bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

fn read_labels(labels: &Map<String, Value>) -> BTreeMap<String, String> {
    labels
        .iter()
        .filter_map(|(key, value)| Some((key, value.as_str()?)))
        .filter(|(key, value)| is_within(key, MAX_LABEL_KEY) && is_within(value, MAX_LABEL_VALUE))
        .take(MAX_LABELS)
        .map(|(key, value)| (key.clone(), value.to_owned()))
        .collect()
}

/// The `org.opencontainers.image.*` keys that a package's page shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    pub title: Option<String>,
    /// May have several lines.
    pub description: Option<String>,
    /// An SPDX expression, unchecked.
    pub licenses: Option<String>,
    pub source: Option<SourceRepository>,
    /// Safe as a link's target, like `documentation`.
    pub url: Option<String>,
    pub documentation: Option<String>,
    pub vendor: Option<String>,
    pub version: Option<String>,
    pub revision: Option<String>,
}

impl About {
    /// Reads each key from the manifest's annotations, or else from the config's labels.
    pub fn read(annotations: &BTreeMap<String, String>, labels: &BTreeMap<String, String>) -> Self {
        let said = Said([annotations, labels]);
        Self {
            title: said.find("title", value),
            description: said.find("description", description),
            licenses: said.find("licenses", |text| line(text, MAX_LICENSES)),
            source: said.find("source", |text| text.parse().ok()),
            url: said.find("url", link),
            documentation: said.find("documentation", link),
            vendor: said.find("vendor", value),
            version: said.find("version", value),
            revision: said.find("revision", value),
        }
    }
}

struct Said<'a>([&'a BTreeMap<String, String>; 2]);

impl Said<'_> {
    /// The first value that `read` accepts.
    fn find<T>(&self, name: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        let key = format!("org.opencontainers.image.{name}");
        self.0
            .iter()
            .filter_map(|map| map.get(&key))
            .find_map(|text| read(text.trim()))
    }
}

fn value(text: &str) -> Option<String> {
    line(text, MAX_VALUE)
}

fn line(text: &str, max: usize) -> Option<String> {
    let text = text.replace(char::is_control, "");
    let text = text.trim();
    (!text.is_empty() && is_within(text, max)).then(|| text.to_owned())
}

fn description(text: &str) -> Option<String> {
    let text = text.replace(|c: char| c.is_control() && c != '\n', "");
    let text: String = text.trim().chars().take(MAX_DESCRIPTION).collect();
    let text = text.trim_end();
    (!text.is_empty()).then(|| text.to_owned())
}

fn link(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let is_web = scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http");
    let has_host = rest.starts_with(|c: char| c.is_alphanumeric() || c == '[');
    let is_safe = !text.contains(|c: char| {
        c.is_control() || c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>' | '\\')
    });
    (is_web && has_host && is_safe && is_within(text, MAX_VALUE)).then(|| text.to_owned())
}

fn is_within(text: &str, max: usize) -> bool {
    text.chars().nth(max).is_none()
}

#[cfg(test)]
mod tests {
    use proptest::{collection::btree_map, prelude::*};
    use serde_json::json;

    use super::*;

    const KEYS: &str = "org\\.opencontainers\\.image\\.(title|description|licenses|source|url|documentation|vendor|version|revision)";

    fn parse(value: &Value) -> Option<ImageConfig> {
        ImageConfig::parse(value.to_string().as_bytes())
    }

    fn map(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
        let key = |name| format!("org.opencontainers.image.{name}");
        (entries.iter())
            .map(|(name, text)| (key(name), (*text).to_owned()))
            .collect()
    }

    fn read(name: &str, text: &str) -> About {
        About::read(&map(&[(name, text)]), &BTreeMap::new())
    }

    #[test]
    fn a_config_as_buildkit_writes_it() {
        let config = parse(&json!({
            "architecture": "arm64", "os": "linux", "variant": "v8",
            "created": "2024-05-03T19:49:21.123456789Z",
            "config": {
                "Env": ["PATH=/usr/bin"], "Cmd": ["/app"],
                "Labels": {"org.opencontainers.image.version": "1.2.3", "n": 1, "none": null},
            },
            "rootfs": {"type": "layers", "diff_ids": []}, "history": [],
        }))
        .expect("a config");
        assert_eq!(config.platform.as_deref(), Some("linux/arm64/v8"));
        assert_eq!(
            config.created.as_deref(),
            Some("2024-05-03T19:49:21.123456789Z")
        );
        assert_eq!(config.labels, map(&[("version", "1.2.3")]));
    }

    #[test]
    fn platforms() {
        for (config, expected) in [
            (
                json!({"os": "linux", "architecture": "amd64"}),
                Some("linux/amd64"),
            ),
            (
                json!({"os": "linux", "architecture": "arm", "variant": ""}),
                Some("linux/arm"),
            ),
            (
                json!({"os": "windows", "architecture": "amd64", "os.version": "10.0.17763.5696"}),
                Some("windows/amd64"),
            ),
            (json!({"os": "unknown", "architecture": "unknown"}), None),
            (json!({"os": "linux", "architecture": ""}), None),
            (json!({"os": "linux"}), None),
            (json!({"os": "linux", "architecture": 64}), None),
            (json!({"os": "linux", "architecture": "../x"}), None),
            (json!({"os": "linux", "architecture": "a".repeat(65)}), None),
            (json!({}), None),
        ] {
            let parsed = parse(&config).expect("an object");
            assert_eq!(parsed.platform.as_deref(), expected, "{config}");
        }
    }

    #[test]
    fn what_is_no_config_is_none() {
        for text in [
            "",
            "[]",
            "null",
            "\"x\"",
            "{",
            "\u{1f}\u{8b}",
            r#"{"os":"a","os":"b"}"#,
        ] {
            assert_eq!(ImageConfig::parse(text.as_bytes()), None, "{text:?}");
        }
        for odd in [
            json!({"config": null}),
            json!({"config": []}),
            json!({"config": {"Labels": null}}),
            json!({"config": {"Labels": ["a=b"]}, "created": 5}),
        ] {
            assert_eq!(parse(&odd), Some(ImageConfig::default()), "{odd}");
        }
    }

    #[test]
    fn labels_are_limited() {
        let (key, text) = ("é".repeat(MAX_LABEL_KEY), "é".repeat(MAX_LABEL_VALUE));
        let labels = json!({
            &key: "kept", "value": &text,
            format!("{key}x"): "dropped", "long": format!("{text}x"),
        });
        let config = parse(&json!({"config": {"Labels": labels}})).expect("a config");
        let kept: Vec<&String> = config.labels.keys().collect();
        assert_eq!(kept, ["value", &key]);
        let many: BTreeMap<String, String> =
            (0..300).map(|i| (format!("k{i}"), String::new())).collect();
        let config = parse(&json!({"config": {"Labels": many}})).expect("a config");
        assert_eq!(config.labels.len(), MAX_LABELS);
    }

    #[test]
    fn annotations_come_before_labels() {
        let annotations = map(&[
            ("title", " Grafana "),
            ("vendor", "  "),
            ("url", "javascript:alert(1)"),
            ("source", "not a repository"),
        ]);
        let labels = map(&[
            ("title", "grafana"),
            ("description", "Dashboards\r\nand alerts\u{7}"),
            ("licenses", "AGPL-3.0-only"),
            ("vendor", "Grafana Labs"),
            ("url", "https://grafana.com/"),
            ("source", "https://github.com/grafana/grafana.git"),
        ]);
        let about = About::read(&annotations, &labels);
        let expected = About {
            title: Some("Grafana".into()),
            description: Some("Dashboards\nand alerts".into()),
            licenses: Some("AGPL-3.0-only".into()),
            source: "github.com/grafana/grafana".parse().ok(),
            url: Some("https://grafana.com/".into()),
            vendor: Some("Grafana Labs".into()),
            ..About::default()
        };
        assert_eq!(about, expected);
    }

    #[test]
    fn long_values_are_cut_or_dropped() {
        let text = |len| "é".repeat(len);
        assert_eq!(read("description", &text(513)).description, Some(text(512)));
        let cut_at_a_space = format!("{}  x", text(511));
        assert_eq!(
            read("description", &cut_at_a_space).description,
            Some(text(511))
        );
        assert_eq!(read("licenses", &text(256)).licenses, Some(text(256)));
        assert_eq!(read("licenses", &text(257)).licenses, None);
        assert_eq!(read("title", &text(1024)).title, Some(text(1024)));
        assert_eq!(read("title", &text(1025)).title, None);
        let url = format!("https://a.b/{}", "x".repeat(1012));
        assert_eq!(read("url", &url).url.as_ref(), Some(&url));
        assert_eq!(read("url", &format!("{url}x")).url, None);
        assert_eq!(read("revision", "\u{0}\u{1b}").revision, None);
    }

    #[test]
    fn only_web_addresses_become_links() {
        for good in [
            "https://grafana.com/docs/?a=b&c=(d)#e",
            "HTTP://localhost:8080",
            "http://[::1]/x",
            " https://example.com\n",
        ] {
            assert_eq!(
                read("documentation", good).documentation.as_deref(),
                Some(good.trim())
            );
        }
        for bad in [
            "grafana.com",
            "javascript:alert(1)",
            "javascript://x/%0aalert(1)",
            "data:text/html,x",
            "//example.com",
            "https:example.com",
            "https://",
            "https:///x",
            "https://a b",
            "https://a\tb",
            "https://a/\"onclick=x",
            "https://a/'",
            "https://a/<script>",
            "https://a/\u{0}",
        ] {
            assert_eq!(read("url", bad).url, None, "{bad:?} was accepted");
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics(bytes in any::<Vec<u8>>(), s in r#"[\[\]{}":,a-zA-Z0-9. -]{0,200}"#) {
            let _ = ImageConfig::parse(&bytes);
            let _ = ImageConfig::parse(s.as_bytes());
        }

        #[test]
        fn reading_never_panics_and_keeps_the_limits(
            annotations in btree_map(KEYS, "(?s).{0,40}|(https://)?[a-zé \u{0}\n]{200,1100}", 0..5),
            labels in btree_map(KEYS, "(?s).{0,40}|[a-zé \t\u{9f}]{200,1100}", 0..5),
        ) {
            let about = About::read(&annotations, &labels);
            for (text, max) in [
                (&about.title, MAX_VALUE),
                (&about.description, MAX_DESCRIPTION),
                (&about.licenses, MAX_LICENSES),
                (&about.url, MAX_VALUE),
                (&about.documentation, MAX_VALUE),
                (&about.vendor, MAX_VALUE),
                (&about.version, MAX_VALUE),
                (&about.revision, MAX_VALUE),
            ] {
                let text = text.as_deref().unwrap_or("x");
                prop_assert!((1..=max).contains(&text.chars().count()));
                prop_assert!(!text.contains(|c: char| c.is_control() && c != '\n'));
                prop_assert_eq!(text.trim(), text);
            }
            prop_assert!(about.title.is_none_or(|text| !text.contains('\n')));
        }

        #[test]
        fn configs_keep_the_limits(
            os in ".{0,70}",
            labels in btree_map(".{0,300}", "(?s).{0,60}", 0..20),
        ) {
            let config = json!({"os": &os, "architecture": "amd64", "config": {"Labels": &labels}});
            let config = parse(&config).expect("an object");
            prop_assert!(config.labels.iter().all(|(key, text)| labels.get(key) == Some(text)));
            prop_assert!(config.labels.keys().all(|key| key.chars().count() <= MAX_LABEL_KEY));
            if let Some(platform) = config.platform {
                prop_assert_eq!(platform, format!("{}/amd64", os.trim()));
            }
        }
    }
}
