//! The binary from outside: real processes, real clients, real crashes.

#![cfg(feature = "server")]

mod admin;
mod client_commands;
mod clients;
mod company;
mod crash;
mod disk;
mod process;
mod programs;
mod sign_in;
mod start;
