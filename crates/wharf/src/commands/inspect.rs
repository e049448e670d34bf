//! `wharf inspect`: what an image is, without pulling it.

mod report;

use anyhow::Context;
use wharf_oci::Manifest;
use wharf_registry_client::{RawManifest, Repository};

use self::report::{Config, Report, is_image_config};
use crate::{
    cli::Reach,
    failure::{Exit, Failure},
    output::{self, Output},
    registries::Registries,
    target,
};

/// Largest configuration read, in bytes.
const CONFIG_LIMIT: usize = 8 * 1024 * 1024;

/// Show an image's manifest, platforms, layers and labels
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wharf inspect docker.io/library/nginx:1.26
  wharf inspect ghcr.io/alice/app:1.4 --raw | sha256sum

With --json: {\"reference\", \"digest\", \"media_type\", \"kind\" (image or index), \"size\",
\"artifact_type\", \"subject\", \"platform\", \"created\", \"labels\", \"annotations\", \"config\",
\"layers\", \"manifests\"}; absent ones are left out. Descriptors are {\"digest\",
\"media_type\", \"size\", \"platform\"}; `size` is the bytes of an image's config and
layers, or of the manifest alone for an index.")]
pub(crate) struct Args {
    /// The image, by tag or digest [default tag: latest]
    #[arg(value_name = "REF")]
    image: String,
    /// Print the manifest exactly as stored
    #[arg(long, conflicts_with = "json")]
    raw: bool,
    #[command(flatten)]
    reach: Reach,
}

pub(crate) async fn run(args: Args, output: Output) -> anyhow::Result<Exit> {
    let image = target::image(&args.image, args.reach.host.as_deref())?;
    let repository = Registries::new(&args.reach.connection)?.repository(&image)?;
    let raw = repository
        .get_manifest(&image.reference())
        .await
        .with_context(|| format!("cannot inspect {image}"))?;
    if args.raw {
        output::bytes(&raw.bytes)?;
        return Ok(Exit::Ok);
    }
    let manifest = parse(&raw)?;
    let config = config(&repository, &manifest).await?;
    let report = Report::new(&image, &raw, &manifest, config);
    if output.is_json() {
        output::json(&report)?;
    } else {
        output::line(report)?;
    }
    Ok(Exit::Ok)
}

fn parse(raw: &RawManifest) -> Result<Manifest, Failure> {
    raw.parse()
        .map_err(|error| Failure::usage(error.to_string()).hint("`--raw` prints it as it is"))
}

/// The configuration of an image; artifacts have none that we could read.
async fn config(repository: &Repository, manifest: &Manifest) -> anyhow::Result<Config> {
    let first = manifest.blobs().next();
    let Some(descriptor) = first.filter(|d| is_image_config(&d.media_type)) else {
        return Ok(Config::default());
    };
    let bytes = repository
        .read_blob(&descriptor.digest, CONFIG_LIMIT)
        .await
        .context("cannot read the image's configuration")?;
    Ok(Config::parse(&bytes))
}
