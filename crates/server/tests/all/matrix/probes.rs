//! How each operation is asked for so that nothing changes, what it asks the
//! policy, and what is answered to those who may.

use std::fmt::Write as _;

use reqwest::Method;
use wharf_app::authz::Action;
use wharf_server::Operation;

/// What an operation asks the policy.
#[derive(Debug, Clone, Copy)]
pub enum Asks {
    Nothing,
    SignedIn,
    Catalog,
    On(Action),
    /// Of a package that was deleted: there is none.
    OnDeleted(Action),
    PullAndPush,
    /// To administer a package that is one's own.
    OnOwn,
    /// To manage acme.
    Owner,
    OwnerOfAlice,
    /// To see who belongs to acme.
    Member,
    MemberThenOwner,
    /// To take the stranger out of acme.
    StrangerOrOwner,
    /// To manage one's own tokens.
    Themselves,
    Listing,
    Site,
    /// To manage how one signs in.
    ByPassword,
}

#[derive(Debug)]
pub struct Probe {
    pub method: Method,
    /// `{}` stands for the package.
    pub path: String,
    /// `NAME` stands for the package's name as it is now.
    pub body: &'static str,
    pub asks: Asks,
    /// Answers to those who may, when the package is there or is not.
    pub allowed: Vec<&'static str>,
}

const MISSING: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const ABSENT: &str = "404 NAME_UNKNOWN";

