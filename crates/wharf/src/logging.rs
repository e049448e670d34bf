//! `-v`: the requests of the registry client, on standard error.

use tracing_subscriber::{EnvFilter, fmt};

/// Starts logging if asked to. The server sets up its own.
pub(crate) fn start(verbose: bool) {
    if !verbose {
        return;
    }
    fmt()
        .with_env_filter(EnvFilter::new("wharf=debug,wharf_registry_client=debug"))
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .without_time()
        .with_target(false)
        .try_init()
        .ok();
}
