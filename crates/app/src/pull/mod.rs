//! Reading: manifests, blobs and lists.

mod blob;
mod lists;
mod manifest;

pub use blob::OpenBlob;
pub(crate) use blob::unknown as unknown_blob;
pub(crate) use blob::{object_key, read_checked};
pub use lists::{Page, ReferrerPage};
pub use manifest::Wanted;
pub(crate) use manifest::stored_digest;

use wharf_oci::Name;

use crate::{
    App, Error,
    authn::Caller,
    authz::{
        Permit, Refusal,
        permit::{Pull, Verdict},
    },
};

impl App {
    /// Permission to pull from a package; `None` if the caller may know that
    /// there is no such package.
    pub(crate) async fn may_pull(
        &self,
        caller: &Caller,
        name: &Name,
    ) -> Result<Option<Permit<Pull>>, Error> {
        match self.authorize(caller, name).await? {
            Verdict::Existing(permit) => Ok(Some(permit)),
            Verdict::Absent(_) => Ok(None),
        }
    }

    /// Permission to pull from a package that must exist. To an owner, a
    /// package that is absent is as unknown as to everybody else.
    pub(crate) async fn must_pull(
        &self,
        caller: &Caller,
        name: &Name,
    ) -> Result<Permit<Pull>, Error> {
        let permit = self.may_pull(caller, name).await?;
        permit.ok_or_else(|| {
            Error::Refused(Refusal::NotFound {
                path: name.to_string(),
                login: caller.login().unwrap_or_default().to_owned(),
            })
        })
    }
}
