//! `wharf ls`: the tags of a repository, or the repositories of an owner or a
//! whole registry.

use anyhow::Context;
use serde::Serialize;
use wharf_registry_client::{Client, Result, quirks};

use crate::{
    cli::Reach,
    failure::{Exit, Failure},
    output::{self, Output},
    registries::Registries,
    target::{self, Place},
};

/// List the tags of a repository, or the repositories of an owner
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wharf ls ghcr.io/alice/app        the tags of a repository
  wharf ls 127.0.0.1:5000/alice     the repositories of an owner
  wharf ls 127.0.0.1:5000           all repositories

One per line. With --json: {\"repository\", \"tags\"} or {\"host\", \"owner\",
\"repositories\"}. Repositories come from the registry's catalog, which many
public registries do not offer.")]
pub(crate) struct Args {
    /// [HOST/]OWNER/NAME, [HOST/]OWNER or HOST
    #[arg(value_name = "PLACE")]
    place: String,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Serialize)]
struct Tagged {
    repository: String,
    tags: Vec<String>,
}

#[derive(Serialize)]
struct Owned {
    host: String,
    owner: Option<String>,
    repositories: Vec<String>,
}

pub(crate) async fn run(args: Args, output: Output) -> anyhow::Result<Exit> {
    let place = target::place(&args.place, args.reach.host.as_deref())?;
    let client =
        Registries::new(&args.reach.connection)?.client(&place.host, place.path.as_deref())?;
    match &place.path {
        Some(path) if quirks::api_path(&place.host, path).contains('/') => {
            let tags = tags(&client, path).await;
            print_tags(
                output,
                &place,
                tags.with_context(|| format!("cannot list {}", args.place))?,
            )?;
        }
        _ => list_owner(&client, &place, output).await?,
    }
    Ok(Exit::Ok)
}

async fn tags(client: &Client, path: &str) -> Result<Vec<String>> {
    client.repository(path)?.tags().await
}

/// An owner's repositories; or, on registries whose repositories need no
/// owner, the tags of the one with that name.
async fn list_owner(client: &Client, place: &Place, output: Output) -> anyhow::Result<()> {
    let listed = client.repositories().await;
    let found = listed.map(|all| belonging_to(all, place.path.as_deref()));
    match (&place.path, found) {
        (_, Ok(repositories)) if !repositories.is_empty() => {
            print_repositories(output, place, repositories)
        }
        (None, Ok(none)) => print_repositories(output, place, none),
        (Some(path), found) => match tags(client, path).await {
            Ok(tags) => print_tags(output, place, tags),
            Err(_) if found.is_ok() => Err(nothing(place, path).into()),
            Err(_) => found.map(drop).with_context(|| no_catalog(place)),
        },
        (None, found) => found.map(drop).with_context(|| no_catalog(place)),
    }
}

fn belonging_to(all: Vec<String>, owner: Option<&str>) -> Vec<String> {
    let belongs = |name: &String| {
        owner.is_none_or(|owner| {
            name.strip_prefix(owner)
                .is_some_and(|rest| rest.starts_with('/'))
        })
    };
    all.into_iter().filter(belongs).collect()
}

fn nothing(place: &Place, path: &str) -> Failure {
    let host = &place.host;
    Failure::new(
        Exit::Missing,
        format!("{host} shows no repository of `{path}`"),
    )
    .hint("private ones are shown to those who may read them: `wharf login`")
}

fn no_catalog(place: &Place) -> String {
    format!(
        "{} does not list its repositories; `wharf ls HOST/OWNER/NAME` lists tags",
        place.host
    )
}

fn print_tags(output: Output, place: &Place, tags: Vec<String>) -> anyhow::Result<()> {
    if output.is_json() {
        let path = place.path.as_deref().unwrap_or_default();
        let repository = format!("{}/{path}", place.host);
        return output::json(&Tagged { repository, tags });
    }
    print_lines(&tags)
}

fn print_repositories(output: Output, place: &Place, names: Vec<String>) -> anyhow::Result<()> {
    if output.is_json() {
        return output::json(&Owned {
            host: place.host.clone(),
            owner: place.path.clone(),
            repositories: names,
        });
    }
    print_lines(&names)
}

fn print_lines(lines: &[String]) -> anyhow::Result<()> {
    for line in lines {
        output::line(line)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_a_whole_component() {
        let all = ["alice/app", "alice/b/c", "alicex/app", "alice"]
            .map(str::to_owned)
            .to_vec();
        assert_eq!(
            belonging_to(all.clone(), Some("alice")),
            ["alice/app", "alice/b/c"]
        );
        assert_eq!(belonging_to(all.clone(), None), all);
    }
}
