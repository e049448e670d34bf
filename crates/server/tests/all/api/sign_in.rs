//! Signing in at an identity provider, and what its word is worth afterwards.

use std::collections::HashMap;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use reqwest::{Method, Response, StatusCode, Url, header};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use wharf_app::{
    authz::{By, Scope},
    clock::{HOUR, MINUTE},
};
use wharf_testkit::{Caller, TestProvider, TestRegistry, image, location, push_image};

use super::pulls;

const VERIFIER: &str = "a verifier of the program, as long as it has to be";
const RETURN_TO: &str = "http://127.0.0.1:9/done";

fn challenge() -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER.as_bytes()))
}

/// The browser is sent to the provider; where to, and its cookie.
async fn begin(registry: &TestRegistry) -> (String, String) {
    let challenge = challenge();
    let path = format!("/sign-in/sso?return_to={RETURN_TO}&state=mine&code_challenge={challenge}");
    let response = registry.anonymous().get(&path).await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    let cookie = response.headers()[header::SET_COOKIE]
        .to_str()
        .expect("text");
    assert!(cookie.contains("HttpOnly; SameSite=Lax"), "{cookie}");
    let cookie = cookie.split(';').next().expect("a pair").to_owned();
    (location(&response), cookie)
}

async fn come_back(registry: &TestRegistry, query: &str, cookie: &str) -> Response {
    let path = format!("/sign-in/sso/callback?{query}");
    let request = registry.anonymous().request(Method::GET, &path);
    let request = request.header(header::COOKIE, format!("a=b; {cookie}"));
    request.send().await.expect("an answer")
}

/// A whole browser's part; the answer at its end.
async fn browse(registry: &TestRegistry, provider: &TestProvider) -> Response {
    let (address, cookie) = begin(registry).await;
    let (code, state) = provider.sign_in(&address);
    come_back(registry, &format!("code={code}&state={state}"), &cookie).await
}

/// What the program is sent.
fn code_of(response: &Response) -> String {
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    let address = location(response);
    assert!(address.starts_with(RETURN_TO), "{address}");
    let address = Url::parse(&address).expect("a URL");
    let sent: HashMap<_, _> = address.query_pairs().into_owned().collect();
    assert_eq!(sent["state"], "mine");
    sent["code"].clone()
}

async fn fetch(registry: &TestRegistry, code: &str, verifier: &str) -> (u16, Value) {
    let body = json!({"code": code, "code_verifier": verifier});
    let anonymous = registry.anonymous();
    anonymous.api(Method::POST, "sessions/fetch", body).await
}

async fn sign_in(registry: &TestRegistry, provider: &TestProvider) -> Caller {
    let code = code_of(&browse(registry, provider).await);
    let (status, begun) = fetch(registry, &code, VERIFIER).await;
    assert_eq!(status, 201, "{begun}");
    let value = begun["value"].as_str().expect("a value");
    registry.with_header(&format!("Bearer {value}"))
}

/// What somebody reads in the browser.
async fn told(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    (status, response.text().await.expect("text"))
}

async fn login_of(caller: &Caller) -> Option<String> {
    let (_, viewer) = caller.api(Method::GET, "user", Value::Null).await;
    viewer["login"].as_str().map(str::to_owned)
}

/// acme with alice as its owner, a team of the group `devs`, and a package it may read.
async fn company(registry: &TestRegistry) -> Caller {
    let alice = registry.user("alice").await;
    let boss = registry.site_admin("boss").await;
    let acme = json!({"login": "acme", "owner": "alice"});
    boss.api_ok(Method::POST, "organizations", acme).await;
    let team = json!({"name": "backend"});
    alice
        .api_ok(Method::POST, "organizations/acme/teams", team)
        .await;
    let group = json!({"provider": "sso", "group": "devs"});
    let groups = "organizations/acme/teams/backend/groups";
    alice.api_ok(Method::POST, groups, group).await;
    push_image(&alice, "acme/app", "1", &image("one")).await;
    let grant = "packages/acme/app/grants/acme%2Fbackend";
    alice
        .api_ok(Method::PUT, grant, json!({"role": "read"}))
        .await;
    alice
}

