//! Teams: members of an organization who are granted roles together.

use std::sync::Arc;

use wharf_db::{
    ErrorKind, Tx,
    grants::{self, Principal},
    organizations,
    teams::{self, Team},
};

use super::{
    TeamName,
    find::{find_team, find_user},
};
use crate::{App, Error, authz::By, change};

impl App {
    /// Creates a team; below `parent` it has that team's grants too.
    pub async fn create_team(
        self: &Arc<Self>,
        by: &By,
        team: &TeamName,
        parent: Option<&str>,
    ) -> Result<(), Error> {
        let create = Create {
            id: self.ids.next().await?,
            team: team.clone(),
            parent: parent.map(str::to_owned),
        };
        self.change(by, create).await
    }

    /// Deletes a team, the teams below it, and everything that was granted to them.
    pub async fn delete_team(self: &Arc<Self>, by: &By, team: &TeamName) -> Result<(), Error> {
        self.change_team(by, team, Change::Delete).await
    }

    /// Puts a member of the organization into a team.
    pub async fn join_team(
        self: &Arc<Self>,
        by: &By,
        team: &TeamName,
        login: &str,
    ) -> Result<(), Error> {
        let change = Change::Join(login.to_owned());
        self.change_team(by, team, change).await
    }

    pub async fn leave_team(
        self: &Arc<Self>,
        by: &By,
        team: &TeamName,
        login: &str,
    ) -> Result<(), Error> {
        let change = Change::Leave(login.to_owned());
        self.change_team(by, team, change).await
    }

    /// Up to `limit` teams of an organization after the slug `after`, each with
    /// the slug of the one above it, for its members.
    pub async fn teams(
        &self,
        by: &By,
        organization: &str,
        after: &str,
        limit: i64,
    ) -> Result<Vec<(Team, Option<String>)>, Error> {
        let mut reader = self.db.reader().await?;
        let conn = &mut reader.conn();
        let id = self.must_belong(conn, by, organization).await?;
        let mut listed = Vec::new();
        for team in teams::list(conn, id, after, limit).await? {
            let parent = match team.parent_id {
                Some(id) => teams::find_by_id(conn, id).await?,
                None => None,
            };
            listed.push((team, parent.map(|parent| parent.slug)));
        }
        Ok(listed)
    }

    /// Up to `limit` logins of a team's members after `after`.
    pub async fn team_members(
        &self,
        by: &By,
        team: &TeamName,
        after: &str,
        limit: i64,
    ) -> Result<Vec<String>, Error> {
        let mut reader = self.db.reader().await?;
        let conn = &mut reader.conn();
        self.must_belong(conn, by, team.organization()).await?;
        let found = find_team(conn, team).await?;
        Ok(teams::members(conn, found.id, after, limit).await?)
    }

    async fn change_team(
        self: &Arc<Self>,
        by: &By,
        team: &TeamName,
        change: Change,
    ) -> Result<(), Error> {
        let change = ChangeTeam {
            team: team.clone(),
            change,
        };
        self.change(by, change).await
    }
}

struct Create {
    id: i64,
    team: TeamName,
    parent: Option<String>,
}

impl Create {
    async fn parent_id(&self, tx: &mut Tx<'_>, organization_id: i64) -> Result<Option<i64>, Error> {
        let Some(slug) = &self.parent else {
            return Ok(None);
        };
        let name = || format!("{}/{slug}", self.team.organization());
        let parent = teams::find(tx, organization_id, slug).await?;
        let parent = parent.ok_or_else(|| Error::NoSuchTeam { team: name() })?;
        match parent.parent_id {
            None => Ok(Some(parent.id)),
            Some(_) => Err(Error::TeamTooDeep { parent: name() }),
        }
    }
}

impl change::Change for Create {
    type Output = ();

    async fn apply(&self, app: &Arc<App>, by: &By, tx: &mut Tx<'_>) -> Result<(), Error> {
        let organization = self.team.organization();
        let permit = app.permit_organization(tx, by, organization).await?;
        let organization_id = permit.owner_id();
        let team = Team {
            id: self.id,
            organization_id,
            slug: self.team.name().to_owned(),
            parent_id: self.parent_id(tx, organization_id).await?,
            created_at: app.clock.now(),
        };
        match teams::insert(tx, &team).await {
            Err(error) if error.kind == ErrorKind::Duplicate => Err(Error::TeamTaken {
                team: self.team.to_string(),
            }),
            result => Ok(result?),
        }
    }
}

enum Change {
    Delete,
    Join(String),
    Leave(String),
}

struct ChangeTeam {
    team: TeamName,
    change: Change,
}

impl change::Change for ChangeTeam {
    type Output = ();

    async fn apply(&self, app: &Arc<App>, by: &By, tx: &mut Tx<'_>) -> Result<(), Error> {
        let organization = self.team.organization();
        let permit = app.permit_organization(tx, by, organization).await?;
        let team = find_team(tx, &self.team).await?;
        match &self.change {
            Change::Delete => delete(tx, team.id).await,
            Change::Join(login) => {
                let user = find_user(tx, login).await?;
                let role = organizations::role(tx, permit.owner_id(), user.id).await?;
                role.ok_or_else(|| not_member(&user.login, organization))?;
                Ok(teams::add_member(tx, team.id, user.id).await?)
            }
            Change::Leave(login) => {
                let user = find_user(tx, login).await?;
                if teams::remove_member(tx, team.id, user.id).await? {
                    return Ok(());
                }
                Err(not_member(&user.login, &self.team.to_string()))
            }
        }
    }
}

/// Deletes a team with the teams below it and all their grants.
pub(super) async fn delete(tx: &mut Tx<'_>, id: i64) -> Result<(), Error> {
    for below in teams::below(tx, id).await? {
        grants::remove_all(tx, Principal::Team(below)).await?;
    }
    grants::remove_all(tx, Principal::Team(id)).await?;
    Ok(teams::delete(tx, id).await?)
}

fn not_member(login: &str, organization: &str) -> Error {
    Error::NotMember {
        login: login.to_owned(),
        organization: organization.to_owned(),
    }
}
