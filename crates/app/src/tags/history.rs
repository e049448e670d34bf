//! Who moved a tag where, and when.

use wharf_db::tags::{self, PastMove};
use wharf_oci::{Name, Reference, Tag};

use crate::{App, Error, authz::By, authz::permit::Pull};

impl App {
    /// Up to `limit` moves of a tag before the move `before`, newest first.
    /// What a tag did is known as long as its package exists.
    pub async fn tag_history(
        &self,
        by: &By,
        package: &Name,
        tag: &Tag,
        before: i64,
        limit: i64,
    ) -> Result<Vec<PastMove>, Error> {
        let permit = self.permit::<Pull>(by, package).await?;
        let mut reader = self.db.reader().await?;
        let conn = &mut reader.conn();
        let id = permit.package_id();
        let moves = tags::history(conn, id, tag.as_str(), before, limit).await?;
        if moves.is_empty() && before == i64::MAX {
            return Err(Error::ManifestUnknown {
                package: package.to_string(),
                reference: Reference::Tag(tag.clone()),
            });
        }
        Ok(moves)
    }
}
