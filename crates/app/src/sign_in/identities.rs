//! Who is who at which provider, and which groups make a team.

use std::sync::Arc;

use wharf_db::{
    Conn, ErrorKind, Tx,
    identities::{self, Identity},
    teams::Team,
};

use super::ProviderName;
use crate::{
    App, Error,
    accounts::{TeamName, find_team, find_user},
    authz::By,
    change::Change,
};

/// Longest subject or group, in bytes.
const LONGEST: usize = 255;
/// Most groups of one team.
const MOST_GROUPS: usize = 100;

/// An identity, with the groups its provider named.
#[derive(Debug, Clone)]
pub struct KnownIdentity {
    pub identity: Identity,
    pub groups: Vec<String>,
}

impl App {
    /// Who a user is elsewhere; for the user and for site administrators.
    pub async fn identities(&self, by: &By, login: &str) -> Result<Vec<KnownIdentity>, Error> {
        let mut reader = self.db.reader().await?;
        let conn = &mut reader.conn();
        let permit = self.permit_owner(conn, by, login).await?;
        let mut known = Vec::new();
        for identity in identities::of_account(conn, permit.owner_id()).await? {
            let groups = identities::groups(conn, identity.id).await?;
            known.push(KnownIdentity { identity, groups });
        }
        Ok(known)
    }

    /// Says that whoever a provider calls `subject` is this user; for site administrators.
    pub async fn link_identity(
        self: &Arc<Self>,
        by: &By,
        login: &str,
        provider: &ProviderName,
        subject: &str,
    ) -> Result<(), Error> {
        check_text("subject", subject)?;
        let link = Link {
            id: self.ids.next().await?,
            login: login.to_owned(),
            provider: provider.clone(),
            subject: subject.to_owned(),
        };
        self.change(by, link).await
    }

    /// Takes that back; sessions and teams that came of it end.
    pub async fn unlink_identity(
        self: &Arc<Self>,
        by: &By,
        login: &str,
        provider: &ProviderName,
        subject: &str,
    ) -> Result<(), Error> {
        let unlink = Unlink {
            login: login.to_owned(),
            provider: provider.clone(),
            subject: subject.to_owned(),
        };
        self.change(by, unlink).await
    }

    /// Groups whose members are in a team, as (provider, group).
    pub async fn team_groups(
        &self,
        by: &By,
        team: &TeamName,
    ) -> Result<Vec<(String, String)>, Error> {
        let mut reader = self.db.reader().await?;
        let conn = &mut reader.conn();
        let team = self.managed_team(conn, by, team).await?;
        Ok(identities::team_groups(conn, team.id).await?)
    }

    /// Puts the members of a provider's group into a team, or no longer.
    pub async fn set_team_group(
        self: &Arc<Self>,
        by: &By,
        team: &TeamName,
        provider: &ProviderName,
        group: &str,
        is_in: bool,
    ) -> Result<(), Error> {
        check_text("group", group)?;
        let set = SetTeamGroup {
            team: team.clone(),
            provider: provider.clone(),
            group: group.to_owned(),
            is_in,
        };
        self.change(by, set).await
    }

    async fn managed_team(
        &self,
        conn: &mut Conn<'_>,
        by: &By,
        name: &TeamName,
    ) -> Result<Team, Error> {
        self.permit_organization(conn, by, name.organization())
            .await?;
        find_team(conn, name).await
    }
}

fn check_text(field: &'static str, text: &str) -> Result<(), Error> {
    let is_good = (1..=LONGEST).contains(&text.len()) && !text.chars().any(char::is_control);
    let reason = || format!("expected 1 to {LONGEST} bytes of text");
    is_good.then_some(()).ok_or_else(|| Error::Field {
        field,
        reason: reason(),
    })
}

struct Link {
    id: i64,
    login: String,
    provider: ProviderName,
    subject: String,
}

impl Change for Link {
    type Output = ();

    async fn apply(&self, app: &Arc<App>, by: &By, tx: &mut Tx<'_>) -> Result<(), Error> {
        app.permit_lasting(tx, by).await?;
        app.providers.find(self.provider.as_str())?;
        let user = find_user(tx, &self.login).await?;
        let now = app.clock.now();
        let identity = Identity {
            id: self.id,
            account_id: user.id,
            provider: self.provider.to_string(),
            subject: self.subject.clone(),
            name: self.subject.clone(),
            refresh_token: None,
            created_at: now,
            confirmed_at: None,
            ended_at: None,
        };
        match identities::insert(tx, &identity).await {
            Err(error) if error.kind == ErrorKind::Duplicate => Err(Error::IdentityTaken {
                provider: identity.provider,
                subject: identity.subject,
            }),
            result => Ok(result?),
        }
    }
}

struct Unlink {
    login: String,
    provider: ProviderName,
    subject: String,
}

impl Change for Unlink {
    type Output = ();

    async fn apply(&self, app: &Arc<App>, by: &By, tx: &mut Tx<'_>) -> Result<(), Error> {
        app.permit_site(tx, by).await?;
        let user = find_user(tx, &self.login).await?;
        let (provider, subject) = (self.provider.as_str(), self.subject.as_str());
        let found = identities::find_by_subject(tx, provider, subject).await?;
        let found = found.filter(|identity| identity.account_id == user.id);
        let identity = found.ok_or_else(|| Error::NoSuchIdentity {
            login: user.login.clone(),
            provider: provider.to_owned(),
            subject: subject.to_owned(),
        })?;
        let known = identities::of_account(tx, user.id).await?;
        let others = known
            .iter()
            .any(|other| other.id != identity.id && other.confirmed_at.is_some());
        let is_last = identity.confirmed_at.is_some() && !others;
        if is_last && user.password_hash.is_none() && user.disabled_at.is_none() {
            return Err(Error::OnlyIdentity { login: user.login });
        }
        identities::delete(tx, identity.id).await?;
        Ok(())
    }
}

struct SetTeamGroup {
    team: TeamName,
    provider: ProviderName,
    group: String,
    is_in: bool,
}

impl Change for SetTeamGroup {
    type Output = ();

    async fn apply(&self, app: &Arc<App>, by: &By, tx: &mut Tx<'_>) -> Result<(), Error> {
        let team = app.managed_team(tx, by, &self.team).await?;
        let (provider, group) = (self.provider.as_str(), self.group.as_str());
        if !self.is_in {
            if identities::remove_team_group(tx, team.id, provider, group).await? {
                return Ok(());
            }
            return Err(Error::NoSuchGroup {
                team: self.team.to_string(),
                provider: provider.to_owned(),
                group: group.to_owned(),
            });
        }
        app.providers.find(provider)?;
        let groups = identities::team_groups(tx, team.id).await?;
        if groups.len() >= MOST_GROUPS {
            let reason = format!("{} has {MOST_GROUPS} groups, the most allowed", self.team);
            return Err(Error::Invalid(reason));
        }
        Ok(identities::add_team_group(tx, team.id, provider, group).await?)
    }
}
