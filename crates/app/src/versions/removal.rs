//! Deleting versions with what belongs to them, and getting them back.

use std::{collections::HashSet, sync::Arc};

use wharf_db::{
    Tx, tags,
    versions::{self, Listing, Version},
};
use wharf_oci::{Digest, Name, Reference};

use super::{MOST, list::resolve, tree_of};
use crate::{
    App, Error,
    authz::{By, Permit, permit::Delete},
    cache::ClosedTags,
    change::Change,
    clock::HOUR,
    tags::Mover,
};

/// How long pruning leaves an untagged version alone after a push of it, in
/// microseconds: a push of several manifests may be under way.
const PRUNED_AFTER: i64 = HOUR;

/// What a deletion took, by digest: what was named first, then what belonged to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeletedVersions {
    pub digests: Vec<String>,
    pub more: bool,
}

impl App {
    /// Deletes a version with its tags, the images that only it lists, and
    /// whatever is attached to them. What else is tagged, or listed by
    /// another index, stays.
    pub async fn delete_version(
        self: &Arc<Self>,
        by: &By,
        package: &Name,
        reference: &Reference,
    ) -> Result<DeletedVersions, Error> {
        let delete = DeleteVersion {
            package: package.clone(),
            reference: reference.clone(),
            closed: ClosedTags::default(),
        };
        self.change(by, delete).await
    }

    /// Deletes up to `limit` versions that no tag, index or subject holds, and
    /// that nobody has pushed for an hour, with what belongs to them likewise;
    /// `more` if there are others. No image that a tag leads to loses a part.
    pub async fn delete_untagged(
        self: &Arc<Self>,
        by: &By,
        package: &Name,
        limit: i64,
    ) -> Result<DeletedVersions, Error> {
        let delete = DeleteUntagged {
            package: package.clone(),
            limit,
            closed: ClosedTags::default(),
        };
        self.change(by, delete).await
    }

    /// Brings a deleted version back, with what belongs to it, and with those
    /// of its tags that nothing else has taken.
    pub async fn restore_version(
        self: &Arc<Self>,
        by: &By,
        package: &Name,
        digest: &Digest,
    ) -> Result<(), Error> {
        let restore = RestoreVersion {
            package: package.clone(),
            digest: digest.clone(),
            closed: ClosedTags::default(),
        };
        self.change(by, restore).await
    }
}

/// Deletes versions of one package within one transaction.
pub(crate) struct Remover<'a> {
    mover: Mover<'a>,
    package_id: i64,
    path: &'a str,
    actor_id: Option<i64>,
    /// What goes together goes at one instant, and by that comes back together.
    now: i64,
    /// Parts that were pushed at this instant or later stay.
    spared_since: i64,
}

impl<'a> Remover<'a> {
    pub fn new(app: &'a App, closed: &'a ClosedTags, permit: &'a Permit<Delete>) -> Self {
        Self {
            now: app.clock.now(),
            mover: Mover::new(app, closed, permit),
            package_id: permit.package_id(),
            path: permit.path(),
            actor_id: permit.actor_id(),
            spared_since: i64::MAX,
        }
    }

    fn sparing(self, spared_since: i64) -> Self {
        Self {
            spared_since,
            ..self
        }
    }

    /// Deletes exactly this version and its tags, unless an index needs it.
    pub async fn remove(&self, tx: &mut Tx<'_>, version: &Version) -> Result<(), Error> {
        let (id, digest) = (self.package_id, version.digest.as_str());
        if let Some(parent) = versions::find_parent(tx, id, digest).await? {
            return Err(Error::ManifestInUse {
                package: self.path.to_owned(),
                digest: crate::pull::stored_digest(digest)?,
                parent,
            });
        }
        let names = tags::list_of_version(tx, version.id).await?;
        for tag in &names {
            self.mover.remove(tx, tag).await?;
        }
        let kept = serde_json::to_string(&names).unwrap_or_default();
        Ok(versions::delete(tx, version.id, self.now, self.actor_id, &kept).await?)
    }

    /// Deletes a version and what belongs to nothing else. Of very many parts
    /// some stay, and stand for themselves from then on. Counts what it looked at.
    async fn remove_tree(
        &self,
        tx: &mut Tx<'_>,
        root: Version,
        looked_at: &mut usize,
    ) -> Result<DeletedVersions, Error> {
        let tree = tree_of(tx, self.package_id, root).await?;
        *looked_at += tree.versions.len();
        let more = tree.more;
        let mut removed = Vec::new();
        let mut gone: HashSet<String> = HashSet::new();
        for (at, version) in tree.versions.into_iter().enumerate() {
            if at > 0 && self.is_held(tx, &version, &gone).await? {
                continue;
            }
            self.remove(tx, &version).await?;
            gone.insert(version.digest.clone());
            removed.push(version.digest);
        }
        Ok(DeletedVersions {
            digests: removed,
            more,
        })
    }