#[tokio::test]
async fn groups_make_teams_for_as_long_as_the_provider_says_so() {
    let (registry, provider) = TestRegistry::with_provider(true).await;
    let alice = company(&registry).await;
    provider.says(|says| says.person["groups"] = json!(["devs", "others"]));
    let session = sign_in(&registry, &provider).await;
    assert_eq!(login_of(&session).await.as_deref(), Some("octocat"));
    assert!(pulls(&session, "acme/app", "1").await);
    let token = registry.token("octocat", &Scope::ALL).await;
    assert!(pulls(&token, "acme/app", "1").await);
    let members = "organizations/acme/teams/backend/members";
    let members = alice.api_ok(Method::GET, members, Value::Null).await;
    assert_eq!(members["items"], json!(["octocat"]));
    let leave = "organizations/acme/members/octocat";
    let (status, message) = alice.api_fails(Method::DELETE, leave, Value::Null).await;
    assert!(status == 409 && message.contains("by a group"), "{message}");

    registry.clock.advance(HOUR + MINUTE);
    assert_eq!(registry.app.confirm_identities().await.expect("asked"), 0);
    assert!(pulls(&session, "acme/app", "1").await);
    provider.says(|says| says.person["groups"] = json!(["others"]));
    registry.clock.advance(HOUR + MINUTE);
    registry.app.confirm_identities().await.expect("asked");
    for caller in [&session, &token] {
        assert!(!pulls(caller, "acme/app", "1").await, "the group is gone");
        assert_eq!(login_of(caller).await.as_deref(), Some("octocat"));
    }
    provider.says(|says| says.person["groups"] = json!(["devs"]));
    let again = sign_in(&registry, &provider).await;
    assert!(pulls(&again, "acme/app", "1").await && pulls(&token, "acme/app", "1").await);
    let groups = "organizations/acme/teams/backend/groups?provider=sso&group=devs";
    alice.api_ok(Method::DELETE, groups, Value::Null).await;
    assert!(!pulls(&again, "acme/app", "1").await, "felt at once");
}

#[tokio::test]
async fn whom_the_provider_removes_is_out() {
    let (registry, provider) = TestRegistry::with_provider(true).await;
    company(&registry).await;
    provider.says(|says| says.person["groups"] = json!(["devs"]));
    let session = sign_in(&registry, &provider).await;
    let token = registry.token("octocat", &Scope::ALL).await;
    provider.says(|says| says.refuses = Some("invalid_grant"));
    registry.clock.advance(HOUR + MINUTE);
    assert_eq!(registry.app.confirm_identities().await.expect("asked"), 1);
    assert_eq!(login_of(&session).await, None);
    let (status, message) = token.api_fails(Method::GET, "user", Value::Null).await;
    assert!(
        status == 401 && message.contains("was not confirmed"),
        "{message}"
    );
    // Back in the provider, back here.
    provider.says(|says| says.refuses = None);
    sign_in(&registry, &provider).await;
    assert!(pulls(&token, "acme/app", "1").await);
    // Whoever has a password here is somebody without the provider too.
    let password = registry
        .app
        .set_password(&By::Operator, "octocat", "correct horse battery");
    password.await.expect("set");
    provider.says(|says| says.refuses = Some("invalid_grant"));
    registry.clock.advance(HOUR + MINUTE);
    registry.app.confirm_identities().await.expect("asked");
    assert_eq!(login_of(&token).await.as_deref(), Some("octocat"));
    assert!(
        !pulls(&token, "acme/app", "1").await,
        "but in no team by it"
    );
}

#[tokio::test]
async fn a_provider_that_is_down_takes_nothing_away_for_a_day() {
    let (registry, provider) = TestRegistry::with_provider(true).await;
    provider.says(|says| says.is_down = true);
    let (status, message) = told(browse_down(&registry).await).await;
    assert!(
        status == 503 && message.contains("sso cannot be asked"),
        "{message}"
    );
    provider.says(|says| says.is_down = false);
    registry.clock.advance(MINUTE);
    let session = sign_in(&registry, &provider).await;
    let token = registry.token("octocat", &Scope::ALL).await;
    provider.says(|says| says.is_down = true);
    registry.clock.advance(10 * HOUR);
    assert_eq!(registry.app.confirm_identities().await.expect("asked"), 0);
    assert!(login_of(&session).await.is_some());
    assert_eq!(
        browse_down(&registry).await.status(),
        StatusCode::SEE_OTHER,
        "what was read is used"
    );
    // Nor does an error that is not about the person.
    provider.says(|says| (says.is_down, says.refuses) = (false, Some("invalid_client")));
    assert_eq!(registry.app.confirm_identities().await.expect("asked"), 0);
    registry.clock.advance(15 * HOUR);
    assert_eq!(registry.app.confirm_identities().await.expect("asked"), 1);
    assert_eq!(login_of(&token).await, None);
}

