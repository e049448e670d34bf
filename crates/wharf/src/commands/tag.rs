//! `wharf tag`: puts more tags on an image, without moving a byte of it.

use anyhow::Context;
use serde::Serialize;
use wharf_oci::{Reference, Tag};

use crate::{
    cli::Reach,
    failure::{Exit, Failure, exit_of},
    output::{self, Output},
    registries::Registries,
    target,
};

/// Put further tags on an image, in its repository
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  wharf tag ghcr.io/alice/app:1.4.2 1.4 1 latest

The digest stays the same. Prints the tagged images, one per line.
With --json: {\"repository\", \"digest\", \"tags\"}")]
pub(crate) struct Args {
    /// The image, by tag or digest
    #[arg(value_name = "SRC")]
    source: String,
    /// Tags to put on it, without a repository
    #[arg(value_name = "NEWTAG", required = true)]
    tags: Vec<String>,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Serialize)]
struct Report {
    repository: String,
    digest: String,
    /// Those that point at the digest now.
    tags: Vec<String>,
}

pub(crate) async fn run(args: Args, output: Output) -> anyhow::Result<Exit> {
    let image = target::image(&args.source, args.reach.host.as_deref())?;
    let tags = parse_tags(&args.tags)?;
    let repository = Registries::new(&args.reach.connection)?.repository(&image)?;
    let manifest = repository
        .get_manifest(&image.reference())
        .await
        .with_context(|| format!("cannot tag {image}"))?;
    let mut done = Vec::new();
    let mut exit = Exit::Ok;
    for tag in &tags {
        let put = repository
            .put_manifest(&Reference::Tag(tag.clone()), &manifest)
            .await;
        match put.with_context(|| format!("cannot put the tag {tag} on {image}")) {
            Ok(_) => done.push(tag.to_string()),
            Err(error) if done.is_empty() && tags.len() == 1 => return Err(error),
            Err(error) => {
                output::error(format_args!("{error:#}"));
                exit = exit_of(&error);
            }
        }
    }
    if exit != Exit::Ok && !done.is_empty() {
        exit = Exit::Partial;
    }
    report(output, &image.repository(), manifest.digest.as_str(), done)?;
    Ok(exit)
}

fn report(output: Output, repository: &str, digest: &str, tags: Vec<String>) -> anyhow::Result<()> {
    if output.is_json() {
        return output::json(&Report {
            repository: repository.to_owned(),
            digest: digest.to_owned(),
            tags,
        });
    }
    for tag in tags {
        output::line(format_args!("{repository}:{tag}@{digest}"))?;
    }
    Ok(())
}

/// All tags are read before the first is written.
fn parse_tags(tags: &[String]) -> Result<Vec<Tag>, Failure> {
    let parse = |tag: &String| {
        let hint = "NEWTAG is the tag alone, for example `1.4`; the repository stays the same";
        tag.parse::<Tag>()
            .map_err(|e| Failure::usage(e.to_string()).hint(hint))
    };
    tags.iter().map(parse).collect()
}
