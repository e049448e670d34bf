//! `/api/v1`: what GitHub never offered an API for, and everything a registry
//! is run by. All endpoints are in the table below and, for those of a
//! package, in [`package_endpoints`].

mod accounts;
mod downloads;
mod explain;
mod grants;
mod identities;
mod members;
mod organizations;
mod owners;
mod package_endpoints;
mod packages;
mod removal;
mod repositories;
mod service_accounts;
mod sessions;
mod tags;
mod teams;
mod tokens;
mod usage;
mod users;
mod versions;

use super::endpoint::{Api, about};

/// The table.
pub fn api() -> Api {
    let api = Api::new("Wharf API");
    let api = accounts(api);
    let api = signing_in(api);
    let api = organizations(api);
    let api = teams(api);
    let api = owners(api);
    let api = repositories(api);
    package_endpoints::add_to(api)
}

fn accounts(api: Api) -> Api {
    use accounts::{AccountBody, ProfileEdit, Rename, Viewer};
    use users::{NewUser, Password};
    api.get(
        "/user",
        accounts::viewer,
        about("Who you are, and with what").replies::<Viewer>(),
    )
    .get(
        "/accounts/{login}",
        accounts::show,
        about("Show a user, organization or service account").replies::<AccountBody>(),
    )
    .patch(
        "/accounts/{login}",
        accounts::edit,
        about("Edit a profile").takes::<ProfileEdit>(),
    )
    .delete(
        "/accounts/{login}",
        accounts::delete,
        about("Delete an account that owns no packages; its login stays taken"),
    )
    .post(
        "/accounts/{login}/rename",
        accounts::rename,
        about("Give an account another login; the old one leads to it").takes::<Rename>(),
    )
    .get(
        "/users",
        users::list,
        about("List users")
            .asks::<super::page::Paging>()
            .pages::<AccountBody>(),
    )
    .post(
        "/users",
        users::create,
        about("Create a user")
            .takes::<NewUser>()
            .creates::<AccountBody>(),
    )
    .put(
        "/users/{login}/password",
        users::set_password,
        about("Set a user's password").takes::<Password>(),
    )
    .put(
        "/users/{login}/disabled",
        users::disable,
        about("Refuse all of a user's credentials"),
    )
    .delete(
        "/users/{login}/disabled",
        users::enable,
        about("Accept them again"),
    )
    .get(
        "/tokens",
        tokens::list,
        about("List tokens, never their values")
            .asks::<tokens::Listing>()
            .pages::<tokens::TokenBody>(),
    )
    .post(
        "/tokens",
        tokens::create,
        about("Make a token; its value is shown this once")
            .takes::<tokens::NewToken>()
            .creates::<tokens::CreatedToken>(),
    )
    .delete("/tokens/{id}", tokens::revoke, about("Revoke a token"))
    .post(
        "/credentials/revoke",
        tokens::revoke_leaked,
        about("Revoke tokens by their values, whoever found them").takes::<tokens::Leaked>(),
    )
}

fn signing_in(api: Api) -> Api {
    use sessions::{Code, Credentials, RecoveryCodes, SecondFactorBody};
    api.get(
        "/sign-in",
        identities::providers,
        about("Where people sign in, beside passwords").lists::<identities::ProviderBody>(),
    )
    .post(
        "/sessions/fetch",
        sessions::fetch,
        about("Fetch the session of a sign-in at a provider; its value is shown this once")
            .takes::<sessions::Fetched>()
            .creates::<sessions::BegunSession>(),
    )
    .get(
        "/users/{login}/identities",
        identities::list,
        about("Who a user is at identity providers").lists::<identities::IdentityBody>(),
    )
    .post(
        "/users/{login}/identities",
        identities::link,
        about("Say who a user is at a provider; for site administrators")
            .takes::<identities::Subject>(),
    )
    .delete(
        "/users/{login}/identities",
        identities::unlink,
        about("Take that back, with its sessions and teams").asks::<identities::Subject>(),
    )
    .post(
        "/sessions",
        sessions::begin,
        about("Sign in; the session's value is shown this once")
            .takes::<Credentials>()
            .creates::<sessions::BegunSession>(),
    )
    .get(
        "/sessions",
        sessions::list,
        about("List your sessions")
            .asks::<super::page::Paging>()
            .pages::<sessions::SessionBody>(),
    )
    .delete("/sessions/{id}", sessions::end, about("End a session"))
    .post(
        "/user/second-factor",
        sessions::begin_second_factor,
        about("Begin a second factor; it is asked for once it is confirmed")
            .replies::<SecondFactorBody>(),
    )
    .put(
        "/user/second-factor",
        sessions::confirm_second_factor,
        about("Confirm it by a code")
            .takes::<Code>()
            .replies::<RecoveryCodes>(),
    )
    .delete(
        "/user/second-factor",
        sessions::remove_second_factor,
        about("Remove it by a code").takes::<Code>(),
    )
    .delete(
        "/users/{login}/second-factor",
        sessions::reset_second_factor,
        about("Remove the second factor of a user who has lost it"),
    )
}

