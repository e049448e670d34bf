//! What is measured, in rounds that go from server to server.

use std::{fmt::Write as _, io::Write as _, time::Instant};

use crate::{
    Options,
    http::Connection,
    load,
    report::{Table, Unit},
    seed::{self, Base, REPOSITORY},
    servers::{Kind, Server},
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
    let start = |kind: Kind| Server::start(kind, options, &dir.path().join(kind.name()));
    // The first start makes keys and an account; it is the later ones that count.
    drop([
        start(Kind::Wharf)?,
        start(Kind::DockerRegistry)?,
        start(Kind::Nginx)?,
    ]);
    let all = [
        start(Kind::Wharf)?,
        start(Kind::DockerRegistry)?,
        start(Kind::Nginx)?,
    ];
    if wanted("start") {
        print(&starting(&all)?)?;
    }
    if wanted("pull") {
        print(&pulls(options, &all, 64 * KIB, Unit::Operations)?.render())?;
        print(&pulls(options, &all, 256 * MIB, Unit::Bytes)?.render())?;
    }
    if wanted("push") {
        let clients = [1, 8, 32];
        let small = pushes(
            options,
            &all[..2],
            64 * KIB,
            &clients,
            100,
            Unit::Operations,
        )?;
        print(&small.render())?;
        print(&pushes(options, &all[..2], MIB, &[1, 8], 50, Unit::Operations)?.render())?;
        print(&pushes(options, &all[..2], 256 * MIB, &[1, 8], 1, Unit::Bytes)?.render())?;
    }
    if wanted("manifest") {
        manifests(options, &all[..2])?;
    }
    if wanted("head") {
        print(&head_storm(options, &all[..2])?.render())?;
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
    let title = format!("Pull a blob of {}", spoken(size));
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
        let mut connection = Connection::open(server.address, token)?;
        let mut done = Vec::new();
        for blob in &blobs {
            let begun = Instant::now();
            seed::push(&mut connection, REPOSITORY, base, blob)?;
            done.push((begun.elapsed(), base.size() as u64));
        }
        Ok(done)
    })
}

fn manifests(options: &Options, servers: &[Server]) -> anyhow::Result<()> {
    for method in ["GET", "HEAD"] {
        let mut table = Table::new(
            &format!("{method} a 2 KiB manifest by tag, 8 clients"),
            Unit::Operations,
        );
        for count in [10, 1000, 100_000] {
            for server in servers
                .iter()
                .filter(|s| count <= 1000 || s.kind == Kind::Wharf)
            {
                let repository = seed::tags(server, count)?;
                let path = format!("/v2/{repository}/manifests/t{}", count / 2);
                let token = server.authorization(&repository)?;
                for _ in 0..options.rounds {
                    let found =
                        load::repeat(server, &token, 8, options.duration(), (method, &path))?;
                    table.add(server.kind.name(), &format!("{count} tags"), found);
                }
            }
        }
        print(&table.render())?;
    }
    Ok(())
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
