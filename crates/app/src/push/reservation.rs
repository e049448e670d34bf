//! Room for the bytes of an upload, where its owner is limited: reserved before
//! they come, given back when they do not.

use std::sync::Arc;

use wharf_db::{
    Tx, Write,
    quotas::{self, Amounts},
    uploads::{self, Upload},
};
use wharf_oci::path::UploadId;

use super::upload::{signed, unsigned, upload_unknown};
use crate::{
    App, Error,
    app::micros,
    clock::SECOND,
    quota::{QuotaExceeded, charge},
};

/// How long room is kept without a word from the request that fills it, in microseconds.
const KEPT: i64 = 60 * SECOND;
/// After this long the request says so again.
const RENEWED: i64 = KEPT / 3;
/// Room asked for at a time when nobody said how much comes, in bytes.
const AHEAD: u64 = 16 * 1024 * 1024;

/// Nobody brings more than this in one upload, whatever they announce, in bytes.
const MOST: i64 = 1 << 50;

/// Expired reservations that one transaction gives back.
const BATCH: i64 = 100;

/// What one request has reserved for its upload.
#[derive(Debug)]
pub(super) struct Reservation {
    /// Bytes of the upload in all, received ones included.
    total: u64,
    renew_at: i64,
}

impl Reservation {
    /// Reserves room for `total` bytes; `None`: the owner is not limited.
    pub async fn begin(
        app: &Arc<App>,
        id: &UploadId,
        upload: &Upload,
        total: u64,
    ) -> Result<Option<Self>, Error> {
        let mut reader = app.db.reader().await?;
        let quota = quotas::find(&mut reader.conn(), upload.owner_id).await?;
        drop(reader);
        if quota.is_none_or(|quota| quota.limits.bytes.is_none()) {
            return Ok(None);
        }
        let mut reservation = Self {
            total: unsigned(upload.received),
            renew_at: 0,
        };
        if total > reservation.total {
            reservation.ask(app, id, total).await?;
        }
        Ok(Some(reservation))
    }

    /// Sees to it that `total` bytes have room.
    pub async fn cover(&mut self, app: &Arc<App>, id: &UploadId, total: u64) -> Result<(), Error> {
        if total <= self.total {
            if app.clock.now() < self.renew_at {
                return Ok(());
            }
            return self.ask(app, id, self.total).await;
        }
        match self.ask(app, id, total.saturating_add(AHEAD)).await {
            Err(Error::QuotaExceeded(_)) => self.ask(app, id, total).await,
            asked => asked,
        }
    }

    async fn ask(&mut self, app: &Arc<App>, id: &UploadId, total: u64) -> Result<(), Error> {
        let reserve = Reserve {
            app: Arc::clone(app),
            id: id.clone(),
            total: signed(total).min(MOST),
        };
        app.db.write(reserve).await?;
        self.total = total;
        self.renew_at = app.clock.now() + RENEWED;
        Ok(())
    }
}

struct Reserve {
    app: Arc<App>,
    id: UploadId,
    total: i64,
}

impl Write for Reserve {
    type Output = ();
    type Error = Error;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        let upload = uploads::find(tx, self.id.as_str()).await?;
        let mut upload = upload.ok_or_else(|| upload_unknown(&self.id))?;
        let reserved = self.total.max(upload.received);
        let change = Amounts::bytes(reserved - upload.reserved);
        let charged = charge(tx, upload.owner_id, change).await;
        charged.map_err(|refused| without(&upload, refused))?;
        let now = self.app.clock.now();
        upload.reserved = reserved;
        upload.expires_at = now + micros(self.app.settings.upload_idle);
        Ok(uploads::reserve(tx, &upload, now + KEPT).await?)
    }
}

/// A refusal that says how much there is beside the upload, and how much the
/// upload needs in all.
fn without(upload: &Upload, refused: Error) -> Error {
    match refused {
        Error::QuotaExceeded(refused) => Error::QuotaExceeded(QuotaExceeded {
            used: refused.used - upload.reserved,
            needed: refused.needed + upload.reserved,
            ..refused
        }),
        other => other,
    }
}

impl App {
    /// Gives back the room of uploads whose requests are gone: their process
    /// was killed. Other requests end with it. How many there were.
    pub async fn release_lapsed_reservations(&self) -> Result<u64, Error> {
        let mut released = 0;
        while self.has_lapsed().await? {
            let lapsed = self.db.write(Lapse(self.clock.now())).await?;
            released += lapsed;
        }
        Ok(released)
    }

    async fn has_lapsed(&self) -> Result<bool, Error> {
        let mut reader = self.db.reader().await?;
        let lapsed = uploads::lapsed(&mut reader.conn(), self.clock.now(), 1).await?;
        Ok(!lapsed.is_empty())
    }
}

struct Lapse(i64);

impl Write for Lapse {
    type Output = u64;
    type Error = Error;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64, Error> {
        let lapsed = uploads::lapsed(tx, self.0, BATCH).await?;
        for (id, owner_id, bytes) in &lapsed {
            uploads::lapse(tx, id).await?;
            charge(tx, *owner_id, Amounts::bytes(-bytes)).await?;
        }
        Ok(lapsed.len() as u64)
    }
}
