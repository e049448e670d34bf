//! Keys in another case. Go's JSON reads `Layers` as `layers`; a registry that
//! ignored it would store a manifest whose content nobody checked.

use serde_json::{Map, Value};

use super::{ManifestError, field};

const MANIFEST: &[&str] = &[
    "schemaVersion",
    "mediaType",
    "artifactType",
    "config",
    "layers",
    "manifests",
    "subject",
    "annotations",
    "fsLayers",
];
const DESCRIPTOR: &[&str] = &[
    "mediaType",
    "digest",
    "size",
    "data",
    "urls",
    "platform",
    "annotations",
    "artifactType",
];

/// Refuses keys that some clients would read as ones that the specification knows.
pub(super) fn check(document: &Map<String, Value>) -> Result<(), ManifestError> {
    check_keys(document, MANIFEST)?;
    for key in ["config", "subject"] {
        check_descriptor(document.get(key))?;
    }
    for key in ["layers", "manifests"] {
        let list = document.get(key).and_then(Value::as_array);
        list.into_iter()
            .flatten()
            .try_for_each(|descriptor| check_descriptor(Some(descriptor)))?;
    }
    Ok(())
}

fn check_descriptor(descriptor: Option<&Value>) -> Result<(), ManifestError> {
    match descriptor.and_then(Value::as_object) {
        Some(object) => check_keys(object, DESCRIPTOR),
        None => Ok(()),
    }
}

fn check_keys(object: &Map<String, Value>, known: &[&str]) -> Result<(), ManifestError> {
    for key in object.keys().filter(|key| !known.contains(&key.as_str())) {
        if let Some(meant) = known.iter().find(|known| reads_as(key, known)) {
            let reason = format!("some clients would read it as `{meant}`; write it so");
            return Err(field(key, reason));
        }
    }
    Ok(())
}

/// Equal but for case, as Unicode folds it: `ſ` is an s, and the Kelvin sign a k.
fn reads_as(key: &str, known: &str) -> bool {
    let folded = key.chars().map(|c| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    });
    folded.eq(known.chars().map(|c| c.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn is_refused(document: Value) -> bool {
        check(document.as_object().expect("an object")).is_err()
    }

    #[test]
    fn only_the_specifications_own_spelling_passes() {
        for bad in [
            json!({"Layers": []}),
            json!({"CONFIG": {}}),
            json!({"layer\u{17f}": []}),
            json!({"config": {"Digest": "x"}}),
            json!({"layers": [{}, {"SIZE": 1}]}),
            json!({"subject": {"mediatype": "x"}}),
        ] {
            assert!(is_refused(bad.clone()), "{bad}");
        }
        for good in [
            json!({"layers": [], "config": {"digest": "x"}, "somethingNew": 1}),
            json!({"annotations": {"Layers": "a value, not a field"}}),
        ] {
            assert!(!is_refused(good.clone()), "{good}");
        }
    }
}
