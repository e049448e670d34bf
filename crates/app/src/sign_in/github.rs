//! GitHub, which signs people in by OAuth 2 alone: who they are, and in which
//! organizations and teams, is asked of its API. A team's group is ORG/TEAM, an
//! organization's ORG.

use serde::Deserialize;
use url::Url;
use wharf_registry_client::{Http, WebAuth};

use super::{
    pkce,
    provider::{Failure, Person, ProviderSettings, Request},
};

/// Pages of a hundred organizations or teams that are read.
const MOST_PAGES: u32 = 10;

#[derive(Debug)]
pub struct GitHub {
    http: Http,
    web: Url,
    api: Url,
}

#[derive(Deserialize)]
struct Tokens {
    access_token: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

#[derive(Deserialize)]
struct User {
    id: i64,
    login: String,
}

#[derive(Deserialize)]
struct Organization {
    login: String,
}

#[derive(Deserialize)]
struct Team {
    slug: String,
    organization: Organization,
}

impl GitHub {
    /// `web`: `https://github.com`, or an Enterprise Server.
    pub fn new(http: Http, web: &Url) -> Self {
        let mut web = web.clone();
        if !web.path().ends_with('/') {
            web.set_path(&format!("{}/", web.path()));
        }
        let public = Url::parse("https://api.github.com/").ok();
        let public = public.filter(|_| web.host_str() == Some("github.com"));
        let api = public.or_else(|| web.join("api/v3/").ok());
        Self {
            http,
            api: api.unwrap_or_else(|| web.clone()),
            web,
        }
    }

    pub fn address(&self, settings: &ProviderSettings, request: &Request<'_>) -> Url {
        let mut address = at(&self.web, "login/oauth/authorize");
        let mut scopes = vec!["read:user", "read:org"];
        scopes.extend(settings.scopes.iter().map(String::as_str));
        address
            .query_pairs_mut()
            .append_pair("client_id", &settings.client_id)
            .append_pair("redirect_uri", request.callback)
            .append_pair("scope", &scopes.join(" "))
            .append_pair("state", request.state)
            .append_pair("code_challenge", &pkce::challenge(request.verifier))
            .append_pair("code_challenge_method", "S256")
            .append_pair("allow_signup", "false");
        address
    }

    pub async fn person(
        &self,
        settings: &ProviderSettings,
        request: &Request<'_>,
        code: &str,
    ) -> Result<Person, Failure> {
        let fields = [
            ("client_id", settings.client_id.as_str()),
            ("client_secret", settings.client_secret.as_str()),
            ("code", code),
            ("redirect_uri", request.callback),
            ("code_verifier", request.verifier),
        ];
        let address = at(&self.web, "login/oauth/access_token");
        let answer = self
            .http
            .post_form(&address, &fields, WebAuth::Nobody)
            .await?;
        let tokens: Tokens = answer.json()?;
        let Some(token) = tokens.access_token else {
            let reason = tokens.error_description.or(tokens.error);
            let reason = reason.unwrap_or_else(|| "it gave no token".into());
            return Err(Failure::Refused(reason));
        };
        self.again(&token).await
    }

    /// The access token of an OAuth app ends when the user or the app does.
    pub async fn again(&self, access_token: &str) -> Result<Person, Failure> {
        let user: User = self.ask("user", access_token).await?;
        let organizations: Vec<Organization> = self.all("user/orgs", access_token).await?;
        let teams: Vec<Team> = self.all("user/teams", access_token).await?;
        let mut groups: Vec<String> = organizations.into_iter().map(|org| org.login).collect();
        groups.extend(
            teams
                .into_iter()
                .map(|team| format!("{}/{}", team.organization.login, team.slug)),
        );
        Ok(Person {
            subject: user.id.to_string(),
            name: user.login,
            groups,
            refresh_token: Some(access_token.to_owned()),
        })
    }

    async fn all<T: for<'de> Deserialize<'de>>(
        &self,
        path: &str,
        token: &str,
    ) -> Result<Vec<T>, Failure> {
        let mut all = Vec::new();
        for page in 1..=MOST_PAGES {
            let path = format!("{path}?per_page=100&page={page}");
            let found: Vec<T> = self.ask(&path, token).await?;
            let is_last = found.len() < 100;
            all.extend(found);
            if is_last {
                break;
            }
        }
        Ok(all)
    }

    async fn ask<T: for<'de> Deserialize<'de>>(
        &self,
        path: &str,
        token: &str,
    ) -> Result<T, Failure> {
        let answer = self
            .http
            .get_json(&at(&self.api, path), WebAuth::Bearer(token))
            .await?;
        match answer.status.as_u16() {
            200..300 => Ok(answer.json()?),
            401 => Err(Failure::Refused("the authorization was taken back".into())),
            _ => Err(Failure::Unreachable(format!("{path}: {}", answer.status))),
        }
    }
}

fn at(base: &Url, path: &str) -> Url {
    base.join(path).unwrap_or_else(|_| base.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_github_has_its_api() {
        let http = Http::new().expect("sets up");
        for (web, api) in [
            ("https://github.com", "https://api.github.com/"),
            ("https://git.example.com", "https://git.example.com/api/v3/"),
            ("https://example.com/git", "https://example.com/git/api/v3/"),
        ] {
            let web = Url::parse(web).expect("a URL");
            assert_eq!(GitHub::new(http.clone(), &web).api.as_str(), api);
        }
    }
}
