//! Who belongs to which organization, and what it lets its members do.

use crate::{Conn, Error, Tx, packages::Visibility};

statements! {
    PUT_MEMBER = "INSERT INTO membership (organization_id, user_id, role, created_at)
        VALUES ($1, $2, $3, $4)
        ON CONFLICT (organization_id, user_id) DO UPDATE SET role = excluded.role";
    REMOVE_MEMBER = "DELETE FROM membership WHERE organization_id = $1 AND user_id = $2";
    REMOVE_ALL_MEMBERS = "DELETE FROM membership WHERE organization_id = $1";
    MEMBERSHIPS = "SELECT organization_id, role FROM organization_membership WHERE user_id = $1
        ORDER BY organization_id";
    ROLE = "SELECT role FROM organization_membership WHERE organization_id = $1 AND user_id = $2";
    MEMBERS = "SELECT a.login, m.role FROM organization_membership m JOIN account a ON a.id = m.user_id
        WHERE m.organization_id = $1 AND a.login > $2 ORDER BY a.login LIMIT $3";
    OTHER_OWNER = "SELECT user_id FROM membership
        WHERE organization_id = $1 AND role = 'owner' AND user_id <> $2 LIMIT 1";
    POLICY = "SELECT members_may_create, members_widest_visibility, inherit_by_default
        FROM organization_policy
        WHERE organization_id = $1";
    SET_POLICY = "INSERT INTO organization_policy
        (organization_id, members_may_create, members_widest_visibility, inherit_by_default)
        VALUES ($1, $2, $3, $4)
        ON CONFLICT (organization_id) DO UPDATE SET
        members_may_create = excluded.members_may_create,
        members_widest_visibility = excluded.members_widest_visibility,
        inherit_by_default = excluded.inherit_by_default";
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberRole {
    Owner,
    Member,
}

impl MemberRole {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Member => "member",
        }
    }

    fn parse(s: &str) -> Result<Self, Error> {
        match s {
            "owner" => Ok(Self::Owner),
            "member" => Ok(Self::Member),
            other => Err(Error::unreadable("member role", other)),
        }
    }
}

/// What members who are not owners may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Create packages by pushing.
    pub members_may_create: bool,
    /// The widest visibility that a package's admin may give it without being an owner.
    pub members_widest_visibility: Visibility,
    /// Whether a package that says where it is built inherits the access of
    /// that repository, if the organization has connected it.
    pub inherit_by_default: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            members_may_create: true,
            members_widest_visibility: Visibility::Internal,
            inherit_by_default: true,
        }
    }
}

/// Adds a member, or changes the role of one.
pub async fn put_member(
    tx: &mut Tx<'_>,
    organization_id: i64,
    user_id: i64,
    role: MemberRole,
    at: i64,
) -> Result<(), Error> {
    let role = role.as_str();
    execute!(&mut **tx, PUT_MEMBER, organization_id, user_id, role, at)?;
    Ok(())
}

/// Whether the user was a member.
pub async fn remove_member(
    tx: &mut Tx<'_>,
    organization_id: i64,
    user_id: i64,
) -> Result<bool, Error> {
    Ok(execute!(&mut **tx, REMOVE_MEMBER, organization_id, user_id)? > 0)
}

pub async fn remove_all_members(tx: &mut Tx<'_>, organization_id: i64) -> Result<(), Error> {
    execute!(&mut **tx, REMOVE_ALL_MEMBERS, organization_id)?;
    Ok(())
}

/// The organizations a user belongs to, and as what.
pub async fn memberships(
    conn: &mut Conn<'_>,
    user_id: i64,
) -> Result<Vec<(i64, MemberRole)>, Error> {
    let rows = query!(fetch_all, conn, (i64, String), MEMBERSHIPS, user_id)?;
    let parsed = rows
        .into_iter()
        .map(|(id, role)| Ok((id, MemberRole::parse(&role)?)));
    parsed.collect()
}

/// A user's role in an organization.
pub async fn role(
    conn: &mut Conn<'_>,
    organization_id: i64,
    user_id: i64,
) -> Result<Option<MemberRole>, Error> {
    let row = query!(
        fetch_optional,
        conn,
        (String,),
        ROLE,
        organization_id,
        user_id
    )?;
    row.map(|(role,)| MemberRole::parse(&role)).transpose()
}

/// Members after the login `after`, in order.
pub async fn members(
    conn: &mut Conn<'_>,
    organization_id: i64,
    after: &str,
    limit: i64,
) -> Result<Vec<(String, MemberRole)>, Error> {
    type Row = (String, String);
    let rows = query!(fetch_all, conn, Row, MEMBERS, organization_id, after, limit)?;
    let parsed = rows
        .into_iter()
        .map(|(login, role)| Ok((login, MemberRole::parse(&role)?)));
    parsed.collect()
}

/// Whether somebody else owns the organization too.
pub async fn has_other_owner(
    conn: &mut Conn<'_>,
    organization_id: i64,
    user_id: i64,
) -> Result<bool, Error> {
    let row = query!(
        fetch_optional,
        conn,
        (i64,),
        OTHER_OWNER,
        organization_id,
        user_id
    )?;
    Ok(row.is_some())
}

pub async fn policy(conn: &mut Conn<'_>, organization_id: i64) -> Result<Policy, Error> {
    let row = query!(
        fetch_optional,
        conn,
        (bool, String, bool),
        POLICY,
        organization_id
    )?;
    let Some((members_may_create, widest, inherit_by_default)) = row else {
        return Ok(Policy::default());
    };
    let widest = Visibility::parse(&widest);
    Ok(Policy {
        members_may_create,
        members_widest_visibility: widest
            .ok_or_else(|| Error::unreadable("visibility", "of an organization's policy"))?,
        inherit_by_default,
    })
}

pub async fn set_policy(
    tx: &mut Tx<'_>,
    organization_id: i64,
    policy: Policy,
) -> Result<(), Error> {
    let widest = policy.members_widest_visibility.as_str();
    execute!(
        &mut **tx,
        SET_POLICY,
        organization_id,
        policy.members_may_create,
        widest,
        policy.inherit_by_default,
    )?;
    Ok(())
}
