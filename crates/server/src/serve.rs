//! From a configuration to a running server, and back down in order.

use std::{io, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, anyhow};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle, time::interval};
use wharf_app::{App, Error, FirstStart, clock::SystemClock, entropy::SystemEntropy};
use wharf_blob_store::fs::FsStore;
use wharf_db::{Db, ErrorKind};

use crate::{
    Site,
    config::Config,
    edge::{self, Edge},
    router::router,
};

/// How often changes of access by other processes are looked for.
const FOLLOW: Duration = Duration::from_millis(250);
const SWEEP: Duration = Duration::from_mins(10);
/// Whoever signed in at a provider is asked about when their turn has come.
const CONFIRM: Duration = Duration::from_mins(1);
/// Room reserved by requests that are gone is given back this often.
const RELEASE: Duration = Duration::from_secs(10);
const FLUSH: Duration = Duration::from_mins(1);

/// Opens the embedded database and store of a data directory.
pub async fn open_app(config: &Config) -> anyhow::Result<Arc<App>> {
    let data = &config.storage.data;
    own_directory(data).with_context(|| {
        format!(
            "cannot create the data directory {}; choose another with --data",
            data.display()
        )
    })?;
    let store = FsStore::open(data).with_context(|| {
        format!(
            "the data directory {} cannot be used; it must be writable",
            data.display()
        )
    })?;
    let path = data.join("wharf.db");
    let db = Db::open_sqlite(&path).await.map_err(|error| match error.kind {
        ErrorKind::Newer => anyhow!(
            "{} was written by a newer release of Wharf ({error}); run that release, or restore a backup of this one",
            path.display()
        ),
        _ => anyhow::Error::new(error).context(format!("cannot open the database {}", path.display())),
    })?;
    let app = App::start(
        db,
        Arc::new(store),
        Arc::new(SystemClock),
        Arc::new(SystemEntropy),
        config.settings(),
    );
    Ok(app.await?)
}

/// What lies there is for this user alone: password hashes, keys, private images.
fn own_directory(data: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(data)?;
    let mode = std::fs::metadata(data)?.permissions().mode();
    if mode & 0o077 != 0 {
        let narrow = std::fs::Permissions::from_mode(mode & 0o700);
        if let Err(error) = std::fs::set_permissions(data, narrow) {
            tracing::warn!(%error, data = %data.display(), "others can read the data directory");
        }
    }
    Ok(())
}

/// The first start: makes `admin`, keeps its password in a file that only
/// the operator can read, and says where.
pub async fn tell_first_start(app: &Arc<App>, config: &Config) -> anyhow::Result<Option<String>> {
    let path = config.storage.data.join("admin-password");
    let first = app.first_start(|first| keep_password(&path, first)).await?;
    let url = config.server.public_url();
    let host = url.split("://").nth(1).unwrap_or(&url).to_owned();
    Ok(first.map(|first| {
        let (path, login) = (path.display(), &first.login);
        format!(
            "First start: the account {login} was created; its password is in {path}\n\
             \n\
             Sign in and push:\n\
             \x20 docker login {host} -u {login} --password-stdin < {path}\n\
             \x20 docker tag IMAGE {host}/{login}/app:1.0\n\
             \x20 docker push {host}/{login}/app:1.0\n"
        )
    }))
}

fn keep_password(path: &Path, first: &FirstStart) -> Result<(), Error> {
    use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
    let write = || -> io::Result<()> {
        let mut options = std::fs::OpenOptions::new();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(first.password.as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()
    };
    write().map_err(|e| Error::Internal(format!("cannot write {}: {e}", path.display())))
}

/// A registry that can write nothing is refused at the start. A full one
/// serves what it has until somebody makes room.
async fn check_writable(app: &Arc<App>, config: &Config) -> anyhow::Result<()> {
    match app.check_ready().await {
        Err(error) if !error.is_full() => {
            let data = config.storage.data.display();
            Err(anyhow::Error::new(error).context(format!(
                "the data directory {data} cannot be used; it must be writable"
            )))
        }
        _ => Ok(()),
    }
}

/// A server that accepts connections.
#[derive(Debug)]
pub struct Server {
    pub address: SocketAddr,
    site: Site,
    stop: watch::Sender<bool>,
    accepting: JoinHandle<()>,
    background: Vec<JoinHandle<()>>,
}

impl Server {
    /// Binds and begins to serve.
    pub async fn start(app: Arc<App>, config: &Config) -> anyhow::Result<Self> {
        let edge = Edge::new(&config.server)?;
        check_writable(&app, config).await?;
        let listen = config.server.listen;
        let listener = TcpListener::bind(listen).await.map_err(|e| match e.kind() {
            io::ErrorKind::AddrInUse => anyhow!(
                "{listen} is in use by another program; stop it, or choose another address with --listen"
            ),
            _ => anyhow::Error::new(e).context(format!("cannot listen on {listen}")),
        })?;
        let address = listener.local_addr()?;
        let site = Site::new(Arc::clone(&app), config);
        let (stop, stopped) = watch::channel(false);
        let accepting = tokio::spawn(edge::serve(listener, router(site.clone()), edge, stopped));
        let background = background(&app);
        Ok(Self {
            address,
            site,
            stop,
            accepting,
            background,
        })
    }

    /// Stops accepting, lets open requests finish, records what uploads have
    /// brought, and closes the database.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        let _ = self.accepting.await;
        self.site.receiving.close();
        self.site.receiving.wait().await;
        for task in self.background {
            task.abort();
        }
        self.site.app.close().await;
    }
}

fn background(app: &Arc<App>) -> Vec<JoinHandle<()>> {
    let follow = every(FOLLOW, app, |app| async move { app.follow_epoch().await });
    let flush = every(FLUSH, app, |app| async move {
        app.flush_downloads().await?;
        app.flush_token_uses().await
    });
    let sweep = every(SWEEP, app, |app| async move {
        let swept = app.sweep().await?;
        if swept.uploads + swept.objects > 0 {
            tracing::info!(uploads = swept.uploads, objects = swept.objects, "swept");
        }
        Ok(())
    });
    let release = every(RELEASE, app, |app| async move {
        app.release_lapsed_reservations().await.map(drop)
    });
    let confirm = every(CONFIRM, app, |app| async move {
        app.confirm_identities().await.map(drop)
    });
    vec![follow, flush, sweep, release, confirm]
}

/// Repeats `work` in a task; the first time at once.
fn every<F>(period: Duration, app: &Arc<App>, work: fn(Arc<App>) -> F) -> JoinHandle<()>
where
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    let app = Arc::clone(app);
    tokio::spawn(repeat(period, app, work))
}

async fn repeat<F>(period: Duration, app: Arc<App>, work: fn(Arc<App>) -> F)
where
    F: Future<Output = Result<(), Error>>,
{
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = work(Arc::clone(&app)).await {
            tracing::error!(%error, "background work failed; it will be tried again");
        }
    }
}
