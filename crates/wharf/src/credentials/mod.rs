//! Saved credentials, in the files that Docker and podman share: whoever has
//! signed in with one of them is signed in here.

mod docker;
mod entry;
mod file;
mod helper;

use std::{env, path::PathBuf};

use wharf_registry_client::Credentials;

pub(crate) use self::docker::{forget, save};
use self::{docker::DockerConfig, file::AuthFile};

/// Credentials found for a registry.
#[derive(Debug)]
pub(crate) struct Saved {
    pub(crate) credentials: Credentials,
    /// `None` for a token without a name.
    pub(crate) account: Option<String>,
    /// A file, a variable or a helper.
    pub(crate) source: String,
}

/// The credentials for `path` on `host`, from the first place that has some:
/// `$REGISTRY_AUTH_FILE`, `$DOCKER_AUTH_CONFIG`, Docker's configuration,
/// podman's `auth.json`.
pub(crate) fn find(host: &str, path: Option<&str>) -> anyhow::Result<Option<Saved>> {
    if let Some(file) = env::var_os("REGISTRY_AUTH_FILE").filter(|file| !file.is_empty())
        && let Some(saved) = AuthFile::read(&PathBuf::from(file))?.find(host, path)
    {
        return Ok(Some(saved));
    }
    if let Ok(text) = env::var("DOCKER_AUTH_CONFIG")
        && let Some(saved) = AuthFile::parse("$DOCKER_AUTH_CONFIG", &text)?.find(host, path)
    {
        return Ok(Some(saved));
    }
    if let Some(saved) = DockerConfig::load()?.find(host, path)? {
        return Ok(Some(saved));
    }
    match podman_file() {
        Some(file) => Ok(AuthFile::read(&file)?.find(host, path)),
        None => Ok(None),
    }
}

fn podman_file() -> Option<PathBuf> {
    let directory = env::var_os("XDG_RUNTIME_DIR").filter(|directory| !directory.is_empty())?;
    Some(PathBuf::from(directory).join("containers/auth.json"))
}
