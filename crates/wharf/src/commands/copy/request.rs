//! What a copy is asked to do, checked before anything is sent.

use wharf_oci::{ImageReference, Reference, Tag};

use crate::{failure::Failure, target};

/// Places that are no registry; named so that nobody waits for them.
const LATER: [&str; 6] = [
    "oci-layout:",
    "oci:",
    "oci-archive:",
    "docker-archive:",
    "docker-daemon:",
    "dir:",
];

/// A copy as asked for.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) source: ImageReference,
    pub(super) destination: ImageReference,
    all_tags: bool,
}

impl Request {
    pub(super) fn read(
        source: &str,
        destination: &str,
        all_tags: bool,
        default_host: Option<&str>,
    ) -> Result<Self, Failure> {
        refuse_other_places(source)?;
        refuse_other_places(destination)?;
        let request = Self {
            source: target::image(source, default_host)?,
            destination: target::image(destination, default_host)?,
            all_tags,
        };
        if let Some(digest) = &request.destination.digest {
            let message = format!("the destination cannot be chosen by digest ({digest})");
            return Err(Failure::usage(message)
                .hint("digests do not change; name the one to copy in the source"));
        }
        let exact = |image: &ImageReference| image.tag.is_some() || image.digest.is_some();
        if all_tags && (exact(&request.source) || exact(&request.destination)) {
            let message = "--all-tags copies a repository; leave out the tags and digests";
            return Err(Failure::usage(message));
        }
        Ok(request)
    }

    /// The one image to copy, and the tags it gets; `None` if all are to be.
    pub(super) fn job(&self) -> Option<(Reference, Vec<Tag>)> {
        if self.all_tags {
            return None;
        }
        let reference = self.source.reference();
        let tag = match (&self.destination.tag, &self.source.tag, &reference) {
            (Some(tag), _, _) | (None, Some(tag), _) | (None, None, Reference::Tag(tag)) => {
                Some(tag)
            }
            (None, None, Reference::Digest(_)) => None,
        };
        let tags = tag.cloned().into_iter().collect();
        Some((reference, tags))
    }
}

fn refuse_other_places(text: &str) -> Result<(), Failure> {
    match LATER.iter().find(|place| text.starts_with(*place)) {
        Some(place) => Err(Failure::usage(format!(
            "`{place}` is not available in this version: `wharf copy` copies between registries"
        ))
        .hint("skopeo can put such an image on a registry first: skopeo copy … docker://HOST/OWNER/NAME:TAG")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(source: &str, destination: &str, all_tags: bool) -> Result<Request, Failure> {
        Request::read(source, destination, all_tags, None)
    }

    fn job(source: &str, destination: &str) -> (String, Vec<String>) {
        let request = read(source, destination, false).expect("valid");
        let (reference, tags) = request.job().expect("one image");
        (
            reference.to_string(),
            tags.iter().map(Tag::to_string).collect(),
        )
    }

    #[test]
    fn tags_are_kept_unless_another_is_named() {
        let digest = wharf_oci::Digest::sha256(b"x").to_string();
        let tagged = |tag: &str| vec![tag.to_owned()];
        assert_eq!(job("h:1/a/b:1", "h:2/a/b"), ("1".into(), tagged("1")));
        assert_eq!(job("h:1/a/b:1", "h:2/a/b:2"), ("1".into(), tagged("2")));
        assert_eq!(
            job("h:1/a/b", "h:2/a/b"),
            ("latest".into(), tagged("latest"))
        );
        let by_digest = format!("h:1/a/b@{digest}");
        assert_eq!(job(&by_digest, "h:2/a/b"), (digest.clone(), vec![]));
        assert_eq!(job(&by_digest, "h:2/a/b:2"), (digest.clone(), tagged("2")));
        let both = format!("h:1/a/b:1@{digest}");
        assert_eq!(job(&both, "h:2/a/b"), (digest, tagged("1")));
    }

    #[test]
    fn what_cannot_be_is_refused_early() {
        let digest = wharf_oci::Digest::sha256(b"x");
        assert!(read("oci-layout:dir", "h:2/a/b", false).is_err());
        assert!(read("h:1/a/b", "docker-archive:x.tar", false).is_err());
        assert!(read("h:1/a/b", &format!("h:2/a/b@{digest}"), false).is_err());
        assert!(read("h:1/a/b:1", "h:2/a/b", true).is_err());
        assert!(
            read("h:1/a/b", "h:2/a/b", true)
                .expect("valid")
                .job()
                .is_none()
        );
    }
}