fn organizations(api: Api) -> Api {
    use super::page::Paging;
    use accounts::AccountBody;
    api.get(
        "/organizations",
        organizations::list,
        about("List organizations: all for site administrators, otherwise yours")
            .asks::<Paging>()
            .pages::<AccountBody>(),
    )
    .post(
        "/organizations",
        organizations::create,
        about("Create an organization")
            .takes::<organizations::NewOrganization>()
            .creates::<AccountBody>(),
    )
    .get(
        "/organizations/{organization}/policy",
        organizations::policy,
        about("What members may do").replies::<organizations::PolicyBody>(),
    )
    .patch(
        "/organizations/{organization}/policy",
        organizations::edit_policy,
        about("Change what members may do").takes::<organizations::PolicyEdit>(),
    )
    .get(
        "/organizations/{organization}/members",
        members::list,
        about("List members")
            .asks::<Paging>()
            .pages::<members::MemberBody>(),
    )
    .put(
        "/organizations/{organization}/members/{login}",
        members::put,
        about("Add a member, or change what one is").takes::<members::Membership>(),
    )
    .delete(
        "/organizations/{organization}/members/{login}",
        members::remove,
        about("Remove a member, from teams and grants too"),
    )
    .get(
        "/organizations/{organization}/service-accounts",
        service_accounts::list,
        about("List service accounts")
            .asks::<Paging>()
            .pages::<AccountBody>(),
    )
    .post(
        "/organizations/{organization}/service-accounts",
        service_accounts::create,
        about("Create a service account")
            .takes::<service_accounts::NewServiceAccount>()
            .creates::<AccountBody>(),
    )
    .delete(
        "/organizations/{organization}/service-accounts/{account}",
        service_accounts::delete,
        about("Delete a service account, its tokens and its grants"),
    )
}

fn teams(api: Api) -> Api {
    use super::page::Paging;
    api.get(
        "/organizations/{organization}/teams",
        teams::list,
        about("List teams")
            .asks::<Paging>()
            .pages::<teams::TeamBody>(),
    )
    .post(
        "/organizations/{organization}/teams",
        teams::create,
        about("Create a team")
            .takes::<teams::NewTeam>()
            .creates::<teams::TeamBody>(),
    )
    .delete(
        "/organizations/{organization}/teams/{team}",
        teams::delete,
        about("Delete a team, the teams below it, and their grants"),
    )
    .get(
        "/organizations/{organization}/teams/{team}/members",
        teams::members,
        about("List a team's members")
            .asks::<Paging>()
            .pages::<String>(),
    )
    .put(
        "/organizations/{organization}/teams/{team}/members/{login}",
        teams::join,
        about("Put a member into a team"),
    )
    .delete(
        "/organizations/{organization}/teams/{team}/members/{login}",
        teams::leave,
        about("Take a member out of a team"),
    )
    .get(
        "/organizations/{organization}/teams/{team}/groups",
        identities::team_groups,
        about("Groups of identity providers whose members are in the team")
            .lists::<identities::Group>(),
    )
    .post(
        "/organizations/{organization}/teams/{team}/groups",
        identities::add_group,
        about("Put a group's members into the team").takes::<identities::Group>(),
    )
    .delete(
        "/organizations/{organization}/teams/{team}/groups",
        identities::remove_group,
        about("Take a group's members out").asks::<identities::Group>(),
    )
}

