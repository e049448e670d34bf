//! Teams of organizations, and who is in them.

use crate::{Conn, Error, Tx};

statements! {
    FIND = "SELECT id, organization_id, slug, parent_id, created_at FROM team
        WHERE organization_id = $1 AND slug = $2";
    FIND_BY_ID = "SELECT id, organization_id, slug, parent_id, created_at FROM team WHERE id = $1";
    LIST = "SELECT id, organization_id, slug, parent_id, created_at FROM team
        WHERE organization_id = $1 AND slug > $2 ORDER BY slug LIMIT $3";
    INSERT = "INSERT INTO team (id, organization_id, slug, parent_id, created_at)
        VALUES ($1, $2, $3, $4, $5)";
    DELETE = "DELETE FROM team WHERE id = $1";
    ADD_MEMBER = "INSERT INTO team_member (team_id, user_id) VALUES ($1, $2)
        ON CONFLICT (team_id, user_id) DO NOTHING";
    REMOVE_MEMBER = "DELETE FROM team_member WHERE team_id = $1 AND user_id = $2";
    LEAVE_ALL = "DELETE FROM team_member WHERE user_id = $2
        AND team_id IN (SELECT id FROM team WHERE organization_id = $1)";
    MEMBERS = "SELECT a.login FROM team_membership m JOIN account a ON a.id = m.user_id
        WHERE m.team_id = $1 AND a.login > $2 ORDER BY a.login LIMIT $3";
    BELOW = "SELECT id FROM team WHERE parent_id = $1";
    OF_USER = "SELECT m.team_id FROM team_membership m WHERE m.user_id = $1
        UNION
        SELECT t.parent_id FROM team_membership m JOIN team t ON t.id = m.team_id
        WHERE m.user_id = $1 AND t.parent_id IS NOT NULL";
}

#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Team {
    pub id: i64,
    pub organization_id: i64,
    pub slug: String,
    /// The team it belongs to, whose grants it has too.
    pub parent_id: Option<i64>,
    pub created_at: i64,
}

pub async fn find(
    conn: &mut Conn<'_>,
    organization_id: i64,
    slug: &str,
) -> Result<Option<Team>, Error> {
    query!(fetch_optional, conn, Team, FIND, organization_id, slug)
}

pub async fn find_by_id(conn: &mut Conn<'_>, id: i64) -> Result<Option<Team>, Error> {
    query!(fetch_optional, conn, Team, FIND_BY_ID, id)
}

/// Teams of an organization after the slug `after`, in order.
pub async fn list(
    conn: &mut Conn<'_>,
    organization_id: i64,
    after: &str,
    limit: i64,
) -> Result<Vec<Team>, Error> {
    query!(fetch_all, conn, Team, LIST, organization_id, after, limit)
}

/// Fails with [`crate::ErrorKind::Duplicate`] if the slug is taken.
pub async fn insert(tx: &mut Tx<'_>, team: &Team) -> Result<(), Error> {
    execute!(
        &mut **tx,
        INSERT,
        team.id,
        team.organization_id,
        &team.slug,
        team.parent_id,
        team.created_at,
    )?;
    Ok(())
}

/// Deletes a team with the teams below it. Their grants are the caller's to revoke.
pub async fn delete(tx: &mut Tx<'_>, id: i64) -> Result<(), Error> {
    execute!(&mut **tx, DELETE, id)?;
    Ok(())
}

pub async fn add_member(tx: &mut Tx<'_>, team_id: i64, user_id: i64) -> Result<(), Error> {
    execute!(&mut **tx, ADD_MEMBER, team_id, user_id)?;
    Ok(())
}

/// Whether the user was in the team.
pub async fn remove_member(tx: &mut Tx<'_>, team_id: i64, user_id: i64) -> Result<bool, Error> {
    Ok(execute!(&mut **tx, REMOVE_MEMBER, team_id, user_id)? > 0)
}

/// Takes a user out of every team of an organization.
pub async fn leave_all(tx: &mut Tx<'_>, organization_id: i64, user_id: i64) -> Result<(), Error> {
    execute!(&mut **tx, LEAVE_ALL, organization_id, user_id)?;
    Ok(())
}

/// Logins of a team's members after `after`, in order.
pub async fn members(
    conn: &mut Conn<'_>,
    team_id: i64,
    after: &str,
    limit: i64,
) -> Result<Vec<String>, Error> {
    let rows = query!(fetch_all, conn, (String,), MEMBERS, team_id, after, limit)?;
    Ok(rows.into_iter().map(|(login,)| login).collect())
}

/// The teams directly below a team.
pub async fn below(conn: &mut Conn<'_>, id: i64) -> Result<Vec<i64>, Error> {
    let rows = query!(fetch_all, conn, (i64,), BELOW, id)?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// The teams whose grants a user has: its own, and those above them.
pub async fn of_user(conn: &mut Conn<'_>, user_id: i64) -> Result<Vec<i64>, Error> {
    let rows = query!(fetch_all, conn, (i64,), OF_USER, user_id)?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}
