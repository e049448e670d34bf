//! Versions of packages as people see them: what stands for itself, with what
//! belongs to it.

mod list;
mod removal;
mod tree;

pub(crate) use list::resolve;
pub use list::{VersionFilter, VersionSummary, VersionView};
pub use removal::DeletedVersions;
pub(crate) use removal::Remover;
pub(crate) use tree::{MOST, tree_of};
