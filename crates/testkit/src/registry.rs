//! A registry on a port of its own: the real server, router, database and
//! store; only the clock is the test's.

use std::{path::Path, sync::Arc};

use tempfile::TempDir;
use wharf_app::{
    App, Settings,
    accounts::TokenRequest,
    authz::{By, Scope},
    clock::{Clock, ManualClock, SECOND, SystemClock},
    entropy::SystemEntropy,
    sign_in::ProviderSettings,
};
use wharf_blob_store::fs::FsStore;
use wharf_db::{Db, packages::Visibility};
use wharf_server::{Server, config::Config};

use crate::{Caller, FaultyStore, TestProvider};

#[derive(Debug)]
pub struct TestRegistry {
    pub app: Arc<App>,
    pub clock: Arc<ManualClock>,
    pub store: Arc<FaultyStore>,
    /// `http://127.0.0.1:PORT`
    pub url: String,
    server: Option<Server>,
    dir: Option<TempDir>,
}

impl TestRegistry {
    pub async fn start() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        // Whole seconds, so that an instant survives being shown and read.
        let now = SystemClock.now() / SECOND * SECOND;
        Self::open(dir, Arc::new(ManualClock::at(now)), Vec::new()).await
    }

    /// A registry where people sign in at a provider of their own, named `sso`.
    pub async fn with_provider(sign_up: bool) -> (Self, TestProvider) {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let clock = Arc::new(ManualClock::at(SystemClock.now() / SECOND * SECOND));
        let provider = TestProvider::start(Arc::clone(&clock)).await;
        let settings = vec![provider.settings("sso", sign_up)];
        (Self::open(dir, clock, settings).await, provider)
    }

    /// Stops and starts again on the same data, as after a crash or an upgrade.
    pub async fn restart(mut self) -> Self {
        let (server, dir) = (self.server.take(), self.dir.take());
        server.expect("running").stop().await;
        let providers = self.app.settings().providers.clone();
        Self::open(dir.expect("present"), Arc::clone(&self.clock), providers).await
    }

    async fn open(dir: TempDir, clock: Arc<ManualClock>, providers: Vec<ProviderSettings>) -> Self {
        // Some tests speak TLS; whoever comes first chooses the provider for all.
        rustls::crypto::aws_lc_rs::default_provider()
            .install_default()
            .ok();
        let db = Db::open_sqlite(&dir.path().join("wharf.db"))
            .await
            .expect("opens");
        let store = FsStore::open(dir.path()).expect("opens");
        let store = Arc::new(FaultyStore::new(store));
        let settings = Settings {
            public_url: "http://registry.test".to_owned(),
            uploads_per_user: 20,
            providers,
            ..Settings::default()
        };
        let (blobs, time): (Arc<_>, Arc<dyn Clock>) = (Arc::clone(&store), Arc::clone(&clock) as _);
        let app = App::start(db, blobs, time, Arc::new(SystemEntropy), settings);
        let app = app.await.expect("starts");
        let mut config = Config::default();
        config.server.listen = ([127, 0, 0, 1], 0).into();
        config.server.shutdown_seconds = 0;
        config.server.public_url = Some("http://registry.test".to_owned());
        config.server.trusted_proxies = vec!["10.0.0.0/8".parse().expect("a network")];
        let server = Server::start(Arc::clone(&app), &config)
            .await
            .expect("serves");
        Self {
            url: format!("http://{}", server.address),
            app,
            clock,
            store,
            server: Some(server),
            dir: Some(dir),
        }
    }

    pub fn data(&self) -> &Path {
        self.dir.as_ref().expect("present").path()
    }

    /// Nobody.
    pub fn anonymous(&self) -> Caller {
        Caller::new(&self.url, None)
    }

    /// A caller with this `Authorization` header.
    pub fn with_header(&self, authorization: &str) -> Caller {
        Caller::new(&self.url, Some(authorization.to_owned()))
    }

    /// A new user with a token of every scope.
    pub async fn user(&self, login: &str) -> Caller {
        self.app
            .create_user(&By::Operator, login, false, None)
            .await
            .expect("created");
        self.token(login, &Scope::ALL).await
    }

    /// A new site administrator with a token of every scope.
    pub async fn site_admin(&self, login: &str) -> Caller {
        self.app
            .create_user(&By::Operator, login, true, None)
            .await
            .expect("created");
        self.token(login, &Scope::ALL).await
    }

    /// A new token of a user, as a caller.
    pub async fn token(&self, login: &str, scopes: &[Scope]) -> Caller {
        let request = TokenRequest {
            scopes: scopes.to_vec(),
            ..TokenRequest::default()
        };
        let token = self.app.create_token(&By::Operator, login, request).await;
        Caller::pat(&self.url, login, token.expect("created").value)
    }

    pub async fn set_visibility(&self, package: &str, visibility: Visibility) {
        let name = package.parse().expect("a name");
        self.app
            .set_visibility(&By::Operator, &name, visibility)
            .await
            .expect("changed");
    }

    /// Asks for the metrics until they have a line, for a minute.
    pub async fn until_metric(&self, line: &str) {
        let anonymous = self.anonymous();
        let has_line = async {
            loop {
                let metrics = anonymous.get("/metrics").await.text().await;
                if metrics.expect("text").lines().any(|found| found == line) {
                    break;
                }
            }
        };
        let in_time = tokio::time::timeout(std::time::Duration::from_mins(1), has_line).await;
        in_time.unwrap_or_else(|_| panic!("the metrics never had {line}"));
    }

    /// Asserts that nothing is lost, and that nothing leaked either.
    pub async fn assert_sound(&self) {
        let report = self.app.verify(true).await.expect("verifies");
        assert!(report.is_clean(), "{:?}", report.problems);
        assert!(report.leaks.is_empty(), "{:?}", report.leaks);
    }

    pub async fn stop(mut self) {
        if let Some(server) = self.server.take() {
            server.stop().await;
        }
    }
}
