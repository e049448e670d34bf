//! The registry over HTTP, through the real server. Folders mirror URLs.

mod access;
mod api;
mod attacks;
mod authorization;
mod edge;
mod faults;
mod matrix;
mod operations;
mod roles;
mod token;
mod v2;
