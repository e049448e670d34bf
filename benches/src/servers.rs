//! The servers, each started on a port of its own and stopped by its pid.

use std::{
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use base64::{Engine as _, prelude::BASE64_STANDARD};

use crate::{Options, http::Connection, tls::Tls};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Wharf,
    DockerRegistry,
    Distribution,
    Nginx,
}

impl Kind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wharf => "Wharf",
            Self::DockerRegistry => "docker-registry",
            Self::Distribution => "distribution 3",
            Self::Nginx => "nginx",
        }
    }
}

/// A running server.
pub struct Server {
    pub kind: Kind,
    pub address: SocketAddr,
    pub dir: PathBuf,
    pub tls: Option<Tls>,
    /// From `exec` to the first connection.
    pub started_in: Duration,
    wharf: PathBuf,
    pat: String,
    child: Child,
}

impl Server {
    pub fn start(
        kind: Kind,
        options: &Options,
        dir: &Path,
        tls: Option<&Tls>,
    ) -> anyhow::Result<Self> {
        fs::create_dir_all(dir)?;
        let dir = dir.canonicalize()?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut command = command(kind, options, &dir, address, tls)?;
        let begun = Instant::now();
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child = child.with_context(|| format!("{} does not start", kind.name()))?;
        let mut server = Self {
            kind,
            address,
            dir,
            tls: tls.cloned(),
            started_in: Duration::ZERO,
            wharf: options.wharf.clone(),
            pat: String::new(),
            child,
        };
        while TcpStream::connect(address).is_err() {
            ensure!(
                begun.elapsed() < Duration::from_secs(20),
                "{} does not answer",
                kind.name()
            );
            sleep(Duration::from_millis(1));
        }
        server.started_in = begun.elapsed();
        if kind == Kind::Wharf {
            server.pat = server.make_token()?;
        }
        Ok(server)
    }

    fn make_token(&self) -> anyhow::Result<String> {
        let arguments = "token create --user admin --scope write:packages --scope delete:packages";
        let output = Command::new(&self.wharf)
            .args(["admin", "--data"])
            .arg(self.dir.join("data"))
            .args(arguments.split(' '))
            .output()?;
        ensure!(output.status.success(), "no token");
        Ok(String::from_utf8(output.stdout)?.trim_end().to_owned())
    }

    /// The `Authorization` of `/api`: the token itself.
    pub fn basic(&self) -> String {
        let basic = BASE64_STANDARD.encode(format!("admin:{}", self.pat));
        format!("Basic {basic}")
    }

    /// The `Authorization` of the next few minutes: a registry token for
    /// `repository`, as Docker would get it. The peers run without authorization.
    pub fn authorization(&self, repository: &str) -> anyhow::Result<String> {
        if self.kind != Kind::Wharf {
            return Ok(String::new());
        }
        let mut connection = Connection::open(self, &self.basic())?;
        let answer =
            connection.fetch(&format!("/token?scope=repository:{repository}:pull,push"))?;
        let body: serde_json::Value = serde_json::from_slice(&answer.body)?;
        let token = body["token"].as_str().context("a token")?;
        Ok(format!("Bearer {token}"))
    }

    /// CPU seconds used so far, workers included.
    pub fn cpu_seconds(&self) -> anyhow::Result<f64> {
        let mut ticks = 0;
        for pid in self.pids()? {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
            let fields = stat.rsplit(')').next().context("fields")?;
            let fields: Vec<&str> = fields.split_whitespace().collect();
            ticks += fields[11].parse::<u32>()? + fields[12].parse::<u32>()?;
        }
        Ok(f64::from(ticks) / 100.0)
    }

    /// Resident memory in MiB: now, and at its peak.
    pub fn memory(&self) -> anyhow::Result<(f64, f64)> {
        let (mut now, mut peak) = (0, 0);
        for pid in self.pids()? {
            let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
            now += kib(&status, "VmRSS:")?;
            peak += kib(&status, "VmHWM:")?;
        }
        Ok((f64::from(now) / 1024.0, f64::from(peak) / 1024.0))
    }

