//! Pointing a tag at what it pointed at before.

use std::sync::Arc;

use wharf_db::{Tx, tags, versions};
use wharf_oci::{Digest, Name, Reference, Tag};

use super::Mover;
use crate::{
    App, Error,
    authz::{By, permit::Push},
    cache::ClosedTags,
    change::Change,
    pull::stored_digest,
};

impl App {
    /// Points a tag at a version of its package: `to`, or, without one, what it
    /// pointed at before its last move. Returns where it points now.
    pub async fn roll_back_tag(
        self: &Arc<Self>,
        by: &By,
        package: &Name,
        tag: &Tag,
        to: Option<&Digest>,
    ) -> Result<Digest, Error> {
        let back = RollBack {
            package: package.clone(),
            tag: tag.clone(),
            to: to.cloned(),
            closed: ClosedTags::default(),
        };
        self.change(by, back).await
    }
}

struct RollBack {
    package: Name,
    tag: Tag,
    to: Option<Digest>,
    closed: ClosedTags,
}

impl Change for RollBack {
    type Output = Digest;

    async fn apply(&self, app: &Arc<App>, by: &By, tx: &mut Tx<'_>) -> Result<Digest, Error> {
        let permit = app.permit_in::<Push>(tx, by, &self.package).await?;
        let to = match &self.to {
            Some(digest) => digest.clone(),
            None => self.before_last(tx, permit.package_id()).await?,
        };
        let version = versions::find(tx, permit.package_id(), to.as_str()).await?;
        let version = version.ok_or_else(|| Error::ManifestUnknown {
            package: self.package.to_string(),
            reference: Reference::Digest(to.clone()),
        })?;
        let mover = Mover::new(app, &self.closed, &permit);
        mover
            .point(tx, self.tag.as_str(), version.id, to.as_str())
            .await?;
        Ok(to)
    }
}

impl RollBack {
    async fn before_last(&self, tx: &mut Tx<'_>, package_id: i64) -> Result<Digest, Error> {
        let moves = tags::history(tx, package_id, self.tag.as_str(), i64::MAX, 1).await?;
        let previous = moves.into_iter().next().and_then(|last| last.previous);
        let previous = previous.ok_or_else(|| Error::NothingBefore {
            package: self.package.to_string(),
            tag: self.tag.to_string(),
        })?;
        stored_digest(&previous)
    }
}
