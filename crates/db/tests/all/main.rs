//! What the database promises, on both engines.

mod contract;
mod group_commit;
mod statements;
