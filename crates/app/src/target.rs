//! What is behind a name: its owner, and the package there or the one that
//! was there once.

use std::sync::Arc;

use wharf_db::{
    Conn,
    accounts::{self, Account, AccountKind},
    grants::{self, Grant, Granted, Principal, Role},
    organizations,
    packages::{self, Package},
    repositories,
};

use crate::{
    Error,
    authz::{
        Target,
        facts::{OwnerFacts, PackageFacts},
    },
};

/// The account with a login, or the one that had it before it was renamed.
pub(crate) async fn find_account(
    conn: &mut Conn<'_>,
    login: &str,
) -> Result<Option<Account>, Error> {
    let login = login.to_ascii_lowercase();
    if let Some(account) = accounts::find_by_login(conn, &login).await? {
        return Ok(Some(account));
    }
    Ok(accounts::find_by_former_login(conn, &login).await?)
}

pub(crate) async fn load_target(conn: &mut Conn<'_>, path: &str) -> Result<Target, Error> {
    let (login, name) = path.split_once('/').unwrap_or((path, ""));
    let Some(owner) = find_account(conn, login).await? else {
        return Ok(nothing_at(path, None));
    };
    let current = format!("{}/{name}", owner.login);
    let package = find_package(conn, &current).await?;
    target(conn, path, owner, package).await
}

/// The same for a package that was deleted and can be restored.
pub(crate) async fn load_deleted(conn: &mut Conn<'_>, path: &str) -> Result<Target, Error> {
    let login = path.split('/').next().unwrap_or_default();
    let Some(owner) = accounts::find_by_login(conn, login).await? else {
        return Ok(nothing_at(path, None));
    };
    let package = packages::find_deleted(conn, path).await?;
    target(conn, path, owner, package).await
}

fn nothing_at(path: &str, owner: Option<OwnerFacts>) -> Target {
    Target {
        path: path.to_owned(),
        owner,
        package: None,
    }
}

async fn find_package(conn: &mut Conn<'_>, path: &str) -> Result<Option<Package>, Error> {
    if let Some(package) = packages::find(conn, path).await? {
        return Ok(Some(package));
    }
    match packages::find_redirect(conn, path).await? {
        Some(id) => Ok(packages::find_by_id(conn, id).await?),
        None => Ok(None),
    }
}

async fn target(
    conn: &mut Conn<'_>,
    path: &str,
    owner: Account,
    package: Option<Package>,
) -> Result<Target, Error> {
    let namespace = owner_facts(conn, owner).await?;
    let Some(package) = package else {
        return Ok(nothing_at(path, Some(namespace)));
    };
    let owner = if package.owner_id == namespace.id {
        namespace.clone()
    } else {
        let account = accounts::find(conn, package.owner_id).await?;
        let account = account.ok_or_else(|| {
            Error::Internal(format!("the owner of package {} is gone", package.id))
        })?;
        owner_facts(conn, account).await?
    };
    let grants = grants_on(conn, package.id).await?;
    Ok(Target {
        path: path.to_owned(),
        owner: Some(namespace),
        package: Some(Arc::new(PackageFacts {
            grants,
            id: package.id,
            path: package.path,
            owner,
            visibility: package.visibility,
        })),
    })
}

/// What was granted on a package, and, if it inherits that, on the repository
/// it is built from; whose CI may push then.
async fn grants_on(conn: &mut Conn<'_>, package_id: i64) -> Result<Vec<Grant>, Error> {
    let mut all = grants::on(conn, Granted::Package(package_id)).await?;
    let link = repositories::of_package(conn, package_id).await?;
    if let Some(link) = link.filter(|link| link.inherits_access) {
        all.extend(grants::on(conn, Granted::Repository(link.id)).await?);
        all.push(Grant {
            principal: Principal::SourceRepository(link.id),
            role: Role::Write,
            expires_at: None,
        });
    }
    Ok(all)
}

pub(crate) async fn owner_facts(
    conn: &mut Conn<'_>,
    account: Account,
) -> Result<OwnerFacts, Error> {
    let members_may_create = account.kind == AccountKind::Organization
        && organizations::policy(conn, account.id)
            .await?
            .members_may_create;
    Ok(OwnerFacts {
        id: account.id,
        kind: account.kind,
        login: account.login,
        members_may_create,
    })
}
