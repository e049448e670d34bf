//! `wharf copy`: moves images between registries, or between repositories of
//! one, without a daemon and without changing a byte.

mod report;
mod request;

use anyhow::Context;
use wharf_oci::{ImageReference, Reference, Tag};
use wharf_registry_client::{copy::Copier, platform::Platform};

use self::{
    report::{Outcome, Report},
    request::Request,
};
use crate::{
    cli::Reach,
    failure::{Exit, exit_of},
    output::Output,
    progress::Bar,
    registries::Registries,
};

/// Copy images from one repository to another, on the same or another registry
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wharf copy docker.io/library/nginx:1.26 127.0.0.1:5000/alice/nginx:1.26
  wharf copy ghcr.io/alice/app:1.4 quay.io/alice/app          keeps the tag
  wharf copy ghcr.io/alice/app quay.io/alice/app --all-tags --referrers

Digests stay as they are. Blobs that DST has are skipped, blobs on the same
registry are mounted, everything else streams through. The tag comes last: an
interrupted copy can be repeated and moves only what is missing.

Prints what is in place, one image per line. With --json: {\"source\",
\"destination\", \"images\": [{\"source\", \"destination\", \"status\" (copied, unchanged,
failed or deferred), \"digest\", \"media_type\", \"manifests\", \"referrers\", \"blobs\":
{\"present\", \"mounted\", \"moved\"}, \"bytes_moved\", \"error\"}]}.")]
pub(crate) struct Args {
    /// The image to copy
    #[arg(value_name = "SRC")]
    source: String,
    /// Where to [default tag: that of SRC]
    #[arg(value_name = "DST")]
    destination: String,
    /// Copy the image of one platform only, for example linux/arm64
    #[arg(long, value_name = "OS/ARCH[/VARIANT]")]
    platform: Option<Platform>,
    /// Copy every tag of the repository
    #[arg(long)]
    all_tags: bool,
    /// Copy signatures, SBOMs and whatever else was attached
    #[arg(long)]
    referrers: bool,
    #[command(flatten)]
    reach: Reach,
}

pub(crate) async fn run(args: Args, output: Output) -> anyhow::Result<Exit> {
    let host = args.reach.host.as_deref();
    let request = Request::read(&args.source, &args.destination, args.all_tags, host)?;
    let registries = Registries::new(&args.reach.connection)?;
    let source = registries.repository(&request.source)?;
    let destination = registries.repository(&request.destination)?;
    let jobs = if let Some(job) = request.job() {
        vec![job]
    } else {
        let listed = source.tags().await;
        let what = || format!("cannot list the tags of {}", request.source.repository());
        tag_jobs(&listed.with_context(what)?)?
    };
    let bar = Bar::new(output, "copying");
    let copier = Copier::new(source, destination, bar.clone())
        .for_platform(args.platform)
        .with_referrers(args.referrers);
    let mut report = Report::new(&request);
    for (reference, tags) in &jobs {
        if report.is_rate_limited() {
            report.add(&request, reference, tags, Outcome::Deferred);
            continue;
        }
        let result = copier
            .copy(reference, tags)
            .await
            .map_err(anyhow::Error::from);
        report.add(&request, reference, tags, Outcome::of(result));
    }
    bar.clear();
    finish(report, output)
}

/// A whole repository, tag by tag.
fn tag_jobs(tags: &[String]) -> anyhow::Result<Vec<(Reference, Vec<Tag>)>> {
    let job = |tag: &String| {
        let tag: Tag = tag.parse()?;
        Ok((Reference::Tag(tag.clone()), vec![tag]))
    };
    tags.iter().map(job).collect()
}

/// One failed image is the command's failure; of several, each is reported.
fn finish(mut report: Report, output: Output) -> anyhow::Result<Exit> {
    if let Some(error) = report.only_failure() {
        return Err(error);
    }
    report.print(output)?;
    Ok(report.exit())
}

/// `image` in words, for messages.
fn named(image: &ImageReference, reference: &Reference) -> String {
    match reference {
        Reference::Tag(tag) => format!("{}:{tag}", image.repository()),
        Reference::Digest(digest) => format!("{}@{digest}", image.repository()),
    }
}

/// The worst that happened, as an exit code.
fn worst(exits: &[Exit]) -> Exit {
    match exits.iter().find(|exit| **exit != Exit::Ok) {
        None => Exit::Ok,
        Some(_) if exits.contains(&Exit::Deferred) => Exit::Deferred,
        Some(_) if exits.contains(&Exit::Ok) => Exit::Partial,
        Some(first) => *first,
    }
}

/// The exit code of one image.
fn exit_for(outcome: &Outcome) -> Exit {
    match outcome {
        Outcome::Done(_) => Exit::Ok,
        Outcome::Failed(error) => exit_of(error),
        Outcome::Deferred => Exit::Deferred,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_exit_code_for_many_images() {
        assert_eq!(worst(&[]), Exit::Ok);
        assert_eq!(worst(&[Exit::Ok, Exit::Ok]), Exit::Ok);
        assert_eq!(worst(&[Exit::Ok, Exit::Missing]), Exit::Partial);
        assert_eq!(worst(&[Exit::Auth, Exit::Missing]), Exit::Auth);
        assert_eq!(
            worst(&[Exit::Ok, Exit::Deferred, Exit::Auth]),
            Exit::Deferred
        );
    }
}