    /// Whether a part stays: it is spared, tagged, listed by an index that
    /// stays, or attached to a subject that does.
    async fn is_held(
        &self,
        tx: &mut Tx<'_>,
        version: &Version,
        gone: &HashSet<String>,
    ) -> Result<bool, Error> {
        if version.last_pushed_at >= self.spared_since
            || !tags::first_of_version(tx, version.id, 1).await?.is_empty()
        {
            return Ok(true);
        }
        let id = self.package_id;
        if versions::find_parent(tx, id, &version.digest)
            .await?
            .is_some()
        {
            return Ok(true);
        }
        match &version.subject {
            Some(subject) if !gone.contains(subject) => {
                Ok(versions::find(tx, id, subject).await?.is_some())
            }
            _ => Ok(false),
        }
    }
}

struct DeleteVersion {
    package: Name,
    reference: Reference,
    closed: ClosedTags,
}

impl Change for DeleteVersion {
    type Output = DeletedVersions;

    async fn apply(
        &self,
        app: &Arc<App>,
        by: &By,
        tx: &mut Tx<'_>,
    ) -> Result<DeletedVersions, Error> {
        let permit = app.permit_in::<Delete>(tx, by, &self.package).await?;
        let id = permit.package_id();
        let version = match resolve(tx, id, &self.reference).await? {
            Some(digest) => versions::find(tx, id, digest.as_str()).await?,
            None => None,
        };
        let version = version.ok_or_else(|| Error::ManifestUnknown {
            package: self.package.to_string(),
            reference: self.reference.clone(),
        })?;
        let remover = Remover::new(app, &self.closed, &permit);
        remover.remove_tree(tx, version, &mut 0).await
    }
}

struct DeleteUntagged {
    package: Name,
    limit: i64,
    closed: ClosedTags,
}

impl Change for DeleteUntagged {
    type Output = DeletedVersions;

    async fn apply(
        &self,
        app: &Arc<App>,
        by: &By,
        tx: &mut Tx<'_>,
    ) -> Result<DeletedVersions, Error> {
        let permit = app.permit_in::<Delete>(tx, by, &self.package).await?;
        let id = permit.package_id();
        let old = app.clock.now() - PRUNED_AFTER;
        let remover = Remover::new(app, &self.closed, &permit).sparing(old);
        let mut deleted = DeletedVersions::default();
        // What stays is looked at again for everything that lists it.
        let mut looked_at = 0;
        let listing = Listing::Untagged;
        for version in versions::list(tx, id, listing, i64::MAX, self.limit, old).await? {
            if looked_at >= MOST {
                break;
            }
            if let Some(version) = versions::find(tx, id, &version.digest).await? {
                let tree = remover.remove_tree(tx, version, &mut looked_at).await?;
                deleted.digests.extend(tree.digests);
            }
        }
        let rest = versions::list(tx, id, listing, i64::MAX, 1, old).await?;
        deleted.more = !rest.is_empty();
        Ok(deleted)
    }
}

struct RestoreVersion {
    package: Name,
    digest: Digest,
    closed: ClosedTags,
}

impl Change for RestoreVersion {
    type Output = ();

    async fn apply(&self, app: &Arc<App>, by: &By, tx: &mut Tx<'_>) -> Result<(), Error> {
        let permit = app.permit_in::<Delete>(tx, by, &self.package).await?;
        let id = permit.package_id();
        let root = versions::find_any(tx, id, self.digest.as_str()).await?;
        let root = root.filter(|version| version.deleted_at.is_some());
        let root = root.ok_or_else(|| Error::NotDeleted {
            package: self.package.to_string(),
            digest: self.digest.clone(),
        })?;
        let mover = Mover::new(app, &self.closed, &permit);
        let limit = i64::try_from(MOST).unwrap_or(i64::MAX);
        let mut waiting = vec![root];
        while let Some(version) = waiting.pop() {
            if version.deleted_at.is_none() {
                continue;
            }
            let kept = versions::deleted_tags(tx, version.id).await?;
            versions::restore(tx, version.id).await?;
            let names: Vec<String> =
                serde_json::from_str(kept.as_deref().unwrap_or("[]")).unwrap_or_default();
            for tag in names {
                if tags::find(tx, id, &tag).await?.is_none() {
                    mover.point(tx, &tag, version.id, &version.digest).await?;
                }
            }
            waiting.extend(versions::parts(tx, version.id, i64::MAX).await?);
            waiting.extend(versions::deleted_with(tx, id, &version, limit).await?);
        }
        Ok(())
    }
}
