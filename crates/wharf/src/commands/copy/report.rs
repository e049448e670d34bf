//! What `copy` tells, as JSON and as text.

use serde::Serialize;
use wharf_oci::{Reference, Size, Tag};
use wharf_registry_client::copy::Copied;

use super::{Request, exit_for, named, worst};
use crate::{
    failure::Exit,
    output::{self, Output},
};

/// What became of one image.
#[derive(Debug)]
pub(super) enum Outcome {
    Done(Copied),
    Failed(anyhow::Error),
    /// Not tried, because the registry asked for a pause.
    Deferred,
}

/// What became of all of them.
#[derive(Debug)]
pub(super) struct Report {
    source: String,
    destination: String,
    images: Vec<Image>,
}

#[derive(Debug)]
struct Image {
    source: String,
    destination: String,
    outcome: Outcome,
}

/// The documented JSON of `wharf copy --json`.
#[derive(Serialize)]
struct Document<'a> {
    source: &'a str,
    destination: &'a str,
    images: Vec<ImageDocument<'a>>,
}

#[derive(Serialize)]
struct ImageDocument<'a> {
    source: &'a str,
    destination: &'a str,
    status: &'static str,
    #[serde(flatten)]
    copied: Option<CopiedDocument<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// The part of [`Copied`] that is not the status.
#[derive(Serialize)]
struct CopiedDocument<'a> {
    digest: &'a str,
    media_type: &'a str,
    manifests: u64,
    referrers: u64,
    blobs: wharf_registry_client::copy::BlobCounts,
    bytes_moved: u64,
}

impl Outcome {
    pub(super) fn of(result: anyhow::Result<Copied>) -> Self {
        match result {
            Ok(copied) => Self::Done(copied),
            Err(error) => Self::Failed(error),
        }
    }
}

impl Report {
    pub(super) fn new(request: &Request) -> Self {
        Self {
            source: request.source.to_string(),
            destination: request.destination.to_string(),
            images: Vec::new(),
        }
    }

    pub(super) fn add(
        &mut self,
        request: &Request,
        reference: &Reference,
        tags: &[Tag],
        outcome: Outcome,
    ) {
        let destination = match tags.first() {
            Some(tag) => named(&request.destination, &Reference::Tag(tag.clone())),
            None => request.destination.repository(),
        };
        self.images.push(Image {
            source: named(&request.source, reference),
            destination,
            outcome,
        });
    }

    pub(super) fn is_rate_limited(&self) -> bool {
        let last = self.images.last().map(|image| exit_for(&image.outcome));
        last == Some(Exit::Deferred)
    }

    /// The failure, if there was one image and it failed.
    pub(super) fn only_failure(&mut self) -> Option<anyhow::Error> {
        match &mut self.images[..] {
            [image] if matches!(image.outcome, Outcome::Failed(_)) => {
                let outcome = std::mem::replace(&mut image.outcome, Outcome::Deferred);
                let Outcome::Failed(error) = outcome else {
                    return None;
                };
                let what = format!("cannot copy {} to {}", image.source, image.destination);
                Some(error.context(what))
            }
            _ => None,
        }
    }

    pub(super) fn exit(&self) -> Exit {
        let exits: Vec<Exit> = self.images.iter().map(|i| exit_for(&i.outcome)).collect();
        worst(&exits)
    }

    pub(super) fn print(&self, output: Output) -> anyhow::Result<()> {
        if output.is_json() {
            return output::json(&Document {
                source: &self.source,
                destination: &self.destination,
                images: self.images.iter().map(Image::document).collect(),
            });
        }
        for image in &self.images {
            image.print(output)?;
        }
        if self.images.is_empty() {
            output.note(format_args!("{} has no tags: nothing to copy", self.source));
        }
        Ok(())
    }
}

impl Image {
    fn document(&self) -> ImageDocument<'_> {
        let (status, copied, error) = match &self.outcome {
            Outcome::Done(copied) if copied.unchanged => ("unchanged", Some(copied), None),
            Outcome::Done(copied) => ("copied", Some(copied), None),
            Outcome::Failed(error) => ("failed", None, Some(format!("{error:#}"))),
            Outcome::Deferred => ("deferred", None, None),
        };
        ImageDocument {
            source: &self.source,
            destination: &self.destination,
            status,
            copied: copied.map(|copied| CopiedDocument {
                digest: copied.digest.as_str(),
                media_type: &copied.media_type,
                manifests: copied.manifests,
                referrers: copied.referrers,
                blobs: copied.blobs,
                bytes_moved: copied.bytes_moved,
            }),
            error,
        }
    }

    fn print(&self, output: Output) -> anyhow::Result<()> {
        match &self.outcome {
            Outcome::Done(copied) => {
                output.note(format_args!("{}: {}", self.source, summary(copied)));
                output::line(format_args!("{}@{}", self.destination, copied.digest))?;
            }
            Outcome::Failed(error) => {
                output::error(format_args!("cannot copy {}: {error:#}", self.source));
            }
            Outcome::Deferred => {
                output::error(format_args!("{} was not tried: rate-limited", self.source));
            }
        }
        Ok(())
    }
}

fn summary(copied: &Copied) -> String {
    let blobs = copied.blobs;
    let referrers = match copied.referrers {
        0 => String::new(),
        n => format!(", {n} referrers"),
    };
    if copied.unchanged {
        return format!("unchanged{referrers}");
    }
    format!(
        "copied; {} moved in {} blobs, {} mounted, {} there already{referrers}",
        Size(copied.bytes_moved),
        blobs.moved,
        blobs.mounted,
        blobs.present
    )
}