async fn browse_down(registry: &TestRegistry) -> Response {
    let challenge = challenge();
    let path = format!("/sign-in/sso?return_to={RETURN_TO}&code_challenge={challenge}");
    registry.anonymous().get(&path).await
}

#[tokio::test]
async fn every_step_is_good_once_and_for_whoever_began_it() {
    let (registry, provider) = TestRegistry::with_provider(true).await;
    let (address, cookie) = begin(&registry).await;
    let (code, state) = provider.sign_in(&address);
    let query = format!("code={code}&state={state}");
    let (status, message) = told(come_back(&registry, &query, "").await).await;
    assert!(
        status == 403 && message.contains("another browser"),
        "{message}"
    );
    let (status, message) = told(come_back(&registry, &query, &cookie).await).await;
    assert!(
        status == 403 && message.contains("used already"),
        "{message}"
    );

    let (address, cookie) = begin(&registry).await;
    let (code, state) = provider.sign_in(&address);
    registry.clock.advance(11 * MINUTE);
    let query = format!("code={code}&state={state}");
    let (status, message) = told(come_back(&registry, &query, &cookie).await).await;
    assert!(
        status == 403 && message.contains("took too long"),
        "{message}"
    );

    let code = code_of(&browse(&registry, &provider).await);
    assert_eq!(fetch(&registry, &code, "another verifier").await.0, 403);
    assert_eq!(fetch(&registry, &code, VERIFIER).await.0, 403, "it is over");
    let code = code_of(&browse(&registry, &provider).await);
    registry.clock.advance(2 * MINUTE);
    assert_eq!(fetch(&registry, &code, VERIFIER).await.0, 403, "too late");
    let code = code_of(&browse(&registry, &provider).await);
    let racing = (0..20).map(|_| fetch(&registry, &code, VERIFIER));
    let fetched = futures_util::future::join_all(racing).await;
    let begun = fetched.iter().filter(|(status, _)| *status == 201).count();
    assert_eq!(begun, 1);
    let (address, cookie) = begin(&registry).await;
    let (_, state) = provider.sign_in(&address);
    let query = format!("error=access_denied&error_description=No%20way&state={state}");
    let (status, message) = told(come_back(&registry, &query, &cookie).await).await;
    assert!(
        status == 403 && message.contains("sso did not sign you in: No way"),
        "{message}"
    );
}

#[tokio::test]
async fn only_the_machine_of_the_browser_is_returned_to() {
    let (registry, _provider) = TestRegistry::with_provider(true).await;
    let challenge = challenge();
    for (query, says) in [
        (
            format!("return_to=https://evil.example/&code_challenge={challenge}"),
            "`return_to`",
        ),
        (
            format!("return_to={RETURN_TO}&code_challenge=plain"),
            "`code_challenge`",
        ),
        (format!("return_to={RETURN_TO}"), "`query`"),
    ] {
        let path = format!("/sign-in/sso?{query}");
        let (status, message) = told(registry.anonymous().get(&path).await).await;
        assert!(status == 400 && message.contains(says), "{message}");
    }
    let path = format!("/sign-in/nobody?return_to={RETURN_TO}&code_challenge={challenge}");
    let (status, message) = told(registry.anonymous().get(&path).await).await;
    assert!(
        status == 404 && message.contains("/api/v1/sign-in"),
        "{message}"
    );
}

#[tokio::test]
async fn what_is_not_to_be_believed_is_not() {
    let (registry, provider) = TestRegistry::with_provider(true).await;
    let past = 1_000_000_000;
    for lies in [
        json!({"iss": "https://other.example"}),
        json!({"aud": "other"}),
        json!({"aud": ["other", "wharf"]}),
        json!({"nonce": "other"}),
        json!({"nonce": null}),
        json!({"exp": past}),
        json!({"sub": null}),
        json!({"sub": "s".repeat(300)}),
    ] {
        provider.says(|says| says.lies = lies.clone());
        let (status, message) = told(browse(&registry, &provider).await).await;
        assert!(
            status == 403 && message.contains("not to be believed"),
            "{lies}: {message}"
        );
    }
    provider.says(|says| says.lies = json!({}));
    let before = provider.keys_read();
    for forged in ["none", "HS256", "other key"] {
        provider.says(|says| says.forged = Some(forged));
        let (status, message) = told(browse(&registry, &provider).await).await;
        assert!(
            status == 403 && message.contains("not to be believed"),
            "{forged}: {message}"
        );
    }
    assert_eq!(
        provider.keys_read(),
        before,
        "keys are not read for every token"
    );
    let boss = registry.site_admin("boss").await;
    let users = boss.api_ok(Method::GET, "users", Value::Null).await;
    assert!(!users.to_string().contains("octocat"), "nobody was made");
}

