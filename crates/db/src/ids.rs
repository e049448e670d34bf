//! Ids of rows: positive 53-bit integers, so that JavaScript clients of the
//! GitHub-shaped API can hold them (docs/decisions/0003).

use std::sync::Mutex;

use crate::{Db, Error, Tx, Write};

statements! {
    RESERVE = "UPDATE id_block SET next = next + $1 WHERE name = 'id' RETURNING next - $1";
}

const BLOCK: i64 = 1024;

/// Hands out ids from blocks reserved in the database.
#[derive(Debug)]
pub struct Ids {
    db: Db,
    block: Mutex<std::ops::Range<i64>>,
}

impl Ids {
    pub fn new(db: Db) -> Self {
        Self {
            db,
            block: Mutex::new(0..0),
        }
    }

    /// A new id. Reserves the next block when this one is used up.
    pub async fn next(&self) -> Result<i64, Error> {
        if let Some(id) = self.take() {
            return Ok(id);
        }
        let first = self.db.write(Reserve).await?;
        *self.lock() = first + 1..first + BLOCK;
        Ok(first)
    }

    fn take(&self) -> Option<i64> {
        self.lock().next()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, std::ops::Range<i64>> {
        self.block
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Reserves the next `count` ids inside a transaction; the first of them.
pub async fn reserve(tx: &mut Tx<'_>, count: i64) -> Result<i64, Error> {
    let (first,): (i64,) = query!(fetch_one, &mut **tx, (i64,), RESERVE, count)?;
    Ok(first)
}

struct Reserve;

impl Write for Reserve {
    type Output = i64;
    type Error = Error;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<i64, Error> {
        reserve(tx, BLOCK).await
    }
}
