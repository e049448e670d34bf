//! Copying what was attached to an image: signatures, SBOMs, and what was
//! attached to those.

use std::collections::HashSet;

use wharf_oci::{Digest, Reference};

use super::{Copied, Copier, Progress, gather::MAX_DEPTH};
use crate::{error::Result, manifests::RawManifest};

impl<P: Progress> Copier<P> {
    /// Copies the referrers of `root` and of the images it lists. They are
    /// put again even where they exist, so that an interrupted run's
    /// missing list entries are made good.
    pub(super) async fn copy_referrers(
        &self,
        root: &RawManifest,
        copied: &mut Copied,
    ) -> Result<()> {
        let children = root.parse()?;
        let mut subjects: Vec<Digest> = children.children().map(|c| c.digest.clone()).collect();
        subjects.insert(0, root.digest.clone());
        let mut seen: HashSet<Digest> = subjects.iter().cloned().collect();
        for _ in 0..MAX_DEPTH {
            let mut found = Vec::new();
            for subject in &subjects {
                let referrers = self.source.referrers(subject).await?;
                let new = referrers.into_iter().map(|r| r.digest);
                found.extend(new.filter(|digest| seen.insert(digest.clone())));
            }
            for digest in &found {
                self.copy_referrer(digest, copied).await?;
            }
            if found.is_empty() {
                break;
            }
            subjects = found;
        }
        Ok(())
    }

    async fn copy_referrer(&self, digest: &Digest, copied: &mut Copied) -> Result<()> {
        let reference = Reference::Digest(digest.clone());
        let referrer = self.source.get_manifest(&reference).await?;
        self.transfer(&referrer, &[], copied).await?;
        copied.referrers += 1;
        Ok(())
    }
}
