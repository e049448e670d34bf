//! Counting downloads: in memory, written down now and then, so that a pull
//! writes nothing. A crash loses what was counted since.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use wharf_db::{
    Tx, Write,
    downloads::{self, Counted},
};
use wharf_oci::{Digest, Name, Reference};

use crate::{
    App, Error,
    authz::{By, permit::Pull},
    clock::DAY,
};

const SHARDS: usize = 16;
/// Most days a series goes back.
pub const MAX_DAYS: i64 = 366;

/// What was counted and not written down yet.
#[derive(Debug, Default)]
pub(crate) struct Downloads([Mutex<HashMap<(i64, i64), Counts>>; SHARDS]);

/// Of one package on one day.
#[derive(Debug, Default)]
struct Counts {
    package: i64,
    versions: HashMap<String, i64>,
    tags: HashMap<String, i64>,
}

impl Downloads {
    /// Counts a manifest that was sent. Parts of an index are no downloads of their package.
    pub fn manifest(&self, package_id: i64, day: i64, digest: &Digest, is_part: bool) {
        self.count(package_id, day, |counts| {
            counts.package += i64::from(!is_part);
            add(&mut counts.versions, digest.as_str(), 1);
        });
    }

    /// Counts that somebody asked what a tag points at: most clients do so
    /// once for each pull, and then go on by digest.
    pub fn tag(&self, package_id: i64, day: i64, tag: &str) {
        self.count(package_id, day, |counts| add(&mut counts.tags, tag, 1));
    }

    fn count(&self, package_id: i64, day: i64, count: impl FnOnce(&mut Counts)) {
        let shard = usize::try_from(package_id).unwrap_or(0) % SHARDS;
        let mut shard = self.0[shard].lock().unwrap_or_else(PoisonError::into_inner);
        count(shard.entry((package_id, day)).or_default());
    }

    fn take(&self) -> Vec<((i64, i64), Counts)> {
        let mut all = Vec::new();
        for shard in &self.0 {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            all.extend(shard.drain());
        }
        all
    }

    /// Takes back what could not be written down.
    fn give_back(&self, taken: &[((i64, i64), Counts)]) {
        for ((package_id, day), counts) in taken {
            self.count(*package_id, *day, |own| {
                own.package += counts.package;
                for (name, count) in &counts.versions {
                    add(&mut own.versions, name, *count);
                }
                for (name, count) in &counts.tags {
                    add(&mut own.tags, name, *count);
                }
            });
        }
    }
}

fn add(counts: &mut HashMap<String, i64>, name: &str, count: i64) {
    match counts.get_mut(name) {
        Some(known) => *known += count,
        None => {
            counts.insert(name.to_owned(), count);
        }
    }
}

/// Downloads day by day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// Of all time.
    pub total: i64,
    /// Days since 1970-01-01 UTC and their counts, without gaps, oldest first.
    pub days: Vec<(i64, i64)>,
}

impl App {
    /// Downloads of a package, or of a version or tag of it, over the last
    /// `days`, today included.
    pub async fn downloads(
        &self,
        by: &By,
        package: &Name,
        of: Option<&Reference>,
        days: i64,
    ) -> Result<Series, Error> {
        let permit = self.permit::<Pull>(by, package).await?;
        let counted = match of {
            None => Counted::Package,
            Some(Reference::Digest(digest)) => Counted::Version(digest.as_str()),
            Some(Reference::Tag(tag)) => Counted::Tag(tag.as_str()),
        };
        let today = self.clock.now().div_euclid(DAY);
        let first = today - days.clamp(1, MAX_DAYS) + 1;
        let mut reader = self.db.reader().await?;
        let conn = &mut reader.conn();
        let id = permit.package_id();
        let counts = downloads::series(conn, id, counted, first).await?;
        let counts: HashMap<i64, i64> = counts.into_iter().collect();
        let count = |day| (day, counts.get(&day).copied().unwrap_or_default());
        Ok(Series {
            total: downloads::total(conn, id, counted).await?,
            days: (first..=today).map(count).collect(),
        })
    }

    /// Writes down what was counted. To be called now and then, and before stopping.
    pub async fn flush_downloads(&self) -> Result<(), Error> {
        let taken = Arc::new(self.downloads.take());
        if taken.is_empty() {
            return Ok(());
        }
        let written = self.db.write(Flush(Arc::clone(&taken))).await;
        if written.is_err() {
            self.downloads.give_back(&taken);
        }
        Ok(written?)
    }
}

struct Flush(Arc<Vec<((i64, i64), Counts)>>);

impl Write for Flush {
    type Output = ();
    type Error = wharf_db::Error;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), wharf_db::Error> {
        for ((id, day), counts) in self.0.iter() {
            if counts.package > 0 {
                downloads::add(tx, *id, Counted::Package, *day, counts.package).await?;
            }
            for (digest, count) in &counts.versions {
                downloads::add(tx, *id, Counted::Version(digest), *day, *count).await?;
            }
            for (tag, count) in &counts.tags {
                downloads::add(tx, *id, Counted::Tag(tag), *day, *count).await?;
            }
        }
        Ok(())
    }
}
