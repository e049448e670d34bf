//! The running product: everything a use case needs, in one place.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use tokio::sync::Semaphore;
use wharf_blob_store::BlobStore;
use wharf_db::{Conn, Db, Tx, Write, epochs, ids::Ids};
use wharf_oci::Name;

use crate::{
    Error,
    authn::{Caller, password::Passwords, registry_token::RegistryTokens},
    authz::{
        Actor, By, Credential, Permit, Target,
        permit::{self, Delete, Kind, Verdict},
    },
    cache::{Caches, SmallBlobs, Tags},
    clock::{Clock, DAY, HOUR},
    downloads::Downloads,
    entropy::{self, Entropy},
    push::OpenUploads,
    sign_in::{ProviderSettings, Providers},
    target::{load_deleted, load_target},
};

/// Large manifests that are pushed at once.
const LARGE_MANIFESTS: usize = 2;

/// What an operator may set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where clients reach this registry, without a slash at the end: issuer
    /// of tokens, and base of every link.
    pub public_url: String,
    /// How long a blob stays for a package that said it would use it.
    pub lease: Duration,
    /// How long an upload may be left alone.
    pub upload_idle: Duration,
    /// Most uploads one user may have open.
    pub uploads_per_user: i64,
    /// With what people sign in beside passwords.
    pub providers: Vec<ProviderSettings>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            public_url: "http://127.0.0.1:5000".to_owned(),
            lease: Duration::from_hours(24),
            upload_idle: Duration::from_hours(24),
            uploads_per_user: 1000,
            providers: Vec::new(),
        }
    }
}

/// The product over one database and one store.
#[derive(Debug)]
pub struct App {
    pub(crate) db: Db,
    pub(crate) store: Arc<dyn BlobStore>,
    pub(crate) ids: Ids,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) settings: Settings,
    pub(crate) registry_tokens: RegistryTokens,
    pub(crate) passwords: Passwords,
    pub(crate) right_passwords: moka::sync::Cache<[u8; 32], ()>,
    /// By login and address.
    pub(crate) failed_sign_ins: moka::sync::Cache<(String, Option<IpAddr>), u32>,
    /// By address: since when, and how many.
    pub(crate) begun_sign_ins: moka::sync::Cache<Option<IpAddr>, (i64, u32)>,
    pub(crate) process_secret: [u8; 32],
    pub(crate) tags: Arc<Tags>,
    pub(crate) small_blobs: SmallBlobs,
    pub(crate) open_uploads: OpenUploads,
    pub(crate) downloads: Downloads,
    pub(crate) providers: Providers,
    /// Turns of manifests that are large.
    pub(crate) large_manifests: Semaphore,
    caches: RwLock<Arc<Caches>>,
    token_uses: Mutex<HashMap<i64, i64>>,
}

impl App {
    /// Starts on an open database and store; makes the signing key on the first start.
    pub async fn start(
        db: Db,
        store: Arc<dyn BlobStore>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        settings: Settings,
    ) -> Result<Arc<Self>, Error> {
        let keys = signing_keys(&db, &*clock, &*entropy).await?;
        let registry_tokens = RegistryTokens::new(settings.public_url.clone(), &keys);
        let epoch = epochs::current(&mut db.reader().await?.conn()).await?;
        Ok(Arc::new(Self {
            ids: Ids::new(db.clone()),
            process_secret: entropy::bytes(&*entropy),
            registry_tokens: registry_tokens.map_err(Error::Internal)?,
            passwords: Passwords::default(),
            right_passwords: moka::sync::Cache::builder()
                .max_capacity(1000)
                .time_to_live(Duration::from_mins(1))
                .build(),
            failed_sign_ins: moka::sync::Cache::builder()
                .max_capacity(100_000)
                .time_to_live(Duration::from_mins(15))
                .build(),
            begun_sign_ins: moka::sync::Cache::builder()
                .max_capacity(100_000)
                .time_to_live(Duration::from_mins(15))
                .build(),
            tags: Arc::default(),
            small_blobs: SmallBlobs::default(),
            open_uploads: OpenUploads::default(),
            downloads: Downloads::default(),
            providers: Providers::new(&settings.providers)?,
            large_manifests: Semaphore::new(LARGE_MANIFESTS),
            caches: RwLock::new(Arc::new(Caches::new(epoch))),
            token_uses: Mutex::default(),
            db,
            store,
            clock,
            entropy,
            settings,
        }))
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    pub(crate) fn lease_until(&self) -> i64 {
        self.clock.now() + micros(self.settings.lease)
    }

    pub(crate) fn caches(&self) -> Arc<Caches> {
        let caches = self.caches.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&caches)
    }