fn owners(api: Api) -> Api {
    use super::page::Paging;
    api.get(
        "/owners/{owner}/deleted-packages",
        owners::deleted_packages,
        about("List what can be restored")
            .asks::<Paging>()
            .pages::<owners::DeletedBody>(),
    )
    .get(
        "/owners/{owner}/usage",
        usage::of_owner,
        about("What an owner stores, and may store").replies::<usage::OwnerUsageBody>(),
    )
    .get(
        "/owners/{owner}/usage/packages",
        usage::by_package,
        about("What each of an owner's packages stores")
            .asks::<Paging>()
            .pages::<usage::UsageByPackage>(),
    )
    .patch(
        "/owners/{owner}/quota",
        usage::set_quota,
        about("Limit what an owner may store; for site administrators").takes::<usage::QuotaEdit>(),
    )
    .get(
        "/owners/{owner}/default-visibilities",
        owners::default_visibilities,
        about("How visible new packages begin").lists::<owners::DefaultVisibility>(),
    )
    .put(
        "/owners/{owner}/default-visibilities",
        owners::set_default_visibility,
        about("Set how visible new packages begin whose names begin so")
            .takes::<owners::DefaultVisibility>(),
    )
    .delete(
        "/owners/{owner}/default-visibilities",
        owners::remove_default_visibility,
        about("Forget such a rule").asks::<owners::Prefix>(),
    )
    .get(
        "/owners/{owner}/immutable-tags",
        owners::immutable_tags,
        about("Patterns of tags that stay where they are, of all packages")
            .replies::<Vec<String>>(),
    )
    .put(
        "/owners/{owner}/immutable-tags",
        owners::protect,
        about("Keep such tags where they are").takes::<tags::Pattern>(),
    )
    .delete(
        "/owners/{owner}/immutable-tags",
        owners::unprotect,
        about("Let such tags move").asks::<tags::Pattern>(),
    )
}

fn repositories(api: Api) -> Api {
    api.get(
        "/owners/{owner}/former-names",
        owners::former_names,
        about("Names of an owner that lead to packages, its own or others'")
            .asks::<super::page::Paging>()
            .pages::<owners::FormerBody>(),
    )
    .delete(
        "/owners/{owner}/former-names",
        owners::reclaim_name,
        about("Make such a name free").asks::<packages::FormerName>(),
    )
    .get(
        "/owners/{owner}/repositories",
        repositories::list,
        about("List connected source repositories")
            .asks::<super::page::Paging>()
            .pages::<repositories::RepositoryBody>(),
    )
    .post(
        "/owners/{owner}/repositories",
        repositories::connect,
        about("Connect a source repository").takes::<repositories::Connect>(),
    )
    .delete(
        "/owners/{owner}/repositories/{repository}",
        repositories::disconnect,
        about("Disconnect a source repository, its links and its grants"),
    )
    .get(
        "/owners/{owner}/repositories/{repository}/grants",
        repositories::grants,
        about("Who has which role on packages that inherit its access")
            .lists::<grants::GrantBody>(),
    )
    .put(
        "/owners/{owner}/repositories/{repository}/grants/{principal}",
        repositories::grant,
        about("Grant a role on packages that inherit its access").takes::<grants::NewGrant>(),
    )
    .delete(
        "/owners/{owner}/repositories/{repository}/grants/{principal}",
        repositories::revoke,
        about("Take such a grant back"),
    )
    .get(
        "/packages/{owner}/{name}/link",
        repositories::link,
        about("The repository a package is built from").replies::<repositories::LinkBody>(),
    )
    .put(
        "/packages/{owner}/{name}/link",
        repositories::set_link,
        about("Link a package to a connected repository").takes::<repositories::LinkBody>(),
    )
    .delete(
        "/packages/{owner}/{name}/link",
        repositories::unlink,
        about("Unlink a package"),
    )
}
