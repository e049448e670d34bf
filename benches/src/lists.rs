//! What lists cost when there is much to list: a page from the middle, with
//! few and with very many packages and tags. Wharf alone: no peer has all of these.

use std::{collections::BTreeMap, thread};

use anyhow::{anyhow, ensure};
use serde_json::json;

use crate::{
    Options,
    http::Connection,
    load,
    report::{Table, Unit},
    seed,
    servers::Server,
};

const PACKAGES: [usize; 2] = [100, 100_000];
const TAGS: [usize; 2] = [1000, 1_000_000];
/// Clients that make what is listed: their commits are shared.
const MAKERS: usize = 32;
/// Tags that one request makes.
const AT_ONCE: usize = 100;

/// Measures, after making ever more of it.
pub fn run(options: &Options, server: &Server) -> anyhow::Result<Vec<Table>> {
    let (source, _) = seed::tags(server, 1)?;
    let mut tables = Vec::new();
    let mut packages = Tables::new(&[
        (
            "GET a page of 100 of the catalog",
            "/v2/_catalog?n=100&last=admin/p-5",
        ),
        (
            "GET a page of 30 packages of an owner",
            "/api/v1/packages?owner=admin&after=admin/p-5",
        ),
        (
            "Search packages by a part of their name",
            "/api/v1/packages?search=-99",
        ),
    ]);
    let mut made = 0;
    for count in PACKAGES {
        make(server, made..count, |connection, number| {
            let to = format!("admin/p-{number}");
            let body = json!({"tags": {"1": "t0"}, "to": to});
            promote(connection, &source, &body)
        })?;
        made = count;
        packages.measure(options, server, &format!("{count} packages"))?;
    }
    tables.extend(packages.into_tables());
    let mut tags = Tables::new(&[
        (
            "GET a page of 100 tags",
            "/v2/admin/tags-1/tags/list?n=100&last=n-5",
        ),
        (
            "GET a page of 30 tags with their moves",
            "/api/v1/packages/admin/tags-1/tags?after=n-5",
        ),
        (
            "GET the newest 30 versions",
            "/api/v1/packages/admin/tags-1/versions",
        ),
        (
            "GET the history of a tag",
            "/api/v1/packages/admin/tags-1/tags/n-5/history",
        ),
    ]);
    let mut made = 0;
    for count in TAGS {
        make(
            server,
            made / AT_ONCE..count / AT_ONCE,
            |connection, block| {
                let names =
                    (block * AT_ONCE..(block + 1) * AT_ONCE).map(|n| (format!("n-{n}"), "t0"));
                let names: BTreeMap<String, &str> = names.collect();
                promote(connection, &source, &json!({"tags": names}))
            },
        )?;
        made = count;
        tags.measure(options, server, &format!("{count} tags"))?;
    }
    tables.extend(tags.into_tables());
    Ok(tables)
}

struct Tables {
    asked: Vec<&'static str>,
    tables: Vec<Table>,
}

impl Tables {
    fn new(lists: &[(&str, &'static str)]) -> Self {
        let table = |(title, _): &(&str, &str)| {
            Table::new(&format!("{title}, 8 clients"), Unit::Operations)
        };
        Self {
            tables: lists.iter().map(table).collect(),
            asked: lists.iter().map(|(_, path)| *path).collect(),
        }
    }

    fn measure(&mut self, options: &Options, server: &Server, column: &str) -> anyhow::Result<()> {
        let authorization = server.basic();
        for (table, path) in self.tables.iter_mut().zip(&self.asked) {
            for _ in 0..options.rounds {
                let asked = ("GET", *path);
                let found = load::repeat(server, &authorization, 8, options.duration(), asked)?;
                table.add(server.kind.name(), column, found);
            }
        }
        Ok(())
    }

    fn into_tables(self) -> Vec<Table> {
        self.tables
    }
}

/// Does something for each number, by many clients.
fn make(
    server: &Server,
    numbers: std::ops::Range<usize>,
    one: impl Fn(&mut Connection, usize) -> anyhow::Result<()> + Sync,
) -> anyhow::Result<()> {
    let (one, authorization) = (&one, server.basic());
    let maker = |first: usize| {
        let mut connection = Connection::open(server, &authorization)?;
        let mut own = (numbers.start + first..numbers.end).step_by(MAKERS);
        own.try_for_each(|number| one(&mut connection, number))
    };
    let maker = &maker;
    thread::scope(|scope| {
        let makers: Vec<_> = (0..MAKERS).map(|n| scope.spawn(move || maker(n))).collect();
        makers
            .into_iter()
            .try_for_each(|maker| maker.join().map_err(|_| anyhow!("a client died"))?)
    })
}

fn promote(
    connection: &mut Connection,
    source: &str,
    body: &serde_json::Value,
) -> anyhow::Result<()> {
    let path = format!("/api/v1/packages/{source}/promote");
    let body = body.to_string();
    let kind = "Content-Type: application/json\r\n";
    let answer = connection.send("POST", &path, kind, &[body.as_bytes()])?;
    ensure!(answer.status == 200, "POST {path}: {}", answer.status);
    Ok(())
}
