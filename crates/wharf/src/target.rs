//! What a command is about, as typed: an image, or a place to list.

use wharf_oci::{ImageReference, reference::ReferenceError};

use crate::failure::Failure;

/// With one more component even a bare host is an image, so that one grammar
/// decides what a host is.
const MORE: &str = "/x";

/// What `ls` lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) host: String,
    /// An owner or a repository; `None` for the whole registry.
    pub(crate) path: Option<String>,
}

/// Reads `[HOST/]PATH[:TAG][@DIGEST]`.
pub(crate) fn image(text: &str, default_host: Option<&str>) -> Result<ImageReference, Failure> {
    match text.parse() {
        Err(ReferenceError::NoHost(_)) => {
            let host = default_host.ok_or_else(|| no_host(text))?;
            format!("{host}/{text}").parse().map_err(|e| bad(text, &e))
        }
        parsed => parsed.map_err(|e| bad(text, &e)),
    }
}

/// Reads `HOST[/PATH]`, or `PATH` on the default host.
pub(crate) fn place(text: &str, default_host: Option<&str>) -> Result<Place, Failure> {
    let text = text.trim_end_matches('/');
    if let Ok(image) = text.parse::<ImageReference>()
        && (image.tag.is_some() || image.digest.is_some())
    {
        let message = format!("`{text}` names one image; `ls` lists a repository or an owner");
        return Err(Failure::usage(message).hint(format!("wharf ls {}", image.repository())));
    }
    let image = image(&format!("{text}{MORE}"), default_host)?;
    let path = image.path.strip_suffix(MORE).map(str::to_owned);
    Ok(Place {
        host: image.host,
        path,
    })
}

fn no_host(text: &str) -> Failure {
    if format!("{text}{MORE}").parse::<ImageReference>().is_ok() {
        let message = format!("`{text}` is a registry; this needs an image on it");
        return Failure::usage(message).hint(format!("write {text}/OWNER/NAME"));
    }
    let text = text.strip_suffix(MORE).unwrap_or(text);
    Failure::usage(format!("`{text}` does not say which registry"))
        .hint(format!("write HOST/{text}, or set WHARF_HOST"))
}

fn bad(text: &str, reason: &ReferenceError) -> Failure {
    Failure::usage(format!("`{text}` is not an image name: {reason}"))
        .hint("images are written HOST/OWNER/NAME[:TAG][@DIGEST]")
}

#[cfg(test)]
mod tests {
    #[test]
    fn images_with_and_without_a_host() {
        let image = |text, host| super::image(text, host).map(|i| i.to_string());
        assert_eq!(
            image("ghcr.io/a/b:1", None).expect("valid"),
            "ghcr.io/a/b:1"
        );
        assert_eq!(
            image("a/b:1", Some("ghcr.io")).expect("valid"),
            "ghcr.io/a/b:1"
        );
        assert_eq!(
            image("ghcr.io/a/b", Some("quay.io")).expect("valid"),
            "ghcr.io/a/b"
        );
        assert!(image("a/b:1", None).is_err());
        let registry = image("ghcr.io", None).expect_err("no image");
        assert!(registry.to_string().contains("is a registry"));
        assert!(image("ghcr.io/A/b", None).is_err());
    }

    #[test]
    fn places() {
        let place = |text, host| super::place(text, host).map(|p| (p.host, p.path));
        let at = |host: &str, path: Option<&str>| (host.to_owned(), path.map(str::to_owned));
        let expect = |text, host, expected| assert_eq!(place(text, host).expect(text), expected);
        expect("127.0.0.1:5000", None, at("127.0.0.1:5000", None));
        expect("ghcr.io/", None, at("ghcr.io", None));
        expect("ghcr.io/alice", None, at("ghcr.io", Some("alice")));
        expect("ghcr.io/alice/app", None, at("ghcr.io", Some("alice/app")));
        expect("alice", Some("ghcr.io"), at("ghcr.io", Some("alice")));
        expect("alice/app", Some("h:1"), at("h:1", Some("alice/app")));
        assert!(place("alice/app", None).is_err());
        assert!(place("ghcr.io/alice/app:1", None).is_err());
    }
}
