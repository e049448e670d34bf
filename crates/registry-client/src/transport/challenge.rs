//! Reading `WWW-Authenticate` (RFC 9110 §11.6.1): how does this registry
//! want to be convinced?

use http::{HeaderMap, header::WWW_AUTHENTICATE};
use http_auth::ChallengeRef;

/// The ways of authentication registries use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    Basic,
    Bearer(BearerChallenge),
}

/// Where to get a token, and for what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct BearerChallenge {
    pub(super) realm: String,
    pub(super) service: Option<String>,
    pub(super) scope: Option<String>,
}

/// The best challenge of an answer: Bearer before Basic; `None` if it names neither.
pub(super) fn parse(headers: &HeaderMap) -> Option<Challenge> {
    let mut basic = None;
    for value in headers.get_all(WWW_AUTHENTICATE) {
        let Ok(text) = value.to_str() else { continue };
        for challenge in http_auth::parse_challenges(text).unwrap_or_default() {
            if challenge.scheme.eq_ignore_ascii_case("bearer") {
                if let Some(bearer) = bearer(&challenge) {
                    return Some(Challenge::Bearer(bearer));
                }
            } else if challenge.scheme.eq_ignore_ascii_case("basic") {
                basic = Some(Challenge::Basic);
            }
        }
    }
    basic
}

fn bearer(challenge: &ChallengeRef<'_>) -> Option<BearerChallenge> {
    let param = |name: &str| {
        challenge
            .params
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.to_unescaped())
            .filter(|value| !value.is_empty())
    };
    Some(BearerChallenge {
        realm: param("realm")?,
        service: param("service"),
        scope: param("scope"),
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn parse_all(values: &[&str]) -> Option<Challenge> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(
                WWW_AUTHENTICATE,
                HeaderValue::from_str(value).expect("valid"),
            );
        }
        parse(&headers)
    }

    #[test]
    fn a_bearer_challenge_in_full() {
        let challenge = parse_all(&[
            r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/nginx:pull,push""#,
        ]);
        assert_eq!(
            challenge,
            Some(Challenge::Bearer(BearerChallenge {
                realm: "https://auth.docker.io/token".into(),
                service: Some("registry.docker.io".into()),
                scope: Some("repository:library/nginx:pull,push".into()),
            }))
        );
    }

    #[test]
    fn bearer_wins_over_basic_in_any_order() {
        let bearer = r#"bearer realm="https://a/token""#;
        for values in [
            vec![r#"Basic realm="x""#, bearer],
            vec![bearer, r#"Basic realm="x""#],
            vec![r#"Basic realm="x", Bearer realm="https://a/token""#],
        ] {
            assert!(
                matches!(parse_all(&values), Some(Challenge::Bearer(_))),
                "{values:?}"
            );
        }
    }

    #[test]
    fn what_cannot_be_answered_is_none() {
        assert_eq!(
            parse_all(&[r#"Basic realm="Registry Realm""#]),
            Some(Challenge::Basic)
        );
        assert_eq!(parse_all(&[]), None);
        assert_eq!(parse_all(&["Negotiate"]), None);
        assert_eq!(parse_all(&[r#"Bearer service="no realm""#]), None);
    }

    proptest! {
        #[test]
        fn parsing_never_panics(value in "[ -~]{0,120}") {
            let _ = parse_all(&[&value]);
        }
    }
}
