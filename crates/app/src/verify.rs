//! `wharf admin verify`: does what is recorded agree with itself and with what is stored?
//!
//! The oracle of every fault test. It reads everything and changes nothing.

use std::{
    collections::{HashMap, HashSet},
    io::Read,
    sync::Arc,
};

use serde::Serialize;
use wharf_blob_store::{Blob, ObjectKey, StoreErrorKind};
use wharf_db::{
    Tx, Write, quotas, usage,
    verify::{self, Dangling},
};
use wharf_oci::{Digest, Hasher};

use crate::{App, Error, accounts::amounts, pull::object_key};

const PAGE: i64 = 1000;
/// Most offenders of one kind that are listed.
const LISTED: i64 = 1000;

/// What a verification found.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    pub versions: u64,
    pub blobs: u64,
    pub objects: u64,
    /// Bytes of all recorded blobs.
    pub bytes: u64,
    /// Data that is lost or wrong.
    pub problems: Vec<Problem>,
    /// Bytes that nothing refers to: they cost space, not data.
    pub leaks: Vec<Problem>,
}

#[derive(Debug, Serialize)]
pub struct Problem {
    /// The invariant, as in `docs/reliability.md`.
    pub invariant: &'static str,
    pub what: String,
}

impl Report {
    pub fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }

    fn problem(&mut self, invariant: &'static str, what: String) {
        self.problems.push(Problem { invariant, what });
    }

    fn dangling(&mut self, list: Vec<Dangling>) {
        for d in list {
            let what = format!(
                "{}@{} needs {}, which is missing",
                d.package, d.manifest, d.missing
            );
            self.problem("I2 closure", what);
        }
    }
}

impl App {
    /// Checks the database against itself and the store; `deep` also hashes every byte.
    ///
    /// While the server runs, uploads under way can show up as leaks.
    pub async fn verify(self: &Arc<Self>, deep: bool) -> Result<Report, Error> {
        let mut report = Report::default();
        self.verify_database(&mut report).await?;
        let objects: HashMap<ObjectKey, u64> = self.store.objects().await?.into_iter().collect();
        self.verify_quotas(&mut report).await?;
        report.objects = objects.len() as u64;
        let recorded = self.verify_blobs(&mut report, &objects, deep).await?;
        self.verify_versions(&mut report).await?;
        self.find_leaks(&mut report, &objects, &recorded).await?;
        Ok(report)
    }

    async fn verify_database(&self, report: &mut Report) -> Result<(), Error> {
        let mut reader = self.db.reader().await?;
        let conn = &mut reader.conn();
        for line in verify::integrity(conn).await? {
            report.problem("I10 integrity", line);
        }
        report.dangling(verify::dangling_blob_edges(conn, LISTED).await?);
        report.dangling(verify::dangling_child_edges(conn, LISTED).await?);
        report.dangling(verify::versions_without_content(conn, LISTED).await?);
        for (package, what) in verify::misaccounted(conn, LISTED).await? {
            let what = format!("{what} is not charged to {package} as it should be");
            report.problem("I8 accounting", what);
        }
        Ok(())
    }

    /// What each limited owner is charged against what is there.
    async fn verify_quotas(&self, report: &mut Report) -> Result<(), Error> {
        let mut after = 0;
        loop {
            let mut reader = self.db.reader().await?;
            let page = quotas::list(&mut reader.conn(), after, PAGE).await?;
            drop(reader);
            let Some((last, _)) = page.last() else {
                return Ok(());
            };
            after = *last;
            for (account, _) in page {
                let write = CheckQuota(account);
                if let Some(what) = self.db.write(write).await? {
                    report.problem("I8 accounting", what);
                }
            }
        }
    }

