//! `wharf serve`: runs the registry.

use std::{io::IsTerminal as _, net::SocketAddr, path::PathBuf};

use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::{EnvFilter, fmt::format::FmtSpan};
use wharf_server::{
    Server,
    config::{Config, LogFormat, load},
    open_app, tell_first_start,
};

use crate::{
    failure::Exit,
    output::{self, Output},
};

/// Run the registry
///
/// Embedded by default: the database and the blobs live in one directory.
/// The first start creates the account `admin` and says where its password is.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wharf serve
  wharf serve --data /srv/wharf --listen 0.0.0.0:5000 --public-url https://registry.example.com
  WHARF_SERVER__LISTEN=127.0.0.1:6000 wharf serve

Settings are listed in docs/config.md; flags win over the environment, which wins over the file.")]
pub(crate) struct Args {
    /// Directory of the database and the blobs [default: ./wharf-data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Address and port to serve on [default: 127.0.0.1:5000]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Where clients reach the registry, if not at that address
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Serve plain HTTP on an address that other machines can reach
    #[arg(long)]
    allow_plain_http: bool,
    /// A TOML file with settings
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Args {
    fn settings(&self) -> anyhow::Result<Config> {
        let mut flags: Vec<(&'static str, toml::Value)> = Vec::new();
        if let Some(data) = &self.data {
            flags.push(("storage.data", data.to_string_lossy().into_owned().into()));
        }
        if let Some(listen) = self.listen {
            flags.push(("server.listen", listen.to_string().into()));
        }
        if let Some(url) = &self.public_url {
            flags.push(("server.public_url", url.clone().into()));
        }
        if self.allow_plain_http {
            flags.push(("server.allow_plain_http", true.into()));
        }
        Ok(load(self.config.as_deref(), std::env::vars(), flags)?)
    }
}

pub(crate) async fn run(args: Args, _: Output) -> anyhow::Result<Exit> {
    let config = args.settings()?;
    start_logging(&config);
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    allow_open_files();
    let app = open_app(&config).await?;
    let first = tell_first_start(&app, &config).await?;
    let server = Server::start(app, &config).await?;
    if let Some(text) = first {
        output::line(text)?;
    }
    output::line(format_args!(
        "Wharf serves at {}",
        config.server.public_url()
    ))?;
    tracing::info!(address = %server.address, data = %config.storage.data.display(), "serving");
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    tracing::info!("stopping: open requests may finish");
    server.stop().await;
    Ok(Exit::Ok)
}

/// Each connection and each blob on its way is an open file; the usual soft
/// limit of 1,024 is for programs that still use `select`.
fn allow_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    let wanted = Rlimit {
        current: maximum,
        maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, wanted) {
        tracing::warn!(%error, "the limit of open files stays low");
    }
}

fn start_logging(config: &Config) {
    let filter = EnvFilter::try_from_env("RUST_LOG").unwrap_or_else(|_| {
        EnvFilter::new(format!(
            "warn,wharf={0},wharf_app={0},wharf_server={0},wharf_db={0},wharf_blob_store={0}",
            config.log.level
        ))
    });
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_span_events(FmtSpan::NONE)
        .with_writer(std::io::stderr);
    let pretty = match config.log.format {
        LogFormat::Auto => std::io::stderr().is_terminal(),
        LogFormat::Pretty => true,
        LogFormat::Json => false,
    };
    // A second subscriber cannot be set; there is none before this one.
    if pretty {
        builder.with_target(false).try_init().ok();
    } else {
        builder
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .try_init()
            .ok();
    }
}