    fn pids(&self) -> anyhow::Result<Vec<u32>> {
        let main = self.child.id();
        let children = fs::read_to_string(format!("/proc/{main}/task/{main}/children"))?;
        let children = children.split_whitespace().map(str::parse);
        let mut pids = children.collect::<Result<Vec<u32>, _>>()?;
        pids.push(main);
        Ok(pids)
    }
}

fn kib(status: &str, field: &str) -> anyhow::Result<u32> {
    let line = status.lines().find(|line| line.starts_with(field));
    let text = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(text.context("a memory field")?.parse()?)
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = self.child.id().to_string();
        // Politely, so that nginx takes its workers along.
        let _ = Command::new("kill").arg(pid).status();
        let _ = self.child.wait();
    }
}

fn command(
    kind: Kind,
    options: &Options,
    dir: &Path,
    address: SocketAddr,
    tls: Option<&Tls>,
) -> anyhow::Result<Command> {
    match kind {
        Kind::Wharf => wharf(options, dir, address, tls),
        Kind::DockerRegistry => distribution("docker-registry".as_ref(), dir, address, tls),
        Kind::Distribution => {
            let program = options.distribution.as_ref().context("--distribution")?;
            distribution(program, dir, address, tls)
        }
        Kind::Nginx => nginx(dir, address, tls),
    }
}

fn wharf(
    options: &Options,
    dir: &Path,
    address: SocketAddr,
    tls: Option<&Tls>,
) -> anyhow::Result<Command> {
    let mut command = Command::new(&options.wharf);
    command
        .args(["serve", "--listen", &address.to_string(), "--data"])
        .arg(dir.join("data"));
    if let Some(Tls { cert, key, .. }) = tls {
        let config = dir.join("wharf.toml");
        fs::write(
            &config,
            format!("[server]\ntls_cert = \"{cert}\"\ntls_key = \"{key}\"\n"),
        )?;
        command.arg("--config").arg(config);
    }
    Ok(command)
}

/// Debian's 2.8 and distribution 3 read the same configuration.
fn distribution(
    program: &Path,
    dir: &Path,
    address: SocketAddr,
    tls: Option<&Tls>,
) -> anyhow::Result<Command> {
    let data = dir.join("data").display().to_string();
    let tls = tls.map_or_else(String::new, |Tls { cert, key, .. }| {
        format!(", tls: {{certificate: \"{cert}\", key: \"{key}\"}}")
    });
    let text = format!(
        "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\n\
         storage:\n  filesystem: {{rootdirectory: {data}, maxthreads: 100}}\n  delete: {{enabled: true}}\n  \
         cache: {{blobdescriptor: inmemory}}\n  maintenance: {{uploadpurging: {{enabled: false}}}}\n\
         http: {{addr: \"{address}\", secret: x{tls}}}\nhealth: {{storagedriver: {{enabled: false}}}}\n",
    );
    let config = dir.join("config.yml");
    fs::write(&config, text)?;
    let mut command = Command::new(program);
    command
        .arg("serve")
        .arg(config)
        .env("OTEL_TRACES_EXPORTER", "none");
    Ok(command)
}

fn nginx(dir: &Path, address: SocketAddr, tls: Option<&Tls>) -> anyhow::Result<Command> {
    fs::create_dir_all(dir.join("html"))?;
    let config = dir.join("nginx.conf");
    fs::write(&config, nginx_config(dir, address, tls))?;
    let program = ["/usr/sbin/nginx", "/usr/bin/nginx"]
        .into_iter()
        .find(|p| Path::new(p).exists());
    let mut command = Command::new(program.context("nginx is not installed")?);
    command.arg("-c").arg(config);
    Ok(command)
}

fn nginx_config(dir: &Path, address: SocketAddr, tls: Option<&Tls>) -> String {
    let dir = dir.display();
    let (ssl, files) = tls.map_or_else(Default::default, |Tls { cert, key, .. }| {
        let files = format!("ssl_certificate \"{cert}\"; ssl_certificate_key \"{key}\";");
        (" ssl", files)
    });
    format!(
        "worker_processes 2; daemon off; pid {dir}/pid; error_log {dir}/error.log; user root;\n\
         events {{ worker_connections 1024; }}\n\
         http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; open_file_cache max=1000;\n\
         client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;\n\
         server {{ listen {address}{ssl}; {files} root {dir}/html; }} }}\n"
    )
}
