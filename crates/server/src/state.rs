//! What handlers share.

use std::sync::Arc;

use ipnet::IpNet;
use tokio_util::task::TaskTracker;
use wharf_app::App;

use crate::{config::Config, metrics::Metrics, ops::Readiness};

/// The product and the site it serves, behind every handler.
#[derive(Debug, Clone)]
pub struct Site(Arc<Inner>);

#[derive(Debug)]
pub struct Inner {
    pub app: Arc<App>,
    /// Scheme and host where clients reach this registry.
    pub public_url: String,
    /// The host of [`Self::public_url`], with its port: what image names begin with.
    pub host: String,
    pub trusted_proxies: Vec<IpNet>,
    pub metrics: Metrics,
    pub readiness: Readiness,
    /// Uploads with bytes coming in; they outlive their connections.
    pub receiving: TaskTracker,
}

impl Site {
    pub fn new(app: Arc<App>, config: &Config) -> Self {
        let public_url = config.server.public_url();
        let host = public_url.split("://").nth(1).unwrap_or(&public_url);
        Self(Arc::new(Inner {
            app,
            host: host.to_owned(),
            public_url,
            trusted_proxies: config.server.trusted_proxies.clone(),
            metrics: Metrics::default(),
            readiness: Readiness::default(),
            receiving: TaskTracker::new(),
        }))
    }
}

impl std::ops::Deref for Site {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}
