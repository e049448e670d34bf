//! One writer at a time per upload, within this process.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use wharf_oci::path::UploadId;

/// The uploads that a request is writing to right now.
#[derive(Debug, Default, Clone)]
pub struct OpenUploads(Arc<Mutex<HashSet<UploadId>>>);

impl OpenUploads {
    /// `None` if another request has it.
    pub fn claim(&self, id: &UploadId) -> Option<UploadClaim> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.insert(id.clone()).then(|| UploadClaim {
            id: id.clone(),
            uploads: self.clone(),
        })
    }
}

/// Given back when dropped.
#[derive(Debug)]
pub struct UploadClaim {
    id: UploadId,
    uploads: OpenUploads,
}

impl Drop for UploadClaim {
    fn drop(&mut self) {
        let mut open = self
            .uploads
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        open.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_claim_at_a_time() {
        let uploads = OpenUploads::default();
        let id = UploadId::new([1; 16]);
        let claim = uploads.claim(&id).expect("free");
        assert!(uploads.claim(&id).is_none());
        drop(claim);
        assert!(uploads.claim(&id).is_some());
    }
}