    /// Begins with empty caches if `epoch` is newer than the current one.
    pub(crate) fn enter_epoch(&self, epoch: i64) {
        let mut caches = self.caches.write().unwrap_or_else(PoisonError::into_inner);
        if epoch > caches.epoch {
            *caches = Arc::new(Caches::new(epoch));
            self.tags.clear();
        }
    }

    /// Notices changes of access that another process made. To be called
    /// a few times per second.
    pub async fn follow_epoch(&self) -> Result<(), Error> {
        let epoch = epochs::current(&mut self.db.reader().await?.conn()).await?;
        self.enter_epoch(epoch);
        Ok(())
    }

    /// Runs a write that takes access or content away. By the time this
    /// returns, no request of this process is answered from before it.
    pub(crate) async fn write_and_void<W>(&self, write: W) -> Result<W::Output, Error>
    where
        W: Write<Error = Error>,
    {
        let (output, epoch) = self.db.write(RaisingEpoch(write)).await?;
        self.enter_epoch(epoch);
        Ok(output)
    }

    /// What is behind a name, from memory where possible.
    pub(crate) async fn target(&self, caches: &Caches, name: &Name) -> Result<Arc<Target>, Error> {
        if let Some(target) = caches.targets.get(name.as_str()) {
            return Ok(target);
        }
        let mut reader = self.db.reader().await?;
        let target = Arc::new(load_target(&mut reader.conn(), name.as_str()).await?);
        if target.package.is_some() {
            let path = name.as_str().to_owned();
            caches.targets.insert(path, Arc::clone(&target));
        }
        Ok(target)
    }

    /// Asks the policy for `K` on `name`, from memory where possible.
    pub(crate) async fn authorize<K: Kind>(
        &self,
        caller: &Caller,
        name: &Name,
    ) -> Result<Verdict<K>, Error> {
        let target = self.target(&caller.caches, name).await?;
        let refusal = match permit::authorize(&caller.actor, &target, self.clock.now()) {
            Ok(verdict) => return Ok(verdict),
            Err(refusal) => refusal,
        };
        let Some(caller) = self.renewed(caller).await? else {
            return Err(caller.explain(refusal));
        };
        let target = self.target(&caller.caches, name).await?;
        permit::authorize(&caller.actor, &target, self.clock.now()).map_err(|r| caller.explain(r))
    }

    /// The caller as of this moment, if the epoch has moved since the request
    /// began. Asked before a refusal: what another process has just granted
    /// must not be refused out of memory.
    pub(crate) async fn renewed(&self, caller: &Caller) -> Result<Option<Caller>, Error> {
        self.follow_epoch().await?;
        let caches = self.caches();
        if caches.epoch == caller.caches.epoch {
            return Ok(None);
        }
        let mut reader = self.db.reader().await?;
        Ok(Some(Caller {
            actor: self
                .refresh_actor(&mut reader.conn(), &caller.actor)
                .await?,
            rejected: caller.rejected.clone(),
            caches,
        }))
    }

    /// Asks again inside a transaction: facts that were loaded under the
    /// epoch that still holds are current, otherwise they are loaded anew.
    pub(crate) async fn authorize_in<K: Kind>(
        &self,
        tx: &mut Tx<'_>,
        caller: &Caller,
        name: &Name,
    ) -> Result<Verdict<K>, Error> {
        let epoch = epochs::current(tx).await?;
        let actor = self.actor_in(tx, caller, epoch).await?;
        let cached = caller.caches.targets.get(name.as_str());
        let target = match cached.filter(|_| epoch == caller.caches.epoch) {
            Some(target) => target,
            None => Arc::new(load_target(tx, name.as_str()).await?),
        };
        permit::authorize(&actor, &target, self.clock.now()).map_err(|r| caller.explain(r))
    }

    /// Who the caller is while `epoch` holds.
    pub(crate) async fn actor_in(
        &self,
        conn: &mut Conn<'_>,
        caller: &Caller,
        epoch: i64,
    ) -> Result<Actor, Error> {
        if epoch == caller.caches.epoch {
            return Ok(caller.actor.clone());
        }
        self.refresh_actor(conn, &caller.actor).await
    }

    /// Permission for `K` on a package that must exist.
    pub(crate) async fn permit<K: Kind>(&self, by: &By, name: &Name) -> Result<Permit<K>, Error> {
        let verdict = match by {
            By::Caller(caller) => self.authorize(caller, name).await?,
            By::Operator => {
                let mut reader = self.db.reader().await?;
                of_operator(load_target(&mut reader.conn(), name.as_str()).await?)
            }
        };
        existing(verdict, name)
    }

