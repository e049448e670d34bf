//! JSON without ambiguity. Two parsers that read one text differently are a
//! security hole (which of two `layers` counts?), so whatever could be read
//! two ways is refused.

use std::{cell::Cell, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Deepest nesting accepted.
pub const MAX_DEPTH: usize = 64;
/// Most values of one document: parsed, tiny ones take a hundred times their bytes.
pub const MAX_VALUES: usize = 200_000;

#[derive(Debug, thiserror::Error)]
#[error("the body is not acceptable JSON: {0}")]
pub struct JsonError(#[from] serde_json::Error);

/// Parses one JSON document: no duplicate keys, no trailing data, at most
/// [`MAX_DEPTH`] levels and [`MAX_VALUES`] values.
pub fn parse(bytes: &[u8]) -> Result<Value, JsonError> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let left = Cell::new(MAX_VALUES);
    let value = Strict {
        depth: 0,
        left: &left,
    };
    let value = value.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

struct Strict<'a> {
    depth: usize,
    /// Values that may still come.
    left: &'a Cell<usize>,
}

impl Strict<'_> {
    fn deeper<E: serde::de::Error>(&self) -> Result<Self, E> {
        if self.depth >= MAX_DEPTH {
            return Err(E::custom(format_args!(
                "nested more than {MAX_DEPTH} levels deep"
            )));
        }
        Ok(Self {
            depth: self.depth + 1,
            left: self.left,
        })
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let left = self.left.get().checked_sub(1).ok_or_else(|| {
            D::Error::custom(format_args!("it holds more than {MAX_VALUES} values"))
        })?;
        self.left.set(left);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, v: bool) -> Result<Value, E> {
        Ok(Value::Bool(v))
    }

    fn visit_i64<E>(self, v: i64) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_u64<E>(self, v: u64) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_f64<E>(self, v: f64) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_str<E>(self, v: &str) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_string<E>(self, v: String) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(self.deeper()?)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            let value = map.next_value_seed(self.deeper()?)?;
            if fields.insert(key.clone(), value).is_some() {
                return Err(serde::de::Error::custom(format_args!(
                    "the key `{key}` appears twice"
                )));
            }
        }
        Ok(Value::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ambiguity_is_refused() {
        let deep = format!("{}1{}", "[".repeat(65), "]".repeat(65));
        let very_deep = "[".repeat(100_000);
        let very_many = format!("[{}0]", "0,".repeat(MAX_VALUES));
        for bad in [
            r#"{"a":1,"a":2}"#,
            r#"{"a":{"b":1,"b":1}}"#,
            "\u{feff}{}",
            "{} {}",
            "{}x",
            r#"{"a":NaN}"#,
            r#"{"a":1e999}"#,
            r#""\ud800""#,
            "",
            &deep,
            &very_deep,
            &very_many,
        ] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad:.40} was accepted");
        }
        let at_the_limit = format!("{}1{}", "[".repeat(64), "]".repeat(64));
        assert!(parse(at_the_limit.as_bytes()).is_ok());
    }

    proptest! {
        #[test]
        fn agrees_with_serde_json_on_what_it_accepts(s in r#"[\[\]{}":,a-c0-9. -]{0,60}"#) {
            if let Ok(value) = parse(s.as_bytes()) {
                prop_assert_eq!(Some(value), serde_json::from_str(&s).ok());
            }
        }
    }
}
