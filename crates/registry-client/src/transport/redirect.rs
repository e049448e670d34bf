//! Where a request may go next. Redirects and upload locations are chosen by
//! the server, so they are followed by rule: never from https to http, never
//! more than a few hops. (Credentials stay with their origin: see
//! [`super::http::Authorization`].)

use http::{HeaderMap, Method, StatusCode, header::LOCATION};
use url::Url;

use crate::error::{Error, Result, host_of};

/// Most redirects followed for one request.
pub(super) const MAX_HOPS: usize = 5;

/// The next URL, if this answer is a redirect that can be followed.
///
/// 301, 302 and 303 are followed for reads only: for anything else browsers
/// and clients disagree on whether the method stays.
pub(super) fn next(
    method: &Method,
    status: StatusCode,
    headers: &HeaderMap,
    from: &Url,
) -> Result<Option<Url>> {
    let read = method == Method::GET || method == Method::HEAD;
    let follow = match status.as_u16() {
        301..=303 => read,
        307 | 308 => true,
        _ => false,
    };
    if !follow {
        return Ok(None);
    }
    location(headers, from).map(Some)
}

/// The `Location` of an answer, resolved and checked.
pub(crate) fn location(headers: &HeaderMap, from: &Url) -> Result<Url> {
    let location = headers
        .get(LOCATION)
        .and_then(|value| value.to_str().ok())
        .ok_or_else(|| Error::protocol(from, "the answer lacks a Location header"))?;
    resolve(from, location)
}

/// Resolves a URL that a server chose, against the URL it answered to.
pub(crate) fn resolve(from: &Url, target: &str) -> Result<Url> {
    let url = from
        .join(target)
        .map_err(|e| Error::protocol(from, format!("`{target}` is not a URL: {e}")))?;
    match (from.scheme(), url.scheme()) {
        (_, "https") | ("http", "http") => {}
        ("https", "http") => {
            return Err(Error::Unsafe(format!(
                "{} sends us from https to plain http ({}): not followed. \
                 Its operator has to set its external URL to https",
                host_of(from),
                host_of(&url)
            )));
        }
        (_, other) => {
            return Err(Error::protocol(
                from,
                format!("it redirects to a `{other}:` URL"),
            ));
        }
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::protocol(
            from,
            "it redirects to a URL with a password in it",
        ));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn go(method: &Method, status: u16, from: &str, to: &str) -> Result<Option<Url>> {
        let mut headers = HeaderMap::new();
        headers.insert(LOCATION, HeaderValue::from_str(to).expect("valid"));
        let from = Url::parse(from).expect("valid");
        next(
            method,
            StatusCode::from_u16(status).expect("valid"),
            &headers,
            &from,
        )
    }

    #[test]
    fn reads_follow_every_redirect() {
        for status in [301, 302, 303, 307, 308] {
            let next = go(
                &Method::GET,
                status,
                "https://a/v2/x",
                "https://cdn/y?sig=1",
            );
            assert_eq!(
                next.expect("allowed").expect("a hop").as_str(),
                "https://cdn/y?sig=1"
            );
        }
        let relative = go(&Method::HEAD, 307, "https://a/v2/x", "/y");
        assert_eq!(
            relative.expect("allowed").expect("a hop").as_str(),
            "https://a/y"
        );
    }

    #[test]
    fn writes_follow_only_what_keeps_the_method() {
        assert!(matches!(
            go(&Method::PUT, 302, "https://a/", "/y"),
            Ok(None)
        ));
        assert!(matches!(
            go(&Method::PUT, 307, "https://a/", "/y"),
            Ok(Some(_))
        ));
        assert!(matches!(
            go(&Method::POST, 202, "https://a/", "/y"),
            Ok(None)
        ));
    }

    #[test]
    fn unsafe_targets_are_refused() {
        for target in [
            "http://a/y",
            "http://cdn/y",
            "file:///etc/passwd",
            "https://u:p@cdn/",
        ] {
            assert!(
                go(&Method::GET, 307, "https://a/x", target).is_err(),
                "{target}"
            );
        }
        assert!(matches!(
            go(&Method::GET, 307, "https://a/x", "http://a/x"),
            Err(Error::Unsafe(_))
        ));
    }

    #[test]
    fn plain_http_stays_possible_where_it_began() {
        assert!(
            go(
                &Method::GET,
                307,
                "http://127.0.0.1:5000/x",
                "http://127.0.0.1:9000/y"
            )
            .is_ok()
        );
    }

    proptest! {
        #[test]
        fn https_never_becomes_anything_else(target in "[ -~]{0,60}") {
            let from = Url::parse("https://registry.example/v2/").expect("valid");
            if let Ok(url) = resolve(&from, &target) {
                prop_assert_eq!(url.scheme(), "https");
            }
        }
    }
}
