//! From headers and queries to what use cases take.

use std::net::{IpAddr, SocketAddr};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderValue, header};
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
/// the last address that none of them vouches for, read from the right. It is
/// not known if a trusted proxy passed on something that is no address.
pub fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> Option<IpAddr> {
    let is_trusted = |address: IpAddr| trusted.iter().any(|net| net.contains(&address));
    let peer = peer.to_canonical();
    if !is_trusted(peer) {
        return Some(peer);
    }
    let values: Vec<&HeaderValue> = headers.get_all("x-forwarded-for").iter().collect();
    let mut last = peer;
    for value in values.into_iter().rev() {
        for hop in value.to_str().ok()?.rsplit(',') {
            last = hop_address(hop.trim())?;
            if !is_trusted(last) {
                return Some(last);
            }
        }
    }
    Some(last)
}

/// An address as proxies write it, perhaps with a port.
fn hop_address(hop: &str) -> Option<IpAddr> {
    let bracketed = hop
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let address = match hop.parse::<SocketAddr>() {
        Ok(with_port) => with_port.ip(),
        Err(_) => bracketed.unwrap_or(hop).parse().ok()?,
    };
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
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
        let of = |peer: &str, header: &str, trusted: &[IpNet]| {
            client_address(ip(peer), &with("x-forwarded-for", header), trusted)
        };
        let chain = "1.1.1.1, 2.2.2.2, 10.0.0.9";
        assert_eq!(of("9.9.9.9", chain, &trusted), Some(ip("9.9.9.9")));
        assert_eq!(of("10.0.0.1", chain, &trusted), Some(ip("2.2.2.2")));
        assert_eq!(of("10.0.0.1", chain, &[]), Some(ip("10.0.0.1")));
        assert_eq!(of("::ffff:10.0.0.1", chain, &trusted), Some(ip("2.2.2.2")));
        for (header, expected) in [
            ("10.1.1.1, x, 8.8.8.8", Some("8.8.8.8")),
            ("10.1.1.1, 8.8.8.8:52331", Some("8.8.8.8")),
            ("[2001:db8::1]:443", Some("2001:db8::1")),
            ("[2001:db8::1]", Some("2001:db8::1")),
            ("10.1.1.1, x", None),
            ("unknown", None),
            ("", None),
            ("10.2.2.2", Some("10.2.2.2")),
        ] {
            assert_eq!(
                of("10.0.0.1", header, &trusted),
                expected.map(ip),
                "{header}"
            );
        }
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