fn probe(method: &str, path: String, asks: Asks, allowed: &[&'static str]) -> Probe {
    Probe {
        method: method.parse().expect("a method"),
        path,
        body: "",
        asks,
        allowed: allowed.to_vec(),
    }
}

/// Every operation of the API with what it asks the policy, a line each.
pub fn table() -> String {
    let mut table = String::new();
    for (method, path) in wharf_server::api::operations() {
        let probe = if path.starts_with("/packages/{owner}/{name}") {
            of_package(method, path)
        } else {
            of_account(method, path)
        };
        let asks = format!("{:?}", probe.asks);
        writeln!(table, "{asks:<22} {method:<6} {path}").expect("writes");
    }
    table
}

/// Of the protocol, and of packages under `/api/v1`.
pub fn of_packages() -> Vec<Probe> {
    let protocol = Operation::ROUTES.iter().map(|route| of_route(route));
    let api = wharf_server::api::operations();
    let api = api
        .into_iter()
        .filter(|(_, path)| path.starts_with("/packages/{owner}/{name}"))
        .map(|(method, path)| of_package(method, path));
    protocol.chain(api).collect()
}

/// Of everything else under `/api/v1`.
pub fn of_the_site() -> Vec<Probe> {
    wharf_server::api::operations()
        .into_iter()
        .filter(|(_, path)| !path.starts_with("/packages/{owner}/{name}"))
        .map(|(method, path)| of_account(method, path))
        .collect()
}

fn of_route(route: &str) -> Probe {
    let upload = format!("/v2/{{}}/blobs/uploads/{}", "0".repeat(32));
    let blob = format!("/v2/{{}}/blobs/{MISSING}");
    let (pull, push, delete) = (
        Asks::On(Action::Pull),
        Asks::On(Action::Push),
        Asks::On(Action::Delete),
    );
    let unknown = &["404 BLOB_UPLOAD_UNKNOWN"];
    let at = |text: &str| text.to_owned();
    match route {
        "v2_base" => probe("GET", at("/v2/"), Asks::SignedIn, &["200"]),
        "v2_catalog" => probe("GET", at("/v2/_catalog?n=1"), Asks::Catalog, &["200"]),
        "v2_tags" => probe("GET", at("/v2/{}/tags/list"), pull, &["200", ABSENT]),
        "v2_manifest_get" => probe("GET", at("/v2/{}/manifests/1"), pull, &["200", ABSENT]),
        "v2_manifest_put" => Probe {
            body: "{}",
            ..probe(
                "PUT",
                at("/v2/{}/manifests/1"),
                push,
                &["400 MANIFEST_INVALID"],
            )
        },
        "v2_manifest_delete" => {
            let path = at("/v2/{}/manifests/none");
            probe("DELETE", path, delete, &["404 MANIFEST_UNKNOWN"])
        }
        "v2_blob_get" => probe("GET", blob, pull, &["404 BLOB_UNKNOWN", ABSENT]),
        "v2_blob_head" => probe("HEAD", blob, pull, &["404"]),
        "v2_blob_delete" => probe("DELETE", blob, delete, &["404 BLOB_UNKNOWN"]),
        "v2_upload_begin" => probe("POST", at("/v2/{}/blobs/uploads/"), push, &["202"]),
        "v2_upload_status" => probe("GET", upload, push, unknown),
        "v2_upload_append" => probe("PATCH", upload, push, unknown),
        "v2_upload_finish" => probe("PUT", format!("{upload}?digest={MISSING}"), push, unknown),
        "v2_upload_cancel" => probe("DELETE", upload, push, unknown),
        "v2_referrers" => {
            let path = format!("/v2/{{}}/referrers/{MISSING}");
            probe("GET", path, pull, &["200"])
        }
        other => panic!("{other} has no probe: say here how it is asked for"),
    }
}

#[expect(
    clippy::match_same_arms,
    reason = "a table: in the order of the routes"
)]
fn of_package(method: &'static str, path: &'static str) -> Probe {
    let rest = path.trim_start_matches("/packages/{owner}/{name}");
    let (pull, push) = (Asks::On(Action::Pull), Asks::On(Action::Push));
    let (delete, administer) = (Asks::On(Action::Delete), Asks::On(Action::Administer));
    let unknown = ["404 MANIFEST_UNKNOWN", ABSENT];
    let not_found = ["404 NOT_FOUND", ABSENT];
    let (found, done) = (["200", ABSENT], ["204", ABSENT]);
    let (asks, allowed, rest, body) = match (method, rest) {
        ("GET", "") => (pull, found, "", ""),
        ("PATCH", "") => (administer, done, "", "{}"),
        ("DELETE", "") => (delete, done, "", ""),
        ("POST", "/restore") => (Asks::OnDeleted(Action::Delete), [ABSENT, ABSENT], rest, ""),
        ("POST", "/purge") => (Asks::OnDeleted(Action::Delete), [ABSENT, ABSENT], rest, ""),
        ("GET", "/usage") => (delete, found, rest, ""),
        ("DELETE", "/deleted-versions") => (delete, found, rest, ""),
        ("POST", "/rename") => (administer, done, rest, r#"{"to":"NAME"}"#),
        ("GET", "/former-names") => (administer, found, rest, ""),
        ("DELETE", "/former-names") => {
            (Asks::OnOwn, not_found, "/former-names?name=alice/never", "")
        }
        ("GET", "/explain") => (Asks::Nothing, found, rest, ""),
        ("GET", "/downloads") => (pull, found, rest, ""),
        ("GET", "/link") => (pull, not_found, rest, ""),
        ("PUT", "/link") => (
            administer,
            not_found,
            rest,
            r#"{"repository":"github.com/no/one","inherits_access":true}"#,
        ),
        ("DELETE", "/link") => (administer, not_found, rest, ""),
        ("GET", "/grants") => (administer, found, rest, ""),
        ("PUT", "/grants/{principal}") => (
            administer,
            not_found,
            "/grants/nobody9",
            r#"{"role":"read"}"#,
        ),
        ("DELETE", "/grants/{principal}") => (administer, not_found, "/grants/nobody9", ""),
        ("GET", "/tags") => (pull, found, rest, ""),
        ("DELETE", "/tags/{tag}") => (delete, unknown, "/tags/none", ""),
        ("GET", "/tags/{tag}/history") => (pull, found, "/tags/1/history", ""),
        ("POST", "/tags/{tag}/rollback") => (push, unknown, "/tags/none/rollback", ""),
        ("POST", "/promote") => (Asks::PullAndPush, unknown, rest, r#"{"tags":{"x":"none"}}"#),
        ("GET", "/immutable-tags") => (administer, found, rest, ""),
        ("PUT", "/immutable-tags") => (administer, done, rest, r#"{"pattern":"zzz"}"#),
        ("DELETE", "/immutable-tags") => {
            (administer, not_found, "/immutable-tags?pattern=none", "")
        }
        ("GET", "/versions") => (pull, found, rest, ""),
        ("GET", "/versions/{reference}") => (pull, unknown, "/versions/none", ""),
        ("DELETE", "/versions/{reference}") => (delete, unknown, "/versions/none", ""),
        ("POST", "/versions/{digest}/restore") => {
            (delete, unknown, "/versions/{digest}/restore", "")
        }
        ("POST", "/prune") => (delete, found, rest, ""),
        _ => panic!("{method} {path} has no probe: say here how it is asked for"),
    };
    let rest = rest.replace("{digest}", MISSING);
    Probe {
        body,
        ..probe(
            method,
            format!("/api/v1/packages/{{}}{rest}"),
            asks,
            &allowed,
        )
    }
}

#[expect(
    clippy::match_same_arms,
    reason = "a table: in the order of the routes"
)]
fn of_account(method: &'static str, path: &'static str) -> Probe {
    const ORGANIZATION: &str = "/organizations/{organization}";
    if let Some(rest) = path.strip_prefix(ORGANIZATION) {
        return of_organization(method, rest);
    }
    if path.starts_with("/owners/") {
        return of_owner(method, path);
    }
    let (found, done, missing) = ("200", "204", "404 NOT_FOUND");
    let (asks, allowed, path, body) = match (method, path) {
        ("GET", "/user") => (Asks::SignedIn, found, path, ""),
        ("GET", "/accounts/{login}") => (Asks::SignedIn, found, "/accounts/acme", ""),
        ("PATCH", "/accounts/{login}") => (Asks::Owner, done, "/accounts/acme", "{}"),
        ("DELETE", "/accounts/{login}") => (Asks::Owner, "409 CONFLICT", "/accounts/acme", ""),
        ("POST", "/accounts/{login}/rename") => (
            Asks::Owner,
            done,
            "/accounts/acme/rename",
            r#"{"login":"acme"}"#,
        ),
        ("GET", "/users") => (Asks::Site, found, path, ""),
        ("POST", "/users") => (Asks::Site, "409 CONFLICT", path, r#"{"login":"alice"}"#),
        ("PUT", "/users/{login}/password") => {
            let password = r#"{"password":"correct horse battery"}"#;
            (Asks::Site, missing, "/users/nobody9/password", password)
        }
        ("PUT" | "DELETE", "/users/{login}/disabled") => {
            (Asks::Site, missing, "/users/nobody9/disabled", "")
        }
        ("GET", "/sign-in") => (Asks::Nothing, found, path, ""),
        ("POST", "/sessions/fetch") => {
            let unknown = r#"{"code":"no","code_verifier":"no"}"#;
            (Asks::Nothing, "403 DENIED", path, unknown)
        }
        ("GET", "/users/{login}/identities") => {
            (Asks::OwnerOfAlice, found, "/users/alice/identities", "")
        }
        ("POST", "/users/{login}/identities") => {
            let nobody = r#"{"provider":"none","subject":"s"}"#;
            (Asks::Site, missing, "/users/alice/identities", nobody)
        }
        ("DELETE", "/users/{login}/identities") => {
            let path = "/users/alice/identities?provider=none&subject=s";
            (Asks::Site, missing, path, "")
        }
        ("POST", "/sessions") => (Asks::Nothing, "400 INVALID", path, "{}"),
        ("GET", "/sessions") => (Asks::ByPassword, found, path, ""),
        ("DELETE", "/sessions/{id}") => (Asks::ByPassword, missing, "/sessions/999999999", ""),
        ("POST", "/user/second-factor") => (Asks::ByPassword, found, path, ""),
        ("PUT", "/user/second-factor") => {
            (Asks::ByPassword, "400 INVALID", path, r#"{"code":"no"}"#)
        }
        ("DELETE", "/user/second-factor") => (Asks::ByPassword, done, path, r#"{"code":""}"#),
        ("DELETE", "/users/{login}/second-factor") => {
            (Asks::Site, missing, "/users/nobody9/second-factor", "")
        }
        ("GET", "/tokens") => (Asks::Themselves, found, path, ""),
        ("POST", "/tokens") => {
            let token = r#"{"scopes":["read:packages"],"expires_in":60}"#;
            (Asks::Themselves, "201", path, token)
        }
        ("DELETE", "/tokens/{id}") => (Asks::SignedIn, missing, "/tokens/999999999", ""),
        ("POST", "/credentials/revoke") => (Asks::Nothing, done, path, r#"{"credentials":[]}"#),
        ("GET", "/organizations") => (Asks::Listing, found, path, ""),
        ("POST", "/organizations") => {
            let acme = r#"{"login":"acme","owner":"alice"}"#;
            (Asks::OwnerOfAlice, "409 CONFLICT", path, acme)
        }
        ("GET", "/packages") => (Asks::Catalog, found, "/packages?limit=1", ""),
        _ => panic!("{method} {path} has no probe: say here how it is asked for"),
    };
    Probe {
        body,
        ..probe(method, format!("/api/v1{path}"), asks, &[allowed])
    }
}

fn of_owner(method: &'static str, path: &'static str) -> Probe {
    let (found, done, missing) = ("200", "204", "404 NOT_FOUND");
    let (asks, allowed, path, body) = match (method, path) {
        ("GET", "/owners/{owner}/deleted-packages") => {
            (Asks::Owner, found, "/owners/acme/deleted-packages", "")
        }
        ("GET", "/owners/{owner}/usage") => (Asks::Owner, found, "/owners/acme/usage", ""),
        ("GET", "/owners/{owner}/usage/packages") => {
            let path = "/owners/acme/usage/packages?limit=1";
            (Asks::Owner, found, path, "")
        }
        ("PATCH", "/owners/{owner}/quota") => (Asks::Site, done, "/owners/acme/quota", "{}"),
        ("GET", "/owners/{owner}/default-visibilities") => (
            Asks::OwnerOfAlice,
            found,
            "/owners/alice/default-visibilities",
            "",
        ),
        ("PUT", "/owners/{owner}/default-visibilities") => {
            let rule = r#"{"prefix":"zzz","visibility":"private"}"#;
            (
                Asks::OwnerOfAlice,
                done,
                "/owners/alice/default-visibilities",
                rule,
            )
        }
        ("DELETE", "/owners/{owner}/default-visibilities") => {
            let path = "/owners/acme/default-visibilities?prefix=none";
            (Asks::Owner, missing, path, "")
        }
        ("GET", "/owners/{owner}/immutable-tags") => (
            Asks::OwnerOfAlice,
            found,
            "/owners/alice/immutable-tags",
            "",
        ),
        ("PUT", "/owners/{owner}/immutable-tags") => (
            Asks::Owner,
            done,
            "/owners/acme/immutable-tags",
            r#"{"pattern":"zzz"}"#,
        ),
        ("DELETE", "/owners/{owner}/immutable-tags") => (
            Asks::Owner,
            missing,
            "/owners/acme/immutable-tags?pattern=none",
            "",
        ),
        ("GET", "/owners/{owner}/former-names") => {
            (Asks::Owner, found, "/owners/acme/former-names", "")
        }
        ("DELETE", "/owners/{owner}/former-names") => (
            Asks::Owner,
            missing,
            "/owners/acme/former-names?name=acme/never",
            "",
        ),
        ("GET", "/owners/{owner}/repositories") => {
            (Asks::Owner, found, "/owners/acme/repositories", "")
        }
        ("POST", "/owners/{owner}/repositories") => {
            let known = r#"{"repository":"github.com/acme/app"}"#;
            (Asks::Owner, done, "/owners/acme/repositories", known)
        }
        ("DELETE", "/owners/{owner}/repositories/{repository}") => (
            Asks::Owner,
            missing,
            "/owners/acme/repositories/github.com%2Fno%2Fone",
            "",
        ),
        ("GET", "/owners/{owner}/repositories/{repository}/grants") => {
            let path = "/owners/acme/repositories/github.com%2Fno%2Fone/grants";
            (Asks::Owner, missing, path, "")
        }
        ("PUT" | "DELETE", "/owners/{owner}/repositories/{repository}/grants/{principal}") => {
            let path = "/owners/acme/repositories/github.com%2Fno%2Fone/grants/alice";
            let role = if method == "PUT" {
                r#"{"role":"read"}"#
            } else {
                ""
            };
            (Asks::Owner, missing, path, role)
        }
        _ => panic!("{method} {path} has no probe: say here how it is asked for"),
    };
    Probe {
        body,
        ..probe(method, format!("/api/v1{path}"), asks, &[allowed])
    }
}

#[expect(
    clippy::match_same_arms,
    reason = "a table: in the order of the routes"
)]
fn of_organization(method: &'static str, rest: &'static str) -> Probe {
    let (found, done, missing, taken) = ("200", "204", "404 NOT_FOUND", "409 CONFLICT");
    let (asks, allowed, rest, body) = match (method, rest) {
        ("GET", "/policy") => (Asks::Member, found, rest, ""),
        ("PATCH", "/policy") => (Asks::MemberThenOwner, done, rest, "{}"),
        ("GET", "/members" | "/teams" | "/service-accounts") => (Asks::Member, found, rest, ""),
        ("PUT", "/members/{login}") => (
            Asks::Owner,
            missing,
            "/members/nobody9",
            r#"{"role":"member"}"#,
        ),
        ("DELETE", "/members/{login}") => (Asks::StrangerOrOwner, missing, "/members/stranger", ""),
        ("POST", "/teams") => (Asks::Owner, taken, rest, r#"{"name":"backend"}"#),
        ("DELETE", "/teams/{team}") => (Asks::Owner, missing, "/teams/none", ""),
        ("GET", "/teams/{team}/members") => (Asks::Member, found, "/teams/backend/members", ""),
        ("GET", "/teams/{team}/groups") => (Asks::Owner, found, "/teams/backend/groups", ""),
        ("POST", "/teams/{team}/groups") => {
            let group = r#"{"provider":"none","group":"g"}"#;
            (Asks::Owner, missing, "/teams/backend/groups", group)
        }
        ("DELETE", "/teams/{team}/groups") => {
            let path = "/teams/backend/groups?provider=none&group=g";
            (Asks::Owner, missing, path, "")
        }
        ("PUT" | "DELETE", "/teams/{team}/members/{login}") => {
            (Asks::Owner, missing, "/teams/backend/members/nobody9", "")
        }
        ("POST", "/service-accounts") => (Asks::Owner, taken, rest, r#"{"name":"bot"}"#),
        ("DELETE", "/service-accounts/{account}") => {
            (Asks::Owner, missing, "/service-accounts/none", "")
        }
        _ => panic!("{method} {rest} of an organization has no probe"),
    };
    Probe {
        body,
        ..probe(
            method,
            format!("/api/v1/organizations/acme{rest}"),
            asks,
            &[allowed],
        )
    }
}
