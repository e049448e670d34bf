//! Accounts and teams by the names people use, and who may manage them.

use std::{fmt, str::FromStr};

use wharf_db::{
    Conn,
    accounts::{self, Account, AccountKind},
    epochs,
    grants::Principal,
    repositories::{self, Repository},
    teams::{self, Team},
};
use wharf_oci::{Login, SourceRepository};

use super::{PartNameError, ServiceAccountName, TeamName};
use crate::{
    App, Error,
    authn::Caller,
    authz::{
        Actor, By, Refusal,
        facts::OwnerFacts,
        permit::{self, OwnerPermit, SitePermit},
    },
    target::{find_account, owner_facts},
};

/// Whom a role is granted to: `LOGIN`, `ORGANIZATION+NAME`, `ORGANIZATION/TEAM`,
/// or a source repository, `HOST/PATH`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrincipalName {
    User(Login),
    ServiceAccount(ServiceAccountName),
    Team(TeamName),
    Repository(SourceRepository),
}

impl FromStr for PrincipalName {
    type Err = PartNameError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        // Only hosts have dots, and only repositories more than one slash.
        let first = s.split('/').next().unwrap_or_default();
        if first.contains(['.', ':']) || s.matches('/').count() > 1 {
            let parsed = s.parse();
            return parsed
                .map(Self::Repository)
                .map_err(PartNameError::Repository);
        }
        if s.contains('/') {
            return Ok(Self::Team(s.parse()?));
        }
        if s.contains('+') {
            return Ok(Self::ServiceAccount(s.parse()?));
        }
        Ok(Self::User(s.parse()?))
    }
}

impl fmt::Display for PrincipalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(login) => login.fmt(f),
            Self::ServiceAccount(name) => name.fmt(f),
            Self::Team(team) => team.fmt(f),
            Self::Repository(repository) => repository.fmt(f),
        }
    }
}

/// An account as anybody signed in may see it.
#[derive(Debug, Clone)]
pub struct AccountSummary {
    pub account: Account,
    /// The login it was asked for by is a former one.
    pub renamed: bool,
}

pub(crate) async fn find_user(conn: &mut Conn<'_>, login: &str) -> Result<Account, Error> {
    find_kind(conn, login, AccountKind::User)
        .await?
        .ok_or_else(|| Error::NoSuchUser {
            login: login.to_owned(),
        })
}

pub(crate) async fn find_organization(conn: &mut Conn<'_>, login: &str) -> Result<Account, Error> {
    find_kind(conn, login, AccountKind::Organization)
        .await?
        .ok_or_else(|| Error::NoSuchOrganization {
            login: login.to_owned(),
        })
}

/// Whoever can hold tokens: a user, or a service account.
pub(crate) async fn find_holder(conn: &mut Conn<'_>, login: &str) -> Result<Account, Error> {
    if login.contains('+') {
        return find_service_account(conn, login).await;
    }
    find_user(conn, login).await
}

pub(super) async fn find_service_account(
    conn: &mut Conn<'_>,
    login: &str,
) -> Result<Account, Error> {
    let unknown = || Error::NoSuchServiceAccount {
        login: login.to_owned(),
    };
    let (organization, name) = login.split_once('+').ok_or_else(unknown)?;
    let organization = find_kind(conn, organization, AccountKind::Organization).await?;
    let organization = organization.ok_or_else(unknown)?;
    let current = format!("{}+{}", organization.login, name.to_ascii_lowercase());
    let account = accounts::find_by_login(conn, &current).await?;
    account
        .filter(|account| account.organization_id == Some(organization.id))
        .ok_or_else(unknown)
}

async fn find_kind(
    conn: &mut Conn<'_>,
    login: &str,
    kind: AccountKind,
) -> Result<Option<Account>, Error> {
    let account = find_account(conn, login).await?;
    Ok(account.filter(|account| account.kind == kind))
}

pub(crate) async fn find_team(conn: &mut Conn<'_>, team: &TeamName) -> Result<Team, Error> {
    let organization = find_organization(conn, team.organization()).await?;
    let found = teams::find(conn, organization.id, team.name()).await?;
    found.ok_or_else(|| Error::NoSuchTeam {
        team: team.to_string(),
    })
}

