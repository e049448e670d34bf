//! For tests only: a whole registry in the test's process, callers, images,
//! a store that fails on demand, and a PostgreSQL of its own.
//!
//! A test that cannot set up its world has failed, so everything here panics.

mod caller;
mod faults;
mod image;
mod postgres;
mod provider;
mod raw;
mod registry;

pub use caller::{Caller, location};
pub use faults::{Fault, FaultyStore};
pub use image::{Image, descriptor, image, index, index_with, push_image};
pub use postgres::TestPostgres;
pub use provider::{Says, TestProvider};
pub use raw::{raw, raw_open};
pub use registry::TestRegistry;