#[tokio::test]
async fn strangers_and_namesakes_stay_out() {
    let (registry, provider) = TestRegistry::with_provider(false).await;
    let boss = registry.site_admin("boss").await;
    let (status, message) = told(browse(&registry, &provider).await).await;
    assert!(
        status == 403 && message.contains("wharf user link LOGIN sso s-1"),
        "{message}"
    );
    // The same name is not the same person; a site administrator's word is.
    registry.user("octocat").await;
    let (status, _) = told(browse(&registry, &provider).await).await;
    assert_eq!(status, 403);
    let identities = "users/octocat/identities";
    let subject = json!({"provider": "sso", "subject": "s-1"});
    boss.api_ok(Method::POST, identities, subject.clone()).await;
    let session = sign_in(&registry, &provider).await;
    assert_eq!(login_of(&session).await.as_deref(), Some("octocat"));
    let known = session.api_ok(Method::GET, identities, Value::Null).await;
    assert_eq!(known[0]["subject"], "s-1");
    let (status, message) = boss
        .api_fails(Method::POST, "users/boss/identities", subject)
        .await;
    assert!(status == 409 && message.contains("unlink"), "{message}");
    // A disabled user stays disabled, whatever the provider says.
    boss.api_ok(Method::PUT, "users/octocat/disabled", Value::Null)
        .await;
    let (status, message) = told(browse(&registry, &provider).await).await;
    assert!(status == 401 && message.contains("disabled"), "{message}");
    boss.api_ok(Method::DELETE, "users/octocat/disabled", Value::Null)
        .await;
    let password = json!({"password": "correct horse battery"});
    boss.api_ok(Method::PUT, "users/octocat/password", password)
        .await;
    let session = sign_in(&registry, &provider).await;
    let unlink = format!("{identities}?provider=sso&subject=s-1");
    boss.api_ok(Method::DELETE, &unlink, Value::Null).await;
    assert_eq!(login_of(&session).await, None, "its session is over");
}

#[tokio::test]
async fn who_signs_up_takes_nobodys_login() {
    let (registry, provider) = TestRegistry::with_provider(true).await;
    registry.user("octocat").await;
    let (status, message) = told(browse(&registry, &provider).await).await;
    assert!(
        status == 403 && message.contains("`wharf user link octocat sso s-1`"),
        "{message}"
    );
    provider.says(|says| says.person["preferred_username"] = json!("王小明"));
    let (status, message) = told(browse(&registry, &provider).await).await;
    assert!(
        status == 403 && message.contains("makes no login"),
        "{message}"
    );
    provider.says(|says| says.person["preferred_username"] = json!("Jane.Doe@example.com"));
    let session = sign_in(&registry, &provider).await;
    assert_eq!(login_of(&session).await.as_deref(), Some("jane-doe"));
}

#[tokio::test]
async fn a_refreshed_token_is_kept_whatever_goes_wrong_after_it() {
    let (registry, provider) = TestRegistry::with_provider(true).await;
    let session = sign_in(&registry, &provider).await;
    provider.says(|says| says.lies = json!({"aud": "other"}));
    registry.clock.advance(HOUR + MINUTE);
    assert_eq!(registry.app.confirm_identities().await.expect("asked"), 0);
    provider.says(|says| says.lies = json!({}));
    registry.clock.advance(MINUTE);
    assert_eq!(registry.app.confirm_identities().await.expect("asked"), 0);
    assert!(
        login_of(&session).await.is_some(),
        "no spent token was shown"
    );
}

