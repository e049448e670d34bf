//! `wharf delete`: deletes a tag, or an image with all its tags. Which one
//! must be said: an implied `latest` would delete what nobody named.

use anyhow::Context;
use serde::Serialize;
use wharf_oci::{ImageReference, Reference};
use wharf_registry_client::{Error, ErrorKind};

use crate::{
    cli::Reach,
    failure::{Exit, Failure},
    output::{self, Output},
    registries::Registries,
    target,
};

/// Delete a tag, or an image with all its tags
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wharf delete ghcr.io/alice/app:old               deletes the tag; the image stays
  wharf delete ghcr.io/alice/app@sha256:2c26b4…    deletes the image and all its tags

Prints what was deleted. With --json: {\"deleted\", \"by\"}, where `by` is
\"tag\" or \"digest\".")]
pub(crate) struct Args {
    /// The image, with a tag or a digest
    #[arg(value_name = "REF")]
    image: String,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Serialize)]
struct Report {
    deleted: String,
    by: &'static str,
}

pub(crate) async fn run(args: Args, output: Output) -> anyhow::Result<Exit> {
    let image = target::image(&args.image, args.reach.host.as_deref())?;
    let (reference, by) = exact(&image)?;
    let repository = Registries::new(&args.reach.connection)?.repository(&image)?;
    if let Err(error) = repository.delete_manifest(&reference).await {
        return Err(explain(error, &reference)).with_context(|| format!("cannot delete {image}"));
    }
    let deleted = image.to_string();
    if output.is_json() {
        output::json(&Report { deleted, by })?;
    } else {
        output::line(deleted)?;
    }
    Ok(Exit::Ok)
}

/// What to delete, if it was said without doubt.
fn exact(image: &ImageReference) -> Result<(Reference, &'static str), Failure> {
    match (&image.tag, &image.digest) {
        (Some(tag), None) => Ok((Reference::Tag(tag.clone()), "tag")),
        (None, Some(digest)) => Ok((Reference::Digest(digest.clone()), "digest")),
        (None, None) => Err(
            Failure::usage(format!("`{image}` does not say what to delete")).hint(format!(
                "name a tag ({image}:TAG) or an image ({image}@sha256:…)"
            )),
        ),
        (Some(_), Some(_)) => Err(Failure::usage(format!(
            "`{image}` names a tag and a digest: delete one or the other"
        ))
        .hint("a tag alone is removed from its image; a digest is removed with all its tags")),
    }
}

/// Older registries can delete by digest only, and say so in riddles.
fn explain(error: Error, reference: &Reference) -> anyhow::Error {
    let by_tag = matches!(reference, Reference::Tag(_));
    if by_tag && error.kind() == ErrorKind::Invalid {
        let hint = "this registry may not be able to delete a tag alone; \
                    `wharf inspect` shows the digest, deleting that removes all tags of the image";
        return Failure::usage(error.to_string()).hint(hint).into();
    }
    error.into()
}
