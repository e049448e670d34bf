//! From headers and queries to what use cases take.

use std::net::IpAddr;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::{HeaderMap, header};
use ipnet::IpNet;
use percent_encoding::percent_decode_str;
use wharf_app::authn::Presented;

/// The credential of a request.
pub fn credential(headers: &HeaderMap) -> Presented {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Presented::Nothing;
    };
    let Some((scheme, rest)) = value.to_str().ok().and_then(|v| v.split_once(' ')) else {
        return Presented::Unreadable;
    };
    let rest = rest.trim();
    match scheme.to_ascii_lowercase().as_str() {
        "basic" => basic(rest),
        // `token` is how GitHub's API has it.
        "bearer" | "token" if !rest.is_empty() => Presented::Bearer(rest.to_owned()),
        _ => Presented::Unreadable,
    }
}

fn basic(encoded: &str) -> Presented {
    let decoded = BASE64_STANDARD.decode(encoded).ok();
    let text = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    match text.as_deref().and_then(|t| t.split_once(':')) {
        Some((user, secret)) if !secret.is_empty() => Presented::Basic {
            user: user.to_owned(),
            secret: secret.to_owned(),
        },
        Some(("", "")) => Presented::Nothing,
        _ => Presented::Unreadable,
    }
}

/// The values of a query parameter, decoded, in order.
pub fn query_values<'a>(
    query: Option<&'a str>,
    name: &'a str,
) -> impl Iterator<Item = String> + 'a {
    let pairs = query.unwrap_or_default().split('&');
    pairs.filter_map(move |pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(key) == name).then(|| decode(value))
    })
}

/// The first value of a query parameter.
pub fn query_value(query: Option<&str>, name: &str) -> Option<String> {
    query_values(query, name).next()
}

fn decode(s: &str) -> String {
    let spaced = s.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

/// The client's address: the connection's peer, or, behind trusted proxies,
/// the last address that none of them vouches for, read from the right.
pub fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
    if !is_trusted(&peer) {
        return peer;
    }
    let values = headers.get_all("x-forwarded-for").iter();
    let hops: Vec<IpAddr> = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map_while(|hop| hop.trim().parse().ok())
        .collect();
    let client = hops.iter().rev().find(|hop| !is_trusted(hop));
    client.or(hops.first()).copied().unwrap_or(peer)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn with(name: &'static str, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(value).expect("a header"));
        headers
    }

    #[test]
    fn credentials() {
        let of = |value: &str| credential(&with("authorization", value));
        let basic = |text: &str| format!("Basic {}", BASE64_STANDARD.encode(text));
        assert_eq!(credential(&HeaderMap::new()), Presented::Nothing);
        assert_eq!(of("Bearer QQ=="), Presented::Bearer("QQ==".into()));
        assert_eq!(of("bearer x"), Presented::Bearer("x".into()));
        let expected = Presented::Basic {
            user: "a".into(),
            secret: "b:c".into(),
        };
        assert_eq!(of(&basic("a:b:c")), expected);
        assert_eq!(of(&basic(":")), Presented::Nothing);
        for bad in ["Bearer", "Basic x", "Digest x", &basic("nocolon")] {
            assert_eq!(of(bad), Presented::Unreadable, "{bad}");
        }
    }

    #[test]
    fn forwarded_addresses_are_believed_from_the_right() {
        let ip = |s: &str| s.parse::<IpAddr>().expect("an address");
        let trusted = ["10.0.0.0/8".parse().expect("a network")];
        let headers = with("x-forwarded-for", "1.1.1.1, 2.2.2.2, 10.0.0.9");
        assert_eq!(
            client_address(ip("9.9.9.9"), &headers, &trusted),
            ip("9.9.9.9")
        );
        assert_eq!(
            client_address(ip("10.0.0.1"), &headers, &trusted),
            ip("2.2.2.2")
        );
        assert_eq!(
            client_address(ip("10.0.0.1"), &headers, &[]),
            ip("10.0.0.1")
        );
        let junk = with("x-forwarded-for", "unknown");
        assert_eq!(
            client_address(ip("10.0.0.1"), &junk, &trusted),
            ip("10.0.0.1")
        );
    }

    #[test]
    fn queries() {
        let query = Some("scope=a%3Ab&n=1&scope=c+d&x");
        assert_eq!(
            query_values(query, "scope").collect::<Vec<_>>(),
            ["a:b", "c d"]
        );
        assert_eq!(query_value(query, "x").as_deref(), Some(""));
        assert_eq!(query_value(query, "y"), None);
    }
}
