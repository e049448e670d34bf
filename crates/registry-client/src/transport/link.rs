//! `Link: <…>; rel="next"` (RFC 8288): how registries page their lists.

use http::{HeaderMap, header::LINK};
use url::Url;

use super::redirect;
use crate::error::{Error, Result};

/// The next page of the list that was served from `from`, if there is one.
pub(crate) fn next(headers: &HeaderMap, from: &Url) -> Result<Option<Url>> {
    let values = headers.get_all(LINK).iter().filter_map(|v| v.to_str().ok());
    let Some(target) = values.flat_map(links).find_map(next_target) else {
        return Ok(None);
    };
    let url = redirect::resolve(from, target)?;
    if url.origin() != from.origin() {
        let reason = format!("the next page of its list is on another server ({url})");
        return Err(Error::protocol(from, reason));
    }
    if url == *from {
        return Err(Error::protocol(
            from,
            "the next page of its list is the same page",
        ));
    }
    Ok(Some(url))
}

/// One header may hold several links; a URL in brackets may hold commas.
fn links(header: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = header;
    std::iter::from_fn(move || {
        let (_, after) = rest.split_once('<')?;
        let (target, after) = after.split_once('>')?;
        let end = after.find('<').unwrap_or(after.len());
        let (params, next) = after.split_at(end);
        rest = next;
        Some((target, params))
    })
}

fn next_target<'a>((target, params): (&'a str, &str)) -> Option<&'a str> {
    let is_next = params.split([';', ',']).any(|param| {
        param.split_once('=').is_some_and(|(key, value)| {
            let rel = value.trim().trim_matches('"');
            key.trim().eq_ignore_ascii_case("rel")
                && rel.split(' ').any(|r| r.eq_ignore_ascii_case("next"))
        })
    });
    is_next.then_some(target)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn page(header: &str) -> Result<Option<Url>> {
        let mut headers = HeaderMap::new();
        headers.insert(LINK, HeaderValue::from_str(header).expect("valid"));
        next(
            &headers,
            &Url::parse("https://ghcr.io/v2/a/b/tags/list?n=2").expect("valid"),
        )
    }

    #[test]
    fn relative_absolute_and_among_others() {
        let second = "https://ghcr.io/v2/a/b/tags/list?last=x,y&n=2";
        for header in [
            r#"</v2/a/b/tags/list?last=x,y&n=2>; rel="next""#,
            "</v2/a/b/tags/list?last=x,y&n=2>;rel=next",
            r#"<https://ghcr.io/v2/a/b/tags/list?last=x,y&n=2>; title="a"; REL="Next""#,
            r#"</first>; rel="first", </v2/a/b/tags/list?last=x,y&n=2>; rel="next""#,
            r#"<?last=x,y&n=2>; rel="next""#,
        ] {
            assert_eq!(page(header).expect(header).expect(header).as_str(), second);
        }
    }

    #[test]
    fn no_next_page() {
        for header in ["", "garbage", r#"</x>; rel="prev""#, "</x>", "<x; rel=next"] {
            assert!(matches!(page(header), Ok(None)), "{header}");
        }
    }

    #[test]
    fn a_list_stays_on_its_server_and_moves_on() {
        assert!(page(r#"<https://evil/x>; rel="next""#).is_err());
        assert!(page(r#"<http://ghcr.io/x>; rel="next""#).is_err());
        assert!(page(r#"</v2/a/b/tags/list?n=2>; rel="next""#).is_err());
    }

    proptest! {
        #[test]
        fn parsing_never_panics(header in "[ -~]{0,80}") {
            let _ = page(&header);
        }
    }
}