    /// The same, inside the transaction that acts on it.
    pub(crate) async fn permit_in<K: Kind>(
        &self,
        tx: &mut Tx<'_>,
        by: &By,
        name: &Name,
    ) -> Result<Permit<K>, Error> {
        let verdict = match by {
            By::Caller(caller) => self.authorize_in(tx, caller, name).await?,
            By::Operator => of_operator(load_target(tx, name.as_str()).await?),
        };
        existing(verdict, name)
    }

    /// Permission to restore a package that was deleted: whoever could delete it.
    pub(crate) async fn permit_deleted(
        &self,
        tx: &mut Tx<'_>,
        by: &By,
        name: &Name,
    ) -> Result<Permit<Delete>, Error> {
        let target = load_deleted(tx, name.as_str()).await?;
        let verdict = match by {
            By::Operator => of_operator(target),
            By::Caller(caller) => {
                let epoch = epochs::current(tx).await?;
                let actor = self.actor_in(tx, caller, epoch).await?;
                let verdict = permit::authorize(&actor, &target, self.clock.now());
                verdict.map_err(|r| caller.explain(r))?
            }
        };
        existing(verdict, name)
    }

    /// Notes a token's use, to be written later: counting costs no write per request.
    pub(crate) fn note_use(&self, actor: &Actor, now: i64) {
        if let Some((_, Credential::Token { id, .. })) = &actor.user {
            let mut uses = self
                .token_uses
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            uses.insert(*id, now);
        }
    }

    /// Writes down when tokens were last used. To be called now and then, and before stopping.
    pub async fn flush_token_uses(&self) -> Result<(), Error> {
        let uses = {
            let mut uses = self
                .token_uses
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *uses)
        };
        if uses.is_empty() {
            return Ok(());
        }
        Ok(self.db.write(TokenUses(uses)).await?)
    }

    /// Whether the database answers and the store takes bytes.
    pub async fn check_ready(&self) -> Result<(), Error> {
        epochs::current(&mut self.db.reader().await?.conn()).await?;
        self.db.write(TokenUses(HashMap::new())).await?;
        self.store.probe().await?;
        Ok(())
    }

    pub async fn close(&self) {
        if let Err(error) = self.flush_token_uses().await {
            tracing::warn!(%error, "the last uses of tokens were not written");
        }
        if let Err(error) = self.flush_downloads().await {
            tracing::warn!(%error, "the last downloads were not written");
        }
        self.db.close().await;
    }
}

fn of_operator<K: Kind>(target: Target) -> Verdict<K> {
    match target.package {
        Some(package) => Verdict::Existing(Permit::of_operator(package)),
        None => Verdict::Absent(None),
    }
}

fn existing<K: Kind>(verdict: Verdict<K>, name: &Name) -> Result<Permit<K>, Error> {
    match verdict {
        Verdict::Existing(permit) => Ok(permit),
        Verdict::Absent(_) => Err(Error::NoSuchPackage {
            path: name.to_string(),
        }),
    }
}

/// Microseconds of a configured duration.
pub(crate) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(365 * DAY)
}

/// Leases are renewed when this much of them is left, so that asking again and
/// again costs one write in a long while.
pub(crate) fn renew_before(lease: Duration) -> i64 {
    (micros(lease) / 2).min(12 * HOUR)
}

/// A write, and the raising of the epoch in the same transaction.
struct RaisingEpoch<W>(W);

impl<W: Write<Error = Error>> Write for RaisingEpoch<W> {
    type Output = (W::Output, i64);
    type Error = Error;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Output, Error> {
        let output = self.0.run(tx).await?;
        Ok((output, epochs::raise(tx).await?))
    }
}

struct TokenUses(HashMap<i64, i64>);

impl Write for TokenUses {
    type Output = ();
    type Error = wharf_db::Error;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), wharf_db::Error> {
        for (id, at) in &self.0 {
            wharf_db::tokens::touch(tx, *id, *at).await?;
        }
        Ok(())
    }
}

async fn signing_keys(
    db: &Db,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<Vec<epochs::SigningKey>, Error> {
    let new = epochs::SigningKey {
        id: entropy::base62(entropy, 12),
        private_key: RegistryTokens::generate_key().map_err(Error::Internal)?,
        created_at: clock.now(),
    };
    Ok(db.write(EnsureSigningKey(new)).await?)
}

struct EnsureSigningKey(epochs::SigningKey);

impl Write for EnsureSigningKey {
    type Output = Vec<epochs::SigningKey>;
    type Error = wharf_db::Error;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Output, wharf_db::Error> {
        let keys = epochs::signing_keys(tx).await?;
        if !keys.is_empty() {
            return Ok(keys);
        }
        epochs::add_signing_key(tx, &self.0).await?;
        epochs::signing_keys(tx).await
    }
}
