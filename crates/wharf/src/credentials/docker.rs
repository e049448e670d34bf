//! Docker's `config.json`: the one file we write. Everything in it that is
//! not ours stays as it is.

use std::{
    env, fs,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::Context;
use serde_json::{Map, Value, json};
use wharf_registry_client::quirks;

use super::{
    Saved, entry,
    file::{AuthFile, read_document},
    helper::Helper,
};
use crate::failure::Failure;

/// The configuration as read.
#[derive(Debug)]
pub(super) struct DockerConfig {
    path: PathBuf,
    document: Map<String, Value>,
}

/// Saves a login, in the helper if one is configured. Returns where.
pub(crate) fn save(host: &str, username: &str, password: &str) -> anyhow::Result<String> {
    let mut config = DockerConfig::load()?;
    let key = quirks::credential_key(host);
    let (place, entry) = if let Some(helper) = config.helper(host) {
        helper.store(key, username, password)?;
        // As Docker does: the key shows who is logged in, the helper knows how.
        (helper.program(), json!({}))
    } else {
        (
            config.path.display().to_string(),
            entry::write(username, password),
        )
    };
    config.auths_mut()?.insert(key.to_owned(), entry);
    config.write()?;
    Ok(place)
}

/// Forgets a login. Returns whether there was one.
pub(crate) fn forget(host: &str) -> anyhow::Result<bool> {
    let mut config = DockerConfig::load()?;
    let erased = match config.helper(host) {
        Some(helper) => helper.erase(quirks::credential_key(host))?,
        None => false,
    };
    let mut removed = false;
    if config.document.contains_key("auths") {
        let auths = config.auths_mut()?;
        while let Some(key) = entry::best_key(auths, host, None).map(str::to_owned) {
            auths.remove(&key);
            removed = true;
        }
    }
    if removed {
        config.write()?;
    }
    Ok(erased || removed)
}

impl DockerConfig {
    /// Reads `$DOCKER_CONFIG/config.json` or `~/.docker/config.json`; one that
    /// does not exist is empty.
    pub(super) fn load() -> anyhow::Result<Self> {
        let path = path()?;
        let document = read_document(&path)?.unwrap_or_default();
        Ok(Self { path, document })
    }

    pub(super) fn find(&self, host: &str, path: Option<&str>) -> anyhow::Result<Option<Saved>> {
        if let Some(helper) = self.helper(host)
            && let Some((account, credentials)) = helper.get(quirks::credential_key(host))?
        {
            return Ok(Some(Saved {
                credentials,
                account: Some(account),
                source: helper.program(),
            }));
        }
        let source = self.path.display().to_string();
        Ok(AuthFile::of(&source, &self.document).find(host, path))
    }

    /// The helper for `host`: its own, or the one for all.
    fn helper(&self, host: &str) -> Option<Helper> {
        let own = self.document.get("credHelpers").and_then(|helpers| {
            let canonical = quirks::canonical_host(host);
            [host, canonical, quirks::credential_key(host)]
                .iter()
                .find_map(|key| helpers[*key].as_str())
        });
        let all = || self.document.get("credsStore").and_then(Value::as_str);
        own.or_else(all)
            .filter(|name| !name.is_empty())
            .map(Helper::new)
    }

    fn auths_mut(&mut self) -> anyhow::Result<&mut Map<String, Value>> {
        let auths = self.document.entry("auths").or_insert_with(|| json!({}));
        auths.as_object_mut().ok_or_else(|| {
            Failure::usage(format!(
                "`auths` in {} is not an object",
                self.path.display()
            ))
            .into()
        })
    }

    /// Replaces the file in one step, readable by its owner only. A link is
    /// followed, so that it stays one.
    fn write(&self) -> anyhow::Result<()> {
        let target = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        write_private(&target, &self.document)
            .with_context(|| format!("cannot write {}", target.display()))
    }
}

fn write_private(target: &Path, document: &Map<String, Value>) -> anyhow::Result<()> {
    let directory = target.parent().context("it is in no directory")?;
    fs::create_dir_all(directory)?;
    // Temporary files are created with mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    serde_json::to_writer_pretty(&mut file, document)?;
    file.write_all(b"\n")?;
    file.as_file().sync_all()?;
    file.persist(target)?;
    Ok(())
}

fn path() -> anyhow::Result<PathBuf> {
    if let Some(directory) = env::var_os("DOCKER_CONFIG").filter(|d| !d.is_empty()) {
        return Ok(PathBuf::from(directory).join("config.json"));
    }
    let home = env::home_dir().filter(|home| !home.as_os_str().is_empty());
    let home = home.ok_or_else(|| {
        Failure::usage("there is no home directory to keep logins in").hint("set DOCKER_CONFIG")
    })?;
    Ok(home.join(".docker/config.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(document: &Value) -> DockerConfig {
        DockerConfig {
            path: PathBuf::from("config.json"),
            document: document.as_object().cloned().expect("an object"),
        }
    }

    #[test]
    fn the_hosts_own_helper_comes_first() {
        let config = config(&json!({
            "credsStore": "desktop", "credHelpers": {"gcr.io": "gcloud", "docker.io": "hub"},
        }));
        assert_eq!(config.helper("gcr.io"), Some(Helper::new("gcloud")));
        assert_eq!(config.helper("index.docker.io"), Some(Helper::new("hub")));
        assert_eq!(config.helper("ghcr.io"), Some(Helper::new("desktop")));
    }

    #[test]
    fn what_is_not_ours_stays_and_the_file_is_private() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().expect("a directory");
        let mut config = config(&json!({"proxies": {"default": {}}, "auths": {"x": {}}}));
        config.path = directory.path().join("deep/config.json");
        config
            .auths_mut()
            .expect("auths")
            .insert("y".into(), json!({}));
        config.write().expect("written");

        let written = read_document(&config.path)
            .expect("readable")
            .expect("there");
        let expected = json!({"proxies": {"default": {}}, "auths": {"x": {}, "y": {}}});
        assert_eq!(Value::Object(written), expected);
        let mode = fs::metadata(&config.path)
            .expect("there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
