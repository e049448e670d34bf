//! What an owner stores, and how much of it the site lets it store.

use std::sync::Arc;

use wharf_db::{
    Conn, Tx,
    accounts::{Account, AccountKind},
    packages,
    quotas::{self, Amounts, Limits, Quota},
    usage::{self, OwnerUsage},
};

use super::find::somebody;
use crate::{
    App, Error, authz::By, change::Change, packages::PackageStorage, quota::Limited,
    target::find_account,
};

/// What an owner stores.
#[derive(Debug, Clone, Copy)]
pub struct OwnerStorage {
    pub usage: OwnerUsage,
    pub limits: Limits,
}

/// What becomes of a limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LimitEdit {
    #[default]
    Keep,
    /// As much as there is room for.
    Lift,
    To(i64),
}

impl LimitEdit {
    fn after(self, before: Option<i64>) -> Option<i64> {
        match self {
            Self::Keep => before,
            Self::Lift => None,
            Self::To(most) => Some(most),
        }
    }
}

/// Which limits to change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QuotaChange {
    pub bytes: LimitEdit,
    pub packages: LimitEdit,
    pub tags: LimitEdit,
}

impl App {
    /// What an owner stores, for those who manage it.
    pub async fn owner_storage(&self, by: &By, owner: &str) -> Result<OwnerStorage, Error> {
        let mut reader = self.db.reader().await?;
        let conn = &mut reader.conn();
        let permit = self.permit_owner(conn, by, owner).await?;
        let quota = quotas::find(conn, permit.owner_id()).await?;
        Ok(OwnerStorage {
            usage: usage::of_owner(conn, permit.owner_id()).await?,
            limits: quota.map(|quota| quota.limits).unwrap_or_default(),
        })
    }

    /// What each of an owner's packages stores: up to `limit` after the path `after`.
    pub async fn storage_by_package(
        &self,
        by: &By,
        owner: &str,
        after: &str,
        limit: i64,
    ) -> Result<Vec<(String, PackageStorage)>, Error> {
        let mut reader = self.db.reader().await?;
        let conn = &mut reader.conn();
        let permit = self.permit_owner(conn, by, owner).await?;
        let mut stored = Vec::new();
        for package in packages::list_of_owner(conn, permit.owner_id(), after, limit).await? {
            let storage = PackageStorage::of(conn, package.id).await?;
            stored.push((package.path, storage));
        }
        Ok(stored)
    }

    /// Changes what an owner may store. Not to less than it stores already.
    pub async fn set_quota(
        self: &Arc<Self>,
        by: &By,
        owner: &str,
        change: QuotaChange,
    ) -> Result<(), Error> {
        let owner = owner.to_owned();
        self.change(by, SetQuota { owner, change }).await
    }
}

struct SetQuota {
    owner: String,
    change: QuotaChange,
}

impl Change for SetQuota {
    type Output = ();

    async fn apply(&self, app: &Arc<App>, by: &By, tx: &mut Tx<'_>) -> Result<(), Error> {
        app.permit_site(tx, by).await?;
        somebody(by, &self.owner)?;
        let owner = find_owner(tx, &self.owner).await?;
        let before = quotas::find(tx, owner.id).await?;
        let before = before.map(|quota| quota.limits).unwrap_or_default();
        let limits = Limits {
            bytes: self.change.bytes.after(before.bytes),
            packages: self.change.packages.after(before.packages),
            tags: self.change.tags.after(before.tags),
        };
        if limits == Limits::default() {
            return Ok(quotas::remove(tx, owner.id).await?);
        }
        let used = amounts(&usage::of_owner(tx, owner.id).await?);
        for (limited, edit, used) in [
            (Limited::Bytes, self.change.bytes, used.bytes),
            (Limited::Packages, self.change.packages, used.packages),
            (Limited::Tags, self.change.tags, used.tags),
        ] {
            check_limit(&owner, limited, edit, used)?;
        }
        Ok(quotas::put(tx, owner.id, &Quota { limits, used }).await?)
    }
}

/// What counts against a quota.
pub(crate) fn amounts(usage: &OwnerUsage) -> Amounts {
    Amounts {
        bytes: usage.blobs.bytes + usage.manifests.bytes + usage.uploads.bytes,
        packages: usage.packages,
        tags: usage.tags,
    }
}

/// Of bytes, an exbibyte: sums of such amounts have room in 64 bits.
const MOST: i64 = 1 << 60;

fn check_limit(owner: &Account, limited: Limited, edit: LimitEdit, used: i64) -> Result<(), Error> {
    let LimitEdit::To(most) = edit else {
        return Ok(());
    };
    let reason = if !(0..=MOST).contains(&most) {
        format!("it must not be below zero or above {MOST}")
    } else if most < used {
        format!(
            "{} has {used} already; set at least that, or have something deleted for good first",
            owner.login
        )
    } else {
        return Ok(());
    };
    Err(Error::Field {
        field: limited.as_str(),
        reason,
    })
}

async fn find_owner(conn: &mut Conn<'_>, login: &str) -> Result<Account, Error> {
    let found = find_account(conn, login).await?;
    let owner = found.filter(|account| account.kind != AccountKind::ServiceAccount);
    owner.ok_or_else(|| Error::NoSuchAccount {
        login: login.to_owned(),
    })
}
