//! Packages as their admins handle them.

mod about;
mod explain;
mod grants;
pub mod latest;
mod link;
mod list;
mod removal;
mod rename;
mod storage;
mod visibility;

pub use about::{AboutChange, FieldEdit, MAX_README};
pub use explain::{Answer, Explanation, Reason};
pub(crate) use link::link_by_label;
pub(crate) use list::one_more;
pub use list::{PackageSummary, PackageView};
pub use removal::{DeletedSummary, KEPT};
pub use storage::PackageStorage;
pub(crate) use visibility::of_new as visibility_of_new;
