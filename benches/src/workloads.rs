//! What is measured, in rounds that go from server to server.

use std::{fmt::Write as _, io::Write as _, time::Instant};

use crate::{
    Options,
    http::Connection,
    lists, load,
    report::{Table, Unit},
    seed::{self, Base, REPOSITORY},
    servers::{Kind, Server},
    tls::Tls,
};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// Every workload that was asked for; each table is printed when it is full.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let dir = tempfile::Builder::new()
        .prefix("bench")
        .tempdir_in(&options.dir)?;
    let wanted = |name: &str| {
        options
            .only
            .as_deref()
            .is_none_or(|only| name.contains(only))
    };
    let mut kinds = vec![Kind::Wharf, Kind::DockerRegistry];
    kinds.extend(options.distribution.as_ref().map(|_| Kind::Distribution));
    kinds.push(Kind::Nginx);
    let start = |tls: Option<&Tls>| -> anyhow::Result<Vec<Server>> {
        let place = if tls.is_some() { "tls" } else { "plain" };
        let servers = kinds.iter().map(|&kind| {
            let dir = dir.path().join(place).join(kind.name().replace(' ', "-"));
            Server::start(kind, options, &dir, tls)
        });
        servers.collect()
    };
    // The first start makes keys and an account; it is the later ones that count.
    drop(start(None)?);
    let all = start(None)?;
    // All but nginx, the last.
    let registries = &all[..all.len() - 1];
    if wanted("start") {
        print(&starting(&all)?)?;
    }
    if wanted("pull") {
        print(&pulls(options, &all, 64 * KIB, Unit::Operations)?.render())?;
        print(&pulls(options, &all, 256 * MIB, Unit::Bytes)?.render())?;
    }
    if wanted("tls") {
        let servers = start(Some(&Tls::new(dir.path())?))?;
        print(&pulls(options, &servers, 64 * KIB, Unit::Operations)?.render())?;
        print(&pulls(options, &servers, 256 * MIB, Unit::Bytes)?.render())?;
    }
    if wanted("push") {
        let sizes = [(64 * KIB, &[1, 8, 32][..], 100), (MIB, &[1, 8], 50)];
        for (size, clients, each) in sizes {
            let table = pushes(options, registries, size, clients, each, Unit::Operations)?;
            print(&table.render())?;
        }
        print(&pushes(options, registries, 256 * MIB, &[1, 8], 1, Unit::Bytes)?.render())?;
    }
    if wanted("manifest") {
        by_tags(options, registries)?;
    }
    if wanted("head") {
        print(&head_storm(options, registries)?.render())?;
    }
    if wanted("lists") {
        for table in lists::run(options, &all[0])? {
            print(&table.render())?;
        }
    }
    print(&memory(&all)?)
}

/// At once: a later failure must not lose it.
fn print(table: &str) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout().lock(), "{table}")?)
}

fn starting(servers: &[Server]) -> anyhow::Result<String> {
    let mut text =
        "## Start\n\n| server | ms to the first connection | RSS idle, MiB |\n|---|---|---|"
            .to_owned();
    for server in servers {
        let (now, _) = server.memory()?;
        let ms = server.started_in.as_secs_f64() * 1e3;
        write!(text, "\n| {} | {ms:.0} | {now:.0} |", server.kind.name())?;
    }
    Ok(text + "\n")
}

fn memory(servers: &[Server]) -> anyhow::Result<String> {
    let mut text = "## Memory over the whole run\n\n| server | RSS at the end, MiB | peak, MiB |\n|---|---|---|".to_owned();
    for server in servers {
        let (now, peak) = server.memory()?;
        write!(text, "\n| {} | {now:.0} | {peak:.0} |", server.kind.name())?;
    }
    Ok(text + "\n")
}

fn pulls(options: &Options, servers: &[Server], size: usize, unit: Unit) -> anyhow::Result<Table> {
    let over = if servers[0].tls.is_some() {
        ", over TLS"
    } else {
        ""
    };
    let title = format!("Pull a blob of {}{over}", spoken(size));
    let mut table = Table::new(&title, unit);
    let base = Base::new(size)?;
    let paths = servers.iter().map(|server| seed::blob(server, &base));
    let paths = paths.collect::<Result<Vec<_>, _>>()?;
    for _ in 0..options.rounds {
        for clients in [1, 8, 64] {
            for (server, path) in servers.iter().zip(&paths) {
                let token = server.authorization(REPOSITORY)?;
                let found =
                    load::repeat(server, &token, clients, options.duration(), ("GET", path))?;
                table.add(server.kind.name(), &format!("{clients} clients"), found);
            }
        }
    }
    Ok(table)
}

