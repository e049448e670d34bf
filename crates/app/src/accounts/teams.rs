//! Teams: members of an organization who are granted roles together.

use std::sync::Arc;

use super::{
    TeamName,
    organizations::{find_organization, find_user},
};
use crate::{App, Error, authz::By};
use wharf_db::{
    Conn, ErrorKind, Tx, Write,
    grants::{self, Principal},
    organizations,
    teams::{self, Team},
};

impl App {
    /// Creates a team; below `parent` it has that team's grants too.
    pub async fn create_team(
        self: &Arc<Self>,
        by: &By,
        team: &TeamName,
        parent: Option<&str>,
    ) -> Result<(), Error> {
        let create = Create {
            app: Arc::clone(self),
            by: by.clone(),
            id: self.ids.next().await?,
            team: team.clone(),
            parent: parent.map(str::to_owned),
        };
        self.db.write(create).await
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

    /// Up to `limit` teams of an organization after the slug `after`.
    pub async fn teams(
        &self,
        organization: &str,
        after: &str,
        limit: i64,
    ) -> Result<Vec<Team>, Error> {
        let mut reader = self.db.reader().await?;
        let conn = &mut reader.conn();
        let id = find_organization(conn, organization).await?.id;
        Ok(teams::list(conn, id, after, limit).await?)
    }

    /// Up to `limit` logins of a team's members after `after`.
    pub async fn team_members(
        &self,
        team: &TeamName,
        after: &str,
        limit: i64,
    ) -> Result<Vec<String>, Error> {
        let mut reader = self.db.reader().await?;
        let conn = &mut reader.conn();
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
            app: Arc::clone(self),
            by: by.clone(),
            team: team.clone(),
            change,
        };
        self.write_and_void(change).await
    }
}

pub(crate) async fn find_team(conn: &mut Conn<'_>, team: &TeamName) -> Result<Team, Error> {
    let organization = find_organization(conn, team.organization()).await?;
    let found = teams::find(conn, organization.id, team.slug()).await?;
    found.ok_or_else(|| Error::NoSuchTeam {
        team: team.to_string(),
    })
}

struct Create {
    app: Arc<App>,
    by: By,
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

impl Write for Create {
    type Output = ();
    type Error = Error;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        let app = &self.app;
        let permit = app
            .permit_organization(tx, &self.by, self.team.organization())
            .await?;
        let organization_id = permit.owner_id();
        let team = Team {
            id: self.id,
            organization_id,
            slug: self.team.slug().to_owned(),
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
    app: Arc<App>,
    by: By,
    team: TeamName,
    change: Change,
}

impl Write for ChangeTeam {
    type Output = ();
    type Error = Error;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        let organization = self.team.organization();
        let permit = self
            .app
            .permit_organization(tx, &self.by, organization)
            .await?;
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

async fn delete(tx: &mut Tx<'_>, id: i64) -> Result<(), Error> {
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
