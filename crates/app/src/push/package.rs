//! The package behind a push: there, or created by it.

use wharf_db::{
    Tx,
    accounts::{self, Account, AccountKind},
    grants::{self, Grant, Granted, Principal, Role},
    packages::{self, Package},
    quotas::Amounts,
};
use wharf_oci::Name;

use crate::{
    App, Error,
    authn::Caller,
    authz::{
        Permit,
        facts::OwnerFacts,
        permit::{Creation, Push, Verdict},
    },
    packages::visibility_of_new,
    quota::charge,
    target::load_target,
};

/// Ids for rows that a write may have to create: taken before the
/// transaction, lost if not needed.
#[derive(Debug, Clone, Copy)]
pub struct NewIds {
    package: i64,
    owner: i64,
}

impl App {
    pub(crate) async fn new_ids(&self) -> Result<NewIds, Error> {
        Ok(NewIds {
            package: self.ids.next().await?,
            owner: self.ids.next().await?,
        })
    }

    /// Permission to push to `name`, creating the package if there is none:
    /// owned by the namespace, as visible as its owner wants new ones.
    pub(crate) async fn permit_push(
        &self,
        tx: &mut Tx<'_>,
        caller: &Caller,
        name: &Name,
        ids: NewIds,
    ) -> Result<Permit<Push>, Error> {
        let creation = match self.authorize_in::<Push>(tx, caller, name).await? {
            Verdict::Existing(permit) => return Ok(permit),
            Verdict::Absent(Some(creation)) => creation,
            Verdict::Absent(None) => {
                return Err(Error::Internal(format!("{name} cannot be created")));
            }
        };
        self.create(tx, creation, ids).await
    }

    async fn create(
        &self,
        tx: &mut Tx<'_>,
        creation: Creation,
        ids: NewIds,
    ) -> Result<Permit<Push>, Error> {
        let now = self.clock.now();
        let owner_id = match &creation.owner {
            Some(OwnerFacts { id, .. }) => *id,
            None => begin_upstream(tx, &creation.path, ids.owner, now).await?,
        };
        // A former name is kept even while the package it leads to is deleted.
        if packages::find_redirect(tx, &creation.path).await?.is_some() {
            return Err(Error::PackageDeleted {
                path: creation.path,
            });
        }
        let package = Package {
            id: ids.package,
            owner_id,
            path: creation.path.clone(),
            visibility: visibility_of_new(tx, owner_id, &creation.path).await?,
            created_by: Some(creation.actor_id),
            created_at: now,
            updated_at: now,
            published_at: None,
        };
        let is_new = packages::insert_if_absent(tx, &package).await?;
        if is_new {
            let change = Amounts {
                packages: 1,
                ..Amounts::default()
            };
            charge(tx, owner_id, change).await?;
        }
        if is_new && creation.needs_grant {
            self.make_creator_admin(tx, &creation, ids.package).await?;
        }
        let created = load_target(tx, &creation.path).await?.package;
        // The row is there, so what hides it is that it was deleted.
        let created = created.ok_or_else(|| Error::PackageDeleted {
            path: creation.path.clone(),
        })?;
        Ok(creation.into_permit(created))
    }

    async fn make_creator_admin(
        &self,
        tx: &mut Tx<'_>,
        creation: &Creation,
        package_id: i64,
    ) -> Result<(), Error> {
        let grant = Grant {
            principal: Principal::Account(creation.actor_id),
            role: Role::Admin,
            expires_at: None,
        };
        let (by, now) = (Some(creation.actor_id), self.clock.now());
        let on = Granted::Package(package_id);
        Ok(grants::put(tx, on, &grant, by, now).await?)
    }
}

/// The account behind an upstream's namespace, made by the first push there.
async fn begin_upstream(tx: &mut Tx<'_>, path: &str, id: i64, now: i64) -> Result<i64, Error> {
    let host = path.split('/').next().unwrap_or_default();
    let account = Account::new(id, host, AccountKind::Upstream, now);
    accounts::insert(tx, &account).await?;
    Ok(id)
}
