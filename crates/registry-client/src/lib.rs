//! Speaks the OCI distribution protocol to any registry: Wharf, Docker Hub,
//! ghcr.io, Harbor, a bare `docker-registry`.
//!
//! Built in layers, each in its own file. `transport` moves one request
//! (authentication, retries, redirects); `manifests`, `blobs`, `tags` and
//! `referrers` are the protocol's nouns; `copy` moves whole images. All
//! outbound HTTP of Wharf goes through [`Http`], so that its rules hold
//! everywhere: credentials stay with their origin, TLS is never dropped,
//! nothing waits for ever.
//!
//! ```no_run
//! # async fn example() -> Result<(), wharf_registry_client::Error> {
//! use wharf_registry_client::{Client, ClientOptions, Credentials, Http};
//!
//! let http = Http::new()?;
//! let hub = Client::new(&http, "docker.io", Credentials::Anonymous, &ClientOptions::default())?;
//! let tags = hub.repository("nginx")?.tags().await?;
//! # Ok(())
//! # }
//! ```

mod answer;
mod api;
mod blobs;
mod client;
pub mod copy;
mod credentials;
mod download;
mod error;
mod manifests;
pub mod platform;
pub mod quirks;
mod referrers;
mod tags;
mod transport;
mod upload;

pub use answer::{Answer, AnswerError};
pub use blobs::{BlobInfo, Mount};
pub use client::{Client, ClientOptions, Login, Repository};
pub use credentials::Credentials;
pub use download::BlobStream;
pub use error::{Error, ErrorKind, Result};
pub use manifests::{ManifestInfo, PutReceipt, RawManifest};
pub use referrers::Referrer;
pub use transport::{Http, WebAnswer, WebAuth};
pub use upload::Upload;
