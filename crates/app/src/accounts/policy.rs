//! What an organization lets its members do, and how visible its packages begin.

use std::sync::Arc;

use wharf_db::{
    Tx,
    organizations::{self, Policy},
    packages::Visibility,
    visibilities,
};

use crate::{App, Error, authz::By, change::Change};

impl App {
    pub async fn organization_policy(&self, by: &By, organization: &str) -> Result<Policy, Error> {
        let mut reader = self.db.reader().await?;
        let conn = &mut reader.conn();
        let id = self.must_belong(conn, by, organization).await?;
        Ok(organizations::policy(conn, id).await?)
    }

    pub async fn set_organization_policy(
        self: &Arc<Self>,
        by: &By,
        organization: &str,
        policy: Policy,
    ) -> Result<(), Error> {
        let organization = organization.to_owned();
        let set = SetPolicy {
            organization,
            policy,
        };
        self.change(by, set).await
    }

    /// How visible new packages of an owner are, by the beginning of their
    /// names; the longest beginning that fits counts.
    pub async fn default_visibilities(
        &self,
        by: &By,
        owner: &str,
    ) -> Result<Vec<(String, Visibility)>, Error> {
        let mut reader = self.db.reader().await?;
        let conn = &mut reader.conn();
        let permit = self.permit_owner(conn, by, owner).await?;
        Ok(visibilities::of_owner(conn, permit.owner_id()).await?)
    }

    /// Sets, or with `None` forgets, how visible new packages begin whose
    /// names begin with `prefix`.
    pub async fn set_default_visibility(
        self: &Arc<Self>,
        by: &By,
        owner: &str,
        prefix: &str,
        visibility: Option<Visibility>,
    ) -> Result<(), Error> {
        let begins_a_name = format!("{owner}/{prefix}x").parse::<wharf_oci::Name>();
        begins_a_name.map_err(|_| Error::NoSuchPrefix {
            prefix: prefix.chars().take(300).collect(),
        })?;
        let set = SetDefault {
            owner: owner.to_owned(),
            prefix: prefix.to_owned(),
            visibility,
        };
        self.change(by, set).await
    }
}

struct SetPolicy {
    organization: String,
    policy: Policy,
}

impl Change for SetPolicy {
    type Output = ();

    async fn apply(&self, app: &Arc<App>, by: &By, tx: &mut Tx<'_>) -> Result<(), Error> {
        let permit = app.permit_organization(tx, by, &self.organization).await?;
        Ok(organizations::set_policy(tx, permit.owner_id(), self.policy).await?)
    }
}

/// Most rules of one owner: each push that creates a package reads them.
const MOST_DEFAULTS: usize = 100;

struct SetDefault {
    owner: String,
    prefix: String,
    visibility: Option<Visibility>,
}

impl Change for SetDefault {
    type Output = ();

    async fn apply(&self, app: &Arc<App>, by: &By, tx: &mut Tx<'_>) -> Result<(), Error> {
        let permit = app.permit_owner(tx, by, &self.owner).await?;
        let id = permit.owner_id();
        let Some(visibility) = self.visibility else {
            if visibilities::remove(tx, id, &self.prefix).await? {
                return Ok(());
            }
            return Err(Error::NoSuchPrefix {
                prefix: self.prefix.clone(),
            });
        };
        let rules = visibilities::of_owner(tx, id).await?;
        let is_new = rules.iter().all(|(prefix, _)| *prefix != self.prefix);
        if is_new && rules.len() >= MOST_DEFAULTS {
            let reason = format!("{} has {MOST_DEFAULTS} rules, the most allowed", self.owner);
            return Err(Error::Invalid(reason));
        }
        Ok(visibilities::put(tx, id, &self.prefix, visibility).await?)
    }
}
