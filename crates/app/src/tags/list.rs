//! Tags as people see them, and removing one.

use std::sync::Arc;

use wharf_db::{
    Tx,
    tags::{self, TagDetails},
};
use wharf_oci::{Name, Reference, Tag};

use super::Mover;
use crate::{
    App, Error,
    authz::{
        By,
        permit::{Delete, Pull},
    },
    cache::ClosedTags,
    change::Change,
};

impl App {
    /// Up to `limit` tags after the name `after`, in the order of their bytes.
    pub async fn tag_details(
        &self,
        by: &By,
        package: &Name,
        after: &str,
        limit: i64,
    ) -> Result<Vec<TagDetails>, Error> {
        let permit = self.permit::<Pull>(by, package).await?;
        let mut reader = self.db.reader().await?;
        let conn = &mut reader.conn();
        Ok(tags::details(conn, permit.package_id(), after, limit).await?)
    }

    /// Removes a tag; the version it pointed at stays.
    pub async fn remove_tag(
        self: &Arc<Self>,
        by: &By,
        package: &Name,
        tag: &Tag,
    ) -> Result<(), Error> {
        let remove = Remove {
            package: package.clone(),
            tag: tag.clone(),
            closed: ClosedTags::default(),
        };
        self.change(by, remove).await
    }
}

struct Remove {
    package: Name,
    tag: Tag,
    closed: ClosedTags,
}

impl Change for Remove {
    type Output = ();

    async fn apply(&self, app: &Arc<App>, by: &By, tx: &mut Tx<'_>) -> Result<(), Error> {
        let permit = app.permit_in::<Delete>(tx, by, &self.package).await?;
        let mover = Mover::new(app, &self.closed, &permit);
        if mover.remove(tx, self.tag.as_str()).await? {
            return Ok(());
        }
        Err(Error::ManifestUnknown {
            package: self.package.to_string(),
            reference: Reference::Tag(self.tag.clone()),
        })
    }
}
