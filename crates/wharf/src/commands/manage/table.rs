//! What lines are made of.

use serde_json::Value;

/// A text, or nothing.
pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Columns with tabs between; empty ones at the end are left off.
pub(super) fn line<const N: usize>(columns: [String; N]) -> String {
    columns.join("\t").trim_end_matches('\t').to_owned()
}

/// Who did it: nobody by name is the operator.
pub(super) fn actor(value: &Value) -> &str {
    value.as_str().unwrap_or("the operator")
}

/// A text with something before it, or nothing.
pub(super) fn with(prefix: &str, value: &Value) -> String {
    value
        .as_str()
        .map_or_else(String::new, |text| format!("{prefix}{text}"))
}

/// Texts of a list.
pub(super) fn joined(value: &Value) -> String {
    let texts = value.as_array().into_iter().flatten();
    let texts: Vec<&str> = texts.filter_map(Value::as_str).collect();
    texts.join(" ")
}
