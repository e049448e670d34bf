//! Tags: they move here and nowhere else, so that history is complete and what
//! is immutable stays.

mod history;
mod immutable;
mod list;
mod promote;
mod rollback;

pub use immutable::{TagPattern, TagPatternError, TagScope, TagScopeError};
pub use promote::{MAX_PROMOTED, Promoted, Promotion};

use wharf_db::{
    Tx,
    quotas::Amounts,
    tags::{self, TagEvent},
};

use crate::{
    App, Error,
    authz::{Permit, permit::Kind},
    cache::ClosedTags,
    quota::charge,
};

/// Moves tags of one package within one transaction.
pub(crate) struct Mover<'a> {
    app: &'a App,
    closed: &'a ClosedTags,
    package_id: i64,
    owner_id: i64,
    path: &'a str,
    actor_id: Option<i64>,
}

impl<'a> Mover<'a> {
    /// `closed`: keeps readers from remembering what is being changed; it must
    /// live until the transaction is decided.
    pub fn new<K: Kind>(app: &'a App, closed: &'a ClosedTags, permit: &'a Permit<K>) -> Self {
        Self {
            app,
            closed,
            package_id: permit.package_id(),
            owner_id: permit.owner_id(),
            path: permit.path(),
            actor_id: permit.actor_id(),
        }
    }

    /// Points a tag at a version of the package.
    pub async fn point(
        &self,
        tx: &mut Tx<'_>,
        tag: &str,
        version_id: i64,
        digest: &str,
    ) -> Result<(), Error> {
        self.close(tag);
        let previous = tags::find(tx, self.package_id, tag).await?;
        if previous.as_deref() == Some(digest) {
            return Ok(());
        }
        if let Some(previous) = &previous {
            self.check_mutable(tx, tag, previous).await?;
        }
        if previous.is_none() {
            charge(tx, self.owner_id, Amounts::tags(1)).await?;
        }
        let now = self.app.clock.now();
        tags::set(tx, self.package_id, tag, version_id, now, self.actor_id).await?;
        self.record(tx, tag, Some(digest), previous.as_deref())
            .await
    }

    /// Removes a tag; whether there was one.
    pub async fn remove(&self, tx: &mut Tx<'_>, tag: &str) -> Result<bool, Error> {
        self.close(tag);
        let Some(previous) = tags::find(tx, self.package_id, tag).await? else {
            return Ok(false);
        };
        self.check_mutable(tx, tag, &previous).await?;
        tags::delete(tx, self.package_id, tag).await?;
        charge(tx, self.owner_id, Amounts::tags(-1)).await?;
        self.record(tx, tag, None, Some(&previous)).await?;
        Ok(true)
    }

    fn close(&self, tag: &str) {
        let write = self.app.tags.begin_write(self.package_id, tag);
        self.closed.hold(write);
    }

    async fn check_mutable(&self, tx: &mut Tx<'_>, tag: &str, digest: &str) -> Result<(), Error> {
        match immutable::pattern_over(tx, self.package_id, tag).await? {
            None => Ok(()),
            Some(pattern) => Err(Error::ImmutableTag {
                package: self.path.to_owned(),
                tag: tag.to_owned(),
                pattern,
                digest: digest.to_owned(),
            }),
        }
    }

    async fn record(
        &self,
        tx: &mut Tx<'_>,
        tag: &str,
        digest: Option<&str>,
        previous: Option<&str>,
    ) -> Result<(), Error> {
        let event = TagEvent {
            package_id: self.package_id,
            tag,
            digest,
            previous,
            actor_id: self.actor_id,
            at: self.app.clock.now(),
        };
        Ok(tags::record(tx, &event).await?)
    }
}