    async fn verify_blobs(
        &self,
        report: &mut Report,
        objects: &HashMap<ObjectKey, u64>,
        deep: bool,
    ) -> Result<HashSet<ObjectKey>, Error> {
        let mut recorded = HashSet::new();
        let mut after = String::new();
        loop {
            let mut reader = self.db.reader().await?;
            let page = verify::blobs(&mut reader.conn(), &after, PAGE).await?;
            drop(reader);
            let Some(last) = page.last() else {
                return Ok(recorded);
            };
            after.clone_from(&last.digest);
            for blob in &page {
                let key = object_key(blob)?;
                report.blobs += 1;
                report.bytes += u64::try_from(blob.size).unwrap_or_default();
                match objects.get(&key) {
                    None => report.problem(
                        "I1 durability",
                        format!("{key} is recorded, its object is missing"),
                    ),
                    Some(size) if i64::try_from(*size) != Ok(blob.size) => {
                        let what = format!("{key} has {size} bytes, recorded are {}", blob.size);
                        report.problem("I1 durability", what);
                    }
                    Some(_) if deep => self.verify_bytes(report, &key).await?,
                    Some(_) => {}
                }
                recorded.insert(key);
            }
        }
    }

    async fn verify_bytes(&self, report: &mut Report, key: &ObjectKey) -> Result<(), Error> {
        let blob = match self.store.open(key).await {
            Ok(blob) => blob,
            Err(error) if error.kind == StoreErrorKind::NotFound => {
                report.problem("I1 durability", format!("{key} is gone"));
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let expected = key.digest.clone();
        let hashed = tokio::task::spawn_blocking(move || hash(&blob, &expected)).await;
        match hashed.map_err(|e| Error::Internal(e.to_string()))? {
            Ok(actual) if actual == key.digest => {}
            Ok(actual) => report.problem("I1 durability", format!("{key} holds {actual}")),
            Err(error) => report.problem("I1 durability", format!("{key} cannot be read: {error}")),
        }
        Ok(())
    }

    async fn verify_versions(&self, report: &mut Report) -> Result<(), Error> {
        let mut after = 0;
        loop {
            let mut reader = self.db.reader().await?;
            let page = verify::versions(&mut reader.conn(), after, 100).await?;
            drop(reader);
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = last.id;
            for version in &page {
                report.versions += 1;
                let expected: Option<Digest> = version.digest.parse().ok();
                let actual = expected
                    .as_ref()
                    .map(|d| Digest::of(d.algorithm(), &version.bytes));
                if expected != actual {
                    let what = format!("{}@{} holds other bytes", version.path, version.digest);
                    report.problem("I2 closure", what);
                }
            }
        }
    }

    async fn find_leaks(
        &self,
        report: &mut Report,
        objects: &HashMap<ObjectKey, u64>,
        recorded: &HashSet<ObjectKey>,
    ) -> Result<(), Error> {
        let mut leak = |what: String| {
            report.leaks.push(Problem {
                invariant: "I3 no leaks",
                what,
            });
        };
        for key in objects.keys().filter(|key| !recorded.contains(key)) {
            leak(format!("the object {key} is not recorded"));
        }
        for id in self.store.uploads().await? {
            let mut reader = self.db.reader().await?;
            let row = wharf_db::uploads::find(&mut reader.conn(), id.as_str()).await?;
            if row.is_none() {
                leak(format!("the bytes of upload {id} belong to no upload"));
            }
        }
        Ok(())
    }
}

/// One owner's quota and what it should say, seen at one moment.
struct CheckQuota(i64);

impl Write for CheckQuota {
    type Output = Option<String>;
    type Error = Error;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Option<String>, Error> {
        let Some(quota) = quotas::find(tx, self.0).await? else {
            return Ok(None);
        };
        let (charged, used) = (quota.used, amounts(&usage::of_owner(tx, self.0).await?));
        let wrong = || format!("account {} is charged {charged:?} and has {used:?}", self.0);
        Ok((charged != used).then(wrong))
    }
}

fn hash(blob: &Blob, expected: &Digest) -> std::io::Result<Digest> {
    let mut hasher = Hasher::new(expected.algorithm());
    let mut buffer = vec![0; 1024 * 1024];
    let mut file = &*blob.file;
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hasher.finish()),
            n => hasher.update(&buffer[..n]),
        }
    }
}
