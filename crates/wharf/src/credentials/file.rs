//! A file (or variable) of the form `{"auths": {…}}`, read only.

use std::{io, path::Path};

use anyhow::Context;
use serde_json::{Map, Value};

use super::{Saved, entry};
use crate::failure::Failure;

/// The `auths` of one file.
#[derive(Debug, Default)]
pub(super) struct AuthFile {
    source: String,
    auths: Map<String, Value>,
}

impl AuthFile {
    /// Reads a file; one that does not exist is empty.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        match read_document(path)? {
            Some(document) => Ok(Self::of(&path.display().to_string(), &document)),
            None => Ok(Self::default()),
        }
    }

    pub(super) fn parse(source: &str, text: &str) -> anyhow::Result<Self> {
        Ok(Self::of(source, &parse_document(source, text)?))
    }

    /// The part of a larger document that this is about.
    pub(super) fn of(source: &str, document: &Map<String, Value>) -> Self {
        let auths = document.get("auths").and_then(Value::as_object);
        Self {
            source: source.to_owned(),
            auths: auths.cloned().unwrap_or_default(),
        }
    }

    pub(super) fn find(&self, host: &str, path: Option<&str>) -> Option<Saved> {
        let key = entry::best_key(&self.auths, host, path)?;
        let (account, credentials) = entry::read(&self.auths[key])?;
        Some(Saved {
            credentials,
            account,
            source: self.source.clone(),
        })
    }
}

/// The JSON object in a file; `None` if there is no file.
pub(super) fn read_document(path: &Path) -> anyhow::Result<Option<Map<String, Value>>> {
    match std::fs::read_to_string(path) {
        Ok(text) if text.trim().is_empty() => Ok(Some(Map::new())),
        Ok(text) => parse_document(&path.display().to_string(), &text).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

fn parse_document(source: &str, text: &str) -> anyhow::Result<Map<String, Value>> {
    let document = serde_json::from_str(text).map_err(|error| {
        Failure::usage(format!("{source} is not a JSON object: {error}"))
            .hint("it holds saved logins; repair it, or move it away and log in again")
    })?;
    Ok(document)
}
