//! A certificate for this run, and clients that trust it.

use std::{
    net::TcpStream,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
};

use anyhow::{Context as _, ensure};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject as _};

/// Where a server finds its certificate and its key, and what its clients need.
#[derive(Clone)]
pub struct Tls {
    pub cert: String,
    pub key: String,
    client: Arc<ClientConfig>,
}

impl Tls {
    pub fn new(dir: &Path) -> anyhow::Result<Self> {
        let (cert, key) = (dir.join("cert.pem"), dir.join("key.pem"));
        let made = Command::new("openssl")
            .args([
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
            ])
            .args(["-nodes", "-subj", "/CN=bench", "-days", "2"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE"])
            .args(["-addext", "subjectAltName=IP:127.0.0.1", "-keyout"])
            .arg(&key)
            .arg("-out")
            .arg(&cert)
            .stderr(Stdio::null())
            .status()?;
        ensure!(made.success(), "openssl makes no certificate");
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&cert)?)?;
        let client = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            cert: cert.display().to_string(),
            key: key.display().to_string(),
            client: Arc::new(client),
        })
    }

    pub fn connect(
        &self,
        stream: TcpStream,
    ) -> anyhow::Result<StreamOwned<ClientConnection, TcpStream>> {
        let name = ServerName::try_from("127.0.0.1").context("an address")?;
        let session = ClientConnection::new(Arc::clone(&self.client), name)?;
        Ok(StreamOwned::new(session, stream))
    }
}