fn pushes(
    options: &Options,
    servers: &[Server],
    size: usize,
    clients: &[usize],
    each: usize,
    unit: Unit,
) -> anyhow::Result<Table> {
    let title = format!("Push unique content of {} (POST, PATCH, PUT)", spoken(size));
    let mut table = Table::new(&title, unit);
    let base = Base::new(size)?;
    for _ in 0..options.rounds {
        for &clients in clients {
            for server in servers {
                let token = server.authorization(REPOSITORY)?;
                let work = (0..clients).map(|_| pusher(server, &token, &base, each));
                let found = load::all(server, work.collect::<Result<Vec<_>, _>>()?)?;
                table.add(server.kind.name(), &format!("{clients} clients"), found);
            }
        }
    }
    Ok(table)
}

/// The hashing is done before the clock runs.
fn pusher<'a>(
    server: &'a Server,
    token: &'a str,
    base: &'a Base,
    each: usize,
) -> anyhow::Result<impl FnOnce() -> anyhow::Result<Vec<(std::time::Duration, u64)>> + Send + 'a> {
    let blobs = (0..each)
        .map(|_| base.unique())
        .collect::<Result<Vec<_>, _>>()?;
    Ok(move || {
        let mut connection = Connection::open(server, token)?;
        let mut done = Vec::new();
        for blob in &blobs {
            let begun = Instant::now();
            seed::push(&mut connection, REPOSITORY, base, blob)?;
            done.push((begun.elapsed(), base.size() as u64));
        }
        Ok(done)
    })
}

/// What is asked for in a repository with few and with many tags. The peers
/// are spared the 100,000, which they take hours to make.
fn by_tags(options: &Options, servers: &[Server]) -> anyhow::Result<()> {
    let titles = [
        "GET a 2 KiB manifest by tag, 8 clients",
        "HEAD a 2 KiB manifest by tag, 8 clients",
        "GET a page of 10 tags, 8 clients",
        "GET the referrers of a manifest, 8 clients",
    ];
    let mut tables = titles.map(|title| Table::new(title, Unit::Operations));
    for count in [10, 1000, 100_000] {
        for server in servers
            .iter()
            .filter(|s| count <= 1000 || s.kind == Kind::Wharf)
        {
            let (repository, digest) = seed::tags(server, count)?;
            let manifest = format!("/v2/{repository}/manifests/t{}", count / 2);
            let page = format!("/v2/{repository}/tags/list?n=10&last=t{}", count / 2);
            let referrers = format!("/v2/{repository}/referrers/{digest}");
            let asked = [
                ("GET", &manifest),
                ("HEAD", &manifest),
                ("GET", &page),
                ("GET", &referrers),
            ];
            let token = server.authorization(&repository)?;
            // The Go registries know no referrers.
            let known = if server.kind == Kind::Wharf { 4 } else { 3 };
            for (table, (method, path)) in tables.iter_mut().zip(asked).take(known) {
                for _ in 0..options.rounds {
                    let found =
                        load::repeat(server, &token, 8, options.duration(), (method, path))?;
                    table.add(server.kind.name(), &format!("{count} tags"), found);
                }
            }
        }
    }
    tables.iter().try_for_each(|table| print(&table.render()))
}

fn head_storm(options: &Options, servers: &[Server]) -> anyhow::Result<Table> {
    let mut table = Table::new(
        "HEAD a blob, as clients do before they push",
        Unit::Operations,
    );
    let base = Base::new(64 * KIB)?;
    for server in servers {
        let path = seed::blob(server, &base)?;
        let token = server.authorization(REPOSITORY)?;
        for clients in [1, 8, 64] {
            for _ in 0..options.rounds {
                let found =
                    load::repeat(server, &token, clients, options.duration(), ("HEAD", &path))?;
                table.add(server.kind.name(), &format!("{clients} clients"), found);
            }
        }
    }
    Ok(table)
}

fn spoken(size: usize) -> String {
    if size >= MIB {
        format!("{} MiB", size / MIB)
    } else {
        format!("{} KiB", size / KIB)
    }
}
