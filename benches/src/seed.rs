//! Content to measure with: unique, incompressible, cheap to make.

use std::fs;

use anyhow::{Context as _, ensure};
use serde_json::json;
use wharf_oci::{Algorithm, Digest, Hasher, media_type::OCI_MANIFEST};

use crate::{
    http::Connection,
    servers::{Kind, Server},
};

pub const REPOSITORY: &str = "admin/bench";

/// Random bytes of which every blob of this size is made, and the hash over them.
pub struct Base {
    bytes: Vec<u8>,
    hasher: Hasher,
}

/// A blob: the base, and an end of its own.
pub struct Unique {
    end: [u8; 16],
    pub digest: Digest,
}

impl Base {
    pub fn new(size: usize) -> anyhow::Result<Self> {
        let mut bytes = vec![0; size - 16];
        getrandom::fill(&mut bytes).map_err(|e| anyhow::anyhow!("no randomness: {e}"))?;
        let mut hasher = Hasher::new(Algorithm::Sha256);
        hasher.update(&bytes);
        Ok(Self { bytes, hasher })
    }

    pub fn unique(&self) -> anyhow::Result<Unique> {
        let mut end = [0; 16];
        getrandom::fill(&mut end).map_err(|e| anyhow::anyhow!("no randomness: {e}"))?;
        let mut hasher = self.hasher.clone();
        hasher.update(&end);
        Ok(Unique {
            end,
            digest: hasher.finish(),
        })
    }

    pub fn size(&self) -> usize {
        self.bytes.len() + 16
    }
}

/// Docker's way: POST, PATCH with everything, PUT.
pub fn push(
    connection: &mut Connection,
    repository: &str,
    base: &Base,
    blob: &Unique,
) -> anyhow::Result<()> {
    let begun = connection.send("POST", &format!("/v2/{repository}/blobs/uploads/"), "", &[])?;
    ensure!(begun.status == 202, "POST: {}", begun.status);
    let upload = path_of(&begun.location.context("a Location")?);
    let sent = connection.send("PATCH", &upload, "", &[&base.bytes, &blob.end])?;
    ensure!(sent.status == 202, "PATCH: {}", sent.status);
    let upload = path_of(&sent.location.context("a Location")?);
    let separator = if upload.contains('?') { '&' } else { '?' };
    let stored = connection.send(
        "PUT",
        &format!("{upload}{separator}digest={}", blob.digest),
        "",
        &[],
    )?;
    ensure!(stored.status == 201, "PUT: {}", stored.status);
    Ok(())
}

/// docker-registry answers with whole URLs.
fn path_of(location: &str) -> String {
    let rest = location
        .split_once("://")
        .map_or(location, |(_, rest)| rest);
    match rest.find('/') {
        Some(at) => rest[at..].to_owned(),
        None => rest.to_owned(),
    }
}

/// Puts a blob where clients of this server will ask for it; returns the path.
pub fn blob(server: &Server, base: &Base) -> anyhow::Result<String> {
    let unique = base.unique()?;
    if server.kind == Kind::Nginx {
        let content = [&base.bytes[..], &unique.end].concat();
        fs::write(server.dir.join("html").join(unique.digest.hex()), content)?;
        return Ok(format!("/{}", unique.digest.hex()));
    }
    let mut connection = Connection::open(server, &server.authorization(REPOSITORY)?)?;
    push(&mut connection, REPOSITORY, base, &unique)?;
    Ok(format!("/v2/{REPOSITORY}/blobs/{}", unique.digest))
}

/// A repository with `count` tags on one image; returns both.
pub fn tags(server: &Server, count: usize) -> anyhow::Result<(String, Digest)> {
    let repository = format!("admin/tags-{count}");
    let mut connection = Connection::open(server, &server.authorization(&repository)?)?;
    let base = Base::new(1024)?;
    let config = base.unique()?;
    push(&mut connection, &repository, &base, &config)?;
    let mut manifest = json!({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST, "layers": [],
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config.digest, "size": base.size()},
        "annotations": {"padding": "x".repeat(1600)},
    });
    manifest["layers"] = json!([manifest["config"]]);
    let manifest = manifest.to_string();
    let kind = format!("Content-Type: {OCI_MANIFEST}\r\n");
    let digest = Digest::sha256(manifest.as_bytes());
    let mut put = |reference: &str| {
        let path = format!("/v2/{repository}/manifests/{reference}");
        let answer = connection.send("PUT", &path, &kind, &[manifest.as_bytes()])?;
        ensure!(answer.status == 201, "PUT {path}: {}", answer.status);
        Ok(())
    };
    let names: Vec<String> = (0..count).map(|i| format!("t{i}")).collect();
    if server.kind == Kind::Wharf {
        for block in names.chunks(100) {
            put(&format!("{digest}?tag={}", block.join("&tag=")))?;
        }
    } else {
        names.iter().try_for_each(|name| put(name))?;
    }
    Ok((repository, digest))
}