/// Who is meant, on a package of that owner.
pub(crate) async fn find_principal(
    conn: &mut Conn<'_>,
    name: &PrincipalName,
    owner: &OwnerFacts,
) -> Result<Principal, Error> {
    match name {
        PrincipalName::User(login) => {
            let user = find_user(conn, login.as_str()).await?;
            Ok(Principal::Account(user.id))
        }
        PrincipalName::ServiceAccount(name) => {
            let account = find_service_account(conn, &name.to_string()).await?;
            Ok(Principal::Account(account.id))
        }
        PrincipalName::Team(team) => {
            let organization = find_account(conn, team.organization()).await?;
            if organization.is_none_or(|found| found.id != owner.id) {
                return Err(Error::ForeignTeam {
                    team: team.to_string(),
                    owner: owner.login.clone(),
                });
            }
            Ok(Principal::Team(find_team(conn, team).await?.id))
        }
        PrincipalName::Repository(repository) => {
            let found = find_repository(conn, owner, repository).await?;
            Ok(Principal::SourceRepository(found.id))
        }
    }
}

/// A repository that the owner has connected.
pub(crate) async fn find_repository(
    conn: &mut Conn<'_>,
    owner: &OwnerFacts,
    repository: &SourceRepository,
) -> Result<Repository, Error> {
    let found = repositories::find(conn, owner.id, repository.key()).await?;
    found.ok_or_else(|| Error::NotConnected {
        repository: repository.to_string(),
        owner: owner.login.clone(),
    })
}

/// Which accounts there are is told to nobody who is not signed in.
pub(crate) fn somebody(by: &By, name: &str) -> Result<(), Error> {
    let By::Caller(caller) = by else {
        return Ok(());
    };
    if caller.login().is_some() {
        return Ok(());
    }
    let owner = name.to_owned();
    Err(caller.explain(Refusal::SignInToManage { owner }))
}

impl App {
    /// The account with a login, or with that former login.
    pub async fn account(&self, by: &By, login: &str) -> Result<AccountSummary, Error> {
        somebody(by, login)?;
        let mut reader = self.db.reader().await?;
        let found = find_account(&mut reader.conn(), login).await?;
        let account = found.filter(|account| account.kind != AccountKind::Upstream);
        let account = account.ok_or_else(|| Error::NoSuchAccount {
            login: login.to_owned(),
        })?;
        Ok(AccountSummary {
            renamed: !account.login.eq_ignore_ascii_case(login),
            account,
        })
    }

    /// Permission to manage an organization.
    pub(crate) async fn permit_organization(
        &self,
        conn: &mut Conn<'_>,
        by: &By,
        organization: &str,
    ) -> Result<OwnerPermit, Error> {
        somebody(by, organization)?;
        let account = find_organization(conn, organization).await?;
        self.permit_account(conn, by, account).await
    }

    /// Permission to manage an owner of packages: an organization, or oneself.
    pub(crate) async fn permit_owner(
        &self,
        conn: &mut Conn<'_>,
        by: &By,
        login: &str,
    ) -> Result<OwnerPermit, Error> {
        somebody(by, login)?;
        let account = find_account(conn, login).await?;
        let account = account.ok_or_else(|| Error::NoSuchAccount {
            login: login.to_owned(),
        })?;
        self.permit_account(conn, by, account).await
    }

    /// Permission to manage an account; a service account is managed by its organization's owners.
    pub(super) async fn permit_account(
        &self,
        conn: &mut Conn<'_>,
        by: &By,
        account: Account,
    ) -> Result<OwnerPermit, Error> {
        let managed = match account.organization_id {
            Some(id) => accounts::find(conn, id).await?,
            None => Some(account),
        };
        let managed = managed.ok_or_else(|| Error::Internal("an organization is gone".into()))?;
        let facts = owner_facts(conn, managed).await?;
        let By::Caller(caller) = by else {
            return Ok(OwnerPermit::of_operator(&facts));
        };
        let actor = self.current_actor(conn, caller).await?;
        permit::authorize_owner(&actor, &facts).map_err(|r| caller.explain(r))
    }

    /// Permission to manage the site: its users, and what belongs to nobody.
    pub(crate) async fn permit_site(
        &self,
        conn: &mut Conn<'_>,
        by: &By,
    ) -> Result<SitePermit, Error> {
        let By::Caller(caller) = by else {
            return Ok(SitePermit::of_operator());
        };
        let actor = self.current_actor(conn, caller).await?;
        permit::authorize_site(&actor).map_err(|r| caller.explain(r))
    }

    pub(crate) async fn current_actor(
        &self,
        conn: &mut Conn<'_>,
        caller: &Caller,
    ) -> Result<Actor, Error> {
        let epoch = epochs::current(conn).await?;
        self.actor_in(conn, caller, epoch).await
    }
}