#[tokio::test]
async fn nobody_outlasts_the_provider_by_a_password_of_their_own() {
    let (registry, provider) = TestRegistry::with_provider(true).await;
    let boss = registry.site_admin("boss").await;
    let session = sign_in(&registry, &provider).await;
    let (password, body) = (
        "users/octocat/password",
        json!({"password": "correct horse battery"}),
    );
    let (status, message) = session.api_fails(Method::PUT, password, body.clone()).await;
    assert!(
        status == 403 && message.contains("site administrator"),
        "{message}"
    );
    let unlink = "users/octocat/identities?provider=sso&subject=s-1";
    let (status, message) = boss.api_fails(Method::DELETE, unlink, Value::Null).await;
    assert!(
        status == 409 && message.contains("tokens would outlive"),
        "{message}"
    );
    boss.api_ok(Method::PUT, password, body).await;
    boss.api_ok(Method::DELETE, unlink, Value::Null).await;
    assert_eq!(login_of(&session).await, None);
}

#[tokio::test]
async fn those_who_have_shown_nothing_cost_little() {
    let (registry, _provider) = TestRegistry::with_provider(true).await;
    for _ in 0..100 {
        begin(&registry).await;
    }
    let challenge = challenge();
    let path = format!("/sign-in/sso?return_to={RETURN_TO}&code_challenge={challenge}");
    let (status, message) = told(registry.anonymous().get(&path).await).await;
    assert!(
        status == 429 && message.contains("ten minutes"),
        "{message}"
    );
    assert_eq!(fetch(&registry, "a guess", VERIFIER).await.0, 403);
}

#[tokio::test]
async fn names_that_move_what_is_around_them_are_not_believed() {
    let (registry, provider) = TestRegistry::with_provider(true).await;
    for name in ["a\u{1b}[31m", "a\nb", "a\u{202e}b", ""] {
        provider.says(|says| says.person["groups"] = json!([name]));
        let (status, message) = told(browse(&registry, &provider).await).await;
        let is_skipped = name.is_empty() && status == 303;
        assert!(
            is_skipped || message.contains("not to be shown"),
            "{message}"
        );
    }
}

#[tokio::test]
async fn a_link_that_nobody_used_takes_nothing_and_can_be_taken_back() {
    let (registry, provider) = TestRegistry::with_provider(false).await;
    let boss = registry.site_admin("boss").await;
    let token = registry.user("octocat").await;
    let wrong = json!({"provider": "sso", "subject": "mistyped"});
    boss.api_ok(Method::POST, "users/octocat/identities", wrong)
        .await;
    assert!(login_of(&token).await.is_some(), "its tokens stay good");
    let unlink = "users/octocat/identities?provider=sso&subject=mistyped";
    boss.api_ok(Method::DELETE, unlink, Value::Null).await;
    let right = json!({"provider": "sso", "subject": "s-1"});
    boss.api_ok(Method::POST, "users/octocat/identities", right.clone())
        .await;
    sign_in(&registry, &provider).await;
    // Of a deleted account nothing is left that keeps the person out.
    boss.api_ok(Method::DELETE, "accounts/octocat", Value::Null)
        .await;
    registry.user("successor").await;
    boss.api_ok(Method::POST, "users/successor/identities", right)
        .await;
    let session = sign_in(&registry, &provider).await;
    assert_eq!(login_of(&session).await.as_deref(), Some("successor"));
}

#[tokio::test]
async fn one_whom_the_provider_fails_does_not_keep_the_others_waiting() {
    let (registry, provider) = TestRegistry::with_provider(true).await;
    for name in ["first", "second"] {
        provider.says(|says| says.person["sub"] = json!(name));
        provider.says(|says| says.person["preferred_username"] = json!(name));
        sign_in(&registry, &provider).await;
    }
    let boss = registry.site_admin("boss").await;
    let confirmed = async |login: &str| {
        let path = format!("users/{login}/identities");
        let known = boss.api_ok(Method::GET, &path, Value::Null).await;
        known[0]["confirmed_at"].clone()
    };
    let before = confirmed("second").await;
    provider.says(|says| says.breaks_on = Some("r-1"));
    registry.clock.advance(HOUR + MINUTE);
    assert_eq!(registry.app.confirm_identities().await.expect("asked"), 0);
    assert_eq!(confirmed("first").await, before);
    assert_ne!(confirmed("second").await, before);
}

#[tokio::test]
async fn an_office_that_signs_in_all_day_is_not_kept_out() {
    let (registry, _provider) = TestRegistry::with_provider(true).await;
    for _ in 0..120 {
        begin(&registry).await;
        registry.clock.advance(MINUTE);
    }
}
